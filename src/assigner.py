"""Ground truth to (anchor, cell) targets, in the graph.

A ground-truth box is matched by shape: with every (scale, anchor) pair whose IoU with it, both centred on one point,
exceeds a threshold, and always with the best pair. It then belongs to the cell that holds its centre. Where several
boxes want the same cell of the same pair, one wins by a rule that does not depend on the order of a scatter: a best
match before another match, then the higher shape IoU, then the lower index.
"""
import numpy as np

import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops


class Assigner(nn.Cell):
    """Assigns padded boxes to the (scale, anchor) pairs of one input size.

    Args:
        scales (tuple): the `Scale`s of src/yolo.py, finest first. The P pairs are their anchors in that order.
        input_hw (tuple): height and width of the network input in pixels.
        iou_threshold (float): shape IoU above which a pair that is not the best one matches too.
    """

    def __init__(self, scales, input_hw, iou_threshold):
        super().__init__()
        pairs = [(scale.grid_hw(input_hw), anchor) for scale in scales for anchor in scale.anchors]
        self.num_pairs = len(pairs)
        self.iou_threshold = float(iou_threshold)
        anchors = np.array([anchor for _, anchor in pairs], np.float64) / (input_hw[1], input_hw[0])
        self.anchor_w = _per_pair(anchors[:, 0], ms.float32)
        self.anchor_h = _per_pair(anchors[:, 1], ms.float32)
        self.grid_h = _per_pair([grid_hw[0] for grid_hw, _ in pairs], ms.float32)
        self.grid_w = _per_pair([grid_hw[1] for grid_hw, _ in pairs], ms.float32)
        self.pair_index = _per_pair(range(self.num_pairs), ms.int32)

    def construct(self, boxes):
        """Return (positive, cell_x, cell_y): which box wins which pair, and the cell that holds its centre.

        Args:
            boxes (Tensor): float32 [B, M, 5], cx, cy, w, h normalised and class; w 0 is padding, class -1 a crowd
                region. Neither is assigned.

        Returns:
            positive bool [B, P, M]; cell_x and cell_y float32 [B, P, M], whole numbers inside the pair's grid.
        """
        cx, cy, w, h, category = [ops.expand_dims(boxes[:, :, i], 1) for i in range(5)]
        valid = ops.logical_and(w > 0, category >= 0)
        shape_iou = self._shape_iou(w, h)
        best = self._is_best(shape_iou)
        matched = ops.logical_and(valid, ops.logical_or(best, shape_iou > self.iou_threshold))
        # A centre on the right or bottom edge of the image belongs to the last cell.
        cell_x = ops.minimum(ops.floor(cx * self.grid_w), self.grid_w - 1)
        cell_y = ops.minimum(ops.floor(cy * self.grid_h), self.grid_h - 1)
        cell = cell_y * self.grid_w + cell_x
        positive = ops.logical_and(matched, ops.logical_not(_is_beaten(cell, matched, best, shape_iou)))
        return ops.stop_gradient(positive), ops.stop_gradient(cell_x), ops.stop_gradient(cell_y)

    def _shape_iou(self, w, h):
        """Return IoU of boxes [B, 1, M] and anchors [1, P, 1] laid on one centre, [B, P, M]."""
        intersection = ops.minimum(w, self.anchor_w) * ops.minimum(h, self.anchor_h)
        return intersection / (w * h + self.anchor_w * self.anchor_h - intersection)

    def _is_best(self, shape_iou):
        """Return bool [B, P, M]: the pair of highest IoU of each box, the first (finest) one of equals."""
        highest = ops.amax(shape_iou, 1, keepdims=True)
        candidate = ops.select(shape_iou >= highest, self.pair_index + ops.zeros_like(shape_iou).astype(ms.int32),
                               ops.full_like(shape_iou, self.num_pairs, dtype=ms.int32))
        return candidate == ops.amin(candidate, 1, keepdims=True)


def _per_pair(values, dtype):
    """Return one value a pair as a tensor [1, P, 1]."""
    return ms.Tensor(np.array(list(values)).reshape(1, -1, 1), dtype)


def _is_beaten(cell, matched, best, iou):
    """Return bool [B, P, M]: another matched box wants the same cell of the pair, and goes first.

    Every argument is [B, P, M]; box i is compared with every box j on a new last axis.
    """
    count = cell.shape[-1]
    index = ms.Tensor(np.arange(count), ms.int32)
    same_cell = ops.logical_and(_column(cell) == _row(cell), _row(matched))
    earlier = ops.reshape(index, (1, 1, 1, count)) < ops.reshape(index, (1, 1, count, 1))
    higher_iou = ops.logical_or(_row(iou) > _column(iou),
                                ops.logical_and(_row(iou) == _column(iou), earlier))
    other_best, own_best = _row(best), _column(best)
    goes_first = ops.logical_or(
        ops.logical_and(other_best, ops.logical_not(own_best)),
        ops.logical_and(ops.logical_not(ops.logical_xor(other_best, own_best)), higher_iou))
    return ops.any(ops.logical_and(same_cell, goes_first), axis=3)


def _column(x):
    """Return [B, P, M] as [B, P, M, 1]: box i."""
    return ops.expand_dims(x, 3)


def _row(x):
    """Return [B, P, M] as [B, P, 1, M]: box j."""
    return ops.expand_dims(x, 2)

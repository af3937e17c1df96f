# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Assignment of ground-truth boxes to (anchor, cell) targets, in the graph.

A ground-truth box is matched by shape: with the best (scale, anchor) pair, and with every other pair whose IoU with it,
both centred on one point, exceeds a threshold. Its cell is the one that contains its centre. Where several boxes match
the same cell of the same pair, one wins, independently of the order of a scatter: a best match before another match,
then the higher shape IoU, then the lower index.
"""
import numpy as np

import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops


class Assigner(nn.Cell):
    """Assigns padded boxes to the (scale, anchor) pairs.

    Args:
        num_pairs (int): P, the anchors of all scales together.
        iou_threshold (float): shape IoU above which a pair that is not the best one matches too.
    """

    def __init__(self, num_pairs, iou_threshold):
        super().__init__()
        self.num_pairs = num_pairs
        self.iou_threshold = float(iou_threshold)
        self.pair_index = ms.Tensor(np.arange(num_pairs).reshape(1, -1, 1), ms.int32)

    def construct(self, boxes, grids):
        """Return (positive, cell_x, cell_y): which box wins which pair, and the cell that contains its centre.

        Args:
            boxes (Tensor): float32 [B, M, 5], cx, cy, w, h normalised and class; w 0 is padding, class -1 a crowd
                region. Neither is assigned.
            grids (tuple): `scale_grids` of the input size, finest scale first; the pairs are their anchors in that
                order.

        Returns:
            positive bool [B, P, M]; cell_x and cell_y float32 [B, P, M], whole numbers inside the pair's grid.
        """
        anchor_w, anchor_h = _over_pairs([grid[0] for grid in grids])
        grid_w, grid_h = _over_pairs([grid[1] for grid in grids])
        cx, cy, w, h, category = box_rows(boxes)
        valid = ops.logical_and(w > 0, category >= 0)
        shape_iou = _shape_iou(w, h, anchor_w, anchor_h)
        best = self._is_best(shape_iou)
        matched = ops.logical_and(valid, ops.logical_or(best, shape_iou > self.iou_threshold))
        # A centre on the right or bottom edge of the image belongs to the last cell.
        cell_x = ops.minimum(ops.floor(cx * grid_w), grid_w - 1)
        cell_y = ops.minimum(ops.floor(cy * grid_h), grid_h - 1)
        cell = cell_y * grid_w + cell_x
        positive = ops.logical_and(matched, ops.logical_not(_is_beaten(cell, matched, best, shape_iou)))
        return ops.stop_gradient(positive), ops.stop_gradient(cell_x), ops.stop_gradient(cell_y)

    def _is_best(self, shape_iou):
        """Return bool [B, P, M]: the pair of highest IoU of each box; of equals the first, which is the finest."""
        highest = ops.amax(shape_iou, 1, keepdims=True)
        candidate = ops.select(shape_iou >= highest, self.pair_index + ops.zeros_like(shape_iou).astype(ms.int32),
                               ops.full_like(shape_iou, self.num_pairs, dtype=ms.int32))
        return candidate == ops.amin(candidate, 1, keepdims=True)


def box_columns(boxes):
    """Return cx, cy, w, h and category of padded boxes [B, M, 5], each [B, M, 1].

    By one primitive: each index of a tensor takes the compiler of a graph about 0.1 s.
    """
    return ops.Split(2, 5)(boxes)


def box_rows(boxes):
    """Return the same five, each [B, 1, M]."""
    return ops.Split(1, 5)(ops.transpose(boxes, (0, 2, 1)))


def _over_pairs(values_wh):
    """Return the (w, h) of all scales, each [1, A, 1], concatenated to one (w, h), each [1, P, 1]."""
    return ops.concat([w for w, _ in values_wh], 1), ops.concat([h for _, h in values_wh], 1)


def _shape_iou(w, h, anchor_w, anchor_h):
    """Return the IoU of boxes [B, 1, M] and anchors [1, P, 1] with a common centre, [B, P, M]."""
    intersection = ops.minimum(w, anchor_w) * ops.minimum(h, anchor_h)
    return intersection / (w * h + anchor_w * anchor_h - intersection)


def _is_beaten(cell, matched, best, iou):
    """Return bool [B, P, M]: another matched box has the same cell of the pair, and precedence.

    Every argument is [B, P, M]; box i is compared with every box j on a new last axis.
    """
    count = cell.shape[-1]
    index = ms.Tensor(np.arange(count), ms.int32)
    same_cell = ops.logical_and(_column(cell) == _row(cell), _row(matched))
    earlier = ops.reshape(index, (1, 1, 1, count)) < ops.reshape(index, (1, 1, count, 1))
    higher_iou = ops.logical_or(_row(iou) > _column(iou),
                                ops.logical_and(_row(iou) == _column(iou), earlier))
    other_best, own_best = _row(best), _column(best)
    precedes = ops.logical_or(
        ops.logical_and(other_best, ops.logical_not(own_best)),
        ops.logical_and(ops.equal(other_best, own_best), higher_iou))
    return ops.any(ops.logical_and(same_cell, precedes), axis=3)


def _column(x):
    """Return [B, P, M] as [B, P, M, 1]: box i."""
    return ops.expand_dims(x, 3)


def _row(x):
    """Return [B, P, M] as [B, P, 1, M]: box j."""
    return ops.expand_dims(x, 2)

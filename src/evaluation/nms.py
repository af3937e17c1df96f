# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""From decoded heads to boxes: score threshold, then greedy per-class non-maximum suppression. NumPy only.

Cells are numbered as the heads list them: the stride-32 head first, then rows, columns, anchors. Equal scores keep that
order, then the order of classes, so that the same heads give the same detections on every machine.
"""
import numpy as np

from src.network.head_layout import BOX_FIELDS, FIRST_CLASS, OBJECTNESS, STRIDES

COARSE_STRIDE = STRIDES[-1]

# Boxes taken at a time; only pairs of one class among them, and with the boxes kept before, are compared.
NMS_BLOCK = 128
# Above this share of pairs of one class, comparing all pairs is faster than picking them out first.
DENSE_SHARE = 0.25
# Pairs sorted at first, per detection asked for; the others are sorted only where these do not give enough boxes.
SORT_FIRST = 8
# Cells whose pairs are looked at first, per detection asked for; on recorded heads of the official network the 300th
# detection lies in the 369th cell, on those of an untrained network in the 293rd at most.
CELLS_FIRST = 2


def select_pairs(cells, score_threshold, multi_label):
    """Return the (cell, class) pairs whose objectness times class probability is above a threshold.

    Args:
        cells (np.ndarray): float32 [N, 5 + C]: cx, cy, w, h, objectness, class probabilities.
        score_threshold (float): strictly below the score of every pair returned.
        multi_label (bool): True: each class of a cell may give a pair; False: only its best (ties: the lower class).

    Returns:
        Tuple of cell numbers int64 [n], classes int64 [n] and scores float32 [n], in the order of cells, then classes.
        Cells whose box or objectness is not finite, or whose box is empty, give none, nor does a score that is not
        finite.
    """
    # A probability is at most 1, so a cell below the threshold by objectness alone cannot rise above it.
    candidates = np.flatnonzero(cells[:, OBJECTNESS] > score_threshold)
    boxes = cells[candidates, :BOX_FIELDS]
    candidates = candidates[np.isfinite(boxes).all(1) & (boxes[:, 2] > 0) & (boxes[:, 3] > 0)]
    products = cells[candidates, FIRST_CLASS:] * cells[candidates, OBJECTNESS, None]
    if multi_label:
        rows, classes = np.nonzero(products > score_threshold)
    elif products.size:
        best = products.argmax(1)
        rows = np.flatnonzero(products[np.arange(len(products)), best] > score_threshold)
        classes = best[rows]
    else:
        rows = classes = np.zeros(0, np.int64)
    scores = products[rows, classes]
    if not np.isfinite(scores).all():
        rows, classes, scores = (values[np.isfinite(scores)] for values in (rows, classes, scores))
    return candidates[rows], classes, scores


def broadcast_iou(left, right):
    """Return the IoU, 0 if empty, of boxes xyxy float64 [..., 4] whose leading axes broadcast against each other."""
    left, right = np.moveaxis(left, -1, 0), np.moveaxis(right, -1, 0)
    width = np.minimum(left[2], right[2]) - np.maximum(left[0], right[0])
    height = np.minimum(left[3], right[3]) - np.maximum(left[1], right[1])
    inner = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    union = (left[2] - left[0]) * (left[3] - left[1]) + (right[2] - right[0]) * (right[3] - right[1]) - inner
    # A box far thinner than the spacing of numbers around its centre has no area left.
    return inner / np.maximum(union, np.finfo(np.float64).tiny)


def _overlapping(is_pair, left, right, iou_threshold):
    """Return the rows and columns of a mask bool [n, m] whose boxes, left [n, 4] and right [m, 4], overlap too much."""
    if np.count_nonzero(is_pair) > DENSE_SHARE * is_pair.size:
        return np.nonzero(is_pair & (broadcast_iou(left[:, None], right) > iou_threshold))
    rows, columns = np.nonzero(is_pair)
    overlaps = broadcast_iou(left[rows], right[columns]) > iou_threshold
    return rows[overlaps], columns[overlaps]


def non_max_suppression(xyxy, scores, classes, iou_threshold, max_detections):
    """Return the indices, best first, of the boxes that greedy per-class NMS keeps, at most `max_detections` of them.

    A box goes where a better one of its class was kept whose IoU with it is above `iou_threshold`. Equal scores: the
    lower index is the better. Since a box depends on better ones only, the work stops once enough are kept.

    OpenCV's NMSBoxesBatched is no substitute: it compares 1 - (1 - IoU) in float32 and boxes of all classes with each
    other. On one core it took 3.7 ms for 1000 boxes of 80 classes and 35 ms for 3000 (this: 0.7 ms for both), and 0.5
    ms for 500 of 3 classes (this: 1.8 ms), where making sure by a second run that no rounding mattered doubles it.

    Args:
        xyxy (np.ndarray): boxes float64 [n, 4] in any one unit.
        scores, classes (np.ndarray): [n].
        iou_threshold (float): boxes with exactly this IoU are both kept.
        max_detections (int): over all classes together.
    """
    kept = np.zeros(0, np.int64)
    for block in _blocks_by_score(scores, SORT_FIRST * max_detections):
        covered, _ = _overlapping(classes[block, None] == classes[kept], xyxy[block], xyxy[kept], iou_threshold)
        block = np.delete(block, covered)
        is_pair = np.triu(classes[block, None] == classes[block], 1)
        pairs = _overlapping(is_pair, xyxy[block], xyxy[block], iou_threshold)
        alive = np.ones(len(block), bool)
        # The pairs come in the order of their better box, whose own fate is decided by then.
        for better, worse in zip(*(places.tolist() for places in pairs), strict=True):
            if alive[better]:
                alive[worse] = False
        kept = np.concatenate((kept, block[alive]))
        if len(kept) >= max_detections:
            break
    return kept[:max_detections]


def _blocks_by_score(scores, first):
    """Yield the indices of `scores`, best first, in blocks; only the best `first` are sorted before they are used."""
    cut = np.partition(scores, -first)[-first] if len(scores) > first else -np.inf
    for part in (np.flatnonzero(scores >= cut), np.flatnonzero(scores < cut)):
        order = part[np.argsort(-scores[part], kind="stable")]
        for start in range(0, len(order), NMS_BLOCK):
            yield order[start:start + NMS_BLOCK]


def detections_from_heads(big, small, score_threshold, nms_threshold, max_detections, multi_label=True):
    """Return the detections of one image, best first.

    Args:
        big, small (np.ndarray): decoded heads of stride 32 and 16, float32 [gh, gw, A, 5 + C].
        score_threshold (float): detections score strictly above it.
        nms_threshold (float): see `non_max_suppression`.
        max_detections (int): at most this many boxes over all classes.
        multi_label (bool): see `select_pairs`.

    Returns:
        Tuple of boxes float32 [n, 4] (x1, y1, x2, y2 normalised to the network input, not clipped to it), scores
        float32 [n] and classes int64 [n].
    """
    canvas_hw = tuple(cells * COARSE_STRIDE for cells in big.shape[:2])
    cells = np.concatenate([head.reshape(-1, head.shape[-1]) for head in (big, small)])
    for threshold in (_raised_threshold(cells, score_threshold, CELLS_FIRST * max_detections), score_threshold):
        pairs = select_pairs(cells, threshold, multi_label)
        found = suppressed(cells[:, :BOX_FIELDS], *pairs, canvas_hw, nms_threshold, max_detections)
        # The best pairs decide on the best detections; the others are needed where these are too few.
        if len(found[0]) == max_detections or threshold == score_threshold:
            break
    return found


def _raised_threshold(cells, score_threshold, most):
    """Return the score that about `most` cells exceed, or `score_threshold` where no more than these are above it."""
    with np.errstate(invalid="ignore"):
        best = cells[:, OBJECTNESS] * cells[:, FIRST_CLASS:].max(1)
    if np.count_nonzero(best > score_threshold) <= most or not np.isfinite(best).all():
        return score_threshold
    return np.partition(best, -most)[-most]


def suppressed(cxcywh, rows, classes, scores, canvas_hw, nms_threshold, max_detections):
    """Return the detections, see `detections_from_heads`, that NMS leaves of (cell, class) pairs.

    Args:
        cxcywh (np.ndarray): boxes of cells, float32 [N, 4], normalised to the network input.
        rows, classes, scores (np.ndarray): [n], of each pair: its box's row, its class, its score.
        canvas_hw (tuple): height and width of the network input in pixels.
        nms_threshold, max_detections: see `non_max_suppression`, which also says what the order means.
    """
    # One box for each cell, not for each pair: a cell may give a pair for every class.
    xyxy = _corners(cxcywh.astype(np.float64))
    pixels = xyxy * (canvas_hw[1], canvas_hw[0], canvas_hw[1], canvas_hw[0])
    kept = non_max_suppression(pixels[rows], scores, classes, nms_threshold, max_detections)
    return xyxy[rows[kept]].astype(np.float32), scores[kept], classes[kept]


def _corners(cxcywh):
    """Return boxes cxcywh as xyxy; what is not finite, and then no candidate, passes without a warning."""
    with np.errstate(invalid="ignore"):
        half = cxcywh[:, 2:] / 2
        return np.concatenate((cxcywh[:, :2] - half, cxcywh[:, :2] + half), 1)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Selection of candidates in the graph: an exact two-stage top-k, so that a device returns kilobytes, not its heads.

Of all cells, the K with the best scores; of the (cell, class) pairs of those, the K best. Whatever a top-k does with
equal scores, every pair that scores above the K-th is among them: the host takes no other, sorts them into the order of
`src.evaluation.nms`, and finds the same detections as from the heads, or reports that it needs those. Where the host
itself computes the heads, selection on the host is faster (CPU, 640 x 640, 80 classes: 0.7 ms an image against 6 ms).
"""
from typing import NamedTuple

import numpy as np

import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops

from model_utils.device_adapter import selects_on_device
from src.evaluation.nms import suppressed
from src.network.head_layout import BOX_FIELDS, FIRST_CLASS, OBJECTNESS

# On recorded heads of the official network (2768 pairs above 0.001) the 300th detection was the 581st pair.
CANDIDATES_PER_DETECTION = 4


class Candidates(NamedTuple):
    """Candidates of a batch (or, without the first axis, of an image), from tensors or arrays.

    cells int32 [B, k]: numbers of the best cells, see `src.evaluation.nms`; boxes float32 [B, k, 4]: their cx, cy,
    w, h; pairs int32 [B, K]: position among those cells times C plus class; scores float32 [B, K]; finite
    bool [B]: False where any figure of the heads is NaN or infinite.
    """

    cells: object
    boxes: object
    pairs: object
    scores: object
    finite: object


class CandidateSelector(nn.Cell):
    """Selects the best (cell, class) pairs of decoded heads.

    Args:
        num_candidates (int): K; fewer where there are fewer pairs.
        multi_label (bool): see `src.evaluation.nms.select_pairs`.
    """

    def __init__(self, num_candidates, multi_label):
        super().__init__()
        self.num_candidates = num_candidates
        self.multi_label = multi_label

    def construct(self, big, small):
        """Return the fields of `Candidates` of decoded heads [B, g, g, A, 5 + C]."""
        images, fields = big.shape[0], big.shape[-1]
        cells = ops.concat((ops.reshape(big, (images, -1, fields)), ops.reshape(small, (images, -1, fields))), 1)
        finite = ops.reduce_min(ops.cast(ops.isfinite(cells), ms.float32), (1, 2)) > 0
        has_box = ops.cast(ops.logical_and(cells[:, :, 2] > 0, cells[:, :, 3] > 0), ms.float32)
        # The largest product is that of the largest probability, because rounding keeps the order.
        best = has_box * cells[:, :, OBJECTNESS] * ops.reduce_max(cells[:, :, FIRST_CLASS:], 2)
        best, numbers = ops.topk(best, min(self.num_candidates, cells.shape[1]))
        chosen = ops.gather(cells, numbers, 1, 1)
        products = chosen[:, :, OBJECTNESS:FIRST_CLASS] * chosen[:, :, FIRST_CLASS:]
        # Cells without a box come last, if at all.
        products = products * ops.expand_dims(ops.cast(best > 0, ms.float32), 2)
        scores, pairs = self._all_classes(products) if self.multi_label else self._best_class(products)
        return numbers, chosen[:, :, :BOX_FIELDS], pairs, scores, finite

    def _all_classes(self, products):
        images, cells, classes = products.shape
        return ops.topk(ops.reshape(products, (images, cells * classes)),
                        min(self.num_candidates, cells * classes))

    def _best_class(self, products):
        _, cells, classes = products.shape
        best = ops.reduce_max(products, 2)
        # The lowest of equals, which no argmax guarantees.
        numbers = ops.select(products == ops.expand_dims(best, 2), ops.arange(classes) + ops.zeros_like(products),
                             classes * ops.ones_like(products))
        lowest = ops.cast(ops.reduce_min(numbers, 2), ms.int32)
        return best, lowest + classes * ops.arange(cells).astype(ms.int32)


def candidate_selector(config):
    """Return the `CandidateSelector` of a config; None where the host itself computes the heads."""
    if not selects_on_device(config.device_target):
        return None
    return CandidateSelector(CANDIDATES_PER_DETECTION * config.max_detections, config.multi_label)


def detections_from_candidates(candidates, num_classes, canvas_hw, score_threshold, nms_threshold, max_detections):
    """Return what `detections_from_heads` would return for an image, or None if it takes the whole heads.

    They are needed where a figure is NaN or infinite, and where NMS leaves fewer than `max_detections` boxes although
    there may be further pairs above the threshold.

    Args:
        candidates (Candidates): of one image, as arrays.
        num_classes (int): C.
        canvas_hw (tuple): height and width of the network input in pixels.
        score_threshold, nms_threshold, max_detections: see `src.evaluation.nms.detections_from_heads`.
    """
    numbers, boxes, pairs, scores, finite = candidates
    if not finite:
        return None
    above = scores > score_threshold
    holds_all = not above.all()
    if not holds_all:
        # Of the pairs with the lowest score some may have been left out.
        above = scores > scores.min()
    slots, classes = np.divmod(pairs[above].astype(np.int64), num_classes)
    scores = scores[above]
    order = np.lexsort((classes, numbers[slots]))
    found = suppressed(boxes, slots[order], classes[order], scores[order], canvas_hw, nms_threshold, max_detections)
    return found if holds_all or len(found[0]) == max_detections else None

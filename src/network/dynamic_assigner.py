# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Assignment of ground-truth boxes to several cells each, by what the network predicts there, in the graph.

SimOTA (Ge et al. 2021, "YOLOX", section 2.1) among candidates like those of YOLOv7 (Wang et al. 2022): a cell may take
a box if its anchor differs from it by less than `MAX_SIDE_RATIO` in each side, or is the nearest of all, and if the
cell can predict the centre of the box. A box takes as many cells as its `SUMMED_IOUS` best candidates have IoU
together, at least `MIN_CELLS`: those of the lowest cost, which is the class loss plus `IOU_COST` times -log(IoU). A
cell that several boxes take goes to the one of the lowest cost. Of cells that cost exactly the same, a box takes all or
none.

These are five to nine cells. With the one to nine of YOLOX, large boxes, whose IoUs are high, had so many more that a
short run hardly learned small ones (docs/experiments.md).
"""
import numpy as np

import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops

from src.network.assigner import box_columns
from src.network.iou import EPS, area_xyxy, cxcywh_to_xyxy, intersection_xyxy

MAX_SIDE_RATIO = 4.0
MIN_CELLS, SUMMED_IOUS = 5, 10
IOU_COST = 3.0
# Smallest probability and IoU of which a logarithm is taken.
TINY = 1e-8
# More than any cost.
NEVER = 1e6


def softplus(x):
    """Return log(1 + exp(x)), element by element, without overflow."""
    return ops.relu(x) + ops.log1p(ops.exp(-ops.abs(x)))


class DynamicAssigner(nn.Cell):
    """Assigns padded boxes to the cells of all anchors.

    Cells are numbered over the scales, finest first, over the anchors of each, and over its grid row by row.

    Args:
        scales (tuple): the `Scale`s, finest first.
        num_classes (int): C.
        ignore_threshold (float): share of a prediction inside a crowd region, or IoU with a box, above which its cell
            is no background.
    """

    def __init__(self, scales, num_classes, ignore_threshold):
        super().__init__()
        self.scales = scales
        self.ignore_threshold = ignore_threshold
        self.ranks = ms.Tensor(np.arange(1, SUMMED_IOUS + 1).reshape(1, 1, -1), ms.float32)
        self.classes = ms.Tensor(np.arange(num_classes).reshape(1, 1, -1), ms.float32)

    def construct(self, predicted_cxcywh, logits, boxes, grids):
        """Return (positive, index, ignored): which cells have a box, its number, and which others are no background.

        Args:
            predicted_cxcywh (tuple): the predicted boxes, normalised, four float32 [B, N] for N cells.
            logits (Tensor): objectness and classes, float32 [B, 1 + C, N].
            boxes (Tensor): float32 [B, M, 5], cx, cy, w, h normalised and class; w 0 is padding, class -1 a crowd
                region. Neither is assigned.
            grids (tuple): `scale_grids` of the input size.

        Returns:
            bool [B, N], int32 [B, N] (any number where there is no box) and bool [B, N].
        """
        predicted = [ops.expand_dims(side, 1) for side in cxcywh_to_xyxy(predicted_cxcywh)]
        cx, cy, w, h, category = box_columns(boxes)
        truth = cxcywh_to_xyxy((cx, cy, w, h))
        intersection, area = intersection_xyxy(predicted, truth), area_xyxy(predicted)
        iou = intersection / (area + area_xyxy(truth) - intersection + EPS)
        is_crowd = category < 0
        share = ops.select(ops.logical_and(is_crowd, iou >= 0), intersection / (area + EPS), iou)
        ignored = ops.any(share > self.ignore_threshold, 1)
        is_candidate = ops.logical_and(self._candidates((cx, cy, w, h), grids), ops.logical_and(w > 0, category >= 0))
        cost = self._class_cost(logits, category) - IOU_COST * ops.log(iou + TINY)
        cost = ops.select(is_candidate, cost, ops.full_like(cost, NEVER))
        taken = ops.logical_and(is_candidate, cost <= self._highest_cost(cost, ops.select(
            is_candidate, iou, ops.zeros_like(iou))))
        index = ops.cast(ops.argmin(ops.select(taken, cost, ops.full_like(cost, NEVER)), 1), ms.int32)
        positive = ops.any(taken, 1)
        return ops.stop_gradient(positive), ops.stop_gradient(index), ops.stop_gradient(ignored)

    def _candidates(self, boxes_cxcywh, grids):
        """Return which cells may take which box, bool [B, M, N]; each side of the boxes is [B, M, 1]."""
        cx, cy, w, h = boxes_cxcywh
        ratios = [_side_ratio(w, h, grid[0]) for grid in grids]
        nearest = ops.amin(ops.concat(ratios, 2), 2, keepdims=True)
        of_scales = []
        for number, scale in enumerate(self.scales):
            fits = ops.logical_or(ratios[number] < MAX_SIDE_RATIO, ratios[number] <= nearest)
            _, (grid_w, grid_h), (cell_x, cell_y), _ = grids[number]
            # As far from the middle of a cell as its predictions reach.
            reach = scale.scale_x_y / 2
            is_near = ops.logical_and(ops.abs(cx * grid_w[:, :1] - cell_x - 0.5) <= reach,
                                      ops.abs(cy * grid_h[:, :1] - cell_y - 0.5) <= reach)
            both = ops.logical_and(ops.expand_dims(is_near, 2), ops.expand_dims(fits, 3))
            of_scales.append(ops.reshape(both, (*cx.shape[:2], -1)))
        return ops.concat(of_scales, 2)

    def _class_cost(self, logits, category):
        """Return the loss of the class probabilities, sqrt(objectness * class), for the class of each box, [B, M, N].

        The sum over the classes of the loss for background, and for the box's own class what its loss differs by.
        """
        log_p = -0.5 * (softplus(-logits[:, :1]) + softplus(-logits[:, 1:]))
        log_not_p = ops.log(1.0 - ops.exp(log_p) + TINY)
        is_class = ops.cast(self.classes == category, ms.float32)
        return ops.matmul(is_class, log_not_p - log_p) - ops.sum(log_not_p, 1, keepdim=True)

    def _highest_cost(self, cost, iou):
        """Return the cost up to which each box takes cells, [B, M, 1]; both arguments are [B, M, N]."""
        best, _ = ops.topk(iou, SUMMED_IOUS)
        count = ops.maximum(ops.floor(ops.sum(best, 2, keepdim=True)), float(MIN_CELLS))
        lowest, _ = ops.topk(-cost, SUMMED_IOUS)
        return -ops.sum(lowest * ops.cast(self.ranks == count, ms.float32), 2, keepdim=True)


def _side_ratio(w, h, anchor_wh):
    """Return how many times a side of a box and that of an anchor differ, the larger of both, [B, M, A]."""
    anchor_w, anchor_h = [ops.reshape(side, (1, 1, -1)) for side in anchor_wh]
    return ops.maximum(ops.maximum(w / anchor_w, anchor_w / (w + TINY)),
                       ops.maximum(h / anchor_h, anchor_h / (h + TINY)))

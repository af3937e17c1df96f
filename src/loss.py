# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The loss of YOLOv3-Tiny: box, objectness and class terms of two scales, summed over the batch, divided by its size.

For each scale, over its positive (anchor, cell) targets and, for objectness, over all its cells:

    box        = sum over positives of (2 - w*h) * (1 - IoU-like)        w, h of the ground truth, normalised
    objectness = sum over positives of BCE(t, 1) + sum over negatives of BCE(t, 0)      or BCE(t, IoU), see below
    class      = sum over positives of BCE over the classes
    scale loss = (coord_scale * box + objectness + class) / B

The stride-32 scale has `large_scale` times the weight of the stride-16 scale. A cell that is not positive is negative,
unless its predicted box overlaps a ground truth (IoU above `ignore_threshold`) or lies in a crowd region. With
`objectness_target` "iou" the target of a positive cell is the IoU of its prediction, so that scores rank by quality.
"""
import numpy as np

import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops

from src.config import detection_scales
from src.network.assigner import Assigner, box_columns, box_rows
from src.network.head_layout import FIRST_CLASS, OBJECTNESS
from src.network.iou import IOU_LOSSES, area_xyxy, cxcywh_to_xyxy, intersection_xyxy, iou_xyxy
from src.yolo import BoxDecoder

# The terms of the loss as it returns them.
LOSS_PARTS = ("box32", "objectness32", "class32", "box16", "objectness16", "class16")


def binary_cross_entropy(logits, targets):
    """Return BCE of logits against targets in [0, 1], element by element, without overflow.

    max(t, 0) - t*y + log(1 + exp(-|t|)).
    """
    return ops.relu(logits) - logits * targets + ops.log1p(ops.exp(-ops.abs(logits)))


def class_targets(config, num_classes):
    """Return the targets of a box's own class and of any other one, by label_smooth and label_smooth_factor."""
    smoothing = config.label_smooth_factor if config.label_smooth else 0.0
    return 1.0 - smoothing, smoothing / max(num_classes - 1, 1)


class ScaleLoss(nn.Cell):
    """The unweighted box, objectness and class terms of one scale, each summed over the batch.

    Args:
        config (Config): ignore_threshold, box_loss, objectness_target, label_smooth and label_smooth_factor.
        scale (Scale): anchors and scale_x_y.
        num_classes (int): C.
    """

    def __init__(self, config, scale, num_classes):
        super().__init__()
        self.num_anchors = len(scale.anchors)
        self.fields = FIRST_CLASS + num_classes
        self.decode_boxes = BoxDecoder(scale.scale_x_y)
        self.iou_like = IOU_LOSSES[config.box_loss]
        self.targets_iou = config.objectness_target == "iou"
        self.ignore_threshold = config.ignore_threshold
        self.class_target, self.other_target = class_targets(config, num_classes)
        self.classes = ms.Tensor(np.arange(num_classes).reshape(1, 1, -1, 1), ms.float32)

    def construct(self, head, boxes, grid, positive, cell_x, cell_y):
        """Return (box, objectness, class), three float32 scalars.

        Args:
            head (Tensor): raw head float32 [B, A*(5 + C), gh, gw].
            boxes (Tensor): ground truth float32 [B, M, 5] as `Assigner` takes it.
            grid (tuple): this scale's `scale_grid` of the input size.
            positive, cell_x, cell_y (Tensor): the assignment of this scale, [B, A, M].
        """
        anchor_wh, grid_wh, cell_xy, axes = grid
        fields = ops.reshape(head, (boxes.shape[0], self.num_anchors, self.fields, -1))
        weight = ops.cast(positive, ms.float32)
        cx, cy, w, h, category = box_rows(boxes)
        truth = (cx, cy, w, h)
        matched = self._gather(fields, cell_y * grid_wh[0] + cell_x)
        predicted = self.decode_boxes(matched, (cell_x, cell_y), grid_wh, anchor_wh)
        box = self._box_term(predicted, truth, weight)
        is_positive = _at_cells(weight, axes, cell_x, cell_y)
        target = is_positive
        if self.targets_iou:
            quality = weight * iou_xyxy(cxcywh_to_xyxy(predicted), cxcywh_to_xyxy(truth))
            target = _at_cells(quality, axes, cell_x, cell_y)
        of_all_cells = self.decode_boxes(ops.stop_gradient(fields), cell_xy, grid_wh, anchor_wh)
        is_negative = (1.0 - is_positive) * (1.0 - self._ignored_cells(of_all_cells, boxes))
        loss = binary_cross_entropy(fields[:, :, OBJECTNESS], ops.stop_gradient(target))
        objectness = ops.sum(loss * ops.stop_gradient(is_positive + is_negative))
        return box, objectness, self._class_term(matched, category, weight)

    def _gather(self, fields, cell):
        """Return the fields at each box's cell [B, A, M]: [B, A, 5 + C, gh*gw] to [B, A, 5 + C, M]."""
        index = ops.tile(ops.expand_dims(ops.cast(cell, ms.int32), 2), (1, 1, self.fields, 1))
        return ops.gather_elements(fields, 3, index)

    def _box_term(self, predicted, truth_cxcywh, weight):
        small_box_bonus = 2.0 - truth_cxcywh[2] * truth_cxcywh[3]
        return ops.sum(weight * small_box_bonus * (1.0 - self.iou_like(predicted, truth_cxcywh)))

    def _ignored_cells(self, predicted_cxcywh, boxes):
        """Return 1 where the predicted box overlaps a ground truth or lies in a crowd region, float32 [B, A, gh*gw].

        IoU > t is written intersection > t / (1 + t) * (area + area). For a crowd region the measure is the fraction
        of the prediction inside it, as in COCO's scoring: intersection > t * area of the prediction.
        """
        batch = boxes.shape[0]
        predicted = [ops.reshape(side, (batch, 1, -1)) for side in cxcywh_to_xyxy(predicted_cxcywh)]
        cx, cy, w, h, category = box_columns(boxes)
        truth = cxcywh_to_xyxy((cx, cy, w, h))
        iou_factor = self.ignore_threshold / (1.0 + self.ignore_threshold)
        is_crowd = category < 0
        factor = ops.select(is_crowd, ops.full_like(w, self.ignore_threshold), ops.full_like(w, iou_factor))
        truth_share = ops.select(is_crowd, ops.zeros_like(w), iou_factor * area_xyxy(truth))
        excess = intersection_xyxy(predicted, truth) - factor * area_xyxy(predicted) - truth_share
        ignored = ops.cast(ops.amax(excess, 1) > 0, ms.float32)
        return ops.reshape(ignored, (batch, self.num_anchors, -1))

    def _class_term(self, matched, category, weight):
        """Return the BCE of the class logits of the positives; `category` is [B, 1, M]."""
        is_class = ops.cast(self.classes == ops.expand_dims(category, 2), ms.float32)
        target = self.other_target + (self.class_target - self.other_target) * is_class
        loss = binary_cross_entropy(matched[:, :, FIRST_CLASS:], target)
        return ops.sum(loss * ops.expand_dims(weight, 2))


def _at_cells(weight, axes, cell_x, cell_y):
    """Return the weight of the box that won each cell, 0 where none did, float32 [B, A, M] to [B, A, gh*gw].

    The product of one-hot rows and columns, summed over the boxes, which needs no scatter. It is exact because a cell
    has at most one winner.
    """
    columns, rows = axes
    in_row = ops.cast(rows == ops.expand_dims(cell_y, 2), ms.float32) * ops.expand_dims(weight, 2)
    in_column = ops.cast(columns == ops.expand_dims(cell_x, 3), ms.float32)
    return ops.reshape(ops.matmul(in_row, in_column), (weight.shape[0], weight.shape[1], -1))


class YOLOv3TinyLoss(nn.Cell):
    """The loss of both scales.

    Args:
        config (Config): anchors, thresholds, weights and variants of the loss.
        num_classes (int): C.
    """

    def __init__(self, config, num_classes):
        super().__init__(auto_prefix=False)
        fine, coarse = detection_scales(config)
        self.num_fine = len(fine.anchors)
        self.assigner = Assigner(self.num_fine + len(coarse.anchors), config.anchor_iou_threshold)
        self.loss_small = ScaleLoss(config, fine, num_classes)
        self.loss_big = ScaleLoss(config, coarse, num_classes)
        self.coord_scale = config.coord_scale
        self.large_scale = config.large_scale

    def construct(self, big, small, boxes, grids):
        """Return (loss, parts): a float32 scalar, and float32 [6] that sum to it, in the order of `LOSS_PARTS`.

        Args:
            big, small (Tensor): raw heads of `YOLOv3Tiny`.
            boxes (Tensor): float32 [B, M, 5]: cx, cy, w, h normalised to the input, class; see `Assigner`.
            grids (tuple): `scale_grids` of the input size.
        """
        positive, cell_x, cell_y = self.assigner(boxes, grids)
        fine, coarse = slice(0, self.num_fine), slice(self.num_fine, None)
        box16, objectness16, class16 = self.loss_small(
            small, boxes, grids[0], positive[:, fine], cell_x[:, fine], cell_y[:, fine])
        box32, objectness32, class32 = self.loss_big(
            big, boxes, grids[1], positive[:, coarse], cell_x[:, coarse], cell_y[:, coarse])
        large = self.large_scale
        parts = ops.stack((large * self.coord_scale * box32, large * objectness32, large * class32,
                           self.coord_scale * box16, objectness16, class16)) / boxes.shape[0]
        return ops.sum(parts), parts

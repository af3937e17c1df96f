# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The loss with dynamic assignment: box, objectness and class terms of all cells, divided by the number of positives.

    box        = sum over positives of 1 - IoU-like
    objectness = sum over positives of BCE(t, 1) or BCE(t, IoU), see `src.loss`, + sum over background of BCE(t, 0)
    class      = sum over positives of BCE over the classes
    loss       = (coord_scale * box + objectness + class) / number of positives, at least one for each image

The stride-32 scale has `large_scale` times the weight of the stride-16 scale. The number of positives follows the boxes
(a mean, not a sum), so that images with many boxes do not take over (Ge et al. 2021, "YOLOX").
"""
import numpy as np

import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops

from src.config import detection_scales
from src.loss import binary_cross_entropy, class_targets
from src.network.dynamic_assigner import DynamicAssigner
from src.network.head_layout import FIRST_CLASS, OBJECTNESS
from src.network.iou import IOU_LOSSES, cxcywh_to_xyxy, iou_xyxy
from src.yolo import BoxDecoder


class DynamicLoss(nn.Cell):
    """The loss of both scales together.

    Args:
        config (Config): anchors, ignore_threshold, weights and variants of the loss.
        num_classes (int): C.
    """

    def __init__(self, config, num_classes):
        super().__init__(auto_prefix=False)
        scales = detection_scales(config)
        self.num_anchors = len(scales[0].anchors)
        self.fields = FIRST_CLASS + num_classes
        self.decoders = nn.CellList([BoxDecoder(scale.scale_x_y) for scale in scales])
        self.assigner = DynamicAssigner(scales, num_classes, config.ignore_threshold)
        self.iou_like = IOU_LOSSES[config.box_loss]
        self.targets_iou = config.objectness_target == "iou"
        self.class_target, self.other_target = class_targets(config, num_classes)
        self.classes = ms.Tensor(np.arange(num_classes).reshape(1, -1, 1), ms.float32)
        self.coord_scale, self.large_scale = config.coord_scale, config.large_scale

    def construct(self, big, small, boxes, grids):
        """Return (loss, parts) as `src.loss.YOLOv3TinyLoss` does, from the same arguments."""
        heads = [ops.reshape(head, (boxes.shape[0], self.num_anchors, self.fields, -1)) for head in (small, big)]
        fine, coarse = [self._decode(number, heads[number], grids[number]) for number in range(len(heads))]
        predicted = [ops.concat((fine[i], coarse[i]), 1) for i in range(4)]
        logits = ops.concat([self._logits(head) for head in heads], 2)
        positive, index, ignored = self.assigner([ops.stop_gradient(side) for side in predicted],
                                                 ops.stop_gradient(logits), boxes, grids)
        weight = ops.cast(positive, ms.float32)
        *truth_cxcywh, category = [ops.gather_elements(column, 1, index) for column in ops.Unstack(2, 5)(boxes)]
        box = weight * (1.0 - self.iou_like(predicted, truth_cxcywh))
        target = weight
        if self.targets_iou:
            target = weight * iou_xyxy(cxcywh_to_xyxy(predicted), cxcywh_to_xyxy(truth_cxcywh))
        counts = ops.cast(ops.logical_or(positive, ops.logical_not(ignored)), ms.float32)
        objectness = counts * binary_cross_entropy(logits[:, 0], ops.stop_gradient(target))
        is_class = ops.cast(self.classes == ops.expand_dims(category, 1), ms.float32)
        target = self.other_target + (self.class_target - self.other_target) * is_class
        classes = weight * ops.sum(binary_cross_entropy(logits[:, 1:], target), 1)
        num_fine = fine[0].shape[1]
        terms = self.coord_scale * box, objectness, classes
        parts = ops.stack((*[self.large_scale * ops.sum(term[:, num_fine:]) for term in terms],
                           *[ops.sum(term[:, :num_fine]) for term in terms]))
        parts = parts / ops.maximum(ops.sum(weight), float(boxes.shape[0]))
        return ops.sum(parts), parts

    def _decode(self, number, head, grid):
        """Return (cx, cy, w, h) of the scale of that number, each [B, cells of its anchors]."""
        anchor_wh, grid_wh, cell_xy, _ = grid
        cxcywh = self.decoders[number](head, cell_xy, grid_wh, anchor_wh)
        return [ops.reshape(side, (head.shape[0], -1)) for side in cxcywh]

    def _logits(self, head):
        """Return objectness and classes, [B, 1 + C, cells of the anchors]."""
        logits = ops.transpose(head[:, :, OBJECTNESS:], (0, 2, 1, 3))
        return ops.reshape(logits, (head.shape[0], self.fields - OBJECTNESS, -1))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Heads and boxes for the tests of a loss, and the config of a `reference.Setup`."""
import numpy as np

from model_utils.config import DERIVED, get_config
from src.config import detection_scales
from tests.support import reference

# Comparisons are at least so far from their thresholds.
BORDER = 1e-3


def random_case(setup, seed, batch=3, max_box=24):
    """Heads and boxes whose comparisons are clear of their thresholds, so that float32 decides as float64 does.

    Some predictions are made to overlap boxes, some boxes share a cell, some images have few boxes, one crowd each.
    """
    rng = np.random.default_rng(seed)
    boxes = np.zeros((batch, max_box, 5))
    boxes[:, :, 4] = -1
    for image in range(batch):
        count = (max_box - 4, 5, 0)[image % 3]
        for i in range(count):
            boxes[image, i] = random_box(setup, rng)
        # Same centre, another size and class: they compete for cells.
        for i in range(1, count, 3):
            boxes[image, i, :2] = boxes[image, i - 1, :2]
        if count:
            boxes[image, count] = (0.3, 0.6, 0.5, 0.3, -1)
    heads = [rng.normal(0, 1, (batch, len(mask) * (5 + setup.num_classes), *setup.grid(scale)))
             for scale, mask in enumerate(setup.masks)]
    for scale in range(2):
        aim_at_boxes(heads[scale], boxes, scale, setup, rng)
    small, big = (head.astype(np.float32) for head in heads)
    return big, small, boxes.astype(np.float32)


def random_box(setup, rng):
    while True:
        cx, cy = rng.uniform(0.02, 0.98, 2)
        w, h = np.exp(rng.uniform(np.log(0.02), np.log(0.7), 2))
        anchors = [anchor for scale in range(2) for anchor in setup.scale_anchors(scale)]
        clear = all(abs(reference.shape_iou((w, h), anchor) - setup.anchor_iou_threshold) > BORDER
                    for anchor in anchors)
        inside = [position * grid % 1 for scale in range(2)
                  for position, grid in zip((cy, cx), setup.grid(scale), strict=True)]
        if clear and all(BORDER < value < 1 - BORDER for value in inside):
            return cx, cy, w, h, rng.integers(setup.num_classes)


def aim_at_boxes(head, boxes, scale, setup, rng):
    """Let the cells around each box predict about that box, so that many overlap it by more than the threshold."""
    rows, columns = setup.grid(scale)
    view = head.reshape(len(boxes), len(setup.masks[scale]), -1, rows, columns)
    for image, slot in np.ndindex(view.shape[:2]):
        anchor = setup.scale_anchors(scale)[slot]
        for cx, cy, w, h, _ in boxes[image][boxes[image, :, 2] > 0]:
            row, column = min(int(cy * rows), rows - 1), min(int(cx * columns), columns - 1)
            for r in range(max(row - 1, 0), min(row + 2, rows)):
                view[image, slot, 2, r, column] = np.log(w / anchor[0]) + rng.normal(0, 0.1)
                view[image, slot, 3, r, column] = np.log(h / anchor[1]) + rng.normal(0, 0.1)


def config_of(setup):
    """The config of a comparison; every option that the loss reads has the value of the setup."""
    return get_config([]).replace(
        DERIVED, anchors=setup.anchors, anchor_masks=setup.masks, scale_x_y=setup.scale_x_y, box_loss=setup.box_loss,
        anchor_iou_threshold=setup.anchor_iou_threshold, ignore_threshold=setup.ignore_threshold,
        coord_scale=setup.coord_scale, large_scale=setup.large_scale, objectness_target=setup.objectness_target,
        label_smooth=int(setup.smoothing > 0), label_smooth_factor=setup.smoothing)


def scales_of(setup):
    return detection_scales(config_of(setup))

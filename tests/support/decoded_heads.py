# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Decoded heads to find boxes in, and IoU, NMS and detections as plain loops."""

import numpy as np


def loop_iou(a, b):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    inner = max(width, 0.0) * max(height, 0.0)
    return inner / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inner)


def loop_nms(xyxy, scores, classes, iou_threshold, max_detections):
    """Greedy NMS as it is defined, one pair of boxes at a time, until enough are kept."""
    kept = []
    for index in sorted(range(len(scores)), key=lambda i: (-scores[i], i)):
        if len(kept) == max_detections:
            break
        if all(classes[index] != classes[other] or loop_iou(xyxy[index], xyxy[other]) <= iou_threshold
               for other in kept):
            kept.append(index)
    return kept


def empty_heads(num_classes, grid_hw=(4, 4)):
    """Decoded heads in which nothing is an object; boxes are small but not empty."""
    heads = []
    for factor in (1, 2):
        head = np.zeros((grid_hw[0] * factor, grid_hw[1] * factor, 3, 5 + num_classes), np.float32)
        head[..., :4] = 0.1
        heads.append(head)
    return heads


def put(head, cell, cxcywh, objectness, **classes):
    """Fill one cell (row, column, anchor); classes as c0=0.9."""
    head[cell][:4] = cxcywh
    head[cell][4] = objectness
    for name, probability in classes.items():
        head[cell][5 + int(name[1:])] = probability


def random_heads(rng, num_classes, grid, mean_size=0.12):
    """Decoded heads of a network early in training: a score everywhere, boxes scattered around their cells."""
    heads = []
    for cells in (grid, 2 * grid):
        head = rng.random((cells, cells, 3, 5 + num_classes)).astype(np.float32)
        rows, columns = np.mgrid[:cells, :cells]
        head[..., 0] = (columns[..., None] + head[..., 0]) / cells
        head[..., 1] = (rows[..., None] + head[..., 1]) / cells
        head[..., 2:4] = mean_size * np.exp(rng.normal(0, 0.6, (cells, cells, 3, 2)))
        head[..., 4] *= 0.5
        head[..., 5:] **= 6
        heads.append(head)
    return heads


def loop_detections(big, small, score_threshold, nms_threshold, max_detections):
    """All of `detections_from_heads` as plain loops over every (cell, class) pair."""
    height, width = 32 * big.shape[0], 32 * big.shape[1]
    boxes, scores, classes = [], [], []
    for head in (big, small):
        for cell in head.reshape(-1, head.shape[-1]):
            for number, probability in enumerate(cell[5:]):
                score = cell[4] * probability
                if score > score_threshold:
                    cx, cy, w, h = (float(value) for value in cell[:4])
                    boxes.append(((cx - w / 2) * width, (cy - h / 2) * height,
                                  (cx + w / 2) * width, (cy + h / 2) * height))
                    scores.append(float(score))
                    classes.append(number)
    kept = loop_nms(boxes, scores, classes, nms_threshold, max_detections)
    return [boxes[i] for i in kept], [scores[i] for i in kept], [classes[i] for i in kept]

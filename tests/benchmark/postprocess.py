# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Post-processing of an image with 45 000 (cell, class) pairs, by `src.evaluation.nms` and by a loop over all pairs."""
import time

import numpy as np

from src.evaluation.nms import detections_from_heads

CLASSES, GRIDS, ANCHORS = 80, (13, 26), 3
PAIRS = 45_000
NMS_THRESHOLD, MAX_DETECTIONS = 0.5, 300


def make_heads(seed=0):
    """Return (big, small, score_threshold): decoded heads of 416x416 pixels of which 45 000 pairs are above it.

    Boxes lie anywhere and have sides of 2 to 40 % of the input; scores are products of skewed random numbers.
    """
    rng = np.random.default_rng(seed)
    heads = []
    for grid in GRIDS:
        head = np.empty((grid, grid, ANCHORS, 5 + CLASSES), np.float32)
        head[..., :2] = rng.uniform(0, 1, (*head.shape[:3], 2))
        head[..., 2:4] = rng.uniform(0.02, 0.4, (*head.shape[:3], 2))
        head[..., 4:] = rng.uniform(0, 1, (*head.shape[:3], 1 + CLASSES)) ** 2
        heads.append(head)
    products = np.concatenate([(head[..., 4:5] * head[..., 5:]).ravel() for head in heads])
    # PAIRS scores lie strictly above the next lower one, unless two are equal there.
    threshold = float(np.partition(products, -PAIRS - 1)[-PAIRS - 1])
    return *heads, threshold


def ours(big, small, threshold):
    """Return (seconds, boxes, scores, classes) of `detections_from_heads`."""
    started = time.perf_counter()
    found = detections_from_heads(big, small, threshold, NMS_THRESHOLD, MAX_DETECTIONS)
    return time.perf_counter() - started, *found


def plain_loop(big, small, threshold):
    """Return (seconds, boxes, scores, classes, number of pairs) of greedy NMS over all pairs, class by class.

    The usual Python form, as the 2021 version had it: a loop over classes and, inside it, over the boxes still alive,
    each compared with the rest of its class; then the best of all classes.
    """
    started = time.perf_counter()
    cells = np.concatenate([head.reshape(-1, head.shape[-1]) for head in (big, small)])
    centre, half = cells[:, :2].astype(np.float64), cells[:, 2:4].astype(np.float64) / 2
    corners = np.concatenate((centre - half, centre + half), 1)
    kept, pairs = [], 0
    for number in range(CLASSES):
        scores = cells[:, 4] * cells[:, 5 + number]
        alive = np.flatnonzero(scores > threshold)
        pairs += len(alive)
        alive = alive[np.argsort(-scores[alive], kind="stable")]
        while len(alive):
            best, alive = alive[0], alive[1:]
            kept.append((scores[best], best, number))
            alive = alive[_iou(corners[best], corners[alive]) <= NMS_THRESHOLD]
    kept.sort(key=lambda entry: (-entry[0], entry[1], entry[2]))
    scores, cells_kept, classes = (np.array(column) for column in zip(*kept[:MAX_DETECTIONS], strict=True))
    return time.perf_counter() - started, corners[cells_kept], scores, classes, pairs


def _iou(box, others):
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    inner = np.maximum(width, 0.0) * np.maximum(height, 0.0)
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return inner / ((box[2] - box[0]) * (box[3] - box[1]) + areas - inner)


def check_same(found, expected):
    """Raise RuntimeError unless two lists of detections (boxes, scores, classes) are the same."""
    (boxes, scores, classes), (other_boxes, other_scores, other_classes) = found, expected
    if not (len(boxes) == len(other_boxes) and (classes == other_classes).all() and (scores == other_scores).all()
            and np.abs(boxes - other_boxes).max(initial=0) < 1e-6):
        raise RuntimeError("post-processing and the plain loop do not give the same detections")

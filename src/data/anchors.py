# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""How well anchors fit the boxes of a data set, and anchors that fit better.

A box and an anchor are compared by their sides alone: their IoU with a common centre.
"""
import itertools

import cv2
import numpy as np

from src.data.coco import CocoData
from src.data.mosaic import plan_sample
from src.data.multi_scale import training_sizes
from src.data.placement import fit_placement

# An anchor of less shape IoU is a poor start for a box.
GOOD_IOU = 0.5
# So large a share of boxes with a good anchor is enough.
GOOD_RECALL = 0.98
# When k-means ends (a thousandth of a side, or so many rounds), and how often it begins.
STOP, ATTEMPTS = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 100, 1e-3), 10
# Mutations of all anchors after k-means; each side changes by so much, with so high a probability.
GENERATIONS, MUTATION, MUTATES = 1000, 0.1, 0.5
# Boxes to fit anchors to: more take longer and change nothing. Augmented ones are those of so many passes over the
# data at most.
ENOUGH_BOXES, MOST_PASSES = 5000, 20


def box_sides(data: CocoData, config) -> np.ndarray:
    """Return the sides of all boxes on the network's input, without augmentation: [n, 2] width, height in pixels."""
    found = []
    for boxes, (width, height) in zip(data.boxes, data.sizes, strict=True):
        placement = fit_placement(config.resize_mode, (height, width), tuple(config.training_shape))
        found.append(placement.boxes_to_canvas(boxes[boxes[:, 4] >= 0, :4]))
    return _sides(found)


def augmented_sides(data: CocoData, config) -> np.ndarray:
    """Return the sides of boxes as training sees them: those of augmented samples, [n, 2] width, height in pixels.

    Images are drawn at random until there are `ENOUGH_BOXES`. Each training size has its share, and so have the last
    epochs without mosaic where the passes cover the run.
    """
    found, count, sizes = [], 0, itertools.cycle(training_sizes(config))
    for number in range(MOST_PASSES):
        for index in np.random.default_rng((config.seed, number)).permutation(len(data)).tolist():
            rng = np.random.default_rng((config.seed, number, index))
            plan, _ = plan_sample(data, index, next(sizes), config, number % config.max_epoch, rng)
            found.append(plan.boxes[plan.boxes[:, 4] >= 0, :4])
            count += len(found[-1])
            if count >= ENOUGH_BOXES:
                return _sides(found)
    return _sides(found)


def _sides(boxes):
    boxes = np.concatenate([np.empty((0, 4)), *boxes])
    sides = boxes[:, 2:] - boxes[:, :2]
    return sides[(sides >= 1).all(axis=1)]


def fit_of(sides: np.ndarray, anchors) -> dict[str, float]:
    """Return the mean over the boxes of the best shape IoU, and the share with one of at least `GOOD_IOU`.

    Args:
        sides, anchors: [n, 2] and [k, 2] width, height.

    Returns:
        `mean_iou` and `best_possible_recall`.
    """
    best = _best_iou(sides, np.asarray(anchors, np.float64))
    return {"mean_iou": float(best.mean()), "best_possible_recall": float((best >= GOOD_IOU).mean())}


def _best_iou(sides, anchors):
    shared = np.minimum(sides[:, None], anchors).prod(axis=2)
    return (shared / (sides.prod(axis=1)[:, None] + anchors.prod(axis=1) - shared)).max(axis=1, initial=0)


def anchors_by_scale(sides: np.ndarray, scales, seed: int) -> list[list[float]]:
    """Return anchors for boxes, those of one scale after those of another, each fitted to the boxes of its scale.

    A box is of the scale that has its best anchor now. Were all fitted to all boxes, objects of half a cell would get
    anchors at the coarse scale, where several of them share a cell. A scale of too few boxes keeps its anchors.

    Args:
        sides: [n, 2] width, height.
        scales: the anchors of each scale, [[width, height], ...].
        seed: as in `fitted_anchors`.
    """
    owners = np.argmax([_best_iou(sides, np.asarray(anchors, np.float64)) for anchors in scales], axis=0)
    found = []
    for number, anchors in enumerate(scales):
        own = sides[owners == number]
        is_enough = len(np.unique(own, axis=0)) >= len(anchors)
        found += fitted_anchors(own, len(anchors), seed) if is_enough else [list(map(float, one)) for one in anchors]
    return found


def fitted_anchors(sides: np.ndarray, count: int, seed: int) -> list[list[float]]:
    """Return anchors for boxes, [[width, height], ...], smallest area first, rounded to tenths of a pixel.

    K-means on the logarithms of the sides, where a distance is a ratio, then mutations that raise the mean of the best
    shape IoU (as in YOLOv5).

    Args:
        sides: [n, 2] width, height, with at least `count` that differ; of many, `ENOUGH_BOXES` are drawn.
        count: number of anchors.
        seed: of the mutations and of what is drawn.
    """
    rng = np.random.default_rng(seed)
    if len(sides) > ENOUGH_BOXES:
        sides = rng.choice(sides, ENOUGH_BOXES, replace=False)
    cv2.setRNGSeed(0)
    *_, centres = cv2.kmeans(np.log(sides).astype(np.float32), count, None, STOP, ATTEMPTS, cv2.KMEANS_PP_CENTERS)
    anchors = np.exp(centres.astype(np.float64))
    best = _best_iou(sides, anchors).mean()
    for _ in range(GENERATIONS):
        factors = np.exp(rng.normal(0, MUTATION, anchors.shape) * (rng.random(anchors.shape) < MUTATES))
        mutated = anchors * factors
        score = _best_iou(sides, mutated).mean()
        if score > best:
            anchors, best = mutated, score
    return sorted(anchors.round(1).tolist(), key=np.prod)

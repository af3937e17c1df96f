# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Statistics of detections: precision, recall and F1 over the score, confusion of classes, and kinds of errors.

Detections are matched as in COCO at an IoU of 0.50: best score first, each takes the free object of its class that it
overlaps most, and at most 100 of a class count in an image. So the area under a precision-recall curve is COCO's AP50.
The kinds of errors follow TIDE (Bolya et al., 2020). NumPy only.
"""
import enum
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

MATCH_IOU, TOUCH_IOU = 0.5, 0.1
MAX_OF_CLASS = 100
RECALLS = np.linspace(0, 1, 101)
THRESHOLDS = np.linspace(0, 1, 1001)
# Where no detection is right, any threshold is as good.
DEFAULT_THRESHOLD = 0.25


class Kind(enum.IntEnum):
    """What a detection is, see `errors`; MISSED is an object that no detection explains."""

    UNCOUNTED = -1
    RIGHT = 0
    DOUBLED = 1
    WRONG_CLASS = 2
    LOOSE = 3
    BACKGROUND = 4
    MISSED = 5

    def __str__(self):
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Matches:
    """Detections of a data set beside its objects, as parallel arrays; detections are sorted by falling score.

    `image`, `label` int64, `box` float64 [n, 4] x, y, w, h in pixels and `score` float64 [n] are the detections; a
    crowd region hides those of `is_ignored` bool [n]. `truth_image`, `truth_label` and `truth_box` are the objects
    without crowd regions. `found` int64 [n] is the object that a detection matches, `found_by` the detection that
    matches an object, -1 for none. `pairs` are the detections and objects of one image whose IoU is at least
    `TOUCH_IOU`: rows of detection and object, sorted by the detection, then by falling IoU; `pair_iou` is their IoU.
    """

    num_images: int
    num_classes: int
    image: np.ndarray
    label: np.ndarray
    box: np.ndarray
    score: np.ndarray
    is_ignored: np.ndarray
    truth_image: np.ndarray
    truth_label: np.ndarray
    truth_box: np.ndarray
    found: np.ndarray
    found_by: np.ndarray
    pairs: np.ndarray = field(repr=False)
    pair_iou: np.ndarray = field(repr=False)

    @cached_property
    def objects(self):
        """Number of objects of each class, int64 [C]."""
        return np.bincount(self.truth_label, minlength=self.num_classes)


def match(data, results):
    """Return the `Matches` of COCO results with the ground truth of a `CocoData`."""
    image, label, box, score = _arrays(data, results)
    truth = data.truth
    pairs, iou = _pairs(image, box, truth["image_index"], truth["bbox"], truth["iscrowd"] == 1)
    same = label[pairs[:, 0]] == truth["class_index"][pairs[:, 1]]
    is_crowd = truth["iscrowd"][pairs[:, 1]] == 1
    # COCO compares with this number.
    overlaps = iou >= min(MATCH_IOU, 1 - 1e-10)
    found, found_by = _greedy(pairs[same & ~is_crowd & overlaps], len(score), len(truth["iscrowd"]))
    is_ignored = np.zeros(len(score), bool)
    is_ignored[pairs[same & is_crowd & overlaps, 0]] = True
    is_ignored &= found < 0

    # Crowd regions are objects of no further use.
    objects = truth["iscrowd"] == 0
    number = np.cumsum(objects) - 1
    pairs, iou = pairs[~is_crowd], iou[~is_crowd]
    pairs[:, 1] = number[pairs[:, 1]]
    found[found >= 0] = number[found[found >= 0]]
    return Matches(len(data), len(data.categories), image, label, box, score, is_ignored,
                   truth["image_index"][objects], truth["class_index"][objects], truth["bbox"][objects],
                   found, found_by[objects], pairs, iou)


def _arrays(data, results):
    """Return image, class, box and score of the results that count, sorted by falling score."""
    images, classes = ({found: number for number, found in enumerate(ids)}
                       for ids in (data.image_ids, data.categories.ids))
    image = np.array([images[result["image_id"]] for result in results], np.int64)
    label = np.array([classes[result["category_id"]] for result in results], np.int64)
    box = np.array([result["bbox"] for result in results], np.float64).reshape(-1, 4)
    score = np.array([result["score"] for result in results], np.float64)
    # COCO goes through the images in their order and is stable where scores are equal.
    order = np.lexsort((np.arange(len(score)), image, -score))
    groups = (image * len(classes) + label)[order]
    kept = order[_rank_in_group(groups) < MAX_OF_CLASS]
    return image[kept], label[kept], box[kept], score[kept]


def _rank_in_group(groups):
    """Return at which place of its group each entry is, from 0."""
    order = np.argsort(groups, kind="stable")
    ranked = groups[order]
    starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]]) if len(ranked) else np.empty(0, np.int64)
    ranks = np.empty(len(groups), np.int64)
    ranks[order] = np.arange(len(groups)) - np.repeat(starts, np.diff(np.r_[starts, len(groups)]))
    return ranks


def _pairs(image, box, truth_image, truth_box, is_crowd):
    """Return pairs (int64 [m, 2]) and their IoU, see `Matches`; for a crowd region it is the covered share of a box."""
    detections = _by_group(image)
    found, overlaps = [np.empty((0, 2), np.int64)], [np.empty(0)]
    for number, objects in _by_group(truth_image).items():
        here = detections.get(number)
        if here is None:
            continue
        one, other = box[here, None], truth_box[objects]
        sides = (np.minimum(one[..., :2] + one[..., 2:], other[:, :2] + other[:, 2:])
                 - np.maximum(one[..., :2], other[:, :2]))
        shared = sides.clip(0).prod(2)
        area = one[..., 2] * one[..., 3]
        union = np.where(is_crowd[objects], area, area + other[:, 2] * other[:, 3] - shared)
        iou = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
        rows, columns = np.nonzero(iou >= TOUCH_IOU)
        found.append(np.stack((here[rows], objects[columns]), 1))
        overlaps.append(iou[rows, columns])
    pairs, iou = np.concatenate(found), np.concatenate(overlaps)
    # Of two objects with the same IoU COCO takes the later one.
    order = np.lexsort((-pairs[:, 1], -iou, pairs[:, 0]))
    return pairs[order], iou[order]


def _by_group(groups):
    """Return the indices of each group, by its number."""
    order = np.argsort(groups, kind="stable")
    numbers, starts = np.unique(groups[order], return_index=True)
    return dict(zip(numbers.tolist(), np.split(order, starts[1:]), strict=True)) if len(numbers) else {}


def _greedy(pairs, num_detections, num_objects):
    """Match each detection, in the order of the pairs, with its first free object.

    Returns:
        The object of each detection, and the detection of each object, int64, -1 for none.
    """
    found, found_by = np.full(num_detections, -1), np.full(num_objects, -1)
    for detection, truth in pairs.tolist():
        if found[detection] < 0 and found_by[truth] < 0:
            found[detection], found_by[truth] = truth, detection
    return found, found_by


@dataclass(frozen=True)
class Curves:
    """Curves of each class that has an object, at an IoU of 0.50; `classes` int64 [K] are their numbers.

    `precision_at_recall` [K, 101] goes by `RECALLS`, its mean is `ap50` [K]. `precision` and `recall` [K, 1001] go by
    `THRESHOLDS`, as do `right` and `wrong`, the numbers of detections; the precision of no detection is NaN.
    """

    classes: np.ndarray
    precision_at_recall: np.ndarray
    right: np.ndarray
    wrong: np.ndarray
    objects: np.ndarray

    @property
    def ap50(self):
        """AP at an IoU of 0.50 of each class [K]."""
        return self.precision_at_recall.mean(1)

    @property
    def precision(self):
        """Precision [K, 1001]."""
        found = self.right + self.wrong
        return np.divide(self.right, found, out=np.full(found.shape, np.nan), where=found > 0)

    @property
    def recall(self):
        """Recall [K, 1001]."""
        return self.right / self.objects[:, None]

    @property
    def f1(self):
        """Harmonic mean of precision and recall [K, 1001]."""
        return 2 * self.right / (self.right + self.wrong + self.objects[:, None])

    @property
    def best_threshold(self):
        """The score at which the mean F1 of the classes is highest."""
        mean = self.f1.mean(0) if len(self.classes) else np.zeros(1)
        return float(THRESHOLDS[mean.argmax()]) if mean.any() else DEFAULT_THRESHOLD


def curves(matches):
    """Return the `Curves` of `Matches`."""
    classes = np.flatnonzero(matches.objects)
    by_class = _by_group(np.where(matches.is_ignored, -1, matches.label))
    at_recall, right, wrong = (np.zeros((len(classes), width)) for width in
                               (len(RECALLS), len(THRESHOLDS), len(THRESHOLDS)))
    for row, number in enumerate(classes.tolist()):
        here = by_class.get(number, np.empty(0, np.int64))
        hits = np.cumsum(matches.found[here] >= 0)
        counts = np.arange(1, len(here) + 1)
        envelope = np.maximum.accumulate((hits / counts)[::-1])[::-1]
        places = np.searchsorted(hits / matches.objects[number], RECALLS)
        at_recall[row] = np.append(envelope, 0)[np.minimum(places, len(here))]
        above = np.searchsorted(-matches.score[here], -THRESHOLDS, side="right")
        right[row] = np.append(0, hits)[above]
        wrong[row] = above - right[row]
    return Curves(classes, at_recall, right, wrong, matches.objects[classes])


@dataclass(frozen=True)
class Errors:
    """What is wrong with the detections of a score of at least `threshold`.

    `kind` int64 [n] is the `Kind` of each detection of the `Matches`, UNCOUNTED below the threshold and where a crowd
    region hides it. `is_missed` bool [m] marks the objects that no detection explains: none matches them, and none of
    another class or loose one covers them. `confusion` int64 [C + 1, C + 1] counts each object once by its class and
    that of the detection found there, and each detection at no such object; the last row and column are background.
    """

    threshold: float
    kind: np.ndarray
    is_missed: np.ndarray
    confusion: np.ndarray

    def counts(self):
        """Return how many detections, or missed objects, there are of each `Kind`."""
        found = {kind: int((self.kind == kind).sum()) for kind in Kind if kind != Kind.UNCOUNTED}
        return {**found, Kind.MISSED: int(self.is_missed.sum())}


def errors(matches, threshold):
    """Return the `Errors` of `Matches` at a score threshold.

    A detection that is not right is doubled where a better one matches its object, has the wrong class where it
    overlaps one of another class by an IoU of 0.50, and is loose where it overlaps one of its own by 0.10.
    """
    counts = (matches.score >= threshold) & ~matches.is_ignored
    detection, truth = matches.pairs.T
    same = matches.label[detection] == matches.truth_label[truth]
    covers = matches.pair_iou >= min(MATCH_IOU, 1 - 1e-10)
    kind = np.full(len(counts), Kind.BACKGROUND, np.int64)
    kind[detection[same]] = Kind.LOOSE
    kind[detection[~same & covers]] = Kind.WRONG_CLASS
    kind[detection[same & covers]] = Kind.DOUBLED
    kind[matches.found >= 0] = Kind.RIGHT
    kind[~counts] = Kind.UNCOUNTED

    is_free = np.ones(len(matches.truth_label), bool)
    is_free[matches.found[kind == Kind.RIGHT]] = False
    taken = (kind[detection] == Kind.WRONG_CLASS) & ~same & covers & is_free[truth]
    named, _ = _greedy(matches.pairs[taken], len(kind), len(is_free))
    confusion = _confusion(matches, kind, named)
    is_missed = is_free.copy()
    is_missed[truth[taken]] = False
    is_missed[truth[(kind[detection] == Kind.LOOSE) & same]] = False
    return Errors(threshold, kind, is_missed, confusion)


def _confusion(matches, kind, named):
    """Return `Errors.confusion`; `named` is the object that each detection of a wrong class stands for, or -1."""
    background = matches.num_classes
    stands_for = np.where(kind == Kind.RIGHT, matches.found, named)
    at_object = stands_for >= 0
    rows = np.full(len(kind), background)
    rows[at_object] = matches.truth_label[stands_for[at_object]]
    counted = kind != Kind.UNCOUNTED
    confusion = np.zeros((background + 1, background + 1), np.int64)
    np.add.at(confusion, (rows[counted], matches.label[counted]), 1)
    confusion[:-1, -1] = matches.objects - confusion[:-1, :-1].sum(1)
    return confusion


def worst_images(matches, found, most):
    """Return the numbers of the images with the largest errors, the worst first, at most `most` of them.

    A missed object counts 1, a detection that is not right its score. Images without an error are left out.
    """
    is_wrong = (found.kind != Kind.RIGHT) & (found.kind != Kind.UNCOUNTED)
    weight = (np.bincount(matches.truth_image[found.is_missed], minlength=matches.num_images)
              + np.bincount(matches.image[is_wrong], matches.score[is_wrong], matches.num_images))
    order = np.argsort(-weight, kind="stable")[:most]
    return order[weight[order] > 0].tolist()

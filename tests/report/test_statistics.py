# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Matches, curves, kinds of errors and the confusion matrix: against COCO's figures and against cases by hand."""
import numpy as np
import pytest

from src.data.coco import read_coco
from src.evaluation.coco_scores import score_results
from src.report.statistics import DEFAULT_THRESHOLD, THRESHOLDS, Kind, curves, errors, match, worst_images
from tests.support.helpers import data_config, write_coco
from tests.support.oracle import BALL, CUP, KEY, found

A, B = (100, 100, 100, 100), (300, 200, 100, 100)


def data_of(folder, *images):
    """Write images of 640x480 pixels with boxes (x, y, w, h, category, and 1 for a crowd region); return their data."""
    write_coco(folder, [{"size": (640, 480), "boxes": boxes} for boxes in images], "val")
    return read_coco(data_config(folder), "val", training=False)


def right(box, pixels):
    return box[0] + pixels, *box[1:]


def random_results(rng, data, count):
    """Return detections near the objects: shifted, of another class, several of one, with equal scores, and strays."""
    results = []
    for number in rng.integers(0, len(data.truth["bbox"]), count).tolist():
        box = data.truth["bbox"][number] + rng.normal(0, 9, 4)
        category = data.truth["class_index"][number] if rng.random() < 0.8 else rng.integers(3)
        results.append(found(np.maximum(box, 1).round(2).tolist(), data.categories.ids[category],
                             round(float(rng.random()), 2), data.image_ids[data.truth["image_index"][number]]))
    return results


@pytest.mark.parametrize("count", [0, 40, 4000])
def test_the_area_below_precision_over_recall_is_ap50_of_coco(tmp_path, count):
    rng = np.random.default_rng(count)
    data = data_of(tmp_path, *([(*rng.uniform(0, 300, 2), *rng.uniform(30, 120, 2), int(rng.choice([CUP, BALL])),
                                 int(rng.random() < 0.15)) for _ in range(12)] for _ in range(6)))
    # 4000 are more than the hundred of a class that COCO counts in an image.
    results = random_results(rng, data, count)
    found_curves = curves(match(data, results))
    for engine in ("pycocotools", "faster-coco-eval"):
        expected = list(score_results(data, results, engine).per_class_ap50.values())
        # There is no key.
        assert found_curves.ap50 == pytest.approx(expected[:2], abs=1e-12) and np.isnan(expected[2])
    assert found_curves.classes.tolist() == [0, 1]


def test_a_hundred_detections_of_a_class_count_in_an_image(tmp_path):
    data = data_of(tmp_path, [(*A, CUP), (*B, BALL)])
    strays = [found((500, 20, 50, 50), CUP, 0.9) for _ in range(100)]
    results = [*strays, found(A, CUP, 0.8), found(B, BALL, 0.8)]
    expected = list(score_results(data, results).per_class_ap50.values())[:2]
    assert curves(match(data, results)).ap50.tolist() == expected == [0, 1]
    assert curves(match(data, results[1:])).ap50[0] == pytest.approx(0.01)


def test_curves_over_the_score(tmp_path):
    data = data_of(tmp_path, [(*A, CUP), (*B, CUP)])
    matches = match(data, [found(A, CUP, 0.9), found((500, 20, 50, 50), CUP, 0.8), found(B, CUP, 0.3)])
    found_curves = curves(matches)
    places = [int(np.abs(THRESHOLDS - score).argmin()) for score in (0.3, 0.301, 0.8, 0.9, 0.901)]
    np.testing.assert_allclose(found_curves.precision[0, places], [2 / 3, 1 / 2, 1 / 2, 1, np.nan])
    np.testing.assert_allclose(found_curves.recall[0, places], [1, 1 / 2, 1 / 2, 1 / 2, 0])
    np.testing.assert_allclose(found_curves.f1[0, places], [4 / 5, 1 / 2, 1 / 2, 2 / 3, 0])
    assert found_curves.best_threshold == 0
    assert curves(match(data, [])).best_threshold == DEFAULT_THRESHOLD


# Detections beside a cup at A and a ball at B: (box, category), and the kind of each. A shift of 20 pixels has an IoU
# of 0.67, one of 40 has 0.43, one of 90 has 0.05.
KINDS = {
    "right": ([(A, CUP)], [Kind.RIGHT], 1),
    "doubled": ([(A, CUP), (right(A, 20), CUP)], [Kind.RIGHT, Kind.DOUBLED], 1),
    "wrong class": ([(A, KEY)], [Kind.WRONG_CLASS], 1),
    "wrong class on an object that is found": ([(A, CUP), (A, KEY)], [Kind.RIGHT, Kind.WRONG_CLASS], 1),
    "loose": ([(right(A, 40), CUP)], [Kind.LOOSE], 1),
    "loose around an object that is found": ([(A, CUP), (right(A, 40), CUP)], [Kind.RIGHT, Kind.LOOSE], 1),
    "background": ([(right(A, 90), CUP)], [Kind.BACKGROUND], 2),
    "loose on another class": ([(right(A, 40), KEY)], [Kind.BACKGROUND], 2),
    "nothing": ([], [], 2),
}


@pytest.mark.parametrize("boxes, kinds, missed", KINDS.values(), ids=KINDS)
def test_kinds_of_errors(tmp_path, boxes, kinds, missed):
    data = data_of(tmp_path, [(*A, CUP), (*B, BALL)])
    results = [found(box, category, 0.9 - place / 10) for place, (box, category) in enumerate(boxes)]
    # Below the threshold, it is no detection.
    matches = match(data, [*results, found(A, CUP, 0.1)])
    wrong = errors(matches, 0.5)
    assert [Kind(kind) for kind in wrong.kind] == [*kinds, Kind.UNCOUNTED]
    # The ball is never found.
    assert wrong.is_missed.sum() == missed and wrong.counts()[Kind.MISSED] == missed


def test_the_better_detection_is_the_right_one_whatever_its_iou(tmp_path):
    matches = match(data_of(tmp_path, [(*A, CUP)]), [found(A, CUP, 0.6), found(right(A, 20), CUP, 0.8)])
    assert matches.score.tolist() == [0.8, 0.6] and matches.found.tolist() == [0, -1]


def test_a_crowd_region_hides_detections_and_is_not_missed(tmp_path):
    data = data_of(tmp_path, [(*A, CUP, 1), (*B, BALL)])
    wrong = errors(match(data, [found((110, 110, 30, 30), CUP, 0.9), found((110, 110, 30, 30), KEY, 0.8)]), 0.5)
    assert [Kind(kind) for kind in wrong.kind] == [Kind.UNCOUNTED, Kind.BACKGROUND]
    assert wrong.is_missed.tolist() == [True]


def test_confusion_matrix(tmp_path):
    data = data_of(tmp_path, [(*A, CUP), (*B, BALL)], [(*A, CUP), (*B, KEY)], [(*A, CUP)])
    results = [found(A, CUP, 0.9), found(right(A, 20), CUP, 0.8), found(B, CUP, 0.7),
               found(A, BALL, 0.9, 2), found(A, KEY, 0.8, 2), found(B, KEY, 0.9, 2),
               found((500, 20, 50, 50), BALL, 0.9, 3), found(right(A, 40), CUP, 0.8, 3)]
    # Rows are cup, ball, key, background. Of the three cups one is found, one taken for a ball, one missed; the second
    # detection of each, the loose one and the stray one are at no object.
    expected = [[1, 1, 0, 1], [1, 0, 0, 0], [0, 0, 1, 0], [2, 1, 1, 0]]
    np.testing.assert_array_equal(errors(match(data, results), 0.5).confusion, expected)


def test_the_worst_image_is_first_and_one_without_an_error_is_left_out(tmp_path):
    data = data_of(tmp_path, [(*A, CUP)], [(*A, CUP)], [(*A, CUP), (*B, CUP)], [])
    results = [found(A, CUP, 0.9), found(A, CUP, 0.9, 3), found(B, BALL, 0.6, 3), found(A, CUP, 0.7, 4)]
    matches = match(data, results)
    # A missed cup counts 1, a stray one 0.7, a wrong class 0.6.
    assert worst_images(matches, errors(matches, 0.5), 8) == [1, 3, 2]
    assert worst_images(matches, errors(matches, 0.5), 2) == [1, 3]

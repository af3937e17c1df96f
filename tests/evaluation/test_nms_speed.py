# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of what makes src/evaluation/detections.py fast: it gives the same detections as plain loops."""
import numpy as np
import pytest

from src.evaluation import detections
from src.evaluation.nms import detections_from_heads
from tests.support.decoded_heads import loop_detections, random_heads


def test_45000_pairs_an_image_give_what_a_plain_loop_gives(monkeypatch):
    """And few of them are sorted and compared; how much time that saves is measured by tests/benchmark/run.py."""
    big, small = random_heads(np.random.default_rng(0), 80, 20)
    products = np.concatenate([(head[..., 4:5] * head[..., 5:]).ravel() for head in (big, small)])
    threshold = float(np.sort(products)[-45001])
    assert (products > np.float32(threshold)).sum() == 45_000
    suppress, taken = detections.non_max_suppression, []
    monkeypatch.setattr(detections, "non_max_suppression", lambda xyxy, *rest: taken.append(len(xyxy))
                        or suppress(xyxy, *rest))
    boxes, scores, classes = detections_from_heads(big, small, threshold, 0.5, 300)
    expected = loop_detections(big, small, threshold, 0.5, 300)
    np.testing.assert_allclose(boxes * 640, expected[0], atol=1e-3)
    np.testing.assert_array_equal(scores, np.array(expected[1], np.float32))
    assert classes.tolist() == expected[2] and len(classes) == 300
    assert len(taken) == 1 and 300 <= taken[0] < 45_000 / 10


@pytest.mark.parametrize("multi_label", [True, False])
@pytest.mark.parametrize("num_classes, mean_size, digits", [(1, 0.8, 7), (1, 0.5, 1), (3, 0.3, 7), (20, 0.12, 1)])
def test_looking_at_the_best_cells_first_changes_nothing(monkeypatch, multi_label, num_classes, mean_size, digits):
    """From one cell to all: with the few, NMS leaves too little, and all pairs are taken."""
    rng, taken = np.random.default_rng(num_classes), []
    select = detections.select_pairs
    monkeypatch.setattr(detections, "select_pairs", lambda *a: taken.append(a[1]) or select(*a))
    for _ in range(3):
        big, small = random_heads(rng, num_classes, 4, mean_size)
        for head in (big, small):
            head[..., 4:] = np.round(head[..., 4:], digits)
        results = []
        for cells_first in (10**6, 1, 2, 8):
            monkeypatch.setattr(detections, "CELLS_FIRST", cells_first)
            results.append(detections_from_heads(big, small, 0.01, 0.5, 15, multi_label))
        for result in results[1:]:
            for found, expected in zip(result, results[0], strict=True):
                np.testing.assert_array_equal(found, expected)
    # Some of the twelve looked twice, and some that looked at the best cells only found enough.
    assert 12 < len(taken) < 24 and sum(threshold == 0.01 for threshold in taken) < 12


@pytest.mark.parametrize("field, value", [(0, np.nan), (4, np.nan), (4, np.inf), (6, np.nan), (6, np.inf)])
def test_the_best_cells_are_not_looked_for_among_damaged_ones(monkeypatch, field, value):
    big, small = random_heads(np.random.default_rng(3), 3, 4)
    small[0, :2, 0, field] = value
    results = []
    for cells_first in (10**6, 1):
        monkeypatch.setattr(detections, "CELLS_FIRST", cells_first)
        with np.errstate(all="ignore"):
            results.append(detections_from_heads(big, small, 0.01, 0.5, 5))
    for found, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(results[0][0]) == 5

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Pairs, IoU and non-maximum suppression against plain loops, hand-made heads and OpenCV; shortcuts change nothing."""
import cv2
import numpy as np
import pytest

from src.evaluation import nms
from src.evaluation.nms import broadcast_iou, detections_from_heads, non_max_suppression, select_pairs
from tests.support.decoded_heads import empty_heads, loop_detections, loop_nms, put, random_heads


def random_boxes(rng, count, spread=400.0):
    corner = rng.uniform(0, spread, (count, 2))
    return np.concatenate((corner, corner + rng.uniform(5, 150, (count, 2))), 1)


def test_broadcast_iou_by_hand():
    left = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 20.0]])
    right = np.array([[0, 0, 10, 10], [5, 5, 15, 15], [10, 0, 20, 10], [20, 20, 30, 30], [0, 0, 10, 10.0]])
    np.testing.assert_allclose(broadcast_iou(left, right), [1, 25 / 175, 0, 0, 0.5], rtol=1e-12)
    np.testing.assert_array_equal(broadcast_iou(np.ones((1, 4)), np.ones((1, 4))), [0])


@pytest.mark.parametrize("count, num_classes, threshold, most", [
    (1, 1, 0.5, 300), (60, 1, 0.5, 300), (400, 3, 0.5, 300), (400, 3, 0.3, 20), (700, 1, 0.5, 300), (300, 80, 0.7, 300),
])
@pytest.mark.parametrize("equal_scores", [False, True])
def test_nms_equals_the_plain_loop(count, num_classes, threshold, most, equal_scores):
    rng = np.random.default_rng(count + num_classes)
    boxes, classes = random_boxes(rng, count), rng.integers(0, num_classes, count)
    scores = rng.random(count).astype(np.float32)
    if equal_scores:
        scores = np.round(scores, 1)
    kept = non_max_suppression(boxes, scores, classes, threshold, most)
    assert kept.tolist() == loop_nms(boxes.tolist(), scores.tolist(), classes.tolist(), threshold, most)


def test_boxes_with_the_threshold_as_iou_are_both_kept():
    boxes = np.array([[0, 0, 10, 20], [0, 0, 10, 10], [0, 0, 10, 10.001]])
    assert non_max_suppression(boxes, np.array([.9, .8, .7]), np.zeros(3), 0.5, 300).tolist() == [0, 1]
    assert non_max_suppression(boxes[[0, 2]], np.array([.9, .7]), np.zeros(2), 0.5, 300).tolist() == [0]


def test_a_suppressed_box_suppresses_nothing():
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]])
    assert non_max_suppression(boxes, np.array([.9, .8, .7]), np.zeros(3), 0.4, 300).tolist() == [0, 2]


def test_equal_scores_keep_the_lower_index_and_other_classes_are_left_alone():
    boxes = np.tile([[0, 0, 10, 10]], (4, 1))
    kept = non_max_suppression(boxes, np.full(4, 0.5), np.array([1, 0, 1, 0]), 0.5, 300)
    assert kept.tolist() == [0, 1]


def test_the_sorted_head_is_not_the_whole_answer():
    """All of the boxes that are sorted first are copies of one box; the others must still be found."""
    copies = np.tile([[0.0, 0.0, 10.0, 10.0]], (500, 1))
    others = np.array([[100.0 * i, 0.0, 100.0 * i + 10, 10.0] for i in range(1, 8)])
    scores = np.concatenate((np.full(500, 0.9), np.linspace(0.2, 0.1, 7))).astype(np.float32)
    kept = non_max_suppression(np.concatenate((copies, others)), scores, np.zeros(507), 0.5, 5)
    assert kept.tolist() == [0, 500, 501, 502, 503]


def test_nms_agrees_with_opencv_away_from_its_rounding():
    """OpenCV compares 1 - (1 - IoU) in float32, so an IoU within 3e-8 above the threshold passes there."""
    rng = np.random.default_rng(5)
    boxes, scores = random_boxes(rng, 500), rng.random(500).astype(np.float32)
    xywh = np.concatenate((boxes[:, :2], boxes[:, 2:] - boxes[:, :2]), 1)
    expected = cv2.dnn.NMSBoxes(xywh, scores, 0.0, 0.5)
    assert non_max_suppression(boxes, scores, np.zeros(500), 0.5, 500).tolist() == expected.tolist()
    almost = np.array([[0, 0, 10, 20.0], [0, 0, 10, 10.0000001]])
    assert len(non_max_suppression(almost, np.array([.9, .8]), np.zeros(2), 0.5, 300)) == 1


# Selection of (cell, class) pairs

def test_threshold_is_strict_and_on_the_product():
    cells = np.array([[.5, .5, .1, .1, 0.5, 0.5, 0.5001], [.5, .5, .1, .1, 0.01, 1.0, 0.0]], np.float32)
    rows, classes, scores = select_pairs(cells, 0.25, multi_label=True)
    assert (rows.tolist(), classes.tolist()) == ([0], [1])
    assert scores == pytest.approx([0.25005])
    # 2021 asked for a class probability above 0.15 whatever the objectness; here a weak class of a sure object counts.
    rows, classes, _ = select_pairs(np.array([[.5, .5, .1, .1, 0.99, 0.1]], np.float32), 0.001, multi_label=True)
    assert (rows.tolist(), classes.tolist()) == ([0], [0])


def test_multi_label_gives_all_classes_else_the_best():
    cells = np.array([[.5, .5, .1, .1, 0.8, 0.9, 0.2, 0.9], [.5, .5, .1, .1, 0.8, 0.0, 0.6, 0.1]], np.float32)
    rows, classes, scores = select_pairs(cells, 0.1, multi_label=True)
    assert rows.tolist() == [0, 0, 0, 1] and classes.tolist() == [0, 1, 2, 1]
    np.testing.assert_allclose(scores, [0.72, 0.16, 0.72, 0.48], rtol=1e-6)
    rows, classes, scores = select_pairs(cells, 0.1, multi_label=False)
    assert rows.tolist() == [0, 1] and classes.tolist() == [0, 1]
    np.testing.assert_allclose(scores, [0.72, 0.48], rtol=1e-6)
    assert [part.size for part in select_pairs(cells, 0.9, multi_label=False)] == [0, 0, 0]


@pytest.mark.parametrize("field, value", [(0, np.nan), (2, np.inf), (2, 0.0), (3, -1.0), (4, np.nan), (5, np.nan)])
def test_cells_without_a_proper_box_give_nothing(field, value):
    cells = np.array([[.5, .5, .1, .1, 0.9, 0.9], [.5, .5, .1, .1, 0.9, 0.8]], np.float32)
    cells[0, field] = value
    rows, _, _ = select_pairs(cells, 0.001, multi_label=True)
    assert rows.tolist() == [1]


@pytest.mark.parametrize("multi_label, classes", [(True, [1]), (False, [])])
def test_a_score_that_is_not_finite_gives_nothing(multi_label, classes):
    cells = np.array([[.5, .5, .1, .1, 0.9, np.inf, 0.9]], np.float32)
    assert select_pairs(cells, 0.001, multi_label)[1].tolist() == classes


# Heads to detections

def test_hand_made_heads_give_the_boxes_put_in():
    big, small = empty_heads(3, (2, 4))
    put(big, (1, 2, 0), (0.6, 0.7, 0.2, 0.4), 0.9, c1=0.8)
    put(small, (0, 0, 2), (0.1, 0.1, 0.3, 0.05), 0.5, c0=0.5, c2=0.9)
    boxes, scores, classes = detections_from_heads(big, small, 0.001, 0.5, 300)
    assert classes.tolist() == [1, 2, 0]
    np.testing.assert_allclose(scores, [0.72, 0.45, 0.25], rtol=1e-6)
    np.testing.assert_allclose(boxes, [[0.5, 0.5, 0.7, 0.9], [-0.05, 0.075, 0.25, 0.125], [-0.05, 0.075, 0.25, 0.125]],
                               atol=1e-6)
    assert boxes.dtype == np.float32 and scores.dtype == np.float32


def test_nms_runs_on_unclipped_boxes():
    """Clipped to the input both boxes would be the same; whole, they share a third."""
    big, small = empty_heads(1)
    put(big, (0, 0, 0), (0.0, 0.5, 0.4, 0.2), 0.9, c0=0.9)
    put(big, (1, 0, 0), (-0.2, 0.5, 0.8, 0.2), 0.8, c0=0.9)
    put(big, (2, 0, 0), (-0.6, 0.5, 1.6, 0.2), 0.7, c0=0.9)
    boxes, _, _ = detections_from_heads(big, small, 0.001, 0.45, 300)
    np.testing.assert_allclose(boxes[:, 0], [-0.2, -1.4], atol=1e-6)


def test_ties_go_to_the_coarse_head_then_row_column_anchor_class():
    big, small = empty_heads(2)
    cells = [(small, (0, 0, 0)), (big, (1, 0, 0)), (big, (0, 1, 0)), (big, (0, 0, 1)), (big, (0, 0, 0))]
    for number, (head, cell) in enumerate(cells):
        put(head, cell, (0.1 + 0.18 * number, 0.5, 0.1, 0.1), 0.5, c0=0.5, c1=0.5)
    boxes, _, classes = detections_from_heads(big, small, 0.001, 0.5, 300)
    np.testing.assert_allclose((boxes[:, 0] + boxes[:, 2]) / 2, np.repeat([0.82, 0.64, 0.46, 0.28, 0.1], 2), atol=1e-6)
    assert classes.tolist() == [0, 1] * 5


@pytest.mark.parametrize("num_classes, grid, most", [(3, 4, 300), (20, 3, 40), (1, 5, 300)])
def test_random_heads_equal_plain_loops_over_all_pairs(num_classes, grid, most):
    big, small = random_heads(np.random.default_rng(grid), num_classes, grid, mean_size=0.3)
    boxes, scores, classes = detections_from_heads(big, small, 0.02, 0.5, most)
    side = 32 * grid
    expected_boxes, expected_scores, expected_classes = loop_detections(big, small, 0.02, 0.5, most)
    assert classes.tolist() == expected_classes
    np.testing.assert_array_equal(scores, np.array(expected_scores, np.float32))
    np.testing.assert_allclose(boxes * side, expected_boxes, atol=1e-3)


def test_nothing_above_the_threshold_gives_empty_arrays():
    boxes, scores, classes = detections_from_heads(*empty_heads(3), 0.001, 0.5, 300)
    assert boxes.shape == (0, 4) and scores.shape == (0,) and classes.shape == (0,)


# The shortcuts give what plain loops give; how much time they save is measured by tests/benchmark/run.py.

def test_45000_pairs_an_image_give_what_a_plain_loop_gives(monkeypatch):
    """And few of them are sorted and compared."""
    big, small = random_heads(np.random.default_rng(0), 80, 20)
    products = np.concatenate([(head[..., 4:5] * head[..., 5:]).ravel() for head in (big, small)])
    threshold = float(np.sort(products)[-45001])
    assert (products > np.float32(threshold)).sum() == 45_000
    suppress, taken = nms.non_max_suppression, []
    monkeypatch.setattr(nms, "non_max_suppression", lambda xyxy, *rest: taken.append(len(xyxy))
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
    select = nms.select_pairs
    monkeypatch.setattr(nms, "select_pairs", lambda *a: taken.append(a[1]) or select(*a))
    for _ in range(3):
        big, small = random_heads(rng, num_classes, 4, mean_size)
        for head in (big, small):
            head[..., 4:] = np.round(head[..., 4:], digits)
        results = []
        for cells_first in (10**6, 1, 2, 8):
            monkeypatch.setattr(nms, "CELLS_FIRST", cells_first)
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
        monkeypatch.setattr(nms, "CELLS_FIRST", cells_first)
        with np.errstate(all="ignore"):
            results.append(detections_from_heads(big, small, 0.01, 0.5, 5))
    for found, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(results[0][0]) == 5

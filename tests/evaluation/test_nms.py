# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of IoU and non-maximum suppression in src/evaluation/detections.py, against a plain loop and against OpenCV."""
import cv2
import numpy as np
import pytest

from src.evaluation.nms import broadcast_iou, non_max_suppression
from tests.support.decoded_heads import loop_nms


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

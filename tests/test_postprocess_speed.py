"""Tests of what makes src/postprocess.py fast: the same detections as by plain loops, and how much sooner."""
import time

import numpy as np
import pytest

from src import postprocess
from src.postprocess import detections_from_heads
from tests.test_postprocess import random_heads
from tests.test_postprocess_nms import loop_iou


def loop_over_pairs(big, small, score_threshold, nms_threshold, max_detections):
    """Detections by plain loops over every (cell, class) pair; NMS stops at the last detection asked for."""
    side, pairs, kept = 32 * big.shape[0], [], []
    for head in (big, small):
        for cell in head.reshape(-1, head.shape[-1]):
            for number, probability in enumerate(cell[5:]):
                score = cell[4] * probability
                if score > score_threshold:
                    cx, cy, w, h = (float(value) for value in cell[:4])
                    pairs.append((float(score), number, ((cx - w / 2) * side, (cy - h / 2) * side,
                                                         (cx + w / 2) * side, (cy + h / 2) * side)))
    for pair in sorted(pairs, key=lambda pair: -pair[0]):
        if all(pair[1] != other[1] or loop_iou(pair[2], other[2]) <= nms_threshold for other in kept):
            kept.append(pair)
        if len(kept) == max_detections:
            break
    return [box for _, _, box in kept], [score for score, _, _ in kept], [number for _, number, _ in kept]


def test_45000_pairs_an_image_against_a_plain_loop():
    """Typical is 3 ms on one core and a ratio above 200; time of this thread, so that a busy machine changes little."""
    big, small = random_heads(np.random.default_rng(0), 80, 20)
    products = np.concatenate([(head[..., 4:5] * head[..., 5:]).ravel() for head in (big, small)])
    threshold = float(np.sort(products)[-45001])
    assert (products > np.float32(threshold)).sum() == 45_000
    times = []
    for _ in range(7):
        started = time.thread_time()
        boxes, scores, classes = detections_from_heads(big, small, threshold, 0.5, 300)
        times.append(time.thread_time() - started)
    started = time.thread_time()
    expected = loop_over_pairs(big, small, threshold, 0.5, 300)
    loop_time = time.thread_time() - started
    np.testing.assert_allclose(boxes * 640, expected[0], atol=1e-3)
    np.testing.assert_array_equal(scores, np.array(expected[1], np.float32))
    assert classes.tolist() == expected[2] and len(classes) == 300
    assert np.median(times) < 0.01 and loop_time / np.median(times) > 50


@pytest.mark.parametrize("multi_label", [True, False])
@pytest.mark.parametrize("num_classes, mean_size, digits", [(1, 0.8, 7), (1, 0.5, 1), (3, 0.3, 7), (20, 0.12, 1)])
def test_looking_at_the_best_cells_first_changes_nothing(monkeypatch, multi_label, num_classes, mean_size, digits):
    """From one cell to all: with the few, NMS leaves too little, and all pairs are taken."""
    rng, taken = np.random.default_rng(num_classes), []
    select = postprocess.select_pairs
    monkeypatch.setattr(postprocess, "select_pairs", lambda *a: taken.append(a[1]) or select(*a))
    for _ in range(3):
        big, small = random_heads(rng, num_classes, 4, mean_size)
        for head in (big, small):
            head[..., 4:] = np.round(head[..., 4:], digits)
        results = []
        for cells_first in (10**6, 1, 2, 8):
            monkeypatch.setattr(postprocess, "CELLS_FIRST", cells_first)
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
        monkeypatch.setattr(postprocess, "CELLS_FIRST", cells_first)
        with np.errstate(all="ignore"):
            results.append(detections_from_heads(big, small, 0.01, 0.5, 5))
    for found, expected in zip(*results, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert len(results[0][0]) == 5

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Placements: boxes to the canvas and back, letterbox, reductions, alignment and flips."""
import numpy as np
import pytest

from model_utils.errors import UserError
from src.data.placement import Placement, fit_placement, flip_boxes, letterbox_placement, stretch_placement


def test_stretch_and_letterbox_by_hand():
    assert stretch_placement((480, 640), (320, 416)) == Placement((0, 0, 640, 480), (0, 0, 416, 320))
    assert letterbox_placement((480, 640), (416, 416)) == Placement((0, 0, 640, 480), (0, 52, 416, 364))
    assert letterbox_placement((640, 480), (416, 416)) == Placement((0, 0, 480, 640), (52, 0, 364, 416))
    assert letterbox_placement((100, 200), (640, 320)) == Placement((0, 0, 200, 100), (0, 240, 320, 400))
    assert letterbox_placement((416, 416), (416, 416)).dst_xyxy == (0, 0, 416, 416)
    # The dog image of the official network: 768x576 in 416x416.
    assert letterbox_placement((576, 768), (416, 416)).dst_xyxy == (0, 52, 416, 364)


def test_letterbox_of_a_very_thin_image_has_a_pixel():
    x1, y1, x2, y2 = letterbox_placement((1, 5000), (416, 416)).dst_xyxy
    assert (x1, x2, y2 - y1) == (0, 416, 1)


def test_fit_placement_goes_by_the_mode():
    sizes = ((480, 640), (416, 416))
    assert fit_placement("stretch", *sizes) == stretch_placement(*sizes)
    assert fit_placement("letterbox", *sizes) == letterbox_placement(*sizes)
    with pytest.raises(UserError, match="crop"):
        fit_placement("crop", *sizes)


def test_boxes_by_hand():
    placement = Placement((10, 20, 30, 60), (0, 100, 40, 120))
    boxes = np.array([[10, 20, 30, 60], [15, 40, 20, 50], [0, 0, 10, 20]])
    expected = [[0, 100, 40, 120], [10, 110, 20, 115], [-20, 90, 0, 100]]
    np.testing.assert_array_equal(placement.boxes_to_canvas(boxes), expected)
    np.testing.assert_array_equal(placement.boxes_to_image(np.array(expected)), boxes)
    assert placement.boxes_to_canvas(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_boxes_come_back_from_the_canvas(mode):
    rng = np.random.default_rng(3)
    for _ in range(50):
        image_hw, canvas_hw = tuple(rng.integers(1, 4000, 2)), tuple(rng.integers(1, 21, 2) * 32)
        placement = fit_placement(mode, image_hw, canvas_hw)
        boxes = rng.uniform(0, 4000, (20, 4))
        np.testing.assert_allclose(placement.boxes_to_image(placement.boxes_to_canvas(boxes)), boxes, atol=1e-8)


def test_reduction_by_hand():
    whole = (0, 0, 640, 480)
    assert [Placement(whole, (0, 0, width, height)).reduction for width, height in
            ((640, 480), (321, 240), (320, 240), (160, 121), (160, 120), (80, 60), (40, 30), (640, 60), (80, 1))] == [
        1, 1, 2, 2, 4, 8, 8, 1, 8]
    # A rectangle that does not fall on whole pixels of the reduced image is not reduced.
    assert [Placement(source, (0, 0, 20, 20)).reduction for source in
            ((8, 16, 328, 336), (4, 16, 328, 336), (8, 16, 330, 336), (8, 16, 328, 335))] == [8, 4, 2, 1]


def test_alignment_by_hand():
    # Half as large: outward to even pixels; at the end of an image of odd size its last line is lost.
    assert Placement((3, 5, 103, 105), (0, 0, 50, 50)).aligned((200, 300)) == Placement((2, 4, 104, 106),
                                                                                       (0, 0, 50, 50))
    assert Placement((3, 0, 103, 105), (0, 0, 50, 50)).aligned((105, 103)) == Placement((2, 0, 102, 104),
                                                                                       (0, 0, 50, 50))
    for placement in (Placement((3, 5, 103, 105), (0, 0, 51, 50)), Placement((3, 5, 103, 105), (0, 0, 200, 10))):
        assert placement.aligned((200, 300)) == placement, "what does not shrink by two stays"


def test_an_aligned_placement_may_be_reduced_and_moves_by_less_than_a_canvas_pixel():
    rng = np.random.default_rng(0)
    reductions = []
    for _ in range(600):
        image_hw = rng.integers(1, 900, 2)
        (y1, x1), (y2, x2) = corners = np.sort(rng.integers(0, (image_hw + 1), (2, 2)), axis=0)
        if (corners[0] == corners[1]).any():
            continue
        height, width = rng.integers(1, np.maximum((corners[1] - corners[0]) // rng.choice([1, 2, 4, 8]), 1) + 1)
        placement = Placement((int(x1), int(y1), int(x2), int(y2)), (3, 4, 3 + int(width), 4 + int(height)))
        aligned = placement.aligned(tuple(image_hw.tolist()))
        by = aligned.reduction
        shrink = min((x2 - x1) // width, (y2 - y1) // height)
        assert by >= max(by for by in (8, 4, 2, 1) if by <= shrink)
        reductions.append(by)
        (sx1, sy1, sx2, sy2), reduced = aligned.src_xyxy, aligned.reduced(by)
        assert 0 <= sx1 < sx2 <= image_hw[1] and 0 <= sy1 < sy2 <= image_hw[0]
        assert tuple(side * by for side in reduced.src_xyxy) == aligned.src_xyxy
        rx1, ry1, rx2, ry2 = reduced.src_xyxy
        assert rx2 - rx1 >= width and ry2 - ry1 >= height
        assert aligned.dst_xyxy == placement.dst_xyxy == reduced.dst_xyxy
        corners = np.array([[x1, y1, x2, y2]], float)
        moved = aligned.boxes_to_canvas(corners) - placement.boxes_to_canvas(corners)
        assert np.abs(moved).max() <= 1
        # A box in pixels of the reduced image lands on the very same canvas pixels.
        np.testing.assert_allclose(reduced.boxes_to_canvas(corners / by), aligned.boxes_to_canvas(corners), atol=1e-9)
    assert {1, 2, 4, 8} == set(reductions) and np.mean(np.array(reductions) > 1) > 0.2


@pytest.mark.parametrize(("flip", "expected"), [
    (None, [1.5, 1, 4, 3, 2]), (1, [6, 1, 8.5, 3, 2]), (0, [1.5, 17, 4, 19, 2]), (-1, [6, 17, 8.5, 19, 2]),
])
def test_boxes_and_placements_flip_alike(flip, expected):
    boxes = np.array([[1.5, 1, 4, 3, 2.0]])
    before = boxes.copy()
    flipped = flip_boxes(boxes, flip, (20, 10))
    np.testing.assert_array_equal(flipped, [expected])
    np.testing.assert_array_equal(flip_boxes(flipped, flip, (20, 10)), boxes)
    placement = Placement((10, 20, 30, 60), (1, 2, 7, 18))
    source_boxes = np.array([[12, 22, 20, 40.0]])
    there = np.concatenate([placement.boxes_to_canvas(source_boxes), [[0]]], axis=1)
    if flip is None:
        assert placement.flipped(flip, (20, 10)) == placement
    assert placement.flipped(flip, (20, 10)).flipped(flip, (20, 10)) == placement
    x1, y1, x2, y2 = placement.flipped(flip, (20, 10)).dst_xyxy
    np.testing.assert_array_equal(flip_boxes(np.array([[1, 2, 7, 18, 0.0]]), flip, (20, 10))[0, :4], (x1, y1, x2, y2))
    assert x1 <= flip_boxes(there, flip, (20, 10))[0, 0] <= x2
    np.testing.assert_array_equal(boxes, before)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Placement, flip and colour; reading files is in test_transforms_decode.py."""
import cv2
import numpy as np
import pytest

from model_utils.errors import UserError
from src.data.augment import NO_SHIFT, ColourShift
from src.data.placement import Placement, fit_placement, flip_boxes, letterbox_placement, stretch_placement
from src.transforms import paste, place, shift_colours


def smooth_image(height=48, width=64):
    """A colourful picture without noise, so that JPEG and resizing change it little."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 255 // height, columns * 255 // width, (rows + columns) * 255 // (height + width)],
                    axis=-1).astype(np.uint8)


# --------------------------------------------------------------------------------------------------------- placement

def test_stretch_and_letterbox_by_hand():
    assert stretch_placement((480, 640), (320, 416)) == Placement((0, 0, 640, 480), (0, 0, 416, 320))
    assert letterbox_placement((480, 640), (416, 416)) == Placement((0, 0, 640, 480), (0, 52, 416, 364))
    assert letterbox_placement((640, 480), (416, 416)) == Placement((0, 0, 480, 640), (52, 0, 364, 416))
    assert letterbox_placement((100, 200), (640, 320)) == Placement((0, 0, 200, 100), (0, 240, 320, 400))
    assert letterbox_placement((416, 416), (416, 416)).dst_xyxy == (0, 0, 416, 416)
    # The dog picture of the official network: 768x576 in 416x416.
    assert letterbox_placement((576, 768), (416, 416)).dst_xyxy == (0, 52, 416, 364)


def test_letterbox_of_a_hair_still_has_a_pixel():
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


def test_letterbox_pads_exactly():
    image = np.full((30, 60, 3), 200, np.uint8)
    placement = letterbox_placement((30, 60), (96, 96))
    canvas = place(image, placement, (96, 96), 77)
    assert placement.dst_xyxy == (0, 24, 96, 72)
    assert (canvas[:24] == 77).all() and (canvas[72:] == 77).all() and (canvas[24:72] == 200).all()


def test_equal_sizes_are_a_plain_copy():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    canvas = place(image, Placement((5, 10, 45, 40), (20, 2, 60, 32)), (64, 64), 0)
    np.testing.assert_array_equal(canvas[2:32, 20:60], image[10:40, 5:45])
    assert not canvas[:, :20].any() and not canvas[:2].any() and not canvas[32:].any()
    canvas[:] = 1
    assert image.max() > 1, "the canvas must not share the image's memory"


def test_paste_draws_its_rectangle_and_nothing_else():
    rng = np.random.default_rng(0)
    image, canvas = rng.integers(0, 256, (40, 50, 3), np.uint8), rng.integers(0, 256, (64, 64, 3), np.uint8)
    before, placement = canvas.copy(), Placement((5, 10, 45, 40), (20, 2, 40, 17))
    paste(image, placement, canvas)
    np.testing.assert_array_equal(canvas[2:17, 20:40], place(image, placement, (64, 64), 0)[2:17, 20:40])
    canvas[2:17, 20:40] = before[2:17, 20:40]
    np.testing.assert_array_equal(canvas, before)


@pytest.mark.parametrize(("target", "method"), [
    ((20, 30), cv2.INTER_AREA), ((40, 30), cv2.INTER_AREA), ((80, 100), cv2.INTER_LINEAR),
    ((20, 100), cv2.INTER_LINEAR), ((80, 25), cv2.INTER_LINEAR),
])
def test_area_when_shrinking_linear_when_growing(target, method):
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    np.testing.assert_array_equal(place(image, stretch_placement((40, 50), target), target, 0),
                                  cv2.resize(image, target[::-1], interpolation=method))


@pytest.mark.parametrize(("target", "method"), [
    ((20, 25), cv2.INTER_AREA), ((19, 20), cv2.INTER_AREA), ((21, 26), cv2.INTER_LINEAR), ((20, 26), cv2.INTER_AREA),
    ((13, 33), cv2.INTER_AREA), ((41, 20), cv2.INTER_LINEAR),
])
def test_area_from_a_given_factor(target, method):
    image, canvas = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8), np.empty((*target, 3), np.uint8)
    paste(image, stretch_placement((40, 50), target), canvas, area_from=2.0)
    np.testing.assert_array_equal(canvas, cv2.resize(image, target[::-1], interpolation=method))


def test_shrinking_averages():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::4] = 200
    np.testing.assert_array_equal(place(stripes, stretch_placement((64, 64), (16, 16)), (16, 16), 0), 50)


# ---------------------------------------------------------------------------------------------------- flip and colour

FLIPS = {None: (slice(None), slice(None)), 1: (slice(None), slice(None, None, -1)),
         0: (slice(None, None, -1), slice(None)), -1: (slice(None, None, -1), slice(None, None, -1))}


@pytest.mark.parametrize("flip", FLIPS)
def test_a_flipped_paste_is_the_mirrored_canvas(flip):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (40, 50, 3), np.uint8)
    for placement in (Placement((5, 10, 45, 40), (20, 2, 60, 32)), Placement((5, 10, 45, 40), (20, 2, 33, 12)),
                      Placement((5, 10, 25, 20), (0, 2, 60, 60))):
        straight, mirrored = np.zeros((2, 64, 70, 3), np.uint8)
        paste(image, placement, straight)
        paste(image, placement.flipped(flip, (64, 70)), mirrored, flip)
        # Resizing rounds a few pixels the other way when it comes from the other side.
        assert np.abs(mirrored[FLIPS[flip]].astype(int) - straight).max() <= 1


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


def by_tables(image, hue_levels, saturation_gain, value_gain):
    """The colour shift level by level: three tables between the two conversions."""
    levels = np.arange(256.0)
    tables = np.stack([(levels + hue_levels) % 256, *(np.clip(np.round(levels * gain), 0, 255)
                                                      for gain in (saturation_gain, value_gain))]).astype(np.uint8)
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    hsv = np.stack([table[plane] for table, plane in zip(tables, cv2.split(hsv), strict=True)], axis=-1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)


def test_colours_are_those_of_tables_within_one_level():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 70, 3), np.uint8)
    for _ in range(40):
        shift = int(rng.integers(-128, 129)), rng.uniform(0, 3), rng.uniform(0, 3)
        found, wanted = shift_colours(image, ColourShift(*shift)), by_tables(image, *shift)
        # The conversion back is OpenCV's own, where tables use the one that OpenCV prefers: they round differently.
        assert np.abs(found.astype(int) - wanted).max() <= 1, shift


def test_colours_by_hand():
    red = np.full((2, 2, 3), (200, 100, 100), np.uint8)
    # Value times 0.5 halves all three channels; a third of the circle turns red into green; no saturation is grey.
    np.testing.assert_allclose(shift_colours(red, ColourShift(0, 1, 0.5))[0, 0], (100, 50, 50), atol=2)
    np.testing.assert_allclose(shift_colours(red, ColourShift(85, 1, 1))[0, 0], (100, 200, 100), atol=3)
    np.testing.assert_allclose(shift_colours(red, ColourShift(-171, 1, 1))[0, 0], (100, 200, 100), atol=3)
    np.testing.assert_allclose(shift_colours(red, ColourShift(0, 0, 1))[0, 0], (200, 200, 200), atol=1)
    np.testing.assert_array_equal(shift_colours(red, ColourShift(0, 1, 9))[0, 0].max(), 255)


def test_grey_has_no_hue_and_no_saturation():
    grey = np.arange(256, dtype=np.uint8)[:, None, None].repeat(3, axis=2)
    shifted = shift_colours(grey, ColourShift(40, 1.9, 1.25))
    np.testing.assert_array_equal(shifted[..., 0], np.minimum(np.round(np.arange(256) * 1.25), 255)[:, None])
    assert (shifted == shifted[..., :1]).all()


def test_colours_leave_opencv_as_it_was():
    image = smooth_image()
    before = image.copy()
    for uses_ipp in (True, False):
        cv2.ipp.setUseIPP(uses_ipp)
        uses_ipp = cv2.ipp.useIPP()
        shift_colours(image, ColourShift(3, 1.2, 0.8))
        assert cv2.ipp.useIPP() == uses_ipp
    cv2.ipp.setUseIPP(True)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("dst", [(20, 2, 60, 32), (20, 2, 40, 17), (0, 0, 70, 64)])
def test_pasted_colours_are_those_of_the_canvas(dst):
    # The image is recoloured where it has fewer pixels, before or after it is resized, on a canvas with a border.
    image, canvas = smooth_image(40, 50), np.zeros((64, 90, 3), np.uint8)[:, 10:80]
    shift, placement = ColourShift(3, 1.3, 0.8), Placement((5, 10, 45, 40), dst)
    plain, coloured = np.zeros_like(canvas), canvas
    paste(image, placement, plain)
    paste(image, placement, coloured, colours=shift)
    difference = np.abs(coloured.astype(int) - shift_colours(plain, shift))
    assert difference.max() <= 6 and difference.mean() < 0.5
    x1, y1, x2, y2 = dst
    coloured[y1:y2, x1:x2] = 0
    assert not canvas.base.any()
    paste(image, placement, coloured, colours=NO_SHIFT)
    np.testing.assert_array_equal(coloured, plain)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Placed pixels, flips and colours."""
import cv2
import numpy as np
import pytest

from src.data.augment import NO_SHIFT, ColourShift
from src.data.placement import Placement, letterbox_placement, stretch_placement
from src.transforms import paste, place, shift_colours


def smooth_image(height=48, width=64):
    """A colourful image without noise, so that JPEG and resizing change it little."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 255 // height, columns * 255 // width, (rows + columns) * 255 // (height + width)],
                    axis=-1).astype(np.uint8)


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

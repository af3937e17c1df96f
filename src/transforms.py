# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Deterministic image transforms: placing an image on the network's canvas, flip and colour.

One geometric primitive serves training, evaluation, prediction and export: a `Placement` maps whole pixels of the
source image to whole pixels of the canvas, and boxes both ways by the same numbers. Random choices are made in
`augment.py` and `mosaic.py`.
"""
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np

from src.data.augment import HUE_LEVELS, NO_SHIFT, ColourShift, SamplePlan
from src.data.placement import Placement

# Below two, interpolation still uses every pixel (at two it equals the average of areas), in a fifth of the time.
# Evaluation always averages.
AREA_FROM = 2.0


def place(image: np.ndarray, placement: Placement, canvas_hw: tuple[int, int], pad_value: int) -> np.ndarray:
    """Draw the part of an image that a placement names onto a canvas; only that part is resized.

    Args:
        image: uint8 [H, W, 3].
        placement: rectangles inside the image and inside the canvas.
        canvas_hw: height and width of the canvas in pixels.
        pad_value: 0..255, the grey of what the image does not cover.

    Returns:
        uint8 [canvas_h, canvas_w, 3], a new array.
    """
    canvas = np.full((*canvas_hw, 3), pad_value, np.uint8)
    paste(image, placement, canvas)
    return canvas


def paste(image: np.ndarray, placement: Placement, canvas: np.ndarray, flip: int | None = None,
          colours: "ColourShift | None" = None, area_from: float = 1.0) -> None:
    """Draw the part of an image that a placement names onto a canvas, in place.

    Args:
        image: uint8 [H, W, 3].
        placement: in pixels of this image, and in those of the canvas after the flip.
        canvas: uint8 [h, w, 3]; it may be a view of a larger array.
        flip: OpenCV's code: 1 mirrors left to right, 0 top to bottom, -1 both; None: not at all.
        colours: for `shift_colours`; None: as they are.
        area_from: an image that shrinks, along one axis by this factor or more, is averaged over areas, else
            interpolated.
    """
    sx1, sy1, sx2, sy2 = placement.src_xyxy
    dx1, dy1, dx2, dy2 = placement.dst_xyxy
    pixels, target = image[sy1:sy2, sx1:sx2], canvas[dy1:dy2, dx1:dx2]
    steps = []
    if flip is not None:
        steps.append(lambda pixels, out: cv2.flip(pixels, flip, dst=out))
    if colours is not None and colours != NO_SHIFT:
        steps.append(partial(shift_colours, colours=colours))
    if pixels.shape != target.shape:
        resize = partial(_resized, wh=(dx2 - dx1, dy2 - dy1), area_from=area_from)
        # Per-pixel work is done where the image is smaller: before it grows or after it shrinks.
        steps.insert(len(steps) if pixels.size < target.size else 0, resize)
    for step in steps[:-1]:
        pixels = step(pixels, out=None)
    if steps:
        steps[-1](pixels, out=target)
    else:
        target[:] = pixels


def _resized(pixels, wh, area_from, out):
    # Shrinking by more than two without averaging drops lines of pixels; averaging while growing makes blocks.
    shrinks = pixels.shape[1] / wh[0], pixels.shape[0] / wh[1]
    averages = min(shrinks) >= 1 and max(shrinks) >= area_from
    return cv2.resize(pixels, wh, dst=out, interpolation=cv2.INTER_AREA if averages else cv2.INTER_LINEAR)


def shift_colours(image: np.ndarray, colours: ColourShift, out: np.ndarray | None = None) -> np.ndarray:
    """Shift the colours of an RGB image uint8 [H, W, 3]; hue wraps around, saturation and value saturate.

    Args:
        out: written to and returned, if it has the image's shape and type; None: a new array.
    """
    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL))
    # Plane by plane this takes 0.9 ns a pixel; one lookup table of three channels takes 2.4.
    hue += np.uint8(colours.hue_levels % HUE_LEVELS)
    cv2.convertScaleAbs(saturation, dst=saturation, alpha=colours.saturation_gain)
    cv2.convertScaleAbs(value, dst=value, alpha=colours.value_gain)
    shifted = cv2.merge((hue, saturation, value))
    # Intel's conversion back, which OpenCV prefers on x86, takes 3.6 ns a pixel, OpenCV's own 2.6.
    uses_ipp = cv2.ipp.useIPP()
    cv2.ipp.setUseIPP(False)
    try:
        return cv2.cvtColor(shifted, cv2.COLOR_HSV2RGB_FULL, dst=out)
    finally:
        cv2.ipp.setUseIPP(uses_ipp)


def draw_plan(plan: SamplePlan, read: Callable[[int, int], tuple[np.ndarray, int]], pad_value: int,
              canvas: np.ndarray) -> None:
    """Draw a sample with the pixels of its images, one after the other.

    Args:
        plan: what to draw.
        read: (number of the placement, largest reduction of its image) -> the image, uint8 [H, W, 3] RGB, and its
            actual reduction.
        pad_value: 0..255, the grey of what no image covers.
        canvas: uint8 [canvas_h, canvas_w, 3], all of which is written.
    """
    covered = sum((x2 - x1) * (y2 - y1) for x1, y1, x2, y2 in (placement.dst_xyxy for placement in plan.placements))
    if covered < plan.canvas_hw[0] * plan.canvas_hw[1]:
        # Grey has no hue and no saturation: a colour shift changes only its value.
        canvas[:] = min(round(pad_value * plan.colours.value_gain), 255)
    for number, placement in enumerate(plan.placements):
        image, by = read(number, placement.reduction)
        paste(image, placement.reduced(by), canvas, plan.flip, plan.colours, AREA_FROM)

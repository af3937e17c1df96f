# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The classic augmentation of a training sample: crop/jitter, flip, colour, as the 2021 version meant it.

Every function takes a `numpy.random.Generator`; the data stream makes one per sample from (seed, epoch, image index).
All random values are drawn first, into a `SamplePlan`, from the sizes and boxes of the annotation file alone; then the
plan is drawn with pixels. So an image is decoded no larger than it is shown, and only its visible part is resized.
"""
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from src.data.categories import CROWD_CLASS
from src.data.placement import Placement, fit_placement, flip_boxes

HUE_LEVELS = 256
CANDIDATES = 10
MIN_BOX_PIXELS = 1.0
# A box entirely on the canvas must not be dropped for the last bit of its area.
ROUNDING = 1e-9


@dataclass(frozen=True)
class ColourShift:
    """A change in HSV: the hue by a number of 256 levels around the circle, saturation and value by factors."""
    hue_levels: int = 0
    saturation_gain: float = 1.0
    value_gain: float = 1.0


NO_SHIFT = ColourShift()


def visible_boxes(boxes: np.ndarray, placement: Placement, min_visible: float = 0.0,
                  min_side: float = MIN_BOX_PIXELS) -> np.ndarray:
    """Boxes on the canvas, clipped to the placed part; what is left too small, or too small a share, is dropped.

    Args:
        boxes: [n, 5] x1, y1, x2, y2 in source pixels, class (-1: crowd region).
        min_visible: smallest share of a box's area that must be left, 0..1; crowd regions are kept at any share.
        min_side: a remainder with a side of at most this many canvas pixels is dropped.

    Returns:
        float64 [m, 5] x1, y1, x2, y2 in canvas pixels, class; m <= n.
    """
    low, high = placement.dst_xyxy[:2] * 2, placement.dst_xyxy[2:] * 2
    whole = placement.boxes_to_canvas(boxes[:, :4])
    placed = np.empty((len(boxes), 5))
    placed[:, :4] = np.clip(whole, low, high)
    placed[:, 4] = boxes[:, 4]
    sides = placed[:, 2:4] - placed[:, :2]
    keep = (sides > min_side).all(axis=1)
    if min_visible > 0:
        whole_area = (whole[:, 2:] - whole[:, :2]).prod(axis=1)
        keep &= (sides.prod(axis=1) >= (min_visible - ROUNDING) * whole_area) | (placed[:, 4] == CROWD_CLASS)
    return placed[keep]


def random_placement(image_hw: tuple[int, int], canvas_hw: tuple[int, int], config,
                     rng: np.random.Generator) -> Placement:
    """One candidate of the crop/jitter: scale and aspect ratio are drawn, then the position on the canvas.

    Uses `jitter`, `min_scale`, `max_scale` and `resize_mode` of the config. The aspect ratio that the jitter changes is
    that of the canvas with "stretch" and that of the image with "letterbox". Without jitter that ratio is kept, except
    for the rounding to whole pixels.
    """
    (image_h, image_w), (canvas_h, canvas_w) = image_hw, canvas_hw
    low, high = 1 - config.jitter, 1 + config.jitter
    base = image_w / image_h if config.resize_mode == "letterbox" else canvas_w / canvas_h
    aspect = base * rng.uniform(low, high) / rng.uniform(low, high)
    scale = rng.uniform(config.min_scale, config.max_scale)
    if aspect < canvas_w / canvas_h:
        height = scale * canvas_h
        width = height * aspect
    else:
        width = scale * canvas_w
        height = width / aspect
    src_x, dst_x = _random_span(image_w, canvas_w, width, rng)
    src_y, dst_y = _random_span(image_h, canvas_h, height, rng)
    return Placement((src_x[0], src_y[0], src_x[1], src_y[1]), (dst_x[0], dst_y[0], dst_x[1], dst_y[1]))


def _random_span(image_size, canvas_size, drawn_size, rng):
    """`visible_span` of an image at a random offset."""
    drawn_size = max(1.0, drawn_size)
    offset = rng.uniform(min(0.0, canvas_size - drawn_size), max(0.0, canvas_size - drawn_size))
    return visible_span(image_size, canvas_size, drawn_size, offset)


def visible_span(image_size: int, canvas_size: int, drawn_size: float,
                 offset: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """Along one axis: which whole source pixels are visible, and on which canvas pixels.

    Args:
        image_size, canvas_size: lengths in source and in canvas pixels.
        drawn_size: length of the whole image in canvas pixels, at least 1.
        offset: where it starts, in canvas pixels; the image and the canvas overlap.

    Returns:
        (start, stop) in the source and (start, stop) on the canvas.
    """
    unit = drawn_size / image_size
    # Outward to whole source pixels: a partly visible pixel is drawn whole, and the mapping of boxes stays exact.
    start = min(max(0, math.floor((max(0.0, offset) - offset) / unit)), image_size - 1)
    stop = max(start + 1, min(image_size, math.ceil((min(canvas_size, offset + drawn_size) - offset) / unit)))
    first = min(max(0, round(offset)), canvas_size - 1)
    last = max(first + 1, min(canvas_size, round(offset + drawn_size)))
    return (start, stop), (first, last)


def choose_placement(boxes: np.ndarray, image_hw: tuple[int, int], canvas_hw: tuple[int, int], config,
                     rng: np.random.Generator) -> tuple[Placement, np.ndarray]:
    """The first of ten random placements that keeps a real box visible; failing that, the one without randomness.

    Args:
        boxes: [n, 5] x1, y1, x2, y2 in source pixels, class (-1: crowd region, which does not count as a real box).

    Returns:
        The placement, `aligned`, and its `visible_boxes` by `min_visible` of the config, float64 [m, 5] in canvas
        pixels.
    """
    wants_real = (boxes[:, 4] != CROWD_CLASS).any()
    for _ in range(CANDIDATES):
        placement = random_placement(image_hw, canvas_hw, config, rng).aligned(image_hw)
        visible = visible_boxes(boxes, placement, config.min_visible)
        if not wants_real or (visible[:, 4] != CROWD_CLASS).any():
            return placement, visible
    placement = fit_placement(config.resize_mode, image_hw, canvas_hw).aligned(image_hw)
    return placement, visible_boxes(boxes, placement, config.min_visible)


def random_colours(config, rng: np.random.Generator) -> ColourShift:
    """Draw a colour shift: hue U(-hue, hue), saturation U(1, s) or its inverse, value U(1 - v, 1 + v)."""
    hue_levels = round(rng.uniform(-config.hue, config.hue) * HUE_LEVELS)
    saturation_gain = rng.uniform(1.0, config.saturation)
    if rng.random() < 0.5:
        saturation_gain = 1 / saturation_gain
    return ColourShift(hue_levels, saturation_gain, rng.uniform(1 - config.value, 1 + config.value))


def random_flip(config, rng: np.random.Generator) -> int | None:
    """Draw a flip code for `paste` by `flip_probability` and `flip_vertical_probability`."""
    left_right = rng.random() < config.flip_probability
    # Without vertical flips no number is drawn for them, so that the samples are those of the classic augmentation.
    top_bottom = config.flip_vertical_probability > 0 and rng.random() < config.flip_vertical_probability
    if left_right:
        return -1 if top_bottom else 1
    return 0 if top_bottom else None


@dataclass(frozen=True)
class SamplePlan:
    """A training sample without its pixels.

    Args:
        canvas_hw: height and width of the network's input.
        placements: of each of the sample's images, flip included; they do not overlap.
        boxes: float64 [m, 5] x1, y1, x2, y2 in canvas pixels, flip included, and class (-1: crowd region).
        flip: for `paste`.
        colours: for `shift_colours`; they also apply to the area that no image covers.
    """
    canvas_hw: tuple[int, int]
    placements: tuple[Placement, ...]
    boxes: np.ndarray
    flip: int | None
    colours: ColourShift


def finish_plan(placements: Sequence[Placement], boxes: np.ndarray, canvas_hw: tuple[int, int], config,
                rng: np.random.Generator) -> SamplePlan:
    """Draw the flips and the colours of a whole canvas, which follow the placement.

    Args:
        placements: of the images before the flip.
        boxes: [n, 5] x1, y1, x2, y2 in canvas pixels before the flip, class.
        config: `flip_probability`, `flip_vertical_probability`, `hue`, `saturation`, `value`.
        rng: this sample's own generator.
    """
    flip, colours = random_flip(config, rng), random_colours(config, rng)
    flipped = tuple(placement.flipped(flip, canvas_hw) for placement in placements)
    return SamplePlan(canvas_hw, flipped, flip_boxes(boxes, flip, canvas_hw), flip, colours)


def plan_augment(boxes: np.ndarray, image_hw: tuple[int, int], canvas_hw: tuple[int, int], config,
                 rng: np.random.Generator) -> SamplePlan:
    """Draw the classic augmentation of one training image: crop/jitter, flip, colour.

    Args:
        boxes: [n, 5] x1, y1, x2, y2 in the image's pixels, class (-1: crowd region).
        image_hw, canvas_hw: height and width of the image and of the network's input.
        config: `resize_mode`, `jitter`, `min_scale`, `max_scale`, `min_visible`, and the options of `finish_plan`.
        rng: this sample's own generator.
    """
    placement, boxes = choose_placement(boxes, image_hw, canvas_hw, config, rng)
    return finish_plan([placement], boxes, canvas_hw, config, rng)


def normalised_boxes(xyxy: np.ndarray, canvas_hw: tuple[int, int], max_box: int,
                     rng: np.random.Generator) -> np.ndarray:
    """Boxes as the network takes them: padded, in fractions of the canvas; a random choice where there are too many.

    Args:
        xyxy: [n, 5] x1, y1, x2, y2 in canvas pixels, class.

    Returns:
        float32 [max_box, 5] centre x, centre y, width, height in 0..1, class; unused rows are 0 with class -1.
    """
    if len(xyxy) > max_box:
        xyxy = xyxy[rng.permutation(len(xyxy))[:max_box]]
    canvas_wh = np.array(canvas_hw[::-1], np.float64)
    rows = np.zeros((max_box, 5), np.float32)
    rows[:, 4] = CROWD_CLASS
    used = rows[:len(xyxy)]
    used[:, :2] = (xyxy[:, :2] + xyxy[:, 2:4]) / 2 / canvas_wh
    used[:, 2:4] = (xyxy[:, 2:4] - xyxy[:, :2]) / canvas_wh
    used[:, 4] = xyxy[:, 4]
    return rows

"""The classic augmentation of a training sample: crop/jitter, flip, colour, as the 2021 version meant it.

Every function takes a `numpy.random.Generator`; the data stream makes one per sample from (seed, epoch, image index).
The placement is chosen from the boxes alone, before a pixel is touched, so that only what will be seen is resized.
"""
import math

import numpy as np

from src.coco import CROWD_CLASS
from src.transforms import Placement, fit_placement, flip, flip_vertical, hsv_tables, place, shift_colours

CANDIDATES = 10
MIN_BOX_PIXELS = 1.0
# A box that lies whole on the canvas must not be dropped for the last bit of its area.
ROUNDING = 1e-9


def visible_boxes(boxes: np.ndarray, placement: Placement, min_visible: float = 0.0,
                  min_side: float = MIN_BOX_PIXELS) -> np.ndarray:
    """Boxes on the canvas, clipped to the placed part; what is left too small, or too small a share, is dropped.

    Args:
        boxes: [n, 5] x1, y1, x2, y2 in source pixels, class (-1: crowd region).
        min_visible: smallest share of a box's area that must be left, 0..1; crowd regions are kept at any share.
        min_side: what is left with a side of at most so many canvas pixels is dropped.

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

    Uses `jitter`, `min_scale`, `max_scale` and `resize_mode` of the config. With "stretch" the image is first thought
    stretched to the canvas, with "letterbox" it keeps its aspect ratio; the jitter acts on top of that. Without
    jitter that aspect ratio is kept, but for the rounding to whole pixels.
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
    """`visible_span` of an image that is put down at random."""
    drawn_size = max(1.0, drawn_size)
    offset = rng.uniform(min(0.0, canvas_size - drawn_size), max(0.0, canvas_size - drawn_size))
    return visible_span(image_size, canvas_size, drawn_size, offset)


def visible_span(image_size: int, canvas_size: int, drawn_size: float,
                 offset: float) -> tuple[tuple[int, int], tuple[int, int]]:
    """Along one axis: which whole source pixels are seen, and on which canvas pixels.

    Args:
        image_size, canvas_size: lengths in source and in canvas pixels.
        drawn_size: length of the whole image in canvas pixels, at least 1.
        offset: where it starts, in canvas pixels; the image and the canvas overlap.

    Returns:
        (start, stop) in the source and (start, stop) on the canvas.
    """
    unit = drawn_size / image_size
    # Outward to whole source pixels: what is seen in part is drawn whole, and the map of the boxes stays exact.
    start = min(max(0, math.floor((max(0.0, offset) - offset) / unit)), image_size - 1)
    stop = max(start + 1, min(image_size, math.ceil((min(canvas_size, offset + drawn_size) - offset) / unit)))
    first = min(max(0, round(offset)), canvas_size - 1)
    last = max(first + 1, min(canvas_size, round(offset + drawn_size)))
    return (start, stop), (first, last)


def choose_placement(boxes: np.ndarray, image_hw: tuple[int, int], canvas_hw: tuple[int, int], config,
                     rng: np.random.Generator) -> tuple[Placement, np.ndarray]:
    """The first of ten random placements that keeps a real box in sight; failing that, the one without randomness.

    Args:
        boxes: [n, 5] x1, y1, x2, y2 in source pixels, class (-1: crowd region, which does not count as a real box).

    Returns:
        The placement, and its `visible_boxes` by `min_visible` of the config, float64 [m, 5] in canvas pixels.
    """
    wants_real = (boxes[:, 4] != CROWD_CLASS).any()
    for _ in range(CANDIDATES):
        placement = random_placement(image_hw, canvas_hw, config, rng)
        visible = visible_boxes(boxes, placement, config.min_visible)
        if not wants_real or (visible[:, 4] != CROWD_CLASS).any():
            return placement, visible
    placement = fit_placement(config.resize_mode, image_hw, canvas_hw)
    return placement, visible_boxes(boxes, placement, config.min_visible)


def random_hsv_tables(config, rng: np.random.Generator) -> np.ndarray:
    """Draw `hsv_tables`: hue U(-hue, hue), saturation U(1, s) or its inverse, value U(1 - v, 1 + v)."""
    hue_shift = rng.uniform(-config.hue, config.hue)
    saturation_gain = rng.uniform(1.0, config.saturation)
    if rng.random() < 0.5:
        saturation_gain = 1 / saturation_gain
    return hsv_tables(hue_shift, saturation_gain, rng.uniform(1 - config.value, 1 + config.value))


def flip_and_colour(canvas: np.ndarray, boxes: np.ndarray, config,
                    rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The part of the augmentation that comes after the placement, on a whole canvas: flips, then colour.

    Args:
        canvas: uint8 [H, W, 3] RGB.
        boxes: [n, 5] x1, y1, x2, y2 in canvas pixels, class.
        config: `flip_probability`, `flip_vertical_probability`, `hue`, `saturation`, `value`.
        rng: this sample's own generator.
    """
    if rng.random() < config.flip_probability:
        canvas, boxes = flip(canvas, boxes)
    # Without vertical flips nothing is drawn for them, so that the samples are those of the classic augmentation.
    if config.flip_vertical_probability > 0 and rng.random() < config.flip_vertical_probability:
        canvas, boxes = flip_vertical(canvas, boxes)
    return shift_colours(canvas, random_hsv_tables(config, rng)), boxes


def augment(image: np.ndarray, boxes: np.ndarray, canvas_hw: tuple[int, int], config,
            rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The classic augmentation of one training image: crop/jitter, flip, colour.

    Args:
        image: uint8 [H, W, 3] RGB.
        boxes: [n, 5] x1, y1, x2, y2 in the image's pixels, class (-1: crowd region).
        canvas_hw: the network's input, height and width.
        config: `resize_mode`, `pad_value`, `jitter`, `min_scale`, `max_scale`, `min_visible`, and the options of
            `flip_and_colour`.
        rng: this sample's own generator.

    Returns:
        uint8 [canvas_h, canvas_w, 3] and float64 [m, 5] in canvas pixels.
    """
    placement, boxes = choose_placement(boxes, image.shape[:2], canvas_hw, config, rng)
    canvas = place(image, placement, canvas_hw, config.pad_value)
    return flip_and_colour(canvas, boxes, config, rng)


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

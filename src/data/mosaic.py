# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Mosaic: a training sample of four images that meet at a random point of the canvas (YOLOv4, arXiv:2004.10934).

As in `augment.py`, the plan is drawn before a pixel is read: each image is decoded no larger than it is shown, and only
its visible part is resized, once, to its final size.
"""
from collections.abc import Sequence

import numpy as np

from src.data.augment import SamplePlan, finish_plan, plan_augment, visible_boxes, visible_span
from src.data.placement import Placement

TILES = 4
# A mosaic cuts many objects at the edges of its tiles; what is left of a box must still show an object, not an edge of
# one. `min_visible` of the config, where it is set, replaces the share.
MIN_TILE_BOX_PIXELS = 2.0
MIN_TILE_VISIBLE = 0.2


def wants_mosaic(config, epoch: int, rng: np.random.Generator) -> bool:
    """Whether a sample of an epoch (from 0) is a mosaic; `rng` is drawn from only in epochs that may have one.

    Args:
        config: `mosaic`, the probability; `mosaic_close_epochs`, the last epochs of `max_epoch` without any.
    """
    is_closed = epoch >= config.max_epoch - config.mosaic_close_epochs
    return config.mosaic > 0 and not is_closed and rng.random() < config.mosaic


def mosaic_sources(index: int, num_images: int, rng: np.random.Generator) -> list[int]:
    """Four image indices in the order of the tiles: the sample's own and three of the whole set, at random places."""
    return rng.permutation([index, *rng.integers(num_images, size=TILES - 1)]).tolist()


def tile_placement(tile: int, image_hw: tuple[int, int], canvas_hw: tuple[int, int], centre_xy: tuple[int, int],
                   scale: float, resize_mode: str) -> Placement:
    """Place the image of a tile: its inner corner at the centre, cut off by the edges of the canvas.

    Args:
        tile: 0 top left, 1 top right, 2 bottom left, 3 bottom right.
        image_hw, canvas_hw: height and width in pixels.
        centre_xy: the canvas pixels at which the four images meet.
        scale: size of the image; at 1 it is as large as `resize_mode` makes it on the whole canvas.
        resize_mode: "stretch" or "letterbox".
    """
    (image_h, image_w), (canvas_h, canvas_w) = image_hw, canvas_hw
    unit_x, unit_y = canvas_w / image_w, canvas_h / image_h
    if resize_mode == "letterbox":
        unit_x = unit_y = min(unit_x, unit_y)
    src_x, dst_x = _tile_span(image_w, canvas_w, centre_xy[0], image_w * unit_x * scale, tile % 2 == 1)
    src_y, dst_y = _tile_span(image_h, canvas_h, centre_xy[1], image_h * unit_y * scale, tile // 2 == 1)
    return Placement((src_x[0], src_y[0], src_x[1], src_y[1]), (dst_x[0], dst_y[0], dst_x[1], dst_y[1]))


def _tile_span(image_size, canvas_size, centre, drawn_size, is_behind):
    """`visible_span` along one axis of an image that starts (`is_behind`) or ends at the centre."""
    drawn_size = max(1.0, drawn_size)
    if not is_behind:
        return visible_span(image_size, centre, drawn_size, centre - drawn_size)
    source, (first, last) = visible_span(image_size, canvas_size - centre, drawn_size, 0.0)
    return source, (centre + first, centre + last)


def plan_mosaic(boxes: Sequence[np.ndarray], image_hws: Sequence[tuple[int, int]], canvas_hw: tuple[int, int], config,
                rng: np.random.Generator) -> SamplePlan:
    """Draw one training sample of four images: scale and tile each, then flips and colour once for all.

    The centre is in the middle half of the canvas along both axes. Boxes are clipped to their tile and dropped where a
    side is at most 2 pixels or, except for crowd regions, less than `min_visible` (0.2 where that is 0) of the area is
    left.

    Args:
        boxes: of each of four images in the order of `tile_placement`, [n, 5] x1, y1, x2, y2 in its pixels, class (-1:
            crowd region).
        image_hws: height and width of each image.
        canvas_hw: the network's input, height and width.
        config: `mosaic_scale`, `min_visible`, `resize_mode`, and the options of `finish_plan`.
        rng: this sample's own generator.
    """
    centre_xy = tuple(round(rng.uniform(side / 4, side * 3 / 4)) for side in canvas_hw[::-1])
    scales = rng.uniform(*config.mosaic_scale, TILES)
    min_visible = config.min_visible or MIN_TILE_VISIBLE
    placements, kept = [], []
    for tile, (image_hw, image_boxes) in enumerate(zip(image_hws, boxes, strict=True)):
        placement = tile_placement(tile, image_hw, canvas_hw, centre_xy, scales[tile], config.resize_mode)
        placements.append(placement.aligned(image_hw))
        kept.append(visible_boxes(image_boxes, placements[-1], min_visible, MIN_TILE_BOX_PIXELS))
    return finish_plan(placements, np.concatenate(kept), canvas_hw, config, rng)


def plan_sample(data, index: int, canvas_hw: tuple[int, int], config, epoch: int,
                rng: np.random.Generator) -> tuple[SamplePlan, list[int]]:
    """Draw a training sample, a mosaic or a single image; returns its plan and the numbers of its images.

    Args:
        data: CocoData of the training split.
        index: number of the sample's own image.
        canvas_hw: the network's input, height and width.
        config: the options of `wants_mosaic`, `plan_mosaic` and `plan_augment`.
        epoch: from 0.
        rng: this sample's own generator.
    """
    sources = mosaic_sources(index, len(data), rng) if wants_mosaic(config, epoch, rng) else [index]
    boxes, image_hws = [data.boxes[number] for number in sources], [data.sizes[number][::-1] for number in sources]
    if len(sources) > 1:
        return plan_mosaic(boxes, image_hws, canvas_hw, config, rng), sources
    return plan_augment(boxes[0], image_hws[0], canvas_hw, config, rng), sources

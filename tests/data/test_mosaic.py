# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Mosaic: where the tiles lie, that boxes follow their pixels, which boxes stay, and when there is a mosaic at all."""

import numpy as np
import pytest

from src.data.mosaic import MIN_TILE_BOX_PIXELS, MIN_TILE_VISIBLE, mosaic_sources, tile_placement, wants_mosaic
from src.data.placement import Placement, fit_placement
from tests.support.helpers import data_config
from tests.support.samples import mosaic

GREY = 128


def mosaic_config(**values):
    """The options of a mosaic, without flips and colours unless asked for."""
    plain = {"flip_probability": 0.0, "flip_vertical_probability": 0.0, "hue": 0.0, "saturation": 1.0, "value": 0.0,
             "mosaic": 1.0, "mosaic_scale": (0.5, 1.5), "mosaic_close_epochs": 0, "min_visible": 0.0}
    return data_config(**plain | values)


def plain_images(levels=(10, 60, 180, 240), image_hw=(90, 120)):
    return [np.full((*image_hw, 3), level, np.uint8) for level in levels]


NO_BOXES = [np.zeros((0, 5), np.float32)] * 4


# ------------------------------------------------------------------------------------------------------------- tiles

def test_tiles_by_hand():
    # A canvas of 96 x 64 (width x height), the centre at x 40, y 20; at scale 1 an image of 192 x 128 is drawn 96 x 64
    # large, two of its pixels on one of the canvas.
    tiles = [tile_placement(tile, (128, 192), (64, 96), (40, 20), 1.0, "stretch") for tile in range(4)]
    assert tiles == [Placement((112, 88, 192, 128), (0, 0, 40, 20)), Placement((0, 88, 112, 128), (40, 0, 96, 20)),
                     Placement((112, 0, 192, 88), (0, 20, 40, 64)), Placement((0, 0, 112, 88), (40, 20, 96, 64))]
    # At a quarter each is seen whole, 24 x 16 large, with its inner corner at the centre.
    tiles = [tile_placement(tile, (128, 192), (64, 96), (40, 20), 0.25, "stretch") for tile in range(4)]
    assert {tile.src_xyxy for tile in tiles} == {(0, 0, 192, 128)}
    assert [tile.dst_xyxy for tile in tiles] == [(16, 4, 40, 20), (40, 4, 64, 20), (16, 20, 40, 36), (40, 20, 64, 36)]
    # The letterbox of a square image is 64 x 64 large: it ends 8 pixels from the left edge and sticks out on top.
    assert tile_placement(0, (100, 100), (64, 96), (72, 48), 1.0, "letterbox") == Placement((0, 25, 100, 100),
                                                                                         (8, 0, 72, 48))


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_tiles_are_sound_and_keep_the_aspect_ratio_of_the_resize_mode(mode):
    rng = np.random.default_rng(2)
    for _ in range(2000):
        image_hw, canvas_hw = tuple(rng.integers(1, 700, 2).tolist()), tuple((rng.integers(1, 21, 2) * 32).tolist())
        centre = tuple(int(rng.integers(side // 4, side * 3 // 4 + 1)) for side in canvas_hw[::-1])
        scale, number = rng.uniform(0.05, 2), int(rng.integers(4))
        tile = tile_placement(number, image_hw, canvas_hw, centre, scale, mode)
        src, dst = np.reshape(tile.src_xyxy, (2, 2)), np.reshape(tile.dst_xyxy, (2, 2))
        assert (src[0] >= 0).all() and (src[0] < src[1]).all() and (src[1] <= image_hw[::-1]).all()
        behind = np.array([number % 2, number // 2]) == 1
        quadrant = np.where(behind, (centre, canvas_hw[::-1]), ((0, 0), centre))
        assert (dst[0] >= quadrant[0]).all() and (dst[0] < dst[1]).all() and (dst[1] <= quadrant[1]).all()
        # The corner nearest to the centre is the image's own, and lies at the centre.
        np.testing.assert_array_equal(np.where(behind, dst[0], dst[1]), centre)
        np.testing.assert_array_equal(np.where(behind, src[0], src[1]), np.where(behind, 0, image_hw[::-1]))
        # Whole pixels: where the canvas cuts, up to one source pixel more is drawn; the rest is rounding.
        fit = np.reshape(fit_placement(mode, (image_hw[0] * 1000, image_hw[1] * 1000), canvas_hw).dst_xyxy, (2, 2))
        drawn = np.maximum((fit[1] - fit[0]) * scale, 1)
        unit = drawn / image_hw[::-1]
        is_cut = np.where(behind, dst[1] == quadrant[1], dst[0] == quadrant[0])
        slack = 0.51 + 0.5 * scale + np.where(is_cut, unit, 0)
        assert (np.abs((src[1] - src[0]) * unit - (dst[1] - dst[0])) <= slack).all()


def test_at_scale_one_an_image_is_as_large_as_in_evaluation():
    for mode in ("stretch", "letterbox"):
        for image_hw in ((480, 640), (900, 300)):
            fit = fit_placement(mode, image_hw, (256, 256)).dst_xyxy
            # From a centre at the far corner the whole image is seen.
            tile = tile_placement(0, image_hw, (256, 256), (256, 256), 1.0, mode)
            assert tile.src_xyxy == (0, 0, *image_hw[::-1])
            assert (tile.dst_xyxy[2] - tile.dst_xyxy[0], tile.dst_xyxy[3] - tile.dst_xyxy[1]) == (
                fit[2] - fit[0], fit[3] - fit[1])


def test_four_images_meet_at_a_point_in_the_middle_half():
    centres = []
    for seed in range(300):
        canvas, boxes = mosaic(plain_images(), NO_BOXES, (64, 96), mosaic_config(mosaic_scale=(1.5, 1.5)),
                               np.random.default_rng(seed))
        assert canvas.dtype == np.uint8 and canvas.shape == (64, 96, 3) and boxes.shape == (0, 5)
        # At 1.5 every quadrant is full: the image is four rectangles that meet at the centre.
        x, y = int((canvas[0, :, 0] == 10).sum()), int((canvas[:, 0, 0] == 10).sum())
        expected = np.empty((64, 96), np.uint8)
        expected[:y, :x], expected[:y, x:], expected[y:, :x], expected[y:, x:] = 10, 60, 180, 240
        np.testing.assert_array_equal(canvas[..., 0], expected)
        centres.append((x / 96, y / 64))
    low, mean, high = np.min(centres, axis=0), np.mean(centres, axis=0), np.max(centres, axis=0)
    assert (low >= 0.25).all() and (low < 0.27).all() and (high <= 0.75).all() and (high > 0.73).all()
    assert np.abs(mean - 0.5).max() < 0.03


def test_each_image_has_its_own_scale_and_grey_stays_where_it_does_not_reach():
    sizes, config = [], mosaic_config(mosaic_scale=(0.1, 0.25), pad_value=GREY)
    for seed in range(200):
        canvas, _ = mosaic(plain_images(), NO_BOXES, (320, 320), config, np.random.default_rng(seed))
        counts = [(canvas[..., 0] == level).sum() for level in (10, 60, 180, 240)]
        assert sum(counts) + (canvas[..., 0] == GREY).sum() == canvas[..., 0].size
        sizes.append(np.sqrt(counts) / 320)
    sizes = np.array(sizes)
    assert 0.095 < sizes.min() < 0.105 and 0.245 < sizes.max() < 0.255
    assert np.abs(sizes.mean(axis=0) - 0.175).max() < 0.01
    assert np.abs(np.corrcoef(sizes.T) - np.eye(4)).max() < 0.3


# ------------------------------------------------------------------------------------------------------------- boxes

def painted(seed, grid=3, image_hw=(330, 390)):
    """Four images of rectangles that do not touch, each box with a class and a colour of its own."""
    rng = np.random.default_rng(seed)
    images, boxes = [], []
    cell_h, cell_w = image_hw[0] // grid, image_hw[1] // grid
    for number in range(4):
        image, rows = np.zeros((*image_hw, 3), np.uint8), []
        for cell in range(grid * grid):
            width, height = rng.integers(12, cell_w - 4), rng.integers(12, cell_h - 4)
            x = cell % grid * cell_w + rng.integers(2, cell_w - width - 1)
            y = cell // grid * cell_h + rng.integers(2, cell_h - height - 1)
            label = number * grid * grid + cell
            image[y:y + height, x:x + width] = colour_of(label)
            rows.append((x, y, x + width, y + height, label))
        images.append(image)
        boxes.append(np.array(rows, np.float32))
    return images, boxes


def colour_of(label):
    """Colours at least 40 levels apart in one channel, all far from the black between the boxes."""
    return 250 - label % 4 * 50, 250 - label // 4 % 4 * 50, 250 - label // 16 * 50


def is_colour(pixels, label):
    return (np.abs(pixels.astype(int) - colour_of(label)) <= 3).all(axis=-1)


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
@pytest.mark.parametrize("flips", [0.0, 1.0])
def test_the_pixels_in_every_box_are_its_own(mode, flips):
    config = mosaic_config(resize_mode=mode, pad_value=0, flip_probability=flips, flip_vertical_probability=flips)
    checked = 0
    for seed in range(30):
        images, boxes = painted(seed)
        canvas_hw = ((224, 224), (160, 256), (320, 192))[seed % 3]
        canvas, kept = mosaic(images, boxes, canvas_hw, config, np.random.default_rng((seed, 1)))
        assert kept.min() >= 0 and (kept[:, 2] <= canvas_hw[1]).all() and (kept[:, 3] <= canvas_hw[0]).all()
        assert len(set(kept[:, 4])) == len(kept)
        for x1, y1, x2, y2, label in kept:
            assert min(x2 - x1, y2 - y1) > MIN_TILE_BOX_PIXELS
            inside = canvas[int(np.ceil(y1 + 2)):int(y2 - 2), int(np.ceil(x1 + 2)):int(x2 - 2)]
            assert is_colour(inside, label).all(), (seed, label)
            checked += inside.size > 0
            # The box is not too small either: nearly all pixels of its colour lie in it. Far from it the mixed colours
            # at the edge of another box may be the same.
            left, top = max(0, int(x1) - 8), max(0, int(y1) - 8)
            rows, columns = np.nonzero(is_colour(canvas[top:int(y2) + 8, left:int(x2) + 8], label))
            if len(rows):
                reach = (x1 - left - columns.min(), y1 - top - rows.min(), columns.max() + left + 1 - x2,
                         rows.max() + top + 1 - y2)
                assert max(reach) <= 1.0, (seed, label, reach)
    assert checked > 350


@pytest.mark.parametrize("min_visible", [0.0, 0.6])
def test_boxes_stay_by_the_share_of_their_pixels_that_is_seen(min_visible):
    limit = min_visible or MIN_TILE_VISIBLE
    judged = {True: 0, False: 0}
    for seed in range(240):
        # At a fixed scale the pixels that the whole box would cover are known, and those that are there are counted:
        # one white box among four black images, as resizing keeps the sum of the levels.
        rng = np.random.default_rng((seed, 5))
        x1, y1 = rng.integers(0, 130, 2)
        x2, y2 = rng.integers((x1, y1) + np.array(20), 161)
        images, boxes, number = [np.zeros((160, 160, 3), np.uint8) for _ in range(4)], [*NO_BOXES], seed % 4
        images[number][y1:y2, x1:x2] = 255
        boxes[number] = np.array([[x1, y1, x2, y2, 3]], np.float32)
        scale = 0.8 + seed % 5 / 10
        config = mosaic_config(mosaic_scale=(scale, scale), min_visible=min_visible, pad_value=0)
        canvas, kept = mosaic(images, boxes, (160, 160), config, np.random.default_rng(seed))
        share = canvas[..., 0].sum() / 255 / ((x2 - x1) * (y2 - y1) * scale**2)
        if abs(share - limit) > 0.03:
            judged[len(kept) == 1] += 1
            assert (len(kept) == 1) == (share > limit), (seed, share)
    assert min(judged.values()) > 25


def one_box_at_the_inner_corner(x1, box_class):
    """Boxes of four images 100 x 100, of which only the first, drawn full size in the top left tile, has one."""
    return [np.array([[x1, 0, 100, 100, box_class]], np.float32), *NO_BOXES[1:]]


def test_a_crowd_region_stays_at_any_share():
    config = mosaic_config(mosaic_scale=(1.0, 1.0))
    images = plain_images(image_hw=(100, 100))
    real, crowd = 0, 0
    for seed in range(100):
        # The top left tile shows 25 to 75 of 100 columns and rows: 6 to 56 % of a box as large as its image.
        draw = [mosaic(images, one_box_at_the_inner_corner(0, label), (100, 100), config, np.random.default_rng(seed))
                for label in (3, -1)]
        (canvas, kept), (_, regions) = draw
        x, y = int((canvas[0, :, 0] == 10).sum()), int((canvas[:, 0, 0] == 10).sum())
        np.testing.assert_allclose(regions, [[0, 0, x, y, -1]])
        assert len(kept) == (x * y >= 100 * 100 * MIN_TILE_VISIBLE), (x, y)
        real, crowd = real + len(kept), crowd + len(regions)
    assert crowd == 100 and 30 < real < 90


def test_what_is_left_of_a_box_is_more_than_two_pixels():
    config, images = mosaic_config(mosaic_scale=(1.0, 1.0)), plain_images(image_hw=(100, 100))
    for width, count in ((1.9, 0), (2.0, 0), (2.1, 1), (30, 1)):
        for label in (0, -1):
            # A column of full height at the centre: 25 to 75 % of it are seen, at its full width.
            _, kept = mosaic(images, one_box_at_the_inner_corner(100 - width, label), (100, 100), config,
                             np.random.default_rng(0))
            assert len(kept) == count, (width, label)


def test_images_without_boxes_and_tiny_images_do_no_harm():
    images = [np.full((height, width, 3), 90, np.uint8) for height, width in ((1, 1), (1, 300), (300, 1), (2, 3))]
    boxes = [np.zeros((0, 5), np.float32), np.array([[0, 0, 300, 1, 2]], np.float32), *NO_BOXES[2:]]
    for seed in range(50):
        for mode in ("stretch", "letterbox"):
            canvas, kept = mosaic(images, boxes, (64, 64), mosaic_config(resize_mode=mode), np.random.default_rng(seed))
            assert canvas.shape == (64, 64, 3) and kept.shape[1:] == (5,) and len(kept) <= 1


def test_colours_and_flips_are_drawn_once_for_the_whole_canvas():
    images = [np.full((50, 50, 3), (200, 100, 100), np.uint8)] * 4
    config = mosaic_config(mosaic_scale=(1.5, 1.5), hue=0.1, saturation=1.5, value=0.4)
    colours = set()
    for seed in range(20):
        canvas, _ = mosaic(images, NO_BOXES, (64, 64), config, np.random.default_rng(seed))
        assert (canvas == canvas[0, 0]).all()
        colours.add(tuple(canvas[0, 0].tolist()))
    assert len(colours) > 15


def test_one_generator_one_mosaic():
    images, boxes = painted(0)
    one, two, other = (mosaic(images, boxes, (96, 96), mosaic_config(flip_probability=0.5), np.random.default_rng(seed))
                       for seed in ((1, 2, 3), (1, 2, 3), (1, 2, 4)))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert (one[0] != other[0]).any()


# ------------------------------------------------------------------------------------------------ when, and of what

def test_the_last_epochs_are_closed():
    config = mosaic_config(max_epoch=10, mosaic_close_epochs=3)
    wanted = [wants_mosaic(config, epoch, np.random.default_rng(epoch)) for epoch in range(10)]
    assert wanted == [True] * 7 + [False] * 3
    assert all(wants_mosaic(mosaic_config(max_epoch=10), epoch, np.random.default_rng(0)) for epoch in range(10))
    more = mosaic_config(max_epoch=10, mosaic_close_epochs=99)
    assert not any(wants_mosaic(more, epoch, np.random.default_rng(0)) for epoch in range(10))


def test_the_probability_is_kept_to_and_nothing_is_drawn_for_nothing():
    rng = np.random.default_rng(0)
    config = mosaic_config(mosaic=0.3)
    assert abs(np.mean([wants_mosaic(config, 0, rng) for _ in range(4000)]) - 0.3) < 4 * np.sqrt(0.21 / 4000)
    for config in (mosaic_config(mosaic=0.0), mosaic_config(max_epoch=5, mosaic_close_epochs=5)):
        rng = np.random.default_rng(7)
        assert not wants_mosaic(config, 0, rng)
        assert rng.random() == np.random.default_rng(7).random()


def test_partners_come_from_the_whole_set_and_places_are_random():
    drawn = np.array([mosaic_sources(4, 6, np.random.default_rng(seed)) for seed in range(3000)])
    assert drawn.shape == (3000, 4) and (drawn == 4).any(axis=1).all()
    # The sample's own image is in each tile a quarter of the time, and a partner one time in six.
    share = (drawn == 4).mean(axis=0)
    assert np.abs(share - (0.25 + 0.75 / 6)).max() < 0.04
    others = np.bincount(drawn.ravel(), minlength=6)[[0, 1, 2, 3, 5]] / (3000 * 3)
    assert np.abs(others - 1 / 6).max() < 0.02
    assert all(type(index) is int for index in mosaic_sources(0, 1, np.random.default_rng(0)))
    assert mosaic_sources(0, 1, np.random.default_rng(0)) == [0, 0, 0, 0]

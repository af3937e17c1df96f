# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The random part of the augmentation: where the image lands, which boxes stay, and that boxes follow their pixels."""
import numpy as np
import pytest

from src.data.augment import (
    NO_SHIFT,
    choose_placement,
    finish_plan,
    normalised_boxes,
    plan_augment,
    random_colours,
    random_flip,
    random_placement,
    visible_boxes,
)
from src.data.placement import Placement, fit_placement
from src.transforms import draw_plan, shift_colours
from tests.support.helpers import data_config
from tests.support.samples import augment

NO_COLOUR = {"hue": 0.0, "saturation": 1.0, "value": 0.0}


@pytest.mark.parametrize(("mode", "index", "expected", "next_draw"), [
    ("stretch", 0, [[63.344, 6.25, 93.031, 37.75, 2], [6.938, 27.25, 36.625, 58.75, 0], [1, 1, 96, 64, -1]], 0.520116),
    ("stretch", 1, [[92.343, 7.75, 96, 36.25, 2], [5.486, 26.75, 51.2, 55.25, 0], [0, 3, 96, 60, -1]], 0.7719),
    ("letterbox", 0, [[63.781, 6.25, 90.344, 37.75, 2], [13.312, 27.25, 39.875, 58.75, 0], [8, 1, 93, 64, -1]],
     0.520116),
    ("letterbox", 1, [[92.343, 4.840, 96, 37.109, 2], [5.486, 26.353, 51.2, 58.622, 0], [0, 0, 96, 64, -1]], 0.7719),
])
def test_the_classic_samples_are_unchanged(mode, index, expected, next_draw):
    # Recorded from the version before mosaic: old runs must continue with the same samples. (The last has moved by a
    # quarter of a pixel since: an image that shrinks by two is drawn from whole pixels of its half.)
    boxes = np.array([[10, 20, 110, 140, 2], [200, 100, 300, 220, 0], [0, 0, 320, 240, -1]], np.float32)
    rng = np.random.default_rng((1, 2, index))
    _, placed = augment(np.zeros((240, 320, 3), np.uint8), boxes, (64, 96), data_config(resize_mode=mode), rng)
    np.testing.assert_allclose(placed, expected, atol=6e-4)
    assert abs(rng.random() - next_draw) < 1e-6


def test_visible_boxes_are_clipped_and_slivers_dropped():
    placement = Placement((10, 10, 30, 30), (0, 0, 40, 40))
    boxes = np.array([[0, 0, 20, 20, 5], [12, 12, 16, 18, -1], [29.5, 12, 40, 20, 1], [29.4, 12, 40, 20, 2],
                      [0, 0, 10, 10, 3]])
    np.testing.assert_allclose(visible_boxes(boxes, placement),
                               [[0, 0, 20, 20, 5], [4, 4, 12, 16, -1], [38.8, 4, 40, 20, 2]])


def test_the_share_of_a_box_in_sight_is_that_of_its_pixels():
    placement = Placement((10, 10, 30, 30), (0, 0, 40, 60))
    # In sight: 10 x 10 of 20 x 20 pixels, 4 x 8 of the same, 1 of 8, all; the crowd's 1 of 16.
    boxes = np.array([[0, 0, 20, 20, 0], [26, 22, 34, 30, 1], [29, 12, 37, 20, 2], [12, 12, 16, 18, 3],
                      [0, 0, 14, 14, -1]])
    for min_visible, kept in ((0.0, (0, 1, 2, 3)), (0.125, (0, 1, 2, 3)), (0.126, (0, 1, 3)), (0.5, (1, 3)), (1, (3,))):
        assert tuple(visible_boxes(boxes, placement, min_visible)[:, 4]) == (*kept, -1)
    # Two canvas pixels wide: more than the classic one pixel, not more than two.
    assert 2 in visible_boxes(boxes, placement)[:, 4] and 2 not in visible_boxes(boxes, placement, 0.0, 2.0)[:, 4]


def test_a_box_seen_whole_stays_at_any_share():
    rng = np.random.default_rng(0)
    for _ in range(500):
        image_hw, canvas_hw = rng.integers(20, 700, 2), rng.integers(1, 21, 2) * 32
        placement = fit_placement("letterbox", image_hw, canvas_hw)
        sides = np.subtract(placement.dst_xyxy[2:], placement.dst_xyxy[:2])
        whole = np.array([[0, 0, image_hw[1], image_hw[0], 0.0]])
        assert len(visible_boxes(whole, placement, 1.0)) == (min(sides) > 1)


def test_a_placement_drops_what_it_cuts_by_more_than_min_visible():
    boxes = np.array([[20, 20, 60, 70, 0], [90, 50, 150, 110, 1.0]])
    config = data_config(min_scale=1.0, min_visible=0.7)
    cut = 0
    for seed in range(200):
        placement, kept = choose_placement(boxes, (120, 160), (96, 96), config, np.random.default_rng(seed))
        np.testing.assert_array_equal(kept, visible_boxes(boxes, placement, 0.7))
        assert len(kept) > 0
        cut += len(visible_boxes(boxes, placement)) > len(kept)
        _, augmented = augment(np.zeros((120, 160, 3), np.uint8), boxes, (96, 96), config, np.random.default_rng(seed))
        np.testing.assert_array_equal(augmented[:, 4], kept[:, 4])
    assert cut > 30


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_without_jitter_the_aspect_ratio_is_kept(mode):
    config = data_config(resize_mode=mode, jitter=0.0)
    rng = np.random.default_rng(4)
    ratios = []
    for _ in range(2000):
        image_hw, canvas_hw = rng.integers(60, 700, 2), rng.integers(2, 21, 2) * 32
        placement = random_placement(tuple(image_hw), tuple(canvas_hw), config, rng)
        src = np.subtract(placement.src_xyxy[2:], placement.src_xyxy[:2])
        dst = np.subtract(placement.dst_xyxy[2:], placement.dst_xyxy[:2])
        unit_x, unit_y = dst / src
        wanted = 1.0 if mode == "letterbox" else (canvas_hw[1] / image_hw[1]) / (canvas_hw[0] / image_hw[0])
        # Whole pixels: up to one source pixel more at either cut end, up to a half canvas pixel at either free end.
        slack = np.log1p(2 / src).sum() - np.log1p(-np.minimum(1 / dst, 0.9)).sum()
        assert abs(np.log(unit_x / unit_y / wanted)) <= slack
        ratios.append(unit_x / unit_y / wanted)
    assert abs(np.median(ratios) - 1) < 0.002 and np.percentile(np.abs(np.log(ratios)), 90) < 0.03


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_random_placements_are_sound(mode):
    config = data_config(resize_mode=mode)
    rng = np.random.default_rng(5)
    for _ in range(2000):
        (image_h, image_w), canvas_hw = rng.integers(1, 700, 2), rng.integers(1, 21, 2) * 32
        placement = random_placement((image_h, image_w), canvas_hw, config, rng)
        for (x1, y1, x2, y2), (height, width) in ((placement.src_xyxy, (image_h, image_w)),
                                                  (placement.dst_xyxy, canvas_hw)):
            assert 0 <= x1 < x2 <= width and 0 <= y1 < y2 <= height


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
@pytest.mark.parametrize("image_hw", [(480, 640), (900, 300)])
def test_scale_aspect_and_position_have_the_intended_ranges(mode, image_hw):
    config, canvas = data_config(resize_mode=mode), 416
    rng = np.random.default_rng(1)
    drawn, places = [], []
    for _ in range(3000):
        (sx1, sy1, sx2, sy2), (dx1, dy1, dx2, dy2) = (
            lambda placement: (placement.src_xyxy, placement.dst_xyxy))(random_placement(image_hw, (canvas, canvas),
                                                                                         config, rng))
        drawn.append(((dx2 - dx1) * image_hw[1] / (sx2 - sx1), (dy2 - dy1) * image_hw[0] / (sy2 - sy1)))
        if (sx1, sy1, sx2, sy2) == (0, 0, image_hw[1], image_hw[0]):
            places.append((dx1 / max(1, canvas - dx2 + dx1), dy1 / max(1, canvas - dy2 + dy1)))
    width, height = np.array(drawn).T
    scale = np.maximum(width, height) / canvas
    assert 0.245 < scale.min() < 0.27 and 1.95 < scale.max() < 2.02
    assert abs(scale.mean() - 1.125) < 0.03
    aspect = width / height / (image_hw[1] / image_hw[0] if mode == "letterbox" else 1)
    assert 0.7 / 1.3 * 0.96 < aspect.min() < 0.65 and 1.55 < aspect.max() < 1.3 / 0.7 * 1.04
    assert np.abs(np.array(places).mean(axis=0) - 0.5).max() < 0.05


class Scripted:
    """A generator whose draws are given."""

    def __init__(self, *draws):
        self.draws = list(draws)

    def uniform(self, low, high):
        value = self.draws.pop(0)
        assert low <= value <= high
        return value


def test_a_crop_by_hand():
    # A square image of 10 pixels drawn 64 pixels large, 9.6 left of and 16 above the canvas: it shows columns 1.5 to
    # 6.5 and rows 2.5 to 7.5, drawn as whole columns 1 to 7 and whole rows 2 to 8.
    draws = Scripted(1.0, 1.0, 2.0, -9.6, -16.0)
    assert random_placement((10, 10), (32, 32), data_config(), draws) == Placement((1, 2, 7, 8), (0, 0, 32, 32))
    # Half as large as the canvas: the whole image, at the nearest whole pixel.
    draws = Scripted(1.0, 1.0, 0.5, 9.6, 3.2)
    assert random_placement((10, 10), (32, 32), data_config(), draws) == Placement((0, 0, 10, 10), (10, 3, 26, 19))


def test_without_freedom_the_placement_is_the_plain_fit():
    rng = np.random.default_rng(0)
    for mode in ("stretch", "letterbox"):
        config = data_config(resize_mode=mode, jitter=0.0, min_scale=1.0, max_scale=1.0)
        placement = random_placement((400, 600), (96, 192), config, rng)
        fit = fit_placement(mode, (400, 600), (96, 192))
        assert placement.src_xyxy == fit.src_xyxy
        # The letterbox of training lies anywhere on the canvas, that of evaluation in its middle.
        np.testing.assert_array_equal(np.subtract(placement.dst_xyxy[2:], placement.dst_xyxy[:2]),
                                      np.subtract(fit.dst_xyxy[2:], fit.dst_xyxy[:2]))


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_a_rectangle_follows_its_box(mode):
    checked = 0
    for seed in range(300):
        rng = np.random.default_rng(seed)
        height, width = rng.integers(20, 400, 2)
        corners = np.sort(rng.integers(0, (width + 1, height + 1), (2, 2)), axis=0)
        (x1, y1), (x2, y2) = corners
        if min(x2 - x1, y2 - y1) < 2:
            continue
        image = np.zeros((height, width, 3), np.uint8)
        image[y1:y2, x1:x2] = 255
        config = data_config(resize_mode=mode, pad_value=0, **NO_COLOUR)
        canvas, boxes = augment(image, np.array([[x1, y1, x2, y2, 4.0]]), (160, 224), config, rng)
        if not len(boxes) or (boxes[0, 2:4] - boxes[0, :2]).min() < 3:
            continue
        rows, columns = np.nonzero(canvas[..., 1] > 127)
        seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        np.testing.assert_allclose(boxes[0, :4], seen, atol=1.0, err_msg=f"seed {seed}")
        assert boxes[0, 4] == 4
        checked += 1
    assert checked > 150


def test_a_placement_keeps_a_real_box_in_sight():
    config = data_config(max_scale=4.0)
    # Real objects in one corner, a crowd all over: a view of the crowd alone would teach nothing.
    boxes = np.array([[0, 0, 640, 480, -1], [600, 440, 636, 476, 2.0]])
    with_crowd, plain = 0, 0
    for seed in range(200):
        placement, visible = choose_placement(boxes, (480, 640), (416, 416), config, np.random.default_rng(seed))
        assert (visible[:, 4] == 2).sum() == 1
        with_crowd += (visible[:, 4] == -1).sum()
        plain += placement == fit_placement("stretch", (480, 640), (416, 416))
    assert with_crowd == 200
    assert plain < 20


def test_the_last_resort_is_the_plain_fit():
    # Too small to be seen at any scale of the range: ten candidates fail.
    boxes = np.array([[5, 5, 6, 6, 1.0]])
    for mode in ("stretch", "letterbox"):
        placement, visible = choose_placement(boxes, (2000, 3000), (416, 416), data_config(resize_mode=mode),
                                              np.random.default_rng(0))
        assert placement == fit_placement(mode, (2000, 3000), (416, 416))
        assert visible.shape == (0, 5)


def test_without_real_boxes_the_first_candidate_is_taken():
    config = data_config()
    first = random_placement((48, 64), (64, 64), config, np.random.default_rng(3))
    for boxes in (np.zeros((0, 5)), np.array([[1, 1, 9, 9, -1.0]])):
        placement, _ = choose_placement(boxes, (48, 64), (64, 64), config, np.random.default_rng(3))
        assert placement == first


def test_flip_probability_is_kept_to():
    image = np.zeros((48, 64, 3), np.uint8)
    image[:, :32] = 255
    boxes = np.array([[0, 0, 32, 48, 0.0]])
    fixed = {"jitter": 0.0, "min_scale": 1.0, "max_scale": 1.0, **NO_COLOUR}
    for probability, expected in ((0.0, 0), (1.0, 64), (0.25, 16)):
        config = data_config(flip_probability=probability, **fixed)
        flipped = 0
        for seed in range(64):
            canvas, moved = augment(image, boxes, (48, 64), config, np.random.default_rng(seed))
            flipped += moved[0, 0] == 32
            assert (canvas[0, 0, 0] == 0) == (moved[0, 0] == 32)
        assert abs(flipped - expected) <= (8 if 0 < probability < 1 else 0)


def test_hsv_gains_have_the_intended_ranges():
    shifts = [random_colours(data_config(), np.random.default_rng(seed)) for seed in range(2000)]
    hue, saturation, value = (np.array([getattr(shift, name) for shift in shifts])
                              for name in ("hue_levels", "saturation_gain", "value_gain"))
    assert (hue.min(), hue.max()) == (-4, 4) and hue.dtype == np.int64
    assert 0.66 <= saturation.min() < 0.68 and 1.48 < saturation.max() <= 1.5
    assert abs((saturation > 1).mean() - 0.5) < 0.05
    assert 0.6 <= value.min() < 0.62 and 1.38 < value.max() <= 1.4 and abs(value.mean() - 1) < 0.02
    assert random_colours(data_config(**NO_COLOUR), np.random.default_rng(0)) == NO_SHIFT


def test_one_generator_one_sample():
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    boxes = np.array([[5, 5, 40, 40, 1.0]])
    one, two, other = (augment(image, boxes, (64, 64), data_config(), np.random.default_rng((1, 2, n)))
                       for n in (3, 3, 4))
    np.testing.assert_array_equal(one[0], two[0])
    np.testing.assert_array_equal(one[1], two[1])
    assert (one[0] != other[0]).any()


def test_normalised_boxes_by_hand():
    boxes = np.array([[10, 20, 31, 60, 2], [0, 0, 200, 100, -1.0]])
    rows = normalised_boxes(boxes, (100, 200), 4, np.random.default_rng(0))
    assert rows.dtype == np.float32 and rows.shape == (4, 5)
    # The centre is not floored: 20.5 pixels of 200.
    np.testing.assert_allclose(rows, [[0.1025, 0.4, 0.105, 0.4, 2], [0.5, 0.5, 1, 1, -1], [0, 0, 0, 0, -1],
                                      [0, 0, 0, 0, -1]], rtol=1e-6)


def test_too_many_boxes_are_a_random_choice():
    boxes = np.zeros((10, 5))
    boxes[:, 2:4], boxes[:, 4] = 8, np.arange(10)
    chosen = [normalised_boxes(boxes, (64, 64), 4, np.random.default_rng(seed))[:, 4] for seed in range(300)]
    assert all(len(set(classes)) == 4 for classes in chosen)
    counts = np.bincount(np.concatenate(chosen).astype(int), minlength=10)
    assert counts.min() > 80 and counts.max() < 160
    np.testing.assert_array_equal(chosen[0], normalised_boxes(boxes, (64, 64), 4, np.random.default_rng(0))[:, 4])


# Plans drawn with pixels

def test_vertical_flips_have_a_probability_of_their_own():
    image = np.zeros((48, 64, 3), np.uint8)
    image[:12, :16] = 255
    boxes, whole = np.array([[0, 0, 16, 12, 3.0]]), fit_placement("stretch", (48, 64), (48, 64))
    corners = {(0, 0): 0, (48, 0): 0, (0, 36): 0, (48, 36): 0}
    config = data_config(flip_probability=0.5, flip_vertical_probability=0.25, **NO_COLOUR)
    canvas = np.empty((48, 64, 3), np.uint8)
    for seed in range(400):
        plan = finish_plan([whole], boxes, (48, 64), config, np.random.default_rng(seed))
        draw_plan(plan, lambda tile, reduction: (image, 1), 0, canvas)
        x1, y1, x2, y2, label = plan.boxes[0].astype(int)
        assert (canvas[y1:y2, x1:x2] == 255).all() and (canvas == 255).sum() == 16 * 12 * 3 and label == 3
        corners[x1, y1] += 1
    assert abs(corners[0, 36] + corners[48, 36] - 100) < 36 and abs(corners[48, 0] + corners[48, 36] - 200) < 40
    assert min(corners.values()) > 25
    always = data_config(flip_probability=0.0, flip_vertical_probability=1.0)
    assert random_flip(always, np.random.default_rng(0)) == 0
    assert random_flip(data_config(flip_probability=1.0), np.random.default_rng(0)) == 1
    assert random_flip(data_config(flip_probability=1.0, flip_vertical_probability=1.0), np.random.default_rng(0)) == -1


def test_without_vertical_flips_nothing_is_drawn_for_them():
    rng = np.random.default_rng(5)
    random_flip(data_config(), rng)
    other = np.random.default_rng(5)
    other.random()
    assert rng.random() == other.random()


def test_what_no_image_covers_is_the_pad_value_recoloured():
    config = data_config(min_scale=0.3, max_scale=0.6, hue=0.1, saturation=1.5, value=0.4)
    covered = 0
    for seed in range(30):
        plan = plan_augment(np.zeros((0, 5)), (48, 64), (64, 96), config, np.random.default_rng(seed))
        canvas = np.full((64, 96, 3), 7, np.uint8)
        draw_plan(plan, lambda tile, reduction: (np.zeros((48, 64, 3), np.uint8), 1), 200, canvas)
        x1, y1, x2, y2 = plan.placements[0].dst_xyxy
        assert not canvas[y1:y2, x1:x2].any()
        canvas[y1:y2, x1:x2] = grey = shift_colours(np.full((1, 1, 3), 200, np.uint8), plan.colours)
        assert (canvas == grey).all() and len(set(grey[0, 0].tolist())) == 1
        covered += (x2 - x1) * (y2 - y1)
    assert covered < 30 * 64 * 96 / 2


def test_the_plan_asks_for_the_reduction_that_its_placement_allows():
    # However much of a reduction is made, the sample is nearly the same.
    rows, columns = np.mgrid[0:120, 0:160]
    whole = np.stack([rows, columns, 250 - rows - columns // 2], axis=-1).astype(np.uint8)
    halves = {by: whole.reshape(120 // by, by, 160 // by, by, 3).mean(axis=(1, 3)).round().astype(np.uint8)
              for by in (1, 2, 4, 8)}
    config, asked = data_config(min_scale=0.1, max_scale=1.5, jitter=0.0, **NO_COLOUR), []
    for seed in range(60):
        plan = plan_augment(np.zeros((0, 5)), (120, 160), (64, 96), config, np.random.default_rng(seed))
        canvases = np.empty((2, 64, 96, 3), np.uint8)
        for by in (by for by in halves if by <= plan.placements[0].reduction):

            def read(tile, reduction, by=by):
                asked.append((tile, reduction))
                return halves[by], by

            draw_plan(plan, read, 128, canvases[min(by - 1, 1)])
            assert asked[-1] == (0, plan.placements[0].reduction)
            if by > 1:
                assert np.abs(canvases[0].astype(int) - canvases[1]).max() <= 5, (seed, by)
    assert {reduction for _, reduction in asked} == {1, 2, 4, 8}


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_boxes_follow_pixels_at_every_reduction(mode):
    """A white rectangle on whole blocks of eight pixels, seen in an image that was reduced by averaging."""
    checked = {1: 0, 2: 0, 4: 0, 8: 0}
    for seed in range(400):
        rng = np.random.default_rng(seed)
        height, width = rng.integers(120, 900, 2)
        (x1, y1), (x2, y2) = np.sort(rng.integers(0, (width // 8, height // 8), (2, 2)), axis=0) * 8
        if min(x2 - x1, y2 - y1) < 48:
            continue
        image = np.zeros((height, width, 3), np.uint8)
        image[y1:y2, x1:x2] = 255
        config = data_config(resize_mode=mode, pad_value=0, min_scale=0.2, max_scale=2.0, **NO_COLOUR)
        plan = plan_augment(np.array([[x1, y1, x2, y2, 4.0]]), (height, width), (96, 128), config, rng)
        by, canvas = plan.placements[0].reduction, np.empty((96, 128, 3), np.uint8)
        draw_plan(plan, lambda tile, reduction, image=image: (image[::reduction, ::reduction], reduction), 0, canvas)
        if not len(plan.boxes) or (plan.boxes[0, 2:4] - plan.boxes[0, :2]).min() < 3:
            continue
        rows, columns = np.nonzero(canvas[..., 1] > 127)
        seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        np.testing.assert_allclose(plan.boxes[0, :4], seen, atol=1.0, err_msg=f"seed {seed}, reduced by {by}")
        checked[by] += 1
    assert min(checked.values()) > 5, checked

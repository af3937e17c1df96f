# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Flips, and plans drawn with pixels: what no image covers, and images that are reduced as far as the plan allows."""
import numpy as np
import pytest

from src.data.augment import finish_plan, plan_augment, random_flip
from src.data.placement import fit_placement
from src.transforms import draw_plan, shift_colours
from tests.support.helpers import data_config

NO_COLOUR = {"hue": 0.0, "saturation": 1.0, "value": 0.0}


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

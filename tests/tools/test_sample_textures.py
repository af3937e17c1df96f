# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Backgrounds and colours of the sample data set."""
import cv2
import numpy as np

from tools.sample_textures import MIN_CONTRAST, contrasting_colour, textured_background


def lab(rgb):
    return cv2.cvtColor(np.asarray(rgb, np.float32).reshape(1, -1, 3) / 255, cv2.COLOR_RGB2LAB)[0]


def test_background_has_texture_and_leaves_room_for_colours():
    spreads = []
    for seed in range(12):
        image = textured_background(np.random.default_rng(seed), 80)
        assert image.shape == (80, 80, 3)
        assert image.min() >= 0 and image.max() <= 255
        spreads.append(image.std(axis=(0, 1)).mean())
    assert min(spreads) > 0.5
    assert np.median(spreads) > 6
    assert max(spreads) < 70


def test_backgrounds_differ_from_each_other_and_repeat_with_the_seed():
    first = textured_background(np.random.default_rng(1), 64)
    np.testing.assert_array_equal(textured_background(np.random.default_rng(1), 64), first)
    assert np.abs(textured_background(np.random.default_rng(2), 64) - first).mean() > 5


def test_colour_contrasts_with_the_ground():
    coverage = np.zeros((40, 40), np.float32)
    coverage[10:30, 10:30] = 1
    for seed, ground in enumerate(([0, 0, 0], [255, 255, 255], [128, 128, 128], [200, 30, 30], [20, 90, 200])):
        image = np.broadcast_to(np.array(ground, float), (40, 40, 3))
        colour = contrasting_colour(image, coverage, np.random.default_rng(seed))
        assert np.linalg.norm(lab(colour) - lab(ground)) >= MIN_CONTRAST


def test_colour_depends_only_on_pixels_near_the_shape():
    image = np.zeros((40, 40, 3))
    image[:, 20:] = 255
    coverage = np.zeros((40, 40), np.float32)
    coverage[10:30, 3:12] = 1
    darkest = min(lab(contrasting_colour(image, coverage, np.random.default_rng(seed)))[0, 0] for seed in range(20))
    brightest = max(lab(contrasting_colour(image, coverage, np.random.default_rng(seed)))[0, 0] for seed in range(20))
    assert darkest > 5
    assert brightest > 80, "white is allowed although the far half is white"


def test_best_of_the_tried_colours_when_none_contrasts_enough():
    # Every colour lies within the contrast of some pixels of this ground.
    image = np.random.default_rng(0).uniform(0, 255, (40, 40, 3))
    colour = contrasting_colour(image, np.ones((40, 40), np.float32), np.random.default_rng(1))
    assert colour.shape == (3,) and colour.min() >= 0 and colour.max() <= 255

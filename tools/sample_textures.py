# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Colours and textured backgrounds of the sample data set: noise of several octaves, gradients, stripes and blobs."""
import math

import cv2
import numpy as np

# Distance of two colours in CIE L*a*b* (0..100 in L*): below it a shape is lost in its background.
MIN_CONTRAST = 45.0
# Fraction of the pixels around a shape that may contrast less.
CONTRAST_QUANTILE = 0.15


def _random_colour(rng):
    """An RGB colour, float64 [3] in 0..255, with hue, saturation and value spread evenly."""
    hsv = np.array([[[rng.uniform(0, 360), rng.uniform(0.1, 1.0), rng.uniform(0.2, 1.0)]]], np.float32)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float64) * 255


def _lab(rgb):
    """CIE L*a*b* of colours, float32 [n,3], from RGB [n,3] in 0..255."""
    return cv2.cvtColor((np.asarray(rgb, np.float32) / 255)[None], cv2.COLOR_RGB2LAB)[0]


def contrasting_colour(image, coverage, rng):
    """A random RGB colour, float64 [3], that contrasts with the image beneath and around a shape.

    image: float [H,W,3] in 0..255; coverage: float32 [H,W], the fraction of each pixel that the shape covers.
    """
    near = cv2.dilate((coverage > 0).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    around = _lab(np.clip(image[near], 0, 255)[::5])
    best, best_contrast = None, -1.0
    for _ in range(40):
        colour = _random_colour(rng)
        contrast = np.quantile(np.linalg.norm(around - _lab(colour[None]), axis=1), CONTRAST_QUANTILE)
        if contrast >= MIN_CONTRAST:
            return colour
        if contrast > best_contrast:
            best, best_contrast = colour, contrast
    return best


def _noise(rng, size):
    """Smooth noise of several octaves, float64 [size,size], spread over 0..1."""
    total, weight = np.zeros((size, size)), 1.0
    cells = int(rng.integers(2, 6))
    fading = rng.uniform(0.4, 0.75)
    while cells < size / 2:
        grid = rng.normal(size=(cells + 1, cells + 1))
        total += weight * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        cells, weight = cells * 2, weight * fading
    return (total - total.min()) / (total.max() - total.min())


def _direction(rng, size):
    """The coordinate along a random direction, float64 [size,size], spread over 0..1."""
    rows, columns = np.mgrid[0:size, 0:size] / size
    angle = rng.uniform(0, 2 * math.pi)
    along = columns * math.cos(angle) + rows * math.sin(angle)
    return (along - along.min()) / (along.max() - along.min())


def _stripes(rng, size):
    """Soft stripes, bent a little by noise, float64 [size,size] in 0..1."""
    along = _direction(rng, size) + rng.uniform(0, 0.15) * _noise(rng, size)
    wave = np.sin(2 * math.pi * (rng.uniform(3, 14) * along + rng.uniform()))
    return 0.5 + 0.5 * np.tanh(rng.uniform(1, 4) * wave)


def _blobs(rng, size):
    """Patches with wavy borders, float64 [size,size] in 0..1."""
    return 1 / (1 + np.exp(-rng.uniform(8, 25) * (_noise(rng, size) - 0.5)))


def textured_background(rng, size):
    """A background of two or three blended textures, float64 [size,size,3] RGB in 0..255."""
    patterns = (_noise, _direction, _stripes, _blobs)
    base = _random_colour(rng)
    image = np.broadcast_to(base, (size, size, 3)).copy()
    for layer in range(int(rng.integers(2, 4))):
        pattern = patterns[rng.integers(len(patterns))](rng, size)[..., None]
        # Layers too far from the first colour would leave no contrasting colour for the shapes.
        towards = base + rng.uniform(0.25, 0.6) * (_random_colour(rng) - base)
        image += pattern * rng.uniform(0.4, 0.9) / (1 + 0.3 * layer) * (towards - image)
    image += rng.normal(scale=rng.uniform(1, 6), size=(size, size, 1))
    return np.clip(image, 0, 255)

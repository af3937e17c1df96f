# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The input size of every training step: a function of the seed and the step number, the same on every rank."""
import numpy as np

from model_utils.errors import UsageError
from model_utils.options import SHAPE_MULTIPLE, show

# Separates these draws from those of the samples, which are seeded by (seed, epoch, image index).
SIZE_DRAWS = 0x53495A45


def training_sizes(config) -> tuple[tuple[int, int], ...]:
    """The input sizes of training, (height, width) in pixels, each once, largest area first.

    Args:
        config: `multi_scale`, a list of [height, width] or of one number for a square; empty: `training_shape` alone.

    Raises:
        UsageError: an entry is not one or two positive whole multiples of 32.
    """
    if not config.multi_scale:
        return (tuple(config.training_shape),)
    sizes = {_size(entry, config) for entry in config.multi_scale}
    return tuple(sorted(sizes, key=lambda size: (size[0] * size[1], size), reverse=True))


def _size(entry, config):
    """One entry of `multi_scale` as (height, width)."""
    sides = entry if isinstance(entry, tuple | list) else (entry, entry)
    sides = sides * 2 if len(sides) == 1 else sides
    if len(sides) != 2:
        raise UsageError(f"{_quote_entry(entry, config)}: expected [height, width], or one number for a square")
    if any(side <= 0 or side % SHAPE_MULTIPLE for side in sides):
        near = [max(SHAPE_MULTIPLE, round(side / SHAPE_MULTIPLE) * SHAPE_MULTIPLE) for side in sides]
        raise UsageError(f"{_quote_entry(entry, config)}: expected positive multiples of {SHAPE_MULTIPLE}; the "
                         f"nearest is {show(near)}")
    return int(sides[0]), int(sides[1])


def _quote_entry(entry, config):
    return f"multi_scale ({config.source('multi_scale')}) has the entry {show(entry)}"


def size_of_step(config, step: int) -> tuple[int, int]:
    """The input size (height, width) of a training step, counted from 0 over the whole run.

    A size holds for `resize_rate` steps. The first is the largest, so that too little memory shows at once; every
    later one is drawn uniformly from `training_sizes`.

    Args:
        config: `multi_scale`, `training_shape`, `resize_rate`, `seed`.

    Raises:
        UsageError: as `training_sizes`.
    """
    sizes = training_sizes(config)
    window = step // config.resize_rate
    if window == 0 or len(sizes) == 1:
        return sizes[0]
    return sizes[int(np.random.default_rng((config.seed, window, SIZE_DRAWS)).integers(len(sizes)))]

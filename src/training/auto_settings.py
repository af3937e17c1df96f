# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Options that are `auto`: what they become for a data set and for the number of steps of a run, and why."""
import math

import numpy as np

from model_utils.config import DERIVED
from model_utils.errors import counted
from model_utils.options import AUTO
from src.config import detection_scales
from src.data.anchors import GOOD_RECALL, anchors_by_scale, augmented_sides, fit_of
from src.data.mosaic import TILES
from src.distributed_sampler import steps_per_epoch

# The default anchors stay where they have `GOOD_RECALL`, unless fitted ones raise the mean of the best IoU by so much.
MIN_GAIN = 0.03
# With which cells beside that of a centre can predict it (YOLOv5).
WIDE_REACH = 2.0
# Room for the boxes of an image or a mosaic, at most, and what a mosaic of images with fewer boxes may have.
MAX_BOXES, MAX_MOSAIC_BOXES = 300, 120
# The last epochs without mosaic: half of the run, at most ten.
MAX_CLOSED, CLOSED_SHARE = 10, 0.5
# Images, counted as often as they are used. Shorter runs use AdamW, as in ultralytics.
LONG_RUN = 640_000
# Base rate for so many images a step. SGD's grows with them (Goyal et al. 2017), AdamW's with their root (Malladi et
# al. 2022, "On the SDEs and Scaling Rules for Adaptive Gradient Algorithms").
RATES, RATE_IMAGES = {"adamw": 0.002, "momentum": 0.00125}, 8
WEIGHT_DECAYS = {"adamw": 0.05, "momentum": 0.0005}
# The warm-up in steps: a share of the run, within bounds.
WARMUP_SHARE, WARMUP_STEPS = 0.05, (100, 1000)
# However short the run.
MAX_WARMUP = 0.25


def fit_to_data(config, data):
    """Return a config without auto values, and a line for the log for each that it had.

    Args:
        config (Config): with the classes of the data, and the number of ranks.
        data (CocoData): of the training split.

    Raises:
        UserError: the data has too few images for one step.
    """
    lines = []
    if config.source("warmup_epochs") == DERIVED and config.warmup_epochs != AUTO:
        lines.append(f"warmup_epochs is {config.warmup_epochs:g}, half of max_epoch, because the default is no shorter "
                     "than the run")
    # Anchors follow from the augmentation, the rate and the decay from the optimizer.
    for name, fit in (("mosaic_close_epochs", _mosaic_close_epochs), ("anchors", _anchors), ("scale_x_y", _scale_x_y),
                      ("max_box", _max_box), ("optimizer", _optimizer), ("lr", _lr),
                      ("warmup_epochs", _warmup_epochs), ("weight_decay", _weight_decay)):
        if config[name] == AUTO:
            values, reason = fit(config, data)
            config = config.replace(DERIVED, **values)
            lines.append(f"{name} auto: {reason}")
    return config, lines


def _mosaic_close_epochs(config, _):
    epochs = min(MAX_CLOSED, int(config.max_epoch * CLOSED_SHARE))
    return ({"mosaic_close_epochs": epochs},
            f"{epochs} of {config.max_epoch}, half of the epochs and no more than {MAX_CLOSED}")


def _anchors(config, data):
    sides, default = augmented_sides(data, config), config.settled()
    kept = {"anchors": default.anchors}
    scales = [scale.anchors for scale in detection_scales(default)]
    anchors = [anchor for scale in scales for anchor in scale]
    count = len(anchors)
    different = len(np.unique(sides, axis=0))
    if different < count:
        return kept, (f"the default ones, as {counted(len(sides), 'boxes are')} large enough to fit any to, of "
                      f"{counted(different, 'different sizes')}, fewer than {count}")
    found = anchors_by_scale(sides, scales, config.seed)
    before, after = fit_of(sides, anchors), fit_of(sides, found)
    gain = after["mean_iou"] - before["mean_iou"]
    figures = (f"mean IoU {before['mean_iou']:.3f} of the default ones, {after['mean_iou']:.3f} of fitted ones, best "
               f"possible recall {before['best_possible_recall']:.3f} and {after['best_possible_recall']:.3f}")
    if gain < MIN_GAIN and (gain <= 0 or before["best_possible_recall"] >= GOOD_RECALL):
        return kept, f"the default ones; {figures}"
    return ({"anchors": found},
            f"fitted to {counted(len(sides), 'boxes')} of augmented samples; {figures}: {found}")


def _scale_x_y(config, _):
    values = list(config.settled().scale_x_y)
    if config.assigner == "dynamic":
        values = [WIDE_REACH] * len(values)
    return {"scale_x_y": values}, f"{values}, for assigner {config.assigner}"


def _max_box(config, data):
    counts = sorted((len(boxes) for boxes in data.boxes), reverse=True) or [0]
    room, mosaic = max(1, min(counts[0], MAX_BOXES)), ""
    if config.mosaic:
        # Four crowded images at once are rare; of fewer images, one comes more than once.
        room = max(room, min(sum((counts * TILES)[:TILES]), max(MAX_MOSAIC_BOXES, 2 * counts[0]), MAX_BOXES))
        mosaic = f", a mosaic of {TILES} images more"
    over = sum(count > room for count in counts)
    excess = f"; {counted(over, 'images have')} more, of which a random choice is used each time" if over else ""
    return {"max_box": room}, f"{room}, as an image has up to {counted(counts[0], 'boxes')}{mosaic}{excess}"


def _steps(config, data):
    return config.max_epoch * steps_per_epoch(len(data), config.per_batch_size, config.group_size)


def _optimizer(config, data):
    images = _steps(config, data) * config.per_batch_size * config.group_size
    name = "adamw" if images < LONG_RUN else "momentum"
    return {"optimizer": name}, f"{name}, as the run uses {counted(images, 'images')} ({LONG_RUN} or more: momentum)"


def _lr(config, _):
    images = config.per_batch_size * config.group_size
    growth = images / RATE_IMAGES
    rate = RATES[config.optimizer] * (math.sqrt(growth) if config.optimizer == "adamw" else growth)
    return {"lr": rate}, f"{rate:.3g}, for {config.optimizer} with {counted(images, 'images')} a step"


def _warmup_epochs(config, data):
    steps = _steps(config, data)
    warmup = min(max(WARMUP_SHARE * steps, WARMUP_STEPS[0]), WARMUP_STEPS[1], MAX_WARMUP * steps)
    epochs = warmup * config.max_epoch / steps
    return {"warmup_epochs": epochs}, f"{epochs:.3g}, {warmup:.0f} of the {counted(steps, 'steps')} of the run"


def _weight_decay(config, _):
    decay = WEIGHT_DECAYS[config.optimizer]
    return {"weight_decay": decay}, f"{decay:g}, for {config.optimizer}"

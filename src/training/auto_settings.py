# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Options that are `auto`: what they become for a data set, and why."""
import numpy as np

from model_utils.config import DERIVED
from model_utils.options import AUTO
from src.config import detection_scales
from src.data.anchors import augmented_sides, fit_of, fitted_anchors

# The default anchors stay where so large a share of the boxes has a good one, unless fitted ones raise the mean of the
# best IoU by so much.
MIN_RECALL, MIN_GAIN = 0.98, 0.03


def fit_to_data(config, data):
    """Return a config without auto values, and a line for the log for each that it had.

    Args:
        config (Config): with the classes of the data.
        data (CocoData): of the training split.
    """
    if config.anchors != AUTO:
        return config, []
    sides, default = augmented_sides(data, config), config.settled()
    anchors = sorted({anchor for scale in detection_scales(default) for anchor in scale.anchors}, key=np.prod)
    count = sum(map(len, config.anchor_masks))
    if len(np.unique(sides, axis=0)) < count:
        return default, [f"anchors auto: the default ones, as only {len(sides)} boxes are large enough to fit any to"]
    found = fitted_anchors(sides, count, config.seed)
    before, after = fit_of(sides, anchors), fit_of(sides, found)
    gain = after["mean_iou"] - before["mean_iou"]
    figures = (f"mean IoU {before['mean_iou']:.3f} of the default ones, {after['mean_iou']:.3f} of fitted ones, best "
               f"possible recall {before['best_possible_recall']:.3f} and {after['best_possible_recall']:.3f}")
    if gain < MIN_GAIN and (gain <= 0 or before["best_possible_recall"] >= MIN_RECALL):
        return default, [f"anchors auto: the default ones; {figures}"]
    # The smaller half at stride 16, the others at stride 32.
    masks = [list(range(count // 2)), list(range(count // 2, count))]
    config = config.replace(DERIVED, anchors=found, anchor_masks=masks)
    return config, [f"anchors auto: fitted to {len(sides)} boxes of augmented samples; {figures}: {found}"]

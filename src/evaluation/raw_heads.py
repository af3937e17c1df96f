# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Decode of raw heads, as models exported with `keep_detect False` return them. NumPy only.

Twin of `src.yolo.ScaleDecoder`, which has the formula and its source.
"""
import numpy as np

from src.network.head_layout import FIRST_CLASS, MAX_LOG_SIZE, OBJECTNESS, Scale


def decode_head(head: np.ndarray, scale: Scale, input_hw: tuple[int, int]) -> np.ndarray:
    """Return a raw head float32 [B, A*(5 + C), gh, gw] as boxes and probabilities, float32 [B, gh, gw, A, 5 + C].

    Args:
        head: of one scale.
        scale: stride, anchors and scale_x_y.
        input_hw: height and width of the network input in pixels.
    """
    grid_h, grid_w = scale.grid_hw(input_hw)
    fields = head.reshape(len(head), len(scale.anchors), -1, grid_h, grid_w).transpose(0, 3, 4, 1, 2)
    decoded = np.empty(fields.shape, np.float32)
    columns, rows = np.arange(grid_w)[:, None], np.arange(grid_h)[:, None, None]
    for axis, cells, count in ((0, columns, grid_w), (1, rows, grid_h)):
        centre = scale.scale_x_y * _sigmoid(fields[..., axis]) - (scale.scale_x_y - 1) / 2
        decoded[..., axis] = (centre + cells) / count
    anchors = np.divide(scale.anchors, input_hw[::-1])
    decoded[..., 2:OBJECTNESS] = np.exp(np.minimum(fields[..., 2:OBJECTNESS], MAX_LOG_SIZE)) * anchors
    decoded[..., OBJECTNESS:FIRST_CLASS] = _sigmoid(fields[..., OBJECTNESS:FIRST_CLASS])
    decoded[..., FIRST_CLASS:] = _sigmoid(fields[..., FIRST_CLASS:])
    return decoded


def _sigmoid(logits):
    # By tanh, which does not overflow.
    return 0.5 + 0.5 * np.tanh(0.5 * logits)

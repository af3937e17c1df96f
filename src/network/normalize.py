# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Normalisation of pixels in the graph, the same in training, evaluation and the exported model."""
import numpy as np

import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops


class Normalize(nn.Cell):
    """Turns pixels uint8 [B, H, W, 3] RGB into network input float32 [B, 3, H, W]: (x / 255 - mean) / std.

    Args:
        mean, std (tuple): one number per channel, as fractions of 255.
    """

    def __init__(self, mean, std):
        super().__init__()
        scale = 1.0 / (255.0 * np.array(std, np.float64))
        offset = -np.array(mean, np.float64) / np.array(std, np.float64)
        # No batch axis: OpenCV DNN 4.6 cannot add [1, 3, 1, 1] to several images.
        self.scale = ms.Tensor(scale.reshape(3, 1, 1), ms.float32)
        self.offset = ms.Tensor(offset.reshape(3, 1, 1), ms.float32)

    def construct(self, images):
        pixels = ops.cast(ops.transpose(images, (0, 3, 1, 2)), ms.float32)
        return pixels * self.scale + self.offset

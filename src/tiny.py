# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The Darknet-tiny backbone: seven 3x3 convolutions, downsampled by max-pooling only.

    python -c "from src.tiny import DarknetTiny; print(DarknetTiny())"
"""
import numpy as np

import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops

BACKBONE_CHANNELS = (16, 32, 64, 128, 256, 512, 1024)
LEAKY_SLOPE = 0.1
BATCH_NORM_EPS = 1e-5
# MindSpore's convention: running = 0.9 * running + 0.1 * batch.
BATCH_NORM_MOMENTUM = 0.9


class DecomposedLeakyReLU(nn.Cell):
    """LeakyReLU as slope*x + (1 - slope)*relu(x): the same function with a much faster gradient on CPU."""

    def construct(self, x):
        return LEAKY_SLOPE * x + (1.0 - LEAKY_SLOPE) * ops.relu(x)


def leaky_relu(decomposed):
    """Return the activation cell: plain LeakyReLU, which device compilers fuse, or its decomposed form."""
    return DecomposedLeakyReLU() if decomposed else nn.LeakyReLU(LEAKY_SLOPE)


class AdaptivePool(nn.Cell):
    """Max-pooling of x [B, C, H, W] over 2x2 pixels, for training on a CPU, float32 [B, C, H/stride, W/stride].

    Adaptive pooling remembers where each maximum was. The gradient of MaxPool2d, which has the same values, also where
    several pixels are the largest, searches them again and takes five times as long.

    Args:
        plain (MaxPool2d): the pooling outside training, at stride 2 for even H and W, or at stride 1 padded as "same".
    """

    def __init__(self, plain):
        super().__init__()
        self.plain, self.stride = plain, plain.stride

    def construct(self, x):
        if not self.training:
            return self.plain(x)
        out_hw = (x.shape[2] // self.stride, x.shape[3] // self.stride)
        if self.stride == 1:
            # Of n + 1 pixels, window i of n starts at pixel i and ends with pixel i + 1.
            x = ops.concat((x, x[:, :, -1:]), 2)
            x = ops.concat((x, x[:, :, :, -1:]), 3)
        return ops.adaptive_max_pool2d(x, out_hw)


def max_pool(stride, decomposed):
    """Return the cell that pools 2x2 pixels at stride 2 or 1: MaxPool2d, or its form for training on a CPU."""
    # At stride 1 "same" keeps the grid size: it pads one row below and one column to the right, as Darknet does.
    plain = nn.MaxPool2d(kernel_size=2, stride=stride, pad_mode="valid" if stride == 2 else "same")
    return AdaptivePool(plain) if decomposed else plain


class ChannelBias(nn.Cell):
    """The bias that folding leaves of a batch norm: beta [C], added to each channel of x [B, C, H, W]."""

    def __init__(self, channels):
        super().__init__()
        self.beta = ms.Parameter(ms.Tensor(np.zeros(channels), ms.float32))

    def construct(self, x):
        return ops.bias_add(x, self.beta)


class ConvBlock(nn.Cell):
    """Convolution without bias, batch norm and LeakyReLU at stride 1, float32 [B, C, H, W] to [B, C', H, W].

    With `folded` the batch norm is a bias; `src.weights.folding.fold_batch_norm` computes its weights.
    """

    def __init__(self, in_channels, out_channels, kernel_size, decomposed_activation=False, folded=False):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size, pad_mode="same", has_bias=False)
        self.bn = ChannelBias(out_channels) if folded else nn.BatchNorm2d(out_channels, eps=BATCH_NORM_EPS,
                                                                          momentum=BATCH_NORM_MOMENTUM)
        self.activation = leaky_relu(decomposed_activation)

    def construct(self, x):
        return self.activation(self.before_activation(x))

    def before_activation(self, x):
        """Return the normalised convolution."""
        return self.bn(self.conv(x))


class DarknetTiny(nn.Cell):
    """The convolutional part of YOLOv3-Tiny in Darknet's order, without its two necks and heads.

    Input: float32 [B, 3, H, W] with H and W multiples of 32. Returns the stride-16 feature [B, 256, H/16, W/16] and
    the stride-32 feature [B, 1024, H/32, W/32].
    """

    def __init__(self, decomposed_activation=False, folded=False):
        super().__init__()
        widths = (3,) + BACKBONE_CHANNELS
        for i in range(len(BACKBONE_CHANNELS)):
            setattr(self, f"conv{i}", ConvBlock(widths[i], widths[i + 1], 3, decomposed_activation, folded))
        self.pool, self.pool_same = max_pool(2, decomposed_activation), max_pool(1, decomposed_activation)
        self.pools_first = decomposed_activation
        self.folded = folded

    def construct(self, x):
        x = self._pooled(self.conv0, x)
        x = self._pooled(self.conv1, x)
        x = self._pooled(self.conv2, x)
        x = self._pooled(self.conv3, x)
        stride16 = self.conv4(x)
        x = self.conv5(self.pool(stride16))
        stride32 = self.conv6(self.pool_same(x))
        return stride16, stride32

    def _pooled(self, block, x):
        """Return the block's output at half its resolution.

        LeakyReLU is monotonic, so it commutes with max-pooling. After the pooling it has a quarter of the work, which
        matters where it is not fused into the convolution.
        """
        if self.pools_first and self.folded:
            # Adding a bias keeps the order too; a batch norm does not where its gamma is negative.
            return block.activation(block.bn(self.pool(block.conv(x))))
        if self.pools_first:
            return block.activation(self.pool(block.before_activation(x)))
        return self.pool(block(x))

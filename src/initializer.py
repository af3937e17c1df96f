# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Random first weights, and the objectness bias of a head that is trained from scratch."""
import math

import numpy as np

import mindspore as ms
import mindspore.nn as nn

from src.network.head_layout import OBJECTNESS

BACKBONE_BLOCKS = tuple(f"conv{i}." for i in range(7))
# Head -> index in anchor_masks.
HEAD_SCALES = {"head1": 1, "head2": 0}


def initialise_weights(network, seed):
    """Draw all convolution weights and biases from U(-b, b) with b = 1 / sqrt(fan in), from one seed.

    This is He et al. 2015 for a slope of sqrt(5), the default of PyTorch and MindSpore; drawn by NumPy, so that a
    seed means the same weights on every device. Batch-norm keeps gamma 1, beta 0, mean 0, variance 1.
    """
    rng = np.random.default_rng(seed)
    for _, cell in network.cells_and_names():
        if not isinstance(cell, nn.Conv2d):
            continue
        fan_in = math.prod(cell.weight.shape[1:])
        for parameter in (cell.weight, cell.bias if cell.has_bias else None):
            if parameter is not None:
                values = rng.uniform(-1, 1, parameter.shape) / math.sqrt(fan_in)
                parameter.set_data(ms.Tensor(values, ms.float32))


def set_objectness_prior(network, config, heads=tuple(HEAD_SCALES)):
    """Set the objectness bias of every anchor of some heads so that an untrained cell gives config.objectness_prior.

    With a prior p the bias is -log((1 - p) / p) (Lin et al. 2017, section 4.1), so that at the start the many empty
    cells do not outweigh the few boxes. 0 leaves the biases as they are.
    """
    prior = config.objectness_prior
    if prior == 0:
        return
    for head in heads:
        parameter = getattr(network, head).bias
        bias = parameter.asnumpy().copy().reshape(len(config.anchor_masks[HEAD_SCALES[head]]), -1)
        bias[:, OBJECTNESS] = -math.log((1 - prior) / prior)
        parameter.set_data(ms.Tensor(bias.reshape(-1), ms.float32))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Networks with random weights, small enough for a test."""
import math

import numpy as np

import mindspore as ms
import mindspore.nn as nn

from model_utils.config import get_config
from src.config import detection_scales
from src.data.categories import Categories
from src.network.head_layout import Scale
from src.tiny import ConvBlock, max_pool
from src.training.train_state import describe_network
from src.weights.checkpoint import save_checkpoint
from src.weights.darknet import tensor_shapes
from src.yolo import YOLOv3Tiny, build_network
from tests.support.helpers import CATEGORIES

NAMES = tuple(category["name"] for category in CATEGORIES)
IDS = tuple(category["id"] for category in CATEGORIES)

ANCHORS = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))


def random_weights(num_classes, seed=1, num_anchors=3):
    """Darknet-like weights under which activations stay of order 1 and no batch-norm is trivial."""
    rng, weights = np.random.default_rng(seed), {}
    for tensors in tensor_shapes(num_anchors * (5 + num_classes)).values():
        for name, shape in tensors.items():
            if name.endswith("weight"):
                # Small logits: sizes are anchors times their exponential.
                gain = 0.2 if name.startswith("head") else 1
                values = rng.normal(0, gain * math.sqrt(2 / math.prod(shape[1:])), shape)
            elif name.endswith(("gamma", "variance")):
                values = rng.uniform(0.5, 1.5, shape)
            else:
                values = rng.normal(0, 0.4, shape)
            weights[name] = values.astype(np.float32)
    return weights


def write_darknet(path, weights, images_seen=0):
    """Write the weights of a network, float32 arrays by our names, as a Darknet file of version 0.2.0."""
    names = [name for tensors in tensor_shapes(6).values() for name in tensors]
    header = np.array((0, 2, 0), "<i4").tobytes() + np.array(images_seen, "<i8").tobytes()
    path.write_bytes(header + b"".join(weights[name].astype("<f4").tobytes() for name in names))


def small_network(num_classes=2):
    return YOLOv3Tiny(num_classes, (Scale(16, ANCHORS[:3], 1.2), Scale(32, ANCHORS[3:], 1.1)))


class ThreeBlocks(nn.Cell):
    """In place of `YOLOv3Tiny`: the same heads on three convolutions, of which a training step compiles sooner."""

    def __init__(self, config, num_classes):
        super().__init__()
        fine, coarse = detection_scales(config)
        self.patches = nn.Conv2d(3, 8, fine.stride, fine.stride, pad_mode="valid", has_bias=False)
        self.conv0, self.conv1 = ConvBlock(8, 16, 3, True), ConvBlock(16, 16, 3, True)
        self.pool = max_pool(2, True)
        self.head1 = nn.Conv2d(16, coarse.channels(num_classes), 1, has_bias=True)
        self.head2 = nn.Conv2d(16, fine.channels(num_classes), 1, has_bias=True)

    def construct(self, x):
        x = self.conv0(self.patches(x))
        return self.head1(self.conv1(self.pool(x))), self.head2(x)


def values(network):
    # Copies: on CPU an array may share its memory with the parameter, and change with it.
    return {parameter.name: parameter.asnumpy().copy() for parameter in network.get_parameters()}


def same(first, second):
    """Names whose arrays are equal bit by bit."""
    return {name for name in first if np.array_equal(first[name], second[name])}


def is_backbone(name):
    return name.startswith(tuple(f"conv{i}." for i in range(7)))


def write_checkpoint(path, categories=None, **config_values):
    """A checkpoint with random weights for 64 x 96 pixels, letterbox."""
    categories = categories or Categories(NAMES, IDS)
    ms.set_seed(3)
    config = get_config([f"--{name}={value}" for name, value in
                         {"testing_shape": "64,96", "resize_mode": "letterbox", **config_values}.items()])
    network = build_network(config, len(categories))
    weights = {parameter.name: parameter for parameter in network.get_parameters()}
    save_checkpoint(path, weights, describe_network(config, categories))
    return path

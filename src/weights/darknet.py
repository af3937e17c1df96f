# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Darknet weights files of YOLOv3-Tiny, whole or cut after a convolution: how they are read and run.

A file is a header, int32 major, minor and revision and the number of images seen (int64 since version 0.2, int32
before), and then float32 tensors without names: the convolutions in the order of the network's definition, each as
beta, gamma, mean, variance and weights, or bias and weights for the heads (Darknet's parser.c). All little endian.
"""
import math
from bisect import bisect_right
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate
from pathlib import Path

import numpy as np

from model_utils.errors import UserError
from model_utils.files import file_fault
from src.network.head_layout import FIRST_CLASS, STRIDES, Scale
from src.yolo import YOLOv3Tiny

HEADS = ("head1", "head2")
CONVOLUTIONS = tuple(f"conv{i}" for i in range(9)) + ("head1", "conv9", "conv10", "head2")
BLOCK_FIELDS = ("bn.beta", "bn.gamma", "bn.moving_mean", "bn.moving_variance", "conv.weight")
HEAD_FIELDS = ("bias", "weight")
VERSION_BYTES = 12
# Darknet's own limit of major and minor; a MindSpore checkpoint's first bytes are a far larger number.
VERSION_LIMIT = 1000
VALUE_BYTES = 4
# Rows of a head with one anchor and one class.
FEWEST_ROWS = FIRST_CLASS + 1

# How Darknet trained and runs what it publishes (cfg/yolov3-tiny.cfg): its anchors, 1, 2, 3 on stride 16, a plain
# sigmoid for the centre, and letterboxed RGB from 0 to 1. Its padding is 0.5, between the grey levels 127 and 128.
DARKNET_OPTIONS = {
    "anchors": [[10.0, 14.0], [23.0, 27.0], [37.0, 58.0], [81.0, 82.0], [135.0, 169.0], [344.0, 319.0]],
    "anchor_masks": [[1, 2, 3], [3, 4, 5]],
    "scale_x_y": [1.0, 1.0],
    "resize_mode": "letterbox",
    "pad_value": 128,
    "mean": [0.0, 0.0, 0.0],
    "std": [1.0, 1.0, 1.0],
    "testing_shape": [416, 416],
}
PUBLISHED_ANCHORS = len(DARKNET_OPTIONS["anchor_masks"][0])


@dataclass(frozen=True)
class DarknetWeights:
    """What a file holds: float32 arrays by our names, in file order, and the header's figures.

    `rows` are those of each head, anchors * (5 + classes); None for a file that ends before the first. `convolutions`
    counts those it holds, of 13.
    """

    path: str
    weights: dict
    convolutions: int
    rows: int | None
    version: tuple
    images_seen: int

    @property
    def is_whole(self):
        """Whether the file holds the whole network."""
        return self.convolutions == len(CONVOLUTIONS)


def is_darknet(path):
    """Return whether a file starts as Darknet weights do: with three version numbers from 0 to 999."""
    with open(path, "rb") as file:
        start = file.read(VERSION_BYTES)
    version = np.frombuffer(start[:len(start) // 4 * 4], "<i4")
    return len(version) == 3 and bool(((version >= 0) & (version < VERSION_LIMIT)).all())


def header_size(version):
    """Return the bytes before the first tensor: the number of images seen is an int64 since version 0.2."""
    return VERSION_BYTES + (8 if version[0] * 10 + version[1] >= 2 else 4)


def tensor_shapes(rows):
    """Return {convolution: {tensor name: shape}} of the network, in the order of a file.

    Args:
        rows (int): of each head, anchors * (5 + classes).
    """
    shapes = _network_shapes()
    table = {}
    for name in CONVOLUTIONS:
        fields = HEAD_FIELDS if name in HEADS else BLOCK_FIELDS
        table[name] = {f"{name}.{field}": shapes[f"{name}.{field}"] for field in fields}
        if name in HEADS:
            table[name] = {tensor: (rows, *shape[1:]) for tensor, shape in table[name].items()}
    return table


def file_sizes(rows, header_bytes=20):
    """Return, for each of the 13 convolutions, the bytes of a file that ends with it; the last is the whole network."""
    counts = [sum(map(math.prod, tensors.values())) for tensors in tensor_shapes(rows).values()]
    return [header_bytes + VALUE_BYTES * count for count in accumulate(counts)]


def head_layouts(rows):
    """Return every (anchors of each scale, classes) that makes up the rows of a head: 18 are 3 of 1, 2 of 4, 1 of 13.

    Those with nearly as many anchors as yolov3-tiny.cfg come first.
    """
    layouts = [(anchors, rows // anchors - FIRST_CLASS) for anchors in range(1, rows // (FIRST_CLASS + 1) + 1)
               if rows % anchors == 0]
    return sorted(layouts, key=lambda layout: abs(layout[0] - PUBLISHED_ANCHORS))


def read_darknet(path):
    """Read a Darknet weights file, whole or cut after any convolution; its size decides which, and the heads' rows.

    Args:
        path (str or Path): the file.

    Returns:
        A `DarknetWeights`.

    Raises:
        UserError: no such file, no Darknet header, a size that fits no heads, or values that no trained
            YOLOv3-Tiny has (not finite, or a variance below 0).
    """
    path, fault = Path(path), file_fault(path)
    if fault:
        raise UserError(f"Darknet weights {path}: {fault}; check the path")
    if not is_darknet(path):
        raise UserError(f"{path}: not a Darknet weights file, which starts with its version, such as 0.2.0 (twelve "
                        "bytes); take a .weights file or a yolov3-tiny.conv.N")
    data = path.read_bytes()
    version = tuple(int(number) for number in np.frombuffer(data, "<i4", 3))
    header_bytes = header_size(version)
    convolutions, rows = _fit(path, len(data), header_bytes)
    seen = int.from_bytes(data[VERSION_BYTES:header_bytes], "little", signed=True)
    values = np.frombuffer(data, "<f4", offset=header_bytes)
    weights, position = {}, 0
    for tensors in list(tensor_shapes(rows or FEWEST_ROWS).values())[:convolutions]:
        for name, shape in tensors.items():
            size = math.prod(shape)
            weights[name] = values[position:position + size].reshape(shape).astype(np.float32)
            position += size
            _check_values(path, name, weights[name])
    return DarknetWeights(str(path), weights, convolutions, rows, version, seen)


@lru_cache(maxsize=1)
def _network_shapes():
    """Return {parameter name: shape} of the network itself, for one class and one anchor of each scale."""
    scales = tuple(Scale(stride, ((1.0, 1.0),), 1.0) for stride in STRIDES)
    return {parameter.name: tuple(parameter.shape) for parameter in YOLOv3Tiny(1, scales).get_parameters()}


def _fit(path, size, header_bytes):
    """Return how many convolutions, and heads of how many rows (None before the first), make up `size` bytes."""
    fewest, more = (file_sizes(rows, header_bytes) for rows in (FEWEST_ROWS, FEWEST_ROWS + 1))
    for convolutions in range(len(CONVOLUTIONS), 0, -1):
        per_row = more[convolutions - 1] - fewest[convolutions - 1]
        surplus = size - fewest[convolutions - 1]
        if per_row == 0 and surplus == 0:
            return convolutions, None
        if per_row and surplus >= 0 and surplus % per_row == 0:
            return convolutions, FEWEST_ROWS + surplus // per_row
    raise UserError(f"{path}: {size} bytes do not end with a convolution of YOLOv3-Tiny; "
                    f"{_neighbours(size, header_bytes)}; the file is truncated, has trailing bytes or is of another "
                    "network: get it again")


def _neighbours(size, header_bytes):
    """Return text that names the nearest right sizes below and above a wrong one, with the anchors of the cfg."""
    one, two = (file_sizes(PUBLISHED_ANCHORS * (FIRST_CLASS + count), header_bytes) for count in (1, 2))
    ends = [(end, f"after {name}") for end, name in zip(one, CONVOLUTIONS[:CONVOLUTIONS.index("head1")], strict=False)]
    per_class = two[-1] - one[-1]
    fewer = max(0, (size - one[-1]) // per_class)
    ends += [(one[-1] + count * per_class, f"a whole file of {count + 1} class{'es' if count else ''}")
             for count in (fewer, fewer + 1)]
    above = bisect_right([end for end, _ in ends], size)
    sizes = [f"{end} bytes would be right ({what}), {abs(size - end)} {'fewer' if end < size else 'more'}"
             for end, what in ends[max(0, above - 1):above + 1]]
    return "; ".join(sizes)


def _check_values(path, name, array):
    """Refuse values of no trained network: damage, or another network whose size fits by accident."""
    if not np.isfinite(array).all():
        raise UserError(f"{path}: {name} holds numbers that are not finite; the file is damaged or of another network: "
                        "get it again")
    if name.endswith("moving_variance") and array.min() < 0:
        raise UserError(f"{path}: {name} holds {array.min():g}, but a variance is never below 0; the file is damaged "
                        "or of another network: get it again")

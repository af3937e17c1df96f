# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Detection scales and the order of a prediction's fields; twin in C++: ascend310_infer/inc/detection/decode.h."""
from dataclasses import dataclass

# Fields of a prediction: centre x and y, width, height, objectness, then the class probabilities.
BOX_FIELDS = 4
OBJECTNESS = 4
FIRST_CLASS = 5
# Pixels per cell of the two scales, in the order of anchor_masks and scale_x_y.
STRIDES = (16, 32)
# exp(8) is 3000 times an anchor: no box is that large, and the value is finite even in float16.
MAX_LOG_SIZE = 8.0


@dataclass(frozen=True)
class Scale:
    """One detection scale: stride in pixels, anchors (width, height) in pixels, and scale_x_y."""

    stride: int
    anchors: tuple[tuple[float, float], ...]
    scale_x_y: float

    def channels(self, num_classes: int) -> int:
        """Return the number of channels of the head: anchors times (5 + classes)."""
        return len(self.anchors) * (FIRST_CLASS + num_classes)

    def grid_hw(self, input_hw: tuple[int, int]) -> tuple[int, int]:
        """Return (rows, columns) of the grid for an input of (height, width) pixels."""
        return input_hw[0] // self.stride, input_hw[1] // self.stride

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The decode of raw heads is that of the reference, field by field."""
import numpy as np
import pytest

from src.evaluation.raw_heads import decode_head
from src.network.head_layout import Scale
from tests.support import reference


def test_a_head_is_decoded_as_by_the_reference():
    scale, input_hw = Scale(16, ((10.0, 14.0), (23.0, 27.0)), 1.2), (64, 96)
    head = np.random.default_rng(1).normal(0, 4, (2, 2 * 8, 4, 6)).astype(np.float32)
    # Sizes are limited, and no logit overflows.
    head[0, 2], head[1, 4], head[1, 6] = 50, -1000, 1000
    found = decode_head(head, scale, input_hw)
    assert found.shape == (2, 4, 6, 2, 8) and found.dtype == np.float32
    for image, row, column, slot in np.ndindex(2, 4, 6, 2):
        fields = head[image, slot * 8:slot * 8 + 8, row, column].astype(np.float64)
        stretched = [(1.2 * reference.sigmoid(fields[axis]) - 0.1 + cell) / count
                     for axis, cell, count in ((0, column, 6), (1, row, 4))]
        sizes = [np.exp(min(fields[2 + axis], 8)) * scale.anchors[slot][axis] / input_hw[1 - axis] for axis in (0, 1)]
        expected = [*stretched, *sizes, *(1 / (1 + np.exp(-np.clip(fields[4:], -500, 500))))]
        assert found[image, row, column, slot] == pytest.approx(expected, rel=1e-4, abs=1e-6)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The grids: their values one by one, and dynamic shapes that fit every input size."""
import numpy as np
import pytest

import mindspore as ms

from src.network.grid import open_grids, scale_grid, scale_grids
from src.network.head_layout import Scale

SCALES = (Scale(16, ((10, 14), (23, 27), (37, 58)), 1.2), Scale(32, ((81, 82), (135, 169), (344, 319)), 1.1))


def test_numbers_of_one_grid():
    grid = scale_grid(SCALES[1], (64, 96))
    assert all(values.dtype == ms.float32 for pair in grid for values in pair)
    anchor_wh, grid_wh, cell_xy, axes = [[values.asnumpy() for values in pair] for pair in grid]
    np.testing.assert_allclose(anchor_wh[0], [[[81 / 96], [135 / 96], [344 / 96]]], rtol=1e-6)
    np.testing.assert_allclose(anchor_wh[1], [[[82 / 64], [169 / 64], [319 / 64]]], rtol=1e-6)
    assert [side.tolist() for side in grid_wh] == [[[[3], [3], [3]]], [[[2], [2], [2]]]]
    assert [numbers.tolist() for numbers in cell_xy] == [[[[0, 1, 2, 0, 1, 2]]], [[[0, 0, 0, 1, 1, 1]]]]
    assert [numbers.tolist() for numbers in axes] == [[[[[0, 1, 2]]]], [[[[0], [1]]]]]


@pytest.mark.parametrize("input_hw", [(64, 64), (96, 160)])
def test_open_shapes_fit_and_leave_open_what_varies(input_hw):
    closed, other = scale_grids(SCALES, input_hw), scale_grids(SCALES, (416, 320))
    seen_open = 0
    for number, of_scale in enumerate(open_grids(SCALES)):
        for place, pair in enumerate(of_scale):
            for side, tensor in enumerate(pair):
                shape, second = closed[number][place][side].shape, other[number][place][side].shape
                expected = tuple(a if a == b else -1 for a, b in zip(shape, second, strict=True))
                assert tuple(tensor.shape) == expected
                seen_open += -1 in expected
    assert seen_open == 8

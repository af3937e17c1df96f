# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The grid of a detection scale at one input size: cells, and anchors normalised to the input.

Loss and assigner take it as an input, so that one compiled graph can serve every size. A grid is a plain tuple of four
pairs of tensors, float32, for A anchors, gh rows and gw columns:

    anchor_wh  [1, A, 1]                         normalised to the input
    grid_wh    [1, A, 1]                         gw and gh, the same for each anchor
    cell_xy    [1, 1, gh*gw]                     column and row of each cell, row by row
    axes       [1, 1, 1, gw] and [1, 1, gh, 1]   the columns and the rows, from 0
"""

import numpy as np

import mindspore as ms


def scale_grid(scale, input_hw):
    """Return the grid (anchor_wh, grid_wh, cell_xy, axes) of a scale.

    Args:
        scale (Scale): stride and anchors.
        input_hw (tuple): height and width of the network input in pixels, multiples of the stride.
    """
    grid_h, grid_w = scale.grid_hw(input_hw)
    anchors = np.array(scale.anchors, np.float64) / (input_hw[1], input_hw[0])
    rows, columns = np.mgrid[0:grid_h, 0:grid_w]
    pairs = (
        [side.reshape(1, -1, 1) for side in anchors.T],
        [np.full((1, len(anchors), 1), count) for count in (grid_w, grid_h)],
        [number.reshape(1, 1, -1) for number in (columns, rows)],
        [np.arange(grid_w).reshape(1, 1, 1, -1), np.arange(grid_h).reshape(1, 1, -1, 1)])
    return tuple(tuple(ms.Tensor(values, ms.float32) for values in pair) for pair in pairs)


def scale_grids(scales, input_hw):
    """Return the grids of all scales in their order, as an input of a compiled function.

    Without `mutable` they would be constants of the graph, which would be compiled again for each size.
    """
    return ms.mutable(tuple(scale_grid(scale, input_hw) for scale in scales))


def open_grids(scales):
    """Return `scale_grids` of an open input size: tensors without values, whose grid axes are dynamic."""
    def pair_of(*shapes):
        return tuple(ms.Tensor(shape=shape, dtype=ms.float32) for shape in shapes)

    per_cell = (1, 1, None)
    return tuple((pair_of(*[(1, len(scale.anchors), 1)] * 2), pair_of(*[(1, len(scale.anchors), 1)] * 2),
                  pair_of(per_cell, per_cell), pair_of((1, 1, 1, None), (1, 1, None, 1))) for scale in scales)

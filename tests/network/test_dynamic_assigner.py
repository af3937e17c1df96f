# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The rules of dynamic assignment; the loss compares its decisions with those of tests/support/reference.py."""
import numpy as np

import mindspore as ms

from src.config import detection_scales
from src.network.dynamic_assigner import DynamicAssigner
from src.network.grid import scale_grids
from tests.support import reference
from tests.support.loss_cases import config_of


def assigned(boxes, predictions=None, scale_x_y=(2.0, 2.0)):
    """Return {(scale, slot, row, column): box} on an input of 96 x 96 with two classes.

    Every cell predicts the box of its anchor at its middle, unless `predictions` has (box, objectness) for it.
    """
    setup = reference.Setup(input_hw=(96, 96), num_classes=2, scale_x_y=scale_x_y)
    cells, cxcywh, logits = [], [], []
    for scale in range(2):
        rows, columns = setup.grid(scale)
        for slot, row, column in np.ndindex(3, rows, columns):
            cells.append((scale, slot, row, column))
            middle = (column + 0.5) / columns, (row + 0.5) / rows
            box, objectness = (predictions or {}).get(cells[-1], ((*middle, *setup.scale_anchors(scale)[slot]), 0.0))
            cxcywh.append(box)
            logits.append((objectness, 0.0, 0.0))
    scales = detection_scales(config_of(setup))
    assigner = DynamicAssigner(scales, 2, ignore_threshold=0.7)
    rows = np.zeros((1, len(boxes) + 2, 5), np.float32)
    rows[..., 4] = -1
    rows[0, :len(boxes)] = boxes
    positive, index, ignored = assigner([ms.Tensor(side[None], ms.float32) for side in np.array(cxcywh).T],
                                        ms.Tensor(np.array(logits).T[None], ms.float32), ms.Tensor(rows),
                                        scale_grids(scales, (96, 96)))
    taken = {cell: int(number) for cell, number, has_box in
             zip(cells, index.asnumpy()[0], positive.asnumpy()[0], strict=True) if has_box}
    return taken, {cell for cell, value in zip(cells, ignored.asnumpy()[0], strict=True) if value}


def test_a_box_takes_cells_around_its_centre_whose_anchors_are_like_it():
    # At 46, 46 of 96: cells 2 and 3 of 6 at stride 16 are within one cell of it, and cells 1 and 0 of 3 at stride 32.
    taken, _ = assigned([[46 / 96, 46 / 96, 37 / 96, 58 / 96, 0]])
    assert taken and set(taken.values()) == {0}
    for scale, slot, row, column in taken:
        assert {row, column} <= ({2, 3} if scale == 0 else {0, 1})
        # The anchors of 10 x 14, 135 x 169 and 344 x 319 differ from it by a factor of three to nine.
        assert (scale, slot) in {(0, 1), (0, 2), (1, 0), (1, 1)}
    # As many as the IoUs of the ten best predictions sum up to, here 10, 7.5 and 0, but no fewer than five.
    box = (46 / 96, 46 / 96, 37 / 96, 58 / 96)
    for predicted, count in ((box, 10), ((*box[:3], 0.75 * box[3]), 7), ((0.9, 0.9, 0.05, 0.05), 5)):
        predictions = {(scale, slot, row, column): (predicted, slot + row / 10 + column / 100)
                       for scale in range(2) for slot in range(3) for row in range(6) for column in range(6)}
        assert len(assigned([[*box, 0]], predictions)[0]) == count


def test_a_box_unlike_every_anchor_has_a_cell():
    assert set(assigned([[0.5, 0.5, 0.9, 0.005, 1]])[0].values()) == {0}


def test_cells_reach_as_far_as_scale_x_y():
    taken, _ = assigned([[40 / 96, 40 / 96, 23 / 96, 27 / 96, 0]], scale_x_y=(1.0, 1.0))
    # The middle of cell 2 at stride 16, and in cell 1 at stride 32.
    assert {cell[2:] for cell in taken if cell[0] == 0} == {(2, 2)}
    assert {cell[2:] for cell in taken if cell[0] == 1} <= {(1, 1)}


def test_the_better_prediction_wins_and_a_cell_has_one_box():
    box = [40 / 96, 40 / 96, 23 / 96, 27 / 96]
    wanted = 0, 1, 2, 2
    taken, _ = assigned([[*box, 0], [44 / 96, 44 / 96, 23 / 96, 27 / 96, 0]], {wanted: (box, 3.0)})
    assert taken[wanted] == 0 and set(taken.values()) == {0, 1}
    # Equal boxes: the first has the cell.
    assert set(assigned([[*box, 0], [*box, 0]])[0].values()) == {0}


def test_crowd_regions_and_padding_take_no_cell_but_predictions_inside_are_no_background():
    taken, ignored = assigned([[0.25, 0.25, 0.5, 0.5, -1]])
    assert not taken
    # The middle of cell (1, 1) at stride 16 is at 24, 24: an anchor of 10 x 14 is inside, one of 344 x 319 is not.
    assert (0, 0, 1, 1) in ignored and (0, 0, 5, 5) not in ignored and not any(cell[:2] == (1, 2) for cell in ignored)

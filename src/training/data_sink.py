# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Data sinking: the device fetches training batches ahead, instead of receiving each one from the loop.

For Ascend and GPU; `ms.data_sink` is the only call that depends on them.
"""
from contextlib import closing

import numpy as np

import mindspore as ms
import mindspore.dataset as ds

from model_utils.errors import UserError

COLUMNS = ["images", "boxes", "lr", "decay"]


class StepRows:
    """The inputs of the steps of a run, in order: images, boxes, learning rate and decay of the average.

    MindSpore reads from the start several times (for the types, for the shapes, for the run).

    Args:
        open_stream (callable): () -> `SampleStream` of the steps' batches.
        rates, decays (sequence): one value a step.
    """

    def __init__(self, open_stream, rates, decays):
        self._open_stream, self._rates, self._decays = open_stream, rates, decays
        self.error = None

    def __len__(self):
        return len(self._rates)

    def __iter__(self):
        try:
            with closing(self._open_stream()) as stream:
                for (images, boxes), rate, decay in zip(stream, self._rates, self._decays, strict=True):
                    yield images, boxes, np.float32(rate), np.float32(decay)
        except UserError as error:
            # MindSpore reads in a thread of its own and turns every error into a RuntimeError.
            self.error = error
            raise


def sunk_step(train_step, rows):
    """Return a function without arguments that trains the next step of `rows` (StepRows) and returns its results.

    It raises the UserError that ended the reading of the rows.
    """
    run = ms.data_sink(train_step.on_device, ds.GeneratorDataset(rows, COLUMNS, shuffle=False))

    def step():
        try:
            return run()
        except RuntimeError as error:
            if rows.error:
                raise rows.error from error
            raise

    return step

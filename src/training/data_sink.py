# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Training batches that a device fetches ahead by itself (MindSpore's data sinking), instead of being handed each one.

Only Ascend and GPU can; `ms.data_sink` is all that knows them.
"""
from contextlib import closing

import numpy as np

import mindspore as ms
import mindspore.dataset as ds

from model_utils.errors import UserError

COLUMNS = ["images", "boxes", "lr", "decay"]


class StepRows:
    """What the steps of a run take, in order: images, boxes, learning rate and decay of the average.

    MindSpore begins to read several times (for the types, for the shapes, for the run), so each pass begins anew.

    Args:
        open_stream (callable): () -> `SampleStream` of the steps' batches.
        rates, decays (sequence): of each step.
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
            # MindSpore reads in a thread of its own, and makes a RuntimeError of everything.
            self.error = error
            raise


def sunk_step(train_step, rows):
    """Return a function without arguments that does the next step of `rows` (StepRows) and returns its results.

    It raises the UserError that reading the rows ended with.
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

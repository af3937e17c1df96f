# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Data sinking, with a stand-in for the one function that needs a device: its place in training, and its rows."""
import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from model_utils.errors import UsageError
from src.config import check_config
from src.training.data_sink import StepRows
from tests.support.training_runs import VALIDATED, run
from tools.faults.small_run import digest


def fake_data_sink(fn, dataset):
    """Do what MindSpore's documentation says of `ms.data_sink`: each call takes the next row of the data set."""
    # As it does, ask for size, types and shapes before the first row is taken.
    assert dataset.get_dataset_size() and dataset.output_types() and dataset.output_shapes()
    rows = dataset.create_tuple_iterator(num_epochs=1)
    return lambda: fn(*next(rows))


class Rows:
    """A stream of three batches that counts how often it was opened and closed."""

    opened = closed = 0

    def open(self):
        """Start again."""
        self.opened += 1
        self._rest = iter([(np.full((2, 32, 32, 3), i, np.uint8), np.full((2, 4, 5), i, np.float32)) for i in range(3)])
        return self

    def __iter__(self):
        return self._rest

    def close(self):
        """Count it."""
        self.closed += 1


def test_rows_are_what_the_steps_take_and_start_again_in_each_pass():
    stream = Rows()
    rows = StepRows(stream.open, [0.1, 0.2, 0.3], [0.5, 0.6, 0.7])
    assert len(rows) == 3
    for _ in range(2):
        found = [(int(images[0, 0, 0, 0]), int(boxes[0, 0, 0]), lr, decay) for images, boxes, lr, decay in rows]
        assert found == [(i, i, np.float32(lr), np.float32(decay))
                         for i, lr, decay in ((0, .1, .5), (1, .2, .6), (2, .3, .7))]
    assert (stream.opened, stream.closed) == (2, 2)


@pytest.mark.slow
def test_a_sunk_run_is_the_run_whose_batches_are_handed_over(tmp_path, data, validated, monkeypatch):
    handed, handed_log = validated
    monkeypatch.setattr(ms, "data_sink", fake_data_sink)
    # A CPU refuses the option, so that no user waits for a queue that it does not have.
    monkeypatch.setattr("src.config._sink_faults", lambda config: [])
    sunk, sunk_log = run(tmp_path, data, *VALIDATED, "--data_sink", "True")
    assert digest(sunk / "last.ckpt") == digest(handed / "last.ckpt")
    losses = [[line.split("loss:")[1].split(",")[0] for line in log.splitlines() if "iter[" in line and "loss:" in line]
              for log in (handed_log, sunk_log)]
    assert len(losses[0]) == 8 and losses[0] == losses[1]
    assert (sunk.parent / "first_batch.jpg").read_bytes() == (handed.parent / "first_batch.jpg").read_bytes()


@pytest.mark.parametrize("arguments, text", [
    (["--device_target", "CPU"], "data_sink is True (command line): a CPU has no queue"),
    (["--device_target", "Ascend", "--multi_scale", "320,416"], "a queue holds batches of one size"),
])
def test_where_batches_cannot_be_sunk(arguments, text):
    with pytest.raises(UsageError) as caught:
        check_config(get_config(["--data_sink", "True", *arguments]))
    assert text in str(caught.value)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A profile of training steps: ten of them, in a table that names the operators, and what happens after it."""
import csv

import pytest

from tests.support.training_runs import SMALL, run

ARGUMENTS = [*SMALL, "--max_epoch", 3, "--need_profiler", 1]


def occurrences(folder):
    """How often each operator ran in the profiled steps, by MindSpore's table."""
    (table,) = folder.rglob("cpu_op_type_info_0.csv")
    with table.open(newline="") as file:
        return {row["op_type"]: int(row["type_occurrences"]) for row in csv.DictReader(file)}


@pytest.mark.slow
@pytest.mark.parametrize("ends, last_step", [("True", 13), ("False", 15)])
def test_ten_steps_are_profiled(tmp_path, data, ends, last_step):
    checkpoints, log = run(tmp_path, data, *ARGUMENTS, "--profiler_ends_run", ends)
    assert f"profile of 10 steps: {checkpoints.parent / 'profile_0'}" in log
    assert f"done after {last_step} steps" in log and (checkpoints / "last.ckpt").is_file()
    # Thirteen convolutions, each step.
    assert occurrences(checkpoints.parent / "profile_0")["Conv2D"] == 130


@pytest.mark.slow
def test_a_run_that_is_too_short_says_so(tmp_path, data, finished):
    _, log = run(tmp_path, data, "--resume", finished[0] / "last.ckpt", "--max_epoch", 4,
                 "--need_profiler", 1)
    assert "the run ends before the 13 steps that a profile takes" in log

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Three SIGKILLs to a training process, two of them in a save, and what counts as a loss."""
import shutil

import pytest

from model_utils.files import LOCK
from src.weights.checkpoint_folder import LAST
from tests.support.training_runs import QUICK_STEP
from tools.faults.kills import Killed, run
from tools.faults.recorder import MKDIR, SAVED, Operation


@pytest.mark.slow
def test_a_run_that_is_killed_three_times_ends_as_the_unbroken_one(tmp_path):
    # The seed of an early kill, one in the first third of a save, and one at an operation of the save after.
    outcomes = run(tmp_path, 3, 127, (QUICK_STEP, "tools/faults/recorder.py"))
    assert [(outcome.tried, outcome.failures) for outcome in outcomes] == [(1, ()), (2, ()), (1, ())]
    assert "0 of them" not in outcomes[1].lost
    assert not [path for path in (tmp_path / "killed").rglob(".*") if (path / LOCK).exists()]
    shutil.rmtree(tmp_path)


def test_a_lost_state_and_a_stray_are_found(tmp_path):
    killed, folder = Killed(tmp_path, 10), tmp_path / "run" / "ckpt_0" / f".{LAST}.x.writing"
    folder.mkdir(parents=True)
    (folder / LOCK).touch()
    started, saved = Operation(MKDIR, "run"), Operation(SAVED, f"run/ckpt_0/{LAST}", "4")
    assert killed.check([started, saved]) == "the newest whole state is of step 0, step 4 had been saved"
    assert killed.check([started]) == ("the newest whole state is of step 0, step 4 had been saved; "
                                       f"{folder} is still there after the next start")
    # Killed before it came so far.
    assert "still there" not in killed.check([])
    assert killed.limit == 2 and Killed(tmp_path, 2).limit == 0

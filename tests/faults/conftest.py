# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of faults share: one data set, a run that a signal stopped, and one as a loss of power leaves it."""
import shutil
import signal

import pytest

import train
from src.training import trainer
from src.training.run import Run
from tests.support.ranks.quick_step import QuickStep
from tests.support.training_runs import SMALL, training_data, wait_for_text
from tools.faults.small_run import CPU, start


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return training_data(tmp_path_factory.mktemp("data"), val_images=1)


@pytest.fixture(scope="session")
def stopped(tmp_path_factory, data):
    """A run that Ctrl-C stopped in its training loop: (folder of the run, exit code, standard error)."""
    folder = tmp_path_factory.mktemp("stopped")
    process = start(folder, data, *SMALL, "--max_epoch", "5000", "--log_interval", "1")
    wait_for_text(folder, "iter[1], loss", process)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=300)[1].decode()
    (run_folder,) = folder.iterdir()
    return run_folder, process.returncode, errors


@pytest.fixture(scope="session")
def train_here(data):
    """Return a function that trains in this process, without a graph, and returns the exit code."""

    def train_in(folder, *arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(trainer, "TrainStep", QuickStep)
            return train.main([*CPU, *SMALL, f"--data_dir={data}", f"--ckpt_path={folder}", "--max_epoch=3",
                               "--ckpt_interval=2", "--log_interval=1", *map(str, arguments)])

    return train_in


@pytest.fixture(scope="session")
def runs(tmp_path_factory, train_here):
    """(ckpt_path of a run of 15 steps, started by --resume auto; ckpt_path of its copy as it was after step 8)."""
    whole, broken, save_last = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("broken"), Run.save_last

    def save_and_copy(run, state):
        save_last(run, state)
        if state.progress.step == 8:
            shutil.copytree(run.folder, broken / "run")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "save_last", save_and_copy)
        assert train_here(whole, "--resume=auto") == 0
    return whole, broken

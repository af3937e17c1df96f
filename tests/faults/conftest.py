# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of faults share: one data set, and a run that a signal stopped."""
import signal

import pytest

from tests.support.training_runs import SMALL, start, training_data, wait_for_text


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return training_data(tmp_path_factory.mktemp("data"))


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

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of jobs share: the data, one finished run of two ranks, and that no two jobs run at the same time."""
import time
from pathlib import Path

import pytest

from tests.support.ranks.rank_training import TWENTY_STEPS, train
from tests.support.training_runs import training_data


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """With pytest-xdist, one worker has all these tests: two jobs at once would share the cores."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("ranks"))


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return training_data(tmp_path_factory.mktemp("data"), train_images=21, val_images=7)


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory, data):
    """A run of twenty steps by two ranks: (folder, logs by rank, seconds that the ranks took to leave after it)."""
    folder, logs = train(2, tmp_path_factory.mktemp("unbroken") / "run", data, *TWENTY_STEPS)
    return folder, logs, time.time() - (folder / "train_rank_0.log").stat().st_mtime

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of jobs share: the data, and one finished run of two ranks."""
import time

import pytest

from tests.support.ranks.rank_training import TWENTY_STEPS, train
from tests.support.training_runs import training_data


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return training_data(tmp_path_factory.mktemp("data"), train_images=21, val_images=7)


@pytest.fixture(scope="session")
def unbroken(tmp_path_factory, data):
    """A run of twenty steps by two ranks: (folder, logs by rank, seconds that the ranks took to leave after it)."""
    folder, logs = train(2, tmp_path_factory.mktemp("unbroken") / "run", data, *TWENTY_STEPS)
    return folder, logs, time.time() - (folder / "train_rank_0.log").stat().st_mtime

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The data set and the finished runs that the tests of training share."""
import pytest

from model_utils.config import get_config
from src.data.coco import read_coco
from tests.support.training_runs import FINISHED, VALIDATED, run, training_data


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return training_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="session")
def split(data):
    """The training split of `data`."""
    return read_coco(get_config([f"--data_dir={data}"]), "train", training=True)


@pytest.fixture(scope="session")
def validated(tmp_path_factory, data):
    """(folder of the checkpoints, log) of a run of three epochs with validation and a report."""
    return run(tmp_path_factory.mktemp("validated"), data, *VALIDATED, "--report", "True")


@pytest.fixture(scope="session")
def finished(tmp_path_factory, data):
    """(folder of the checkpoints, log) of a run of three epochs without validation."""
    return run(tmp_path_factory.mktemp("finished"), data, *FINISHED)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The data set that the tests of training share."""
import pytest

from tests.support.training_runs import training_data


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    return training_data(tmp_path_factory.mktemp("data"))

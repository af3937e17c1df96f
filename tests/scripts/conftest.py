# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The place that each test of a script gets for itself."""
import pytest

from tests.support.place import Place


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)

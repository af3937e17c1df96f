# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A ModelArts job for tests: a stand-in for moxing with data in its storage, and the config of a job."""
import sys
import zipfile

import pytest

from model_utils.config import get_config
from tests.support import moxing_stand_in


@pytest.fixture
def storage(tmp_path, monkeypatch):
    """Install the stand-in for moxing; returns its `file`, with data and a checkpoint in s3://bucket."""
    for name in ("moxing", "moxing.file"):
        monkeypatch.setitem(sys.modules, name, None)
    file = moxing_stand_in.install(tmp_path / "s3")
    (tmp_path / "s3/bucket/data").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "s3/bucket/data/coco2017.zip", "w") as archive:
        archive.writestr("coco2017/annotations/instances.json", "{}")
    (tmp_path / "s3/bucket/start").mkdir()
    (tmp_path / "s3/bucket/start/0-300_.ckpt").write_text("weights")
    return file


@pytest.fixture
def job(tmp_path):
    """Return a function that makes the config of a job from its folders, its urls and further options."""

    def make(**options):
        values = {"enable_modelarts": True, "data_url": "s3://bucket/data/", "train_url": "s3://bucket/results/",
                  "data_path": f"{tmp_path}/cache/data", "output_path": f"{tmp_path}/cache/train",
                  "load_path": f"{tmp_path}/cache/start", **options}
        return get_config([f"--{name}={value}" for name, value in values.items()])

    return make

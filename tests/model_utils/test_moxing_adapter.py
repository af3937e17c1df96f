# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/moxing_adapter.py in whole jobs: what a job copies in, what it unpacks, and what is refused."""
import os
import zipfile
from pathlib import Path

import pytest

from model_utils.errors import UserError
from model_utils.modelarts_job import modelarts_job
from tests.support.moxing_stand_in import FAST, names, write_result


def test_data_that_is_not_packed_is_used_as_it_is(tmp_path, storage, job, capsys):
    (tmp_path / "s3/bucket/data/coco2017.zip").unlink()
    (tmp_path / "s3/bucket/data/annotations").mkdir()
    (tmp_path / "s3/bucket/data/annotations/instances.json").write_text("{}")
    seen = []
    modelarts_job(lambda config: seen.append(config.data_dir), job(), limits=FAST)
    assert seen == [f"{tmp_path}/cache/data"]
    assert "holds no coco2017.zip, so it is used as it is" in capsys.readouterr().out


def test_an_archive_that_was_asked_for_and_did_not_come_is_an_error(storage, job):
    with pytest.raises(UserError, match="holds no mine.zip, only coco2017.zip; set modelarts_dataset_unzip_name"):
        modelarts_job(write_result, job(modelarts_dataset_unzip_name="mine"), limits=FAST)


def test_unpacking_can_be_switched_off(tmp_path, storage, job):
    modelarts_job(write_result, job(need_modelarts_dataset_unzip=False), limits=FAST)
    assert names(tmp_path / "cache/data") == ["coco2017.zip"]


def test_archive_and_folder_of_an_earlier_job_are_not_taken_for_this_ones(tmp_path, storage, job):
    modelarts_job(write_result, job(), limits=FAST)
    (tmp_path / "s3/bucket/other").mkdir()
    (tmp_path / "s3/bucket/other/annotations.json").write_text("{}")
    seen = []
    modelarts_job(lambda config: seen.append(config.data_dir), job(data_url="s3://bucket/other"), limits=FAST)
    assert seen == [f"{tmp_path}/cache/data"]
    assert not [call for call in storage.calls[-2:] if "coco2017" in str(call)]


def test_a_single_file_can_be_copied_in(tmp_path, storage, job):
    modelarts_job(write_result, job(data_url="s3://bucket/data/coco2017.zip",
                                    checkpoint_url="s3://bucket/start/0-300_.ckpt"), limits=FAST)
    assert names(tmp_path / "cache/data") == ["coco2017.zip", "coco2017/annotations/instances.json"]
    assert names(tmp_path / "cache/start") == ["0-300_.ckpt"]


@pytest.mark.parametrize("member", ["../evil", "/etc/evil"])
def test_a_malicious_archive_stops_the_job_before_the_run(member, tmp_path, storage, job):
    with zipfile.ZipFile(tmp_path / "s3/bucket/data/coco2017.zip", "a") as archive:
        archive.writestr(member, "evil")
    with pytest.raises(UserError, match="lands outside the folder"):
        modelarts_job(write_result, job(), limits=FAST)
    assert names(tmp_path / "cache/data") == ["coco2017.zip"] and names(tmp_path / "s3/bucket/results") == []


def test_a_url_with_nothing_there_is_told(tmp_path, storage, job):
    with pytest.raises(UserError, match="data_url s3://bucket/none: nothing there"):
        modelarts_job(write_result, job(data_url="s3://bucket/none"), limits=FAST)
    (tmp_path / "s3/bucket/empty").mkdir()
    with pytest.raises(UserError, match="checkpoint_url s3://bucket/empty: holds no files"):
        modelarts_job(write_result, job(checkpoint_url="s3://bucket/empty"), limits=FAST)


def test_a_copy_that_breaks_off_leaves_nothing_half_written(tmp_path, storage, job, monkeypatch):
    modelarts_job(write_result, job(), limits=FAST)
    whole = (tmp_path / "cache/data/coco2017.zip").read_bytes()

    def break_off(src_url, dst_url):
        Path(dst_url, "coco2017.zip").write_text("half")
        raise ConnectionResetError(104, "Connection reset by peer")

    monkeypatch.setattr(storage, "copy_parallel", break_off)
    with pytest.raises(UserError, match="data_url s3://bucket/data/: cannot be copied to .*ConnectionResetError"):
        modelarts_job(write_result, job(), limits=FAST)
    assert (tmp_path / "cache/data/coco2017.zip").read_bytes() == whole
    assert sorted(os.listdir(tmp_path / "cache/data")) == ["coco2017", "coco2017.zip"]


def test_a_place_for_results_that_cannot_be_made_is_told_before_the_run(storage, job):
    storage.errors["make_dirs"] = PermissionError(13, "AccessDenied")
    with pytest.raises(UserError, match="train_url s3://bucket/results/: cannot be made .*AccessDenied"):
        modelarts_job(pytest.fail, job(), limits=FAST)

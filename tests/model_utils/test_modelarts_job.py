# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/modelarts_job.py and moxing_adapter.py with a stand-in for `moxing`: jobs of one rank."""
import os
import sys
import zipfile
from pathlib import Path

import pytest

from model_utils.config import CHECKPOINTS, JOB_OPTIONS, RESULTS, get_config
from model_utils.errors import UsageError, UserError
from model_utils.local_adapter import Launch
from model_utils.modelarts_job import job_config, modelarts_job
from tests.support.moxing_stand_in import FAST, Boom, names, write_result


def test_a_job_copies_in_unpacks_runs_and_copies_out(tmp_path, storage, job, capsys):
    seen = []

    def run(config):
        seen.extend(names(tmp_path / "cache"))
        assert Path(config.data_dir, "annotations/instances.json").read_text() == "{}"
        return write_result(config)

    assert modelarts_job(run, job(checkpoint_url="s3://bucket/start"), limits=FAST) == 7
    assert [name for name in seen if not name.startswith("train/.modelarts/")] == [
        "data/coco2017.zip", "data/coco2017/annotations/instances.json", "start/0-300_.ckpt"]
    assert names(tmp_path / "s3/bucket/results") == ["outputs/RUN/result.txt"]
    assert not list((tmp_path / "cache/train/.modelarts").rglob("*.json"))
    out, err = capsys.readouterr()
    assert err == "" and f"copying data_url s3://bucket/data/ to {tmp_path}/cache/data" in out


def test_without_modelarts_the_run_gets_its_config_and_nothing_else_happens(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "moxing", None)
    monkeypatch.setenv("RANK_ID", "nonsense")
    config = get_config(["--data_url", "s3://bucket/data", "--output_path", str(tmp_path / "train")])
    assert modelarts_job(lambda given: given is config, config) is True
    assert list(tmp_path.iterdir()) == []


def test_without_the_package_moxing_the_error_says_so(storage, job, monkeypatch):
    monkeypatch.setitem(sys.modules, "moxing", None)
    with pytest.raises(UserError, match="moxing cannot be imported.*only the images of ModelArts have it"):
        modelarts_job(write_result, job(), limits=FAST)


@pytest.mark.parametrize(("options", "words"), [
    ({"train_url": ""}, "train_url is empty: name the url that results are uploaded to"),
    ({"load_path": ""}, "load_path is empty"),
    ({"data_path": "/cache/train/data", "output_path": "/cache/train"}, "data_path is /cache/train/data, in output_p"),
    ({"data_url": "/cache/data/in", "data_path": "/cache/data"}, "data_url is /cache/data/in and data_path is /cache"),
    ({"train_url": "/cache/train", "output_path": "/cache/train"}, "train_url is /cache/train and output_path is"),
    ({"modelarts_dataset_unzip_name": "../coco"}, r"modelarts_dataset_unzip_name is '../coco': expected the name"),
    ({"modelarts_dataset_unzip_name": ".."}, "modelarts_dataset_unzip_name is '..'"),
])
def test_options_that_are_missing_or_wrong_are_reported_before_anything_is_copied(options, words, storage, job):
    with pytest.raises(UsageError, match=words):
        modelarts_job(write_result, job(**options), limits=FAST)
    assert storage.calls == []


# What the run sees

def test_relative_paths_go_below_the_jobs_folders_and_absolute_ones_stay(job, tmp_path):
    config = job_config(job(checkpoint_url="s3://bucket/start", pretrained="0-300_.ckpt", ckpt_file="/elsewhere/a.ckpt",
                            ckpt_path="mine/", file_name="model"), "/from/the/archive", Launch())
    assert config.ckpt_path == f"{tmp_path}/cache/train/mine/" and config.log_path == f"{tmp_path}/cache/train/outputs/"
    assert config.file_name == f"{tmp_path}/cache/train/model"
    assert config.pretrained == f"{tmp_path}/cache/start/0-300_.ckpt" and config.ckpt_file == "/elsewhere/a.ckpt"
    assert (config.resume, config.resume_yolo, config.pretrained_backbone) == ("", "", "")
    assert config.data_dir == "/from/the/archive"
    sources = [config.source(name) for name in ("ckpt_path", "log_path", "data_dir", "pretrained", "resume")]
    assert sources == ["command line", "derived", "derived", "command line", "default"]


def test_what_was_not_copied_is_not_moved(job):
    config = job_config(job(data_url="", data_dir="data", resume_yolo="weights/a.ckpt"), "", Launch())
    assert (config.data_dir, config.resume_yolo) == ("data", "weights/a.ckpt")


@pytest.mark.parametrize(("given", "seen"), [("/cache/data/coco2017/", "/cache/data/coco2017/"),
                                             ("coco", "{}/cache/data/coco")])
def test_a_data_dir_of_the_user_wins_over_what_came(given, seen, job, tmp_path):
    assert job_config(job(data_dir=given), "/from/the/archive", Launch()).data_dir == seen.format(tmp_path)


@pytest.mark.parametrize(("options", "ranks", "seen"), [({}, 8, 1), ({}, 1, 0), ({"is_distributed": "0"}, 8, 0)])
def test_a_job_of_several_ranks_is_a_distributed_run(options, ranks, seen, job):
    assert job_config(job(**options), "", Launch(rank_size=ranks)).is_distributed == seen


def test_the_options_named_here_exist():
    assert all(name in get_config([]) for name in (*JOB_OPTIONS, *RESULTS, *CHECKPOINTS))


def test_results_that_will_not_be_uploaded_are_reported(storage, job, capsys, tmp_path):
    modelarts_job(write_result, job(ckpt_path=tmp_path / "elsewhere"), limits=FAST)
    assert f"warning: ckpt_path is {tmp_path}/elsewhere, outside output_path" in capsys.readouterr().out


# Data in

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
    with pytest.raises(UserError, match="lands outside the target folder"):
        modelarts_job(write_result, job(), limits=FAST)
    assert names(tmp_path / "cache/data") == ["coco2017.zip"] and names(tmp_path / "s3/bucket/results") == []


def test_a_url_with_nothing_there_is_reported(tmp_path, storage, job):
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


def test_a_place_for_results_that_cannot_be_made_is_reported_before_the_run(storage, job):
    storage.errors["make_dirs"] = PermissionError(13, "AccessDenied")
    with pytest.raises(UserError, match="train_url s3://bucket/results/: cannot be made .*AccessDenied"):
        modelarts_job(pytest.fail, job(), limits=FAST)


def test_another_machine_may_make_the_place_for_results(tmp_path, storage, job):
    storage.errors["make_dirs"] = FileExistsError(17, "File exists")
    modelarts_job(write_result, job(), limits=FAST)
    assert names(tmp_path / "s3/bucket/results") == ["outputs/RUN/result.txt"]


# Results out

def fail_after_a_result(config):
    write_result(config)
    raise Boom("in step 3")


@pytest.mark.parametrize("error", [Boom("in step 3"), UserError("bad data"), KeyboardInterrupt(), SystemExit(3)])
def test_a_run_that_fails_still_uploads_and_its_own_error_is_raised(error, tmp_path, storage, job):
    def run(config):
        write_result(config)
        raise error

    with pytest.raises(type(error)) as raised:
        modelarts_job(run, job(), limits=FAST)
    assert raised.value is error
    assert names(tmp_path / "s3/bucket/results") == ["outputs/RUN/result.txt"]


def test_an_upload_that_fails_is_an_error_of_its_own(storage, job, tmp_path):
    config = job(data_url="")
    storage.errors["copy_parallel"] = OSError("bucket is gone")
    with pytest.raises(UserError, match=f"train_url s3://bucket/results/: results cannot be uploaded and are still in "
                                        f"{tmp_path}/cache/train .*bucket is gone"):
        modelarts_job(write_result, config, limits=FAST)
    assert [call[0] for call in storage.calls].count("copy_parallel") == 1


def test_an_upload_that_fails_after_a_run_that_failed_is_reported_beside_it(storage, job, capsys):
    config = job(data_url="")
    storage.errors["copy_parallel"] = OSError("bucket is gone")
    with pytest.raises(Boom):
        modelarts_job(fail_after_a_result, config, limits=FAST)
    out, err = capsys.readouterr()
    assert "failed: in step 3" in out
    assert err.startswith("error: train_url s3://bucket/results/: results cannot be uploaded")
    assert "bucket is gone" in err


def test_a_run_without_results_uploads_nothing(tmp_path, storage, job, capsys):
    modelarts_job(lambda config: None, job(), limits=FAST)
    assert names(tmp_path / "s3/bucket/results") == [] and "nothing to upload" in capsys.readouterr().out

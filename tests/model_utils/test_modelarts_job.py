# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/modelarts_job.py against a stand-in for `moxing`: what is copied, and what the ranks do."""
import sys
from pathlib import Path

import pytest

from model_utils.config import JOB_OPTIONS, MOVED, get_config
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
    ({"train_url": ""}, "train_url is empty: name the place that results are uploaded to"),
    ({"load_path": ""}, "load_path is empty"),
    ({"data_path": "/cache/train/data", "output_path": "/cache/train"}, "data_path is /cache/train/data, in output_p"),
    ({"data_url": "/cache/data/in", "data_path": "/cache/data"}, "data_url is /cache/data/in and data_path is /cache"),
    ({"train_url": "/cache/train", "output_path": "/cache/train"}, "train_url is /cache/train and output_path is"),
    ({"modelarts_dataset_unzip_name": "../coco"}, r"modelarts_dataset_unzip_name is '../coco': expected the name"),
    ({"modelarts_dataset_unzip_name": ".."}, "modelarts_dataset_unzip_name is '..'"),
])
def test_options_that_are_missing_or_wrong_are_told_before_anything_is_copied(options, words, storage, job):
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
    assert all(name in get_config([]) for name in (*JOB_OPTIONS, *MOVED))


def test_results_that_will_not_be_uploaded_are_told(storage, job, capsys, tmp_path):
    modelarts_job(write_result, job(ckpt_path=tmp_path / "elsewhere"), limits=FAST)
    assert f"warning: ckpt_path is {tmp_path}/elsewhere, outside output_path" in capsys.readouterr().out


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

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""ModelArts jobs of the real programs, with stand-ins for `moxing` and for the compiled training step."""
import json
import shutil
import sys

import numpy as np
import pytest

import mindspore as ms

import eval as evaluation
import export
import train
from model_utils.errors import UserError, run_cli
from src.training import trainer
from src.training.trainer import Trainer
from src.weights.checkpoint import load_checkpoint
from tests.support import moxing_stand_in
from tests.support.helpers import write_coco
from tests.support.ranks.quick_step import QuickStep


class Cloud:
    """Buckets below s3/, the machine's own folders below a new cache/ for each job."""

    def __init__(self, folder):
        self.folder, self.jobs = folder, 0
        rng, data = np.random.default_rng(5), folder / "coco2017"
        for split in ("train", "val"):
            write_coco(data, [{"boxes": [(*rng.uniform(0, 20, 2), 20, 20, 1)]} for _ in range(4)], split)
        self.bucket("data").mkdir(parents=True)
        shutil.make_archive(str(self.bucket("data") / "coco2017"), "zip", folder, "coco2017")

    def bucket(self, *names):
        """Return the folder that s3://bucket/... is."""
        return self.folder.joinpath("s3", "bucket", *names)

    def job(self, program, results, **options):
        """Run a program on a machine of its own; returns its exit code."""
        self.jobs += 1
        cache = self.folder / f"cache{self.jobs}"
        options = {"enable_modelarts": True, "train_url": f"s3://bucket/{results}/", "data_path": cache / "data",
                   "output_path": cache / "train", "load_path": cache / "checkpoint", "device_target": "CPU",
                   "report": program is evaluation, **options}
        return run_cli(program.main, [f"--{key}={value}" for key, value in options.items()])


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    for name in ("moxing", "moxing.file"):
        monkeypatch.setitem(sys.modules, name, None)
    moxing_stand_in.install(tmp_path / "s3")
    for program in (train, evaluation, export):
        # MindSpore takes a device only before its first operator, and other tests may have run one in this process.
        monkeypatch.setattr(program, "setup_device", lambda config: ms.set_context(mode=ms.GRAPH_MODE))
    monkeypatch.setattr(trainer, "TrainStep", QuickStep)
    monkeypatch.chdir(tmp_path)
    return Cloud(tmp_path)


@pytest.mark.slow
def test_train_eval_and_export_as_jobs(cloud):
    training = {"data_url": "s3://bucket/data/", "training_shape": 64, "per_batch_size": 2, "warmup_epochs": 0,
                "lr": 1e-4}
    assert cloud.job(train, "first", max_epoch=1, t_max=2, **training) == 0
    (run,) = cloud.bucket("first", "outputs").iterdir()
    assert {"config.yaml", "metrics.csv", "train_rank_0.log", "ckpt_0"} <= {path.name for path in run.iterdir()}
    assert load_checkpoint(run / "ckpt_0" / "last.ckpt").meta["progress"]["step"] == 2

    # The run continues on another machine with other folders: neither the folders nor the url come from the checkpoint.
    start = {"checkpoint_url": f"s3://bucket/first/outputs/{run.name}/ckpt_0"}
    assert cloud.job(train, "second", max_epoch=2, resume="last.ckpt", data_url="s3://bucket/data/", **start) == 0
    (second,) = cloud.bucket("second", "outputs").iterdir()
    assert load_checkpoint(second / "ckpt_0" / "last.ckpt").meta["progress"]["step"] == 4
    assert f'data_dir: "{cloud.folder}/cache2/data/coco2017"' in (second / "config.yaml").read_text()

    assert cloud.job(evaluation, "scores", data_url="s3://bucket/data/", pretrained="best.ckpt", **start) == 0
    (scored,) = cloud.bucket("scores", "outputs").iterdir()
    assert 0 <= json.loads((scored / "metrics.json").read_text())["AP"] <= 1 and list(scored.glob("predict_*.json"))
    assert (scored / "report.html").is_file() and (scored / "report" / "confusion.png").is_file()

    assert cloud.job(export, "model", ckpt_file="best.ckpt", file_format="ONNX", **start) == 0
    assert cloud.bucket("model", "yolov3_tiny.onnx").stat().st_size > 30e6


@pytest.mark.slow
def test_a_job_that_fails_in_training_uploads_its_log_and_reports_why(cloud, capsys, monkeypatch):
    def fit(_):
        raise UserError("20 steps in a row had a loss that is not finite")

    monkeypatch.setattr(Trainer, "fit", fit)
    # The data is used as it is, for no archive is there.
    shutil.copytree(cloud.folder / "coco2017", cloud.bucket("unpacked"))
    assert cloud.job(train, "failed", data_url="s3://bucket/unpacked/", training_shape=64, per_batch_size=2) == 1
    error = capsys.readouterr().err
    assert "error: 20 steps in a row" in error and "Traceback" not in error
    (run,) = cloud.bucket("failed", "outputs").iterdir()
    assert "20 steps in a row" in (run / "train_rank_0.log").read_text()

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""ModelArts jobs of the real programs, each in a process of its own as there, with a stand-in for `moxing`."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from src.weights.checkpoint import load_checkpoint
from tests.support.helpers import write_coco

ROOT = Path(__file__).resolve().parents[2]
# What `import moxing` finds in those processes.
MOXING = """
import os
from tests.support.moxing_stand_in import Storage
file = Storage(os.environ["BUCKETS"])
"""


class Cloud:
    """Buckets below s3/, the machine's own folders below a new cache/ for each job."""

    def __init__(self, folder):
        self.folder, self.jobs = folder, 0
        (folder / "packages" / "moxing").mkdir(parents=True)
        (folder / "packages" / "moxing" / "__init__.py").write_text(MOXING)
        rng, data = np.random.default_rng(5), folder / "coco2017"
        for split in ("train", "val"):
            write_coco(data, [{"boxes": [(*rng.uniform(0, 20, 2), 20, 20, 1)]} for _ in range(4)], split)
        (self.bucket("data")).mkdir(parents=True)
        shutil.make_archive(str(self.bucket("data") / "coco2017"), "zip", folder, "coco2017")

    def bucket(self, *parts):
        """Return the folder that s3://bucket/... is."""
        return self.folder.joinpath("s3", "bucket", *parts)

    def job(self, program, results, **options):
        """Run a program of the repository on a machine of its own; returns what `subprocess.run` does."""
        self.jobs += 1
        cache = self.folder / f"cache{self.jobs}"
        options = {"enable_modelarts": True, "train_url": f"s3://bucket/{results}/", "data_path": cache / "data",
                   "output_path": cache / "train", "load_path": cache / "checkpoint", "device_target": "CPU",
                   **options}
        environment = {**os.environ, "BUCKETS": str(self.folder / "s3"),
                       "PYTHONPATH": os.pathsep.join([str(self.folder / "packages"), str(ROOT)])}
        return subprocess.run([sys.executable, ROOT / program, *(f"--{key}={value}" for key, value in options.items())],
                              env=environment, cwd=self.folder, capture_output=True, text=True, timeout=300,
                              check=False)


@pytest.fixture
def cloud(tmp_path):
    return Cloud(tmp_path)


def done(process):
    """Check that a job ended well."""
    assert process.returncode == 0, process.stdout + process.stderr


@pytest.mark.slow
def test_train_eval_and_export_as_jobs(cloud):
    training = {"data_url": "s3://bucket/data/", "training_shape": 64, "per_batch_size": 2, "warmup_epochs": 0,
                "lr": 1e-4}
    done(cloud.job("train.py", "first", max_epoch=1, t_max=2, **training))
    (run,) = cloud.bucket("first", "outputs").iterdir()
    assert {"config.yaml", "metrics.csv", "train_rank_0.log", "ckpt_0"} <= {path.name for path in run.iterdir()}
    assert load_checkpoint(run / "ckpt_0" / "last.ckpt").meta["progress"]["step"] == 2

    # On another machine, whose folders have other names, the run goes on: neither those nor the url are taken over.
    start = {"checkpoint_url": f"s3://bucket/first/outputs/{run.name}/ckpt_0"}
    done(cloud.job("train.py", "second", max_epoch=2, resume="last.ckpt", data_url="s3://bucket/data/", **start))
    (second,) = cloud.bucket("second", "outputs").iterdir()
    progress = load_checkpoint(second / "ckpt_0" / "last.ckpt").meta
    assert progress["progress"]["step"] == 4
    assert progress["config"]["data_dir"] == f"{cloud.folder}/cache2/data/coco2017"

    done(cloud.job("eval.py", "scores", data_url="s3://bucket/data/", pretrained="best.ckpt", **start))
    (scored,) = cloud.bucket("scores", "outputs").iterdir()
    assert 0 <= json.loads((scored / "metrics.json").read_text())["AP"] <= 1 and list(scored.glob("predict_*.json"))

    done(cloud.job("export.py", "model", ckpt_file="best.ckpt", file_format="ONNX", **start))
    assert cloud.bucket("model", "yolov3_tiny.onnx").stat().st_size > 30e6


@pytest.mark.slow
def test_a_job_that_fails_in_training_uploads_its_log_and_says_why(cloud):
    # The data come as they are, for the archive has another name, and the images of training are cut short.
    shutil.copytree(cloud.folder / "coco2017", cloud.bucket("broken"))
    for path in cloud.bucket("broken", "train2017").iterdir():
        path.write_bytes(path.read_bytes()[:60])
    process = cloud.job("train.py", "failed", data_url="s3://bucket/broken/", training_shape=64, per_batch_size=2)
    assert process.returncode == 1
    assert "cut short" in process.stderr and "Traceback" not in process.stderr
    (run,) = cloud.bucket("failed", "outputs").iterdir()
    assert "cut short" in (run / "train_rank_0.log").read_text()

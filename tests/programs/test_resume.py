# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A run that is broken off in the middle of every feature of the improved recipe continues as the unbroken one."""
import csv
import json
import re
import shutil
import subprocess
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

import train
from src.training import validation
from src.training.run import Run
from src.weights.checkpoint import load_checkpoint
from tests.support.shared_graphs import shared_graphs
from tests.support.training_runs import training_data
from tools.faults.small_run import digest, start

EVERYTHING = {
    "device_target": "CPU", "training_shape": 64, "per_batch_size": 2, "max_epoch": 5, "warmup_epochs": 1, "lr": 1e-4,
    "lr_scheduler": "cosine_per_step", "multi_scale": "[64, 96]", "resize_rate": 3, "mosaic": 0.7,
    "mosaic_close_epochs": 3, "min_visible": 0.2, "max_box": 20, "ema_decay": 0.6,
    "assigner": "dynamic", "scale_x_y": "2,2", "optimizer": "adamw",
    "box_loss": "ciou", "objectness_target": "iou", "objectness_prior": 0.01, "label_smooth": 1, "eval_interval": 1,
    "patience": 3, "weight_decay": 500.0, "dynamic_loss_scale": True, "loss_scale": 8.0,
    "ckpt_interval": 4, "log_interval": 2, "report": False,
}


# Columns of metrics.csv that no two runs share.
ON_THE_MACHINE = ("images_per_second", "seconds", "data_time", "step_time", "peak_memory_mb")
# The steps at which the unbroken run is resumed.
BREAKS = (4, 8, 12)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return training_data(tmp_path_factory.mktemp("data"), val_images=3)


def size_of_weights(inference, data, config, ranks):
    """Stands for evaluation: a figure of the averaged weights that falls, as the strong decay shrinks them."""
    figure = float(np.abs(inference.network.conv8.conv.weight.asnumpy()).mean(dtype=np.float64))
    return SimpleNamespace(ap=figure, ap50=figure)


def run(folder, data, **options):
    """Train; returns the folder of the checkpoints."""
    with shared_graphs():
        train.main([*(f"--{name}={value}" for name, value in options.items()), f"--data_dir={data}",
                    f"--ckpt_path={folder}"])
    (run_folder,) = folder.iterdir()
    return run_folder / "ckpt_0"


def rows(checkpoints):
    """The rows of metrics.csv without what depends on the machine."""
    with (checkpoints.parent / "metrics.csv").open(newline="") as file:
        return [{name: value for name, value in row.items() if name not in ON_THE_MACHINE}
                for row in csv.DictReader(file)]


@pytest.fixture(autouse=True)
def falling_score(monkeypatch):
    monkeypatch.setattr(validation, "evaluate", size_of_weights)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory, data):
    """The folder of the checkpoints of an unbroken run, and by step copies of its files as a power cut leaves them."""
    broken, save_last = {}, Run.save_last

    def save_and_copy(run, state):
        save_last(run, state)
        if state.progress.step in BREAKS:
            broken[state.progress.step] = tmp_path_factory.mktemp("broken") / "run"
            shutil.copytree(run.folder, broken[state.progress.step])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "evaluate", size_of_weights)
        patch.setattr(Run, "save_last", save_and_copy)
        return run(tmp_path_factory.mktemp("unbroken"), data, **EVERYTHING), broken


@pytest.mark.slow
def test_the_unbroken_run_uses_every_feature(unbroken):
    checkpoints, _ = unbroken
    last = load_checkpoint(checkpoints / "last.ckpt")
    progress = last.meta["progress"]
    # The first validation is the best one, so three more end the run after epoch 3.
    assert progress["step"] == 20 and progress["validations_without_gain"] == 3 and progress["good_steps"] == 20
    assert [row["epoch"] for row in rows(checkpoints)] == ["0", "1", "2", "3"]
    log = (checkpoints.parent / "train_rank_0.log").read_text()
    assert re.findall(r"iter\[(\d+)\], compiled the training step for (\d+)x", log)[0] == ("0", "96")
    assert sorted(re.findall(r"compiled the training step for (\d+x\d+)", log)) == ["64x64", "96x96"]
    moved = [name for name in last.weights if (last.weights[name] != last.averages[name]).any()]
    assert len(moved) == len(last.weights) == 59 and len(last.moments) == 2 * 37 + 2
    assert "stopped early at epoch[3]: 3 validations without a better AP than" in log
    assert (checkpoints.parent / "first_batch.jpg").stat().st_size > 5000


@pytest.mark.slow
def test_the_average_is_what_is_validated_and_saved_for_use(unbroken):
    checkpoints, broken = unbroken
    last, then = (load_checkpoint(folder / "last.ckpt") for folder in (checkpoints, broken[12] / "ckpt_0"))
    # A state of its time, weights since the newest two are others.
    numbered = load_checkpoint(checkpoints / "yolov3_tiny-2_12.ckpt")
    assert not numbered.averages and not numbered.moments and list(numbered.weights) == list(then.averages)
    for name, array in numbered.weights.items():
        np.testing.assert_array_equal(array, then.averages[name])
    figures = [float(np.abs(weights["conv8.conv.weight"]).mean(dtype=np.float64))
               for weights in (last.averages, last.weights)]
    assert float(rows(checkpoints)[-1]["AP"]) == pytest.approx(figures[0], abs=1e-6)
    assert abs(figures[0] - figures[1]) > 1e-5


@pytest.mark.slow
@pytest.mark.parametrize("step", BREAKS)
def test_broken_off_and_resumed_equals_unbroken(tmp_path, data, unbroken, step):
    checkpoints, broken = unbroken
    first = broken[step] / "ckpt_0"
    assert load_checkpoint(first / "last.ckpt").meta["progress"]["step"] == step
    second = run(tmp_path, data, resume=first / "last.ckpt")
    for name in ("last.ckpt", "best.ckpt"):
        assert digest(second / name) == digest(checkpoints / name)
    assert rows(second) == rows(checkpoints)
    states = [load_checkpoint(folder / "last.ckpt").meta["progress"] for folder in (second, checkpoints)]
    assert json.dumps(states[0]) == json.dumps(states[1])


@pytest.mark.slow
def test_a_run_that_was_stopped_by_patience_is_finished(tmp_path, data, unbroken, capsys):
    assert train.main([f"--data_dir={data}", f"--ckpt_path={tmp_path / 'out'}", f"--resume={unbroken[0]}"]) == 0
    assert ("last.ckpt is finished, as 3 validations brought no better AP: nothing is trained or written; to train on, "
            "raise patience above 3") in capsys.readouterr().out
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_multi_scale_compiles_each_size_once_and_its_memory_does_not_grow(tmp_path, data):
    # In a process of its own, whose memory is of this run alone.
    process = start(tmp_path, data, "--per_batch_size", 2, "--max_epoch", 24, "--max_box", 5, "--multi_scale",
                    "[64, 96]", "--resize_rate", 2, "--log_interval", 100, "--keep_checkpoint_max", 1,
                    "--ckpt_interval", 24)
    resident, error = watched(process, tmp_path)
    assert process.returncode == 0, error.decode()
    (run_folder,) = (path.parent for path in tmp_path.glob("*/metrics.csv"))
    log = (run_folder / "train_rank_0.log").read_text()
    compiled = re.findall(r"iter\[(\d+)\], compiled the training step for (\d+)x\d+, \d+\.\d s", log)
    assert sorted(size for _, size in compiled) == ["64", "96"] and compiled[0] == ("0", "96")
    assert max(int(first) for first, _ in compiled) < 40
    early, late = (np.median([size for epoch, size in resident if epoch in epochs])
                   for epochs in (range(8, 12), range(20, 24)))
    # 0.04 MB a step.
    assert late < 1.002 * early


def watched(process, folder):
    """Wait for training; return (resident bytes through time as (epochs done, bytes), what it wrote to stderr).

    Not the peak: a step's buffers come and go, and after hundreds of steps more of them than before may meet.
    """
    memory, resident, end = psutil.Process(process.pid), [], time.monotonic() + 600
    while time.monotonic() < end:
        try:
            return resident, process.communicate(timeout=0.05)[1]
        except subprocess.TimeoutExpired:
            # A heading, then a row for each epoch.
            epochs = sum(max(path.read_text().count("\n") - 1, 0) for path in folder.glob("*/metrics.csv"))
            resident.append((epochs, memory.memory_info().rss))
    process.kill()
    raise AssertionError(f"training did not end: {process.communicate()[1].decode()}")

"""The loop: what it logs and writes, exact resume after a kill, and that it learns eight images by heart."""
import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import train
from model_utils.errors import UserError
from src.checkpoint import load_checkpoint
from tests.helpers import write_coco

ROOT = Path(__file__).resolve().parents[1]
CPU = ["--device_target", "CPU", "--training_shape", "64", "--warmup_epochs", "1", "--lr", "0.0001"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(1)
    for split, count in (("train", 10), ("val", 5)):
        images = [{"size": (72, 64), "boxes": [(*rng.uniform(0, 30, 2), *rng.uniform(14, 30, 2), int(category))]}
                  for category in rng.choice([3, 1, 7], count)]
        write_coco(folder, images, split)
    return folder


def run(folder, data, *arguments):
    """Train in this process; return (folder of the checkpoints, text of the log)."""
    train.main([*CPU, "--data_dir", str(data), "--ckpt_path", str(folder), *map(str, arguments)])
    (run_folder,) = folder.iterdir()
    return run_folder / "ckpt_0", (run_folder / "train_rank_0.log").read_text()


def digest(path):
    """Hash of the weights and moments of a checkpoint."""
    checkpoint, found = load_checkpoint(path), hashlib.sha256()
    assert checkpoint.moments
    for tensors in (checkpoint.weights, checkpoint.moments):
        for name in sorted(tensors):
            found.update(name.encode() + tensors[name].tobytes())
    return found.hexdigest()


def test_log_and_files_of_a_run(tmp_path, data):
    checkpoints, log = run(tmp_path, data, "--per_batch_size", 3, "--max_epoch", 3, "--log_interval", 2,
                           "--keep_checkpoint_max", 2, "--eval_interval", 2)
    assert sorted(os.listdir(checkpoints)) == ["best.ckpt", "last.ckpt", "yolov3_tiny-1_6.ckpt", "yolov3_tiny-2_9.ckpt"]
    number = r"\d+\.\d+(e-\d+)?"
    line = (rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d,\d{{3}}:INFO:epoch\[(\d)\], iter\[(\d)\], loss:\d+\.\d{{6}}, "
            rf"fps:\d+\.\d\d imgs/sec, lr:{number}$")
    assert [match.groups()[:2] for match in re.finditer(line, log, re.MULTILINE)] == [
        ("0", "0"), ("0", "2"), ("1", "4"), ("2", "6"), ("2", "8")]
    assert len(re.findall(r"epoch\[\d\] done, \d/3, mean loss:\d+\.\d+, .*ETA:\d:\d\d:\d\d", log)) == 3
    assert re.findall(r"epoch\[(\d)\], validation AP:\d\.\d{4}", log) == ["1", "2"]
    best = load_checkpoint(checkpoints / "best.ckpt")
    assert best.meta["class_names"] == ["cup", "ball", "key"] and best.meta["category_ids"] == [3, 1, 7]
    assert best.meta["testing_shape"] == [64, 64] and not best.moments
    saved = (checkpoints.parent / "config.yaml").read_text()
    assert "num_classes: 3  # derived" in saved and "lr: 0.0001  # command line" in saved


def test_the_best_checkpoint_without_validation_is_the_epoch_of_lowest_loss(tmp_path, data):
    checkpoints, log = run(tmp_path, data, "--per_batch_size", 5, "--max_epoch", 3)
    losses = [float(text) for text in re.findall(r"mean loss:(\d+\.\d+)", log)]
    best = load_checkpoint(checkpoints / "best.ckpt").meta["progress"]
    assert best["best_score"] == pytest.approx(-min(losses), abs=1e-5)
    assert best["step"] == 2 * (1 + int(np.argmin(losses)))


def test_resume_refuses_what_it_cannot_continue(tmp_path, data):
    checkpoints, _ = run(tmp_path / "a", data, "--per_batch_size", 5, "--max_epoch", 2)
    with pytest.raises(UserError, match="holds weights only"):
        run(tmp_path / "b", data, "--resume", checkpoints / "best.ckpt")
    with pytest.raises(UserError, match="2 steps an epoch, this one has 5"):
        run(tmp_path / "c", data, "--resume", checkpoints / "last.ckpt", "--per_batch_size", 2)


def test_resume_yolo_starts_from_the_weights_at_step_zero(tmp_path, data):
    checkpoints, _ = run(tmp_path / "a", data, "--per_batch_size", 5, "--max_epoch", 2)
    # At a rate of almost nothing the weights stay where they started.
    again, log = run(tmp_path / "b", data, "--per_batch_size", 5, "--max_epoch", 2, "--lr", "1e-12",
                     "--weight_decay", 0, "--resume_yolo", checkpoints / "last.ckpt")
    assert "iter[0]" in log and "filled all tensors" in log
    first, second = (load_checkpoint(folder / "last.ckpt").weights for folder in (checkpoints, again))
    np.testing.assert_allclose(first["conv6.conv.weight"], second["conv6.conv.weight"], atol=1e-7)


def start(folder, data, *arguments):
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return subprocess.Popen([sys.executable, ROOT / "train.py", *CPU, "--data_dir", data, "--ckpt_path", folder,
                             *map(str, arguments)], env=environment, cwd=folder, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE)


def wait_for_step(folder, step, process, seconds=180):
    """Return the newest last.ckpt as soon as a numbered checkpoint of at least this step exists."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        steps = [int(re.search(r"_(\d+)\.ckpt", path.name)[1]) for path in folder.glob("*/ckpt_0/yolov3_tiny-*.ckpt")]
        if steps and max(steps) >= step:
            return next(folder.glob("*/ckpt_0/last.ckpt"))
        time.sleep(0.02)
    raise AssertionError(f"no checkpoint of step {step}: {process.stderr.read().decode()}")


@pytest.mark.slow
def test_killed_in_an_epoch_and_resumed_with_other_workers_equals_the_unbroken_run(tmp_path, data):
    folders = [tmp_path / name for name in ("unbroken", "killed", "resumed")]
    for folder in folders:
        folder.mkdir()
    arguments = ["--per_batch_size", 2, "--max_epoch", 6, "--ckpt_interval", 3]
    unbroken, _ = run(folders[0], data, *arguments, "--num_parallel_workers", 1)
    process = start(folders[1], data, *arguments, "--num_parallel_workers", 1)
    last = wait_for_step(folders[1], 12, process)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    step = load_checkpoint(last).meta["progress"]["step"]
    assert 12 <= step < 30, "killed too late to show anything"
    resumed, log = run(folders[2], data, "--resume", last, "--num_parallel_workers", 2)
    assert f"goes on at step {step}" in log
    assert digest(resumed / "last.ckpt") == digest(unbroken / "last.ckpt")
    ends = [load_checkpoint(folder / "last.ckpt").meta["progress"] for folder in (resumed, unbroken)]
    assert ends[0] == ends[1]


@pytest.mark.slow
def test_learns_eight_images_by_heart(tmp_path):
    rng = np.random.default_rng(3)
    images = [{"size": (96, 96), "boxes": [(*rng.uniform(0, 24, 2), *rng.uniform(24, 40, 2), 3),
                                           (*rng.uniform(48, 56, 2), *rng.uniform(24, 36, 2), 1)]} for _ in range(8)]
    for split in ("train", "val"):
        write_coco(tmp_path / "data", images, split)
    _, log = run(tmp_path / "run", tmp_path / "data", "--training_shape", 96, "--per_batch_size", 8, "--max_epoch", 150,
                 "--warmup_epochs", 10, "--lr", "0.0005", "--coord_scale", 1, "--large_scale", 1, "--weight_decay", 0,
                 "--jitter", 0, "--min_scale", 1, "--max_scale", 1, "--flip_probability", 0, "--hue", 0,
                 "--saturation", 1, "--value", 0, "--eval_interval", 150, "--ckpt_interval", 1000, "--log_interval", 50)
    losses = [float(text) for text in re.findall(r"iter\[\d+\], loss:(\d+\.\d+)", log)]
    assert losses[-1] < 0.05 * losses[0]
    assert float(re.search(r"validation AP:(\d\.\d+)", log)[1]) > 0.6

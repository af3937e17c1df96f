# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Training and evaluation in several processes, against each other and against one process."""
import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest

import eval as eval_program
from src.weights.checkpoint import load_checkpoint
from tests.support.helpers import write_coco
from tests.support.many_ranks import ROOT, run_ranks
from tests.support.training_runs import digest

TRAINING = ["--is_distributed", 1, "--device_target", "CPU", "--training_shape", 64, "--warmup_epochs", 1,
            "--lr", 1e-4, "--ema_decay", 0.6, "--max_box", 20]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(3)
    for split, count in (("train", 21), ("val", 7)):
        images = [{"size": (72, 64), "boxes": [(*rng.uniform(0, 30, 2), *rng.uniform(14, 30, 2), int(category))
                                               for category in rng.choice([3, 1, 7], 2)]} for _ in range(count)]
        write_coco(folder, images, split)
    return folder


def train(size, folder, data, *arguments, program="train.py"):
    """Train in several processes; returns (the run's folder, the logs by rank)."""
    folder.mkdir()
    run_ranks(size, folder, program, *TRAINING, "--data_dir", data, "--ckpt_path", folder / "out", *arguments)
    (run_folder,) = (folder / "out").iterdir()
    return run_folder, [(run_folder / f"train_rank_{rank}.log").read_text() for rank in range(size)]


def parameters(log):
    """The hashes of the weights that a log tells, an epoch each."""
    return re.findall(r"epoch\[\d+\] parameters ([0-9a-f]{64})", log)


def epochs(folder):
    """The epochs of a run's metrics.csv."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [row["epoch"] for row in csv.DictReader(file)]


def image_ids(folder, rank, epoch):
    """The ids of the images of an epoch, as the debug log of a rank tells them."""
    log = (folder / f"train_rank_{rank}_debug.log").read_text()
    return json.loads(re.search(rf"DEBUG:epoch\[{epoch}\] images (.*)", log)[1])


@pytest.mark.slow
@pytest.mark.parametrize("size, batch", [(2, 2), (4, 1)])
def test_after_twenty_steps_all_ranks_hold_the_same(tmp_path, data, size, batch):
    folder, logs = train(size, tmp_path / "run", data, "--per_batch_size", batch, "--max_epoch", 4,
                         "--eval_interval", 2, "--debug_log", True)
    assert load_checkpoint(folder / "ckpt_0" / "last.ckpt").meta["progress"]["step"] == 20
    hashes = [parameters(log) for log in logs]
    assert len(hashes[0]) == 4 and len(set(hashes[0])) == 4 and hashes == hashes[:1] * size
    seen = [[image_ids(folder, rank, epoch) for rank in range(size)] for epoch in range(4)]
    for epoch in seen:
        assert sorted(map(len, epoch)) == [5 * batch] * size and len(set().union(*epoch)) == 5 * batch * size
    assert seen[0] != seen[1]
    # The loss is that of all ranks together, so every rank logs the same one.
    losses = [re.findall(r"mean loss:(\S+),", log) for log in logs]
    assert len(losses[0]) == 4 and losses == losses[:1] * size
    assert [path.name for path in sorted(folder.glob("ckpt_*"))] == ["ckpt_0"]
    with (folder / "metrics.csv").open(newline="") as file:
        assert [bool(row["AP"]) for row in csv.DictReader(file)] == [False, True, False, True]


@pytest.mark.slow
def test_without_averaged_gradients_the_ranks_part(tmp_path, data):
    _, logs = train(2, tmp_path / "run", data, "--per_batch_size", 2, "--max_epoch", 2,
                    program="tests/support/unreduced_train.py")
    hashes = [parameters(log) for log in logs]
    assert len(hashes[0]) == len(hashes[1]) == 2 and not set(hashes[0]) & set(hashes[1])


@pytest.mark.slow
def test_two_processes_with_half_the_batch_train_as_one_does(tmp_path):
    program, arguments = "tests/support/step_program.py", (8, 3)
    outputs = run_ranks(2, tmp_path, program, *arguments, tmp_path / "two.npz")
    alone = subprocess.run([sys.executable, ROOT / program, *map(str, arguments), tmp_path / "one.npz", "--alone"],
                           check=True, capture_output=True, text=True,
                           env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"})
    losses = [json.loads(re.search(r"found (.*)", output)[1]) for output in (*outputs, alone.stdout)]
    np.testing.assert_allclose(losses[0], losses[2], rtol=1e-5)
    assert losses[0] == losses[1] and losses[2][2] != losses[2][0]
    two, one = np.load(tmp_path / "two.npz"), np.load(tmp_path / "one.npz")
    assert sorted(two.files) == sorted(one.files)
    for name in one.files:
        np.testing.assert_allclose(two[name], one[name], atol=1e-5, rtol=0, err_msg=name)


@pytest.mark.slow
def test_a_resumed_run_of_two_ends_as_the_unbroken_one(tmp_path, data):
    arguments = ["--per_batch_size", 2, "--eval_interval", 1]
    unbroken, _ = train(2, tmp_path / "unbroken", data, *arguments, "--max_epoch", 3, "--t_max", 3)
    first, _ = train(2, tmp_path / "first", data, *arguments, "--max_epoch", 2, "--t_max", 3)
    second, logs = train(2, tmp_path / "second", data, "--resume", first / "ckpt_0" / "last.ckpt", "--max_epoch", 3)
    assert all("goes on at step 10" in log for log in logs)
    assert digest(second / "ckpt_0" / "last.ckpt") == digest(unbroken / "ckpt_0" / "last.ckpt")
    assert epochs(second) == epochs(unbroken) == ["0", "1", "2"]


@pytest.mark.slow
def test_evaluation_in_three_processes_is_that_of_one(tmp_path, data):
    folder, _ = train(2, tmp_path / "run", data, "--per_batch_size", 2, "--max_epoch", 2)
    arguments = ["--device_target", "CPU", "--data_dir", str(data), "--per_batch_size", "2", "--eval_ignore_threshold",
                 "0.01", "--pretrained", str(folder / "ckpt_0" / "last.ckpt")]
    eval_program.main([*arguments, "--log_path", str(tmp_path / "one")])
    run_ranks(3, tmp_path, "eval.py", "--is_distributed", 1, *arguments, "--log_path", tmp_path / "three")
    found = []
    for name in ("one", "three"):
        (run_folder,) = (tmp_path / name).iterdir()
        (results,) = run_folder.glob("predict_*.json")
        table = (run_folder / "eval_rank_0.log").read_text().split("coco eval result")[1].split("detections;")[0]
        found.append((json.loads(results.read_text()), json.loads((run_folder / "metrics.json").read_text()),
                      re.sub(r"\d{4}-\d\d-\d\d .*?:INFO:", "", table)))
    assert len(found[0][0]) > 100 and found[0] == found[1]

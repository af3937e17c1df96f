# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Training runs of several ranks on a CPU: how to start one, and what its files say."""
import csv
import json
import re

import psutil

from src.weights.checkpoint import load_checkpoint
from tests.support.ranks.many_ranks import run_ranks
from tests.support.training_runs import QUICK_STEP

TRAINING = ["--is_distributed", 1, "--device_target", "CPU", "--training_shape", 64, "--warmup_epochs", 1,
            "--lr", 1e-4, "--ema_decay", 0.6, "--max_box", 20, "--report", False]
# Twenty steps of two ranks on 21 images, with a checkpoint at every other one.
TWENTY_STEPS = ["--per_batch_size", 2, "--max_epoch", 4, "--ckpt_interval", 2, "--eval_interval", 2,
                "--debug_log", True]


def train(size, folder, data, *arguments, **environment):
    """Train in several processes, which compile no graph; return (folder of the run, logs by rank)."""
    folder.mkdir()
    run_ranks(size, folder, QUICK_STEP, "train.py", *TRAINING, "--data_dir", data, "--ckpt_path", folder / "out",
              *arguments, **environment)
    return run_of(folder, size)


def run_of(folder, size):
    """Return the folder of the only run in folder/out, and its logs by rank."""
    (run_folder,) = (folder / "out").iterdir()
    return run_folder, [(run_folder / f"train_rank_{rank}.log").read_text() for rank in range(size)]


def ranks_of(job):
    """Return the processes of a job that run train.py as ranks, by rank."""
    found = {}
    for process in psutil.Process(job.pid).children(recursive=True):
        with_environment = process.environ()
        if any(word.endswith("train.py") for word in process.cmdline()) and with_environment["MS_ROLE"] == "MS_WORKER":
            found[int(with_environment["RANK_ID"])] = process
    return found


def metrics(folder):
    """Return the rows of a run's metrics.csv."""
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def image_ids(folder, rank, epoch):
    """Return the ids of the images of an epoch, from the debug log of a rank."""
    log = (folder / f"train_rank_{rank}_debug.log").read_text()
    return json.loads(re.search(rf"DEBUG:epoch\[{epoch}\] images (.*)", log)[1])


def check_ranks_are_alike(folder, logs, batch, epochs):
    """Check a run of five steps an epoch: same weights and losses on all ranks, each image seen once in an epoch."""
    size = len(logs)
    assert load_checkpoint(folder / "ckpt_0" / "last.ckpt").meta["progress"]["step"] == 5 * epochs
    hashes = [re.findall(r"epoch\[\d+\] parameters ([0-9a-f]{64})", log) for log in logs]
    assert len(hashes[0]) == epochs and len(set(hashes[0])) == epochs and hashes == hashes[:1] * size
    seen = [[image_ids(folder, rank, epoch) for rank in range(size)] for epoch in range(epochs)]
    for epoch in seen:
        assert sorted(map(len, epoch)) == [5 * batch] * size and len(set().union(*epoch)) == 5 * batch * size
    assert seen[0] != seen[1]
    # The loss is that of all ranks together, so every rank logs the same one.
    losses = [re.findall(r"mean loss:(\S+) ", log) for log in logs]
    assert len(losses[0]) == epochs and losses == losses[:1] * size
    assert [path.name for path in sorted(folder.glob("ckpt_*"))] == ["ckpt_0"]

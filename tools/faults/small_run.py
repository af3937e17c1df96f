# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The small training run that all kinds of faults share: its data, how it is started, and a hash of its state."""
import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path

from model_utils.files import ROOT
from src.weights.checkpoint import load_checkpoint
from tools.sample_data import Settings, make_sample_data

IMAGES, BATCH = 10, 2
STEPS_PER_EPOCH = IMAGES // BATCH
CPU = ["--device_target=CPU", "--training_shape=64", "--warmup_epochs=1", "--lr=0.0001", "--report=False"]
SMALL = [f"--per_batch_size={BATCH}", "--ema_decay=0.6", "--num_parallel_workers=1", "--log_interval=1"]
TRAIN = (ROOT / "train.py",)


def make_data(folder):
    """Write the data set of the run, of images of 64x64, unless it is there; returns its folder."""
    make_sample_data(folder, Settings(train=IMAGES, val=1, seed=1, size=64))
    return Path(folder)


def start(folder, data, *arguments, program=TRAIN, core=None):
    """Start training in a process of its own, in `folder`, which must exist; returns the process.

    Args:
        folder (Path): also ckpt_path.
        data (Path): data set in COCO layout.
        arguments: more options of train.py.
        program (sequence): train.py, or another program and what comes before the options of train.py.
        core (int): the only core that it may use; None: any. MindSpore chooses by the clock how many threads share a
            sum, so that only runs with one core have the same rounding from process to process.
    """
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    if core is not None:
        environment["OMP_NUM_THREADS"] = "1"

    def prepare():
        heed_interrupts()
        if core is not None:
            os.sched_setaffinity(0, [core])

    command = [sys.executable, *program, *CPU, "--data_dir", data, "--ckpt_path", folder, *arguments]
    return subprocess.Popen(list(map(str, command)), env=environment, cwd=folder, stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE, preexec_fn=prepare)


def heed_interrupts():
    """Undo that nohup, or a shell's &, around this process made what it starts ignore SIGINT."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def digest(path):
    """Return a hash of the weights, moments and averages of a checkpoint."""
    checkpoint, found = load_checkpoint(path), hashlib.sha256()
    for kind in ("weights", "moments", "averages"):
        for name, values in sorted(getattr(checkpoint, kind).items()):
            found.update(f"{kind} {name}".encode() + values.tobytes())
    return found.hexdigest()

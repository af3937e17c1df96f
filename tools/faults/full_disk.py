# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A training run on disks of growing size: each becomes full at a later write, the last one holds the whole run.

A disk is a tmpfs, which only root can mount.
"""
import re
import subprocess
from contextlib import contextmanager
from pathlib import Path

from model_utils.errors import UserError
from model_utils.options import read_yaml
from src.weights.checkpoint import load_checkpoint
from src.weights.checkpoint_list import read_list
from tools.faults.outcome import Outcome
from tools.faults.small_run import SMALL, make_data, start

SMALLEST, LARGEST = 2**14, 2**30
# Five steps an epoch; states of about 100 MB after every second step and after each epoch.
ARGUMENTS = ("--max_epoch=2", "--ckpt_interval=2", "--keep_checkpoint_max=2", "--eval_interval=1", "--report=True")
# The path, and the free bytes, of which those that are needed are more where they are known.
LINE = re.compile(r"error: (\S+): No space left on device \((?:(\d+) bytes needed, )?(\d+) bytes free\); "
                  "check the path, its permissions and the space on the disk")


@contextmanager
def disk(folder, size):
    """Mount a disk of `size` bytes on a folder, which is made, during the block.

    Raises:
        UserError: it cannot be mounted.
    """
    folder.mkdir(parents=True)
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder], capture_output=True,
                          text=True, check=False)
    if done.returncode:
        raise UserError(f"{folder}: a small disk cannot be mounted here ({done.stderr.strip()}); start this as root")
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def run(work, count):
    """Train on `count` disks, their sizes in equal ratios; returns the `Outcome`.

    Raises:
        UserError: no disk can be mounted.
    """
    data, failures = make_data(work / "data"), []
    for number in range(count):
        size = round(SMALLEST * (LARGEST / SMALLEST) ** (number / (count - 1)) / 4096) * 4096
        folder = work / f"{size}"
        with disk(folder, size):
            process = start(folder, data, *SMALL, *ARGUMENTS)
            errors = process.communicate()[1].decode()
            faults = "; ".join(faults_of(folder, process.returncode, errors))
        if number == count - 1 and process.returncode:
            faults = f"{faults}; the largest disk did not hold the run".removeprefix("; ")
        failures += [f"{size} bytes: {faults}"] * bool(faults)
    return Outcome("disk full at a write of training", count, "the steps since the last state that fitted",
                   tuple(failures))


def faults_of(folder, code, errors):
    """Yield what is wrong with how a run ended, and with what it left in a folder."""
    lines = [line for line in errors.splitlines() if not line.startswith("warning: ")]
    found = LINE.fullmatch(lines[0]) if len(lines) == 1 else None
    if code not in (0, 1):
        yield f"exit code {code}"
    if code == 1 and not found:
        yield f"not one line with the path and the free bytes: {errors.strip()}"
    if found and found[2] and int(found[2]) <= int(found[3]) and ".ckpt" not in found[1]:
        yield f"{found[2]} bytes were needed and {found[3]} free"
    if hidden := [str(path) for path in folder.rglob(".*")]:
        yield f"left hidden: {', '.join(hidden)}"
    for path in sorted(folder.glob("*/config.yaml")):
        if not read_yaml(path):
            yield f"{path} is empty"
    for checkpoints in folder.glob("*/ckpt_0"):
        yield from _faults_of_checkpoints(checkpoints)


def _faults_of_checkpoints(folder):
    listed = set(read_list(folder))
    for path in sorted(Path(folder).glob("*.ckpt")):
        if path.name not in listed:
            yield f"{path} is not listed"
        try:
            load_checkpoint(path)
        except UserError as error:
            yield str(error)

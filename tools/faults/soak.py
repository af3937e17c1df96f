# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A long training run with all that a run has: memory, open files and threads stay as they are after its start."""
import statistics
import time
from typing import NamedTuple

import psutil

from tools.faults.outcome import Outcome
from tools.faults.small_run import SMALL, STEPS_PER_EPOCH, make_data, start

ARGUMENTS = ("--mosaic=0.5", "--eval_interval=20", "--ckpt_interval=50", "--keep_checkpoint_max=3",
             "--report=True")
SECONDS = 0.5
# Of the samples, so many at the start and at the end are compared; the first graphs and caches are in neither.
SHARE = 0.25
# So much more resident memory than at the start is growth.
MAX_GROWTH = 0.05


class Sample(NamedTuple):
    """Memory in MB of 2**20 bytes, and numbers of open files and threads of a process at one moment."""

    memory: float
    files: int
    threads: int


def run(work, count):
    """Train `count` steps; returns the `Outcome`."""
    data, folder = make_data(work / "data"), work / "out"
    folder.mkdir()
    process = start(folder, data, *SMALL, *ARGUMENTS, f"--max_epoch={-(-count // STEPS_PER_EPOCH)}")
    samples = watch(process)
    errors = process.communicate()[1].decode()
    first, last = first_and_last(samples)
    text = (f"memory {first.memory:.0f} to {last.memory:.0f} MB, open files {first.files:g} to {last.files:g}, threads "
            f"{first.threads:g} to {last.threads:g}")
    return Outcome(f"{count} steps with mosaic, EMA, validation and checkpoints", 1, f"nothing: {text}",
                   tuple(filter(None, ["; ".join(faults_of(process.returncode, errors, first, last))])))


def watch(process):
    """Return a `Sample` of a process for each half second until it ends."""
    samples, watched = [], psutil.Process(process.pid)
    while process.poll() is None:
        try:
            samples.append(Sample(watched.memory_info().rss / 2**20, watched.num_fds(), watched.num_threads()))
        except psutil.Error:
            # It has ended.
            break
        time.sleep(SECONDS)
    return samples


def first_and_last(samples):
    """Return the medians, by field, of the second and of the last quarter of samples."""
    size = int(len(samples) * SHARE)
    return tuple(Sample(*map(statistics.median, zip(*part, strict=True)))
                 for part in (samples[size:2 * size], samples[-size:]))


def faults_of(code, errors, first, last):
    """Yield what is wrong with a run that ended with an exit code and errors, by its medians."""
    if code:
        yield f"exit code {code}: {errors.strip()}"
    if last.memory > first.memory * (1 + MAX_GROWTH):
        yield f"memory grew from {first.memory:.0f} to {last.memory:.0f} MB"
    for name in ("files", "threads"):
        before, after = getattr(first, name), getattr(last, name)
        if after > before:
            yield f"{name} grew from {before} to {after}"

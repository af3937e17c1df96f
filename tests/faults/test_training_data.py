# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A training process whose images are taken away, replaced by something else, or no longer answer."""
import contextlib
import csv
import fcntl
import os
import re
import signal
import time

import pytest

from src.distributed_sampler import DistributedSampler
from src.weights.checkpoint import load_checkpoint
from tests.support.helpers import write_coco
from tests.support.training_runs import QUICK_STEP, wait_for_step
from tools.faults.small_run import start

IMAGES = 100
LIMIT_S = 180


def wait_until(find, process, what):
    """Return what a function finds, as soon as that is true."""
    end = time.monotonic() + LIMIT_S
    while time.monotonic() < end and process.poll() is None:
        found = find()
        if found:
            return found
        time.sleep(0.05)
    process.kill()
    raise AssertionError(f"{what} did not happen: {process.stderr.read().decode()}")


@contextlib.contextmanager
def held(path, process):
    """Hold a file so that whoever opens it waits, as for a network disk that is gone; the kernel does so by a lease."""
    def take():
        try:
            fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except BlockingIOError:
            # The process is reading it.
            return False
        return True

    # The kernel asks the holder to give the file back.
    before = signal.signal(signal.SIGIO, signal.SIG_IGN)
    file = os.open(path, os.O_RDWR)
    try:
        wait_until(take, process, f"a lease on {path}")
        yield
    finally:
        os.close(file)
        signal.signal(signal.SIGIO, before)


def replaced(folder):
    """Return the last value of replaced_samples in the metrics.csv of a run, 0 without a whole row."""
    for path in folder.glob("*/metrics.csv"):
        with path.open(newline="") as file:
            return int((["0"] + [row["replaced_samples"] or "0" for row in csv.DictReader(file)])[-1])
    return 0


@pytest.mark.slow
def test_a_lost_file_is_replaced_and_one_that_does_not_answer_ends_the_run(tmp_path):
    data, folder = tmp_path / "data", tmp_path / "out"
    folder.mkdir()
    write_coco(data, [{"size": (72, 64), "boxes": [(9, 9, 30, 20, 3)]} for _ in range(IMAGES)])
    process = start(folder, data, "--per_batch_size=10", "--max_epoch=10000", "--ckpt_interval=25",
                    "--read_wait_seconds=3", program=(QUICK_STEP, "train.py"))
    try:
        wait_for_step(folder, 25, process)
        lost, silent = (data / "train2017" / f"{number:06}.png" for number in (7, 8))
        os.mkfifo(tmp_path / "fifo")
        os.replace(tmp_path / "fifo", lost)
        wait_until(lambda: replaced(folder) == 1, process, "a row of metrics.csv with a replaced sample")
        with held(silent, process):
            code = process.wait(LIMIT_S)
        error = process.stderr.read().decode()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert code == 1
    assert f"{silent}: reading this file has not returned for 3 s; check the disk or the network" in error
    step, last = re.search(r"error: ended after step (\d+), which --resume (.*/last\.ckpt) continues: ", error).groups()
    assert load_checkpoint(last).meta["progress"]["step"] == int(step) > 10
    # The batch that did not come holds the silent image.
    order = DistributedSampler(IMAGES, IMAGES, 1).epoch_order(int(step) // 10)
    batch = order[int(step) % 10 * 10:][:10].tolist()
    assert 7 in batch or 6 in batch, "the sample before it may have been replaced by it"
    log = next(folder.glob("*/train_rank_0.log")).read_text()
    assert [line for line in re.findall(":WARNING:(.*)", log) if str(lost) in line] == [
        f"{lost}: cannot read this image file (it is a FIFO, not a regular file); restore it or take it out of the "
        "data set (its samples are replaced by the next ones)"]
    assert "Traceback" not in error

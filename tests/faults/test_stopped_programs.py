# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and SIGINT to real programs: in the training loop, while they compile, and while they import MindSpore."""
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from src.weights.checkpoint import load_checkpoint
from tests.support.place import ROOT
from tests.support.ranks.many_ranks import job_command, job_environment, run_ranks
from tests.support.ranks.rank_training import TRAINING
from tests.support.training_runs import QUICK_STEP, SMALL, wait_for_text
from tools.faults.small_run import heed_interrupts, start


def wait_until_it_listens(process):
    """Wait until a program has blocked SIGTERM; it imports MindSpore then, which takes it a second or more."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        blocked = re.search(r"SigBlk:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())
        if int(blocked[1], 16) & 1 << signal.SIGTERM - 1:
            return
    raise AssertionError("it does not listen for signals")


@pytest.mark.slow
def test_ctrl_c_in_the_loop_saves_and_says_how_to_continue(stopped):
    folder, code, errors = stopped
    assert code == 130
    assert errors == ("SIGINT: the run saves last.ckpt after this step, or after the validation that runs, and ends; a "
                      "second signal ends it at once\n")
    last = folder / "ckpt_0" / "last.ckpt"
    log = (folder / "train_rank_0.log").read_text()
    # The program runs elsewhere than in the repository.
    found = re.search(rf"WARNING:stopped by SIGINT after step (\d+) of 25000; to continue: python {ROOT}/train.py "
                      rf"--data_dir \S+ --resume {re.escape(str(last))}\n$", log)
    assert found, log
    progress = load_checkpoint(last).meta["progress"]
    assert progress["step"] == int(found[1]) >= 2
    assert sorted(path.name for path in folder.rglob("*") if path.name.startswith(".")) == []


def test_sigterm_while_a_graph_is_compiled_ends_the_run_at_once(tmp_path, data):
    process = start(tmp_path, data, *SMALL, "--max_epoch", "3")
    wait_for_text(tmp_path, "steps an epoch", process)
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=120)[1] == b"stopped by SIGTERM\n"
    assert process.returncode == 143
    assert not list(tmp_path.glob("*/ckpt_0")) and "iter[0]" not in next(tmp_path.glob("*/*.log")).read_text()


@pytest.mark.parametrize("program, number", [
    ("train.py", signal.SIGTERM), ("train.py", signal.SIGINT), ("eval.py", signal.SIGTERM),
    ("predict.py", signal.SIGINT), ("export.py", signal.SIGTERM)])
def test_a_signal_during_the_import_ends_a_program_at_once(tmp_path, program, number):
    process = subprocess.Popen([sys.executable, ROOT / program], cwd=tmp_path, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, preexec_fn=heed_interrupts)
    wait_until_it_listens(process)
    process.send_signal(number)
    assert process.communicate(timeout=120) == (b"", f"stopped by {number.name}\n".encode())
    assert process.returncode == 128 + number and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_sigterm_while_images_are_predicted_writes_what_was_found(tmp_path, data, stopped):
    images = tmp_path / "images"
    images.mkdir()
    photo = next((data / "train2017").iterdir())
    for number in range(2000):
        os.link(photo, images / f"{number}{photo.suffix}")
    process = subprocess.Popen([sys.executable, ROOT / "predict.py", "--device_target", "CPU", "--image", images,
                                "--output_dir", tmp_path / "out", "--ckpt_file", stopped[0] / "ckpt_0" / "last.ckpt"],
                               cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob("out/*.*")):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    output, errors = process.communicate(timeout=120)
    assert errors == (b"SIGTERM: ends after this batch and writes what was found; a second signal ends it at once\n")
    assert process.returncode == 143 and b"stopped by SIGTERM: the files hold what was found until then" in output
    records = json.loads((tmp_path / "out" / "detections.json").read_text())
    drawn = {path.name for path in (tmp_path / "out").iterdir()} - {"detections.json"}
    assert {Path(record["file"]).name for record in records} == drawn and 0 < len(drawn) < 2000


@pytest.mark.slow
def test_a_signal_to_the_launcher_lets_all_ranks_save_at_one_step(tmp_path, data):
    command = job_command(2, QUICK_STEP, "train.py", *TRAINING, "--data_dir", data, "--ckpt_path", tmp_path / "out",
                          "--per_batch_size", 2, "--max_epoch", 5000, "--log_interval", 1)
    job = subprocess.Popen(command, cwd=tmp_path, env=job_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for_text(tmp_path / "out", "iter[1], loss", job)
    # To all processes, as the manager of a cluster does.
    for process in (job, *psutil.Process(job.pid).children(recursive=True)):
        process.send_signal(signal.SIGTERM)
    output, errors = job.communicate(timeout=300)
    assert job.returncode == 143, output + errors
    assert errors == b"stopped by SIGTERM: all ranks of this node are ended\n"
    (folder,) = (tmp_path / "out").iterdir()
    logs = [(folder / f"train_rank_{rank}.log").read_text() for rank in range(2)]
    steps = [re.search(r"stopped by SIGTERM after step (\d+) of .* --resume (.*)\n", log).groups() for log in logs]
    last = folder / "ckpt_0" / "last.ckpt"
    assert steps == [steps[0]] * 2 and steps[0][1] == str(last)
    assert load_checkpoint(last).meta["progress"]["step"] == int(steps[0][0])


@pytest.mark.slow
def test_a_rank_that_is_stopped_in_a_step_is_named(tmp_path):
    started = time.monotonic()
    logs = run_ranks(2, tmp_path, "tests/support/ranks/frozen_rank_program.py", seconds=300, expected=1)
    assert "error: rank 1 did not come to the exchange of gradients within 5 s of rank 0; see" in logs[0]
    assert "Traceback" not in logs[0] and time.monotonic() - started < 300

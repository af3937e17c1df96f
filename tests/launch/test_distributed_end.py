# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""How distributed training ends: well, by the death of a rank, and by data that one rank alone cannot use."""
import re
import shutil
import signal
import subprocess
import time

import psutil
import pytest

from src.weights.checkpoint import load_checkpoint
from tests.support.ranks.many_ranks import job_command, job_environment, run_ranks
from tests.support.ranks.quick_step import SLOW_COMPILATION
from tests.support.ranks.rank_training import TRAINING, TWENTY_STEPS, metrics, ranks_of, train
from tests.support.training_runs import QUICK_STEP, wait_for_step
from tools.faults.small_run import digest


@pytest.mark.slow
def test_a_finished_job_leaves_at_once(unbroken):
    assert unbroken[2] < 30


@pytest.mark.slow
def test_a_killed_rank_ends_the_job_which_resumes_exactly_though_a_rank_compiles_long(tmp_path, data, unbroken):
    folder = tmp_path / "killed"
    folder.mkdir()
    command = job_command(2, QUICK_STEP, "train.py", *TRAINING, "--data_dir", data, "--ckpt_path", folder / "out",
                          *TWENTY_STEPS)
    job = subprocess.Popen(command, cwd=folder, env=job_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    last = wait_for_step(folder / "out", 4, job, seconds=600)
    started, family = time.monotonic(), psutil.Process(job.pid).children(recursive=True)
    ranks_of(job)[1].send_signal(signal.SIGKILL)
    output = b"".join(job.communicate(timeout=60)).decode()
    assert time.monotonic() - started < 60
    assert job.returncode == 128 + signal.SIGKILL
    assert len(re.findall(r"rank 1\b.*was killed by SIGKILL", output)) == 1, output
    assert [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    step = load_checkpoint(last).meta["progress"]["step"]
    assert 4 <= step < 20, "killed too late to show anything"
    # Rank 1 compiles for longer than a collective of rank 0 would wait for it.
    resumed, logs = train(2, tmp_path / "resumed", data, "--resume", last, MS_CPU_COMM_OP_TIMEOUT="8",
                          **{SLOW_COMPILATION: "1 14"})
    assert all(re.search(rf"resume .*last.ckpt: .* step {step}\n", log) for log in logs)
    assert digest(resumed / "ckpt_0" / "last.ckpt") == digest(unbroken[0] / "ckpt_0" / "last.ckpt")
    assert [row["epoch"] for row in metrics(resumed)] == [row["epoch"] for row in metrics(unbroken[0])] == list("0123")


@pytest.mark.slow
@pytest.mark.parametrize("broken, message", [
    ("image", "cut short"),
    ("annotations", "rank 1 has 20 training images, rank 0 has 21"),
])
def test_data_that_one_rank_alone_cannot_use_ends_the_job(tmp_path, data, broken, message):
    # The working folders of the ranks; each finds its own data at the same relative path.
    for rank in range(2):
        shutil.copytree(data, tmp_path / f"rank{rank}" / "data")
    if broken == "image":
        for path in (tmp_path / "rank1" / "data" / "train2017").iterdir():
            path.write_bytes(path.read_bytes()[:200])
    else:
        annotations = tmp_path / "rank1" / "data" / "annotations" / "instances_train2017.json"
        annotations.write_text(annotations.read_text().replace('"image_id": 1,', '"image_id": 2,'))
    logs = run_ranks(2, tmp_path, "train.py", *TRAINING, "--data_dir", "data", "--per_batch_size", 2, "--max_epoch", 2,
                     expected=1, seconds=120)
    # From the error of the rank on; how long the ranks start is the machine's.
    assert time.time() - (tmp_path / "rank1" / "log.txt").stat().st_mtime < 60
    assert message in logs[1] and "Traceback" not in logs[1]

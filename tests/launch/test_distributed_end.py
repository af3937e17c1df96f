# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""How real distributed training ends: well, by the death of a rank, and by what one rank alone cannot read."""
import re
import shutil
import signal
import subprocess
import time

import psutil
import pytest

from src.weights.checkpoint import load_checkpoint
from tests.launch.test_distributed import TRAINING, data, epochs, train  # noqa: F401
from tests.support.many_ranks import job_command, job_environment, run_ranks
from tests.support.training_runs import digest, wait_for_step

SAVED_OFTEN = ["--per_batch_size", 2, "--ckpt_interval", 2, "--eval_interval", 1, "--max_epoch", 4]


def ranks_of(job):
    """The processes of a job that run train.py as ranks, by rank."""
    found = {}
    for process in psutil.Process(job.pid).children(recursive=True):
        with_environment = process.environ()
        if any(word.endswith("train.py") for word in process.cmdline()) and with_environment["MS_ROLE"] == "MS_WORKER":
            found[int(with_environment["RANK_ID"])] = process
    return found


@pytest.mark.slow
def test_a_killed_rank_ends_the_job_which_can_be_resumed_exactly(tmp_path, data):  # noqa: F811
    unbroken, _ = train(2, tmp_path / "unbroken", data, *SAVED_OFTEN)
    # Its end is clean: the last line of the log is not older than a rank may take to leave.
    assert time.time() - (unbroken / "train_rank_0.log").stat().st_mtime < 30
    folder = tmp_path / "killed"
    folder.mkdir()
    command = job_command(2, "train.py", *TRAINING, "--data_dir", data, "--ckpt_path", folder / "out", *SAVED_OFTEN)
    job = subprocess.Popen(command, cwd=folder, env=job_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    last = wait_for_step(folder / "out", 4, job)
    started, family = time.monotonic(), psutil.Process(job.pid).children(recursive=True)
    ranks_of(job)[1].send_signal(signal.SIGKILL)
    output = b"".join(job.communicate(timeout=60)).decode()
    assert time.monotonic() - started < 60
    assert job.returncode == 128 + signal.SIGKILL
    assert len(re.findall(r"rank 1\b.*was killed by SIGKILL", output)) == 1, output
    assert [process for process in family if process.is_running() and process.status() != psutil.STATUS_ZOMBIE] == []
    step = load_checkpoint(last).meta["progress"]["step"]
    assert 4 <= step < 20, "killed too late to show anything"
    resumed, _ = train(2, tmp_path / "resumed", data, "--resume", last)
    assert digest(resumed / "ckpt_0" / "last.ckpt") == digest(unbroken / "ckpt_0" / "last.ckpt")
    assert epochs(resumed) == epochs(unbroken) == ["0", "1", "2", "3"]


@pytest.mark.slow
@pytest.mark.parametrize("broken, words", [
    ("image", "cut short"),
    ("annotations", "rank 1 has 20 training images, rank 0 has 21"),
])
def test_what_one_rank_alone_cannot_use_ends_the_job_in_words(tmp_path, data, broken, words):  # noqa: F811
    # The working folders of the ranks; each finds its own data at the same relative path.
    for rank in range(2):
        shutil.copytree(data, tmp_path / f"rank{rank}" / "data")
    if broken == "image":
        for path in (tmp_path / "rank1" / "data" / "train2017").iterdir():
            path.write_bytes(path.read_bytes()[:200])
    else:
        annotations = tmp_path / "rank1" / "data" / "annotations" / "instances_train2017.json"
        annotations.write_text(annotations.read_text().replace('"image_id": 1,', '"image_id": 2,'))
    started = time.monotonic()
    logs = run_ranks(2, tmp_path, "train.py", *TRAINING, "--data_dir", "data", "--per_batch_size", 2, "--max_epoch", 2,
                     expected=1, seconds=120)
    assert time.monotonic() - started < 100
    assert words in logs[1] and "Traceback" not in logs[1]

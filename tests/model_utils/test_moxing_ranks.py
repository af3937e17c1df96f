# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/modelarts_job.py with several ranks of a machine, as threads and as processes."""
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from model_utils.errors import UserError
from model_utils.local_adapter import Launch
from model_utils.modelarts_job import Limits, modelarts_job
from tests.support.moxing_stand_in import FAST, Boom, names, write_result

ROOT = Path(__file__).resolve().parents[2]


def start_ranks(run, config, size, late=(), limits=FAST, scheduler=False):
    """Run a job as threads, one a rank; returns what each returned or raised, by rank, when all have ended."""
    ends = {}

    def rank_main(rank, launch):
        time.sleep(0.3 if rank in late else 0)
        try:
            ends[rank] = modelarts_job(lambda given: run(rank, given), config, launch, limits)
        except (Boom, UserError) as error:
            ends[rank] = error

    role = "MS_WORKER" if scheduler else ""
    launches = {rank: Launch(rank, size, rank, role=role) for rank in range(size)}
    if scheduler:
        launches["scheduler"] = Launch(0, size, 0, role="MS_SCHED")
    threads = [threading.Thread(target=rank_main, args=item) for item in launches.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert not any(thread.is_alive() for thread in threads)
    return ends


@pytest.mark.parametrize("late", [(), (0,), (1, 2)])
def test_rank_0_copies_for_all_and_uploads_when_all_are_done(late, tmp_path, storage, job):
    def run(rank, config):
        assert Path(config.data_dir, "annotations").is_dir()
        time.sleep(0.1 * rank)
        return write_result(config, f"rank_{rank}.txt")

    assert start_ranks(run, job(), 3, late) == {0: 7, 1: 7, 2: 7}
    assert names(tmp_path / "s3/bucket/results") == [f"outputs/RUN/rank_{rank}.txt" for rank in range(3)]
    assert [call[0] for call in storage.calls] == ["make_dirs", "copy_parallel", "copy_parallel"]


def test_rank_0_of_each_machine_copies(tmp_path, storage, job):
    configs = [job(output_path=tmp_path / f"cache{node}/train", data_path=tmp_path / f"cache{node}/data")
               for node in range(2)]
    threads = [threading.Thread(target=modelarts_job, args=(write_result, configs[rank // 2],
                                                            Launch(rank % 2, 4, rank, node_num=2), FAST))
               for rank in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for node in range(2):
        assert names(tmp_path / f"cache{node}/data") == ["coco2017.zip", "coco2017/annotations/instances.json"]
    assert names(tmp_path / "s3/bucket/results") == ["outputs/RUN/result.txt"]


@pytest.mark.parametrize("late", [(), (0,), (1, 2)])
def test_a_rank_0_that_fails_tells_the_others_at_once(late, storage, job):
    started = time.monotonic()
    ends = start_ranks(lambda rank, config: pytest.fail("must not run"), job(data_url="s3://bucket/none"), 3, late)
    assert time.monotonic() - started < 5
    assert "data_url s3://bucket/none: nothing there" in str(ends[0])
    for rank in (1, 2):
        assert str(ends[rank]).startswith(f"rank_{rank} stops, because rank 0 of this machine failed: data_url s3://")


def test_ranks_that_come_after_the_run_of_rank_0_failed_still_find_the_data(storage, job):
    def run(rank, config):
        if rank == 0:
            raise Boom("at once")
        return Path(config.data_dir).is_dir()

    ends = start_ranks(run, job(), 3, late=(1, 2))
    assert isinstance(ends[0], Boom) and ends[1] is ends[2] is True


def test_a_job_after_one_that_failed_starts_afresh(tmp_path, storage, job):
    start_ranks(lambda rank, config: 1, job(data_url="s3://bucket/none"), 3)
    assert start_ranks(lambda rank, config: write_result(config), job(), 3, late=(0,)) == {0: 7, 1: 7, 2: 7}


def test_ranks_that_wait_in_vain_say_for_what(storage, job, monkeypatch):
    monkeypatch.setattr(storage, "copy_parallel", lambda *args: time.sleep(1))
    ends = start_ranks(lambda rank, config: 7, job(need_modelarts_dataset_unzip=False), 2,
                       limits=Limits(copy=0.3, tell=0, finish=0, poll=0.01))
    assert "rank_1 waited 0.3 s for rank 0 of this machine, process" in str(ends[1])
    assert "still at it: copying data_url s3://bucket/data/ to" in str(ends[1])


def test_a_rank_that_fails_uploads_while_rank_0_hangs(tmp_path, storage, job):
    uploaded = threading.Event()

    def run(rank, config):
        write_result(config, f"rank_{rank}.txt")
        if rank == 0:
            # As in a collective operation that the failed ranks will never join.
            assert uploaded.wait(10)
            assert names(tmp_path / "s3/bucket/results") == ["outputs/RUN/rank_0.txt"]
            raise Boom("rank 0")
        while not Path(config.ckpt_path, "RUN/rank_0.txt").exists():
            time.sleep(0.01)
        Path(config.ckpt_path, f"RUN/rank_{rank}.txt").unlink()
        raise Boom(f"rank {rank}")

    config, real = job(data_url=""), storage.copy_parallel

    def copy_parallel(src_url, dst_url):
        real(src_url, dst_url)
        uploaded.set()

    storage.copy_parallel = copy_parallel
    ends = start_ranks(run, config, 2)
    assert {rank: str(error) for rank, error in ends.items()} == {0: "rank 0", 1: "rank 1"}
    # Rank 0 found that it had been done.
    assert [call[0] for call in storage.calls].count("copy_parallel") == 1


def test_ranks_that_all_fail_upload_once_and_wait_for_it(tmp_path, storage, job, monkeypatch):
    ended, real = [], storage.copy_parallel

    def slow_copy(src_url, dst_url):
        time.sleep(0.3)
        real(src_url, dst_url)
        ended.append("upload")

    def run(rank, config):
        write_result(config)
        raise Boom(rank)

    monkeypatch.setattr(storage, "copy_parallel", slow_copy)
    ends = start_ranks(run, job(data_url=""), 4)
    assert sorted(error.args[0] for error in ends.values()) == [0, 1, 2, 3] and ended == ["upload"]
    assert names(tmp_path / "s3/bucket/results") == ["outputs/RUN/result.txt"]


def test_the_scheduler_of_msrun_waits_and_neither_copies_nor_uploads(tmp_path, storage, job):
    def run(rank, config):
        assert Path(config.data_dir).is_dir()
        if rank == "scheduler":
            raise Boom("the cluster broke")
        return write_result(config)

    ends = start_ranks(run, job(), 2, late=(0,), scheduler=True)
    assert ends[0] == ends[1] == 7 and str(ends["scheduler"]) == "the cluster broke"
    assert [call[0] for call in storage.calls] == ["make_dirs", "copy_parallel", "copy_parallel"]
    ends = start_ranks(run, job(data_url="s3://bucket/none"), 1, late=("scheduler",), scheduler=True)
    assert str(ends["scheduler"]).startswith("scheduler stops, because rank 0 of this machine failed")


# With the environment of a launcher.
PROGRAM = """
import json, os, signal, sys, time
from pathlib import Path
from model_utils.config import get_config
from model_utils.errors import run_cli
from model_utils.modelarts_job import Limits, modelarts_job
from tests.support import moxing_stand_in

what, argv = sys.argv[1], sys.argv[2:]
storage = moxing_stand_in.install(os.environ["S3"])

def run(config):
    Path(config.ckpt_path).mkdir(parents=True, exist_ok=True)
    Path(config.ckpt_path, "rank_" + os.environ["RANK_ID"]).write_text(config.data_dir)

def die(src_url, dst_url):
    notes = Path(os.environ["NOTES"])
    while not all((notes / f"rank_{rank}.json").exists() for rank in (1, 2)):
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(os.getpid(), signal.SIGKILL)

if what == "die while copying":
    storage.copy_parallel = die
limits = Limits(copy=30, tell=2, finish=5, upload=5, poll=0.05)
sys.exit(run_cli(lambda argv: modelarts_job(run, get_config(argv), limits=limits), argv))
"""


def run_processes(what, config, size, tmp_path):
    """Run a job as processes, one a rank; returns their exit codes and what they wrote to stderr."""
    argv = [f"--{name}={config[name]}" for name in config.to_dict() if config.is_set(name)]
    processes = []
    for rank in range(size):
        environment = {**os.environ, "S3": str(tmp_path / "s3"), "PYTHONPATH": str(ROOT), "RANK_ID": str(rank),
                       "RANK_SIZE": str(size), "DEVICE_ID": str(rank),
                       "NOTES": f"{config.output_path}/.modelarts/node_0"}
        processes.append(subprocess.Popen([sys.executable, "-c", PROGRAM, what, *argv], env=environment, cwd=tmp_path,
                                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    try:
        errors = [process.communicate(timeout=60)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], errors


def test_processes_share_the_copy_also_after_an_attempt_whose_rank_0_was_killed(tmp_path, storage, job):
    config = job()
    codes, errors = run_processes("die while copying", config, 3, tmp_path)
    assert codes == [-9, 1, 1], errors
    assert all("ended before it was done with copying data_url s3://bucket/data/" in text for text in errors[1:])
    note = json.loads((tmp_path / "cache/train/.modelarts/node_0/rank_0.json").read_text())
    assert note["state"] == "busy", "the killed rank's note is still there, for the next attempt to mistake"

    codes, errors = run_processes("work", config, 3, tmp_path)
    assert (codes, errors) == ([0, 0, 0], ["", "", ""])
    assert names(tmp_path / "s3/bucket/results") == ["outputs/rank_0", "outputs/rank_1", "outputs/rank_2"]
    assert (tmp_path / "s3/bucket/results/outputs/rank_2").read_text() == f"{tmp_path}/cache/data/coco2017"
    assert sorted(os.listdir(tmp_path / "cache/data")) == ["coco2017", "coco2017.zip"]

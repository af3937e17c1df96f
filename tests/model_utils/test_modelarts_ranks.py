# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Jobs of several ranks of a machine, as threads and as processes: one copies for all, and who uploads."""
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from model_utils import modelarts_job as module
from model_utils.errors import UserError
from model_utils.local_adapter import Launch
from model_utils.modelarts_job import Limits, modelarts_job
from tests.support.moxing_stand_in import FAST, Boom, names, write_result

ROOT = Path(__file__).resolve().parents[2]
MARKERS = "cache/train/.modelarts/node_0"


# Threads as ranks

def start_ranks(run, config, size, late=(), limits=FAST, scheduler=False):
    """Run a job as threads, one a rank; returns what each returned or raised, by rank, when all have ended."""
    ends = {}

    def rank_main(rank, launch):
        time.sleep(0.2 if rank in late else 0)
        try:
            ends[rank] = modelarts_job(lambda given: run(rank, given), config, launch, limits)
        except (Boom, UserError) as error:
            ends[rank] = error

    role = "MS_WORKER" if scheduler else ""
    launches = {rank: Launch(rank, size, rank, role=role) for rank in range(size)}
    if scheduler:
        launches["scheduler"] = Launch(0, size, 0, role="MS_SCHED")
    join([threading.Thread(target=rank_main, args=item) for item in launches.items()])
    return ends


def join(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not any(thread.is_alive() for thread in threads)


@pytest.mark.parametrize("late", [(), (0,), (1, 2)])
def test_one_rank_copies_for_all_and_rank_0_uploads_when_all_are_done(late, tmp_path, storage, job):
    started = threading.Barrier(3, timeout=60)

    def run(rank, config):
        assert Path(config.data_dir, "annotations").is_dir()
        # As in a collective operation, none ends before all have begun.
        started.wait()
        time.sleep(0.05 * rank)
        return write_result(config, f"rank_{rank}.txt")

    assert start_ranks(run, job(), 3, late) == {0: 7, 1: 7, 2: 7}
    assert names(tmp_path / "s3/bucket/results") == [f"outputs/RUN/rank_{rank}.txt" for rank in range(3)]
    assert [call[0] for call in storage.calls] == ["make_dirs", "copy_parallel", "copy_parallel"]
    assert names(tmp_path / MARKERS) == ["copy.lock", "members.lock", "upload.lock"]


def test_one_rank_of_each_machine_copies(tmp_path, storage, job):
    configs = [job(output_path=tmp_path / f"cache{node}/train", data_path=tmp_path / f"cache{node}/data")
               for node in range(2)]
    join([threading.Thread(target=modelarts_job, args=(write_result, configs[rank // 2],
                                                       Launch(rank % 2, 4, rank, node_num=2), FAST))
          for rank in range(4)])
    for node in range(2):
        assert names(tmp_path / f"cache{node}/data") == ["coco2017.zip", "coco2017/annotations/instances.json"]
    assert names(tmp_path / "s3/bucket/results") == ["outputs/RUN/result.txt"]


@pytest.fixture
def together(monkeypatch):
    """Return a function after which ranks copy only when as many have arrived."""
    real = module._copy_once

    def wait_for(count):
        arrived = threading.Barrier(count, timeout=60)
        monkeypatch.setattr(module, "_copy_once", lambda *arguments: arrived.wait() and False or real(*arguments))

    return wait_for


def test_a_copy_that_fails_stops_all_ranks(storage, job, together):
    together(3)
    ends = start_ranks(lambda rank, config: pytest.fail("must not run"), job(data_url="s3://bucket/none"), 3)
    reason = "data_url s3://bucket/none: nothing there; check the path, and that the job may read it"
    (failed,) = [rank for rank, error in ends.items() if str(error) == reason]
    assert {rank: str(error) for rank, error in ends.items() if rank != failed} == {
        rank: f"rank_{rank} stops, because rank_{failed} (process {os.getpid()}) of this machine failed: {reason}"
        for rank in range(3) if rank != failed}
    assert [call[0] for call in storage.calls] == ["make_dirs"]


def test_ranks_that_come_after_another_one_failed_find_the_data(storage, job):
    def run(rank, config):
        if rank == 0:
            raise Boom("at once")
        return Path(config.data_dir).is_dir()

    ends = start_ranks(run, job(), 3, late=(1, 2))
    assert isinstance(ends[0], Boom) and ends[1] is ends[2] is True


def test_a_job_after_one_that_failed_copies_again(tmp_path, storage, job, together):
    together(3)
    start_ranks(lambda rank, config: 1, job(data_url="s3://bucket/none"), 3)
    assert (tmp_path / MARKERS / "copied.json").exists()
    assert start_ranks(lambda rank, config: write_result(config), job(), 3) == {0: 7, 1: 7, 2: 7}


def test_a_job_after_one_that_was_killed_copies_again(tmp_path, storage, job):
    job_urls = ["s3://bucket/data/", "", "s3://bucket/results/", *(f"{tmp_path}/cache/{name}" for name in
                                                                  ("data", "start", "train"))]
    (tmp_path / MARKERS).mkdir(parents=True)
    (tmp_path / MARKERS / "copied.json").write_text(json.dumps(
        {"job": job_urls, "who": "rank_0", "state": "ready", "text": "/data of an earlier job"}))
    assert modelarts_job(lambda config: config.data_dir, job(), limits=FAST) == f"{tmp_path}/cache/data/coco2017"


def test_the_folder_of_another_job_that_runs_is_refused(storage, job):
    def run(config):
        with pytest.raises(UserError, match="in use by another job on this machine: give each job folders of its own"):
            modelarts_job(pytest.fail, job(data_url="s3://bucket/start"), Launch(1, 2, 1), FAST)
        return 7

    assert modelarts_job(run, job(), limits=FAST) == 7


def test_a_rank_stops_waiting_for_a_copy_that_hangs(storage, job, monkeypatch):
    copying, is_over, ends = threading.Event(), threading.Event(), []

    def hang(*_):
        copying.set()
        assert is_over.wait(60)

    def follow():
        assert copying.wait(60)
        with pytest.raises(UserError) as error:
            modelarts_job(pytest.fail, config, Launch(1, 2, 1), Limits(copy=0.1, poll=0.01))
        ends.append(str(error.value))
        is_over.set()

    monkeypatch.setattr(storage, "copy_parallel", hang)
    config = job(need_modelarts_dataset_unzip=False)
    # In the end rank 0 has copied nothing, which is an error of its own.
    leader = threading.Thread(target=lambda: pytest.raises(UserError, modelarts_job, pytest.fail, config,
                                                           Launch(0, 2, 0), FAST))
    join([leader, threading.Thread(target=follow)])
    assert ends[0].startswith(f"rank_1 waited 0.1 s for rank_0 (process {os.getpid()}) of this machine, which is still "
                              "copying data_url s3://bucket/data/ to ")


def test_rank_0_does_not_wait_for_ever_for_the_results_of_others(tmp_path, storage, job, capsys):
    is_over, begun = threading.Event(), threading.Barrier(2, timeout=60)

    def run(rank, config):
        begun.wait()
        if rank == 1:
            assert is_over.wait(60)
        return write_result(config, f"rank_{rank}.txt")

    def lead():
        modelarts_job(lambda config: run(0, config), config, Launch(0, 2, 0), Limits(finish=0.1, poll=0.01))
        assert names(tmp_path / "s3/bucket/results") == ["outputs/RUN/rank_0.txt"]
        is_over.set()

    config = job()
    follow = (lambda config: run(1, config), config, Launch(1, 2, 1), FAST)
    join([threading.Thread(target=lead), threading.Thread(target=modelarts_job, args=follow)])
    assert is_over.is_set()
    assert "warning: other ranks are not done 0.1 s after rank_0; uploading what is there" in capsys.readouterr().out


def test_a_rank_does_not_wait_for_ever_for_the_upload_of_another(tmp_path, storage, job, capsys):
    uploading, is_over = threading.Event(), threading.Event()

    def hang(src_url, dst_url):
        uploading.set()
        assert is_over.wait(60)

    def run(config):
        write_result(config)
        raise Boom("bad luck")

    def follow():
        assert uploading.wait(60)
        with pytest.raises(Boom):
            modelarts_job(run, config, Launch(1, 2, 1), Limits(upload=0.1, poll=0.01))
        is_over.set()

    storage.copy_parallel, config = hang, job(data_url="")
    join([threading.Thread(target=lambda: pytest.raises(Boom, modelarts_job, run, config, Launch(0, 2, 0), FAST)),
          threading.Thread(target=follow)])
    assert "error: rank_1 waited 0.1 s for another rank of this machine to finish its upload" in capsys.readouterr().err


def test_a_rank_that_fails_uploads_while_rank_0_hangs(tmp_path, storage, job):
    uploaded = threading.Event()

    def run(rank, config):
        write_result(config, f"rank_{rank}.txt")
        if rank == 0:
            # As in a collective operation that the failed ranks will never join.
            assert uploaded.wait(60)
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
        time.sleep(0.1)
        real(src_url, dst_url)
        ended.append("upload")

    def run(rank, config):
        write_result(config)
        raise Boom(rank)

    monkeypatch.setattr(storage, "copy_parallel", slow_copy)
    ends = start_ranks(run, job(data_url=""), 4)
    assert sorted(error.args[0] for error in ends.values()) == [0, 1, 2, 3] and ended == ["upload"]
    assert names(tmp_path / "s3/bucket/results") == ["outputs/RUN/result.txt"]


def test_the_scheduler_of_msrun_has_the_data_and_does_not_upload(tmp_path, storage, job, together):
    is_over = threading.Event()

    def run(rank, config):
        assert Path(config.data_dir).is_dir()
        if rank == "scheduler":
            # It ends after the ranks, which do not wait for it.
            assert is_over.wait(60)
            raise Boom("the cluster broke")
        return write_result(config)

    real = storage.copy_parallel

    def copy_parallel(src_url, dst_url):
        real(src_url, dst_url)
        if dst_url.startswith("s3://"):
            is_over.set()

    storage.copy_parallel = copy_parallel
    together(3)
    ends = start_ranks(run, job(), 2, scheduler=True)
    assert ends[0] == ends[1] == 7 and str(ends["scheduler"]) == "the cluster broke"
    assert [call[0] for call in storage.calls] == ["make_dirs", "copy_parallel", "copy_parallel"]


# Processes as ranks

# With the environment of a launcher.
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from model_utils.config import get_config
from model_utils.errors import run_cli
from model_utils.modelarts_job import modelarts_job
from tests.support import moxing_stand_in

what, argv, rank = sys.argv[1], sys.argv[2:], os.environ["RANK_ID"]
storage, folder = moxing_stand_in.install(os.environ["S3"]), Path.cwd()

def run(config):
    Path(config.ckpt_path).mkdir(parents=True, exist_ok=True)
    Path(config.ckpt_path, "rank_" + rank).write_text(config.data_dir)

def die(src_url, dst_url):
    Path(dst_url, "half").touch()
    (folder / "copying").touch()
    # The others wait for the lock, or will.
    while not all((folder / name).exists() for name in ("here_1", "here_2")):
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGKILL)

(folder / ("here_" + rank)).touch()
if what == "die while copying" and rank == "0":
    storage.copy_parallel = die
elif what == "die while copying":
    while not (folder / "copying").exists():
        time.sleep(0.02)
sys.exit(run_cli(lambda argv: modelarts_job(run, get_config(argv), limits=moxing_stand_in.FAST), argv))
"""


def run_processes(what, config, size, tmp_path):
    """Run a job as processes, one a rank; returns their exit codes and what they wrote to stderr."""
    argv = [f"--{name}={config[name]}" for name in config.to_dict() if config.is_set(name)]
    processes = []
    for rank in range(size):
        environment = {**os.environ, "S3": str(tmp_path / "s3"), "PYTHONPATH": str(ROOT), "RANK_ID": str(rank),
                       "RANK_SIZE": str(size), "DEVICE_ID": str(rank)}
        processes.append(subprocess.Popen([sys.executable, "-c", PROGRAM, what, *argv], env=environment, cwd=tmp_path,
                                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    try:
        errors = [process.communicate(timeout=120)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], errors


def test_processes_share_the_copy_also_where_one_is_killed_while_it_copies(tmp_path, storage, job):
    config = job()
    codes, errors = run_processes("die while copying", config, 3, tmp_path)
    assert (codes, errors) == ([-9, 0, 0], ["", "", ""])
    assert sorted(os.listdir(tmp_path / "cache/data")) == ["coco2017", "coco2017.zip"]
    assert names(tmp_path / "s3/bucket/results") == [], "rank 0 would have uploaded them"
    assert names(tmp_path / "cache/train/outputs") == ["rank_1", "rank_2"]
    assert (tmp_path / MARKERS / "copied.json").exists(), "for the next attempt to mistake"

    codes, errors = run_processes("work", config, 3, tmp_path)
    assert (codes, errors) == ([0, 0, 0], ["", "", ""])
    assert "outputs/rank_0" in names(tmp_path / "s3/bucket/results")
    assert (tmp_path / "cache/train/outputs/rank_2").read_text() == f"{tmp_path}/cache/data/coco2017"

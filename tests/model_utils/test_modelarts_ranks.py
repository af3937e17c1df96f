# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Jobs of several ranks of a machine, as threads and as processes: how they wait for rank 0, and who uploads."""
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
from model_utils.modelarts_job import BUSY, FAILED, LEADER, READY, Limits, Rendezvous, modelarts_job
from tests.support.moxing_stand_in import FAST, Boom, names, write_result

ROOT = Path(__file__).resolve().parents[2]


# The rendezvous

# Takes part under a name, reports a state of the leader or that it is informed, and waits to be killed.
MEMBER = """
import sys, time
from pathlib import Path
from model_utils.modelarts_job import LEADER, Limits, Rendezvous
folder, name, *report = sys.argv[1:]
machine = Rendezvous(Path(folder), name, [], Limits())
with machine.joined():
    machine.report(*report) if name == LEADER else Path(folder, name + ".informed").touch()
    print("joined", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def member(tmp_path):
    """Return a function that starts a process which takes part; those that still run at the end are killed."""
    started = []

    def start(name, *report):
        process = subprocess.Popen([sys.executable, "-c", MEMBER, str(tmp_path), name, *report], cwd=ROOT,
                                   stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "joined\n"
        return process

    yield start
    for process in started:
        end(process)
        process.stdout.close()


def end(process):
    process.kill()
    process.wait()


def rendezvous(folder, name, others=(), **limits):
    return Rendezvous(folder, name, list(others), Limits(**{"poll": 0.01, "tell": 60, "copy": 60, **limits}))


def test_the_ready_marker_of_a_dead_leader_does_not_count(tmp_path, member):
    end(member(LEADER, READY, "/data of an earlier job"))
    with pytest.raises(UserError, match="rank_1 waited 0.05 s for rank 0 of this machine, which did not start.*NODE_N"):
        rendezvous(tmp_path, "rank_1", copy=0.05).wait_for_leader()
    member(LEADER, READY, "/data")
    assert rendezvous(tmp_path, "rank_1").wait_for_leader() == "/data"


def test_a_leader_that_is_killed_is_noticed(tmp_path, member, monkeypatch):
    process = member(LEADER, BUSY, "copying s3://data")
    monkeypatch.setattr(module.time, "sleep", lambda seconds: end(process))
    with pytest.raises(UserError, match=f"process {process.pid}, ended while copying s3://data; see its log"):
        rendezvous(tmp_path, "rank_1").wait_for_leader()


def test_a_rank_that_waits_in_vain_reports_what_for(tmp_path, member):
    process = member(LEADER, BUSY, "copying s3://data")
    with pytest.raises(UserError, match=f"rank_2 waited 0.1 s .* process {process.pid}, which is still copying s3://da"):
        rendezvous(tmp_path, "rank_2", copy=0.1).wait_for_leader()


def test_the_reason_of_a_leader_that_failed_is_passed_on(tmp_path, member):
    member(LEADER, FAILED, "no such bucket")
    with pytest.raises(UserError, match="rank_1 stops, because rank 0 of this machine failed: no such bucket"):
        rendezvous(tmp_path, "rank_1").wait_for_leader()


def test_the_folder_of_another_job_that_runs_is_refused(tmp_path, member):
    process, rank = member(LEADER, READY, "/data"), member("rank_1")
    with pytest.raises(UserError, match="in use by another job on this machine: give each job folders of its own"), \
            rendezvous(tmp_path, LEADER).joined():
        pass
    assert rendezvous(tmp_path, "rank_2").wait_for_leader() == "/data", "the refused job left the marker alone"
    with pytest.raises(UserError, match="in use by another job"), rendezvous(tmp_path, "rank_1", tell=0).joined():
        pass
    end(process)
    end(rank)
    with rendezvous(tmp_path, LEADER).joined(), rendezvous(tmp_path, "rank_1").joined():
        pass


def test_a_leader_removes_the_markers_of_earlier_jobs(tmp_path):
    for name in ("rank_0.json", "rank_1.informed", "uploaded"):
        (tmp_path / name).write_text('{"state": "ready"}')
    with rendezvous(tmp_path, LEADER).joined():
        assert names(tmp_path) == ["rank_0.lock"]


def test_waiting_for_others_ends_when_each_is_informed_and_ended(tmp_path, member):
    leader, process = rendezvous(tmp_path, LEADER, ["rank_1", "rank_2"]), member("rank_1")
    assert leader.wait_for_others(0.05) == ["rank_2"]
    (tmp_path / "rank_2.informed").touch()
    assert leader.wait_for_others(0) == []
    assert leader.wait_for_others(0.05, until_ended=True) == ["rank_1"]
    end(process)
    assert leader.wait_for_others(0, until_ended=True) == []


def test_one_process_at_a_time_has_a_lock(tmp_path):
    with rendezvous(tmp_path, "rank_1").locked("upload", 0, ""), pytest.raises(UserError, match="^waited in vain$"), \
            rendezvous(tmp_path, "rank_2").locked("upload", 0.05, "waited in vain"):
        pass
    with rendezvous(tmp_path, "rank_2").locked("upload", 0, ""):
        pass


# Jobs, with threads as ranks

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
def test_rank_0_copies_for_all_and_uploads_when_all_are_done(late, tmp_path, storage, job):
    def run(rank, config):
        assert Path(config.data_dir, "annotations").is_dir()
        time.sleep(0.05 * rank)
        return write_result(config, f"rank_{rank}.txt")

    assert start_ranks(run, job(), 3, late) == {0: 7, 1: 7, 2: 7}
    assert names(tmp_path / "s3/bucket/results") == [f"outputs/RUN/rank_{rank}.txt" for rank in range(3)]
    assert [call[0] for call in storage.calls] == ["make_dirs", "copy_parallel", "copy_parallel"]


def test_rank_0_of_each_machine_copies(tmp_path, storage, job):
    configs = [job(output_path=tmp_path / f"cache{node}/train", data_path=tmp_path / f"cache{node}/data")
               for node in range(2)]
    join([threading.Thread(target=modelarts_job, args=(write_result, configs[rank // 2],
                                                       Launch(rank % 2, 4, rank, node_num=2), FAST))
          for rank in range(4)])
    for node in range(2):
        assert names(tmp_path / f"cache{node}/data") == ["coco2017.zip", "coco2017/annotations/instances.json"]
    assert names(tmp_path / "s3/bucket/results") == ["outputs/RUN/result.txt"]


@pytest.mark.parametrize("late", [(), (0,), (1, 2)])
def test_a_rank_0_that_fails_informs_the_others(late, storage, job):
    ends = start_ranks(lambda rank, config: pytest.fail("must not run"), job(data_url="s3://bucket/none"), 3, late)
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


def test_a_rank_stops_waiting_for_a_copy_that_hangs(storage, job, monkeypatch):
    copying, is_over, ends = threading.Event(), threading.Event(), []

    def hang(*_):
        copying.set()
        assert is_over.wait(60)

    def follow():
        assert copying.wait(60)
        try:
            modelarts_job(pytest.fail, config, Launch(1, 2, 1), Limits(copy=0.1, poll=0.01))
        except UserError as error:
            ends.append(str(error))
        is_over.set()

    monkeypatch.setattr(storage, "copy_parallel", hang)
    config = job(need_modelarts_dataset_unzip=False)
    # Rank 0 copies nothing at all in the end, which is an error of its own.
    leader = threading.Thread(target=lambda: ends.append(pytest.raises(
        UserError, modelarts_job, pytest.fail, config, Launch(0, 2, 0), Limits(tell=0, poll=0.01))))
    join([leader, threading.Thread(target=follow)])
    assert "rank_1 waited 0.1 s for rank 0 of this machine, process" in ends[0]
    assert "still copying data_url s3://bucket/data/ to" in ends[0]


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


# Jobs, with processes as ranks

# With the environment of a launcher.
PROGRAM = """
import os, signal, sys, time
from pathlib import Path
from model_utils import modelarts_job as module
from model_utils.config import get_config
from model_utils.errors import run_cli
from tests.support import moxing_stand_in

what, argv = sys.argv[1], sys.argv[2:]
storage, read = moxing_stand_in.install(os.environ["S3"]), module.read_json
seen = [Path(os.environ["SEEN"], rank) for rank in "012"]

def run(config):
    Path(config.ckpt_path).mkdir(parents=True, exist_ok=True)
    Path(config.ckpt_path, "rank_" + os.environ["RANK_ID"]).write_text(config.data_dir)

def read_and_note(path):
    content = read(path)
    seen[int(os.environ["RANK_ID"])].touch()
    return content

def die(src_url, dst_url):
    # The others have seen that this rank copies.
    while not all(path.exists() for path in seen[1:]):
        time.sleep(0.05)
    os.kill(os.getpid(), signal.SIGKILL)

module.read_json = read_and_note
if what == "die while copying":
    storage.copy_parallel = die
sys.exit(run_cli(lambda argv: module.modelarts_job(run, get_config(argv), limits=moxing_stand_in.FAST), argv))
"""


def run_processes(what, config, size, tmp_path):
    """Run a job as processes, one a rank; returns their exit codes and what they wrote to stderr."""
    argv = [f"--{name}={config[name]}" for name in config.to_dict() if config.is_set(name)]
    processes = []
    for rank in range(size):
        environment = {**os.environ, "S3": str(tmp_path / "s3"), "PYTHONPATH": str(ROOT), "RANK_ID": str(rank),
                       "RANK_SIZE": str(size), "DEVICE_ID": str(rank),
                       "SEEN": str(tmp_path)}
        processes.append(subprocess.Popen([sys.executable, "-c", PROGRAM, what, *argv], env=environment, cwd=tmp_path,
                                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True))
    try:
        errors = [process.communicate(timeout=120)[1] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], errors


def test_processes_share_the_copy_also_after_an_attempt_whose_rank_0_was_killed(tmp_path, storage, job):
    config = job()
    codes, errors = run_processes("die while copying", config, 3, tmp_path)
    assert codes == [-9, 1, 1], errors
    assert all("ended while copying data_url s3://bucket/data/" in text for text in errors[1:])
    marker = json.loads((tmp_path / "cache/train/.modelarts/node_0/rank_0.json").read_text())
    assert marker["state"] == "busy", "the killed rank's marker is still there, for the next attempt to mistake"

    codes, errors = run_processes("work", config, 3, tmp_path)
    assert (codes, errors) == ([0, 0, 0], ["", "", ""])
    assert names(tmp_path / "s3/bucket/results") == ["outputs/rank_0", "outputs/rank_1", "outputs/rank_2"]
    assert (tmp_path / "s3/bucket/results/outputs/rank_2").read_text() == f"{tmp_path}/cache/data/coco2017"
    assert sorted(os.listdir(tmp_path / "cache/data")) == ["coco2017", "coco2017.zip"]

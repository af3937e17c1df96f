# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/rank_board.py: whose notes count, and how long one waits."""
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from model_utils.errors import UserError
from model_utils.rank_board import (
    BUSY,
    FAILED,
    LEADER,
    LEFT,
    READY,
    RUNNING,
    WAITING,
    Note,
    RankBoard,
    is_alive,
    process_id,
    process_name,
)

ROOT = Path(__file__).resolve().parents[2]
# A process that tells a state, says so on its standard output, and then waits to be killed.
TELLER = """
import sys, time
from model_utils.rank_board import RankBoard
RankBoard(sys.argv[1], sys.argv[2]).tell(sys.argv[3], sys.argv[4])
print("told", flush=True)
time.sleep(60)
"""


@pytest.fixture
def teller(tmp_path):
    """Return a function that starts a process which leaves a note; what still runs at the end is killed."""
    started = []

    def start(name, state, text=""):
        process = subprocess.Popen([sys.executable, "-c", TELLER, str(tmp_path), name, state, text], cwd=ROOT,
                                   stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout.readline() == "told\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def board(folder, name):
    return RankBoard(folder, name, poll_s=0.01)


def test_a_process_has_a_name_while_it_runs(teller):
    assert process_id(process_name()) == os.getpid() and is_alive(process_name())
    process = teller(LEADER, BUSY)
    name = process_name(process.pid)
    assert is_alive(name) and process_id(name) == process.pid
    os.kill(process.pid, signal.SIGKILL)
    # Before its parent noticed, it still has its place in /proc.
    deadline = time.monotonic() + 5
    while is_alive(name) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_alive(name)
    process.wait()
    assert not is_alive(name) and process_name(process.pid) == ""
    assert not is_alive(name.rpartition("-")[0].replace(str(process.pid), str(os.getpid())) + "-1")


def test_the_ready_note_of_a_dead_process_does_not_count(tmp_path, teller):
    process = teller(LEADER, READY, "/data of an earlier job")
    process.kill()
    process.wait()
    with pytest.raises(UserError, match="rank_1 waited 0.05 s for rank 0 of this machine, which gave no sign.*NODE_N"):
        board(tmp_path, "rank_1").wait_for_leader(limit_s=0.05)
    leader = board(tmp_path, LEADER)
    leader.lead("copying")
    threading.Timer(0.1, leader.tell, (READY, "/data")).start()
    assert board(tmp_path, "rank_1").wait_for_leader(limit_s=10) == "/data"


def test_the_end_of_a_leader_that_is_killed_is_noticed_at_once(tmp_path, teller):
    process = teller(LEADER, BUSY, "copying s3://data")
    threading.Timer(0.2, process.kill).start()
    started = time.monotonic()
    with pytest.raises(UserError, match=f"process {process.pid}, ended before it was done with copying s3://data"):
        board(tmp_path, "rank_1").wait_for_leader(limit_s=30)
    assert 0.1 < time.monotonic() - started < 10


def test_one_that_waits_in_vain_says_what_for(tmp_path, teller):
    process = teller(LEADER, BUSY, "copying s3://data")
    with pytest.raises(UserError, match=f"rank_2 waited 0.1 s .* process {process.pid}, which is still at it: copying "
                                        "s3://data"):
        board(tmp_path, "rank_2").wait_for_leader(limit_s=0.1)


def test_a_leader_that_failed_is_heard(tmp_path):
    board(tmp_path, LEADER).tell(FAILED, "no such bucket")
    with pytest.raises(UserError, match="rank_1 stops, because rank 0 of this machine failed: no such bucket"):
        board(tmp_path, "rank_1").wait_for_leader(limit_s=10)


def test_a_leader_refuses_the_board_of_another_job_that_runs(tmp_path, teller):
    process = teller(LEADER, READY)
    with pytest.raises(UserError, match=f"in use by another job, process {process.pid}"):
        board(tmp_path, LEADER).lead("copying")
    process.kill()
    process.wait()
    board(tmp_path, LEADER).lead("copying")
    assert board(tmp_path, "rank_1").read(LEADER) == Note(process_name(), BUSY, "copying")


def test_a_leader_clears_what_earlier_jobs_left_and_nothing_else(tmp_path, teller):
    dead, alive = teller("rank_1", RUNNING), teller("rank_2", WAITING)
    dead.kill()
    dead.wait()
    board(tmp_path, "rank_3").tell(LEFT)
    board(tmp_path, "rank_3").set_done()
    leader = board(tmp_path, LEADER)
    leader.lead("copying")
    assert [leader.read(f"rank_{rank}") for rank in (1, 3)] == [None, None] and not leader.is_done()
    assert leader.read("rank_2") == Note(process_name(alive.pid), WAITING)


def test_waiting_for_others_ends_when_each_is_there_or_dead(tmp_path, teller):
    leader, process = board(tmp_path, LEADER), teller("rank_1", RUNNING)
    board(tmp_path, "rank_2").leave()
    assert leader.wait_for_others(["rank_1", "rank_2"], [RUNNING, LEFT], limit_s=0) == []
    assert leader.wait_for_others(["rank_1", "rank_2", "rank_3"], [LEFT], limit_s=0.05) == ["rank_1", "rank_3"]
    process.kill()
    process.wait()
    assert leader.wait_for_others(["rank_1"], [LEFT], limit_s=0) == []


def test_one_at_a_time_has_the_lock(tmp_path):
    with board(tmp_path, "rank_1").alone(limit_s=0), \
            pytest.raises(UserError, match="rank_2 waited 0.05 s for another rank"), \
            board(tmp_path, "rank_2").alone(limit_s=0.05):
        pass
    with board(tmp_path, "rank_2").alone(limit_s=0):
        pass

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Jobs of many processes: how they end, which rank they name, and that nothing is left running."""
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from scripts.launch import one_rank, watch
from tests.support.ranks.job_place import JobPlace, on_one_core, one_core, rank_table, wait_until
from tests.support.ranks.many_ranks import ROOT


@pytest.fixture
def place(tmp_path):
    place = JobPlace(tmp_path)
    yield place
    place.end_all()


@pytest.fixture
def place_with_msrun(tmp_path):
    place = JobPlace(tmp_path, has_msrun=True)
    yield place
    place.end_all()


def check_success(place):
    result = place.train("2", "1", "--lr", "0.1", "--text", "two words")
    assert result.returncode == 0, result.stdout + result.stderr
    options = ["--is_distributed", "1", "--device_target", "CPU", "--data_dir", str(place.data), "--lr", "0.1",
               "--text", "two words"]
    cores = sorted(os.sched_getaffinity(0))
    for rank in range(2):
        core = cores[rank] if len(cores) > 1 else cores[0]
        assert place.log(rank) == (f"rank {rank} of 2 device {rank} cores {core} threads 1 table none\n"
                                   f"in train_parallel{rank} {options}\n")
    assert result.stdout == place.log(0) + "all 2 ranks of this node ended without an error\n"
    job = place.caller / "train_parallel_node0"
    assert {path.name: path.read_text() for path in job.glob("*.exit")} == {
        "rank_0.exit": "0\n", "rank_1.exit": "0\n", "scheduler.exit": "0\n"}
    assert not place.processes()


def check_failure(place):
    result = place.train(behave={"0": "sleep", "1": "fail 7"})
    assert result.returncode == 7, result.stdout + result.stderr
    assert result.stderr.splitlines()[-1] == ("error: rank 1 ended with exit code 7, so all others were ended; its "
                                              f"output is in {place.caller}/train_parallel1/log.txt")
    assert "something is wrong" in result.stderr and "something" not in result.stdout
    assert place.log(0).endswith("asleep\n")
    assert not place.processes()


def test_all_ranks_end_well(place):
    check_success(place)


def test_a_rank_that_fails_is_named_and_the_others_are_ended(place):
    check_failure(place)


@pytest.mark.slow
def test_msrun_itself_all_ranks_end_well(place_with_msrun):
    check_success(place_with_msrun)


@pytest.mark.slow
def test_msrun_itself_a_rank_that_fails_is_named(place_with_msrun):
    check_failure(place_with_msrun)


def test_the_first_rank_that_fails_is_shown_once(place):
    result = place.train(behave={"0": "fail 3", "1": "sleep"})
    assert result.returncode == 3 and "rank 0 ended with exit code 3" in result.stderr
    assert result.stdout.count("something is wrong") == 1 and "something" not in result.stderr


def test_the_rank_that_fails_first_counts(place):
    result = place.train(behave={"0": "late 3", "1": "fail 5"})
    assert result.returncode == 5 and "rank 1 ended with exit code 5" in result.stderr


def test_a_rank_that_is_killed(place):
    result = place.train(behave={"0": "sleep", "1": "kill 9"})
    assert result.returncode == 137
    assert "rank 1 was killed by SIGKILL (exit code 137), so all others were ended" in result.stderr
    assert not place.processes()


def test_a_scheduler_that_fails_ends_the_ranks(place):
    result = place.train(behave={"0": "sleep", "1": "sleep", "scheduler": "fail 4"})
    assert result.returncode == 4
    assert "the scheduler ended with exit code 4" in result.stderr and "something is wrong" in result.stderr
    assert not place.processes()


def test_msrun_that_fails(place):
    result = place.train(MSRUN_FAILS="1")
    assert result.returncode == 1 and "msrun has no luck" in result.stderr
    assert "msrun ended with exit code 1 before the ranks 0, 1 left an exit code" in result.stderr


def test_orphans_of_a_rank_are_ended(place):
    result = place.train(behave={"0": "sleep", "1": "orphan 2"})
    assert result.returncode == 2, result.stderr
    assert not place.processes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_launcher_ends_all(place, number):
    launcher = place.start(behave={"0": "sleep", "1": "sleep"})
    wait_until(lambda: "asleep" in place.log(0) and "asleep" in place.log(1))
    launcher.send_signal(number)
    output, errors = launcher.communicate(timeout=60)
    assert launcher.returncode == 128 + number, errors
    assert errors == f"stopped by {number.name}: all ranks of this node are ended\n"
    assert output == place.log(0)
    assert not place.processes()


def test_nothing_outlives_a_launcher_that_is_killed(place):
    launcher = place.start(behave={"0": "sleep", "1": "sleep", "scheduler": "sleep"})
    wait_until(lambda: "asleep" in place.log(0) and "asleep" in place.log(1))
    assert len(place.processes()) == 8
    launcher.kill()
    launcher.communicate(timeout=60)
    wait_until(lambda: not place.processes())


def test_in_the_background(place):
    result = place.train(behave={"0": "sleep", "1": "sleep"}, wait="0")
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith("started train.py in 2 processes in the background\n")
    assert "tail -F" in result.stdout and "train_parallel0/log.txt" in result.stdout
    wait_until(lambda: "asleep" in place.log(0) and "asleep" in place.log(1))
    logs = place.log(0), place.log(1)
    other = place.train(MASTER_PORT=str(place.port + 1))
    assert other.returncode == 1 and "train_parallel_node0: a job that still runs writes there" in other.stderr
    assert (place.log(0), place.log(1)) == logs
    os.kill(int(re.search(r"end all with: kill (\d+)", result.stdout).group(1)), signal.SIGTERM)
    wait_until(lambda: not place.processes())
    assert "stopped by SIGTERM" in (place.caller / "train_parallel_node0" / "log.txt").read_text()


def test_earlier_logs_are_kept(place):
    assert place.train(behave={"0": "fail 1"}).returncode == 1
    first = place.log(0)
    assert place.train().returncode == 0
    assert (place.caller / "train_parallel0" / "log.txt.1").read_text() == first != place.log(0)
    assert (place.caller / "train_parallel1" / "log.txt.1").exists()
    assert (place.caller / "train_parallel_node0" / "log.txt.1").exists()


def test_a_rank_table_gives_the_devices(place):
    table = rank_table(place.caller / "my table.json", [("10.0.0.1", 2)], first_device=6)
    result = place.train(table.name)
    assert result.returncode == 0, result.stderr
    assert [re.search(r"device (\d+) .* table (.*)", place.log(rank)).groups() for rank in range(2)] == [
        ("6", "my table.json"), ("7", "my table.json")]


def test_two_nodes_on_one_machine(place):
    callers = [place.folder / "first node", place.folder / "second node"]
    launchers = []
    for node, caller in enumerate(callers):
        caller.mkdir()
        launchers.append(place.start("2", "1", cwd=caller, NODE_NUM="2", NODE_RANK=str(node), MASTER_ADDR="localhost"))
    for launcher in launchers:
        _, errors = launcher.communicate(timeout=60)
        assert launcher.returncode == 0, errors
    for rank in range(4):
        assert place.log(rank, callers[rank // 2]).startswith(f"rank {rank} of 4 device {rank % 2} ")
    # One scheduler for both.
    assert [path.parent.name for path in place.folder.rglob("scheduler.exit")] == ["train_parallel_node0"]


def test_fewer_cores_than_ranks_and_threads_of_the_user(place):
    with on_one_core():
        result = place.train("3", "4", OMP_NUM_THREADS="5")
    assert result.returncode == 0, result.stderr
    assert result.stderr.count("CPUS_PER_RANK=4: 3 ranks would need 12 cores, and 1 can be used here") == 1
    assert all(f"cores {one_core()} threads 5 " in place.log(rank) for rank in range(3))


def job_of(folder, count=1):
    return SimpleNamespace(folder=folder, ranks={"rank_0": {}}, nodes=SimpleNamespace(count=count), log=Path("log"))


class Endless:
    """An msrun that does not end, and how often it was asked."""

    returncode, asked = None, 0

    def poll(self):
        self.asked += 1
        if self.asked > 20:
            raise TimeoutError


def test_a_scheduler_that_does_not_end_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "PATIENCE", 0.1)
    monkeypatch.setattr(watch, "INTERVAL", 0.02)
    (tmp_path / "rank_0.exit").write_text("0\n")
    watch.watch(job_of(tmp_path), Endless(), None)
    # It may serve other nodes.
    with pytest.raises(TimeoutError):
        watch.watch(job_of(tmp_path, count=2), Endless(), None)


def test_the_order_of_ends_is_that_of_time(tmp_path):
    for place, (name, code) in enumerate({"rank_3": 0, "rank_0": -9, "scheduler": 1}.items()):
        (tmp_path / f"{name}.exit").write_text(f"{code}\n")
        os.utime(tmp_path / f"{name}.exit", ns=(place, place))
    assert json.dumps(watch.read_codes(tmp_path)) == '{"rank_3": 0, "rank_0": -9, "scheduler": 1}'


LEAVE = "import os, sys\nfrom model_utils.errors import UserError, run_cli\n{}\nrun_cli(main)\nos.kill(os.getpid(), 11)"


@pytest.mark.parametrize(("main", "code"), [
    ("def main(argv): print('done', flush=True)", 0),
    ("def main(argv): return 3", 3),
    # An error ends a rank before anything can crash it.
    ("def main(argv): raise UserError('late')", 1),
    ("def main(argv): os.kill(os.getpid(), 11)", -11),
    # Killed while it wrote the code.
    ("def main(argv): open(os.environ['YOLOV3_TINY_EXIT_CODE_FILE'], 'w').close(); os.kill(os.getpid(), 11)", -11),
])
def test_the_code_of_a_rank_is_what_its_program_meant_not_what_its_way_out_made_of_it(tmp_path, main, code):
    planned = {"folder": str(tmp_path), "log": str(tmp_path / "log.txt"), "cores": [one_core()],
               "environment": {"MS_ROLE": "MS_WORKER", "PYTHONPATH": str(ROOT)},
               "command": [sys.executable, "-c", LEAVE.format(main)]}
    code_file = tmp_path / "rank_0.code"
    code_file.write_text("0")
    assert one_rank.run_process(planned, code_file) == code
    log = (tmp_path / "log.txt").read_text()
    assert log.endswith(f"the exit code is {code}: after the work, on the way out, it became -11\n") == (code == 0)


@pytest.mark.parametrize("planned, status, code, message", [
    ({"command": ["sh", "-c", "echo $WORD; exit 3"]}, 3, "3", ""),
    ({"command": ["sh", "-c", "echo $WORD; kill -TERM $$"]}, 143, "-15", ""),
    ({"command": ["no-such-program"]}, 1, "1", "error: rank_5: [Errno 2] No such file or directory"),
    ({"command": ["sh"], "log": "/no/such/folder/log.txt"}, 1, "1", "error: rank_5: [Errno 2]"),
])
def test_one_rank_leaves_its_code(tmp_path, planned, status, code, message):
    whole = {"folder": str(tmp_path), "log": str(tmp_path / "log.txt"), "cores": [one_core()],
             "environment": {"WORD": "two words"}, **planned}
    (tmp_path / "plan.json").write_text(json.dumps({"rank_5": whole}))
    command = [sys.executable, watch.__file__.replace("watch", "one_rank"), tmp_path / "plan.json"]
    # A plan without a scheduler is that of another node than the first.
    for role, expected in (("MS_WORKER", status), ("MS_SCHED", 0)):
        result = subprocess.run(command, env={**os.environ, "MS_ROLE": role, "RANK_ID": "5"}, text=True,
                                capture_output=True, timeout=60, check=False)
        assert result.returncode == expected
        assert result.stderr.startswith(message) if role == "MS_WORKER" and message else result.stderr == ""
    assert (tmp_path / "rank_5.exit").read_text() == code + "\n"
    assert sorted(path.name for path in tmp_path.glob("*.exit*")) == ["rank_5.exit"]
    if not message:
        assert (tmp_path / "log.txt").read_text() == "two words\n"

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The queue of experiments, with stand-ins for the programs; once, stopped in the middle, with the real ones."""
import csv
import json
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
import yaml

from tests.support.helpers import write_coco
from tests.support.queue_place import Queue, empty_data, lives, wait_until
from tools import experiment_files, run_experiments


@pytest.fixture
def queue(tmp_path):
    queue = Queue(tmp_path)
    queue.write({"name": "first", "options": {"seed": 1}}, {"name": "second", "options": {"seed": 2}}, max_epoch=6,
                multi_scale="[192, 224]")
    yield queue
    (queue.repo / "hold-train").unlink(missing_ok=True)


def test_a_row_for_each_run(queue):
    code, out = queue.run()
    assert (code, out.splitlines()[-1]) == (0, "2 runs done, 0 were done before, 0 failed")
    assert "second: AP 0.2500, AP50 0.5000, 1.6 minutes" in out
    rows = queue.rows()
    assert [row["name"] for row in rows] == ["first", "second"]
    assert rows[1] == {
        "name": "second", "AP": "0.2500", "AP50": "0.5000", "AP50_per_class": '{"cup": 0.123, "key": null}',
        "minutes": "1.6", "cores": str(len(os.sched_getaffinity(0))), "date": rows[0]["date"], "commit": "unknown",
        "options": '{"max_epoch": 6, "multi_scale": "[192, 224]", "seed": 2}'}
    train, evaluation = queue.log("second")
    assert "train --max_epoch=6 --multi_scale=[192, 224] --seed=2 --ckpt_path=" in train
    assert train.endswith(f"--data_dir={queue.data} --device_target=CPU cores {sorted(os.sched_getaffinity(0))}")
    assert f"--pretrained={queue.work}/second/run-0/ckpt_0/last.ckpt" in evaluation
    before = queue.csv.read_text()
    assert queue.run() == (0, "0 runs done, 2 were done before, 0 failed\n")
    assert queue.csv.read_text() == before and not list(queue.csv.parent.glob(".*"))


def test_every_failure_is_named_and_the_others_go_on(queue):
    queue.write({"name": "unlucky", "options": {"seed": 13}}, {"name": "odd"}, {"name": "sound"})
    code, out = queue.run()
    assert code == 1
    assert f"unlucky: failed: train.py ended with exit code 1, see {queue.work}/unlucky/log.txt" in out
    assert "odd: failed: Traceback" in out and "KeyError: 'AP50'" in out
    assert out.splitlines()[-1] == "1 runs done, 0 were done before, 2 failed unlucky odd"
    assert [row["name"] for row in queue.rows()] == ["sound"]
    # Options that never came as far as a checkpoint may be mended.
    queue.write({"name": "unlucky", "options": {"seed": 14}}, {"name": "sound"})
    assert queue.run()[0] == 0
    assert [row["name"] for row in queue.rows()] == ["sound", "unlucky"]


def test_a_row_that_cannot_be_written_is_a_failure(queue):
    queue.write({"name": "first"})
    process, _ = queue.start_and_wait_for_training("first")
    queue.csv.mkdir()
    queue.release()
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 1 and "first: failed: [Errno 21] Is a directory" in out


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_queue_leaves_no_program_and_goes_on(queue, number):
    process, program = queue.start_and_wait_for_training("first")
    assert lives(program)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and out.endswith("stopped; start again to go on\n") and "failed" not in out
    assert not lives(program)
    assert not queue.csv.exists() and not (queue.work / "second").exists()
    queue.release()
    assert queue.run()[0] == 0
    assert f"train --resume={queue.work}/first/run-0/ckpt_0/last.ckpt --ckpt_path" in queue.log("first")[1]
    assert [row["name"] for row in queue.rows()] == ["first", "second"]


def test_nothing_starts_after_a_stop(tmp_path):
    runner = run_experiments.Runner(tmp_path / "results.csv")
    run = experiment_files.Run("one", [], {}, {}, tmp_path, tmp_path)
    runner.stop()
    with (tmp_path / "lock").open("a+") as held, pytest.raises(run_experiments.UserError, match="stopped"):
        runner.call(run, {"commits": []}, held, "-c", "print('it runs')")
    assert (tmp_path / "log.txt").read_text() == "" and not runner.processes


def test_a_program_that_will_not_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(run_experiments, "PATIENCE", 0.2)
    runner, errors = run_experiments.Runner(tmp_path / "results.csv"), []
    run = experiment_files.Run("one", [], {}, {}, tmp_path, tmp_path)
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"

    def call():
        with (tmp_path / "lock").open("a+") as held:
            try:
                runner.call(run, {"commits": []}, held, "-c", stubborn)
            except run_experiments.UserError as error:
                errors.append(str(error))

    thread = threading.Thread(target=call)
    thread.start()
    wait_until(lambda: (tmp_path / "log.txt").exists() and "deaf" in (tmp_path / "log.txt").read_text())
    runner.stop()
    thread.join(10)
    assert not thread.is_alive() and "ended with exit code -9" in errors[0]


def test_a_folder_in_which_a_program_of_a_killed_queue_works_is_refused(queue):
    process, program = queue.start_and_wait_for_training("first")
    process.kill()
    process.communicate(timeout=60)
    assert lives(program)
    queue.write({"name": "first", "options": {"seed": 1}}, max_epoch=6, multi_scale="[192, 224]")
    code, out = queue.run()
    assert code == 1
    assert f"first: failed: process {program}, of a queue that runs or was killed, still works in {queue.work}" in out
    assert len(queue.log("first")) == 1
    queue.release()
    wait_until(lambda: not lives(program))
    assert queue.run()[0] == 0


def test_a_run_goes_on_only_with_what_it_began_with(queue, tmp_path):
    overlay = queue.repo / "overlay.yaml"
    overlay.write_text("momentum: 0.8\n")
    begun = {"name": "first", "config": "overlay.yaml", "options": {"seed": 1}}
    queue.write(begun, lr=0.01)
    process, _ = queue.start_and_wait_for_training("first")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    queue.release()

    def refused(*texts, **common):
        code, out = queue.run()
        assert code == 1 and all(text in out for text in texts), out
        assert f"remove {queue.work}/first to train anew" in out

    queue.write({**begun, "options": {"seed": 2}}, lr=0.02)
    refused("first: failed: lr was 0.01, is 0.02 now; seed was 1, is 2 now: a run goes on with what it began with")
    queue.write(begun)
    refused("lr was 0.01, is not set now")
    queue.write({**begun, "data_dir": str(empty_data(tmp_path / "other"))}, lr=0.01)
    refused(f"data_dir was {queue.data}, is {tmp_path}/other now")
    queue.write(begun, lr=0.01)
    overlay.write_text("momentum: 0.7\n")
    refused("momentum was 0.8, is 0.7 now")
    overlay.write_text("momentum: 0.8 # the same\n")
    record = queue.work / "first" / "run.json"
    kept = record.read_text()
    record.unlink()
    refused("run.json: does not tell how the run began")
    record.write_text("[]")
    refused("run.json: does not tell how the run began")
    record.write_text(kept)
    assert len(queue.log("first")) == 1
    assert queue.run()[0] == 0
    assert queue.rows()[0]["options"] == '{"config_path": "overlay.yaml", "lr": 0.01, "seed": 1}'


def test_a_commit_during_a_run_shows(queue):
    def git(*arguments):
        who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
        return subprocess.run(["git", *who, *arguments], cwd=queue.repo, check=True, capture_output=True,
                              text=True).stdout.strip()

    git("init")
    (queue.repo / ".gitignore").write_text("__pycache__\nhold-train\n")
    git("add", ".")
    git("commit", "-m", "one")
    first = git("rev-parse", "--short", "HEAD")
    process, _ = queue.start_and_wait_for_training("first")
    git("commit", "-m", "two", "--allow-empty")
    second = git("rev-parse", "--short", "HEAD")
    queue.release()
    process.communicate(timeout=60)
    assert [row["commit"] for row in queue.rows()] == [f"{first}..{second}", second] and first != second


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_jobs_share_the_cores(queue):
    (queue.repo / "hold-train").touch()
    process = queue.start("--jobs=2")
    wait_until(lambda: len(list(queue.work.glob("*/run-0/ckpt_0/last.ckpt"))) == 2)
    queue.release()
    process.communicate(timeout=60)
    assert process.returncode == 0
    shares = [json.loads(queue.log(name)[0].rpartition("cores ")[2]) for name in ("first", "second")]
    assert sorted(shares[0] + shares[1]) == sorted(os.sched_getaffinity(0)) and all(shares)
    assert f"--num_parallel_workers={len(shares[0])} " in queue.log("first")[0]


@pytest.mark.parametrize("jobs", [-1, 0, len(os.sched_getaffinity(0)) + 1])
def test_jobs_are_as_many_as_there_are_cores_at_most(queue, jobs):
    code, out = queue.run(f"--jobs={jobs}")
    assert code == 2 and out.startswith(f"error: --jobs is {jobs}: expected 1 to {len(os.sched_getaffinity(0))}, ")
    assert not queue.work.exists()


def test_relative_data_folders(queue, tmp_path):
    empty_data(queue.repo / "of the repository")
    queue.write({"name": "first"}, {"name": "second", "data_dir": "of the repository"})
    code, _ = queue.run("--data_dir=data", cwd=tmp_path)
    assert code == 0
    assert f"--data_dir={tmp_path}/data " in queue.log("first")[0] + " "
    assert f"--data_dir={queue.repo}/of the repository " in queue.log("second")[0] + " "


def test_missing_data_is_found_before_anything_starts(queue):
    queue.write({"name": "first"}, {"name": "second", "data_dir": "nowhere"})
    code, out = queue.run()
    assert code == 1 and out.startswith(f"error: {queue.repo}/nowhere: the data folder does not exist")
    (queue.data / "val2017").rmdir()
    code, out = queue.run()
    assert code == 1 and "val2017: the image folder does not exist" in out
    assert not queue.work.exists()


def test_a_mistake_in_the_queue_file_has_exit_code_2(queue):
    queue.write({"name": "first", "optoins": {}})
    code, out = queue.run()
    assert code == 2 and out.startswith(f"error: {queue.path}: run 1: unknown key 'optoins'")
    queue.path.unlink()
    assert queue.run() == (2, f"error: {queue.path}: no such configuration file; check the path\n")


def test_a_csv_of_other_columns_stops_it_before_anything_starts(queue):
    queue.csv.write_text("name,AP\n")
    code, out = queue.run()
    assert code == 1 and out.startswith(f"error: {queue.csv}: expected rows of the 9 columns")
    assert queue.csv.read_text() == "name,AP\n" and not queue.work.exists()


@pytest.mark.slow
def test_a_real_queue_that_was_stopped_goes_on(tmp_path):
    rng = np.random.default_rng(1)
    for split in ("train", "val"):
        images = [{"size": (64, 64), "boxes": [(*rng.uniform(0, 30, 2), *rng.uniform(14, 30, 2), 1)]} for _ in range(8)]
        write_coco(tmp_path / "data", images, split)
    (tmp_path / "queue.yaml").write_text(yaml.safe_dump({
        "csv": "results.csv",
        "common": {"training_shape": 64, "per_batch_size": 2, "max_epoch": 6, "warmup_epochs": 1, "max_box": 5},
        "runs": [{"name": "first", "options": {"seed": 1}}]}))
    command = [sys.executable, "-m", "tools.run_experiments", str(tmp_path / "queue.yaml"),
               f"--data_dir={tmp_path / 'data'}", f"--work={tmp_path / 'work'}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    wait_until(lambda: list(tmp_path.glob("work/first/*/ckpt_0/last.ckpt")), 300)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "stopped; start again" in out
    assert not (tmp_path / "results.csv").exists()
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "continues at step" in (tmp_path / "work" / "first" / "log.txt").read_text()
    with (tmp_path / "results.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert 0 <= float(row["AP"]) <= float(row["AP50"]) <= 1 and float(row["minutes"]) >= 0
    assert set(json.loads(row["AP50_per_class"])) == {"cup", "ball", "key"}
    assert json.loads(row["AP50_per_class"])["key"] is None

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Series of experiments with stand-ins for the programs; once with the real ones."""
import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from model_utils.config import get_config
from model_utils.errors import UsageError, UserError, run_cli
from tests.support.experiment_place import ExperimentPlace, empty_data, lives, wait_until
from tests.support.helpers import write_coco
from tools import run_experiments
from tools.run_experiments import COLUMNS, add_row, names_done, read_experiments, trained_minutes

ROOT = Path(__file__).resolve().parents[2]


# The file of experiments and the csv

@pytest.mark.parametrize("text, expected", [
    ("", "the file lacks csv"),
    ("csv: [", "line 1: not valid YAML"),
    ("- 1", "expected 'key: value' lines, found list"),
    ("csv: a.csv", "the file lacks runs"),
    ("{csv: a.csv, runs: {}}", "runs is {}; expected a list"),
    ("{csv: 1, runs: [{name: a}]}", "csv is 1; expected text"),
    ("{csv: no/a.csv, runs: [{name: a}]}", "expected a file in a folder that exists"),
    ("{csv: a.csv, runs: [{name: a}], comon: {}}", "the file has 'comon', which nothing reads"),
    ("{csv: a.csv, runs: [{name: a}], common: 1}", "common is 1; expected an object"),
    ("{csv: a.csv, runs: [a]}", "runs[0] is 'a'; expected an object"),
    ("{csv: a.csv, runs: [{name: a}, {optoins: {}, name: b}]}", "runs[1] has 'optoins', which nothing reads"),
    ("{csv: a.csv, runs: [{options: {}}]}", "runs[0] lacks name"),
    ("{csv: a.csv, runs: [{name: 1}]}", "runs[0].name is 1; expected text"),
    ("{csv: a.csv, runs: [{name: ''}]}", "a run's name is '', expected that of a folder"),
    ("{csv: a.csv, runs: [{name: ../a}]}", "a run's name is '../a', expected that of a folder"),
    ("{csv: a.csv, runs: [{name: ..}]}", "a run's name is '..', expected that of a folder"),
    ('{csv: a.csv, runs: [{name: "a\\0"}]}', r"a run's name is 'a\x00', expected that of a folder"),
    ('{csv: a.csv, runs: [{name: "\\ud800"}]}', r"a run's name is '\ud800', expected that of a folder"),
    (f"{{csv: {256 * 'x'}, runs: [{{name: a}}]}}", "xxx', expected a file in a folder that exists"),
    ("{csv: a.csv, runs: [{name: a}, {name: b}, {name: a}]}", "name is 'a', expected that of a folder, which no other"),
    ("{csv: a.csv, runs: [{name: a, options: {sed: 1}}]}", "run a: unknown option --sed; did you mean --seed?"),
    ("{csv: a.csv, runs: [{name: a, options: {lr: fast}}]}", "run a: lr is 'fast' (command line): expected a"),
    ("{csv: a.csv, runs: [{name: a}], common: {lr: -1}}", "run a: lr is -1.0 (command line): expected more than 0"),
    ("{csv: a.csv, runs: [{name: a, config: no.yaml}]}", "no.yaml: no such configuration file")])
def test_mistakes_in_the_file(tmp_path, text, expected):
    path = tmp_path / "experiments.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_experiments(path, tmp_path, tmp_path / "work")
    assert str(caught.value).startswith(str(path)) and expected in str(caught.value)


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "experiments").glob("*.yaml")), ids=lambda path: path.name)
def test_the_files_of_this_repository_can_be_read(path, tmp_path):
    csv_path, runs = read_experiments(path, tmp_path, tmp_path)
    assert csv_path == path.with_suffix(".csv")
    assert all(run.options["training_shape"] and run.options["seed"] for run in runs)
    assert names_done(csv_path) == {run.name for run in runs}


@pytest.mark.parametrize("epochs, expected", [
    ("012", "2.5"), ("", ""), ("12", ""), ("013", ""), ("0112", "")])
def test_minutes_are_given_only_for_a_whole_table(tmp_path, epochs, expected):
    table = tmp_path / "metrics.csv"
    table.write_text("epoch,seconds\n" + "".join(f"{epoch},50\n" for epoch in epochs))
    assert trained_minutes(table) == expected


def test_rows_are_appended(tmp_path):
    path = tmp_path / "results.csv"
    for name in ("a", 'b, "c"'):
        add_row(path, {**dict.fromkeys(COLUMNS, ""), "name": name, "options": '{"lr": 0.1}'})
    assert path.read_text().splitlines() == [",".join(COLUMNS), 'a,,,,,,,,"{""lr"": 0.1}"',
                                             '"b, ""c""",,,,,,,,"{""lr"": 0.1}"']
    assert names_done(path) == {"a", 'b, "c"'}


@pytest.mark.parametrize("text", ["name,AP,AP50,AP_per_class,minutes,cores,date,commit,options\n", "a,0.1,0.2\n", "\n"])
def test_a_csv_of_other_columns_is_refused(tmp_path, text):
    path = tmp_path / "results.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=f"{path}: the first line is .*, expected name,AP,AP50,AP50_per_class,"):
        names_done(path)


# Runs, with stand-ins for the programs

@pytest.fixture
def place(tmp_path):
    place = ExperimentPlace(tmp_path)
    place.write({"name": "first", "options": {"seed": 1}}, {"name": "second", "options": {"seed": 2}}, max_epoch=6,
                multi_scale="[192, 224]")
    yield place
    (place.repo / "hold-train").unlink(missing_ok=True)


@pytest.fixture
def run(place, monkeypatch, capsys):
    """Return a function that runs the experiments in this process; it returns the exit code and the output."""
    monkeypatch.setattr(run_experiments, "ROOT", place.repo)
    handler = signal.getsignal(signal.SIGTERM)

    def start(*arguments):
        code = run_cli(run_experiments.main, place.arguments(*arguments))
        return code, "".join(capsys.readouterr())

    yield start
    signal.signal(signal.SIGTERM, handler)


def test_a_row_for_each_run(place, run):
    code, out = run()
    assert (code, out.splitlines()[-1]) == (0, f"2 of 2 runs are in {place.csv}, 0 failed")
    assert "second: AP 0.2500, AP50 0.5000, 1.6 minutes" in out
    rows = place.rows()
    assert [row["name"] for row in rows] == ["first", "second"]
    assert rows[1] == {
        "name": "second", "AP": "0.2500", "AP50": "0.5000", "AP50_per_class": '{"cup": 0.123, "key": null}',
        "minutes": "1.6", "cores": str(len(os.sched_getaffinity(0))), "date": rows[0]["date"], "commit": "unknown",
        "options": '{"max_epoch": 6, "multi_scale": "[192, 224]", "seed": 2}'}
    train, evaluation = place.log("second")
    assert "train --max_epoch=6 --multi_scale=[192, 224] --seed=2 --ckpt_path=" in train
    assert train.endswith(f"--data_dir={place.data} --device_target=CPU cores {sorted(os.sched_getaffinity(0))}")
    assert f"--num_parallel_workers={len(os.sched_getaffinity(0))} " in train
    assert f"--pretrained={place.work}/second/run-0/ckpt_0/last.ckpt" in evaluation
    before = place.csv.read_text()
    assert run() == (0, f"2 of 2 runs are in {place.csv}, 0 failed\n")
    assert place.csv.read_text() == before and not list(place.csv.parent.glob(".*"))


def test_a_new_table_gets_all_runs_again(place, run, tmp_path):
    place.write({"name": "first"})
    assert run()[0] == 0
    again = tmp_path / "again.csv"
    assert run(f"--csv={again}")[1].endswith(f"1 of 1 runs are in {again}, 0 failed\n")
    assert names_done(again) == {"first"}
    assert run(f"--csv={tmp_path}") == (2, f"error: --csv is {tmp_path}, expected a file in a folder that exists\n")


def test_every_failure_is_named_and_the_other_runs_continue(place, run):
    place.write({"name": "unlucky", "options": {"seed": 13}}, {"name": "sound"})
    code, out = run()
    assert code == 1
    assert f"unlucky: failed: train.py ended with exit code 1, see {place.work}/unlucky/log.txt" in out
    assert out.splitlines()[-1] == f"1 of 2 runs are in {place.csv}, 1 failed unlucky"
    assert [row["name"] for row in place.rows()] == ["sound"]
    # Options of a run that has no checkpoint yet may be fixed.
    place.write({"name": "unlucky", "options": {"seed": 14}}, {"name": "sound"})
    assert run()[0] == 0
    assert [row["name"] for row in place.rows()] == ["sound", "unlucky"]


def test_a_row_that_cannot_be_written_is_a_failure(place, run, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device", "the disk")

    monkeypatch.setattr(run_experiments, "add_row", no_space)
    code, out = run()
    assert code == 1 and "first: failed: [Errno 28] No space left on device" in out
    assert out.endswith(f"0 of 2 runs are in {place.csv}, 2 failed first second\n")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_no_program_and_the_run_resumes(place, run, number):
    process, program = place.start_and_wait_for_training("first")
    assert lives(program)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and out.endswith("stopped; start again to continue\n") and "failed" not in out
    assert not lives(program), "it ignores SIGTERM"
    assert not place.csv.exists() and not (place.work / "second").exists()
    place.release()
    assert run()[0] == 0
    resumed = place.log("first")[1].partition(" cores ")[0].split()
    assert resumed[:2] == ["train", f"--resume={place.work}/first/run-0/ckpt_0/last.ckpt"]
    assert get_config(resumed[1:]).ckpt_path == f"{place.work}/first", "the real train.py takes these options"
    assert [row["name"] for row in place.rows()] == ["first", "second"]


def test_a_run_is_left_to_the_program_of_a_killed_process(place, run):
    place.write({"name": "first"})
    process, program = place.start_and_wait_for_training("first")
    process.kill()
    process.communicate(timeout=60)
    assert lives(program)
    assert run() == (0, f"first: left to another process, which works in {place.work}/first\n"
                        f"0 of 1 runs are in {place.csv}, 0 failed\n")
    assert len(place.log("first")) == 1
    place.release()
    wait_until(lambda: not lives(program))
    assert run()[0] == 0 and len(place.rows()) == 1


def test_two_processes_share_the_runs_and_the_cores(place):
    (place.repo / "hold-train").touch()
    cores = sorted(os.sched_getaffinity(0))
    shares = [cores[0]], cores[1:] or cores
    processes = [place.start(share) for share in shares]
    wait_until(lambda: len(list(place.work.glob("*/run-0/ckpt_0/last.ckpt"))) == 2)
    place.release()
    assert [process.communicate(timeout=60) and process.returncode for process in processes] == [0, 0]
    assert sorted(row["name"] for row in place.rows()) == ["first", "second"]
    used = [json.loads(place.log(name)[0].rpartition("cores ")[2]) for name in ("first", "second")]
    assert sorted(used) == sorted(shares)


def test_a_run_resumes_only_with_what_it_began_with(place, run, tmp_path):
    (place.repo / "overlay.yaml").write_text("momentum: 0.8\n")
    begun = {"name": "first", "config": "overlay.yaml", "options": {"seed": 1}}
    place.write(begun, lr=0.01)
    process, _ = place.start_and_wait_for_training("first")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    place.release()

    def refused(*texts):
        code, out = run()
        assert code == 1 and all(text in out for text in texts), out

    advice = f"put it back, remove {place.work}/first to train from scratch, or give the run another name"
    place.write({**begun, "options": {"seed": 2}}, lr=0.02)
    refused("first: failed: ", "'lr': 0.01, 'seed': 1}, but has", "'lr': 0.02, 'seed': 2} now", advice)
    place.write(begun)
    refused("'lr': 0.01, 'seed': 1}, but has", "'overlay.yaml', 'seed': 1} now", advice)
    place.write({**begun, "data_dir": str(empty_data(tmp_path / "other"))}, lr=0.01)
    refused(f"'data_dir': '{place.data}'", f"'data_dir': '{tmp_path}/other'", advice)
    place.write(begun, lr=0.01)
    record = place.work / "first" / "run.json"
    kept = record.read_text()
    record.unlink()
    refused("run.json: cannot read this record of an interrupted run")
    record.write_text(kept)
    assert len(place.log("first")) == 1
    assert run()[0] == 0
    assert place.rows()[0]["options"] == '{"config_path": "overlay.yaml", "lr": 0.01, "seed": 1}'


def test_a_commit_during_a_run_is_noted(place):
    def git(*arguments):
        who = ["-c", "user.name=Tester", "-c", "user.email=tester@example.org"]
        return subprocess.run(["git", *who, *arguments], cwd=place.repo, check=True, capture_output=True,
                              text=True).stdout.strip()

    git("init")
    (place.repo / ".gitignore").write_text("__pycache__\nhold-train\n")
    git("add", ".")
    git("commit", "-m", "one")
    first = git("rev-parse", "--short", "HEAD")
    process, _ = place.start_and_wait_for_training("first")
    git("commit", "-m", "two", "--allow-empty")
    second = git("rev-parse", "--short", "HEAD")
    place.release()
    process.communicate(timeout=60)
    assert [row["commit"] for row in place.rows()] == [f"{first}..{second}", second] and first != second


def test_relative_data_folders(place, run, tmp_path, monkeypatch):
    empty_data(place.repo / "of the repository")
    place.write({"name": "first"}, {"name": "second", "data_dir": "of the repository"})
    monkeypatch.chdir(tmp_path)
    assert run("--data_dir=data")[0] == 0
    assert f"--data_dir={tmp_path}/data " in place.log("first")[0] + " "
    assert f"--data_dir={place.repo}/of the repository " in place.log("second")[0] + " "


def test_missing_data_is_found_before_anything_starts(place, run):
    place.write({"name": "first"}, {"name": "second", "data_dir": "nowhere"})
    code, out = run()
    assert code == 1 and out.startswith(f"error: {place.repo}/nowhere: the data folder does not exist")
    (place.data / "val2017").rmdir()
    code, out = run()
    assert code == 1 and "val2017: the image folder does not exist" in out
    assert not place.work.exists()
    place.write({"name": "first"})
    assert run_cli(run_experiments.main, [str(place.path)]) == 2


def test_a_mistake_in_the_file_has_exit_code_2(place, run):
    place.write({"name": "first", "optoins": {}})
    assert run() == (2, f"error: {place.path}: runs[0] has 'optoins', which nothing reads\n")
    place.path.unlink()
    assert run() == (2, f"error: {place.path}: no such configuration file; check the path\n")


def test_a_csv_of_other_columns_stops_it_before_anything_starts(place, run):
    place.csv.write_text("name,AP\n")
    code, out = run()
    assert code == 1 and out.startswith(f"error: {place.csv}: the first line is 'name,AP', expected name,AP,AP50,")
    assert place.csv.read_text() == "name,AP\n" and not place.work.exists()


# A run, with the real programs

@pytest.mark.slow
def test_a_real_run(tmp_path):
    rng = np.random.default_rng(1)
    for split in ("train", "val"):
        images = [{"size": (64, 64), "boxes": [(*rng.uniform(0, 30, 2), *rng.uniform(14, 30, 2), 1)]} for _ in range(4)]
        write_coco(tmp_path / "data", images, split)
    (tmp_path / "experiments.yaml").write_text(yaml.safe_dump({
        "csv": "results.csv",
        "common": {"training_shape": 64, "per_batch_size": 2, "max_epoch": 2, "warmup_epochs": 1, "max_box": 5},
        "runs": [{"name": "first", "options": {"seed": 1}}]}))
    command = [sys.executable, ROOT / "tools" / "run_experiments.py", str(tmp_path / "experiments.yaml"),
               f"--data_dir={tmp_path / 'data'}", f"--work={tmp_path / 'work'}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "results.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert 0 <= float(row["AP"]) <= float(row["AP50"]) <= 1 and float(row["minutes"]) >= 0
    assert set(json.loads(row["AP50_per_class"])) == {"cup", "ball", "key"}
    assert json.loads(row["AP50_per_class"])["key"] is None

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a queue of experiments: what a queue file may hold, and how the csv of the results grows."""
import os
from pathlib import Path

import pytest

from model_utils.errors import UsageError, UserError
from tools import experiment_files
from tools.experiment_files import COLUMNS, add_row, read_queue, read_rows
from tools.run_experiments import trained_minutes

ROOT = Path(__file__).resolve().parents[2]
HEADER = ",".join(COLUMNS)


@pytest.mark.parametrize("text, expected", [
    ("", "csv is missing or empty, expected text"),
    ("csv: [", "line 1: not valid YAML"),
    ("- 1", "expected 'key: value' lines, found list"),
    ("csv: a.csv", "runs is missing or empty, expected a list"),
    ("{csv: a.csv, runs: []}", "runs is missing or empty, expected a list"),
    ("{csv: a.csv, runs: {}}", "runs is {}, expected a list"),
    ("{runs: [{name: a}]}", "csv is missing or empty, expected text"),
    ("{csv: no/a.csv, runs: [{name: a}]}", "there is no folder"),
    ("{csv: a.csv, runs: [{name: a}], comon: {}}", "unknown key 'comon'; did you mean common?"),
    ("{csv: a.csv, runs: [{name: a}], common: 1}", "common is 1, expected 'key: value' pairs"),
    ("{csv: a.csv, runs: [a]}", "run 1: found 'a', expected 'key: value' pairs"),
    ("{csv: a.csv, runs: [{name: a}, {optoins: {}, name: b}]}", "run 2: unknown key 'optoins'; did you mean options?"),
    ("{csv: a.csv, runs: [{options: {}}]}", "run 1: name is missing or empty"),
    ("{csv: a.csv, runs: [{name: 1}]}", "run 1: name is 1, expected text"),
    ("{csv: a.csv, runs: [{name: ../a}]}", "name is '../a', expected one that a folder can have"),
    ("{csv: a.csv, runs: [{name: ..}]}", "name is '..', expected one that a folder can have"),
    ("{csv: a.csv, runs: [{name: a}, {name: b}, {name: a}]}", "2 runs have the name a"),
    ("{csv: a.csv, runs: [{name: a, options: {data_dir: b}}]}", "the queue sets data_dir itself"),
    ("{csv: a.csv, runs: [{name: a, options: {sed: 1}}]}", "run 1, a: unknown option --sed; did you mean --seed?"),
    ("{csv: a.csv, runs: [{name: a, options: {lr: fast}}]}", "run 1, a: lr is 'fast' (command line): expected a"),
    ("{csv: a.csv, runs: [{name: a}], common: {lr: -1}}", "run 1, a: lr is -1.0 (command line): expected more than 0"),
    ("{csv: a.csv, runs: [{name: a, config: no.yaml}]}", "no.yaml: no such configuration file")])
def test_mistakes_in_the_queue_file(tmp_path, text, expected):
    path = tmp_path / "queue.yaml"
    path.write_text(text)
    with pytest.raises(UsageError) as caught:
        read_queue(path, tmp_path, tmp_path / "work")
    assert str(caught.value).startswith(str(path)) and expected in str(caught.value)


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "experiments").glob("*.yaml")), ids=lambda path: path.name)
def test_the_queues_of_this_repository_can_be_read(path, tmp_path):
    csv_path, runs = read_queue(path, tmp_path, tmp_path)
    assert csv_path == path.with_suffix(".csv")
    assert all(run.settings["training_shape"] and run.settings["seed"] for run in runs)


@pytest.mark.parametrize("epochs, expected", [
    ("012", "2.5"), ("", ""), ("12", ""), ("013", ""), ("0112", "")])
def test_minutes_are_given_only_for_a_whole_table(tmp_path, epochs, expected):
    table = tmp_path / "metrics.csv"
    assert trained_minutes(table) == ""
    table.write_text("epoch,seconds\n" + "".join(f"{epoch},50\n" for epoch in epochs))
    assert trained_minutes(table) == expected


def test_rows_are_added_whole(tmp_path, monkeypatch):
    path = tmp_path / "results.csv"
    for name, ap in (("a", "0.1"), ("b, \"c\"", "0.2"), ("a", "0.3")):
        add_row(path, {**dict.fromkeys(COLUMNS, ""), "name": name, "AP": ap})
    assert [(row["name"], row["AP"]) for row in read_rows(path)] == [("b, \"c\"", "0.2"), ("a", "0.3")]
    before = path.read_text()

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(experiment_files.os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        add_row(path, dict.fromkeys(COLUMNS, ""))
    assert path.read_text() == before and os.listdir(tmp_path) == ["results.csv"]


@pytest.mark.parametrize("text", [
    "name,AP,AP50,AP_per_class,minutes,cores,date,commit,options\n", f"{HEADER}\na,0.1,0.2\n",
    HEADER + "\n" + "1," * 9 + "1\n", "\n"])
def test_a_csv_of_other_columns_is_refused(tmp_path, text):
    path = tmp_path / "results.csv"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        read_rows(path)
    assert str(caught.value).startswith(f"{path}: expected rows of the 9 columns name,AP,AP50,AP50_per_class,")

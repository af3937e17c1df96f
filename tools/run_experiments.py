# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run the trainings of a YAML file one after the other and append the scores of each to a csv.

    python tools/run_experiments.py docs/experiments/bccd_256.yaml --data_dir DATA

The file has `csv` (the table of results, beside it), `common` (options of train.py for all runs) and `runs`, a list of
{name, config (an overlay), data_dir, options}; only the name is required, and relative paths start at the repository's
root. A run whose name is in the csv is skipped, an interrupted one resumes from its last.ckpt, and one that another
process works on is left to it: to use several cores, start the command once for each (taskset -c 0 ..., taskset -c 1
...). Exit code 0: no run failed; 1: a run failed (the others ran), or there is no data; 2: a mistake in the file or the
command line; 130: stopped by Ctrl-C or SIGTERM.
"""
import argparse
import csv
import datetime
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

if not __package__:
    # Started as tools/run_experiments.py: Python looks for packages beside this file.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from model_utils.config import get_config
from model_utils.errors import UsageError, UserError, quoted, run_cli
from model_utils.files import ROOT
from model_utils.json_file import read_json, type_faults, write_json
from model_utils.options import read_yaml
from src.config import check_config, training_config
from src.data.coco import layout

COLUMNS = ("name", "AP", "AP50", "AP50_per_class", "minutes", "cores", "date", "commit", "options")
# Most bytes of a name on the disks of Linux.
MAX_NAME = 255
OPTIONAL = {"config": "", "data_dir": "", "options": {}}
EXAMPLE = {"csv": "results.csv", "common": {}, "runs": [{"name": "first", **OPTIONAL}]}


class Run(NamedTuple):
    """A training: options of train.py by name, with the overlay as config_path; `folder` is where it works."""

    name: str
    options: dict
    data_dir: Path
    folder: Path

    def arguments(self):
        """Return the options as arguments of train.py."""
        return [f"--{key}={ROOT / value if key == 'config_path' else value}" for key, value in self.options.items()]


def read_experiments(path, data_dir, work):
    """Return the path of the csv and the runs; `data_dir` is that of runs without one, `work` has a folder for each.

    Raises:
        UsageError: the file cannot be read or used, or train.py would refuse the options of a run.
    """
    content = {"common": {}, **(read_yaml(path) or [{}])[0]}
    if isinstance(content.get("runs"), list):
        content["runs"] = [{**OPTIONAL, **run} if isinstance(run, dict) else run for run in content["runs"]]
    for fault in type_faults(content, EXAMPLE):
        raise UsageError(f"{path}: {fault}")
    csv_path, runs = path.parent / content["csv"], {}
    if not (_is_file_name(csv_path.name) and os.path.isdir(csv_path.parent)) or csv_path.is_dir():
        raise UsageError(f"{path}: csv is {quoted(content['csv'])}, expected a file in a folder that exists")
    for entry in content["runs"]:
        name = entry["name"]
        if name in runs or not _is_file_name(name):
            raise UsageError(f"{path}: a run's name is {quoted(name)}, expected that of a folder, which no other run "
                             "has")
        overlay = {"config_path": entry["config"]} if entry["config"] else {}
        data = ROOT / entry["data_dir"] if entry["data_dir"] else data_dir
        runs[name] = Run(name, {**overlay, **content["common"], **entry["options"]}, data, work / name)
        try:
            check_config(training_config(get_config([*runs[name].arguments(), "--device_target=CPU"])))
        except UserError as error:
            raise UsageError(f"{path}: run {name}: {error}") from None
    return csv_path, [*runs.values()]


def _is_file_name(text):
    """Return whether a file or folder can have a text as its name."""
    try:
        return text not in ("", "..") and Path(text).name == text and 0 not in os.fsencode(text) and (
            len(os.fsencode(text)) <= MAX_NAME)
    except UnicodeEncodeError:
        return False


def names_done(path):
    """Return the names of the runs in the csv; a UserError reports other columns than `COLUMNS`."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    if lines and lines[0] != ",".join(COLUMNS):
        raise UserError(f"{path}: the first line is {lines[0]!r:.99}, expected {','.join(COLUMNS)}; fix the file, or "
                        "move it away")
    return {row["name"] for row in csv.DictReader(lines)}


def add_row(path, row):
    """Append a row to the csv, at one stroke as other processes may append as well."""
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        if not file.tell():
            writer.writeheader()
        writer.writerow(row)


def newest_checkpoint(folder):
    """Return the last.ckpt that went furthest, None without any: each continuation of a run has its own folder."""
    return max(folder.glob("*/ckpt_0/last.ckpt"), key=lambda path: path.stat().st_mtime, default=None)


def trained_minutes(table):
    """Return the time of all epochs in a metrics.csv as text, empty unless each epoch from 0 has a row."""
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    is_whole = rows and [int(row["epoch"]) for row in rows] == list(range(len(rows)))
    return f"{sum(float(row['seconds']) for row in rows) / 60:.1f}" if is_whole else ""


def note_commit(run, is_resumed):
    """Add the current commit to run.json, with a + where files differ from it; returns all commits of the run.

    Raises:
        UserError: a resumed run began with other options or data, or has no run.json.
    """
    path, now = run.folder / "run.json", {"data_dir": str(run.data_dir), **run.options}
    record = read_json(path, "record of an interrupted run") if is_resumed else {"began_with": now, "commits": []}
    if record["began_with"] != now:
        raise UserError(f"{path}: the run began with {record['began_with']}, but has {now} now; put it back, remove "
                        f"{run.folder} to train from scratch, or give the run another name")
    git = subprocess.run(["git", "--no-optional-locks", "describe", "--always", "--dirty=+"], cwd=ROOT, text=True,
                         capture_output=True)
    record["commits"] = [*dict.fromkeys([*record["commits"], git.stdout.strip() or "unknown"])]
    write_json(path, record)
    return record["commits"]


def train_and_score(run, log):
    """Train a run, or resume it, and evaluate its last weights; returns its row of the csv."""
    def call(program, *arguments):
        command = [sys.executable, program, *arguments, f"--data_dir={run.data_dir}", "--device_target=CPU"]
        code = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log).returncode
        if code:
            raise UserError(f"{program} ended with exit code {code}, see {log.name}")

    cores, last, scores = len(os.sched_getaffinity(0)), newest_checkpoint(run.folder), run.folder / "eval"
    note_commit(run, is_resumed=last is not None)
    print(f"{run.name}: {'resumes' if last else 'starts'} on {cores} cores", flush=True)
    start = [f"--resume={last}"] if last else run.arguments()
    call("train.py", *start, f"--ckpt_path={run.folder}", f"--num_parallel_workers={cores}")
    last, commits = newest_checkpoint(run.folder), note_commit(run, is_resumed=True)
    shutil.rmtree(scores, ignore_errors=True)
    call("eval.py", f"--pretrained={last}", f"--log_path={scores}")
    metrics = read_json(next(scores.glob("*/metrics.json")), "table of scores")
    per_class = {name: figures["AP50"] and round(figures["AP50"], 3) for name, figures in metrics["per_class"].items()}
    return {"name": run.name, "AP": f"{metrics['AP']:.4f}", "AP50": f"{metrics['AP50']:.4f}",
            "AP50_per_class": json.dumps(per_class), "minutes": trained_minutes(last.parents[1] / "metrics.csv"),
            "cores": cores, "date": datetime.date.today().isoformat(), "commit": "..".join(commits),
            "options": json.dumps(run.options)}


def run_all(runs, csv_path, score=train_and_score):
    """Do the runs that are not in the csv; returns the names of those that failed.

    Args:
        runs (list): of Run.
        csv_path (Path): the table of results.
        score (callable): (run, its open log) -> its row of the csv.
    """
    failed = []
    for run in runs:
        run.folder.mkdir(parents=True, exist_ok=True)
        with (run.folder / "log.txt").open("a", encoding="utf-8") as log:
            try:
                # The programs inherit the log: one that outlives a killed parent keeps the lock.
                fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if run.name not in names_done(csv_path):
                    row = score(run, log)
                    add_row(csv_path, row)
                    print(f"{run.name}: AP {row['AP']}, AP50 {row['AP50']}, {row['minutes'] or 'unknown'} minutes",
                          flush=True)
            except BlockingIOError:
                print(f"{run.name}: left to another process, which works in {run.folder}")
            except (UserError, OSError) as error:
                failed.append(run.name)
                print(f"{run.name}: failed: {error}", flush=True)
    return failed


def until_stopped(work):
    """Do some work, which SIGTERM stops as Ctrl-C does; returns its exit code, or 130 when it was stopped."""
    # subprocess.run ends its program, whose checkpoints are whole at any time.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return work()
    except KeyboardInterrupt:
        print("stopped; start again to continue")
        return 130


def main(argv=None):
    """Run the experiments as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("experiments", type=Path, help="YAML file of runs")
    parser.add_argument("--data_dir", type=Path, help="data folder in COCO layout, for the runs that name none")
    parser.add_argument("--work", type=Path, default=ROOT / "outputs" / "experiments", help="folder of the runs")
    parser.add_argument("--csv", type=Path, help="table of results, such as a new one, in place of the file's")
    arguments = parser.parse_args(argv)
    data_dir = arguments.data_dir and arguments.data_dir.resolve()
    csv_path, runs = read_experiments(arguments.experiments.resolve(), data_dir, arguments.work.resolve())
    if arguments.csv:
        csv_path = arguments.csv.resolve()
        if csv_path.is_dir() or not csv_path.parent.is_dir():
            raise UsageError(f"--csv is {arguments.csv}, expected a file in a folder that exists")
    left = [run for run in runs if run.name not in names_done(csv_path)]
    for run in left:
        if run.data_dir is None:
            raise UsageError(f"run {run.name} has no data folder: name one by --data_dir, or as its data_dir")
        for split in ("train", "val"):
            layout(str(run.data_dir), split)

    def run_left():
        failed = run_all(left, csv_path)
        done = len(names_done(csv_path) & {run.name for run in runs})
        print(f"{done} of {len(runs)} runs are in {csv_path}, {len(failed)} failed", *failed)
        return 1 if failed else 0

    return until_stopped(run_left)


if __name__ == "__main__":
    sys.exit(run_cli(main))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run a queue of trainings, several at a time, each scored on the validation images; stop and start it as you like.

    python -m tools.run_experiments docs/experiments/bccd_256.yaml --data_dir DATA --jobs 2

The queue is a YAML file: `csv` (file of results, beside the queue), `common` (options of train.py for all runs) and
`runs`, a list of {name, config (an overlay), data_dir, options}, of which only the name must be there; relative paths
of a run start at the repository's root. A run whose name is in the csv is done; one that was interrupted goes on from
its last.ckpt, if its options and data are those it began with. Each job has its share of the cores to itself.
Ctrl-C or SIGTERM stops all. Exit code 0: all done; 1: a run failed (the others went on), or there is no data; 2: a
mistake in the queue file or the command line; 130: stopped.
"""
import argparse
import contextlib
import csv
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from queue import SimpleQueue

from model_utils.errors import UsageError, UserError, run_cli
from src.data.coco import layout
from tools.experiment_files import (
    ROOT,
    add_row,
    locked,
    note_commit,
    note_process,
    open_record,
    read_queue,
    read_rows,
)

# Seconds that a program has to end before it is killed.
PATIENCE = 20
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def newest_checkpoint(folder):
    """Return the last.ckpt that went furthest, None without any: each continuation of a run has its own folder."""
    return max(folder.glob("*/ckpt_0/last.ckpt"), key=lambda path: path.stat().st_mtime, default=None)


def trained_minutes(table):
    """Return the time of all epochs in a metrics.csv as text, empty unless each epoch from 0 has a row."""
    if not table.exists():
        return ""
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    is_whole = rows and [int(row["epoch"]) for row in rows] == list(range(len(rows)))
    return f"{sum(float(row['seconds']) for row in rows) / 60:.1f}" if is_whole else ""


def result_row(run, metrics, minutes, commits, cores):
    """Return the row of the csv; `metrics` is the content of metrics.json, None for a class without ground truth."""
    per_class = {name: None if figures["AP50"] is None else round(figures["AP50"], 3)
                 for name, figures in metrics["per_class"].items()}
    return {"name": run.name, "AP": f"{metrics['AP']:.4f}", "AP50": f"{metrics['AP50']:.4f}",
            "AP50_per_class": json.dumps(per_class), "minutes": minutes, "cores": cores,
            "date": datetime.date.today().isoformat(), "commit": "..".join(commits), "options": json.dumps(run.options)}


class Runner:
    """Does runs, in as many threads as there are, until it is stopped."""

    def __init__(self, csv_path):
        self.csv_path = csv_path
        self.lock, self.processes, self.is_stopped = threading.Lock(), set(), False

    def one_run(self, run):
        """Train (or go on), evaluate the last weights, and add and return the row of the csv."""
        cores = len(os.sched_getaffinity(0))
        with locked(run.folder) as held:
            last = newest_checkpoint(run.folder)
            record = open_record(run, last is not None)
            print(f"{run.name}: {'goes on' if last else 'starts'} on {cores} cores", flush=True)
            start = [f"--resume={last}"] if last else run.arguments
            self.call(run, record, held, "train.py", *start, f"--ckpt_path={run.folder}",
                      f"--num_parallel_workers={cores}")
            last, scores = newest_checkpoint(run.folder), run.folder / "eval"
            if last is None:
                raise UserError(f"train.py left no last.ckpt in {run.folder}")
            shutil.rmtree(scores, ignore_errors=True)
            self.call(run, record, held, "eval.py", f"--pretrained={last}", f"--log_path={scores}")
            (path,) = scores.glob("*/metrics.json")
            metrics = json.loads(path.read_text(encoding="utf-8"))
            row = result_row(run, metrics, trained_minutes(last.parents[1] / "metrics.csv"), record["commits"], cores)
            with self.lock:
                add_row(self.csv_path, row)
        return row

    def call(self, run, record, held, *arguments):
        """Run one of the project's programs to its end, its output into log.txt; it keeps the `held` file open.

        Raises:
            UserError: its exit code is not 0, or the queue was stopped.
        """
        note_commit(record, run)
        command = [sys.executable, *arguments, f"--data_dir={run.data_dir}", "--device_target=CPU"]
        with (run.folder / "log.txt").open("a", encoding="utf-8") as log:
            # A stop comes before the start or finds the process.
            with self.lock:
                if self.is_stopped:
                    raise UserError("stopped")
                # Out of reach of the terminal's Ctrl-C: only `stop` ends it.
                process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                           start_new_session=True, pass_fds=[held.fileno()])
                self.processes.add(process)
            note_process(held, process.pid)
            code = process.wait()
        with self.lock:
            self.processes.discard(process)
        if code:
            raise UserError(f"{arguments[0]} ended with exit code {code}, see {log.name}")

    def stop(self):
        """End all programs and let none start; their runs go on from the last checkpoints next time."""
        with self.lock:
            self.is_stopped, processes = True, list(self.processes)
        for number, seconds in ((signal.SIGTERM, PATIENCE), (signal.SIGKILL, None)):
            for process in processes:
                if process.poll() is None:
                    # It may end at this very moment.
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, number)
            for process in processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(seconds)


def work_through(runs, jobs, runner):
    """Do all runs, `jobs` at a time; returns the names of those that failed."""
    cores, shares, failed = sorted(os.sched_getaffinity(0)), SimpleQueue(), []
    for job in range(jobs):
        shares.put(cores[job::jobs])
    # What a thread may use, the processes that it starts inherit.
    pool = ThreadPoolExecutor(jobs, initializer=lambda: os.sched_setaffinity(0, shares.get()))
    try:
        futures = {pool.submit(runner.one_run, run): run for run in runs}
        for future in as_completed(futures):
            name, error = futures[future].name, future.exception()
            if error is None:
                row = future.result()
                text = f"AP {row['AP']}, AP50 {row['AP50']}, {row['minutes'] or 'unknown'} minutes"
            else:
                failed.append(name)
                is_told = isinstance(error, UserError | OSError)
                text = f"failed: {error}" if is_told else "failed: " + "".join(traceback.format_exception(error))
            print(f"{name}: {text}", flush=True)
    finally:
        # Where all went well nothing is left to cancel or stop.
        pool.shutdown(wait=False, cancel_futures=True)
        runner.stop()
        pool.shutdown()
    return failed


def interrupt(_number, _frame):
    """Raise KeyboardInterrupt, once: a second Ctrl-C must not break into the stop that follows."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def main(argv=None):
    """Run the queue as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queue", type=Path, help="YAML file of runs")
    parser.add_argument("--data_dir", type=Path, help="data folder in COCO layout, for the runs that name none")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time, at most one a core")
    parser.add_argument("--work", type=Path, default=ROOT / "outputs" / "experiments", help="folder of the runs")
    arguments = parser.parse_args(argv)
    cores = len(os.sched_getaffinity(0))
    if not 1 <= arguments.jobs <= cores:
        raise UsageError(f"--jobs is {arguments.jobs}: expected 1 to {cores}, the cores that this process may use")
    data_dir = arguments.data_dir and arguments.data_dir.resolve()
    csv_path, runs = read_queue(arguments.queue.resolve(), data_dir, arguments.work.resolve())
    done = {row["name"] for row in read_rows(csv_path)}
    left = [run for run in runs if run.name not in done]
    for run in left:
        if run.data_dir is None:
            raise UsageError(f"run {run.name} has no data folder: name one by --data_dir, or as its data_dir")
        for split in ("train", "val"):
            layout(str(run.data_dir), split)
    for number in STOP_SIGNALS:
        # nohup and a shell's & make their programs ignore some.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, interrupt)
    try:
        failed = work_through(left, arguments.jobs, Runner(csv_path))
    except KeyboardInterrupt:
        print("stopped; start again to go on")
        return 130
    print(f"{len(left) - len(failed)} runs done, {len(runs) - len(left)} were done before, {len(failed)} failed",
          *failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(run_cli(main))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Stand-ins for the programs that a series of experiments calls."""
import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import yaml

from tests.support.ranks.job_place import heed_signals

ROOT = Path(__file__).resolve().parents[2]
# They record how they were called, wait while a file hold-train lies beside them, and leave their files.
TRAIN = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
options = dict(word[2:].split("=", 1) for word in sys.argv[1:])
root = pathlib.Path(options["ckpt_path"])
(root / "pid").write_text(str(os.getpid()))
print("train", *sys.argv[1:], "cores", sorted(os.sched_getaffinity(0)), flush=True)
if options.get("seed") == "13":
    sys.exit("bad luck")
folder = root / f"run-{len(list(root.glob('run-*')))}"
(folder / "ckpt_0").mkdir(parents=True)
(folder / "metrics.csv").write_text("epoch,seconds\\n0,60.0\\n1,33.0\\n")
(folder / "ckpt_0" / "last.ckpt").write_text("weights")
while pathlib.Path("hold-train").exists():
    time.sleep(0.01)
"""
EVAL = """
import json, pathlib, sys
options = dict(word[2:].split("=", 1) for word in sys.argv[1:])
print("eval", *sys.argv[1:], flush=True)
folder = pathlib.Path(options["log_path"]) / "now"
folder.mkdir(parents=True)
metrics = {"AP": 0.25, "AP50": 0.5, "per_class": {"cup": {"AP50": 0.12345}, "key": {"AP50": None}}}
(folder / "metrics.json").write_text(json.dumps(metrics))
"""


# Starts the experiments with the stand-ins' folder as the repository.
PROGRAM = """
import sys
from pathlib import Path
from model_utils.errors import run_cli
from tools import run_experiments
run_experiments.ROOT = Path(sys.argv[1])
sys.exit(run_cli(run_experiments.main, sys.argv[2:]))
"""


class ExperimentPlace:
    """A folder with stand-ins for the programs, a data folder, and a file of experiments."""

    def __init__(self, folder):
        self.repo, self.work, self.csv = folder / "repo", folder / "work", folder / "results.csv"
        self.repo.mkdir()
        (self.repo / "train.py").write_text(TRAIN)
        (self.repo / "eval.py").write_text(EVAL)
        self.data = empty_data(folder / "data")
        self.path = folder / "experiments.yaml"

    def write(self, *runs, **common):
        self.path.write_text(yaml.safe_dump({"csv": "results.csv", "common": common, "runs": list(runs)}))

    def arguments(self, *further):
        return [str(self.path), f"--data_dir={self.data}", f"--work={self.work}", *further]

    def start(self, cores=None):
        """Start the experiments as a process of its own, on these cores (None: all)."""
        def prepare():
            heed_signals()
            os.sched_setaffinity(0, cores or os.sched_getaffinity(0))

        return subprocess.Popen([sys.executable, "-c", PROGRAM, str(self.repo), *self.arguments()], cwd=ROOT, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, preexec_fn=prepare)

    def start_and_wait_for_training(self, name):
        """Return the process of the experiments and the id of its training, which waits for `release`."""
        (self.repo / "hold-train").touch()
        process = self.start()
        wait_until(lambda: list(self.work.glob(f"{name}/run-*/ckpt_0/last.ckpt")))
        return process, int((self.work / name / "pid").read_text())

    def release(self):
        (self.repo / "hold-train").unlink()

    def rows(self):
        with self.csv.open(newline="") as file:
            return list(csv.DictReader(file))

    def log(self, name):
        return (self.work / name / "log.txt").read_text().splitlines()


def empty_data(folder):
    (folder / "annotations").mkdir(parents=True)
    for split in ("train", "val"):
        (folder / f"{split}2017").mkdir()
        (folder / "annotations" / f"instances_{split}2017.json").write_text("{}")
    return folder


def wait_until(is_so, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def lives(number):
    """Return whether a process runs; a zombie does not."""
    stat = Path(f"/proc/{number}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A repository with the queue of experiments and stand-ins for the programs that it calls."""
import csv
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
# Stand-ins: they write down how they were called, wait while a file `hold-...` lies beside them, and leave their files.
TRAIN = """
import os, pathlib, sys, time
options = dict(word[2:].split("=", 1) for word in sys.argv[1:])
root = pathlib.Path(options["ckpt_path"])
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
if "odd" in options["log_path"]:
    del metrics["AP50"]
(folder / "metrics.json").write_text(json.dumps(metrics))
"""


class Queue:
    """A repository with the queue's scripts and stand-ins for the programs, a data folder, and a queue file."""

    def __init__(self, folder):
        self.repo, self.work, self.csv = folder / "repo", folder / "work", folder / "results.csv"
        (self.repo / "scripts").mkdir(parents=True)
        for name in ("run_experiments.py", "experiment_files.py"):
            shutil.copy(ROOT / "scripts" / name, self.repo / "scripts")
        for name in ("model_utils", "src"):
            (self.repo / name).symlink_to(ROOT / name)
        (self.repo / "train.py").write_text(TRAIN)
        (self.repo / "eval.py").write_text(EVAL)
        self.data = empty_data(folder / "data")
        self.path = folder / "queue.yaml"

    def write(self, *runs, **common):
        self.path.write_text(yaml.safe_dump({"csv": "results.csv", "common": common, "runs": list(runs)}))

    def start(self, *arguments, cwd=None):
        command = [sys.executable, "-m", "tools.run_experiments", str(self.path),
                   f"--data_dir={self.data}", f"--work={self.work}", *arguments]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=cwd)

    def run(self, *arguments, cwd=None):
        process = self.start(*arguments, cwd=cwd)
        out, _ = process.communicate(timeout=60)
        return process.returncode, out

    def start_and_wait_for_training(self, name):
        (self.repo / "hold-train").touch()
        process = self.start()
        wait_until(lambda: list(self.work.glob(f"{name}/run-*/ckpt_0/last.ckpt")))
        return process, int((self.work / name / "lock").read_text())

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
    """Whether a process runs; one that ended and that nobody asked for its exit code does not."""
    stat = Path(f"/proc/{number}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"

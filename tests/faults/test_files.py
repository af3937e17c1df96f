# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What is on the disk after a process was killed in the middle of a write, and after the disk was full."""
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from model_utils.errors import run_cli
from model_utils.files import ROOT, remove_strays
from src.logger import make_run_folder
from src.weights.checkpoint import load_checkpoint
from tests.support.helpers import full_disk, write_coco
from tools import split_coco

WRITE = """
import os, sys, time
from model_utils.files import replacing, write_all
folder = sys.argv[1]
"""
# MindSpore writes another file first.
IN_THE_MIDDLE = WRITE + """
with replacing(f"{folder}/last.ckpt") as temporary:
    temporary.with_name("last.tmp").write_bytes(bytes(1000))
    print("writing", flush=True)
    time.sleep(600)
"""
BETWEEN_RENAMES = WRITE + """
rename, calls = os.replace, []
def replace(source, target):
    calls.append(target)
    if len(calls) == 2:
        os.kill(os.getpid(), 9)
    rename(source, target)
os.replace = replace
write_all({f"{folder}/model": b"new", f"{folder}/description": b"new"})
"""


def start(program, folder):
    return subprocess.Popen([sys.executable, "-c", program, folder], cwd=ROOT, stdout=subprocess.PIPE, text=True)


def hidden(folder):
    return list(folder.rglob(".*"))


def test_what_a_killed_process_was_writing_goes_and_what_a_living_one_writes_stays(tmp_path):
    folder = tmp_path / "run" / "ckpt_0"
    folder.mkdir(parents=True)
    (folder / "last.ckpt").write_text("old")
    processes = [start(IN_THE_MIDDLE, folder) for _ in range(2)]
    for process in processes:
        assert process.stdout.readline() == "writing\n"
    try:
        processes[0].kill()
        processes[0].wait()
        assert len(list(folder.glob(".last.ckpt.*.writing/last.tmp"))) == 2
        # As the next run does at its start.
        make_run_folder(tmp_path)
        assert len(list(folder.glob(".last.ckpt.*.writing/last.tmp"))) == 1
    finally:
        processes[1].kill()
        processes[1].wait()
    remove_strays([folder])
    assert os.listdir(folder) == ["last.ckpt"] and (folder / "last.ckpt").read_text() == "old"


def test_a_file_of_a_set_that_was_moved_away_when_its_process_was_killed_comes_back(tmp_path):
    for name in ("model", "description"):
        (tmp_path / name).write_text("old")
    process = start(BETWEEN_RENAMES, tmp_path)
    assert process.wait() == -signal.SIGKILL and not (tmp_path / "model").exists()
    remove_strays([tmp_path])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"model": "old", "description": "old"}


@pytest.mark.parametrize("megabytes, name", [(0.002, "config.yaml"), (1, "best.ckpt"), (50, "last.ckpt")])
def test_a_full_disk_ends_training_with_one_line_and_whole_files(tmp_path, train_here, capfd, megabytes, name):
    with full_disk(int(megabytes * 2**20)):
        assert run_cli(lambda argv: train_here(tmp_path, "--ckpt_interval=-1")) == 1
    (run,) = tmp_path.iterdir()
    path = run / name if name == "config.yaml" else run / "ckpt_0" / name
    message = rf"{path}: File too large \(\d+ bytes needed, \d+ bytes free\); check the path, its permissions and the"
    output = capfd.readouterr()
    assert re.fullmatch(rf"error: {message} space on the disk\n", output.err)
    assert re.search(rf"ERROR:{message}", (run / "train_rank_0.log").read_text())
    assert not path.exists() and not hidden(tmp_path)
    for whole in run.glob("ckpt_0/*.ckpt"):
        assert load_checkpoint(whole).meta["progress"]["step"] == 5


def test_a_full_disk_ends_a_tool_with_one_line_and_no_folder(tmp_path, capfd):
    write_coco(tmp_path / "data", [{"boxes": [(5, 5, 20, 20, 1)] * 20} for _ in range(8)])
    with full_disk():
        assert run_cli(split_coco.main, [str(tmp_path / "data"), str(tmp_path / "out")]) == 1
    assert re.fullmatch(rf"error: {tmp_path / 'out'}: File too large \(\d+ bytes free\); check the path.*\n",
                        capfd.readouterr().err)
    assert os.listdir(tmp_path) == ["data"]
    json.loads((tmp_path / "data" / "annotations" / "instances_train2017.json").read_text())

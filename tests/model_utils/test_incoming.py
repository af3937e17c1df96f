# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of `incoming` in model_utils/safe_unzip.py: all or nothing, and what a killed process left goes."""
import subprocess
import sys
from pathlib import Path

import pytest

from model_utils.rank_board import process_name
from model_utils.safe_unzip import PREFIX, incoming

ROOT = Path(__file__).resolve().parents[2]


def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_entries_arrive_together_and_replace_those_of_the_same_name(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").touch()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "other").touch()
    with incoming(tmp_path) as new:
        (new / "a").mkdir()
        (new / "a" / "new").touch()
        (new / "link").write_text("a file now")
        assert not (tmp_path / "a" / "new").exists()
    assert names(tmp_path) == ["a", "a/new", "link", "other"]
    assert (tmp_path / "link").read_text() == "a file now"


def test_a_block_that_fails_leaves_the_folder_as_it_was(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt), incoming(tmp_path) as new:
        (new / "a").write_text("half")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "old"


def test_what_a_killed_process_left_goes_and_what_others_write_stays(tmp_path):
    code = ("import os, signal, sys; from pathlib import Path; from model_utils.safe_unzip import incoming\n"
            "with incoming(sys.argv[1]) as new:\n"
            "    (new / 'half').touch(); os.kill(os.getpid(), signal.SIGKILL)")
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT)
    assert done.returncode == -9
    left = next(tmp_path.iterdir())
    assert left.name.startswith(PREFIX) and (left / "new" / "half").exists()
    of_another_machine = tmp_path / f"{PREFIX}not.this.machine-1-1"
    of_another_machine.mkdir()
    of_a_process_that_runs = tmp_path / (PREFIX + process_name(1))
    of_a_process_that_runs.mkdir()
    with incoming(tmp_path) as new:
        (new / "whole").touch()
    assert set(tmp_path.iterdir()) == {of_another_machine, of_a_process_that_runs, tmp_path / "whole"}

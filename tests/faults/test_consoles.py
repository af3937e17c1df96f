# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Consoles that are closed, that close, and that lack characters; names that would work on a console."""
import os
import subprocess
import sys

from tests.support.helpers import write_coco
from tests.support.place import ROOT

LOG = """
from model_utils.errors import run_cli
from src.logger import run_logger
def main(argv):
    with run_logger({!r}, 0, "run") as logger:
        for number in range(20000):
            logger.info("line %d", number)
run_cli(main)
"""
PRINT = """
from model_utils.errors import run_cli
raise SystemExit(run_cli(lambda argv: print(*range(100000), sep="\\n")))
"""


def shell(line, *, cwd=ROOT, **environment):
    """Run a line of bash in which $PYTHON is this Python and $ROOT the repository."""
    environment = {**os.environ, "PYTHON": sys.executable, "ROOT": str(ROOT), **environment}
    return subprocess.run(["bash", "-c", line], cwd=cwd, env=environment, capture_output=True, timeout=300, check=False)


def test_closed_streams():
    done = shell("$PYTHON convert_weight.py <&- >&-")
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"error: input_file is empty") and done.stderr.count(b"\n") == 1
    assert shell("$PYTHON convert_weight.py >&- 2>&-").returncode == 2


def test_a_reader_that_leaves_does_not_end_a_run_and_the_log_is_whole(tmp_path):
    code = LOG.format(str(tmp_path))
    done = shell("$PYTHON -c \"$CODE\" | head -1; exit ${PIPESTATUS[0]}", CODE=code)
    assert (done.returncode, done.stderr) == (0, b"") and done.stdout.endswith(b":INFO:line 0\n")
    log = (tmp_path / "run_rank_0.log").read_text()
    assert log.count("\n") == 20000 and log.endswith(":INFO:line 19999\n")


def test_a_reader_that_leaves_ends_a_program_that_only_prints():
    done = shell("$PYTHON -u -c \"$CODE\" | head -1; exit ${PIPESTATUS[0]}", CODE=PRINT)
    assert (done.returncode, done.stdout, done.stderr) == (141, b"0\n", b"")
    done = shell("$PYTHON train.py -h | head -1; exit ${PIPESTATUS[0]}")
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_console_without_the_characters_and_a_name_that_would_clear_it():
    done = shell("$PYTHON train.py --device_target CPU --data_dir \"$DATA\"", PYTHONIOENCODING="latin-1",
                 DATA="/keine/Übung\x1b[2J/Ж\n2026-11-29 00:00:00,000:INFO:done")
    assert done.returncode == 1
    assert done.stderr.startswith(b"error: /keine/\xdcbung\\x1b[2J/\\u0416\n  2026-11-29 00:00:00,000:INFO:done: ")


def test_class_names_that_would_work_on_a_console(tmp_path):
    names = ("\x1b[2Jcup", "ball\r\n2026-11-29 00:00:00,000:INFO:done", "Schlüssel")
    categories = [{"id": number, "name": name} for number, name in zip((3, 1, 7), names, strict=True)]
    for split in ("train", "val"):
        write_coco(tmp_path, [{"size": (72, 64), "boxes": [(1, 1, 20, 20, 3), (5, 5, 20, 20, 1)]}], split, categories)
    done = shell("$PYTHON tools/check_dataset.py \"$DATA\" --device_target CPU", DATA=str(tmp_path), PYTHONUTF8="1")
    output = (done.stdout + done.stderr).decode()
    assert "\\x1b[2Jcup" in output and "Schlüssel" in output and "\x1b" not in output and "\r" not in output
    assert "\n2026" not in output and "Traceback" not in output


def test_a_deleted_working_folder(tmp_path):
    done = shell("mkdir gone && cd gone && rmdir ../gone && $PYTHON \"$ROOT/train.py\"", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr == b"error: the working folder has been deleted; change to one that exists\n"

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/errors.py: a message and an exit code for a mistake of the user, a traceback for ours."""
import importlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_utils.errors import EXIT_CODE_FILE, MAX_SHOWN, UsageError, UserError, counted, printable, quoted, run_cli


@pytest.mark.parametrize(("value", "text"), [
    ("a", "'a'"), (None, "None"), (1.5, "1.5"), ([[10.0, 14.0], "b"], "[[10.0, 14.0], 'b']"), ((1,), "(1,)"),
    ({"a": {"b": [1]}}, "{'a': {'b': [1]}}"), ("\x1b[2J\n", r"'\x1b[2J\n'"), ([0] * 20, f"[{'0, ' * 10}...]"),
    ([[[[[[1]]]]]], "[[[[[...]]]]]"), (16**5000, "a number of 20001 bits"), (b"x", "b'x'"),
], ids=range(11))
def test_a_value_is_quoted_as_python_writes_it(value, text):
    assert quoted(value) == text


@pytest.mark.parametrize("value", ["x" * 10**6, [["y" * 10**6] * 9] * 9, {str(i): "z" * 90 for i in range(999)}])
def test_a_large_value_is_cut(value):
    assert len(quoted(value)) <= MAX_SHOWN and "..." in quoted(value)


def raising(error):
    def main(argv):
        raise error

    return main


@pytest.mark.parametrize(("error", "code"), [(UserError("no such image"), 1), (UsageError("no such option"), 2)])
def test_a_mistake_of_the_user_becomes_a_message_and_an_exit_code(error, code, capsys):
    assert run_cli(raising(error)) == code
    assert capsys.readouterr() == ("", f"error: {error}\n")


def test_a_file_that_cannot_be_used_becomes_a_message(tmp_path, capsys):
    (tmp_path / "file").touch()
    assert run_cli(lambda argv: (tmp_path / "file" / "folder").mkdir()) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/file/folder: Not a directory; check the path")


@pytest.mark.parametrize(("role", "ends_at_once"), [({}, False), ({"MS_ROLE": "MS_WORKER"}, True)])
def test_a_rank_that_fails_leaves_before_anything_can_crash_it(role, ends_at_once):
    code = ("import atexit, sys\nfrom model_utils.errors import UserError, run_cli\natexit.register(print, 'way out')\n"
            "def main(argv):\n    print('seen')\n    raise UserError('late')\nsys.exit(run_cli(main))")
    done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).resolve().parents[2], text=True,
                          capture_output=True, env={**os.environ, **role}, check=False)
    assert (done.returncode, done.stderr) == (1, "error: late\n")
    assert done.stdout == "seen\n" + ("" if ends_at_once else "way out\n")


def test_a_code_that_cannot_be_left_changes_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv(EXIT_CODE_FILE, str(tmp_path / "code"))
    assert run_cli(lambda argv: 3) == 3 and (tmp_path / "code").read_text() == "3"
    monkeypatch.setenv(EXIT_CODE_FILE, str(tmp_path / "gone" / "code"))
    assert run_cli(lambda argv: 3) == 3 and run_cli(lambda argv: None) == 0


def test_a_package_that_is_not_installed_is_named_with_what_installs_it(capsys):
    assert run_cli(lambda argv: importlib.import_module("no_such_package.part")) == 1
    assert capsys.readouterr().err == (f"error: the package no_such_package is not installed for {sys.executable}; "
                                       "expected those of requirements.txt: pip install -r requirements.txt\n")
    for name in ("src.no_such_module", "json.no_such_module"):
        with pytest.raises(ModuleNotFoundError, match=name):
            run_cli(lambda argv, name=name: importlib.import_module(name))


def test_other_exceptions_pass_through():
    with pytest.raises(OSError, match="no file has anything to do with it"):
        run_cli(raising(OSError("no file has anything to do with it")))
    with pytest.raises(ZeroDivisionError):
        run_cli(raising(ZeroDivisionError()))
    with pytest.raises(SystemExit):
        run_cli(raising(SystemExit(0)))


@pytest.mark.parametrize(("returned", "code"), [(None, 0), (0, 0), (3, 3)])
def test_returns_the_exit_code_of_the_program_and_passes_its_arguments(returned, code):
    seen = []
    assert run_cli(lambda argv: seen.append(argv) or returned, ["--lr", "1"]) == code
    assert seen == [["--lr", "1"]]


def test_a_lack_of_memory_names_what_was_too_large(capsys):
    assert run_cli(lambda argv: np.ones((1 << 40, 64))) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: out of memory (Unable to allocate 512. TiB for an array with shape (10995116277")
    assert "lower per_batch_size" in error and error.count("\n") == 1
    detail = "Memory isn't enough and alloc failed, kernel name: Default/data-121, alloc size: 1B."
    of_mindspore = RuntimeError(f"----\n- Memory not enough:\n----\n{detail}\n\n----\n- C++ Call Stack:\n----")
    for exception, reason in ((MemoryError("std::bad_alloc"), "std::bad_alloc"), (MemoryError(), "MemoryError"),
                              (of_mindspore, detail)):
        assert run_cli(raising(exception)) == 1
        error = capsys.readouterr().err
        assert error.startswith(f"error: out of memory ({reason}); lower ") and error.count("\n") == 1
    with pytest.raises(RuntimeError):
        run_cli(raising(RuntimeError("another one")))


@pytest.mark.parametrize(("text", "shown"), [
    ("Größe 大きさ", "Größe 大きさ"),
    ("a\x1b[2Jb\r\x00\x85\u202e", "a\\x1b[2Jb\\r\\x00\\x85\\u202e"),
    ("name\n2026-11-29:INFO:done\n  indented\n", "name\n  2026-11-29:INFO:done\n  indented\n"),
    (os.fsdecode(b"\xff.jpg"), "\\udcff.jpg"),
])
def test_what_is_printed_can_neither_work_on_a_console_nor_look_like_another_message(text, shown, capsys):
    assert printable(text) == shown
    assert run_cli(raising(UserError(text))) == 1
    assert capsys.readouterr().err == f"error: {shown}\n"


@pytest.mark.parametrize(("things", "one"), [
    ("images", "1 image"), ("boxes of an image that is not in the file", "1 box of an image that is not in the file"),
    ("categories without a box", "1 category without a box"), ("classes have another id", "1 class has another id"),
    ("damaged images: used as decoded", "1 damaged image: used as decoded"),
    ("yaml files that are not there, and have no names", "1 yaml file that is not there, and has no names"),
    ("detections", "1 detection"), ("batches", "1 batch"), ("lines of 5 columns", "1 line of 5 columns")])
def test_one_thing_is_singular_and_any_other_number_plural(things, one):
    assert counted(1, things) == one
    assert [counted(number, things) for number in (0, 2)] == [f"0 {things}", f"2 {things}"]

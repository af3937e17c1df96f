# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The table of tools/faults/bad_input.py, in this process, and that its check finds what is wrong."""
import contextlib
import importlib
import io
import re

import pytest

from model_utils import device_adapter
from model_utils.errors import run_cli
from tools.faults.bad_input import CASES, ON_A_DEVICE, arguments_of, try_case
from tools.faults.input_case import BadInput, put
from tools.faults.sound_input import make_sound_input


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("input") / "sound"
    make_sound_input(folder)
    return folder


@pytest.fixture
def start(monkeypatch):
    """Return a function that runs a case in this process; it returns exit code, output and errors."""
    def run(case, place):
        program = importlib.import_module(case.program)
        monkeypatch.chdir(place)
        if case.program in ON_A_DEVICE:
            # MindSpore takes a device only before its first operator, and other tests may have run one.
            for module in (program, device_adapter):
                monkeypatch.setattr(module, "setup_device", lambda config: None, raising=False)
        output, errors = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                code = run_cli(program.main, arguments_of(case))
            except SystemExit as exit_of_argparse:
                code = exit_of_argparse.code
        return code, output.getvalue(), errors.getvalue()

    return run


@pytest.mark.parametrize("case", [case for case in CASES if not case.needs_process], ids=lambda case: case.name)
def test_bad_input_is_refused_by_a_message_and_nothing_is_left(sound, tmp_path, start, case):
    assert try_case(case, sound, tmp_path / "place", start) == ""


def test_the_names_differ():
    assert len({case.name for case in CASES}) == len(CASES) >= 60


SPOILED = BadInput("a name", "train", "", "a.json: broken; copy it again", [put("a.json", "{")], leaves=["out/*"])
MESSAGE = "error: a.json: broken; copy it again\n"


@pytest.mark.parametrize("code, errors, name, fault", [
    (1, MESSAGE, "out/log", ""), (0, "", "out/log", "exit code 0, expected 1"), (None, "", "out/log", "exit code"),
    (1, "error: a.json: bad", "out/log", "expected the message 'a.json: broken; copy it again', found error: a."),
    (1, MESSAGE + "Traceback (most", "out/log", "a traceback"), (1, MESSAGE + "x" * 3000, "out/log", "a message of 30"),
    (1, MESSAGE, "in/log", r"files that were changed or left: \['in/log'\]"),
    (1, MESSAGE, "a.json", r"files that were changed or left: \['a.json'\]"),
])
def test_what_is_wrong_is_found(tmp_path, code, errors, name, fault):
    (tmp_path / "sound").mkdir()

    def start(case, place):
        put(name, "[]")(place)
        return code, "", errors

    found = try_case(SPOILED, tmp_path / "sound", tmp_path / "place", start)
    assert re.match(fault, found) if fault else found == ""

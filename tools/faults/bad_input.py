# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Kinds of bad input to the programs: each ends with one message that says what to do, and leaves nothing half-written.

    print(run(Path("work")))

A message names the file or the key, what was found, what was expected and the cure; exit code 1 or 2.
"""
import os
import re
import resource
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path

from model_utils.files import ROOT
from tools.faults.bad_data import ANNOTATIONS, EXPORTS, FOLDERS, IMAGES
from tools.faults.bad_models import CHECKPOINTS, DARKNET, MODELS, PLACES, RANKS, STARTS
from tools.faults.bad_options import COMMAND_LINES, CONFIG_FILES
from tools.faults.outcome import Outcome
from tools.faults.sound_input import make_sound_input

CASES = (*COMMAND_LINES, *CONFIG_FILES, *FOLDERS, *ANNOTATIONS, *IMAGES, *EXPORTS, *CHECKPOINTS, *STARTS, *DARKNET,
         *RANKS, *MODELS, *PLACES)
# Programs with the options of the network and its device.
ON_A_DEVICE = ("train", "eval", "predict", "export")
MAX_MESSAGE = 3000
# A program that reads what never ends would hang.
LIMIT_S = 300


def run(work: Path, count: int | None = None) -> Outcome:
    """Return the `Outcome` of the kinds of bad input, each given to a process of its own.

    Args:
        work: a folder for the inputs; made if missing.
        count: of kinds, spread over the table; None: all.
    """
    sound = work / "sound"
    shutil.rmtree(work, ignore_errors=True)
    make_sound_input(sound)
    cases = CASES[::max(1, len(CASES) // count)][:count] if count else CASES
    faults = [(case.name, fault) for case in cases if (fault := try_case(case, sound, work / "place"))]
    return Outcome("bad input", len(cases), "nothing: each is refused by a message, and no file is left",
                   tuple(f"{name}: {fault}" for name, fault in faults))


def try_case(case, sound, place, start=None):
    """Return what is wrong with the end of a program on one kind of bad input, "" for nothing.

    Args:
        case (BadInput): the kind.
        sound (Path): what `make_sound_input` wrote.
        place (Path): folder in which the program works; is removed.
        start (callable): runs the case in its folder, and returns exit code, output and errors; None: as a process.
    """
    # The same files: a prepared one takes the place of its link.
    shutil.copytree(sound, place, copy_function=os.link)
    try:
        for prepare in case.prepare:
            prepare(place)
        before = files(place)
        code, output, errors = (start or run_process)(case, place)
        left = [name for name, status in files(place).items()
                if before.get(name) != status and not any(fnmatch(name, pattern) for pattern in case.leaves)]
        return fault_of(case, code, output, errors, [*left, *before.keys() - files(place)])
    finally:
        shutil.rmtree(place)


def arguments_of(case):
    """Return the arguments of a program."""
    return [*case.arguments.split(), *["--device_target=CPU"] * (case.program in ON_A_DEVICE)]


def run_process(case, place):
    """Run a program on bad input in a process; returns exit code, output and errors."""
    path = ROOT / f"{case.program.replace('.', '/')}.py"
    command = ["-m", case.program] if case.program.startswith(("src.", "scripts.")) else [str(path)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{place.resolve()}", "PYTHONDONTWRITEBYTECODE": "1",
                   "YOLOV3_TINY_CACHE": str(place.resolve().parent / "cache")}
    limit = case.max_file_bytes or resource.RLIM_INFINITY
    try:
        done = subprocess.run([sys.executable, *command, *arguments_of(case)], cwd=place, env=environment, text=True,
                              errors="replace", stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT_S,
                              preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)))
    except subprocess.TimeoutExpired:
        return None, "", f"no end after {LIMIT_S} s"
    return done.returncode, done.stdout, done.stderr


def fault_of(case, code, output, errors, changed):
    """Return what is wrong with an exit code, the output, the errors and the files that were changed or left."""
    if code != case.code:
        return f"exit code {code}, expected {case.code}: {errors[-MAX_MESSAGE:]}"
    if "Traceback" in output + errors:
        return f"a traceback: {(output + errors)[-MAX_MESSAGE:]}"
    # A report of tools/check_dataset.py is output.
    if not re.search(f"error: .*(?:{case.message})", errors or output, re.DOTALL):
        return f"expected the message {case.message!r}, found {errors[:MAX_MESSAGE]}"
    if len(errors) > MAX_MESSAGE:
        return f"a message of {len(errors)} characters: {errors[:MAX_MESSAGE]}"
    return f"files that were changed or left: {sorted(changed)}" if changed else ""


def files(folder):
    """Return {path below the folder: size and time of change} of all files, also of hidden ones."""
    return {str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns)
            for path in folder.rglob("*") if not path.is_dir()}

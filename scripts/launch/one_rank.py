# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run one rank, or the scheduler, of a job: msrun starts this once for each, `python3 scripts/launch/one_rank.py PLAN`.

The plan, written by scripts/launch/launch.py, holds the command, the environment, the cores and the log of each
process. The exit code is written beside the plan as NAME.exit, because msrun keeps no exit codes. Only the standard
library is used: python3 may be another Python than that of the program, and this process should stay small.
"""
import ctypes
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

# Of prctl(2): the signal that this process gets when its parent dies.
PR_SET_PDEATHSIG = 1
# Names the file where a program leaves the exit code that it means to have: model_utils/errors.py, which this process
# cannot import, writes it.
EXIT_CODE_FILE = "YOLOV3_TINY_EXIT_CODE_FILE"
# Exit codes of a program that SIGINT or SIGTERM stopped.
STOPPED = (128 + signal.SIGINT, 128 + signal.SIGTERM)
STOP_SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)


def die_with_parent(parent):
    """Have the kernel kill this process when the process `parent`, its parent, is gone; also if it is gone already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def process_name(environment):
    """Return the name that this process has in the plan, from the environment that msrun gave it."""
    if environment.get("MS_ROLE") == "MS_SCHED":
        return "scheduler"
    return "rank_" + environment["RANK_ID"]


def prepare(parent, heeds_signals):
    """Let the program that this process becomes die with its parent; unblock the signals that msrun blocks."""
    die_with_parent(parent)
    if heeds_signals:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)


def run_process(planned, code_file, heeds_signals=True):
    """Run a program of the plan to its end; returns its exit code, -N where the signal N killed it.

    The code that the program left in `code_file` counts: on its way out, when its work is done, MindSpore's
    communication may crash a rank whose neighbours have left, or not yet.
    """
    code_file.unlink(missing_ok=True)
    os.sched_setaffinity(0, planned["cores"])
    parent = os.getpid()
    with open(planned["log"], "ab") as log:
        process = subprocess.Popen(planned["command"], cwd=planned["folder"], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, preexec_fn=lambda: prepare(parent, heeds_signals),
                                   env={**os.environ, **planned["environment"], EXIT_CODE_FILE: str(code_file)})
        code = process.wait()
        text = code_file.read_text(encoding="utf-8") if code_file.exists() else ""
        # Empty: killed while it wrote.
        if not text:
            return code
        meant = int(text)
        if meant != code:
            log.write(f"the exit code is {meant}: after the work, on the way out, it became {code}\n".encode())
        return meant


def write_whole(path, text):
    """Write a file that never exists half written: the launcher reads it as soon as it finds it."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def main(argv):
    """Run the program that the plan has for this process; returns its exit code, 128 + N for the signal N.

    The code of a program that a signal stopped is 0 for msrun, which would kill the others while they save.
    """
    die_with_parent(os.getppid())
    plan = Path(argv[0])
    name = process_name(os.environ)
    # msrun starts a scheduler on each node that has the master's address: twice, where two nodes share a machine.
    planned = json.loads(plan.read_text(encoding="utf-8")).get(name)
    if planned is None and name == "scheduler":
        return 0
    try:
        code = run_process(planned, plan.parent / f"{name}.code", heeds_signals=name != "scheduler")
    except OSError as error:
        print(f"error: {name}: {error}", file=sys.stderr)
        code = 1
    write_whole(plan.parent / f"{name}.exit", f"{code}\n")
    return 128 - code if code < 0 else 0 if code in STOPPED else code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

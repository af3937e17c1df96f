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


def run_process(planned):
    """Run a program of the plan to its end; returns its exit code, -N where the signal N killed it."""
    os.sched_setaffinity(0, planned["cores"])
    parent = os.getpid()
    with open(planned["log"], "ab") as log:
        process = subprocess.Popen(planned["command"], cwd=planned["folder"], stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, env={**os.environ, **planned["environment"]},
                                   preexec_fn=lambda: die_with_parent(parent))
        return process.wait()


def write_whole(path, text):
    """Write a file that never exists half written: the launcher reads it as soon as it finds it."""
    new = path.with_name(path.name + ".new")
    new.write_text(text, encoding="utf-8")
    os.replace(new, path)


def main(argv):
    """Run the program that the plan has for this process; returns its exit code, 128 + N for the signal N."""
    die_with_parent(os.getppid())
    plan = Path(argv[0])
    name = process_name(os.environ)
    # msrun starts a scheduler on each node that has the master's address: twice, where two nodes share a machine.
    planned = json.loads(plan.read_text(encoding="utf-8")).get(name)
    if planned is None and name == "scheduler":
        return 0
    try:
        code = run_process(planned)
    except OSError as error:
        print(f"error: {name}: {error}", file=sys.stderr)
        code = 1
    write_whole(plan.parent / f"{name}.exit", f"{code}\n")
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

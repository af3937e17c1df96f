# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The long form of the tests of faults: do what machines, disks and people do to a training run, and count the losses.

    python tools/torture.py                          # everything, about an hour and a half
    python tools/torture.py kills --count 10         # one kind, ten times

    kills        SIGKILL at random moments, with --resume auto after each (200)
    full_disk    a small disk that becomes full at each write of a run (24 sizes; as root)
    power_loss   the recorded writes of a run, replayed to every prefix
    bad_input    commands with bad options, files and data
    loaders      random and changed content for everything that reads a file (20 000 inputs)
    soak         2 000 steps: memory, open files and threads

The table says what was tried, survived and lost; exit code 0 means that nothing was lost but the steps since the last
saved state.
"""
import argparse
import importlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

if not __package__:
    # Started as tools/torture.py: Python looks for packages beside this file.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import model_utils.bootstrap  # noqa: F401  (before any MindSpore)

from model_utils.errors import UserError, printable, run_cli
from tools.faults.outcome import Outcome

# A module of tools/faults for each kind, and how often it is tried; None: as often as there is something to try.
KINDS = {"kills": 200, "full_disk": 24, "power_loss": None, "bad_input": None, "loaders": 20_000, "soak": 2_000}


def torture(kind, count, work):
    """Return the `Outcome`s of a kind of fault; what keeps it from being tried is one that failed."""
    folder, started = work / kind, time.monotonic()
    folder.mkdir()
    try:
        outcomes = importlib.import_module(f"tools.faults.{kind}").run(folder, *([] if count is None else [count]))
        outcomes = [outcomes] if isinstance(outcomes, Outcome) else list(outcomes)
    except UserError as error:
        outcomes = [Outcome(kind, 1, "", (f"was not tried: {error}",))]
    shutil.rmtree(folder)
    say(f"{kind}: {time.monotonic() - started:.0f} s")
    return outcomes


def say(text):
    """Print lines at once, without characters that would work on a console."""
    print(printable(text, keeps_lines=True), flush=True)


def table(outcomes):
    """Return outcomes as Markdown."""
    rows = [f"| {one.fault} | {one.tried} | {one.survived} | {one.lost} |" for one in outcomes]
    return "\n".join(["| fault | tried | survived | lost |", "|---|---|---|---|", *rows])


def main(argv=None):
    """Try the kinds of faults that the arguments name; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python tools/torture.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="kind", help=f"{', '.join(KINDS)} (all)")
    parser.add_argument("--count", type=int, help="tries of each kind that has a number, in place of that")
    parser.add_argument("--work", type=Path, help="folder for data and runs, about 3 GB (a temporary one)")
    arguments = parser.parse_args(argv)
    if unknown := set(arguments.kinds) - set(KINDS):
        parser.error(f"{', '.join(sorted(unknown))}: expected {', '.join(KINDS)}")
    outcomes = []
    with tempfile.TemporaryDirectory(dir=arguments.work) as work:
        for kind in arguments.kinds or KINDS:
            outcomes += torture(kind, KINDS[kind] and (arguments.count or KINDS[kind]), Path(work))
    for outcome in outcomes:
        for failure in outcome.failures:
            say(f"FAILED {outcome.fault}: {failure}")
    say(table(outcomes))
    return 1 if any(outcome.failures for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(run_cli(main))

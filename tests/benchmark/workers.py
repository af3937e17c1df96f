# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Worker processes that measure on request, so that two programs can be compared turn by turn.

A worker prints one line of json when it is ready (its settings), then one line for each line it reads. Between turns it
waits for input and uses no processor time.
"""
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from model_utils.local_adapter import usable_cores

REPO = Path(__file__).resolve().parents[2]
# First steps whose losses must be the same in two programs: from the second on they depend on gradients and optimizer.
COMPARED_STEPS = 3


class Worker:
    """A running program that calls `serve`; `info` holds the settings that it reported.

    Args:
        module (str): to run by `python -m`, such as "tests.benchmark.torch_twin".
        arguments (sequence): of its command line.
        environment (dict): of the process.

    Raises:
        RuntimeError: the program ended before it was ready, or during a measurement; its own output is on stderr.
    """

    def __init__(self, module, arguments, environment):
        self.command = [sys.executable, "-m", module, *map(str, arguments)]
        self._process = subprocess.Popen(self.command, cwd=REPO, env=environment, text=True, stdin=subprocess.PIPE,
                                         stdout=subprocess.PIPE)
        self.info = self._answer()

    def measure(self, what):
        """Request one measurement and return its result."""
        self._process.stdin.write(f"{what}\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self):
        """End the program."""
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _answer(self):
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(self.command)}: ended with exit code {self._process.wait()}")
        return json.loads(line)


def serve(info, measurements):
    """Print `info`, then for each line of standard input, the name of a measurement, its result, as json.

    Args:
        info (dict): settings to report; `measurements`, their names, is added.
        measurements (dict): name to function without arguments that returns what json holds.
    """
    # Output of libraries must not mix with the answers.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    print(json.dumps({**info, "measurements": list(measurements)}), file=answers)
    for line in sys.stdin:
        print(json.dumps(measurements[line.strip()]()), file=answers)


def timed(function, times):
    """Return the seconds of one call, the mean of several."""
    started = time.perf_counter()
    for _ in range(times):
        function()
    return (time.perf_counter() - started) / times


def interleaved(programs, rounds):
    """Return {name: [result of each round]} of functions that are called in turn, every second round in reverse.

    Args:
        programs (dict): name to function without arguments.
        rounds (int): how often each is called.
    """
    results = {name: [] for name in programs}
    for number in range(rounds):
        names = list(programs)
        for name in names if number % 2 == 0 else reversed(names):
            results[name].append(programs[name]())
    return results


def ratio(rates, reference_rates):
    """Return the median, smallest and largest ratio of the rates of two programs, round by round."""
    ratios = [ours / theirs for ours, theirs in zip(rates, reference_rates, strict=True)]
    return {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios), "rounds": len(ratios)}


def machine():
    """Return a text of the processor, the cores that may be used, and the Python version."""
    models = [line.split(":", 1)[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
              if line.startswith("model name")] if Path("/proc/cpuinfo").is_file() else []
    model = models[0] if models else platform.machine()
    return f"{model}, {usable_cores()} cores, Python {platform.python_version()}"

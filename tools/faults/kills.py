# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""SIGKILL to a training process at random moments, many of them in the middle of a save, and --resume auto after each.

After each kill the newest state must be whole, and at least of the step of the last save that had returned. At last the
run must end with the weights, moments and averages of an unbroken one, bit by bit.
"""
import math
import os
import shutil
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from model_utils.errors import UserError
from model_utils.files import LOCK, WRITING
from src.weights.checkpoint_folder import LAST, newest_state
from tools.faults import recorder
from tools.faults.outcome import Outcome
from tools.faults.small_run import SMALL, STEPS_PER_EPOCH, digest, make_data, start

INTERVAL = 2
# Share of the kills that are aimed at a save.
AIMED = 2 / 3
# A process is killed at the latest when it has saved so often: a run that is killed early comes further more slowly,
# but all of its kills come before its end.
SAVES = 2
POLL_S, LIMIT_S = 0.001, 900
TIMED, AT_SAVE, END = "SIGKILL at a random moment", "SIGKILL in a save", "end of the run after all SIGKILLs"


class Moment(NamedTuple):
    """When a process is killed: `seconds` after its start or, if `save` is not 0, after an operation of that save."""

    seconds: float
    save: int = 0
    operation: int = 0


def saves(operations):
    """Return (begins, returns) of the saves of states, as numbers of operations."""
    return [[number for number, operation in enumerate(operations)
             if operation.kind == kind and Path(operation.path).name == LAST]
            for kind in (recorder.SAVE, recorder.SAVED)]


class Life:
    """A training process under a recorder, from its start to its end.

    Args:
        out (Path): ckpt_path.
        data (Path): data set.
        log (Path): of the recorder.
        options (list): of train.py.
        program (sequence): what starts the recorder.
    """

    def __init__(self, out, data, log, options, program):
        self.log, self.started = log, time.monotonic()
        self.log.touch()
        self.process = start(out, data, *options, program=recorder.words(log, out, program=program),
                             core=max(os.sched_getaffinity(0)))

    @property
    def operations(self):
        """The operations so far."""
        return recorder.read_log(self.log)

    def finish(self):
        """Wait for the end; a `UserError` reports an exit code that is not 0."""
        error = self.process.communicate()[1].decode()
        if self.process.returncode:
            raise UserError(f"{self.log}: training ended with exit code {self.process.returncode}: {error.strip()}")

    def kill(self, moment, limit):
        """Kill the process at a `Moment`, or when `limit` saves have returned, or for 0 as soon as one begins.

        Raises:
            UserError: it ended before, or came to no such moment.
        """
        read, due = 0, None if moment.save else self.started + moment.seconds
        while self.process.poll() is None and time.monotonic() - self.started < LIMIT_S:
            size = self.log.stat().st_size
            if size != read:
                read, operations = size, self.operations
                begins, returns = saves(operations)
                if (limit and len(returns) >= limit) or (not limit and begins):
                    break
                if 0 < moment.save <= len(begins):
                    rest = operations[begins[moment.save - 1] + moment.operation:]
                    due = rest[0].seconds + moment.seconds if rest else None
            if due is not None and time.monotonic() >= due:
                break
            time.sleep(POLL_S)
        else:
            self.process.kill()
            self.finish()
            raise UserError(f"{self.log}: training ended before it was to be killed")
        self.process.kill()
        self.process.communicate()


class Moments:
    """Draws random moments.

    Args:
        unbroken (Life): a process that ended by itself; it decides how long the others live at most, and a save takes.
        seed (int): decides the moments.
    """

    def __init__(self, unbroken, seed):
        operations = unbroken.operations
        begins, returns = saves(operations)
        self.random, self.life = np.random.default_rng(seed), operations[returns[SAVES - 1]].seconds - unbroken.started
        self.operations = min(np.subtract(returns, begins))
        self.seconds = min(operations[after].seconds - operations[begin].seconds
                           for begin, after in zip(begins, returns, strict=True))

    def draw(self, is_aimed):
        """Return the next `Moment`, at any time or in a save: there at any time, or at any of its operations.

        Most of the time goes by in one operation, the write of the tensors.
        """
        if not is_aimed:
            return Moment(self.random.uniform(0, self.life))
        save = int(self.random.integers(SAVES)) + 1
        if self.random.integers(2):
            return Moment(self.random.uniform(0, self.seconds), save)
        return Moment(0.0, save, int(self.random.integers(self.operations)))


class Killed:
    """A run that is killed and started again.

    Args:
        out (Path): its ckpt_path.
        total (int): its steps.
    """

    def __init__(self, out, total):
        self.out, self.total, self.saved, self.step, self.strays = out, total, 0, 0, set()

    @property
    def limit(self):
        """Saves that may return before the next kill, so that one is left for the end."""
        return min(SAVES, math.ceil((self.total - self.step) / INTERVAL) - 1)

    def check(self, operations):
        """Return what is wrong on the disk after the latest process was killed, "" for nothing."""
        _, returns = saves(operations)
        if returns:
            self.saved = int(operations[returns[-1]].target)
        checkpoint, faults = newest_state([self.out])
        self.step = checkpoint.meta["progress"]["step"] if checkpoint else 0
        if self.step < self.saved:
            faults.append(f"the newest whole state is of step {self.step}, step {self.saved} had been saved")
        # A folder without a lock may be that of a living process for an hour.
        strays = {path.parent for path in self.out.rglob(f".*{WRITING}/{LOCK}")}
        # The start removes strays before it makes the folder of its run.
        if any(operation.kind == recorder.MKDIR and os.sep not in operation.path for operation in operations):
            faults += [f"{path} is still there after the next start" for path in sorted(self.strays & strays)]
        self.strays = strays
        runs = sorted(self.out.iterdir())
        for path in runs[:-2]:
            if not checkpoint or path not in Path(checkpoint.path).parents:
                shutil.rmtree(path)
        return "; ".join(faults)


def is_in_a_save(operations):
    """Return whether a process that ended after these operations was saving."""
    kinds = [operation.kind for operation in operations if operation.kind in (recorder.SAVE, recorder.SAVED)]
    return bool(kinds) and kinds[-1] == recorder.SAVE


def run(work, count, seed=1, program=(recorder.PROGRAM,)):
    """Kill a run, and let it end; returns an `Outcome` for kills at any time, one for those in a save, one for the end.

    Args:
        work (Path): an empty folder; about 2 GB.
        count (int): kills.
        seed (int): decides when.
        program (sequence): what starts the recorder.

    Raises:
        UserError: training ended by itself before it was to be killed, or with an error.
    """
    work = Path(work)
    # Not shorter than the warm-up.
    data, epochs = make_data(work / "data"), max(2, math.ceil(count * INTERVAL / STEPS_PER_EPOCH))
    options = [*SMALL, f"--max_epoch={epochs}", f"--ckpt_interval={INTERVAL}", "--keep_checkpoint_max=3",
               "--resume=auto"]
    for name in ("unbroken", "killed", "logs"):
        (work / name).mkdir()
    unbroken = Life(work / "unbroken", data, work / "logs" / "unbroken.jsonl", options, program)
    unbroken.finish()
    moments = Moments(unbroken, seed)
    killed, total = Killed(work / "killed", epochs * STEPS_PER_EPOCH), {TIMED: [], AT_SAVE: []}
    saving = dict.fromkeys(total, 0)
    for number in tqdm(range(count), "kills", disable=not sys.stderr.isatty()):
        fault = AT_SAVE if int((number + 1) * AIMED) > int(number * AIMED) else TIMED
        life = Life(killed.out, data, work / "logs" / f"{number}.jsonl", options, program)
        life.kill(moments.draw(fault == AT_SAVE), killed.limit)
        operations = life.operations
        saving[fault] += is_in_a_save(operations)
        lost = killed.check(operations)
        where = operations[-1] if operations else "its start"
        total[fault].append(lost and f"kill {number}, in {where}: {lost}")
    Life(killed.out, data, work / "logs" / "end.jsonl", options, program).finish()
    ends = [newest_state([work / name])[0] for name in ("unbroken", "killed")]
    steps, digests = [end.meta["progress"]["step"] for end in ends], [digest(end.path) for end in ends]
    same = digests[0] == digests[1]
    return [*(Outcome(fault, len(found), f"nothing that was saved; {saving[fault]} of them while it was being written",
                      tuple(filter(None, found))) for fault, found in total.items()),
            Outcome(END, 1, "no bit of weights, moments and averages", () if same else (
                f"the state of step {steps[1]} is not that of the unbroken run, of step {steps[0]}",))]

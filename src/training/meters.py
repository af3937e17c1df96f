# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Meters of a run: sums of the loss, counts of bad steps, and the clock; what log lines and metrics.csv are made of."""
import math
import time
from dataclasses import dataclass, field

import numpy as np

from src.logger import peak_memory_mb
from src.loss import LOSS_PARTS


def format_parts(parts):
    """Return the parts of a loss, in the order of `LOSS_PARTS`, as text."""
    return ", ".join(f"{name}:{value:.2f}" for name, value in zip(LOSS_PARTS, parts, strict=True))


def sums_by_kind(parts):
    """Return the parts of a loss by their kind, whatever the scale: box, objectness and class.

    Args:
        parts (dict): with the names of `LOSS_PARTS`, which end with the stride of the scale.
    """
    sums = {}
    for name in LOSS_PARTS:
        kind = name.rstrip("0123456789")
        sums[kind] = sums.get(kind, 0.0) + parts[name]
    return sums


@dataclass
class LossSum:
    """Sums over some steps: finite losses and their parts, their count, and the number of steps that were skipped."""

    loss: float = 0.0
    steps: int = 0
    skipped: int = 0
    parts: np.ndarray = field(default_factory=lambda: np.zeros(len(LOSS_PARTS)))

    @classmethod
    def of_epoch(cls, progress):
        """Return the sums of the epoch that a `Progress` is in."""
        parts = progress.epoch_parts or [0.0] * len(LOSS_PARTS)
        return cls(progress.epoch_loss, progress.epoch_steps, parts=np.array(parts))

    def add(self, other):
        """Add other sums."""
        self.loss += other.loss
        self.steps += other.steps
        self.skipped += other.skipped
        self.parts = self.parts + other.parts

    def mean(self):
        """Return the mean of the finite losses, NaN where there is none."""
        return self.loss / self.steps if self.steps else math.nan

    def mean_parts(self):
        """Return the mean of each part of the loss, in the order of `LOSS_PARTS`."""
        return self.parts / max(self.steps, 1)


@dataclass(frozen=True)
class BadSteps:
    """Rows of steps that were not finite: the length of the longest, its loss parts, and the length of the last row."""

    longest: int
    current: int
    parts: str


class LossWindow:
    """The losses of the latest steps, kept on the device, so that no step waits for the host to read one."""

    def __init__(self):
        self._results = []

    def add(self, loss, parts, finite):
        """Note the results of one step (device tensors)."""
        self._results.append((loss, parts, finite))

    def flush(self, bad_steps_in_row=0):
        """Read and forget the noted results.

        Args:
            bad_steps_in_row (int): how many steps just before this window were not finite.

        Returns:
            (LossSum, BadSteps)
        """
        total, row, longest, longest_parts = LossSum(), bad_steps_in_row, bad_steps_in_row, ""
        for loss, parts, finite in self._results:
            if bool(finite.asnumpy()):
                total.loss += float(np.float64(loss.asnumpy()))
                total.steps += 1
                total.parts += parts.asnumpy()
                row = 0
                continue
            total.skipped += 1
            row += 1
            if row > longest:
                longest, longest_parts = row, format_parts(parts.asnumpy())
        self._results = []
        return total, BadSteps(longest, row, longest_parts)


# The first steps after a compilation are slower than others.
FIRST_STEPS, TIMED_STEPS = 3, 10


class RunClock:
    """Wall-clock time of the training steps, without validation and saving, and of the whole run."""

    def __init__(self, step):
        self.first_step, self.start = step, time.perf_counter()
        self.epoch_seconds = 0.0
        self.restart(step)

    def restart(self, step):
        """Start the lap and the epoch at this step; what came before is not training."""
        self._lap_start = self._epoch_start = time.perf_counter()
        self._lap_step = self._epoch_step = step
        self._data_seconds, self._timed_from = 0.0, None

    def next_batch(self, stream):
        """Return the next batch of an iterator, None at its end; the time counts as waiting for data."""
        start = time.perf_counter()
        batch = next(stream, None)
        self._data_seconds += time.perf_counter() - start
        return batch

    def lap(self, step):
        """Return steps a second since the last lap, and start a new one."""
        now = time.perf_counter()
        rate = (step - self._lap_step) / max(now - self._lap_start, 1e-9)
        self._lap_start, self._lap_step = now, step
        return rate

    def epoch(self, step):
        """Return steps a second of the epoch that ends at `step`."""
        self.epoch_seconds = time.perf_counter() - self._epoch_start
        return (step - self._epoch_step) / max(self.epoch_seconds, 1e-9)

    def step_times(self, step):
        """Return (data time, step time), mean seconds a step waited for its batch and took without that, in an epoch.

        To be called after `epoch`, with the same step.
        """
        steps = max(step - self._epoch_step, 1)
        return self._data_seconds / steps, (self.epoch_seconds - self._data_seconds) / steps

    def remaining(self, step, total_steps):
        """Return the seconds that the rest of the run will take at the pace of this process so far, all included."""
        return (time.perf_counter() - self.start) / max(step - self.first_step, 1) * (total_steps - step)

    def pace(self, step, compile_seconds):
        """Return the seconds of a step by the `TIMED_STEPS` before this one, which follow `FIRST_STEPS`, else None.

        Args:
            step (int): that has ended.
            compile_seconds (float): of the run so far, which are of no step.
        """
        now = time.perf_counter() - compile_seconds
        if step - self.first_step == FIRST_STEPS:
            self._timed_from = now
        if self._timed_from is None or step - self.first_step != FIRST_STEPS + TIMED_STEPS:
            return None
        return (now - self._timed_from) / TIMED_STEPS


class Meters:
    """Loss and speed of a run: since the last log line, and in the current epoch.

    Args:
        progress (Progress): its epoch sums and counts of bad steps are updated, so that a resumed run continues them.
        images_per_step (int): on all ranks.
    """

    def __init__(self, progress, images_per_step):
        self.progress, self.images_per_step = progress, images_per_step
        self.window, self.since_log, self.clock = LossWindow(), LossSum(), RunClock(progress.step)

    def add(self, loss, parts, finite):
        """Note the results of one step (device tensors)."""
        self.window.add(loss, parts, finite)

    def flush(self):
        """Move the results of the window from the device into all sums; returns what `LossWindow.flush` does."""
        progress = self.progress
        added, bad = self.window.flush(progress.bad_steps_in_row)
        self.since_log.add(added)
        epoch = LossSum.of_epoch(progress)
        epoch.add(added)
        progress.epoch_loss, progress.epoch_steps, progress.epoch_parts = epoch.loss, epoch.steps, epoch.parts.tolist()
        progress.skipped_steps += added.skipped
        progress.bad_steps_in_row = bad.current
        return added, bad

    def lap(self):
        """Return the mean loss and the images a second since the last lap, and start a new one."""
        loss, self.since_log = self.since_log.mean(), LossSum()
        return loss, self.clock.lap(self.progress.step) * self.images_per_step

    def epoch_loss(self):
        """Return the mean of the finite losses of the epoch so far, NaN where there is none."""
        return LossSum.of_epoch(self.progress).mean()

    def epoch_row(self, epoch, lr):
        """Return the row of metrics.csv of the epoch that ends now, without the results of validation."""
        step, sums = self.progress.step, LossSum.of_epoch(self.progress)
        rate = self.clock.epoch(step) * self.images_per_step
        data_time, step_time = self.clock.step_times(step)
        return {"epoch": epoch, "step": step, "lr": float(lr), "loss": sums.mean(),
                **dict(zip(LOSS_PARTS, sums.mean_parts(), strict=True)), "images_per_second": rate,
                "seconds": self.clock.epoch_seconds, "data_time": data_time, "step_time": step_time,
                "peak_memory_mb": peak_memory_mb(), "replaced_samples": self.progress.epoch_replaced}

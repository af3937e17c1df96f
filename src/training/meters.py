# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Where a run is and how it goes: its position, sums of the loss, and the clock."""
import math
import time
from dataclasses import dataclass, field

import numpy as np

from src.loss import LOSS_PARTS


@dataclass
class Progress:
    """Where a run is; with the tensors of `last.ckpt` all that is needed to go on.

    `bad_steps_in_row` counts the last steps whose loss or gradient was not finite, `validations_without_gain` the last
    validations that were not better than the best; `loss_scale` and `good_steps` are the state of the loss scaler.
    """

    step: int = 0
    epoch_loss: float = 0.0
    epoch_steps: int = 0
    epoch_parts: list = field(default_factory=list)
    best_score: float = -math.inf
    skipped_steps: int = 0
    bad_steps_in_row: int = 0
    validations_without_gain: int = 0
    loss_scale: float = 0.0
    good_steps: int = 0


def parts_in_words(parts):
    """Return the parts of a loss, in the order of `LOSS_PARTS`, as text."""
    return ", ".join(f"{name}:{value:.2f}" for name, value in zip(LOSS_PARTS, parts.tolist(), strict=True))


@dataclass
class WindowSum:
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
        """Add the sums of another window."""
        self.loss += other.loss
        self.steps += other.steps
        self.skipped += other.skipped
        self.parts = self.parts + other.parts

    def in_words(self):
        """Return the mean of each part of the loss as text."""
        return parts_in_words(self.mean_parts())

    def mean(self):
        """Return the mean of the finite losses, NaN where there is none."""
        return self.loss / self.steps if self.steps else math.nan

    def mean_parts(self):
        """Return the mean of each part of the loss, in the order of `LOSS_PARTS`."""
        return self.parts / max(self.steps, 1)


class LossWindow:
    """Keeps the losses of the last steps on the device, so that no step waits for the host to read one."""

    def __init__(self):
        self._results = []

    def add(self, loss, parts, finite):
        """Note the results of one step (device tensors)."""
        self._results.append((loss, parts, finite))

    def flush(self, bad_steps_in_row=0):
        """Read and forget all that was noted.

        Args:
            bad_steps_in_row (int): how many steps just before this window were not finite.

        Returns:
            (WindowSum, BadRow): the sums of the finite steps, and the row of bad ones.
        """
        total, row, longest, words = WindowSum(), bad_steps_in_row, bad_steps_in_row, ""
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
                longest, words = row, parts_in_words(parts.asnumpy())
        self._results = []
        return total, BadRow(longest, row, words)


@dataclass(frozen=True)
class BadRow:
    """Steps in a row that were not finite: the longest row, the one that goes on now, and the longest's loss parts."""

    longest: int
    current: int
    parts: str


class RunClock:
    """Wall-clock time of the training steps, without validation and saving."""

    def __init__(self, step):
        self.first_step = step
        self.train_seconds = self.epoch_seconds = 0.0
        self.restart(step)

    def restart(self, step):
        """Start the lap and the epoch at this step: what came before is not training."""
        self._lap_start = self._epoch_start = time.perf_counter()
        self._lap_step = self._epoch_step = step
        self._data_seconds = 0.0

    def next_batch(self, stream):
        """Return the next batch of an iterator, None at its end; the time is what the step waited for its data."""
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
        """Return steps a second of the epoch that ends at `step`, and add its time to the run's."""
        self.epoch_seconds = time.perf_counter() - self._epoch_start
        self.train_seconds += self.epoch_seconds
        return (step - self._epoch_step) / max(self.epoch_seconds, 1e-9)

    def step_times(self, step):
        """Return (data time, step time), means in seconds, of the epoch that `epoch` closed: waiting, and the rest."""
        steps = max(step - self._epoch_step, 1)
        return self._data_seconds / steps, (self.epoch_seconds - self._data_seconds) / steps

    def remaining(self, step, total_steps):
        """Return the seconds that the remaining steps will take at the pace of this process so far."""
        return self.train_seconds / max(step - self.first_step, 1) * (total_steps - step)

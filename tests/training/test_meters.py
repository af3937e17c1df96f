# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Sums over steps, rows of bad steps, the clock, and the row of an epoch."""
import math
import time

import numpy as np
import pytest

import mindspore as ms

from src.loss import LOSS_PARTS
from src.training.meters import LossSum, LossWindow, Meters, RunClock, format_parts
from src.training.train_state import Progress

PARTS = np.arange(1.0, 7.0, dtype=np.float32)


def window(*finite):
    found = LossWindow()
    for number, good in enumerate(finite):
        loss = float(PARTS.sum()) + number if good else math.nan
        found.add(ms.Tensor(loss, ms.float32), ms.Tensor(PARTS * (number + 1)), ms.Tensor(good))
    return found


def test_a_window_sums_the_finite_steps_and_counts_the_others():
    total, _ = window(True, False, True).flush()
    assert (total.steps, total.skipped) == (2, 1)
    assert total.mean() == pytest.approx(21 + 1)
    np.testing.assert_allclose(total.mean_parts(), PARTS * 2)


def test_a_flushed_window_is_empty():
    found = window(True)
    found.flush()
    total, bad = found.flush(3)
    assert (total.steps, total.skipped, bad.longest, bad.current) == (0, 0, 3, 3)
    assert math.isnan(total.mean())


@pytest.mark.parametrize("before, finite, longest, current", [
    (0, [True, False, False, True, False], 2, 1), (4, [False, False, True], 6, 0), (4, [True, False], 4, 1),
    (19, [False], 20, 20), (0, [True], 0, 0)])
def test_rows_of_bad_steps_reach_over_windows(before, finite, longest, current):
    _, bad = window(*finite).flush(before)
    assert (bad.longest, bad.current) == (longest, current)


def test_the_longest_row_reports_the_parts_of_its_last_step():
    _, bad = window(False, True, False, False).flush()
    assert bad.parts == format_parts(PARTS * 4)
    assert bad.parts.startswith("box32:4.00, ") and len(bad.parts.split(", ")) == len(LOSS_PARTS)


def test_the_sum_of_an_epoch_continues_where_progress_says():
    fresh = LossSum.of_epoch(Progress())
    assert fresh.steps == 0 and (fresh.parts == 0).all()
    restored = LossSum.of_epoch(Progress(epoch_loss=6.0, epoch_steps=2, epoch_parts=PARTS.tolist()))
    restored.add(LossSum(4.0, 2, 1, PARTS))
    assert restored.mean() == 2.5 and restored.skipped == 1
    np.testing.assert_allclose(restored.mean_parts(), PARTS / 2)


def test_the_clock_leaves_out_what_is_no_training(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    clock = RunClock(10)
    now[0] += 4
    assert clock.lap(12) == pytest.approx(0.5)
    now[0] += 4
    assert clock.epoch(14) == pytest.approx(0.5) and clock.epoch_seconds == 8
    now[0] += 50
    clock.restart(14)
    now[0] += 2
    assert clock.epoch(18) == pytest.approx(2)
    # All included, also what follows the epoch, a validation.
    now[0] += 10
    assert clock.remaining(18, 38) == pytest.approx((now[0] - 100) / 8 * 20)


def test_the_pace_counts_the_steps_after_the_first_few_without_compilations(monkeypatch):
    now, paces = [100.0], []
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    clock = RunClock(5)
    for step in range(6, 20):
        # The second graph is compiled in the seventh step.
        now[0] += 2 + 60 * (step == 12)
        paces.append(clock.pace(step, 30 + 60 * (step >= 12)))
    assert [(number, pace) for number, pace in enumerate(paces, start=1) if pace] == [(13, pytest.approx(2))]
    # An epoch ends in between.
    clock = RunClock(5)
    clock.pace(8, 0)
    clock.restart(10)
    assert clock.pace(18, 0) is None


def test_waiting_for_data_is_not_step_time(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def stream():
        for number in range(8):
            now[0] += 0.5
            yield number

    clock, batches = RunClock(0), stream()
    for epoch in range(2):
        for step in range(4 * epoch, 4 * epoch + 4):
            assert clock.next_batch(batches) == step
            now[0] += 2 + epoch
        clock.epoch(4 * epoch + 4)
        assert clock.step_times(4 * epoch + 4) == pytest.approx((0.5, 2 + epoch))
        now[0] += 50
        clock.restart(4 * epoch + 4)
    assert clock.next_batch(batches) is None


def test_the_row_of_an_epoch_and_the_laps_in_it(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    progress = Progress(step=4, epoch_loss=30.0, epoch_steps=1, epoch_parts=(PARTS + 1).tolist(), skipped_steps=2)
    meters = Meters(progress, images_per_step=8)
    for good in (True, False, True):
        meters.add(ms.Tensor(PARTS.sum()), ms.Tensor(PARTS), ms.Tensor(good))
        now[0] += 2
        progress.step += 1
    added, bad = meters.flush()
    assert (added.steps, added.skipped, bad.longest) == (2, 1, 1)
    assert (progress.skipped_steps, progress.bad_steps_in_row) == (3, 0)
    # The log line knows the steps of this process, the row those of the epoch before the resume too.
    assert meters.lap() == (21.0, 4.0)
    row = meters.epoch_row(1, np.float32(0.5))
    assert (row["epoch"], row["step"], row["lr"], row["loss"]) == (1, 7, 0.5, 24.0)
    assert (row["images_per_second"], row["seconds"], row["data_time"], row["step_time"]) == (4.0, 6.0, 0.0, 2.0)
    np.testing.assert_allclose([row[name] for name in LOSS_PARTS], PARTS + 1 / 3)
    assert math.isnan(meters.lap()[0]) and row["peak_memory_mb"] > 0

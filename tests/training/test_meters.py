# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Sums over steps, rows of bad steps, and the clock."""
import math
import time

import numpy as np
import pytest

import mindspore as ms

from src.loss import LOSS_PARTS
from src.training.meters import LossWindow, Progress, RunClock, WindowSum, parts_in_words

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


def test_the_longest_row_tells_the_parts_of_its_last_step():
    _, bad = window(False, True, False, False).flush()
    assert bad.parts == parts_in_words(PARTS * 4)
    assert bad.parts.startswith("box32:4.00, ") and len(bad.parts.split(", ")) == len(LOSS_PARTS)


def test_the_sum_of_an_epoch_goes_on_where_progress_says():
    fresh = WindowSum.of_epoch(Progress())
    assert fresh.steps == 0 and (fresh.parts == 0).all()
    restored = WindowSum.of_epoch(Progress(epoch_loss=6.0, epoch_steps=2, epoch_parts=PARTS.tolist()))
    restored.add(WindowSum(4.0, 2, 1, PARTS))
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
    assert clock.remaining(18, 38) == pytest.approx(10 / 8 * 20)


def test_waiting_for_data_is_told_from_the_step(monkeypatch):
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

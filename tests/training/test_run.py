# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a run: what they hold, which ranks write them, and what a resumed run takes over."""
import csv
import logging
import math
from types import SimpleNamespace

import numpy as np
import pytest

from src.weights.checkpoint import load_checkpoint
from tests.support.training_runs import random_state


def one_of_two(rank):
    """Return what a `Run` reads of the ranks; real ones would look for each other."""
    return SimpleNamespace(rank=rank, size=2, is_first=rank == 0)


def test_best_and_older_numbered_files_hold_the_average_and_old_ones_go(split, tmp_path):
    run, state = random_state(split, 1, tmp_path, arguments=["--keep_checkpoint_max=3"])
    for step in (5, 10, 15, 20):
        state.progress.step = step
        run.save_last(state)
    run.save_best(state)
    # Five steps an epoch.
    names = ["best.ckpt", "checkpoints.json", "last.ckpt", "yolov3_tiny-1_10.ckpt", "yolov3_tiny-2_15.ckpt",
             "yolov3_tiny-3_20.ckpt"]
    assert sorted(path.name for path in run.checkpoints.iterdir()) == names
    for name in ("best.ckpt", "yolov3_tiny-1_10.ckpt"):
        checkpoint = load_checkpoint(run.checkpoints / name)
        assert not checkpoint.moments and not checkpoint.averages
        for key, value in state.average.by_name.items():
            np.testing.assert_array_equal(checkpoint.weights[key], value.asnumpy())
    last = load_checkpoint(run.checkpoints / "last.ckpt")
    np.testing.assert_array_equal(last.weights["head1.bias"], state.network.head1.bias.asnumpy())


@pytest.mark.parametrize("rank, only_master, writes", [(0, 1, True), (1, 1, False), (1, 0, True)])
def test_which_ranks_write(split, tmp_path, rank, only_master, writes):
    run, state = random_state(split, 1, tmp_path, one_of_two(rank), [f"--is_save_on_master={only_master}"])
    state.progress.step = 1
    run.save_last(state)
    run.save_best(state)
    assert {path.name for path in run.checkpoints.glob("*st.ckpt")} == ({"best.ckpt", "last.ckpt"} if writes else set())


def test_a_row_of_metrics_is_rounded_by_its_columns(split, tmp_path):
    run, _ = random_state(split, 1, tmp_path)
    row = {"epoch": 0, "step": 5, "lr": 1.23456789e-5, "loss": 12.34567891, "box32": np.float64(1.23456),
           "AP": 0.12345678}
    run.write_metrics(row)
    random_state(split, 1, tmp_path, one_of_two(1))[0].write_metrics(row)
    with (tmp_path / "metrics.csv").open(newline="") as file:
        (found,) = csv.DictReader(file)
    assert {name: text for name, text in found.items() if text} == {
        "epoch": "0", "step": "5", "lr": "1.23456789e-05", "loss": "12.345679", "box32": "1.2346", "AP": "0.123457"}


def test_a_resumed_run_takes_over_the_best_checkpoint_and_the_rows_of_whole_epochs(split, tmp_path, caplog):
    old, state = random_state(split, 1, tmp_path / "old")
    old.save_best(state)
    best = (old.checkpoints / "best.ckpt").read_bytes()
    (tmp_path / "old" / "metrics.csv").write_text("epoch,loss\n0,2.5\n1,1.5\n2,1.")
    run, _ = random_state(split, 1, tmp_path / "new", logger=logging.getLogger("take over"))
    (tmp_path / "new").mkdir()
    last = SimpleNamespace(path=str(tmp_path / "old" / "ckpt_0" / "last.ckpt"), meta={"progress": {"step": 7}})
    run.take_over(last, state.progress)
    assert (run.checkpoints / "best.ckpt").read_bytes() == best
    assert load_checkpoint(run.checkpoints / "best.ckpt").meta["class_names"] == ["cup", "ball", "key"]
    with (tmp_path / "new" / "metrics.csv").open(newline="") as file:
        assert [(row["epoch"], row["loss"]) for row in csv.DictReader(file)] == [("0", "2.5")]
    assert not caplog.records
    # A damaged one is not taken over, and no later epoch is measured by it.
    (old.checkpoints / "best.ckpt").write_bytes(best[:1000])
    state.progress.best_score = 0.5
    random_state(split, 1, tmp_path / "newer", logger=run.logger)[0].take_over(last, state.progress)
    assert state.progress.best_score == -math.inf and not list(tmp_path.glob("newer/**/best.ckpt"))
    assert "best.ckpt: cannot be read, the file is truncated" in caplog.text
    # Nor is one that was not copied with the state.
    (old.checkpoints / "best.ckpt").unlink()
    state.progress.best_score = 0.5
    random_state(split, 1, tmp_path / "newest", logger=run.logger)[0].take_over(last, state.progress)
    assert state.progress.best_score == -math.inf
    assert f"resume {last.path}: there is no best.ckpt beside it; best.ckpt will be the best epoch" in caplog.text

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A run that is given a time rather than epochs."""
import re
from dataclasses import replace

import pytest

import train
from model_utils.config import get_config
from model_utils.errors import UsageError
from src.config import check_config, seconds_of
from src.training.meters import FIRST_STEPS
from src.training.time_budget import Timing, epochs_within, fit_to_time, step_seconds
from tests.support.shared_graphs import shared_graphs
from tests.support.training_runs import SMALL
from tools.faults.small_run import CPU

TIMING = Timing(compilation=20.0, step=0.5, save=1.0, validation=0.0)


@pytest.mark.parametrize("text, seconds", [
    ("90m", 5400), ("1h30m", 5400), ("1.5h", 5400), ("2d", 172800), ("1h 5s", 3605), ("90", 0), ("30m1h", 0), ("h", 0)])
def test_times_as_text(text, seconds):
    assert seconds_of(text) == seconds
    config = get_config([f"--time_budget={text}"])
    if seconds:
        check_config(config)
    else:
        with pytest.raises(UsageError, match=f"time_budget is {text} .*: expected a time such as 90m"):
            check_config(config)


def test_as_many_epochs_as_fit():
    # Ten steps and a checkpoint take 6 s; 5 % are kept, 30 s are over, and 20 s go to a compilation.
    assert epochs_within(get_config(["--time_budget=10m", "--report=False"]), TIMING, 10, 30.0) == (
        int((570 - 50) / 6), "time_budget 10m: 86 epochs, as a step takes 0.500 s and an epoch 6.0 s")
    # A validation of 6 s with a report of 2 s in every second epoch, and one after the last.
    config, timing = get_config(["--time_budget=10m", "--eval_interval=2"]), replace(TIMING, validation=6.0)
    assert epochs_within(config, timing, 10, 30.0)[0] == int((570 - 58) / 10)


def test_a_step_of_many_sizes_takes_what_their_mean_area_does():
    config = get_config(["--multi_scale=64,128", "--resize_rate=10"])
    # A microsecond a pixel, after the first steps; all of the largest size.
    seconds = [9.0] * FIRST_STEPS + [128 * 128 / 1e6] * (10 - FIRST_STEPS)
    assert step_seconds(config, seconds) == pytest.approx((64 * 64 + 128 * 128) / 2 / 1e6)
    assert step_seconds(get_config([]), [9.0] * FIRST_STEPS + [0.5, 0.7, 0.5]) == pytest.approx(0.5)
    assert step_seconds(get_config([]), [2.0]) == pytest.approx(2)


def test_one_epoch_is_trained_in_any_case():
    epochs, line = epochs_within(get_config(["--time_budget=1m"]), TIMING, 200, 30.0)
    assert epochs == 1 and line.endswith("an epoch 101.0 s, longer than the 5 s that are left")


def test_a_resumed_run_keeps_its_epochs():
    config = get_config(["--time_budget=1h", "--max_epoch=3"])
    assert fit_to_time(config, None, None, 0.0, is_resumed=True) == (
        config, ["time_budget 1h: a resumed run keeps its epochs, 3"])


def test_a_number_of_epochs_and_a_time_are_refused():
    with pytest.raises(UsageError, match="time_budget is 1h .*, but max_epoch is 3 .*: leave out one of the two"):
        check_config(get_config(["--time_budget=1h", "--max_epoch=3"]))


@pytest.mark.slow
def test_a_run_trains_the_epochs_that_it_announced(tmp_path, data):
    with shared_graphs():
        assert train.main([*CPU, *SMALL, f"--data_dir={data}", f"--ckpt_path={tmp_path}", "--time_budget=15s",
                           "--warmup_epochs=auto", "--eval_interval=1000"]) == 0
    (run,) = tmp_path.iterdir()
    epochs = int(re.search(r"time_budget 15s: (\d+) epochs?", (run / "train_rank_0.log").read_text())[1])
    saved = get_config(["--config_path", str(run / "config.yaml")])
    assert saved.max_epoch == saved.t_max == epochs
    assert len((run / "metrics.csv").read_text().splitlines()) == 1 + epochs

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""How many epochs fit into config.time_budget: a few steps of a run that is thrown away are timed."""
import logging
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from model_utils.config import DERIVED
from src.config import seconds_of
from src.training.optimizer import set_training
from src.training.run import Run
from src.training.trainer import Trainer

# The first steps after a compilation are slower than others.
FIRST_STEPS, TIMED_STEPS = 3, 10
# What is kept for the end of the run, and for steps that take longer than these.
RESERVE = 0.05


@dataclass(frozen=True)
class Timing:
    """Seconds: to compile the step, of a step, of the checkpoints of an epoch, and of a validation."""

    compilation: float
    step: float
    save: float
    validation: float


def fit_to_time(config, timing, steps_per_epoch, elapsed):
    """Return a config with the epochs that fit, and a line for the log.

    Args:
        config (Config): time_budget and eval_interval.
        timing (Timing): of this run.
        steps_per_epoch (int): of all its images.
        elapsed (float): seconds of the budget that are over.
    """
    budget = seconds_of(config.time_budget)
    epoch = steps_per_epoch * timing.step + timing.save
    if config.eval_interval:
        epoch += timing.validation / config.eval_interval
    left = budget * (1 - RESERVE) - elapsed - timing.compilation
    epochs = max(1, int(left / epoch))
    line = (f"time_budget {config.time_budget}: {epochs} epochs, as a step takes {timing.step:.3f} s and an epoch "
            f"{epoch:.1f} s")
    if left < epoch:
        line += f", longer than the {max(left, 0):.0f} s that are left"
    return config.replace(DERIVED, max_epoch=epochs), line


def measure(config, data, ranks, start_state, build_validation):
    """Return the `Timing` of a run, the longest of any rank, by the first steps of one that is thrown away.

    Args:
        config (Config): without auto values.
        data (CocoData): the training split.
        ranks (Ranks): the processes that train together.
        start_state (callable): takes no argument, returns a new `TrainState`.
        build_validation (callable): takes a `TrainState`, returns its `Validation`.
    """
    state = start_state()
    validation = build_validation(state)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(config, data, ranks, Path(folder), logging.getLogger(__name__))
        trainer = Trainer(run, state, validation)
        set_training(state.network)
        seconds = []
        with trainer.open_steps() as train_one_step:
            while state.progress.step < min(FIRST_STEPS + TIMED_STEPS, run.total_steps):
                seconds.append(_seconds(lambda: bool(train_one_step()[2].asnumpy())))
                state.progress.step += 1
        later = seconds[FIRST_STEPS:] or seconds
        own = (sum(trainer.train_step.compile_seconds.values()), sum(later) / len(later),
               _seconds(lambda: run.save_last(state)), _seconds(validation.validate) if config.eval_interval else 0.0)
    return Timing(*map(max, *ranks.all_gather(own))) if ranks.size > 1 else Timing(*own)


def _seconds(function):
    started = time.perf_counter()
    function()
    return time.perf_counter() - started

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""How many epochs fit into config.time_budget: a few steps of a run that is thrown away are timed."""
import logging
import math
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median

from model_utils.config import DEFAULT, DERIVED, default_options
from model_utils.errors import counted
from src.config import check_config, seconds_of, training_config
from src.data.multi_scale import size_of_step, training_sizes
from src.distributed_sampler import steps_per_epoch
from src.training.auto_settings import fit_to_data
from src.training.meters import FIRST_STEPS, TIMED_STEPS
from src.training.optimizer import set_training
from src.training.run import Run
from src.training.train_state import start_state
from src.training.trainer import Trainer
from src.training.validation import build_validation

# What is kept for the end of the run, and for steps that take longer than these.
RESERVE = 0.05
# What the report after a validation takes where there are some hundred images.
REPORT_SECONDS = 2.0


@dataclass(frozen=True)
class Timing:
    """Seconds: to compile the step, of a step, of the checkpoints of an epoch, and of a validation."""

    compilation: float
    step: float
    save: float
    validation: float


def fit_to_time(config, data, ranks, started, is_resumed):
    """Return a config of the epochs that fit into its time_budget, and lines for the log.

    Args:
        config (Config): with a time_budget.
        data (CocoData): the training split.
        ranks (Ranks): the processes that train together.
        started (float): when the run began, by `time.monotonic`.
        is_resumed (bool): a resumed run keeps its epochs.

    Raises:
        UsageError: another option does not fit that number of epochs.
    """
    if is_resumed:
        return config, [f"time_budget {config.time_budget}: a resumed run keeps its epochs, {config.max_epoch}"]
    timing = measure(fit_to_data(config, data)[0], data, ranks)
    steps = steps_per_epoch(len(data), config.per_batch_size, config.group_size)
    # Each rank has its own clock.
    epochs, line = ranks.broadcast(epochs_within(config, timing, steps, time.monotonic() - started))
    if config.source("warmup_epochs") == DERIVED:
        # It followed from another number of epochs.
        config = config.replace(DEFAULT, warmup_epochs=default_options()["warmup_epochs"].default)
    config = training_config(config.replace(DERIVED, max_epoch=epochs))
    check_config(config)
    return config, [line]


def epochs_within(config, timing, steps, elapsed):
    """Return the number of epochs that fit, at least 1, and a line for the log.

    Args:
        config (Config): time_budget, eval_interval and report.
        timing (Timing): of this run.
        steps (int): of an epoch.
        elapsed (float): seconds of the budget that are over.
    """
    epoch = steps * timing.step + timing.save
    validation = timing.validation + (REPORT_SECONDS if config.report else 0)
    if config.eval_interval:
        epoch += validation / config.eval_interval
    # A validation follows the last epoch, whatever the interval.
    left = seconds_of(config.time_budget) * (1 - RESERVE) - elapsed - timing.compilation - validation
    epochs = max(1, int(left / epoch))
    line = (f"time_budget {config.time_budget}: {counted(epochs, 'epochs')}, as a step takes {timing.step:.3f} s and "
            f"an epoch {epoch:.1f} s")
    return epochs, line if left >= epoch else f"{line}, longer than the {max(left, 0):.0f} s that are left"


def measure(config, data, ranks):
    """Return the `Timing` of a run, the longest of any rank, by the first steps of one that is thrown away.

    Args:
        config (Config): without auto values.
        data (CocoData): the training split.
        ranks (Ranks): the processes that train together.
    """
    # A queue would be filled for the whole run.
    config = config.replace(DERIVED, data_sink=False)
    state, _ = start_state(config, data.categories, None)
    validation = build_validation(config, state, data.categories, ranks)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(config, data, ranks, Path(folder), logging.getLogger(__name__))
        trainer = Trainer(run, state, validation)
        set_training(state.network)
        seconds = []
        with trainer.open_steps() as train_one_step:
            while state.progress.step < min(FIRST_STEPS + TIMED_STEPS, run.total_steps):
                seconds.append(_seconds(lambda: bool(train_one_step()[2].asnumpy())))
                state.progress.step += 1
        save, validate = _seconds(lambda: run.save_last(state)), 0.0
        if config.eval_interval:
            # The first one compiles.
            validation.validate()
            validate = _seconds(validation.validate)
    # One step in a few may compile another size.
    graphs = 1 if config.multi_scale_graph == "dynamic" else len(training_sizes(config))
    own = graphs * max(trainer.train_step.compile_seconds.values()), step_seconds(config, seconds), save, validate
    return Timing(*map(max, zip(*ranks.all_gather(own), strict=True)))


def step_seconds(config, seconds):
    """Return what a step of a run takes in the mean, from the seconds of its first steps.

    With multi_scale these have the largest size more often than later ones; the time is taken to grow with the area.
    """
    of_pixel = [taken / math.prod(size_of_step(config, step)) for step, taken in enumerate(seconds)]
    return median(of_pixel[FIRST_STEPS:] or of_pixel) * mean(map(math.prod, training_sizes(config)))


def _seconds(function):
    started = time.perf_counter()
    function()
    return time.perf_counter() - started

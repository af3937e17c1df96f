# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: batches through the compiled step, and what happens between them.

    for batch: step
        every log_interval steps: a log line
        every ckpt_interval steps (or each epoch): last.ckpt and a numbered one
        each epoch: a summary line and a row of metrics.csv, validation every eval_interval epochs, best.ckpt

A global step number decides everything: the epoch, the samples, their randomness, the input size, the learning rate and
the decay of the averaged weights are functions of it, so that a run resumed at any step does what the unbroken one
would have done.
"""
import logging
import sys
from functools import partial
from pathlib import Path

from tqdm import tqdm

import mindspore as ms

from model_utils.device_adapter import waits_for_each_step
from model_utils.errors import UserError
from model_utils.files import write_atomically
from src.evaluation.visualize import write_batch_sheet
from src.logger import MetricsTable, epoch_line, peak_memory_mb, time_line, training_line
from src.loss import LOSS_PARTS
from src.lr_scheduler import learning_rates
from src.training.data_sink import StepRows, sunk_step
from src.training.meters import LossWindow, RunClock, WindowSum
from src.training.optimizer import build_loss_scaler, build_optimizer, freeze_backbone, set_training
from src.training.step_profile import ALL_STEPS, PROFILED_STEPS, StepProfile
from src.training.train_state import RunState
from src.training.train_step import TrainStep, mixed_precision
from src.yolo_dataset import train_stream, training_sampler

METRICS = ("epoch", "step", "lr", "loss", *LOSS_PARTS, "images_per_second", "seconds", "data_time", "step_time",
           "peak_memory_mb", "AP", "AP50")
# So many steps without a finite loss are no accident; the weights are lost or the rate is far too high.
MAX_BAD_STEPS_IN_ROW = 20


class Trainer:
    """Trains a network on a data set and writes its checkpoints.

    Args:
        config (Config): the resolved configuration.
        data (CocoData): the training split.
        network (YOLOv3Tiny): with its first weights loaded.
        folder (str or Path): where checkpoints are written, made if missing; metrics.csv goes beside it.
        logger (logging.Logger): of this rank.
        average (WeightAverage or None): of the network; what is validated and saved as best.
        ranks (Ranks): the processes that train together.
        validate (callable or None): takes no argument, returns the `EvalResult` of the average, or of the network;
            called every eval_interval epochs. Without it the best epoch is the one of the lowest mean loss.
    """

    def __init__(self, config, data, network, folder, logger, ranks, average=None, validate=None):
        self.config, self.data, self.network, self.ranks = config, data, network, ranks
        self.folder, self.logger, self.average, self.validate = Path(folder), logger, average, validate
        if config.freeze_backbone:
            freeze_backbone(network)
        optimizer, scaler = build_optimizer(network, config), build_loss_scaler(config)
        self.state = RunState(config, data, network, optimizer, scaler, average, ranks)
        self.steps_per_epoch = self.state.steps_per_epoch
        self.total_steps = self.steps_per_epoch * config.max_epoch
        self.rates = learning_rates(config, self.steps_per_epoch)
        self.train_step = TrainStep(mixed_precision(network, config.amp_level), optimizer, config,
                                    len(data.categories), average, scaler, ranks)
        if self.state.is_saved_here:
            self.folder.mkdir(parents=True, exist_ok=True)
        self.waits = waits_for_each_step(config.device_target)
        self.metrics = MetricsTable(self.folder.parent / "metrics.csv", METRICS)
        self.window, self.since_log, self.epoch_sum = LossWindow(), WindowSum(), WindowSum()
        self.graphs = 0

    def resume(self, checkpoint):
        """Take over weights, moments, averages and position of a `last.ckpt` that `check_resumable` let pass."""
        self.state.restore(checkpoint)
        self.epoch_sum = WindowSum.of_epoch(self.progress)
        folder = Path(checkpoint.path).resolve().parent
        # Of several ranks, only the first has a table.
        cut = self.ranks.is_first and self.metrics.take_over(folder.parent / self.metrics.path.name,
                                                             self.progress.step // self.steps_per_epoch)
        if cut:
            self.logger.warning("%s of the interrupted run: %d rows could not be read and are left out",
                                self.metrics.path.name, cut)
        if self.state.is_saved_here and (folder / "best.ckpt").is_file():
            # No later epoch may be better, and the folder of this run is to hold its best one all the same.
            write_atomically(self.folder / "best.ckpt", (folder / "best.ckpt").read_bytes())

    @property
    def progress(self):
        """Where the run is."""
        return self.state.progress

    def fit(self):
        """Train from the current position to the end of the last epoch and return the `Progress`."""
        set_training(self.network, self.config)
        self._draw_first_batch()
        clock = RunClock(self.progress.step)
        # A new line each step would drown a log file, so the bar shows only on a terminal.
        bar = tqdm(total=self.total_steps, initial=self.progress.step, unit="step", disable=not sys.stderr.isatty())
        with self._stream(self.progress.step) as stream, bar:
            one_step = self._sunk_step() if self.config.data_sink else partial(self._handed_step, stream, clock)
            profile = self._profile()
            while self.progress.step < self.total_steps and not self._is_stopped_early():
                self._note_step(*one_step(), clock)
                bar.update()
                if profile and self._profile_ends_run(profile):
                    break
        if self._is_stopped_early() and self.progress.step < self.total_steps:
            self.logger.info("stopped early at epoch[%d]: %d validations without a better AP than %.4f (to go on, "
                             "--resume with a larger --patience)", self.progress.step // self.steps_per_epoch - 1,
                             self.progress.validations_without_gain, self.progress.best_score)
        return self.progress

    def _profile(self):
        """Return the `StepProfile` that the config asks for, None otherwise."""
        if not self.config.need_profiler:
            return None
        if self.total_steps - self.progress.step < ALL_STEPS:
            self.logger.warning("need_profiler: the run ends before the %d steps that a profile takes", ALL_STEPS)
        return StepProfile(self.folder.parent / f"profile_{self.ranks.rank}", self.config.device_target)

    def _profile_ends_run(self, profile):
        """Note a step, say where the profile is when it is written, and return whether the run is to end with it."""
        if profile.is_done:
            return False
        profile.step()
        if profile.is_done:
            self.logger.info("profile of %d steps: %s", PROFILED_STEPS, profile.folder)
            if self.config.profiler_ends_run:
                self._flush_window()
                self.state.agree()
                self.state.save_last(self.folder)
        return profile.is_done and self.config.profiler_ends_run

    def _stream(self, step, end=None):
        """Return the batches from a step to the end of the run, or to another step."""
        batch = self.config.per_batch_size
        return train_stream(self.config, self.data, step * batch, (self.total_steps if end is None else end) * batch,
                            self.ranks.rank, self.ranks.size)

    def _draw_first_batch(self):
        step = self.progress.step
        with self._stream(step, min(step + 1, self.total_steps)) as stream:
            for images, boxes in stream if self.ranks.is_first else ():
                write_batch_sheet(self.folder.parent / "first_batch.jpg", images, boxes, self.data.categories.names)

    def _decay(self, step):
        return self.average.decay_at(step + 1) if self.average else 0.0

    def _handed_step(self, stream, clock):
        images, boxes = clock.next_batch(stream)
        step = self.progress.step
        return self.train_step(ms.Tensor(images), ms.Tensor(boxes), self.rates[step], self._decay(step))

    def _sunk_step(self):
        first = self.progress.step
        decays = [self._decay(step) for step in range(first, self.total_steps)]
        return sunk_step(self.train_step, StepRows(partial(self._stream, first), self.rates[first:], decays))

    def _note_step(self, loss, parts, finite, clock):
        step = self.progress.step
        if len(self.train_step.compile_seconds) > self.graphs:
            self._log_compilation(step)
        if self.waits:
            loss.asnumpy()
        self.window.add(loss, parts, finite)
        self.progress.step += 1
        if step % self.config.log_interval == 0:
            self._log_window(step, clock)
        elif self.waits and not bool(finite.asnumpy()):
            self._flush_window()
        if self.progress.step % self.steps_per_epoch == 0:
            self._end_epoch(clock)
        elif self.config.ckpt_interval > 0 and self.progress.step % self.config.ckpt_interval == 0:
            self._flush_window()
            self.state.agree()
            self.state.save_last(self.folder)

    def _log_compilation(self, step):
        graph, seconds = list(self.train_step.compile_seconds.items())[-1]
        self.graphs = len(self.train_step.compile_seconds)
        size = "all sizes" if graph is None else f"{graph[0]}x{graph[1]}"
        self.logger.info("iter[%d], compiled the training step for %s, %.1f s", step, size, seconds)

    def _log_window(self, step, clock):
        self._flush_window()
        rate = clock.lap(self.progress.step) * self.config.per_batch_size * self.ranks.size
        self.logger.info(training_line(step // self.steps_per_epoch, step, self.since_log.mean(), rate,
                                       self.rates[step]))
        self.since_log = WindowSum()

    def _flush_window(self):
        """Move the losses of the window from the device into the sums of the epoch and of the next log line.

        Raises:
            UserError: too many steps in a row were not finite.
        """
        progress = self.progress
        added, bad = self.window.flush(progress.bad_steps_in_row)
        self.since_log.add(added)
        self.epoch_sum.add(added)
        progress.epoch_loss, progress.epoch_steps = self.epoch_sum.loss, self.epoch_sum.steps
        progress.epoch_parts = self.epoch_sum.parts.tolist()
        progress.skipped_steps += added.skipped
        progress.bad_steps_in_row = bad.current
        if added.skipped:
            self.logger.warning("%d of the last %d steps had a loss or gradient that is not finite and changed nothing "
                                "(%d in this run)", added.skipped, added.skipped + added.steps, progress.skipped_steps)
        if bad.longest >= MAX_BAD_STEPS_IN_ROW:
            raise UserError(f"{bad.longest} steps in a row up to step {progress.step} had a loss or gradient that is "
                            f"not finite ({bad.parts}); lower lr or loss_scale, set clip_gradient_norm, or look for "
                            "damaged weights in what the run started from")

    def _end_epoch(self, clock):
        self._flush_window()
        self.state.agree()
        progress, config = self.progress, self.config
        epoch = progress.step // self.steps_per_epoch - 1
        mean_loss = self.epoch_sum.mean()
        rate = clock.epoch(progress.step) * config.per_batch_size * self.ranks.size
        self.logger.info(epoch_line(epoch, config.max_epoch, mean_loss, rate, clock.epoch_seconds,
                                    clock.remaining(progress.step, self.total_steps), peak_memory_mb()))
        data_time, step_time = clock.step_times(progress.step)
        self.logger.info(time_line(epoch, data_time, step_time))
        self.logger.info("epoch[%d] loss parts, %s", epoch, self.epoch_sum.in_words())
        row = {"epoch": epoch, "step": progress.step, "lr": float(self.rates[progress.step - 1]),
               "loss": round(mean_loss, 6), "images_per_second": round(rate, 2),
               "seconds": round(clock.epoch_seconds, 2), "data_time": round(data_time, 5),
               "step_time": round(step_time, 5), "peak_memory_mb": round(peak_memory_mb(), 1),
               **dict(zip(LOSS_PARTS, self.epoch_sum.mean_parts().round(4).tolist(), strict=True))}
        if config.eval_interval and ((epoch + 1) % config.eval_interval == 0 or epoch + 1 == config.max_epoch):
            result = self._validate(epoch)
            row.update(AP=round(result.ap, 6), AP50=round(result.ap50, 6))
            self._keep_best(result.ap)
        elif not config.eval_interval:
            self._keep_best(-mean_loss)
        if self.ranks.is_first:
            self.metrics.append(row)
        if self.ranks.size > 1:
            self.logger.info("epoch[%d] parameters %s", epoch, self.state.digest())
        if self.logger.isEnabledFor(logging.DEBUG):
            order = training_sampler(config, self.data, self.ranks.rank, self.ranks.size).epoch_order(epoch)
            self.logger.debug("epoch[%d] images %s", epoch, [self.data.image_ids[number] for number in order])
        self.epoch_sum = WindowSum()
        progress.epoch_loss, progress.epoch_steps, progress.epoch_parts = 0.0, 0, []
        if (config.ckpt_interval <= 0 or progress.step % config.ckpt_interval == 0 or self._is_stopped_early()
                or progress.step == self.total_steps):
            self.state.save_last(self.folder)
        clock.restart(progress.step)

    def _validate(self, epoch):
        self.network.set_train(False)
        result = self.validate()
        set_training(self.network, self.config)
        self.logger.info("epoch[%d], validation AP:%.4f, AP50:%.4f", epoch, result.ap, result.ap50)
        return result

    def _keep_best(self, score):
        """Write best.ckpt where the score (AP, or the loss below 0) is the best so far."""
        progress = self.progress
        if score > progress.best_score:
            progress.best_score, progress.validations_without_gain = score, 0
            self.state.save_best(self.folder)
        elif self.config.eval_interval:
            progress.validations_without_gain += 1

    def _is_stopped_early(self):
        patience = self.config.patience
        return bool(patience) and self.progress.validations_without_gain >= patience

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The training loop: `Trainer.fit`, read from top to bottom, is what a run does.

A global step number decides everything: the epoch, the samples, their randomness, the input size, the learning rate and
the decay of the averaged weights are functions of it, so that a run resumed at any step does what the unbroken one
would have done.
"""
import logging
import sys
from contextlib import contextmanager
from functools import partial

from tqdm import tqdm

import mindspore as ms

from model_utils.device_adapter import waits_for_each_step
from model_utils.errors import UserError, counted, is_out_of_memory, memory_reason
from model_utils.signals import StopRequest
from src.data.image_check import BadImages, UnusableData
from src.data.multi_scale import training_sizes
from src.logger import clock as clock_text
from src.logger import epoch_line, peak_memory_mb, training_line
from src.lr_scheduler import learning_rates
from src.training.data_sink import StepRows, sunk_step
from src.training.meters import FIRST_STEPS, TIMED_STEPS, Meters, sums_by_kind
from src.training.optimizer import set_training
from src.training.step_profile import ALL_STEPS, PROFILED_STEPS, StepProfile
from src.training.train_step import TrainStep, mixed_precision
from src.yolo_dataset import training_sampler

# So many steps without a finite loss are no accident; the weights are lost or the rate is far too high.
MAX_BAD_STEPS_IN_ROW = 20
STOP_TEXT = "the run saves last.ckpt after this step, or after the validation that runs, and ends"


class Trainer:
    """Trains from the step of a state to the end of a run.

    Args:
        run (Run): options, data, ranks, folder and logger.
        state (TrainState): what is trained.
        validation (Validation): when to validate, and which epoch is the best.
        report (Report): is written as the run proceeds; None: none.
    """

    def __init__(self, run, state, validation, report=None):
        self.run, self.state, self.validation, self.report, self.stopped_by = run, state, validation, report, 0
        self.meters = Meters(state.progress, run.config.per_batch_size * run.ranks.size)
        self.bad_images = BadImages(len(run.data), run.config, run.ranks, run.logger)
        self.rates = learning_rates(run.config, run.steps_per_epoch)
        self.train_step = TrainStep(mixed_precision(state.network, run.config.amp_level), state.optimizer, run.config,
                                    len(run.data.categories), state.average, state.scaler, run.ranks)

    def fit(self):
        """Train and return the `Progress`; after it, `stopped_by` is the number of the signal that ended it, or 0."""
        run, config, progress, validation = self.run, self.run.config, self.state.progress, self.validation
        steps_per_epoch, waits = run.steps_per_epoch, waits_for_each_step(config.device_target)
        set_training(self.state.network)
        run.write_first_batch(progress.step)
        profile, end_step = self.start_profile()
        # A new line each step would drown a log file, so the bar shows only on a terminal.
        bar = tqdm(total=run.total_steps, initial=progress.step, unit="step", disable=not sys.stderr.isatty())
        with (self.reporting(), bar, StopRequest(STOP_TEXT) as request, self.naming_failures(),
              self.open_steps() as train_one_step):
            for epoch in range(progress.step // steps_per_epoch, -(-end_step // steps_per_epoch)):
                if self.stopped_by or self.is_out_of_patience(epoch):
                    break
                self.meters.clock.restart(progress.step)
                for step in range(progress.step, min((epoch + 1) * steps_per_epoch, end_step)):
                    graphs = len(self.train_step.compile_seconds)
                    loss, parts, finite = train_one_step()
                    if len(self.train_step.compile_seconds) > graphs:
                        self.log_compilation(step)
                    self.meters.add(loss, parts, finite)
                    progress.step += 1
                    self.log_estimate()
                    if step % config.log_interval == 0:
                        self.log_window(epoch, step)
                    elif waits and not bool(finite.asnumpy()):
                        self.check_bad_steps()
                    bar.update()
                    if profile:
                        self.profile_step(profile)
                    self.stopped_by = self.stop_signal(request, step, end_step)
                    if progress.step % steps_per_epoch and self.is_checkpoint_due(end_step):
                        self.check_bad_steps()
                        progress.note_loss(self.meters.epoch_loss(), is_epoch=False)
                        self.state.sync(run.ranks)
                        run.save_last(self.state)
                    if self.stopped_by:
                        break
                if progress.step % steps_per_epoch:
                    break
                row = self.end_epoch(epoch)
                if validation.is_due(epoch):
                    row |= self.validate(row)
                self.log_epoch(row)
                if validation.update_best(row):
                    run.save_best(self.state)
                run.write_metrics(row)
                progress.clear_epoch()
                if config.ckpt_interval <= 0 or self.is_checkpoint_due(end_step) or validation.is_out_of_patience():
                    run.save_last(self.state)
                self.report_epoch()
        if self.stopped_by:
            # A rank that leaves may end the others, one of which still writes.
            run.ranks.wait("the end of the run")
        return progress

    @contextmanager
    def reporting(self):
        """Write the report at the end of the block, also where an error or a signal ends it."""
        status = "ended by an error"
        try:
            yield
            step, total = self.state.progress.step, self.run.total_steps
            status = "finished" if step == total else f"ended after step {step} of {total}"
        finally:
            if self.report:
                self.report.close(status)

    def report_epoch(self):
        """Write the report after an epoch, once the epoch is saved."""
        if self.report:
            self.report.after_epoch()

    @contextmanager
    def open_steps(self):
        """Yield a function that trains the next step: on a batch from here, or on one that the device fetches."""
        first = self.state.progress.step
        if self.run.config.data_sink:
            decays = [self._decay(step) for step in range(first, self.run.total_steps)]
            rows = StepRows(partial(self.run.stream, first, report=self.bad_images.add), self.rates[first:], decays)
            yield partial(self._train_on_sunk_batch, sunk_step(self.train_step, rows))
        else:
            with self.run.stream(first, report=self.bad_images.add) as stream:
                yield partial(self._train_on_next_batch, stream)

    def _train_on_next_batch(self, stream):
        images, boxes = self._next_batch(stream)
        step = self.state.progress.step
        return self.train_step(ms.Tensor(images), ms.Tensor(boxes), self.rates[step], self._decay(step))

    def _next_batch(self, stream):
        """Return the next batch; collective: where a rank has none, all end."""
        batch, error = None, None
        try:
            batch = self.meters.clock.next_batch(stream)
        except UserError as caught:
            error = caught
        self.exchange_bad_images(error)
        return batch

    def _train_on_sunk_batch(self, step):
        try:
            return step()
        except UserError as error:
            # The devices of other ranks wait for this one, so that they would not come to an exchange.
            if self.run.ranks.size == 1:
                self.exchange_bad_images(error)
            raise

    def exchange_bad_images(self, error=None):
        """Count and report the images that broke, on all ranks; collective.

        Args:
            error (UserError): by which this rank has no further batch, if so.

        Raises:
            UserError: see `BadImages.exchange`; unless a rank is missing, the state after the latest step is saved.
        """
        try:
            self.state.progress.epoch_replaced += self.bad_images.exchange(error)
        except UnusableData as fault:
            if self.state.progress.step:
                self.check_bad_steps()
                self.state.sync(self.run.ranks)
            ended = self.save_and_end(fault)
            # The first rank that ends takes the others along.
            self.run.ranks.wait("the end of the run, after its last checkpoint")
            raise ended from fault

    def save_and_end(self, fault):
        """Save the state after the latest step, where there was one; return the error that says so and why."""
        step, last = self.state.progress.step, self.run.last_checkpoint
        if not step:
            return UserError(str(fault))
        try:
            self.run.save_last(self.state)
        except OSError as error:
            raise UserError(f"ended after step {step}, whose state cannot be saved ({last}: {error.strerror}): {fault}"
                            ) from error
        return UserError(f"ended after step {step}, which --resume {last} continues: {fault}")

    def _decay(self, step):
        return self.state.average.decay_at(step + 1) if self.state.average else 0.0

    def start_profile(self):
        """Return (the `StepProfile` that config.need_profiler asks for or None, the step at which the run ends)."""
        run, step = self.run, self.state.progress.step
        if not run.config.need_profiler:
            return None, run.total_steps
        if run.total_steps - step < ALL_STEPS:
            run.logger.warning("need_profiler: the run ends before the %d steps that a profile takes", ALL_STEPS)
        profile = StepProfile(run.folder / f"profile_{run.ranks.rank}", run.config.device_target)
        return profile, min(run.total_steps, step + ALL_STEPS) if run.config.profiler_ends_run else run.total_steps

    def profile_step(self, profile):
        """Note a step in the profile; log where it is as soon as it is written."""
        if not profile.is_done:
            profile.step()
            if profile.is_done:
                self.run.logger.info("profile of %d steps: %s", PROFILED_STEPS, profile.folder)

    def log_compilation(self, step):
        """Log the graph that was compiled last."""
        graph, seconds = list(self.train_step.compile_seconds.items())[-1]
        size = "all sizes" if graph is None else f"{graph[0]}x{graph[1]}"
        self.run.logger.info("iter[%d], compiled the training step for %s, %.1f s", step, size, seconds)

    def log_estimate(self):
        """Log, as soon as some steps of the first epoch are timed, how long the run will take."""
        clock, step, run = self.meters.clock, self.state.progress.step, self.run
        if step - clock.first_step not in (FIRST_STEPS, FIRST_STEPS + TIMED_STEPS):
            return
        # The device has then ended the steps.
        self.check_bad_steps()
        pace = clock.pace(step, sum(self.train_step.compile_seconds.values()))
        if pace is not None:
            rest = run.total_steps - step
            run.logger.info("about %s for the %s that remain, at %.3f s a step, without validations; peak memory so "
                            "far %.0f MB", clock_text(pace * rest), counted(rest, "steps"), pace, peak_memory_mb())

    def log_window(self, epoch, step):
        """Log mean loss and speed since the last log line."""
        self.check_bad_steps()
        loss, images_per_second = self.meters.lap()
        self.run.logger.info(training_line(epoch, step, loss, images_per_second, self.rates[step]))

    def check_bad_steps(self):
        """Read the losses of the latest steps from the device and warn of those that were not finite.

        Raises:
            UserError: too many steps in a row were not finite.
        """
        added, bad = self.meters.flush()
        progress = self.state.progress
        if added.skipped:
            self.run.logger.warning("%d of the last %s had a loss or gradient that is not finite and changed nothing "
                                    "(%d in this run)", added.skipped, counted(added.skipped + added.steps, "steps"),
                                    progress.skipped_steps)
        if bad.longest >= MAX_BAD_STEPS_IN_ROW:
            raise UserError(f"{bad.longest} steps in a row up to step {progress.step} had a loss or gradient that is "
                            f"not finite ({bad.parts}); lower lr or loss_scale, set clip_gradient_norm, or look for "
                            "damaged weights in what the run started from")

    def is_checkpoint_due(self, end_step):
        """Return whether to save after the latest step, by config.ckpt_interval or because the run ends here."""
        step, interval = self.state.progress.step, self.run.config.ckpt_interval
        return bool(self.stopped_by) or step == end_step or (interval > 0 and step % interval == 0)

    def stop_signal(self, request, step, end_step):
        """Return the number of the signal that ends the run after this step, the same on all ranks, or 0.

        The ranks exchange it: on CPU at each step, where they wait for each other anyway, else with each log line.
        """
        run, number = self.run, request.number()
        if run.ranks.size > 1:
            config = run.config
            is_shared = waits_for_each_step(config.device_target) or step % config.log_interval == 0
            number = max(run.ranks.all_gather(number)) if is_shared else 0
        return number if self.state.progress.step < end_step else 0

    @contextmanager
    def naming_failures(self):
        """Turn an error of MindSpore into one that names the rank that is missing, or what does not fit into memory."""
        try:
            yield
        except (RuntimeError, MemoryError) as error:
            config = self.run.config
            self.run.ranks.name_missing(error)
            if is_out_of_memory(error):
                height, width = max(training_sizes(config))
                images = counted(config.micro_batch_size or config.per_batch_size, "images")
                raise UserError(f"a step of {images} of {height}x{width} does not fit into memory "
                                f"({memory_reason(error)}); lower per_batch_size or training_shape, or set "
                                "micro_batch_size to train a batch in smaller pieces") from error
            raise

    def end_epoch(self, epoch):
        """Sync the ranks at the end of an epoch; returns its row of metrics.csv."""
        run, progress = self.run, self.state.progress
        self.check_bad_steps()
        if run.config.data_sink:
            self.exchange_bad_images()
        self.state.sync(run.ranks)
        row = self.meters.epoch_row(epoch, self.rates[progress.step - 1])
        self.note_loss(epoch, row["loss"])
        if run.ranks.size > 1:
            run.logger.info("epoch[%d] parameters %s", epoch, self.state.digest())
        if run.logger.isEnabledFor(logging.DEBUG):
            order = training_sampler(run.config, run.data, run.ranks.rank, run.ranks.size).epoch_order(epoch)
            run.logger.debug("epoch[%d] images %s", epoch, [run.data.image_ids[number] for number in order])
        return row

    def note_loss(self, epoch, loss):
        """Note the mean loss of an epoch, and warn of one that is far from the best."""
        best = self.state.progress.lowest_loss
        self.state.progress.note_loss(loss, is_epoch=True)
        if self.state.progress.diverged:
            self.run.logger.warning(
                "epoch[%d] mean loss:%f%s: the run diverges; best.ckpt and the newest state from before it stay. "
                "Continue from that one with a lower lr or clip_gradient_norm (--resume %s/yolov3_tiny-EPOCH_STEP.ckpt "
                "--lr LR --allow_change lr), and look at first_batch.jpg for boxes in wrong places", epoch, loss,
                f", {loss / best:.0f} times that of the best epoch" if 0 < best < loss else "", self.run.checkpoints)

    def validate(self, row):
        """Validate the epoch of a row of metrics.csv; returns the result as further columns of it."""
        try:
            result = self.validation.validate()
        except UserError as fault:
            self.log_epoch(row)
            # Another rank may still be at its images: nothing collective.
            self.state.progress.clear_epoch()
            raise self.save_and_end(fault) from fault
        if self.report:
            self.report.add(result, row["epoch"])
        return {"AP": result.ap, "AP50": result.ap50}

    def log_epoch(self, row):
        """Log the line of an epoch by its row of metrics.csv."""
        remaining = self.meters.clock.remaining(self.state.progress.step, self.run.total_steps)
        self.run.logger.info("%s", epoch_line(row, self.run.config.max_epoch, sums_by_kind(row), remaining))

    def is_out_of_patience(self, epoch):
        """Return whether the run ends before `epoch` for lack of gain, and log so."""
        is_over, progress = self.validation.is_out_of_patience(), self.state.progress
        if is_over:
            self.run.logger.info("stopped early at epoch[%d]: %s without a better AP than %.4f (to "
                                 "continue, --resume with a larger --patience)", epoch - 1,
                                 counted(progress.validations_without_gain, "validations"), progress.best_score)
        return is_over

"""The training loop: batches through the compiled step, and what happens between them.

    for batch: step
        every log_interval steps: a log line
        every ckpt_interval steps (or each epoch): last.ckpt and a numbered one
        each epoch: a summary line, validation every eval_interval epochs, best.ckpt

A global step number decides everything: the epoch, the samples, their randomness and the learning rate are functions
of it, so that a run resumed at any step does what the unbroken one would have done.
"""
import math
import shutil
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from tqdm import tqdm

import mindspore as ms

from model_utils.config import TRAVELLING
from model_utils.device_adapter import waits_for_each_step
from model_utils.errors import UserError
from src.checkpoint import copy_strictly, numbered_name, remove_old, save_checkpoint
from src.logger import epoch_line, training_line
from src.loss import LOSS_PARTS
from src.lr_scheduler import learning_rates
from src.train_step import build_optimizer, build_train_step
from src.yolo_dataset import steps_per_epoch, train_stream


@dataclass
class Progress:
    """Where a run is; with the tensors of `last.ckpt` all that is needed to go on."""

    step: int = 0
    epoch_loss: float = 0.0
    epoch_steps: int = 0
    best_score: float = -math.inf
    skipped_steps: int = 0


def describe_network(config, categories):
    """Return the meta data that a checkpoint needs so that it runs without flags."""
    meta = {key: config[key] for key in TRAVELLING}
    return {**meta, "class_names": list(categories.names), "category_ids": list(categories.ids)}


class Trainer:
    """Trains a network on a data set and writes its checkpoints.

    Args:
        config (Config): the resolved configuration.
        data (CocoData): the training split.
        network (YOLOv3Tiny): with its first weights loaded.
        folder (str or Path): where checkpoints are written.
        logger (logging.Logger): of this rank.
        validate (callable or None): takes no argument, returns the AP of the network as it is; called every
            eval_interval epochs. Without it the best epoch is the one of the lowest mean loss.
    """

    def __init__(self, config, data, network, folder, logger, validate=None):
        self.config, self.data, self.network = config, data, network
        self.folder, self.logger, self.validate = Path(folder), logger, validate
        self.steps_per_epoch = steps_per_epoch(len(data.paths), config.per_batch_size, config.group_size)
        self.total_steps = self.steps_per_epoch * config.max_epoch
        self.rates = learning_rates(config, self.steps_per_epoch)
        self.optimizer = build_optimizer(network, config)
        self.train_step = build_train_step(network, self.optimizer, config, len(data.categories))
        self.waits = waits_for_each_step(config.device_target)
        self.progress = Progress()
        self.window, self.since_log, self.epoch_parts = LossWindow(), WindowSum(), WindowSum()

    def resume(self, checkpoint):
        """Take over weights, moments and position of a `last.ckpt`.

        Raises:
            UserError: the file holds no such state, or does not fit the network or the data set.
        """
        saved = checkpoint.meta.get("progress")
        if saved is None or not checkpoint.moments:
            raise UserError(f"resume {checkpoint.path}: holds weights only; a run goes on from its last.ckpt "
                            "(to start a new run from these weights, use --resume_yolo)")
        if checkpoint.meta.get("steps_per_epoch") != self.steps_per_epoch:
            raise UserError(f"resume {checkpoint.path}: that run had {checkpoint.meta.get('steps_per_epoch')} steps an "
                            f"epoch, this one has {self.steps_per_epoch}; use the same data_dir and per_batch_size")
        names = checkpoint.meta.get("class_names")
        if names != list(self.data.categories.names):
            raise UserError(f"resume {checkpoint.path}: that run had the classes {names}, this one has "
                            f"{list(self.data.categories.names)}; use the same data_dir")
        parameters = {parameter.name: parameter for parameter in self.network.get_parameters()}
        copy_strictly(parameters, checkpoint.weights, checkpoint.path)
        copy_strictly(self._moments(), checkpoint.moments, checkpoint.path)
        self.progress = Progress(**saved)
        best = Path(checkpoint.path).with_name("best.ckpt")
        if best.is_file():
            # No later epoch may be better, and the folder of this run is to hold its best one all the same.
            shutil.copyfile(best, self.folder / "best.ckpt")

    def fit(self):
        """Train from the current position to the end of the last epoch and return the `Progress`."""
        self.network.set_train(True)
        stream = train_stream(self.config, self.data, start_sample=self.progress.step * self.config.per_batch_size,
                              end_sample=self.total_steps * self.config.per_batch_size)
        clock = RunClock(self.progress.step)
        # A new line each step would drown a log file, so the bar shows only on a terminal.
        bar = tqdm(total=self.total_steps, initial=self.progress.step, unit="step", disable=not sys.stderr.isatty())
        for images, boxes in stream:
            step = self.progress.step
            loss, parts, finite = self.train_step(ms.Tensor(images), ms.Tensor(boxes), ms.Tensor(self.rates[step]))
            if self.waits:
                loss.asnumpy()
            self.window.add(loss, parts, finite)
            self.progress.step += 1
            bar.update()
            if step % self.config.log_interval == 0:
                self._log_window(step, clock)
            if self.progress.step % self.steps_per_epoch == 0:
                self._end_epoch(clock)
            elif self.config.ckpt_interval > 0 and self.progress.step % self.config.ckpt_interval == 0:
                self._flush_window()
                self._save_last()
        bar.close()
        return self.progress

    def _log_window(self, step, clock):
        self._flush_window()
        rate = clock.lap(self.progress.step) * self.config.per_batch_size * self.config.group_size
        self.logger.info(training_line(step // self.steps_per_epoch, step, self.since_log.mean(), rate,
                                       self.rates[step]))
        self.since_log = WindowSum()

    def _flush_window(self):
        """Move the losses of the window from the device into the sums of the epoch and of the next log line."""
        added = self.window.flush()
        self.progress.epoch_loss += added.loss
        self.progress.epoch_steps += added.steps
        self.progress.skipped_steps += added.skipped
        self.since_log.add(added)
        self.epoch_parts.add(added)
        if added.skipped:
            self.logger.warning("%d of the last %d steps had a loss or gradient that is not finite and changed nothing "
                                "(%d in this run)", added.skipped, added.skipped + added.steps,
                                self.progress.skipped_steps)

    def _end_epoch(self, clock):
        self._flush_window()
        progress, config = self.progress, self.config
        epoch = progress.step // self.steps_per_epoch - 1
        mean_loss = WindowSum(progress.epoch_loss, progress.epoch_steps).mean()
        rate = clock.epoch(progress.step) * config.per_batch_size * config.group_size
        self.logger.info(epoch_line(epoch, config.max_epoch, mean_loss, rate, clock.epoch_seconds,
                                    clock.remaining(progress.step, self.total_steps)))
        self.logger.info("epoch[%d] loss parts, %s", epoch, self.epoch_parts.in_words())
        self.epoch_parts = WindowSum()
        score = -mean_loss if not config.eval_interval else None
        if config.eval_interval and ((epoch + 1) % config.eval_interval == 0 or epoch + 1 == config.max_epoch):
            score = self._validate(epoch)
        if score is not None and score > progress.best_score:
            progress.best_score = score
            save_checkpoint(self.folder / "best.ckpt", self._weights(), self._meta())
        progress.epoch_loss, progress.epoch_steps = 0.0, 0
        if config.ckpt_interval <= 0 or progress.step % config.ckpt_interval == 0 or progress.step == self.total_steps:
            self._save_last()
        clock.restart(progress.step)

    def _validate(self, epoch):
        self.network.set_train(False)
        average_precision = self.validate()
        self.network.set_train(True)
        self.logger.info("epoch[%d], validation AP:%.4f", epoch, average_precision)
        return average_precision

    def _save_last(self):
        epoch = (self.progress.step - 1) // self.steps_per_epoch
        save_checkpoint(self.folder / "last.ckpt", self._weights(), self._meta(), self._moments())
        if self.config.keep_checkpoint_max > 0:
            save_checkpoint(self.folder / numbered_name(epoch, self.progress.step), self._weights(), self._meta())
            remove_old(self.folder, self.config.keep_checkpoint_max)

    def _weights(self):
        return {parameter.name: parameter for parameter in self.network.get_parameters()}

    def _moments(self):
        return {parameter.name: moment
                for parameter, moment in zip(self.optimizer.parameters, self.optimizer.moments, strict=True)}

    def _meta(self):
        return {**describe_network(self.config, self.data.categories), "config": self.config.to_dict(),
                "steps_per_epoch": self.steps_per_epoch, "progress": asdict(self.progress)}


@dataclass
class WindowSum:
    """Sums over some steps: finite losses and their parts, their count, and the number of steps that were skipped."""

    loss: float = 0.0
    steps: int = 0
    skipped: int = 0
    parts: np.ndarray = field(default_factory=lambda: np.zeros(len(LOSS_PARTS)))

    def add(self, other):
        """Add the sums of another window."""
        self.loss += other.loss
        self.steps += other.steps
        self.skipped += other.skipped
        self.parts = self.parts + other.parts

    def in_words(self):
        """Return the mean of each part of the loss as text."""
        return ", ".join(f"{name}:{value / max(self.steps, 1):.2f}"
                         for name, value in zip(LOSS_PARTS, self.parts, strict=True))

    def mean(self):
        """Return the mean of the finite losses, NaN where there is none."""
        return self.loss / self.steps if self.steps else math.nan


class LossWindow:
    """Keeps the losses of the last steps on the device, so that no step waits for the host to read one."""

    def __init__(self):
        self._results = []

    def add(self, loss, parts, finite):
        """Note the results of one step (device tensors)."""
        self._results.append((loss, parts, finite))

    def flush(self):
        """Read and forget all that was noted; return a `WindowSum`."""
        total = WindowSum()
        for loss, parts, finite in self._results:
            if bool(finite.asnumpy()):
                total.loss += float(np.float64(loss.asnumpy()))
                total.steps += 1
                total.parts += parts.asnumpy()
            else:
                total.skipped += 1
        self._results = []
        return total


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

    def remaining(self, step, total_steps):
        """Return the seconds that the remaining steps will take at the pace of this process so far."""
        return self.train_seconds / max(step - self.first_step, 1) * (total_steps - step)

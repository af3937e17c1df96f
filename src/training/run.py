# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What a training run is given, and the files that it writes.

    outputs/RUN/  train_rank_0.log  config.yaml  first_batch.jpg  metrics.csv  report/batch_N.jpg
    outputs/RUN/ckpt_0/  last.ckpt  best.ckpt  yolov3_tiny-EPOCH_STEP.ckpt  checkpoints.json
"""
import logging
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from model_utils.comm import Ranks
from model_utils.config import COMMAND_LINE, Config
from model_utils.errors import UserError, counted
from model_utils.local_adapter import usable_cores
from model_utils.options import show
from src.data.coco import CocoData
from src.evaluation.visualize import write_batch_sheet
from src.logger import MetricsTable
from src.loss import LOSS_PARTS
from src.training.train_state import data_facts, describe_network
from src.util import first_names
from src.weights.checkpoint_folder import BEST, CheckpointFolder
from src.yolo_dataset import steps_per_epoch, train_stream

# Columns of metrics.csv, and to how many digits a value is rounded; None: not at all.
METRICS = {"epoch": None, "step": None, "lr": None, "loss": 6, **dict.fromkeys(LOSS_PARTS, 4), "images_per_second": 2,
           "seconds": 2, "data_time": 5, "step_time": 5, "peak_memory_mb": 1, "AP": 6, "AP50": 6,
           "replaced_samples": None}
REPORTED_BATCHES = 3
# Options that say where something is, not how to train.
NO_RECIPE = ("config_path", "data_dir", "ckpt_path", "device_target")


@dataclass(frozen=True)
class Run:
    """Options, training data, ranks, folder and logger of a run.

    Only rank 0 writes checkpoints, or with config.is_save_on_master 0 every rank, each to a folder of its own.
    """

    config: Config
    data: CocoData
    ranks: Ranks
    folder: Path
    logger: logging.Logger

    @property
    def steps_per_epoch(self):
        """Steps of one epoch."""
        return steps_per_epoch(len(self.data), self.config.per_batch_size, self.ranks.size)

    @property
    def total_steps(self):
        """Steps of the whole run."""
        return self.steps_per_epoch * self.config.max_epoch

    @property
    def checkpoints(self):
        """The folder of this rank's checkpoints."""
        return Path(self.folder) / f"ckpt_{self.ranks.rank}"

    @cached_property
    def _data_facts(self):
        return data_facts(self.data)

    @property
    def last_checkpoint(self):
        """The last.ckpt from which this rank would continue: its own, or that of rank 0."""
        return Path(self.folder) / f"ckpt_{self.ranks.rank if self._saves else 0}" / "last.ckpt"

    @property
    def _metrics(self):
        return MetricsTable(Path(self.folder) / "metrics.csv", METRICS)

    @property
    def _saves(self):
        return self.ranks.is_first or not self.config.is_save_on_master

    def header(self, validation):
        """Return lines for the log of what is trained, with which `Validation`, on what and how."""
        config, ranks = self.config, self.ranks
        scored = "no validation (--eval_interval 5 has one every 5 epochs)"
        if validation.data:
            scored = (f"validation on {counted(len(validation.data), 'images')} by {validation.engine}, eval_interval "
                      f"{config.eval_interval}")
        device = f"{ranks.size} x {config.device_target}" if ranks.size > 1 else config.device_target
        precision = "float32" if config.amp_level == "O0" else f"float16 ({config.amp_level})"
        given = [f"{name} {show(config[name])}" for name in config.to_dict()
                 if config.source(name) == COMMAND_LINE and name not in NO_RECIPE]
        return [f"classes: {first_names(self.data.categories.names, 10)}; {scored}",
                f"{device} with {counted(usable_cores(), 'cores')}, {precision}; recipe: "
                f"{config.config_path or 'the defaults'}" + (f", and {', '.join(given)}" if given else "")]

    def stream(self, first_step, end_step=None, report=None):
        """Return this rank's `train_stream` from one step to another, or to the end of the run, with its `report`."""
        batch, end_step = self.config.per_batch_size, self.total_steps if end_step is None else end_step
        return train_stream(self.config, self.data, first_step * batch, end_step * batch, self.ranks.rank,
                            self.ranks.size, report)

    def take_over(self, checkpoint, progress):
        """Copy metrics and best.ckpt of the run that is resumed; without a whole one, its score is forgotten."""
        folder = Path(checkpoint.path).resolve().parent
        end_epoch = checkpoint.meta["progress"]["step"] // self.steps_per_epoch
        cut = self.ranks.is_first and self._metrics.take_over(folder.parent / "metrics.csv", end_epoch)
        if cut:
            self.logger.warning("metrics.csv of the interrupted run: %s not readable and left out",
                                counted(cut, "rows are"))
        fault = ""
        try:
            # No later epoch may be better.
            if (self._saves and not CheckpointFolder(self.checkpoints).take_best(folder)
                    and progress.best_score > -math.inf):
                fault = f"resume {checkpoint.path}: there is no {BEST} beside it"
        except UserError as error:
            fault = str(error)
        # All ranks must count the same validations without gain.
        fault = self.ranks.broadcast(fault)
        if fault:
            self.logger.warning("%s; best.ckpt will be the best epoch from here on", fault)
            progress.best_score = -math.inf

    def write_first_batch(self, step):
        """Write the first batch that is trained, with its boxes, to first_batch.jpg, and the next ones for a report."""
        end = min(step + (REPORTED_BATCHES if self.config.report else 1), self.total_steps)
        if self.ranks.is_first and step < end:
            with self.stream(step, end) as stream:
                for number, (images, boxes) in enumerate(stream, start=1):
                    name = f"report/batch_{number}.jpg" if number > 1 else "first_batch.jpg"
                    write_batch_sheet(self.folder / name, images, boxes, self.data.categories.names)

    def write_metrics(self, row):
        """Append a row, by the names of `METRICS`, to metrics.csv."""
        if self.ranks.is_first:
            rounded = {name: value if METRICS[name] is None else float(round(value, METRICS[name]))
                       for name, value in row.items()}
            self._metrics.append(rounded)

    def save_best(self, state):
        """Write best.ckpt; to be called after `TrainState.sync`."""
        if self._saves:
            CheckpointFolder(self.checkpoints).save_best(self._meta(state), state.best_weights())

    def save_last(self, state):
        """Write last.ckpt and a numbered checkpoint, and remove the oldest; to be called after `TrainState.sync`."""
        if self._saves:
            epoch = (state.progress.step - 1) // self.steps_per_epoch
            for line in CheckpointFolder(self.checkpoints).save_state(
                    epoch, self.config.keep_checkpoint_max, self._meta(state), state.weights(), state.moments(),
                    state.averages()):
                self.logger.warning("%s", line)

    def _meta(self, state):
        return {**describe_network(self.config, self.data.categories), "config": self.config.to_dict(),
                "steps_per_epoch": self.steps_per_epoch, "data": self._data_facts, "progress": state.progress_meta(),
                "left_out": self.data.left_out}

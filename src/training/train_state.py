# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a training run: weights, moments, averages, loss scale and progress.

    state = TrainState(network, build_optimizer(network, config), build_average(network, config),
                       build_loss_scaler(config))
    state.restore(load_checkpoint("last.ckpt"))
"""
import hashlib
import math
from dataclasses import asdict, dataclass, field

import mindspore as ms
import mindspore.ops as ops
from mindspore.amp import DynamicLossScaler, LossScaler
from mindspore.nn import Optimizer

from model_utils.config import TRAVELLING, default_options
from model_utils.device_adapter import prefers_decomposed_activation
from model_utils.errors import UserError, quoted
from model_utils.options import plain, show
from src.distributed_sampler import steps_per_epoch
from src.training.ema import WeightAverage, build_average
from src.training.optimizer import (
    build_loss_scaler,
    build_optimizer,
    freeze_backbone,
    is_backbone_frozen,
    optimizer_state,
)
from src.weights.checkpoint import copy_strictly
from src.weights.start_weights import start_weights
from src.yolo import YOLOv3Tiny, build_network


@dataclass
class Progress:
    """The position of a run, saved in its checkpoints.

    `epoch_loss`, `epoch_steps` and `epoch_parts` are sums over the finite steps of the current epoch;
    `bad_steps_in_row` counts the latest steps whose loss or gradient was not finite, `validations_without_gain` the
    latest validations that did not beat the best; `loss_scale` and `good_steps` are the state of a dynamic loss scaler.
    """

    step: int = 0
    epoch_loss: float = 0.0
    epoch_steps: int = 0
    epoch_parts: list = field(default_factory=list)
    best_score: float = -math.inf
    skipped_steps: int = 0
    bad_steps_in_row: int = 0
    validations_without_gain: int = 0
    loss_scale: float = 0.0
    good_steps: int = 0

    def clear_epoch(self):
        """Reset the sums of the epoch."""
        self.epoch_loss, self.epoch_steps, self.epoch_parts = 0.0, 0, []


@dataclass
class TrainState:
    """All that changes from step to step; the optimizer holds the moments."""

    network: YOLOv3Tiny
    optimizer: Optimizer
    average: WeightAverage | None
    scaler: LossScaler
    progress: Progress = field(default_factory=Progress)

    @property
    def best_network(self):
        """The network that is validated and saved for use: the averaged one, or the trained one without averaging."""
        return self.average.network if self.average else self.network

    def weights(self):
        """Return the trained parameters and batch-norm statistics by name."""
        return {parameter.name: parameter for parameter in self.network.get_parameters()}

    def averages(self):
        """Return the averaged parameters by the names of the weights; empty without averaging."""
        return self.average.by_name if self.average else {}

    def best_weights(self):
        """Return the parameters of `best_network` by the names of the weights."""
        return self.averages() or self.weights()

    def moments(self):
        """Return the moments by the names of the weights, see `optimizer_state`."""
        return optimizer_state(self.optimizer)

    def progress_meta(self):
        """Return the progress as a dict that json can hold, with the current loss scale."""
        if isinstance(self.scaler, DynamicLossScaler):
            self.progress.loss_scale = float(self.scaler.scale_value.asnumpy())
            self.progress.good_steps = int(self.scaler.counter.asnumpy())
        return asdict(self.progress)

    def restore(self, checkpoint):
        """Load weights, moments, averages and progress of a `last.ckpt` that `check_resumable` accepted."""
        copy_strictly(self.weights(), checkpoint.weights, checkpoint.path)
        copy_strictly(self.moments(), checkpoint.moments, checkpoint.path)
        if self.average:
            # A run that did not average so far starts to average at its weights.
            copy_strictly(self.average.by_name, checkpoint.best_weights(), checkpoint.path)
        self.progress = Progress(**checkpoint.meta["progress"])
        if isinstance(self.scaler, DynamicLossScaler) and self.progress.loss_scale:
            ops.assign(self.scaler.scale_value, ms.Tensor(self.progress.loss_scale, ms.float32))
            ops.assign(self.scaler.counter, ms.Tensor(self.progress.good_steps, ms.int32))

    def sync(self, ranks):
        """Give all ranks the same batch-norm statistics, each of which has seen its own images only; collective."""
        frozen = self.network.backbone.get_parameters() if is_backbone_frozen(self.network) else ()
        frozen = {parameter.name for parameter in frozen}
        for parameters in (self.weights(), self.averages()):
            if parameters:
                ranks.average_statistics({name: value for name, value in parameters.items() if name not in frozen})

    def digest(self):
        """Return a hash of all weights and statistics; the same on all ranks after `sync`."""
        found = hashlib.sha256()
        for parameter in self.weights().values():
            found.update(parameter.asnumpy().tobytes())
        return found.hexdigest()


def start_state(config, categories, checkpoint):
    """Return the `TrainState` at the start of a run, and a line for the log that says where its weights come from."""
    network = build_network(config, config.num_classes, prefers_decomposed_activation(config.device_target))
    started = "" if checkpoint else start_weights(network, config, categories.names)
    if config.freeze_backbone:
        freeze_backbone(network)
    state = TrainState(network, build_optimizer(network, config), build_average(network, config),
                       build_loss_scaler(config))
    if checkpoint:
        state.restore(checkpoint)
        started = f"resume {checkpoint.path}: continues at step {state.progress.step}"
    return state, started


def describe_network(config, categories):
    """Return the meta data with which a checkpoint runs without further options."""
    meta = {key: config[key] for key in TRAVELLING}
    return {**meta, "class_names": list(categories.names), "category_ids": list(categories.ids)}


def check_resumable(checkpoint, config, data):
    """Check that a run can continue from a checkpoint with this config and data.

    Raises:
        UserError: the file does not hold the state of a run, or the state of one with another data set, another number
            of devices or other trained parameters.
    """
    if "progress" not in checkpoint.meta or not checkpoint.moments:
        raise UserError(f"resume {checkpoint.path}: holds weights only; a run continues from its last.ckpt "
                        "(to start a new run from these weights, use --resume_yolo)")
    unknown = [name for name in checkpoint.meta["progress"] if name not in Progress.__dataclass_fields__]
    if unknown:
        raise UserError(f"resume {checkpoint.path}: its progress has {quoted(unknown)}, which this version does not "
                        "know; continue with the version that wrote it, or start a new run by --resume_yolo")
    devices = checkpoint.meta["config"]["group_size"]
    if devices != config.group_size:
        raise UserError(f"resume {checkpoint.path}: that run had {devices} device(s), this one has "
                        f"{config.group_size}; use as many, or start a new run from its weights by --resume_yolo")
    steps = steps_per_epoch(len(data), config.per_batch_size, config.group_size)
    if checkpoint.meta["steps_per_epoch"] != steps:
        raise UserError(f"resume {checkpoint.path}: that run had {checkpoint.meta['steps_per_epoch']} steps an "
                        f"epoch, this one has {steps}; use the same data_dir and per_batch_size")
    names = checkpoint.meta["class_names"]
    if names != list(data.categories.names):
        raise UserError(f"resume {checkpoint.path}: that run had the classes {names}, this one has "
                        f"{list(data.categories.names)}; use the same data_dir")
    for option in ("freeze_backbone", "optimizer", "assigner", "scale_x_y"):
        # Runs from before an option had its default.
        before = checkpoint.meta["config"].get(option, default_options()[option].default)
        if plain(before) != plain(config[option]):
            raise UserError(f"resume {checkpoint.path}: that run had {option} {show(before)}, this one has "
                            f"{show(config[option])}; leave it as it was, or start a new run by --resume_yolo")

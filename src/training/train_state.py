# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""All that a run is at a step: its tensors, its progress, and the checkpoints that hold them."""
import hashlib
from dataclasses import asdict
from pathlib import Path

import mindspore as ms
import mindspore.ops as ops

from model_utils.config import TRAVELLING
from model_utils.errors import UserError
from src.distributed_sampler import steps_per_epoch
from src.training.meters import Progress
from src.weights.checkpoint import copy_strictly, numbered_name, remove_old, save_checkpoint


def describe_network(config, categories):
    """Return the meta data that a checkpoint needs so that it runs without flags."""
    meta = {key: config[key] for key in TRAVELLING}
    return {**meta, "class_names": list(categories.names), "category_ids": list(categories.ids)}


def check_resumable(checkpoint, config, data):
    """Check that a run can go on from a checkpoint with this config and data.

    Raises:
        UserError: the file holds no state of a run, or one of another data set or other trained parameters.
    """
    if "progress" not in checkpoint.meta or not checkpoint.moments:
        raise UserError(f"resume {checkpoint.path}: holds weights only; a run goes on from its last.ckpt "
                        "(to start a new run from these weights, use --resume_yolo)")
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
    was_frozen = checkpoint.meta["config"]["freeze_backbone"]
    if was_frozen != config.freeze_backbone:
        raise UserError(f"resume {checkpoint.path}: that run had freeze_backbone {was_frozen}, this one has "
                        f"{config.freeze_backbone}; leave it as it was, or start a new run by --resume_yolo")


class RunState:
    """The tensors and the progress of a run.

    Args:
        config (Config): the resolved configuration.
        data (CocoData): the training split.
        network (YOLOv3Tiny): what is trained.
        optimizer (Momentum): with the moments.
        scaler (LossScaler): of the loss.
        average (WeightAverage or None): of the network; what is validated and saved as best.
        ranks (Ranks): the processes that train together; rank 0 saves, or with config.is_save_on_master 0 all.
    """

    def __init__(self, config, data, network, optimizer, scaler, average, ranks):
        self.config, self.data, self.network, self.average = config, data, network, average
        self.optimizer, self.scaler, self.ranks = optimizer, scaler, ranks
        self.steps_per_epoch = steps_per_epoch(len(data), config.per_batch_size, ranks.size)
        self.progress = Progress()
        self.is_saved_here = ranks.is_first or not config.is_save_on_master

    def restore(self, checkpoint):
        """Take over weights, moments, averages and progress of a `last.ckpt` that `check_resumable` let pass."""
        copy_strictly(self._weights(), checkpoint.weights, checkpoint.path)
        copy_strictly(self._moments(), checkpoint.moments, checkpoint.path)
        if self.average:
            # A run that did not average so far starts to do so at its weights.
            copy_strictly(self.average.by_name, checkpoint.best_weights(), checkpoint.path)
        self.progress = Progress(**checkpoint.meta["progress"])
        if bool(checkpoint.meta["config"]["eval_interval"]) != bool(self.config.eval_interval):
            # An AP cannot be compared with a loss.
            self.progress.best_score, self.progress.validations_without_gain = Progress.best_score, 0
        if self.config.dynamic_loss_scale and self.progress.loss_scale:
            ops.assign(self.scaler.scale_value, ms.Tensor(self.progress.loss_scale, ms.float32))
            ops.assign(self.scaler.counter, ms.Tensor(self.progress.good_steps, ms.int32))

    def agree(self):
        """Give all ranks the same batch-norm statistics, each of which has seen its own images only; on all ranks."""
        frozen = self.network.backbone.get_parameters() if self.config.freeze_backbone else ()
        frozen = {parameter.name for parameter in frozen}
        for parameters in (self._weights(), *([self.average.by_name] if self.average else [])):
            self.ranks.average_statistics({name: value for name, value in parameters.items() if name not in frozen})

    def save_best(self, folder):
        """Write best.ckpt; to be called after `agree`."""
        if self.is_saved_here:
            save_checkpoint(Path(folder) / "best.ckpt", self._best_weights(), self._meta())

    def save_last(self, folder):
        """Write last.ckpt and a numbered checkpoint, and remove those too many; to be called after `agree`."""
        if not self.is_saved_here:
            return
        epoch = (self.progress.step - 1) // self.steps_per_epoch
        averages = self.average.by_name if self.average else None
        save_checkpoint(Path(folder) / "last.ckpt", self._weights(), self._meta(), self._moments(), averages)
        save_checkpoint(Path(folder) / numbered_name(epoch, self.progress.step), self._best_weights(), self._meta())
        remove_old(folder, self.config.keep_checkpoint_max)

    def digest(self):
        """Return a hash of all weights and statistics; after `agree` all ranks have the same."""
        found = hashlib.sha256()
        for parameter in self._weights().values():
            found.update(parameter.asnumpy().tobytes())
        return found.hexdigest()

    def _weights(self):
        return {parameter.name: parameter for parameter in self.network.get_parameters()}

    def _best_weights(self):
        return self.average.by_name if self.average else self._weights()

    def _moments(self):
        return {parameter.name: moment
                for parameter, moment in zip(self.optimizer.parameters, self.optimizer.moments, strict=True)}

    def _meta(self):
        if self.config.dynamic_loss_scale:
            self.progress.loss_scale = float(self.scaler.scale_value.asnumpy())
            self.progress.good_steps = int(self.scaler.counter.asnumpy())
        return {**describe_network(self.config, self.data.categories), "config": self.config.to_dict(),
                "steps_per_epoch": self.steps_per_epoch, "progress": asdict(self.progress)}

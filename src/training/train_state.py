# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a training run: weights, moments, averages, loss scale and progress.

    state = TrainState(network, build_optimizer(network, config), build_average(network, config),
                       build_loss_scaler(config))
    state.restore(load_checkpoint("last.ckpt"))
"""
import hashlib
import math
from dataclasses import asdict, dataclass, field, replace

import mindspore as ms
import mindspore.ops as ops
from mindspore.amp import DynamicLossScaler, LossScaler
from mindspore.nn import Optimizer

from model_utils.config import FOLLOWING, TRAVELLING, decisive_options, default_options
from model_utils.device_adapter import prefers_decomposed_activation
from model_utils.errors import UserError, counted, quoted
from model_utils.options import plain, show
from src.config import allowed_changes
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
from src.weights.checkpoint_folder import is_state
from src.weights.start_weights import start_weights
from src.yolo import YOLOv3Tiny, build_network

# So many times the mean loss of the best epoch is no training any more.
DIVERGED = 100
# A state does not fit a run with others of these.
PART_OF_THE_STATE = ("num_classes", "anchor_masks", "optimizer", "freeze_backbone")


@dataclass
class Progress:
    """The position of a run, saved in its checkpoints.

    `epoch_loss`, `epoch_steps` and `epoch_parts` are sums over the finite steps of the current epoch; `epoch_replaced`
    counts its samples, on all ranks, that were replaced because an image could not be used;
    `bad_steps_in_row` counts the latest steps whose loss or gradient was not finite, `validations_without_gain` the
    latest validations that did not beat the best; `loss_scale` and `good_steps` are the state of a dynamic loss scaler.
    `lowest_loss` is the mean loss of the best epoch, `diverged` whether the latest one was far from it.
    """

    step: int = 0
    epoch_loss: float = 0.0
    epoch_steps: int = 0
    epoch_parts: list = field(default_factory=list)
    epoch_replaced: int = 0
    best_score: float = -math.inf
    skipped_steps: int = 0
    bad_steps_in_row: int = 0
    validations_without_gain: int = 0
    loss_scale: float = 0.0
    good_steps: int = 0
    lowest_loss: float = math.inf
    diverged: bool = False

    def note_loss(self, loss, is_epoch):
        """Note the mean loss of the epoch so far; `diverged` is then whether it is far from the best one, or NaN."""
        self.diverged = not loss <= DIVERGED * self.lowest_loss
        if is_epoch and not self.diverged:
            self.lowest_loss = min(self.lowest_loss, loss)

    def clear_epoch(self):
        """Reset the sums of the epoch."""
        self.epoch_loss, self.epoch_steps, self.epoch_parts, self.epoch_replaced = 0.0, 0, [], 0


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
        """Load weights, moments, averages and progress of a state that `accept_changes` accepted."""
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


def data_facts(data):
    """Return what a resumed run must find again: numbers of images and boxes, and a hash of ids, sizes and boxes."""
    found = hashlib.sha256()
    for image_id, size, boxes in zip(data.image_ids, data.sizes, data.boxes, strict=True):
        found.update(f"{image_id!r} {tuple(map(int, size))} {len(boxes)}\n".encode() + boxes.tobytes())
    return {"images": len(data), "boxes": sum(map(len, data.boxes)), "sha256": found.hexdigest()}


def accept_changes(checkpoint, config, data):
    """Check that a run can continue from a checkpoint with this config and data.

    Returns:
        The checkpoint, its step moved to the same epoch where an epoch has another number of steps now, and a line for
        the log for each change that config.allow_change names.

    Raises:
        UserError: the file does not hold the state of a run, or what decides the result of the run has changed; each
            change is listed.
    """
    if not is_state(checkpoint):
        raise UserError(f"resume {checkpoint.path}: holds weights only; a run continues from its last.ckpt "
                        "(to start a new run from these weights, use --resume_yolo)")
    unknown = [name for name in checkpoint.meta["progress"] if name not in Progress.__dataclass_fields__]
    if unknown:
        raise UserError(f"resume {checkpoint.path}: its progress has {quoted(unknown)}, which this version does not "
                        "know; continue with the version that wrote it, or start a new run by --resume_yolo")
    steps = steps_per_epoch(len(data), config.per_batch_size, config.group_size)
    changes = dict(_changes(checkpoint.meta, config, data, steps))
    refused = [name for name in changes if name not in allowed_changes(config) or name in PART_OF_THE_STATE]
    if refused:
        listed = "\n  ".join(f"{name}: {before} then, {now} now" for name, (before, now) in changes.items()
                             if name in refused)
        allowable = ",".join(name for name in changes if name not in PART_OF_THE_STATE)
        way = f", or continue with the change by --allow_change {allowable}" if allowable else ""
        raise UserError(f"resume {checkpoint.path}: the result of that run would be another one by\n  {listed}\n"
                        f"leave it as it was, or start a new run from its weights by --resume_yolo{way}")
    before, progress = checkpoint.meta["steps_per_epoch"], checkpoint.meta["progress"]
    if before != steps:
        # What is left of the epoch has sums of its own.
        moved = {**progress, "step": progress["step"] * steps // before, "epoch_loss": 0.0, "epoch_steps": 0,
                 "epoch_parts": []}
        checkpoint = replace(checkpoint, meta={**checkpoint.meta, "steps_per_epoch": steps, "progress": moved})
    return checkpoint, [f"resume: {name} is {now} from here on, {before} until then"
                        for name, (before, now) in changes.items()]


def _changes(meta, config, data, steps):
    """Yield (name, (text of what was, text of what is)) of all that decides the result of a run and has changed."""
    saved = meta["config"]
    for name in decisive_options():
        # Runs from before an option had its default.
        before, now = saved.get(name, plain(default_options()[name].default)), plain(config[name])
        leader = FOLLOWING.get(name)
        follows = leader and before == saved.get(leader) and now == plain(config[leader])
        if before != now and not follows and not (name == "max_epoch" and now > before):
            yield name, (show(before), show(now))
    classes = list(data.categories.names)
    if meta["class_names"] != classes:
        yield "classes", (show(meta["class_names"]), show(classes))
    facts = data_facts(data)
    then = meta.get("data", facts)
    if then != facts:
        yield "data", tuple(f"{counted(found['images'], 'images')} with {counted(found['boxes'], 'boxes')} (SHA-256 "
                            f"{found['sha256'][:8]})" for found in (then, facts))
    batches = [saved.get(name) == plain(config[name]) for name in ("per_batch_size", "group_size")]
    if "data" not in meta and all(batches) and meta["steps_per_epoch"] != steps:
        yield "data", (f"{counted(meta['steps_per_epoch'], 'steps')} an epoch", f"{counted(steps, 'steps')} an epoch")

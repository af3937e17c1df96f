# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""One training step as one compiled graph: forward pass, loss, gradients, and an update that skips a bad step."""
import time

import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops
from mindspore.amp import auto_mixed_precision

from model_utils.comm import Ranks
from model_utils.device_adapter import has_short_collectives
from src.config import detection_scales
from src.loss import YOLOv3TinyLoss
from src.network.grid import open_grids, scale_grids
from src.network.normalize import Normalize
from src.training.accumulation import Accumulation
from src.training.dynamic_loss import DynamicLoss
from src.training.optimizer import build_loss_scaler, build_update

# By config.assigner.
LOSSES = {"anchor": YOLOv3TinyLoss, "dynamic": DynamicLoss}

_half_squared_norm = ops.MultitypeFuncGraph("half_squared_norm")


@_half_squared_norm.register("Tensor")
def _half_squared_norm_of_one(gradient):
    return ops.L2Loss()(gradient)


def mixed_precision(network, amp_level):
    """Return a cell around `network`, with its parameters, that computes as config.amp_level says and returns float32.

    O0 leaves it as it is; O2 computes in float16 but for batch norm; O3 in float16 throughout. Weights stay float32.
    """
    return auto_mixed_precision(network, amp_level)


class TrainStep:
    """The training step of a run.

    With config.multi_scale_graph "static" one graph is compiled for each input size, when that size first comes; with
    "dynamic" one for all sizes, at the first step. `compile_seconds` holds the time of each compilation, by (height,
    width), or by None for the one graph of all sizes. Before a graph runs for the first time, and on CPU before every
    step, the ranks wait for each other. With config.micro_batch_size a batch goes through the network in parts, and the
    last part updates the weights by the mean of all gradients.

    Args:
        network (Cell): images to raw heads, float32 [B, 3, H, W] to `YOLOv3Tiny`'s (big, small).
        optimizer (Momentum or AdamW): over the network's parameters.
        config (Config): the resolved configuration.
        num_classes (int): C.
        average (WeightAverage or None): follows the weights after each good step.
        scaler (LossScaler or None): of `build_loss_scaler`; made from the config if None.
        ranks (Ranks or None): the processes that train together; None: this one.
    """

    def __init__(self, network, optimizer, config, num_classes, average=None, scaler=None, ranks=None):
        self.optimizer, self.average = optimizer, average
        self.scaler = scaler if scaler is not None else build_loss_scaler(config)
        self.compile_seconds = {}
        self._ranks, self._waits = ranks or Ranks(), has_short_collectives(config.device_target)
        self._is_dynamic = config.multi_scale_graph == "dynamic"
        self._scales, self._grids = detection_scales(config), {}
        self._micro_batch = config.micro_batch_size or config.per_batch_size
        count = config.per_batch_size // self._micro_batch
        self._sums = Accumulation(optimizer.parameters, batch_norm_statistics(network), count) if count > 1 else None
        steps = build_train_step(network, optimizer, config, num_classes, average, self.scaler, self._sums)
        self._add, self._step = map(StepGraph, steps)

    def __call__(self, images, boxes, lr, decay=0.0):
        """Update network, optimizer and average; return (loss, parts, finite).

        Args:
            images (Tensor): uint8 [B, H, W, 3].
            boxes (Tensor): float32 [B, max_box, 5].
            lr (float): the learning rate.
            decay (float): the decay of the average.

        Returns:
            float32 scalar, float32 [6] (`LOSS_PARTS`), bool scalar. When the loss or a gradient is not finite, weights,
            moments, average and batch-norm statistics keep their values bit by bit.
        """
        return self.on_device(images, boxes, ms.Tensor(lr, ms.float32), ms.Tensor(decay, ms.float32))

    def on_device(self, images, boxes, lr, decay):
        """Do the same with float32 scalar tensors for lr and decay."""
        input_hw = tuple(images.shape[1:3])
        if input_hw not in self._grids:
            self._grids[input_hw] = scale_grids(self._scales, input_hw)
        graph = None if self._is_dynamic else input_hw
        grids = self._grids[input_hw]
        others = (lr, decay, ms.mutable(grids) if self._is_dynamic else grids)
        *earlier, last = self._micro_batches(images, boxes)
        is_new = graph not in self.compile_seconds
        if is_new:
            self._compile(graph, (*last, *others))
        if is_new or self._waits:
            self._ranks.wait(f"the training step for {input_hw[0]}x{input_hw[1]}")
        if self._sums:
            self._sums.start()
        for micro_batch in earlier:
            self._add(*micro_batch, *others)
        return self._step(*last, *others)

    def _micro_batches(self, images, boxes):
        """Return the (images, boxes) that go through the network one after the other."""
        if not self._sums:
            return [(images, boxes)]
        ends = range(self._micro_batch, images.shape[0] + 1, self._micro_batch)
        return [(images[end - self._micro_batch:end], boxes[end - self._micro_batch:end]) for end in ends]

    def _compile(self, graph, arguments):
        started = time.perf_counter()
        for cell in (self._add, self._step) if self._sums else (self._step,):
            if self._is_dynamic:
                images = ms.Tensor(shape=(arguments[0].shape[0], None, None, 3), dtype=ms.uint8)
                cell.set_inputs(images, *arguments[1:-1], ms.mutable(open_grids(self._scales)))
            cell.compile(*arguments)
        self.compile_seconds[graph] = time.perf_counter() - started


class StepGraph(nn.Cell):
    """A function of one step as a cell, which can be compiled before it runs."""

    def __init__(self, step):
        super().__init__()
        self.step = step

    def construct(self, images, boxes, lr, decay, grids):
        """Return what the function does."""
        return self.step(images, boxes, lr, decay, grids)


def batch_norm_statistics(network):
    """Return the parameters that hold the statistics of batch norms."""
    return [parameter for parameter in network.get_parameters()
            if parameter.name.endswith((".moving_mean", ".moving_variance"))]


def build_train_step(network, optimizer, config, num_classes, average, scaler, sums=None):
    """Return two functions to be compiled: of the earlier micro-batches of a step, and of the last, or only, one.

    Arguments and results are those of `TrainStep`, but lr and decay float32 scalar tensors, and a last argument: the
    `scale_grids` of the input size. The first function adds to `sums` (Accumulation; None: there are no micro-batches).
    """
    normalize = Normalize(config.mean, config.std)
    loss_cell = LOSSES[config.assigner](config, num_classes)
    clip_norm, has_sums = float(config.clip_gradient_norm), sums is not None
    statistics = batch_norm_statistics(network)
    average_over_ranks = (nn.DistributedGradReducer(optimizer.parameters, True, config.group_size)
                          if config.group_size > 1 else None)
    total, ranks = ops.AllReduce() if config.group_size > 1 else None, config.group_size
    update = build_update(optimizer, statistics, average, config.device_target)
    hyper_map = ops.HyperMap()

    def scaled_loss(images, boxes, grids):
        big, small = network(normalize(images))
        loss, parts = loss_cell(big, small, boxes, grids)
        return scaler.scale(loss), loss, parts

    gradient_of = ms.value_and_grad(scaled_loss, None, optimizer.parameters, has_aux=True)

    def add(images, boxes, lr, decay, grids):
        (_, loss, parts), gradients = gradient_of(images, boxes, grids)
        return sums.add(scaler.unscale(gradients), loss, parts)

    def step(images, boxes, lr, decay, grids):
        # The forward pass moves the batch-norm statistics, so they are copied before it.
        before = sums.before if has_sums else [ops.add(statistic, 0.0) for statistic in statistics]
        (_, loss, parts), gradients = gradient_of(images, boxes, grids)
        gradients = scaler.unscale(gradients)
        if has_sums:
            gradients, loss, parts = sums.mean(gradients, loss, parts)
        if ranks > 1:
            # With the loss, so that all ranks agree on whether the step was finite, and log the same.
            gradients = average_over_ranks(gradients)
            loss, parts = total(loss) / ranks, total(parts) / ranks
        # A value that is not finite, or whose square is not, makes the norm so: one pass instead of two.
        squared_norm = 2.0 * ops.addn(hyper_map(_half_squared_norm, gradients))
        finite = ops.logical_and(ops.isfinite(loss), ops.isfinite(squared_norm))
        if clip_norm > 0:
            # Not by squared_norm: summed in float32 without care, it is good to a thousandth only.
            gradients = ops.clip_by_global_norm(gradients, clip_norm)
        loss = ops.depend(loss, scaler.adjust(finite))
        loss = ops.depend(loss, update(finite, gradients, lr, decay, before))
        return loss, parts, finite

    return add, step

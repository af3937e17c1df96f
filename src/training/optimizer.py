# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The optimizer: which parameters learn, with which decay and loss scale, and the update at the end of a step.

A step that is not finite must not change a bit. The update has two forms with the same result: a branch around it, or
an update that adds nothing. The device decides which is faster.
"""
import mindspore.nn as nn
import mindspore.ops as ops
from mindspore.amp import DynamicLossScaler, StaticLossScaler

from model_utils.device_adapter import branches_in_graph

# A dynamic loss scale is halved at an overflow and doubled after so many good steps.
SCALE_FACTOR = 2
SCALE_WINDOW = 1000


def freeze_backbone(network):
    """Take conv0 to conv6 out of training; to be called before `build_optimizer`."""
    for parameter in network.backbone.get_parameters():
        parameter.requires_grad = False


def is_backbone_frozen(network):
    """Return whether `freeze_backbone` was called for a network."""
    return not network.backbone.trainable_params()


def set_training(network):
    """Put a network into training mode, but a frozen backbone into inference mode; use it for network.set_train(True).

    The batch norms of a frozen backbone normalise by the statistics that they came with and do not move them.
    """
    network.set_train(True)
    if is_backbone_frozen(network):
        network.backbone.set_train(False)


def parameter_groups(network, weight_decay):
    """Return the optimizer's two groups: batch-norm parameters and biases, without decay, and the other weights.

    A name that ends in .gamma, .beta or .bias has no decay, as in the 2021 version.
    """
    plain, decayed = [], []
    for parameter in network.trainable_params():
        (plain if parameter.name.endswith((".gamma", ".beta", ".bias")) else decayed).append(parameter)
    return [{"params": plain, "weight_decay": 0.0}, {"params": decayed, "weight_decay": weight_decay}]


def build_optimizer(network, config):
    """Return Momentum over the two groups of `parameter_groups`; the step sets its learning rate."""
    groups = parameter_groups(network, config.weight_decay)
    return nn.Momentum(groups, learning_rate=0.0, momentum=config.momentum)


def build_loss_scaler(config):
    """Return the loss scaler: constant, or with config.dynamic_loss_scale adapted to overflows."""
    if config.dynamic_loss_scale:
        return DynamicLossScaler(config.loss_scale, SCALE_FACTOR, SCALE_WINDOW)
    return StaticLossScaler(config.loss_scale)


def build_update(optimizer, statistics, average, device_target):
    """Return the function that ends a step, in the form that suits a device; it is called inside the step's graph.

    Its arguments are finite (bool scalar: False leaves everything as it was before the step), gradients (tuple, of the
    optimizer's parameters), lr and decay (float32 scalars), and before (list): copies of the statistics from before
    the step. It returns a tensor on which the step's results must depend.

    Args:
        optimizer (Momentum): over the parameters that learn.
        statistics (list): batch-norm statistics, which the forward pass has already moved.
        average (WeightAverage or None): follows the weights.
        device_target (str): Ascend, GPU or CPU.
    """
    form = _in_branch if branches_in_graph(device_target) else _without_branch
    return form(optimizer, statistics, average)


def _in_branch(optimizer, statistics, average):

    def update(finite, gradients, lr, decay, before):
        done = finite
        if finite:
            ops.assign(optimizer.learning_rate, lr)
            done = ops.depend(done, optimizer(gradients))
            if average is not None:
                done = ops.depend(done, average.update(decay))
        else:
            for i, statistic in enumerate(statistics):
                done = ops.depend(done, ops.assign(statistic, before[i]))
        return done

    return update


def _without_branch(optimizer, statistics, average):
    weights, moments, hyper_map = optimizer.parameters, optimizer.moments, ops.HyperMap()

    def update(finite, gradients, lr, decay, before):
        gradients = optimizer.decay_weight(gradients)
        rate, momentum = ops.where(finite, lr, 0.0), ops.where(finite, optimizer.momentum, 1.0)
        applied = hyper_map(ops.partial(_apply_momentum, finite, rate, momentum), gradients, weights, moments)
        done = ops.depend(finite, applied)
        if average is not None:
            done = ops.depend(done, average.update(decay, finite))
        for i, statistic in enumerate(statistics):
            done = ops.depend(done, ops.assign(statistic, ops.where(finite, statistic, before[i])))
        return done

    return update


_apply_momentum = ops.MultitypeFuncGraph("apply_momentum")


@_apply_momentum.register("Tensor", "Tensor", "Tensor", "Tensor", "Tensor", "Tensor")
def _apply_momentum_to_one(finite, rate, momentum, gradient, weight, moment):
    # Adding -0.0 leaves every number as it is, 0.0 and -0.0 too.
    gradient = ops.where(finite, gradient, -0.0)
    return ops.depend(True, ops.ApplyMomentum()(weight, moment, rate, gradient, momentum))

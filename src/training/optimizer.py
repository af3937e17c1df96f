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

# Of AdamW; the decay of the first moment is config.momentum.
BETA2, EPSILON = 0.999, 1e-8
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


class AdamW(nn.Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, algorithm 2): weight *= 1 - rate * decay.

    MindSpore's AdamWeightDecay does not correct the bias of young moments, and its Adam decays by the gradient.
    """

    def __init__(self, groups, momentum):
        super().__init__(groups, learning_rate=0.0, beta1=momentum, beta2=BETA2, eps=EPSILON)
        decays = [float(group["weight_decay"]) for group in groups for _ in group["params"]]
        self._decayed = [(parameter, decay) for parameter, decay in zip(self.parameters, decays, strict=True) if decay]

    @property
    def moments(self):
        """First and then second moments, each in the order of the weights, and the powers of their decays."""
        return (*self.moment1, *self.moment2, self.beta1_power, self.beta2_power)

    def decay_weight(self, gradients):
        """Decay the weights themselves, before the update, and return the gradients as they are."""
        self.shrink(self.learning_rate)
        return gradients

    def shrink(self, rate, finite=None):
        """Multiply each decayed weight by 1 - rate * decay; False for `finite` leaves every bit as it is."""
        for parameter, decay in self._decayed:
            shrunk = parameter * (1.0 - rate * decay)
            ops.assign(parameter, shrunk if finite is None else ops.where(finite, shrunk, parameter))


def build_optimizer(network, config):
    """Return config.optimizer over the two groups of `parameter_groups`; the step sets its learning rate."""
    groups = parameter_groups(network, config.weight_decay)
    if config.optimizer == "adamw":
        return AdamW(groups, config.momentum)
    return nn.Momentum(groups, learning_rate=0.0, momentum=config.momentum)


def optimizer_state(optimizer):
    """Return what an optimizer remembers from step to step, by the names of the weights: moments, and of AdamW more."""
    names = [parameter.name for parameter in optimizer.parameters]
    if isinstance(optimizer, AdamW):
        names += [f"square.{name}" for name in names] + ["beta1_power", "beta2_power"]
    return dict(zip(names, optimizer.moments, strict=True))


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
        optimizer (Momentum or AdamW): over the parameters that learn.
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
    apply = _masked_adamw(optimizer) if isinstance(optimizer, AdamW) else _masked_momentum(optimizer)

    def update(finite, gradients, lr, decay, before):
        done = ops.depend(finite, apply(finite, gradients, ops.where(finite, lr, 0.0)))
        if average is not None:
            done = ops.depend(done, average.update(decay, finite))
        for i, statistic in enumerate(statistics):
            done = ops.depend(done, ops.assign(statistic, ops.where(finite, statistic, before[i])))
        return done

    return update


def _masked_momentum(optimizer):
    weights, moments, hyper_map = optimizer.parameters, optimizer.moments, ops.HyperMap()

    def apply(finite, gradients, rate):
        momentum = ops.where(finite, optimizer.momentum, 1.0)
        return hyper_map(ops.partial(_apply_momentum, finite, rate, momentum), optimizer.decay_weight(gradients),
                         weights, moments)

    return apply


def _masked_adamw(optimizer):
    weights, first, second, hyper_map = optimizer.parameters, optimizer.moment1, optimizer.moment2, ops.HyperMap()

    def apply(finite, gradients, rate):
        optimizer.shrink(rate, finite)
        beta1, beta2 = ops.where(finite, optimizer.beta1, 1.0), ops.where(finite, optimizer.beta2, 1.0)
        power1, power2 = optimizer.beta1_power * beta1, optimizer.beta2_power * beta2
        done = ops.depend(ops.assign(optimizer.beta1_power, power1), ops.assign(optimizer.beta2_power, power2))
        # Before the first good step the powers are 1, with which the kernel would divide 0 by 0.
        power1, power2 = ops.where(finite, power1, 0.5), ops.where(finite, power2, 0.5)
        applied = hyper_map(ops.partial(_apply_adam, finite, power1, power2, rate, beta1, beta2, optimizer.eps),
                            gradients, weights, first, second)
        return ops.depend(done, applied)

    return apply


_apply_adam = ops.MultitypeFuncGraph("apply_adam")


@_apply_adam.register(*["Tensor"] * 11)
def _apply_adam_to_one(finite, power1, power2, rate, beta1, beta2, epsilon, gradient, weight, first, second):
    gradient = ops.where(finite, gradient, 0.0)
    return ops.depend(True, ops.Adam()(weight, first, second, power1, power2, rate, beta1, beta2, epsilon, gradient))


_apply_momentum = ops.MultitypeFuncGraph("apply_momentum")


@_apply_momentum.register("Tensor", "Tensor", "Tensor", "Tensor", "Tensor", "Tensor")
def _apply_momentum_to_one(finite, rate, momentum, gradient, weight, moment):
    # Adding -0.0 leaves every number as it is, 0.0 and -0.0 too.
    gradient = ops.where(finite, gradient, -0.0)
    return ops.depend(True, ops.ApplyMomentum()(weight, moment, rate, gradient, momentum))

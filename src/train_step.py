"""One training step as one compiled graph: forward, loss, gradients, and an update that a bad step does not make."""
import time

import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops
from mindspore.amp import DynamicLossScaler, StaticLossScaler, auto_mixed_precision

from src.config import detection_scales
from src.loss import LossSettings, YOLOv3TinyLoss
from src.util import parameter_groups
from src.yolo import Normalize

# A dynamic loss scale is halved at an overflow and doubled after so many good steps.
SCALE_FACTOR = 2
SCALE_WINDOW = 1000

_scale_gradient = ops.MultitypeFuncGraph("scale_gradient")


@_scale_gradient.register("Tensor", "Tensor")
def _scale_one(factor, gradient):
    return gradient * factor


_half_squared_norm = ops.MultitypeFuncGraph("half_squared_norm")


@_half_squared_norm.register("Tensor")
def _half_squared_norm_of_one(gradient):
    return ops.L2Loss()(gradient)


def build_optimizer(network, config):
    """Return Momentum over the two groups of `parameter_groups`; the step sets its learning rate."""
    groups = parameter_groups(network, config.weight_decay)
    return nn.Momentum(groups, learning_rate=0.0, momentum=config.momentum)


def build_loss_scaler(config):
    """Return what multiplies the loss before the gradients and divides these: by a constant or by what fits."""
    if config.dynamic_loss_scale:
        return DynamicLossScaler(config.loss_scale, SCALE_FACTOR, SCALE_WINDOW)
    return StaticLossScaler(config.loss_scale)


def mixed_precision(network, amp_level):
    """Return a cell around `network`, with its parameters, that computes as config.amp_level says and returns float32.

    O0 leaves it as it is; O2 computes in float16 but for batch norm; O3 in float16 throughout. Weights stay float32.
    """
    return auto_mixed_precision(network, amp_level)


class TrainStep:
    """The training step of a run, compiled once for each input size, when that size first comes.

    Args:
        network (Cell): images to raw heads, float32 [B, 3, H, W] to `YOLOv3Tiny`'s (big, small).
        optimizer (Momentum): over the network's parameters.
        config (Config): the resolved configuration.
        num_classes (int): C.
        average (WeightAverage or None): follows the weights after each good step.
        scaler (LossScaler or None): of `build_loss_scaler`; made from the config if None.
    """

    def __init__(self, network, optimizer, config, num_classes, average=None, scaler=None):
        self.network, self.optimizer, self.config = network, optimizer, config
        self.num_classes, self.average = num_classes, average
        self.scaler = scaler if scaler is not None else build_loss_scaler(config)
        self.compile_seconds = {}
        self._steps = {}

    def __call__(self, images, boxes, lr, decay=0.0):
        """Update network, optimiser and average; return (loss, parts, finite).

        Args:
            images (Tensor): uint8 [B, H, W, 3].
            boxes (Tensor): float32 [B, max_box, 5].
            lr (float): the learning rate.
            decay (float): the decay of the average.

        Returns:
            float32 scalar, float32 [6] (`LOSS_PARTS`), bool scalar. When the loss or a gradient is not finite, weights,
            moments, average and batch-norm statistics keep their values bit by bit.
        """
        input_hw = tuple(images.shape[1:3])
        inputs = images, boxes, ms.Tensor(lr, ms.float32), ms.Tensor(decay, ms.float32)
        if input_hw in self._steps:
            return self._steps[input_hw](*inputs)
        started = time.perf_counter()
        self._steps[input_hw] = build_train_step(self.network, self.optimizer, self.config, self.num_classes, input_hw,
                                                 self.average, self.scaler)
        results = self._steps[input_hw](*inputs)
        results[0].asnumpy()
        self.compile_seconds[input_hw] = time.perf_counter() - started
        return results


def build_train_step(network, optimizer, config, num_classes, input_hw, average, scaler):
    """Return the compiled function of one step at one input size; arguments and results as `TrainStep` has them."""
    normalize = Normalize(config.mean, config.std)
    loss_cell = YOLOv3TinyLoss(detection_scales(config), num_classes, input_hw, LossSettings.from_config(config))
    clip_norm = float(config.clip_gradient_norm)
    statistics = [parameter for parameter in network.get_parameters()
                  if parameter.name.endswith((".moving_mean", ".moving_variance"))]
    hyper_map = ops.HyperMap()

    def scaled_loss(images, boxes):
        big, small = network(normalize(images))
        loss, parts = loss_cell(big, small, boxes)
        return scaler.scale(loss), loss, parts

    gradient_of = ms.value_and_grad(scaled_loss, None, optimizer.parameters, has_aux=True)

    @ms.jit
    def step(images, boxes, lr, decay):
        # The forward pass moves the batch-norm statistics, so they are copied before it.
        before = [ops.add(statistic, 0.0) for statistic in statistics]
        (_, loss, parts), gradients = gradient_of(images, boxes)
        gradients = scaler.unscale(gradients)
        # A value that is not finite, or whose square is not, makes the norm so: one pass instead of two.
        squared_norm = 2.0 * ops.addn(hyper_map(_half_squared_norm, gradients))
        finite = ops.logical_and(ops.isfinite(loss), ops.isfinite(squared_norm))
        if clip_norm > 0:
            shrink = ops.minimum(clip_norm / ops.sqrt(squared_norm + 1e-12), 1.0)
            gradients = hyper_map(ops.partial(_scale_gradient, shrink), gradients)
        loss = ops.depend(loss, scaler.adjust(finite))
        if finite:
            ops.assign(optimizer.learning_rate, lr)
            loss = ops.depend(loss, optimizer(gradients))
            if average is not None:
                loss = ops.depend(loss, average.update(decay))
        else:
            for i, statistic in enumerate(statistics):
                loss = ops.depend(loss, ops.assign(statistic, before[i]))
        return loss, parts, finite

    return step

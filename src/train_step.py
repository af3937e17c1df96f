"""One training step as one compiled graph: forward, loss, gradients, and an update that a bad step does not make."""
import mindspore as ms
import mindspore.nn as nn
import mindspore.ops as ops

from src.config import detection_scales
from src.loss import LossSettings, YOLOv3TinyLoss
from src.util import parameter_groups
from src.yolo import Normalize

_scale_gradient = ops.MultitypeFuncGraph("scale_gradient")


@_scale_gradient.register("Number", "Tensor")
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


def build_train_step(network, optimizer, config, num_classes):
    """Return the compiled function of one step at config.training_shape.

    step(images uint8 [B, H, W, 3], boxes float32 [B, max_box, 5], lr float32 scalar) updates the network and the
    optimiser and returns (loss, parts, finite): float32 scalar, float32 [6] (`LOSS_PARTS`), bool scalar. When the loss
    or a gradient is not finite, weights, moments and batch-norm statistics keep their values bit by bit.
    """
    normalize = Normalize(config.mean, config.std)
    loss_cell = YOLOv3TinyLoss(detection_scales(config), num_classes, tuple(config.training_shape),
                               LossSettings.from_config(config))
    loss_scale = float(config.loss_scale)
    clip_norm = float(config.clip_gradient_norm)
    statistics = [parameter for parameter in network.get_parameters() if not parameter.requires_grad]

    def scaled_loss(images, boxes):
        big, small = network(normalize(images))
        loss, parts = loss_cell(big, small, boxes)
        return loss * loss_scale, loss, parts

    gradient_of = ms.value_and_grad(scaled_loss, None, optimizer.parameters, has_aux=True)
    hyper_map = ops.HyperMap()

    @ms.jit
    def step(images, boxes, lr):
        # The forward pass moves the batch-norm statistics, so they are copied before it.
        before = [ops.add(statistic, 0.0) for statistic in statistics]
        (_, loss, parts), gradients = gradient_of(images, boxes)
        gradients = hyper_map(ops.partial(_scale_gradient, 1.0 / loss_scale), gradients)
        squared_norm = 2.0 * ops.addn(hyper_map(_half_squared_norm, gradients))
        finite = ops.logical_and(ops.isfinite(loss), ops.isfinite(squared_norm))
        if clip_norm > 0:
            shrink = ops.minimum(clip_norm / ops.sqrt(squared_norm + 1e-12), 1.0)
            gradients = hyper_map(ops.partial(_scale_gradient, shrink), gradients)
        if finite:
            ops.assign(optimizer.learning_rate, lr)
            loss = ops.depend(loss, optimizer(gradients))
        else:
            for i, statistic in enumerate(statistics):
                loss = ops.depend(loss, ops.assign(statistic, before[i]))
        return loss, parts, finite

    return step

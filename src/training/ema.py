# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The exponential moving average of the weights, kept on the device beside them and updated in the training step.

    average = d * average + (1 - d) * weights        d = min(ema_decay, (1 + step) / (10 + step))

Validation, best.ckpt and the tools that read a last.ckpt use the average (Polyak and Juditsky 1992). While d
ramps up (as in TensorFlow's ExponentialMovingAverage) the average looks back over a ninth of the steps so far: it
follows the fast changes of the first epochs, and is of use in a run of a thousand steps as in one of a million.
"""
import mindspore.ops as ops

from model_utils.device_adapter import prefers_decomposed_activation
from src.weights.checkpoint import AVERAGE_PREFIX
from src.yolo import build_network


class WeightAverage:
    """The average of a network's weights and batch-norm statistics, held by a second network of the same form.

    Args:
        network (Cell): the one that is trained.
        averaged (Cell): a network with the same parameters; it becomes a copy of `network`, then its average.
        decay (float): the largest decay per step, such as 0.9998.

    `by_name` holds the average's parameters by the names of the weights.
    """

    def __init__(self, network, averaged, decay):
        self.network = averaged
        self.decay = float(decay)
        averaged.set_train(False)
        weights = {parameter.name: parameter for parameter in network.get_parameters()}
        self.by_name = {average.name: average for average in averaged.get_parameters()}
        self._pairs = [(average, weights[name]) for name, average in self.by_name.items()]
        for name, average in self.by_name.items():
            # One graph must not hold two parameters of one name.
            average.name = AVERAGE_PREFIX + name
        self.copy_weights()

    def copy_weights(self):
        """Make the average equal to the weights as they are now."""
        for average, weight in self._pairs:
            ops.assign(average, weight)

    def decay_at(self, step):
        """Return the decay of the update after training step `step`, counted from 1."""
        return min(self.decay, (1 + step) / (10 + step))

    def update(self, decay, moves=None):
        """Move the average towards the weights; to be called inside the graph of the step.

        Args:
            decay (Tensor): float32 scalar.
            moves (Tensor or None): bool scalar; False leaves every bit of the average as it is.
        """
        for average, weight in self._pairs:
            moved = weight + decay * (average - weight)
            ops.assign(average, moved if moves is None else ops.where(moves, moved, average))
        return decay


def build_average(network, config):
    """Return the `WeightAverage` of a network as config.ema_decay says; None where that is 0."""
    if not config.ema_decay:
        return None
    averaged = build_network(config, config.num_classes, prefers_decomposed_activation(config.device_target))
    return WeightAverage(network, averaged, config.ema_decay)

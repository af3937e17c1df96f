# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the training step, for tests of what is around it: it compiles no graph, which takes ten seconds."""
import os
import time

import numpy as np

import mindspore as ms
import mindspore.ops as ops

from src.loss import LOSS_PARTS
from src.training.train_step import TrainStep

# An environment variable, "RANK SECONDS": the rank whose compilation takes so long.
SLOW_COMPILATION = "QUICK_STEP_SLOW_COMPILATION"


class QuickStep(TrainStep):
    """A `TrainStep` whose graph is a function: biases and batch norms depend on all batches so far, and on their order.

    As in the graph, the gradient is the mean of those of the ranks.
    """

    def __init__(self, network, optimizer, config, num_classes, average=None, scaler=None, ranks=None):
        super().__init__(network, optimizer, config, num_classes, average, scaler, ranks)
        # AdamW has more moments, after those of momentum.
        self._pairs = [pair for pair in zip(optimizer.parameters, optimizer.moments, strict=False) if pair[0].ndim == 1]
        self._step = self._update

    def _compile(self, graph, arguments):
        rank, seconds = os.environ.get(SLOW_COMPILATION, "0 0").split()
        self.compile_seconds[graph] = float(seconds) if int(rank) == self._ranks.rank else 0.0
        time.sleep(self.compile_seconds[graph])

    def _update(self, images, boxes, lr, decay, _):
        """See `TrainStep.on_device`; the loss grows with the rate."""
        lr, decay = float(lr.asnumpy()), float(decay.asnumpy())
        gradient = images.asnumpy().mean() / 255 + boxes.asnumpy().mean()
        if self._ranks.size > 1:
            gradient = ops.AllReduce()(ms.Tensor(gradient, ms.float32)).asnumpy() / self._ranks.size
        for weight, moment in self._pairs:
            _set(moment, 0.9 * moment.asnumpy() + gradient)
            _set(weight, weight.asnumpy() + lr * moment.asnumpy())
            if self.average:
                average = self.average.by_name[weight.name]
                _set(average, decay * average.asnumpy() + (1 - decay) * weight.asnumpy())
        loss = 1 + 1000 * lr * float(np.abs(moment.asnumpy()).mean())
        parts = np.full(len(LOSS_PARTS), loss / len(LOSS_PARTS), np.float32)
        return ms.Tensor(loss, ms.float32), ms.Tensor(parts), ms.Tensor(True)


def _set(parameter, values):
    parameter.set_data(ms.Tensor(values.astype(np.float32)))

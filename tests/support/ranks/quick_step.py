# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the training step, for tests of what is around it: it compiles no graph, which takes ten seconds."""
import numpy as np

import mindspore as ms

from src.loss import LOSS_PARTS


class QuickStep:
    """Takes the place of `TrainStep`: biases and batch norms depend on all batches so far, and on their order."""

    def __init__(self, network, optimizer, config, num_classes, average=None, scaler=None, ranks=None):
        self.compile_seconds, self._average = {}, average
        self._pairs = [pair for pair in zip(optimizer.parameters, optimizer.moments, strict=True) if pair[0].ndim == 1]

    def __call__(self, images, boxes, lr, decay=0.0):
        """See `TrainStep`; the loss grows with the rate."""
        gradient = images.asnumpy().mean() / 255 + boxes.asnumpy().mean()
        for weight, moment in self._pairs:
            _set(moment, 0.9 * moment.asnumpy() + gradient)
            _set(weight, weight.asnumpy() + lr * moment.asnumpy())
            if self._average:
                average = self._average.by_name[weight.name]
                _set(average, decay * average.asnumpy() + (1 - decay) * weight.asnumpy())
        loss = 1 + 1000 * lr * float(np.abs(moment.asnumpy()).mean())
        parts = np.full(len(LOSS_PARTS), loss / len(LOSS_PARTS), np.float32)
        return ms.Tensor(loss, ms.float32), ms.Tensor(parts), ms.Tensor(True)


def _set(parameter, values):
    parameter.set_data(ms.Tensor(values.astype(np.float32)))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Accumulation: what a step keeps of its earlier micro-batches until the last one, which updates the weights."""
import mindspore as ms
import mindspore.ops as ops


class Accumulation:
    """Sums over the micro-batches of a step so far, and the batch-norm statistics from before the step.

    Args:
        parameters (ParameterTuple): what the optimizer updates.
        statistics (list): batch-norm statistics, which each forward pass moves.
        count (int): micro-batches of a step.
    """

    def __init__(self, parameters, statistics, count):
        self.count = count
        self._statistics = statistics
        self._gradients = [_like(parameter, "gradient.") for parameter in parameters]
        self._loss, self._parts = (ms.Parameter(ms.ops.zeros(shape, ms.float32), name=f"sum.{name}")
                                   for name, shape in (("loss", ()), ("parts", (6,))))
        self.before = [_like(statistic, "before.") for statistic in statistics]

    def start(self):
        """Forget the last step; to be called outside the graph."""
        for total in (*self._gradients, self._loss, self._parts):
            ops.assign(total, ops.zeros_like(total))
        for kept, statistic in zip(self.before, self._statistics, strict=True):
            ops.assign(kept, statistic)

    def add(self, gradients, loss, parts):
        """Add the results of a micro-batch, inside the graph; returns a tensor on which its result must depend."""
        for i in range(len(self._gradients)):
            ops.assign_add(self._gradients[i], gradients[i])
        ops.assign_add(self._parts, parts)
        return ops.assign_add(self._loss, loss)

    def mean(self, gradients, loss, parts):
        """Return (gradients, loss, parts) of the step, means, inside the graph, from those of its last micro-batch."""
        gradients = tuple([(self._gradients[i] + gradients[i]) / self.count for i in range(len(self._gradients))])
        return gradients, (self._loss + loss) / self.count, (self._parts + parts) / self.count


def _like(parameter, prefix):
    return ms.Parameter(ops.zeros_like(parameter), name=prefix + parameter.name, requires_grad=False)

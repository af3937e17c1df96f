# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The update of a training step: a formula by hand, nothing at all after a bad step, and both forms the same bits."""
import numpy as np
import pytest

import mindspore as ms
import mindspore.nn as nn

from src.training import optimizer as optimizer_module
from src.training.ema import WeightAverage
from src.training.optimizer import BETA2, EPSILON, AdamW, build_update, optimizer_state

RATE, MOMENTUM, WEIGHT_DECAY, DECAY = 0.1, 0.9, 0.5, 0.75
BOTH_FORMS = pytest.mark.parametrize("branches", [True, False])
BOTH_KINDS = pytest.mark.parametrize("kind", ["momentum", "adamw"])
GOOD, BAD = np.float32([[1, -2, 0.5], [0.25, 3, -1]]), np.float32([[1, np.nan, 0.5], [np.inf, 3, -np.inf]])


class Run:
    """A layer of 3 inputs and 2 outputs, its optimizer, its average, one statistic, and the compiled update."""

    def __init__(self, monkeypatch, branches, kind="momentum"):
        monkeypatch.setattr(optimizer_module, "branches_in_graph", lambda device_target: branches)
        ms.set_context(mode=ms.GRAPH_MODE)
        self.layer = nn.Dense(3, 2, has_bias=False)
        # Zeros of both signs among them: an update by nothing must not turn one into the other.
        self.layer.weight.set_data(ms.Tensor(np.float32([[0.5, -0.0, 0.0], [1e-30, 2, -3]])))
        self.average = WeightAverage(self.layer, nn.Dense(3, 2, has_bias=False), 0.999)
        if kind == "adamw":
            self.optimizer = AdamW([{"params": self.layer.trainable_params(), "weight_decay": WEIGHT_DECAY}], MOMENTUM)
        else:
            self.optimizer = nn.Momentum(self.layer.trainable_params(), RATE, MOMENTUM, weight_decay=WEIGHT_DECAY)
        self.statistic = ms.Parameter(np.float32([1, 2]), name="bn.moving_mean", requires_grad=False)
        update = build_update(self.optimizer, [self.statistic], self.average, "CPU")

        @ms.jit
        def step(gradient, finite, lr, decay):
            before = [ms.ops.add(self.statistic, 0.0)]
            moved = ms.ops.assign(self.statistic, ms.ops.where(finite, self.statistic + 1.0, float("nan")))
            return ms.ops.depend(finite, update(ms.ops.depend(finite, moved), (gradient,), lr, decay, before))

        self._step = step

    def step(self, gradient):
        """Do one step; it is a bad one where the gradient is not finite."""
        self._step(ms.Tensor(gradient), ms.Tensor(bool(np.isfinite(gradient).all())), ms.Tensor(RATE, ms.float32),
                   ms.Tensor(DECAY, ms.float32))

    def values(self):
        """Weight, moments, average and statistic."""
        tensors = (self.layer.weight, *self.optimizer.moments, self.average.by_name["weight"], self.statistic)
        return [tensor.asnumpy().copy() for tensor in tensors]


@BOTH_FORMS
def test_two_updates_by_hand(monkeypatch, branches):
    run = Run(monkeypatch, branches)
    weight, moment, average, _ = run.values()
    for _ in range(2):
        run.step(GOOD)
        moment = MOMENTUM * moment + GOOD + WEIGHT_DECAY * weight
        weight = weight - RATE * moment
        average = DECAY * average + (1 - DECAY) * weight
    for found, expected in zip(run.values(), (weight, moment, average, [3, 4]), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6)


@BOTH_FORMS
def test_two_updates_of_adamw_by_hand(monkeypatch, branches):
    run = Run(monkeypatch, branches, "adamw")
    weight, first, second, *_ = run.values()
    for count, gradient in enumerate((GOOD, 2 * GOOD - 1), start=1):
        run.step(gradient)
        # Loshchilov and Hutter 2019, algorithm 2.
        first = MOMENTUM * first + (1 - MOMENTUM) * gradient
        second = BETA2 * second + (1 - np.float32(BETA2)) * gradient**2
        unbiased = first / (1 - MOMENTUM**count), second / (1 - BETA2**count)
        weight = weight - RATE * (unbiased[0] / (np.sqrt(unbiased[1]) + EPSILON) + WEIGHT_DECAY * weight)
    found = optimizer_state(run.optimizer)
    assert list(found) == ["weight", "square.weight", "beta1_power", "beta2_power"]
    np.testing.assert_allclose(run.layer.weight.asnumpy(), weight, rtol=1e-5, atol=1e-7)
    for name, expected in (("weight", first), ("square.weight", second), ("beta1_power", MOMENTUM**2)):
        np.testing.assert_allclose(found[name].asnumpy(), expected, rtol=1e-5)


@BOTH_KINDS
@BOTH_FORMS
def test_a_bad_step_leaves_every_bit(monkeypatch, branches, kind):
    run = Run(monkeypatch, branches, kind)
    for _ in range(2):
        before = [value.tobytes() for value in run.values()]
        run.step(BAD)
        assert [value.tobytes() for value in run.values()] == before
        run.step(GOOD)
        assert not any(value.tobytes() == old for value, old in zip(run.values(), before, strict=True))


@BOTH_KINDS
def test_both_forms_give_the_same_bits(monkeypatch, kind):
    gradients = np.random.default_rng(3).normal(size=(6, 2, 3)).astype(np.float32)
    gradients[3, 0, 0] = np.nan
    found = []
    for branches in (True, False):
        run = Run(monkeypatch, branches, kind)
        for gradient in gradients:
            run.step(gradient)
        found.append([value.tobytes() for value in run.values()])
    assert found[0] == found[1]

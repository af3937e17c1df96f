# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""One compiled step: it lowers the loss, decays what it should, and a step that is not finite changes nothing.

The tests share the graphs of a few forms; each test starts at the first weights.
"""
from functools import partial

import numpy as np
import pytest

import mindspore as ms
from mindspore.graph.api import _CellGraphExecutor

from model_utils.config import get_config
from model_utils.device_adapter import setup_device
from src.initializer import initialise_weights
from src.training import optimizer as optimizer_module
from src.training.ema import WeightAverage
from src.training.optimizer import build_loss_scaler, build_optimizer
from src.training.train_step import StepGraph, TrainStep, mixed_precision
from src.yolo import build_network
from tests.support.small_networks import ThreeBlocks

SQUARE, WIDE, HIGH = (64, 64), (64, 96), (96, 64)
CLIP_NORM, WEIGHT_DECAY, LOSS_SCALE = 20, 0.016, 1024
# The first three train the network itself, the others `ThreeBlocks`.
FORMS = {
    "plain": (),
    "O2": ("--amp_level=O2", "--dynamic_loss_scale=True", "--loss_scale=65536.0"),
    "O3": ("--amp_level=O3",),
    "small": (),
    "static": (f"--clip_gradient_norm={CLIP_NORM}",),
    "dynamic": (f"--clip_gradient_norm={CLIP_NORM}", "--multi_scale_graph=dynamic"),
    "without branch": (f"--clip_gradient_norm={CLIP_NORM}", "--weight_decay=0.5", "--dynamic_loss_scale=True"),
    "micro-batches": ("--per_batch_size=4", "--micro_batch_size=2", "--dynamic_loss_scale=True", "--loss_scale=8.0"),
}


class Step:
    """A network, its optimizer and its compiled step; `renew` puts all of them back to the start."""

    def __init__(self, form):
        config = get_config(["--device_target=CPU", "--training_shape=64", "--per_batch_size=2", "--max_box=6",
                             *FORMS[form]])
        setup_device(config)
        build = partial(build_network, decomposed_activation=True) if form in ("plain", "O2", "O3") else ThreeBlocks
        self.network = build(config, 3)
        initialise_weights(self.network, 1)
        is_averaged = form in ("static", "dynamic", "without branch")
        self.average = WeightAverage(self.network, build(config, 3), 0.25) if is_averaged else None
        self.network.set_train(True)
        self.optimizer, self.scaler = build_optimizer(self.network, config), build_loss_scaler(config)
        network = mixed_precision(self.network, config.amp_level)
        self.step = TrainStep(network, self.optimizer, config, 3, self.average, self.scaler)
        self._first = {name: parameter.asnumpy().copy() for name, parameter in self.parameters().items()}

    def parameters(self):
        """Weights, batch-norm statistics, moments and averages, by name."""
        averages = self.average.by_name.values() if self.average else ()
        return {parameter.name: parameter for parameter in (*self.network.get_parameters(), *self.optimizer.moments,
                                                            *averages)}

    def state(self):
        """All bytes of `parameters`, by name."""
        return {name: parameter.asnumpy().tobytes() for name, parameter in self.parameters().items()}

    def weights(self):
        """Copies of what the optimizer updates, by name."""
        return {parameter.name: parameter.asnumpy().copy() for parameter in self.optimizer.parameters}

    def moments(self):
        """The moments by the names of the weights."""
        pairs = zip(self.optimizer.parameters, self.optimizer.moments, strict=True)
        return {parameter.name: moment.asnumpy().copy() for parameter, moment in pairs}

    def renew(self, loss_scale=None):
        """Start again, at another loss scale if it is dynamic."""
        for name, parameter in self.parameters().items():
            ms.ops.assign(parameter, ms.Tensor(self._first[name]))
        if loss_scale:
            ms.ops.assign(self.scaler.scale_value, ms.Tensor(loss_scale, ms.float32))
        return self

    def break_weights(self):
        """Make a bias NaN."""
        bias = self.network.head1.bias.asnumpy().copy()
        bias[0] = np.nan
        ms.ops.assign(self.network.head1.bias, ms.Tensor(bias))

    def __call__(self, size=WIDE, lr=1e-4, decay=0.0):
        """Take a step on the batch of a size; returns (loss, parts, finite) on the host."""
        return [result.asnumpy().copy() for result in self.step(*batch(*size), lr, decay)]


@pytest.fixture(scope="module")
def steps():
    """A function that returns the `Step` of a form as it is at the start."""
    built = {}

    def step(form, loss_scale=None):
        if form not in built:
            with pytest.MonkeyPatch.context() as patch:
                if form == "without branch":
                    patch.setattr(optimizer_module, "branches_in_graph", lambda device_target: False)
                built[form] = Step(form)
        return built[form].renew(loss_scale)

    return step


def batch(height, width, count=2):
    """Images and boxes of a batch."""
    rng = np.random.default_rng(1)
    boxes = np.zeros((count, 6, 5), np.float32)
    boxes[:, :2, :4] = rng.uniform(0.3, 0.6, (count, 2, 4))
    return ms.Tensor(rng.integers(0, 256, (count, height, width, 3), np.uint8)), ms.Tensor(boxes)


def test_steps_lower_the_loss_and_move_everything(steps):
    step = steps("plain")
    before, losses = step.state(), []
    for _ in range(8):
        loss, parts, finite = step(SQUARE, lr=2e-4)
        assert finite
        assert loss == pytest.approx(parts.sum(), rel=1e-5)
        losses.append(float(loss))
    assert losses[-1] < 0.7 * losses[0]
    after = step.state()
    assert [name for name in before if before[name] == after[name]] == []


@pytest.mark.slow
def test_a_step_whose_loss_is_not_finite_changes_no_bit(steps):
    step = steps("static")
    step.break_weights()
    before = step.state()
    loss, _, finite = step(lr=1e-3, decay=0.5)
    assert not finite and not np.isfinite(loss)
    assert step.state() == before


@pytest.mark.slow
def test_a_step_whose_gradient_is_not_finite_changes_no_bit_without_a_branch(steps):
    # With a branch it is the test of the dynamic loss scale.
    step = steps("without branch", 1e38)
    before = step.state()
    loss, _, finite = step(lr=1e-3, decay=0.5)
    assert not finite and np.isfinite(loss)
    assert step.state() == before


@pytest.mark.slow
def test_the_loss_scale_changes_no_bit(steps):
    states = []
    for scale in (1, 1024):
        step = steps("without branch", scale)
        for _ in range(2):
            assert step()[2]
        states.append(step.state())
    assert states[0] == states[1]


@pytest.mark.slow
def test_only_weights_decay_and_both_forms_of_the_update_and_of_the_loss_scale_agree(steps):
    # With a rate of 0 the moments show gradient plus decay: compare two decays.
    moments = []
    for form, scale in (("static", None), ("without branch", 64)):
        step = steps(form, scale)
        step(lr=0.0)
        moments.append(step.moments())
    for parameter in step.network.trainable_params():
        difference = moments[1][parameter.name] - moments[0][parameter.name]
        decays = parameter.name.endswith("weight")
        expected = (0.5 - WEIGHT_DECAY) * parameter.asnumpy() if decays else np.zeros(parameter.shape)
        np.testing.assert_allclose(difference, expected, atol=1e-4 * max(1, np.abs(moments[0][parameter.name]).max()))


@pytest.mark.slow
def test_clipping_bounds_the_norm_of_the_gradient_before_decay(steps):
    step = steps("static")
    step(lr=0.0)
    gradients = step.moments()
    for parameter in step.network.trainable_params():
        if parameter.name.endswith("weight"):
            gradients[parameter.name] -= WEIGHT_DECAY * parameter.asnumpy()
    norm = np.sqrt(sum((gradient.astype(np.float64) ** 2).sum() for gradient in gradients.values()))
    assert norm == pytest.approx(CLIP_NORM, rel=1e-4)


def test_the_average_follows_the_weights_and_their_statistics_and_skips_a_bad_step(steps):
    step = steps("static")
    expected = {parameter.name: parameter.asnumpy().astype(np.float64) for parameter in step.network.get_parameters()}
    for number in range(1, 4):
        decay = (2 / 11, 0.25, 0.25)[number - 1]
        assert step.average.decay_at(number) == pytest.approx(decay)
        step(lr=2e-3, decay=decay)
        for parameter in step.network.get_parameters():
            expected[parameter.name] = decay * expected[parameter.name] + (1 - decay) * parameter.asnumpy()
    assert len(expected) == 15
    for name, average in step.average.by_name.items():
        np.testing.assert_allclose(average.asnumpy(), expected[name], atol=2e-6, err_msg=name)
        # Two of three steps ago the weights were elsewhere, so an average that is a copy would be noticed.
        assert np.abs(average.asnumpy() - step.network.parameters_dict()[name].asnumpy()).max() > 1e-6
    step.break_weights()
    before = step.state()
    assert not step(lr=2e-4, decay=0.5)[2]
    assert step.state() == before


@pytest.fixture
def graphs(monkeypatch):
    """The set of the graphs that MindSpore used for steps so far, by its own names for them."""
    used, find = set(), _CellGraphExecutor.compile

    def note(executor, cell, *arguments, **options):
        graph, is_new = find(executor, cell, *arguments, **options)
        if isinstance(cell, StepGraph):
            used.add(graph)
        return graph, is_new

    monkeypatch.setattr(_CellGraphExecutor, "compile", note)
    return used


def run_at_mixed_sizes(step):
    """Losses and finally all weights, moments and averages of steps at two sizes."""
    losses = []
    for number, size in enumerate([WIDE, HIGH, WIDE, HIGH, HIGH], start=1):
        loss, parts, finite = step(size, decay=step.average.decay_at(number))
        losses.append([float(loss), *parts])
        assert finite
    return np.array(losses), {name: parameter.asnumpy().copy() for name, parameter in step.parameters().items()}


@pytest.mark.slow
def test_each_input_size_is_compiled_once_and_one_dynamic_graph_takes_the_same_steps(graphs, steps):
    static = steps("static")
    static_losses, static_state = run_at_mixed_sizes(static)
    assert len(graphs) == 2 and sorted(static.step.compile_seconds) == [WIDE, HIGH]
    graphs.clear()
    dynamic = steps("dynamic")
    losses, found = run_at_mixed_sizes(dynamic)
    assert len(graphs) == 1 and list(dynamic.step.compile_seconds) == [None]
    assert all(seconds > 0 for step in (static, dynamic) for seconds in step.step.compile_seconds.values())
    np.testing.assert_allclose(losses, static_losses, rtol=1e-5)
    assert found.keys() == static_state.keys() and len(found) == 15 + 11 + 15
    for name, values in found.items():
        scale = np.abs(static_state[name]).max()
        np.testing.assert_allclose(values, static_state[name], rtol=1e-5, atol=1e-5 * scale, err_msg=name)


@pytest.mark.slow
def test_a_dynamic_graph_skips_a_step_that_is_not_finite_at_any_size(steps):
    step = steps("dynamic")
    step(SQUARE)
    step.break_weights()
    before = step.state()
    for size in (SQUARE, HIGH):
        assert not step(size, lr=1e-3)[2]
        assert step.state() == before


@pytest.mark.slow
def test_a_dynamic_loss_scale_falls_until_half_precision_holds_the_gradients(steps):
    step = steps("O2", 65536.0)
    before, finite = step.state(), []
    while not finite or not finite[-1]:
        assert step.state() == before
        loss, _, good = step(SQUARE, lr=2e-4)
        finite.append(bool(good))
        assert np.isfinite(loss) and len(finite) < 17
    overflows = finite.count(False)
    assert overflows > 0 and float(step.scaler.scale_value.asnumpy()) == 65536 / 2**overflows
    assert step.state() != before


@pytest.mark.slow
@pytest.mark.parametrize("form, loss_scale", [("O2", LOSS_SCALE), ("O3", None)])
def test_half_precision_computes_nearly_the_same_loss(steps, form, loss_scale):
    losses = {}
    for name, scale in (("plain", None), (form, loss_scale)):
        step = steps(name, scale)
        losses[name] = [float(step(SQUARE, lr=2e-4)[0]) for _ in range(3)]
        assert all(parameter.dtype == ms.float32 for parameter in step.network.get_parameters())
    assert losses[form] == pytest.approx(losses["plain"], rel=0.02)
    # Not the same, or nothing was computed in half precision.
    assert losses[form] != losses["plain"]


@pytest.mark.slow
def test_micro_batches_give_the_mean_of_their_gradients_and_a_bad_one_changes_no_bit(steps):
    """Four images as two and two, against the two graphs of one micro-batch each, at the same weights."""
    plain, step = steps("small"), steps("micro-batches")
    (images, boxes), rate = batch(*SQUARE, count=4), 1e-3
    halves = [(images[:2], boxes[:2]), (images[2:], boxes[2:])]
    moved, losses = [], []
    for half in halves:
        plain.renew()
        before = plain.weights()
        losses.append(float(plain.step(*half, rate)[0].asnumpy()))
        after = plain.weights()
        moved.append({name: after[name] - before[name] for name in before})
    start = step.weights()
    loss, parts, finite = (result.asnumpy() for result in step.step(images, boxes, rate))
    assert finite and loss == pytest.approx(np.mean(losses), rel=1e-5) and loss == pytest.approx(parts.sum(), rel=1e-5)
    for name, weight in step.weights().items():
        # Plain SGD in the first step: moments are still zero.
        np.testing.assert_allclose(weight - start[name], (moved[0][name] + moved[1][name]) / 2, rtol=2e-3, atol=2e-7)
    # The second step starts from zero sums again.
    step.renew()
    again = step.step(images, boxes, rate)[0].asnumpy()
    assert again == loss
    step.renew().break_weights()
    before = step.state()
    assert not step.step(images, boxes, rate)[2].asnumpy() and step.state() == before

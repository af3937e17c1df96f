# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""One compiled step: it lowers the loss, decays what it should, and a step that is not finite changes nothing."""
import numpy as np
import pytest

import mindspore as ms
from mindspore.graph.api import _CellGraphExecutor

from model_utils.config import get_config
from model_utils.device_adapter import setup_device
from src.initializer import initialise_weights
from src.training import optimizer as optimizer_module
from src.training.ema import WeightAverage
from src.training.optimizer import build_optimizer
from src.training.train_step import StepGraph, TrainStep, mixed_precision
from src.yolo import build_network

ARGUMENTS = ["--device_target", "CPU", "--training_shape", "64", "--per_batch_size", "2", "--max_box", "6"]


def build(*arguments, averaged=False):
    config = get_config([*ARGUMENTS, *arguments])
    setup_device(config)
    network = build_network(config, 3, decomposed_activation=True)
    initialise_weights(network, 1)
    average = WeightAverage(network, build_network(config, 3), 0.25) if averaged else None
    network.set_train(True)
    optimizer = build_optimizer(network, config)
    return network, optimizer, TrainStep(mixed_precision(network, config.amp_level), optimizer, config, 3, average)


def batch(height=64, width=None):
    rng = np.random.default_rng(1)
    boxes = np.zeros((2, 6, 5), np.float32)
    boxes[:, :2, :4] = rng.uniform(0.3, 0.6, (2, 2, 4))
    return ms.Tensor(rng.integers(0, 256, (2, height, width or height, 3), np.uint8)), ms.Tensor(boxes)


def state(network, optimizer):
    """All bytes of weights, batch-norm statistics and moments, by name."""
    tensors = [*network.get_parameters(), *optimizer.moments]
    return {tensor.name: tensor.asnumpy().tobytes() for tensor in tensors}


def test_steps_lower_the_loss_and_move_everything():
    network, optimizer, step = build()
    before = state(network, optimizer)
    losses = []
    for _ in range(8):
        loss, parts, finite = step(*batch(), 2e-4)
        assert bool(finite.asnumpy())
        assert loss.asnumpy() == pytest.approx(parts.asnumpy().sum(), rel=1e-5)
        losses.append(float(loss.asnumpy()))
    assert losses[-1] < 0.7 * losses[0]
    after = state(network, optimizer)
    assert [name for name in before if before[name] == after[name]] == []


@pytest.mark.parametrize("cause, branches", [("loss", True), ("gradient", True), ("gradient", False)])
def test_a_step_that_is_not_finite_changes_no_bit(cause, branches, monkeypatch):
    monkeypatch.setattr(optimizer_module, "branches_in_graph", lambda device_target: branches)
    network, optimizer, step = build(*(["--loss_scale", "1e38"] if cause == "gradient" else []))
    if cause == "loss":
        bias = network.head1.bias.asnumpy().copy()
        bias[0] = np.nan
        network.head1.bias.set_data(ms.Tensor(bias))
    before = state(network, optimizer)
    loss, _, finite = step(*batch(), 1e-3)
    assert not bool(finite.asnumpy())
    assert np.isfinite(loss.asnumpy()) == (cause == "gradient")
    assert state(network, optimizer) == before


def test_the_loss_scale_changes_no_bit():
    states = []
    for scale in ("1", "1024"):
        network, optimizer, step = build("--loss_scale", scale)
        for _ in range(2):
            step(*batch(), 1e-4)
        states.append(state(network, optimizer))
    assert states[0] == states[1]


def test_only_weights_decay():
    # With a rate of 0 the moments show gradient plus decay: compare two decays.
    moments = []
    for decay in ("0", "0.5"):
        network, optimizer, step = build("--weight_decay", decay)
        step(*batch(), 0.0)
        moments.append({p.name: m.asnumpy() for p, m in zip(optimizer.parameters, optimizer.moments, strict=True)})
    for parameter in network.trainable_params():
        difference = moments[1][parameter.name] - moments[0][parameter.name]
        expected = 0.5 * parameter.asnumpy() if parameter.name.endswith("weight") else np.zeros(parameter.shape)
        np.testing.assert_allclose(difference, expected, atol=1e-4 * max(1, np.abs(moments[0][parameter.name]).max()))


def test_clipping_bounds_the_norm_of_the_first_moment():
    network, optimizer, step = build("--clip_gradient_norm", "2.5", "--weight_decay", "0")
    step(*batch(), 1e-4)
    norm = np.sqrt(sum((moment.asnumpy().astype(np.float64) ** 2).sum() for moment in optimizer.moments))
    assert norm == pytest.approx(2.5, rel=1e-4)


def test_the_average_follows_the_weights_and_their_statistics_and_skips_a_bad_step():
    network, _, step = build(averaged=True)
    expected = {parameter.name: parameter.asnumpy().astype(np.float64) for parameter in network.get_parameters()}
    for number in range(1, 4):
        decay = (2 / 11, 0.25, 0.25)[number - 1]
        assert step.average.decay_at(number) == pytest.approx(decay)
        step(*batch(), 2e-4, decay)
        for parameter in network.get_parameters():
            expected[parameter.name] = decay * expected[parameter.name] + (1 - decay) * parameter.asnumpy()
    assert len(expected) == 59
    for name, average in step.average.by_name.items():
        np.testing.assert_allclose(average.asnumpy(), expected[name], atol=2e-6, err_msg=name)
        # Two of three steps ago the weights were elsewhere, so an average that is a copy would be noticed.
        assert np.abs(average.asnumpy() - network.parameters_dict()[name].asnumpy()).max() > 1e-6
    before = state(step.average.network, step.optimizer)
    bias = network.head1.bias.asnumpy().copy()
    bias[0] = np.nan
    ms.ops.assign(network.head1.bias, ms.Tensor(bias))
    assert not bool(step(*batch(), 2e-4, 0.5)[2].asnumpy())
    assert state(step.average.network, step.optimizer) == before


def test_each_input_size_is_compiled_once(graphs):
    _, _, step = build()
    for size in (96, 64, 96, 64, 96):
        step(*batch(size), 1e-4)
    assert sorted(step.compile_seconds) == [(64, 64), (96, 96)] and len(graphs) == 2
    assert all(seconds > 0 for seconds in step.compile_seconds.values())


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


def run_at_mixed_sizes(graph):
    """Losses and finally all weights, moments and averages of steps at three sizes, and the step."""
    network, optimizer, step = build("--multi_scale_graph", graph, "--clip_gradient_norm", "20", averaged=True)
    losses = []
    for number, size in enumerate([(64, 64), (96, 96), (64, 96), (64, 64), (64, 96), (96, 96)], start=1):
        loss, parts, finite = step(*batch(*size), 1e-4, step.average.decay_at(number))
        losses.append([float(loss.asnumpy()), *parts.asnumpy()])
        assert bool(finite.asnumpy())
    tensors = [*network.get_parameters(), *optimizer.moments, *step.average.by_name.values()]
    return np.array(losses), {tensor.name: tensor.asnumpy() for tensor in tensors}, step


@pytest.mark.slow
def test_one_dynamic_graph_takes_the_same_steps_as_a_static_one_for_each_size(graphs):
    static_losses, static_state, static_step = run_at_mixed_sizes("static")
    assert len(graphs) == 3
    graphs.clear()
    losses, found, step = run_at_mixed_sizes("dynamic")
    assert len(graphs) == 1
    np.testing.assert_allclose(losses, static_losses, rtol=1e-5)
    assert found.keys() == static_state.keys() and len(found) == 59 + 37 + 59
    for name, values in found.items():
        scale = np.abs(static_state[name]).max()
        np.testing.assert_allclose(values, static_state[name], rtol=1e-5, atol=1e-5 * scale, err_msg=name)
    assert list(static_step.compile_seconds) == [(64, 64), (96, 96), (64, 96)]
    assert list(step.compile_seconds) == [None]


@pytest.mark.slow
def test_a_dynamic_graph_skips_a_step_that_is_not_finite_at_any_size():
    network, optimizer, step = build("--multi_scale_graph", "dynamic")
    step(*batch(64), 1e-4)
    bias = network.head1.bias.asnumpy().copy()
    bias[0] = np.nan
    ms.ops.assign(network.head1.bias, ms.Tensor(bias))
    before = state(network, optimizer)
    for size in ((64, 64), (96, 64)):
        assert not bool(step(*batch(*size), 1e-3)[2].asnumpy())
        assert state(network, optimizer) == before


@pytest.mark.slow
@pytest.mark.parametrize("level", ["O2", "O3"])
def test_half_precision_takes_nearly_the_same_steps(level):
    losses = {}
    for amp_level in ("O0", level):
        network, _, step = build("--amp_level", amp_level)
        losses[amp_level] = [float(step(*batch(), 2e-4)[0].asnumpy()) for _ in range(3)]
        assert all(parameter.dtype == ms.float32 for parameter in network.get_parameters())
    assert losses[level] == pytest.approx(losses["O0"], rel=0.02)
    # Not the same, or nothing was computed in half precision.
    assert losses[level] != losses["O0"]


@pytest.mark.slow
def test_a_dynamic_loss_scale_falls_until_half_precision_holds_the_gradients():
    network, optimizer, step = build("--amp_level", "O2", "--dynamic_loss_scale", "True", "--loss_scale", "65536.0")
    before, finite = state(network, optimizer), []
    while not finite or not finite[-1]:
        assert state(network, optimizer) == before
        finite.append(bool(step(*batch(), 2e-4)[2].asnumpy()))
        assert len(finite) < 17
    overflows = finite.count(False)
    assert overflows > 0 and float(step.scaler.scale_value.asnumpy()) == 65536 / 2**overflows
    assert state(network, optimizer) != before

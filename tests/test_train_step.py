"""One compiled step: it lowers the loss, decays what it should, and a step that is not finite changes nothing."""
import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from model_utils.device_adapter import setup_device
from src.initializer import initialise_weights
from src.train_step import build_optimizer, build_train_step
from src.yolo import build_network

ARGUMENTS = ["--device_target", "CPU", "--training_shape", "64", "--per_batch_size", "2", "--max_box", "6"]


def build(*arguments):
    config = get_config([*ARGUMENTS, *arguments])
    setup_device(config)
    network = build_network(config, 3, decomposed_activation=True)
    initialise_weights(network, 1)
    network.set_train(True)
    optimizer = build_optimizer(network, config)
    return network, optimizer, build_train_step(network, optimizer, config, 3)


def batch():
    rng = np.random.default_rng(1)
    boxes = np.zeros((2, 6, 5), np.float32)
    boxes[:, :2, :4] = rng.uniform(0.3, 0.6, (2, 2, 4))
    return ms.Tensor(rng.integers(0, 256, (2, 64, 64, 3), np.uint8)), ms.Tensor(boxes)


def state(network, optimizer):
    """All bytes of weights, batch-norm statistics and moments, by name."""
    tensors = [*network.get_parameters(), *optimizer.moments]
    return {tensor.name: tensor.asnumpy().tobytes() for tensor in tensors}


def rate(value):
    return ms.Tensor(np.float32(value))


def test_steps_lower_the_loss_and_move_everything():
    network, optimizer, step = build()
    before = state(network, optimizer)
    losses = []
    for _ in range(8):
        loss, parts, finite = step(*batch(), rate(2e-4))
        assert bool(finite.asnumpy())
        assert loss.asnumpy() == pytest.approx(parts.asnumpy().sum(), rel=1e-5)
        losses.append(float(loss.asnumpy()))
    assert losses[-1] < 0.7 * losses[0]
    after = state(network, optimizer)
    assert [name for name in before if before[name] == after[name]] == []


@pytest.mark.parametrize("cause", ["loss", "gradient"])
def test_a_step_that_is_not_finite_changes_no_bit(cause):
    network, optimizer, step = build(*(["--loss_scale", "1e38"] if cause == "gradient" else []))
    if cause == "loss":
        bias = network.head1.bias.asnumpy().copy()
        bias[0] = np.nan
        network.head1.bias.set_data(ms.Tensor(bias))
    before = state(network, optimizer)
    loss, _, finite = step(*batch(), rate(1e-3))
    assert not bool(finite.asnumpy())
    assert np.isfinite(loss.asnumpy()) == (cause == "gradient")
    assert state(network, optimizer) == before


def test_the_loss_scale_changes_no_bit():
    states = []
    for scale in ("1", "1024"):
        network, optimizer, step = build("--loss_scale", scale)
        for _ in range(2):
            step(*batch(), rate(1e-4))
        states.append(state(network, optimizer))
    assert states[0] == states[1]


def test_only_weights_decay():
    # With a rate of 0 the moments show gradient plus decay: compare two decays.
    moments = []
    for decay in ("0", "0.5"):
        network, optimizer, step = build("--weight_decay", decay)
        step(*batch(), rate(0.0))
        moments.append({p.name: m.asnumpy() for p, m in zip(optimizer.parameters, optimizer.moments, strict=True)})
    for parameter in network.trainable_params():
        difference = moments[1][parameter.name] - moments[0][parameter.name]
        expected = 0.5 * parameter.asnumpy() if parameter.name.endswith("weight") else np.zeros(parameter.shape)
        np.testing.assert_allclose(difference, expected, atol=1e-4 * max(1, np.abs(moments[0][parameter.name]).max()))


def test_clipping_bounds_the_norm_of_the_first_moment():
    network, optimizer, step = build("--clip_gradient_norm", "2.5", "--weight_decay", "0")
    step(*batch(), rate(1e-4))
    norm = np.sqrt(sum((moment.asnumpy().astype(np.float64) ** 2).sum() for moment in optimizer.moments))
    # The sum of millions of squares is in float32.
    assert norm == pytest.approx(2.5, rel=3e-3)

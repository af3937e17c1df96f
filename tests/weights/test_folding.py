# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of src/weights/folding.py: the formula, raw heads and detections of the folded network, and strict loading."""
from functools import cache

import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from model_utils.errors import UserError
from src.config import detection_scales
from src.evaluation.nms import detections_from_heads
from src.initializer import initialise_weights
from src.weights.checkpoint import Checkpoint, load_weights
from src.weights.folding import fold_batch_norm, load_folded
from src.yolo import ScaleDecoder, build_inference_network, build_network
from tests.support.decoded_heads import loop_iou

NUM_CLASSES = 4
CONFIG = get_config(["--device_target=CPU", "--testing_shape=64,96"])


@pytest.fixture(scope="module", name="weights")
def fixture_weights():
    """Weights of a network whose statistics matter: gammas of both signs, variances from 0.5 to 2."""
    network, rng = build_network(CONFIG, NUM_CLASSES), np.random.default_rng(2)
    initialise_weights(network, 1)
    weights = {}
    for parameter in network.get_parameters():
        array, shape = parameter.asnumpy().copy(), parameter.shape
        if parameter.name.endswith("gamma"):
            array = rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape, p=[0.2, 0.8])
        elif parameter.name.endswith("moving_variance"):
            array = rng.uniform(0.5, 2, shape)
        elif parameter.name.endswith(("beta", "moving_mean")):
            array = rng.normal(0, 0.3, shape)
        elif parameter.name.startswith("head"):
            array = array * 8
        weights[parameter.name] = array.astype(np.float32)
    return weights


def images(count=2):
    return ms.Tensor(np.random.default_rng(3).integers(0, 256, (count, 64, 96, 3), np.uint8))


@pytest.fixture(scope="module", name="raw_heads")
def fixture_raw_heads(weights):
    """A function to the raw heads of the inference network with these weights, folded or as it was trained."""
    @cache
    def heads(folded, **options):
        checkpoint = Checkpoint("a.ckpt", weights)
        if folded:
            network = build_inference_network(CONFIG, NUM_CLASSES, decode=False, **options)
            load_folded(network, checkpoint)
        else:
            network = build_inference_network(CONFIG, NUM_CLASSES, build_network(CONFIG, NUM_CLASSES), decode=False)
            load_weights(network, checkpoint)
        return [output.asnumpy() for output in network(images())]
    return heads


def decoded(heads):
    """Decoded heads of raw ones, big first."""
    return [ScaleDecoder(scale, NUM_CLASSES, (64, 96))(ms.Tensor(head)).asnumpy()
            for scale, head in zip(detection_scales(CONFIG)[::-1], heads, strict=True)]


def test_the_formula_by_hand():
    weights = {"conv3.conv.weight": np.array([1.0, -2.0], np.float32).reshape(2, 1, 1, 1),
               "conv3.bn.gamma": np.array([3.0, 1.0]), "conv3.bn.beta": np.array([0.5, 0.25]),
               "conv3.bn.moving_mean": np.array([2.0, -1.0]),
               "conv3.bn.moving_variance": np.array([4 - 1e-5, 0.25 - 1e-5]), "head1.bias": np.array([7.0])}
    before = {name: array.copy() for name, array in weights.items()}
    folded = fold_batch_norm(weights)
    assert set(folded) == {"conv3.conv.weight", "conv3.bn.beta", "head1.bias"}
    # Gains are 3 / 2 and 1 / 0.5.
    np.testing.assert_array_equal(folded["conv3.conv.weight"].ravel(), np.array([1.5, -4.0], np.float32))
    np.testing.assert_array_equal(folded["conv3.bn.beta"], np.array([0.5 - 2 * 1.5, 0.25 + 1 * 2], np.float32))
    assert folded["head1.bias"] == 7 and {array.dtype for array in folded.values()} == {np.dtype(np.float32)}
    for name, array in before.items():
        np.testing.assert_array_equal(weights[name], array)


def test_names_and_count(weights):
    network = build_inference_network(CONFIG, NUM_CLASSES)
    folded = fold_batch_norm(weights)
    assert {parameter.name: tuple(parameter.shape) for parameter in network.get_parameters()} == {
        name: array.shape for name, array in folded.items()}
    assert len(folded) == 11 * 2 + 4


@pytest.mark.parametrize("decomposed_activation", [False, True])
def test_raw_heads_agree(raw_heads, decomposed_activation):
    """Up to the rounding of float32 in 13 layers; only sums are ordered and rounded otherwise."""
    plain = raw_heads(folded=False)
    folded = raw_heads(folded=True, decomposed_activation=decomposed_activation)
    for found, expected in zip(folded, plain, strict=True):
        # Heads that differ from cell to cell and channel to channel, or the comparison would say little.
        assert expected.std() > 0.3 and expected.std((2, 3)).min() > 0.01
        assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


def test_a_bias_after_the_pooling_changes_no_bit(weights):
    networks = [build_network(CONFIG, NUM_CLASSES, decomposed_activation=True, folded=True) for _ in range(2)]
    networks[1].backbone.pools_first = False
    for network in networks:
        load_folded(network, Checkpoint("a.ckpt", weights))
    x = ms.Tensor(np.random.default_rng(4).normal(0, 1, (2, 3, 64, 96)), ms.float32)
    for first, last in zip(networks[0](x), networks[1](x), strict=True):
        np.testing.assert_array_equal(first.asnumpy(), last.asnumpy())


def test_detections_agree(raw_heads):
    """Each detection has a partner: same class, score within 1e-4, IoU above 0.999."""
    plain, folded = decoded(raw_heads(folded=False)), decoded(raw_heads(folded=True, decomposed_activation=True))
    for image in range(2):
        # Without suppression, and so far above the threshold that rounding takes none across it.
        expected = detections_from_heads(*(head[image] for head in plain), 0.3, 1.0, 10_000)
        found = detections_from_heads(*(head[image] for head in folded), 0.2999, 1.0, 10_000)
        assert 20 < len(expected[0]) <= len(found[0])
        for box, score, number in zip(*expected, strict=True):
            partners = np.flatnonzero((found[2] == number) & (np.abs(found[1] - score) < 1e-4))
            assert max((loop_iou(box.tolist(), found[0][i].tolist()) for i in partners), default=0) > 0.999


def test_a_checkpoint_that_does_not_fit_is_refused_in_its_own_names(weights):
    network = build_inference_network(CONFIG, NUM_CLASSES)
    before = [parameter.asnumpy().copy() for parameter in network.get_parameters()]
    wrong = {name: array for name, array in weights.items() if name != "conv3.bn.moving_variance"}
    wrong |= {"conv2.bn.gamma": np.ones(5, np.float32), "conv99.bn.beta": np.ones(2, np.float32)}
    with pytest.raises(UserError) as caught:
        load_folded(network, Checkpoint("bad.ckpt", wrong))
    lines = str(caught.value).splitlines()
    assert "bad.ckpt: does not fit the network" in lines[0]
    assert sorted(line.strip() for line in lines[1:]) == [
        "conv2.bn.gamma: shape (5,), the network has (64,)", "missing: conv3.bn.moving_variance",
        "unexpected: conv99.bn.beta"]
    for parameter, array in zip(network.get_parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.asnumpy(), array)


def test_averaged_weights_win(weights):
    averages = {name: 2 * array for name, array in weights.items()}
    network = build_network(CONFIG, NUM_CLASSES, folded=True)
    load_folded(network, Checkpoint("a.ckpt", weights, averages=averages))
    np.testing.assert_array_equal(network.head1.bias.asnumpy(), 2 * weights["head1.bias"])


def test_damaged_statistics_give_nan_without_a_warning(weights, recwarn):
    damaged = weights | {"conv0.bn.moving_variance": np.full(16, -1, np.float32)}
    assert np.isnan(fold_batch_norm(damaged)["conv0.conv.weight"]).all()
    assert not [warning for warning in recwarn if issubclass(warning.category, RuntimeWarning)]


@pytest.mark.parametrize("name", ["conv0.bn.moving_variance", "head2.weight"])
def test_weights_that_are_not_finite_are_not_loaded(weights, name):
    damaged = {**weights, name: np.full_like(weights[name], np.nan)}
    network = build_inference_network(CONFIG, NUM_CLASSES)
    with pytest.raises(UserError, match="a.ckpt: .* holds NaN or infinity, .*; take an earlier checkpoint"):
        load_folded(network, Checkpoint("a.ckpt", damaged))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Random first weights: their distribution and seed, and the objectness prior."""
import math

import numpy as np
import pytest

from model_utils.config import get_config
from src.initializer import initialise_weights, set_objectness_prior
from tests.support.small_networks import same, small_network, values


def test_weights_are_uniform_in_one_over_root_fan_in_and_follow_the_seed():
    first, second, other = (small_network() for _ in range(3))
    for network, seed in ((first, 1), (second, 1), (other, 2)):
        initialise_weights(network, seed)
    weight = values(first)["conv6.conv.weight"]
    bound = 1 / np.sqrt(512 * 9)
    assert np.abs(weight).max() <= bound
    assert weight.std() == pytest.approx(bound / np.sqrt(3), rel=0.01) and abs(weight.mean()) < bound / 100
    assert np.abs(values(first)["head1.bias"]).max() <= 1 / np.sqrt(512)
    assert (values(first)["conv6.bn.gamma"] == 1).all()
    for name, value in values(first).items():
        np.testing.assert_array_equal(value, values(second)[name])
    assert not np.array_equal(weight, values(other)["conv6.conv.weight"])


@pytest.mark.parametrize("prior", [0.01, 0.0])
def test_the_objectness_prior_sets_these_biases_and_nothing_else(prior):
    plain, network = small_network(), small_network()
    initialise_weights(plain, 1)
    initialise_weights(network, 1)
    set_objectness_prior(network, get_config([f"--objectness_prior={prior}"]))
    changed = {"head1.bias", "head2.bias"} if prior else set()
    assert set(values(network)) - same(values(network), values(plain)) == changed
    for name in changed:
        # Two classes: seven fields an anchor, of which objectness is the fifth.
        found, before = (values(source)[name].reshape(3, 7) for source in (network, plain))
        probability = 1 / (1 + np.exp(-found[:, 4]))
        np.testing.assert_allclose(probability, 0.01, rtol=1e-5)
        np.testing.assert_allclose(found[:, 4], -math.log(99), rtol=1e-6)
        np.testing.assert_array_equal(np.delete(found, 4, 1), np.delete(before, 4, 1))


def test_the_objectness_prior_of_some_heads():
    network = small_network()
    initialise_weights(network, 1)
    before = values(network)
    set_objectness_prior(network, get_config(["--objectness_prior=0.1"]), ["head2"])
    assert set(before) - same(before, values(network)) == {"head2.bias"}

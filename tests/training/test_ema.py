# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The averaged weights: the ramp of the decay, and that the average starts as a copy of its own."""
import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from src.initializer import initialise_weights
from src.training.ema import WeightAverage
from src.weights.checkpoint import AVERAGE_PREFIX
from src.yolo import build_network


@pytest.fixture(scope="module")
def pair():
    config = get_config([])
    network, averaged = build_network(config, 2), build_network(config, 2)
    initialise_weights(network, 1)
    return network, WeightAverage(network, averaged, 0.999)


def test_the_decay_ramps_up(pair):
    _, average = pair
    assert average.decay_at(1) == pytest.approx(2 / 11)
    assert average.decay_at(890) == pytest.approx(0.99)
    assert average.decay_at(8989) < average.decay_at(8990) == average.decay_at(10**6) == 0.999


def test_the_average_starts_as_a_copy_with_names_of_its_own(pair):
    network, average = pair
    weights = {parameter.name: parameter for parameter in network.get_parameters()}
    assert list(average.by_name) == list(weights)
    for name, parameter in average.by_name.items():
        assert parameter.name == AVERAGE_PREFIX + name and parameter is not weights[name]
        np.testing.assert_array_equal(parameter.asnumpy(), weights[name].asnumpy())


def test_the_average_does_not_move_with_the_weights(pair):
    network, average = pair
    before = average.by_name["conv3.conv.weight"].asnumpy().copy()
    weight = network.backbone.conv3.conv.weight
    ms.ops.assign(weight, weight + 1.0)
    np.testing.assert_array_equal(average.by_name["conv3.conv.weight"].asnumpy(), before)


def test_one_update(pair):
    network, average = pair
    before, weight = (parameters["conv2.bn.gamma"].asnumpy().copy() for parameters in (
        average.by_name, network.parameters_dict()))
    ms.ops.assign(network.backbone.conv2.bn.gamma, ms.Tensor(weight + 2.0))
    average.update(ms.Tensor(0.75, ms.float32))
    np.testing.assert_allclose(average.by_name["conv2.bn.gamma"].asnumpy(), 0.75 * before + 0.25 * (weight + 2.0),
                               rtol=1e-6)

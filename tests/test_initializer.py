"""First weights: their distribution, their seed, and what a backbone fills."""
import logging

import numpy as np
import pytest

from model_utils.errors import UserError
from src.checkpoint import legacy_names, save_checkpoint
from src.initializer import initialise_weights, load_backbone
from tests.test_checkpoint import small_network

LOGGER = logging.getLogger(__name__)


def values(network):
    return {parameter.name: parameter.asnumpy() for parameter in network.get_parameters()}


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


def is_backbone(name):
    return name.startswith(tuple(f"conv{i}." for i in range(7)))


@pytest.mark.parametrize("prefix", ["", "yolo_network.feature_map.backbone.", "backbone."])
def test_a_backbone_of_each_naming_fills_conv0_to_conv6(tmp_path, prefix):
    source, network = small_network(5), small_network(2)
    initialise_weights(source, 7)
    initialise_weights(network, 8)
    before = values(network)
    renames = {new: old for old, new in legacy_names().items() if prefix and old.startswith(prefix)}
    save_checkpoint(tmp_path / "b.ckpt", {renames.get(name, name): value for name, value in values(source).items()}, {})
    filled = load_backbone(network, tmp_path / "b.ckpt")
    assert len(filled) == 35
    for name, value in values(network).items():
        np.testing.assert_array_equal(value, values(source)[name] if is_backbone(name) else before[name])


def test_a_backbone_that_fills_nothing_is_an_error(tmp_path):
    save_checkpoint(tmp_path / "b.ckpt", {"layer.weight": np.zeros(3, np.float32)}, {})
    with pytest.raises(UserError, match="none of the backbone's tensors"):
        load_backbone(small_network(), tmp_path / "b.ckpt")

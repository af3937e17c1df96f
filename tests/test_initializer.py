# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""First weights: their distribution and seed, the objectness prior, and what a backbone of each kind of file fills."""
import math

import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from model_utils.errors import UsageError, UserError
from src.initializer import initialise_weights, set_objectness_prior
from src.weights.checkpoint import legacy_names, save_checkpoint
from src.weights.darknet import file_sizes
from src.weights.start_weights import load_backbone, start_weights
from tests.support.helpers import real_data
from tests.support.small_networks import is_backbone, random_weights, same, small_network, values, write_darknet


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
    words = start_weights(network, get_config([f"--objectness_prior={prior}"]))
    assert words == "random weights, seed 1"
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


def test_the_averaged_backbone_is_preferred(tmp_path):
    source, network = small_network(5), small_network(2)
    averages = {name: value + 1 for name, value in values(source).items()}
    save_checkpoint(tmp_path / "b.ckpt", values(source), {}, averages=averages)
    for name in load_backbone(network, tmp_path / "b.ckpt"):
        np.testing.assert_array_equal(values(network)[name], averages[name])


@pytest.fixture(scope="module")
def darknet_file(tmp_path_factory):
    path, weights = tmp_path_factory.mktemp("darknet") / "yolov3-tiny.weights", random_weights(80)
    write_darknet(path, weights)
    return path, weights


@pytest.mark.parametrize("kept, filled", [(13, 7), (9, 7), (7, 7), (5, 5), (1, 1)])
def test_a_darknet_file_fills_the_convolutions_that_it_holds(darknet_file, tmp_path, kept, filled):
    path, network = tmp_path / "tiny.part", small_network()
    path.write_bytes(darknet_file[0].read_bytes()[:file_sizes(80, 3)[kept - 1]])
    initialise_weights(network, 8)
    before = values(network)
    names = load_backbone(network, path)
    assert len(names) == 5 * filled
    expected = {name: darknet_file[1][name] if name in names else before[name] for name in before}
    assert same(values(network), expected) == set(before)
    assert {name.split(".")[0] for name in names} == {f"conv{i}" for i in range(filled)}


def test_the_words_of_a_partial_darknet_backbone(darknet_file, tmp_path):
    path = tmp_path / "tiny.conv.9"
    path.write_bytes(darknet_file[0].read_bytes()[:file_sizes(80, 3)[4]])
    words = start_weights(small_network(), get_config([f"--pretrained_backbone={path}"]))
    assert f"pretrained_backbone {path}: filled 25 of 35 tensors: conv0.conv.weight, " in words
    assert "random, as the file does not hold them: conv5.conv.weight" in words
    assert "WARNING: trained on images normalised with mean 0,0,0, std 1,1,1" in words
    assert "set --mean 0,0,0 --std 1,1,1 to match it" in words
    same_input = ["--mean", "0,0,0", "--std", "1,1,1"]
    words = start_weights(small_network(), get_config([f"--pretrained_backbone={path}", *same_input]))
    assert "filled 25 of 35" in words and "WARNING" not in words


def test_the_objectness_prior_holds_for_a_pretrained_backbone(darknet_file):
    network = small_network()
    start_weights(network, get_config([f"--pretrained_backbone={darknet_file[0]}", "--objectness_prior=0.05"]))
    np.testing.assert_allclose(values(network)["head2.bias"].reshape(3, 7)[:, 4], -math.log(19), rtol=1e-6)


def test_files_of_no_use_are_told(darknet_file, tmp_path):
    save_checkpoint(tmp_path / "other.ckpt", {"layer.weight": np.zeros(3, np.float32)}, {})
    save_checkpoint(tmp_path / "shape.ckpt", {"conv0.conv.weight": np.zeros((16, 1, 3, 3), np.float32)}, {})
    (tmp_path / "model.pt").write_bytes(b"PK\3\4 no weights")
    (tmp_path / "empty.weights").write_bytes(b"")
    (tmp_path / "cut.weights").write_bytes(darknet_file[0].read_bytes()[:-1])
    (tmp_path / "cut.ckpt").write_bytes((tmp_path / "other.ckpt").read_bytes()[:30])
    for name, words in [("other.ckpt", "none of the backbone's tensors"), ("none.ckpt", "no such file"),
                        ("shape.ckpt", "conv0.conv.weight has shape"), ("model.pt", "neither a MindSpore checkpoint"),
                        ("empty.weights", "neither a MindSpore checkpoint nor Darknet"),
                        ("cut.weights", "35434955 bytes do not end with"), ("cut.ckpt", "cannot be read")]:
        with pytest.raises(UserError) as caught:
            load_backbone(small_network(), tmp_path / name)
        assert words in str(caught.value) and name in str(caught.value)


def test_random_weights_are_never_frozen(darknet_file, tmp_path):
    with pytest.raises(UsageError, match="freeze_backbone is True, but the backbone starts from random weights"):
        start_weights(small_network(), get_config(["--freeze_backbone=True"]))
    path = tmp_path / "tiny.conv.9"
    path.write_bytes(darknet_file[0].read_bytes()[:file_sizes(80, 3)[4]])
    with pytest.raises(UserError, match=r"does not hold conv5\.conv\.weight, .*, conv6\.bn\.beta, and freeze"):
        start_weights(small_network(), get_config([f"--pretrained_backbone={path}", "--freeze_backbone=True"]))
    assert "filled 35 of 35" in start_weights(
        small_network(), get_config([f"--pretrained_backbone={darknet_file[0]}", "--freeze_backbone=True"]))


def test_the_real_partial_weights_as_a_backbone():
    folder = real_data("darknet_partial")
    network = small_network()
    initialise_weights(network, 8)
    before = values(network)
    filled = load_backbone(network, folder / "yolov3-tiny.conv.9")
    keras, expected = np.load(folder / "yolov3_tiny_partial.npz"), dict(before)
    for i in range(5):
        # Keras kernels are height, width, in, out.
        expected[f"conv{i}.conv.weight"] = keras[f"conv2d_{i + 1}__kernel"].transpose(3, 2, 0, 1)
        for field in ("beta", "gamma", "moving_mean", "moving_variance"):
            expected[f"conv{i}.bn.{field}"] = keras[f"batch_normalization_{i + 1}__{field}"]
    assert same(values(network), expected) == set(before)
    assert set(before) - same(before, expected) == set(filled) and len(filled) == 25
    images = np.random.default_rng(1).random((1, 3, 64, 64), dtype=np.float32)
    assert np.isfinite(network.set_train(False)(ms.Tensor(images))[0].asnumpy()).all()

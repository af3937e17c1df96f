# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The weights that a run starts from: random ones, and what a backbone of each kind of file fills."""
import math

import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from model_utils.errors import UsageError, UserError
from src.initializer import initialise_weights
from src.weights.checkpoint import legacy_names, save_checkpoint
from src.weights.darknet import file_sizes
from src.weights.start_weights import start_weights
from tests.support.helpers import real_data
from tests.support.small_networks import is_backbone, random_weights, same, small_network, values, write_darknet


@pytest.fixture(scope="module")
def random_start():
    """The values of a network at random weights of the default seed."""
    network = small_network()
    initialise_weights(network, 1)
    return values(network)


def start(path, *arguments):
    """Start from a backbone; return (the network, names of the tensors that were filled, the line for the log)."""
    network = small_network()
    line = start_weights(network, get_config([f"--pretrained_backbone={path}", *arguments]))
    return network, line.split("tensors: ")[1].split(";")[0].split(", "), line


def test_random_weights_with_the_objectness_prior(random_start):
    network = small_network()
    assert start_weights(network, get_config(["--objectness_prior=0.01"])) == "random weights, seed 1"
    found = values(network)
    assert set(found) - same(found, random_start) == {"head1.bias", "head2.bias"}
    np.testing.assert_allclose(found["head1.bias"].reshape(3, 7)[:, 4], -math.log(99), rtol=1e-6)


@pytest.mark.parametrize("prefix", ["", "yolo_network.feature_map.backbone.", "backbone."])
def test_a_backbone_of_each_naming_fills_conv0_to_conv6(tmp_path, random_start, prefix):
    source = small_network(5)
    initialise_weights(source, 7)
    renames = {new: old for old, new in legacy_names().items() if prefix and old.startswith(prefix)}
    save_checkpoint(tmp_path / "b.ckpt", {renames.get(name, name): value for name, value in values(source).items()}, {})
    network, filled, _ = start(tmp_path / "b.ckpt")
    assert len(filled) == 35
    for name, value in values(network).items():
        np.testing.assert_array_equal(value, values(source)[name] if is_backbone(name) else random_start[name])


def test_the_averaged_backbone_is_preferred(tmp_path):
    source = small_network(5)
    averages = {name: value + 1 for name, value in values(source).items()}
    save_checkpoint(tmp_path / "b.ckpt", values(source), {}, averages=averages)
    network, filled, _ = start(tmp_path / "b.ckpt")
    for name in filled:
        np.testing.assert_array_equal(values(network)[name], averages[name])


@pytest.fixture(scope="module")
def darknet_file(tmp_path_factory):
    path, weights = tmp_path_factory.mktemp("darknet") / "yolov3-tiny.weights", random_weights(80)
    write_darknet(path, weights)
    return path, weights


@pytest.mark.parametrize("kept, filled", [(13, 7), (9, 7), (7, 7), (5, 5), (1, 1)])
def test_a_darknet_file_fills_the_convolutions_that_it_holds(darknet_file, tmp_path, random_start, kept, filled):
    path = tmp_path / "tiny.part"
    path.write_bytes(darknet_file[0].read_bytes()[:file_sizes(255)[kept - 1]])
    network, names, _ = start(path)
    assert len(names) == 5 * filled
    expected = {name: darknet_file[1][name] if name in names else value for name, value in random_start.items()}
    assert same(values(network), expected) == set(expected)
    assert {name.split(".")[0] for name in names} == {f"conv{i}" for i in range(filled)}


def test_the_log_line_of_a_partial_darknet_backbone(darknet_file, tmp_path):
    path = tmp_path / "tiny.conv.9"
    path.write_bytes(darknet_file[0].read_bytes()[:file_sizes(255)[4]])
    _, _, line = start(path)
    assert f"pretrained_backbone {path}: filled 25 of 35 tensors: conv0.conv.weight, " in line
    assert "random, as the file does not hold them: conv5.conv.weight" in line
    assert "WARNING: trained on images normalised with mean 0,0,0, std 1,1,1" in line
    assert "set --mean 0,0,0 --std 1,1,1 to match it" in line
    _, _, line = start(path, "--mean=0,0,0", "--std=1,1,1")
    assert "filled 25 of 35" in line and "WARNING" not in line


def test_the_objectness_prior_holds_for_a_pretrained_backbone(darknet_file):
    network, _, _ = start(darknet_file[0], "--objectness_prior=0.05")
    np.testing.assert_allclose(values(network)["head2.bias"].reshape(3, 7)[:, 4], -math.log(19), rtol=1e-6)


def test_unusable_files_are_refused(darknet_file, tmp_path):
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
            start(tmp_path / name)
        assert words in str(caught.value) and name in str(caught.value)


def test_random_weights_are_never_frozen(darknet_file, tmp_path):
    with pytest.raises(UsageError, match="freeze_backbone is True, but the backbone starts from random weights"):
        start_weights(small_network(), get_config(["--freeze_backbone=True"]))
    path = tmp_path / "tiny.conv.9"
    path.write_bytes(darknet_file[0].read_bytes()[:file_sizes(255)[4]])
    with pytest.raises(UserError, match=r"does not hold conv5\.conv\.weight, .*, conv6\.bn\.beta, and freeze"):
        start(path, "--freeze_backbone=True")
    assert "filled 35 of 35" in start(darknet_file[0], "--freeze_backbone=True")[2]


def test_the_real_partial_weights_as_a_backbone(random_start):
    folder = real_data("darknet_partial")
    network, filled, _ = start(folder / "yolov3-tiny.conv.9")
    keras, expected = np.load(folder / "yolov3_tiny_partial.npz"), dict(random_start)
    for i in range(5):
        # Keras kernels are height, width, in, out.
        expected[f"conv{i}.conv.weight"] = keras[f"conv2d_{i + 1}__kernel"].transpose(3, 2, 0, 1)
        for field in ("beta", "gamma", "moving_mean", "moving_variance"):
            expected[f"conv{i}.bn.{field}"] = keras[f"batch_normalization_{i + 1}__{field}"]
    assert same(values(network), expected) == set(expected)
    assert set(expected) - same(random_start, expected) == set(filled) and len(filled) == 25
    images = np.random.default_rng(1).random((1, 3, 64, 64), dtype=np.float32)
    assert np.isfinite(network.set_train(False)(ms.Tensor(images))[0].asnumpy()).all()

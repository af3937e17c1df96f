# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Fine-tuning: a checkpoint of other classes, what does not fit it, and a backbone that training leaves alone."""
import math

import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from model_utils.device_adapter import setup_device
from model_utils.errors import UserError
from src.initializer import initialise_weights
from src.training.optimizer import build_optimizer, freeze_backbone, set_training
from src.training.train_step import TrainStep
from src.weights.checkpoint import legacy_names, save_checkpoint
from src.weights.darknet import DARKNET_OPTIONS
from src.weights.start_weights import settle_auto, start_weights
from src.yolo import build_network
from tests.support.small_networks import is_backbone, random_weights, same, small_network, values, write_darknet

HEADS = {"head1.weight", "head1.bias", "head2.weight", "head2.bias"}


def write(path, num_classes=5, **changes):
    """Write a checkpoint of random weights; `changes` replace tensors, None takes one out. Returns the weights."""
    weights = random_weights(num_classes) | {name.replace("__", "."): value for name, value in changes.items()}
    weights = {name: value for name, value in weights.items() if value is not None}
    save_checkpoint(path, weights, {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]})
    return weights


def start(path, *arguments, num_classes=2):
    """Return the network's first values, all its values after `start_weights`, and the line for the log."""
    network, plain = small_network(num_classes), small_network(num_classes)
    initialise_weights(plain, 1)
    line = start_weights(network, get_config([f"--resume_yolo={path}", *arguments]))
    return values(plain), values(network), line


def test_heads_for_other_classes_start_from_scratch_and_all_else_is_loaded(tmp_path):
    path = tmp_path / "c.ckpt"
    weights = write(path)
    plain, found, line = start(path)
    assert same(found, {name: plain[name] if name in HEADS else weights[name] for name in found}) == set(found)
    assert "filled all tensors but 4, which start from scratch because they are for other classes or anchors (30 " \
           "channels there, 21 here): head1.weight, head1.bias, head2.weight, head2.bias" in line
    assert "optimizer starts from scratch" in line and "WARNING" not in line


def test_heads_of_as_many_but_other_classes_start_from_scratch_too(tmp_path):
    path, weights = tmp_path / "c.ckpt", random_weights(2)
    save_checkpoint(path, weights, {"class_names": ["cup", "ball"], "category_ids": [1, 2]})
    for names, heads in ((["cup", "ball"], set()), (["dog", "cat"], HEADS), (None, set())):
        network, plain = small_network(2), small_network(2)
        initialise_weights(plain, 1)
        line = start_weights(network, get_config([f"--resume_yolo={path}"]), names)
        expected = {name: values(plain)[name] if name in heads else weights[name] for name in weights}
        assert same(values(network), expected) == set(weights)
        assert ("start from scratch because they are for other classes" in line) == bool(heads)


@pytest.mark.parametrize("meta, names, is_kept", [
    ({"class_names": ["cup", "ball"], "category_ids": [1, 2]}, ("cup", "ball"), True),
    ({"class_names": ["cup", "ball"], "category_ids": [1, 2]}, ("ball", "cup"), False),
    ({}, ("dog", "cat"), True), ({}, ("dog",), False)])
def test_new_heads_reach_as_far_as_the_assigner_wants(tmp_path, meta, names, is_kept):
    path = tmp_path / "c.ckpt"
    save_checkpoint(path, random_weights(2), {"scale_x_y": [1.5, 1.5], **meta})
    asked = get_config([f"--resume_yolo={path}", "--scale_x_y=auto", "--anchors=auto"])
    config, lines = settle_auto(asked.with_checkpoint({"scale_x_y": [1.5, 1.5]}), asked, names)
    assert config.scale_x_y == ((1.5, 1.5) if is_kept else "auto") and config.anchors == get_config([]).anchors
    assert lines == [f"{name} auto: as in {path}, whose weights were trained so"
                     for name in ("anchors", "scale_x_y")[:1 + is_kept]]


def test_the_objectness_prior_is_for_new_heads_only(tmp_path):
    path = tmp_path / "c.ckpt"
    weights = write(path)
    _, found, _ = start(path, "--objectness_prior=0.01")
    for head in ("head1", "head2"):
        np.testing.assert_allclose(found[f"{head}.bias"].reshape(3, 7)[:, 4], -math.log(99), rtol=1e-6)
    _, found, line = start(path, "--objectness_prior=0.01", num_classes=5)
    assert same(found, weights) == set(found)
    assert "filled all tensors;" in line


def test_a_2021_checkpoint_is_fine_tuned(tmp_path):
    weights, to_legacy = random_weights(5), {new: old for old, new in legacy_names().items() if "yolo_network" in old}
    ms.save_checkpoint([{"name": to_legacy[name], "data": ms.Tensor(value)} for name, value in weights.items()],
                       str(tmp_path / "0-300_.ckpt"))
    plain, found, _ = start(tmp_path / "0-300_.ckpt")
    assert same(found, {name: plain[name] if name in HEADS else weights[name] for name in found}) == set(found)


def test_the_average_is_what_is_fine_tuned(tmp_path):
    weights, path = random_weights(2), tmp_path / "last.ckpt"
    averages = {name: value + 1 for name, value in weights.items()}
    save_checkpoint(path, weights, {}, moments={"head1.bias": weights["head1.bias"]}, averages=averages)
    _, found, _ = start(path)
    assert same(found, averages) == set(found)


def test_another_normalisation_is_warned_of(tmp_path):
    path = tmp_path / "c.ckpt"
    save_checkpoint(path, random_weights(2), DARKNET_OPTIONS)
    _, _, line = start(path)
    assert "WARNING: trained on images normalised with mean 0,0,0, std 1,1,1, this run has mean 0.485,0.456,0.406, " \
           "std 0.229,0.224,0.225: set --mean 0,0,0 --std 1,1,1 to match it" in line


@pytest.mark.parametrize("changes, expected", [
    ({"conv3__bn__gamma": None, "surplus": np.zeros(1, np.float32)}, ["missing: conv3.bn.gamma",
                                                                      "unexpected: surplus"]),
    ({"conv6__conv__weight": np.zeros((512, 512, 3, 3), np.float32)}, ["conv6.conv.weight: shape (512, 512, 3, 3)"]),
    ({"head2__bias": None}, ["missing: head2.bias", "head2.weight: shape (30, 256, 1, 1)"]),
    ({"head1__weight": np.zeros((30, 256, 1, 1), np.float32)}, ["head1.weight: shape (30, 256, 1, 1)", "head1.bias"]),
], ids=["names", "backbone", "half a head", "another neck"])
def test_anything_else_that_does_not_fit_is_an_error_and_nothing_is_copied(tmp_path, changes, expected):
    path, network, plain = tmp_path / "c.ckpt", small_network(), small_network()
    write(path, **changes)
    with pytest.raises(UserError) as caught:
        start_weights(network, get_config([f"--resume_yolo={path}"]))
    for text in (str(path), *expected):
        assert text in str(caught.value)
    initialise_weights(plain, 1)
    assert same(values(network), values(plain)) == set(values(plain))


def train(network, config, steps=3):
    """Train on one random batch of two images and return the losses."""
    rng = np.random.default_rng(1)
    boxes = np.zeros((2, 6, 5), np.float32)
    boxes[:, :2, :4] = rng.uniform(0.3, 0.6, (2, 2, 4))
    images = ms.Tensor(rng.integers(0, 256, (2, 64, 64, 3), np.uint8))
    step = TrainStep(network, build_optimizer(network, config), config, 3)
    return [float(step(images, ms.Tensor(boxes), 2e-4)[0].asnumpy()) for _ in range(steps)]


def backbone_network(folder, frozen=True):
    path = folder / "yolov3-tiny.weights"
    write_darknet(path, random_weights(80))
    config = get_config(["--device_target=CPU", "--training_shape=64", "--per_batch_size=2", "--max_box=6",
                         f"--freeze_backbone={frozen}", f"--pretrained_backbone={path}", "--mean=0,0,0", "--std=1,1,1"])
    setup_device(config)
    network = build_network(config, 3, decomposed_activation=True)
    start_weights(network, config)
    if frozen:
        freeze_backbone(network)
    return network, config


@pytest.mark.slow
def test_a_frozen_backbone_keeps_every_bit_and_the_rest_learns(tmp_path):
    network, config = backbone_network(tmp_path)
    assert {parameter.name.split(".")[0] for parameter in network.trainable_params()} == {
        "conv7", "conv8", "conv9", "conv10", "head1", "head2"}
    set_training(network)
    before = values(network)
    losses = train(network, config)
    assert losses[-1] < losses[0]
    kept = same(before, values(network))
    assert kept == {name for name in before if is_backbone(name)} and len(kept) == 35


def test_a_frozen_backbone_normalises_by_the_statistics_it_came_with(tmp_path):
    images, features = ms.Tensor(np.random.default_rng(1).random((2, 3, 64, 64), dtype=np.float32)), {}
    for name in ("inference", "frozen", "training"):
        # A network of its own each time: MindSpore compiles a part of one once, in the mode that it then has.
        network, _ = backbone_network(tmp_path, name == "frozen")
        if name == "inference":
            network.set_train(False)
        else:
            set_training(network)
            assert network.conv7.bn.training
        features[name] = [output.asnumpy().copy() for output in network.backbone(images)]
    for number in (0, 1):
        np.testing.assert_array_equal(features["frozen"][number], features["inference"][number])
        assert np.abs(features["training"][number] - features["inference"][number]).max() > 0.1

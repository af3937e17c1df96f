# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""An independent judge: OpenCV's Darknet importer and our converted network compute the same from one weights file.

OpenCV adds 1e-6 to a variance where this project (and Darknet on a GPU, where the published weights come from) adds
1e-5; with variances of order 1 that explains most of the 3e-5 that remain, see the last test.
"""
import cv2
import numpy as np
import pytest

import mindspore as ms

import convert_weight
from model_utils.config import get_config
from src.evaluation.inference import load_inference_network
from src.tiny import BATCH_NORM_EPS
from src.weights.darknet import DARKNET_OPTIONS
from tests.support.small_networks import random_weights, write_darknet

NUM_CLASSES = 4
SHAPES = [(320, 320), (416, 416), (416, 608)]
HEAD_TOLERANCE = 1e-4  # of the head's largest value
BOX_TOLERANCE = 1e-3  # in fractions of the input, and of a probability
OPENCV_EPS = 1e-6


def convolution(filters, size, normalised=True):
    options = {"filters": filters, "size": size, "stride": 1, "pad": 1}
    if not normalised:
        return "convolutional", {**options, "activation": "linear"}
    return "convolutional", {"batch_normalize": 1, **options, "activation": "leaky"}


def maxpool(stride):
    return "maxpool", {"size": 2, "stride": stride}


def yolo(mask):
    anchors = ", ".join(f"{width:g},{height:g}" for width, height in DARKNET_OPTIONS["anchors"])
    # Everything is to come out: by default OpenCV zeroes scores below 0.2 and suppresses overlapping boxes.
    return "yolo", {"mask": mask, "anchors": anchors, "classes": NUM_CLASSES, "num": 6, "thresh": 1e-9,
                    "nms_threshold": 0}


def cfg_text(route="-1,8", small_mask="1,2,3"):
    """The network as Darknet describes it; a mistake may be made in it."""
    head = 3 * (5 + NUM_CLASSES)
    layers = [("net", {"width": 416, "height": 416, "channels": 3})]
    for filters, stride in ((16, 2), (32, 2), (64, 2), (128, 2), (256, 2), (512, 1)):
        layers += [convolution(filters, 3), maxpool(stride)]
    layers += [convolution(1024, 3), convolution(256, 1), convolution(512, 3), convolution(head, 1, False),
               yolo("3,4,5"), ("route", {"layers": "-4"}), convolution(128, 1), ("upsample", {"stride": 2}),
               ("route", {"layers": route}), convolution(256, 3), convolution(head, 1, False), yolo(small_mask)]
    sections = [f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in options.items())
                for name, options in layers]
    return "\n".join(sections)


def random_image(shape):
    return np.random.default_rng(2).random((1, 3, *shape), dtype=np.float32)


def run_opencv(folder, weights, shape, **mistakes):
    """Return OpenCV's raw heads (big, small) and decoded boxes (big, small)."""
    (folder / "judge.cfg").write_text(cfg_text(**mistakes))
    write_darknet(folder / "judge.weights", weights)
    network = cv2.dnn.readNetFromDarknet(str(folder / "judge.cfg"), str(folder / "judge.weights"))
    # Winograd's convolution rounds more.
    network.enableWinograd(False)
    network.setInput(random_image(shape))
    outputs = network.forward(["conv_15", "conv_22", "yolo_16", "yolo_23"])
    return outputs[:2], outputs[2:]


@pytest.fixture(scope="module")
def weights():
    return random_weights(NUM_CLASSES)


@pytest.fixture(scope="module")
def ours(weights, tmp_path_factory):
    """A function from shape to the (raw heads, decoded boxes) of our network, from a file by way of a checkpoint."""
    folder, known = tmp_path_factory.mktemp("ours"), {}
    write_darknet(folder / "a.weights", weights)
    convert_weight.main([f"--input_file={folder / 'a.weights'}", f"--output_file={folder / 'a.ckpt'}",
                         f"--num_classes={NUM_CLASSES}"])

    def run(shape):
        if shape not in known:
            config = get_config([f"--testing_shape={shape[0]},{shape[1]}"])
            network, _, _ = load_inference_network(config, str(folder / "a.ckpt"), float_input=True)
            heads = network.network(ms.Tensor(random_image(shape)))
            decoded = network.decode_big(heads[0]), network.decode_small(heads[1])
            known[shape] = [[output.asnumpy() for output in outputs] for outputs in (heads, decoded)]
        return known[shape]

    return run


def head_differences(found, expected):
    """Return the largest difference of each head, relative to its largest value."""
    return [np.abs(a - b).max() / np.abs(b).max() for a, b in zip(found, expected, strict=True)]


def as_rows(decoded):
    """Bring our decoded boxes into OpenCV's form: a row a box, and the score in place of the class's probability."""
    rows = decoded.reshape(-1, 5 + NUM_CLASSES).copy()
    rows[:, 5:] *= rows[:, 4:5]
    return rows


def box_differences(found, expected):
    return [np.abs(as_rows(a) - b).max() for a, b in zip(found, expected, strict=True)]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
def test_heads_and_boxes_are_those_of_opencv(weights, ours, tmp_path, shape):
    heads, boxes = run_opencv(tmp_path, weights, shape)
    our_heads, our_boxes = ours(shape)
    for number, stride in enumerate((32, 16)):
        assert heads[number].shape == (1, 27, shape[0] // stride, shape[1] // stride)
        # A network that has died or blown up would pass too easily.
        assert 0.3 < heads[number].std() < 3 and heads[number].std(axis=(2, 3)).min() > 0.01
        # Nothing was thresholded or suppressed.
        assert (boxes[number][:, 5:] > 0).all()
    assert max(head_differences(our_heads, heads)) < HEAD_TOLERANCE
    assert max(box_differences(our_boxes, boxes)) < BOX_TOLERANCE


def swap(weights, first, second):
    """Exchange two fields of every batch-norm."""
    swapped = dict(weights)
    for name in weights:
        if name.endswith(first):
            other = name.removesuffix(first) + second
            swapped[name], swapped[other] = weights[other], weights[name]
    return swapped


@pytest.mark.parametrize("mistake", ["beta and gamma", "gamma and variance", "kernel axes", "route order"])
def test_a_mistake_in_the_tensors_would_be_seen(weights, ours, tmp_path, mistake):
    wrong, route = weights, "-1,8"
    if mistake == "beta and gamma":
        wrong = swap(weights, "bn.beta", "bn.gamma")
    elif mistake == "gamma and variance":
        wrong = swap(weights, "bn.gamma", "bn.moving_variance")
    elif mistake == "kernel axes":
        wrong = {name: np.swapaxes(array, 2, 3) if array.ndim == 4 else array for name, array in weights.items()}
    else:
        route = "8,-1"
    heads, _ = run_opencv(tmp_path, wrong, SHAPES[0], route=route)
    differences = head_differences(ours(SHAPES[0])[0], heads)
    # The order of the route concerns the small head only.
    assert (differences[1] if mistake == "route order" else min(differences)) > 100 * HEAD_TOLERANCE


def test_a_mistake_in_the_anchors_would_be_seen(weights, ours, tmp_path):
    _, boxes = run_opencv(tmp_path, weights, SHAPES[0], small_mask="0,1,2")
    big, small = box_differences(ours(SHAPES[0])[1], boxes)
    assert big < BOX_TOLERANCE and small > 10 * BOX_TOLERANCE


def test_the_remaining_difference_is_the_epsilon(weights, ours, tmp_path):
    shifted = {name: array + np.float32(BATCH_NORM_EPS - OPENCV_EPS) if name.endswith("variance") else array
               for name, array in weights.items()}
    heads, _ = run_opencv(tmp_path, shifted, SHAPES[0])
    assert max(head_differences(ours(SHAPES[0])[0], heads)) < HEAD_TOLERANCE / 10

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Darknet files: sizes from the network, reading, order of tensors, damage, the real partial weights."""
import os
import re

import numpy as np
import pytest

from model_utils.errors import UserError
from src.network.head_layout import Scale
from src.weights import darknet
from src.weights.checkpoint import save_checkpoint
from src.weights.darknet import file_sizes, head_layouts, is_darknet, read_darknet, tensor_shapes
from src.yolo import YOLOv3Tiny
from tests.support.helpers import real_data
from tests.support.small_networks import random_weights, write_darknet

# Keras numbers its layers from 1 and by creation; see the data folder's README. The batch-norms' order is the file's.
KERAS_CONVOLUTIONS = {**{f"conv{i}": i + 1 for i in range(5)}, "conv7": 8, "head1": 10, "conv9": 11, "conv10": 12,
                      "head2": 13}
KERAS_BATCH_NORMS = {f"conv{i}": i + 1 for i in range(11)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A file of 2 classes and its weights."""
    path, weights = tmp_path_factory.mktemp("darknet") / "tiny.weights", random_weights(2)
    write_darknet(path, weights, images_seen=5_000_000_000)
    return path, weights


def test_the_size_of_the_official_file_follows_from_the_network():
    # yolov3-tiny.weights as published; 80 classes, an int64 in its header.
    assert file_sizes(255)[-1] == 35_434_956
    scales = (Scale(16, ((1, 1),) * 3, 1.0), Scale(32, ((1, 1),) * 3, 1.0))
    for num_classes in (1, 7):
        parameters = YOLOv3Tiny(num_classes, scales).get_parameters()
        assert file_sizes(3 * (5 + num_classes))[-1] == 20 + 4 * sum(parameter.size for parameter in parameters)


def test_a_file_is_read_back_bit_by_bit(whole):
    path, weights = whole
    found = read_darknet(path)
    assert (found.is_whole, found.rows, found.version, found.images_seen) == (True, 21, (0, 2, 0), 5_000_000_000)
    assert list(found.weights) == list(weights)
    for name, value in weights.items():
        assert found.weights[name].dtype == np.float32
        np.testing.assert_array_equal(found.weights[name], value)
    assert os.listdir(path.parent) == [path.name]


def test_the_order_of_tensors_in_a_file(whole):
    path, weights = whole
    order = [f"conv{i}" for i in range(9)] + ["head1", "conv9", "conv10", "head2"]
    expected = []
    for name in order:
        fields = ("bias", "weight") if "head" in name else ("bn.beta", "bn.gamma", "bn.moving_mean",
                                                            "bn.moving_variance", "conv.weight")
        expected += [weights[f"{name}.{field}"].ravel() for field in fields]
    np.testing.assert_array_equal(np.fromfile(path, "<f4", offset=20), np.concatenate(expected))


@pytest.mark.parametrize("version, header", [((0, 1, 0), 16), ((0, 2, 0), 20), ((1, 0, 5), 20), ((0, 0, 9), 16)])
def test_the_header_follows_the_version(whole, tmp_path, version, header):
    count = np.array(77, "<i4" if header == 16 else "<i8").tobytes()
    path = tmp_path / "old.weights"
    path.write_bytes(np.array(version, "<i4").tobytes() + count + whole[0].read_bytes()[20:])
    found = read_darknet(path)
    assert (found.rows, found.images_seen, found.version) == (21, 77, version)
    np.testing.assert_array_equal(found.weights["head2.weight"], whole[1]["head2.weight"])


@pytest.mark.parametrize("num_classes, num_anchors", [(1, 3), (80, 3), (20, 2)])
def test_the_rows_of_the_heads_follow_from_the_size(tmp_path, num_classes, num_anchors):
    path = tmp_path / "tiny.weights"
    write_darknet(path, random_weights(num_classes, num_anchors=num_anchors))
    found = read_darknet(path)
    assert found.rows == num_anchors * (5 + num_classes)
    assert found.weights["head1.weight"].shape == (num_anchors * (5 + num_classes), 512, 1, 1)


@pytest.mark.parametrize(("rows", "layouts"), [
    (18, [(3, 1), (2, 4), (1, 13)]), (24, [(3, 3), (4, 1), (2, 7), (1, 19)]), (14, [(2, 2), (1, 9)]), (7, [(1, 2)]),
    (255, [(3, 80), (5, 46), (1, 250), (15, 12), (17, 10)]),
])
def test_rows_do_not_say_how_many_anchors_and_classes(rows, layouts):
    assert sorted(head_layouts(rows)) == sorted(layouts) and head_layouts(rows)[0] == layouts[0]
    assert all(anchors * (5 + classes) == rows for anchors, classes in layouts)


def test_every_cut_after_a_convolution_is_a_partial_file(whole, tmp_path):
    path, weights = whole
    names, part = list(tensor_shapes(21)), tmp_path / "tiny.part"
    part.write_bytes(path.read_bytes())
    for count, size in reversed(list(enumerate(file_sizes(21)[:-1], start=1))):
        os.truncate(part, size)
        found = read_darknet(part)
        assert (found.convolutions, found.is_whole) == (count, False)
        assert found.rows == (21 if count > 9 else None)
        assert {name.split(".")[0] for name in found.weights} == set(names[:count])
        last = list(found.weights)[-1]
        np.testing.assert_array_equal(found.weights[last], weights[last])


@pytest.mark.parametrize("change", [-4, -1, 1, 4096])
def test_truncated_and_trailing_bytes_are_refused_with_the_counts(whole, tmp_path, change):
    data, path = whole[0].read_bytes(), tmp_path / "odd.weights"
    path.write_bytes(data[:change] if change < 0 else data + b"\0" * change)
    with pytest.raises(UserError) as caught:
        read_darknet(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: {len(data) + change} bytes do not end")
    assert f"{len(data)} bytes would be right (a whole file of 2 classes), {abs(change)} " in text
    assert ("more" if change < 0 else "fewer") in text.split("2 classes), ")[1]


def test_a_partial_file_of_a_wrong_length_names_the_ends_around_it(whole, tmp_path):
    sizes, path = file_sizes(21), tmp_path / "tiny.conv.9"
    path.write_bytes(whole[0].read_bytes()[:sizes[4] + 8])
    with pytest.raises(UserError, match=re.escape(f"{sizes[4]} bytes would be right (after conv4), 8 fewer; "
                                                  f"{sizes[5]} bytes would be right (after conv5), "
                                                  f"{sizes[5] - sizes[4] - 8} more")):
        read_darknet(path)
    path.write_bytes(whole[0].read_bytes()[:20])
    with pytest.raises(UserError, match=re.escape(f"{path}: 20 bytes do not end with a convolution")):
        read_darknet(path)


def test_surplus_bytes_of_just_one_class_are_noticed_by_the_variances(whole, tmp_path):
    path, sizes = tmp_path / "shifted.weights", [file_sizes(3 * (5 + count))[-1] for count in (2, 3)]
    path.write_bytes(whole[0].read_bytes() + bytes(sizes[1] - sizes[0]))
    with pytest.raises(UserError, match=r"conv9\.bn\.moving_variance holds -.*never below 0"):
        read_darknet(path)


def test_numbers_that_are_not_finite_are_refused(whole, tmp_path):
    data, path = bytearray(whole[0].read_bytes()), tmp_path / "nan.weights"
    data[-4:] = np.array(np.nan, "<f4").tobytes()
    path.write_bytes(data)
    with pytest.raises(UserError, match=re.escape(f"{path}: head2.weight holds numbers that are not finite")):
        read_darknet(path)


def test_other_kinds_of_file_are_refused(tmp_path):
    save_checkpoint(tmp_path / "a.ckpt", {"head1.bias": np.zeros(3, np.float32)}, {})
    contents = {"text": b"not weights at all", "empty": b"", "short": b"\0" * 11, "zip": b"PK\3\4" + b"\0" * 20}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    for name in (*contents, "a.ckpt"):
        assert not is_darknet(tmp_path / name)
        with pytest.raises(UserError, match=f"{name}: not a Darknet weights file"):
            read_darknet(tmp_path / name)
    with pytest.raises(UserError, match="none.weights: no such file"):
        read_darknet(tmp_path / "none.weights")


def test_the_real_partial_weights_are_those_of_an_independent_conversion():
    folder = real_data("darknet_partial")
    found = read_darknet(folder / "yolov3-tiny.conv.9")
    assert (found.convolutions, found.rows, found.images_seen) == (5, None, 32_013_312)
    keras = np.load(folder / "yolov3_tiny_partial.npz")
    for i in range(5):
        # Keras kernels are height, width, in, out.
        kernel = keras[f"conv2d_{KERAS_CONVOLUTIONS[f'conv{i}']}__kernel"].transpose(3, 2, 0, 1)
        np.testing.assert_array_equal(found.weights[f"conv{i}.conv.weight"], kernel)
        for field in ("beta", "gamma", "moving_mean", "moving_variance"):
            expected = keras[f"batch_normalization_{KERAS_BATCH_NORMS[f'conv{i}']}__{field}"]
            np.testing.assert_array_equal(found.weights[f"conv{i}.bn.{field}"], expected)


def test_real_weights_of_later_layers_survive_a_round_trip(tmp_path):
    keras = np.load(real_data("darknet_partial") / "yolov3_tiny_partial.npz")
    weights = random_weights(80)
    for name, number in KERAS_CONVOLUTIONS.items():
        tensor = f"{name}.weight" if name in darknet.HEADS else f"{name}.conv.weight"
        kernel = keras[f"conv2d_{number}__kernel"].transpose(3, 2, 0, 1)
        assert kernel.shape == weights[tensor].shape
        weights[tensor] = kernel
        if name in darknet.HEADS:
            weights[f"{name}.bias"] = keras[f"conv2d_{number}__bias"]
    for name, number in KERAS_BATCH_NORMS.items():
        for field in ("beta", "gamma", "moving_mean", "moving_variance"):
            array = keras[f"batch_normalization_{number}__{field}"]
            assert array.shape == weights[f"{name}.bn.{field}"].shape
            weights[f"{name}.bn.{field}"] = array
    path = tmp_path / "yolov3-tiny.weights"
    write_darknet(path, weights, 32_013_312)
    assert path.stat().st_size == 35_434_956
    assert path.read_bytes()[:1000] == (real_data("darknet_partial") / "yolov3-tiny.conv.9").read_bytes()[:1000]
    for name, value in read_darknet(path).weights.items():
        np.testing.assert_array_equal(value, weights[name])

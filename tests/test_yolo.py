# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The network: its constants, its parameter names, and its decode against tests/support/reference.py."""
import numpy as np
import pytest

import mindspore as ms
from mindspore import nn

from model_utils.config import get_config
from src.network.head_layout import Scale
from src.yolo import (
    ScaleDecoder,
    YOLOv3Tiny,
    YOLOv3TinyInference,
    build_inference_network,
    upsample_by_two,
)
from tests.support import reference

ANCHORS = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
SCALES = (Scale(16, ANCHORS[:3], 1.2), Scale(32, ANCHORS[3:], 1.1))
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.fixture(scope="module")
def coco_network():
    return YOLOv3Tiny(80, SCALES)


def test_parameter_count(coco_network):
    trainable = coco_network.trainable_params()
    assert len(trainable) == 37
    assert sum(parameter.size for parameter in trainable) == 8_852_366
    assert sum(parameter.size for parameter in coco_network.get_parameters()) == 8_858_734


def test_parameter_names(coco_network):
    expected = {f"conv{i}.{name}" for i in range(11)
                for name in ("conv.weight", "bn.gamma", "bn.beta", "bn.moving_mean", "bn.moving_variance")}
    expected |= {f"head{i}.{name}" for i in (1, 2) for name in ("weight", "bias")}
    assert {parameter.name for parameter in coco_network.get_parameters()} == expected
    inference = YOLOv3TinyInference(coco_network, 80, SCALES, (64, 64), MEAN, STD)
    assert {parameter.name for parameter in inference.get_parameters()} == expected
    folded = YOLOv3Tiny(80, SCALES, folded=True)
    assert {parameter.name for parameter in folded.get_parameters()} == {
        name for name in expected if not name.endswith(("gamma", "moving_mean", "moving_variance"))}


def gflops(network, height, width):
    """Count two operations per multiply-add of all convolutions, from the shapes of a forward pass."""
    total = 0

    def count(cell, _, output):
        nonlocal total
        total += 2 * cell.weight.size * output.shape[2] * output.shape[3]

    handles = [cell.register_forward_hook(count) for _, cell in network.cells_and_names()
               if isinstance(cell, nn.Conv2d)]
    network(ms.Tensor(np.zeros((1, 3, height, width), np.float32)))
    for handle in handles:
        handle.remove()
    return total / 1e9


@pytest.mark.parametrize("size, expected", [(640, 13.17), (416, 5.565)])
def test_flops(coco_network, size, expected):
    # By hooks, which work in PyNative mode only.
    assert gflops(coco_network, size, size) == pytest.approx(expected, rel=5e-4)


def test_a_new_inference_network_is_folded_and_a_given_network_is_used(coco_network):
    config = get_config(["--device_target=CPU", "--testing_shape=64"])
    names = {parameter.name for parameter in build_inference_network(config, 80).get_parameters()}
    assert "conv3.bn.beta" in names and "conv3.bn.gamma" not in names
    assert build_inference_network(config, 80, coco_network).network is coco_network


def test_any_multiple_of_32(coco_network):
    big, small = coco_network(ms.Tensor(np.zeros((2, 3, 96, 160), np.float32)))
    assert big.shape == (2, 255, 3, 5) and small.shape == (2, 255, 6, 10)


def test_upsample_repeats_each_pixel():
    x = np.arange(2 * 3 * 2 * 3, dtype=np.float32).reshape(2, 3, 2, 3)
    np.testing.assert_array_equal(upsample_by_two(ms.Tensor(x)).asnumpy(), x.repeat(2, 2).repeat(2, 3))


@pytest.mark.parametrize("input_hw", [(96, 96), (64, 160)])
def test_decode_matches_the_loops(input_hw):
    setup = reference.Setup(input_hw, num_classes=3)
    rng = np.random.default_rng(2)
    for number, scale in enumerate(SCALES):
        rows, columns = scale.grid_hw(input_hw)
        head = rng.normal(0, 2, (2, scale.channels(3), rows, columns)).astype(np.float32)
        head[0, 2] = 100.0  # clamped: no overflow
        found = ScaleDecoder(scale, 3, input_hw)(ms.Tensor(head)).asnumpy()
        assert found.shape == (2, rows, columns, 3, 8) and np.isfinite(found).all()
        fields = head.reshape(2, 3, 8, rows, columns).astype(np.float64)
        for image, slot, row, column in np.ndindex(2, 3, rows, columns):
            values = fields[image, slot, :, row, column]
            expected = [*reference.decode(values, row, column, number, slot, setup), *reference.sigmoid(values[4:])]
            np.testing.assert_allclose(found[image, row, column, slot], expected, rtol=1e-4, atol=1e-6)


def test_inference_with_uint8_and_float_input_and_with_raw_heads(coco_network):
    images = np.random.default_rng(3).integers(0, 256, (1, 64, 96, 3), np.uint8)
    floats = ((images / 255 - MEAN) / STD).transpose(0, 3, 1, 2).astype(np.float32)

    def run(batch, **options):
        network = YOLOv3TinyInference(coco_network, 80, SCALES, (64, 96), MEAN, STD, **options)
        return [output.asnumpy() for output in network(ms.Tensor(batch))]

    decoded = run(images)
    assert [output.shape for output in decoded] == [(1, 2, 3, 3, 85), (1, 4, 6, 3, 85)]
    for a, b in zip(decoded, run(floats, float_input=True), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    raw = run(images, decode=False)
    assert [output.shape for output in raw] == [(1, 255, 2, 3), (1, 255, 4, 6)]
    objectness = reference.sigmoid(raw[0].reshape(1, 3, 85, 2, 3)[:, :, 4])
    np.testing.assert_allclose(decoded[0][..., 4], objectness.transpose(0, 2, 3, 1), atol=1e-6)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""mindspore_hub_conf.py: networks with options and with weights, and the example of mindspore_hub_conf.md."""
import re
from pathlib import Path

import numpy as np
import pytest

import mindspore as ms

from mindspore_hub_conf import OPTIONS, create_network
from model_utils.config import get_config
from model_utils.errors import UsageError, UserError
from src.evaluation.inference import load_inference_network
from src.weights.checkpoint import load_checkpoint
from tests.support.small_networks import write_checkpoint

ROOT = Path(__file__).resolve().parents[2]


def parameters(network):
    return {parameter.name: parameter.asnumpy() for parameter in network.get_parameters()}


def test_the_training_network():
    network = create_network("yolov3_tiny", num_classes=2)
    assert not network.training
    big, small = network(ms.Tensor(np.zeros((1, 3, 64, 32), np.float32)))
    assert big.shape == (1, 21, 2, 1) and small.shape == (1, 21, 4, 2)
    tensors = parameters(network)
    again, other = (parameters(create_network("yolov3_tiny", num_classes=2, seed=seed)) for seed in (1, 2))
    assert tensors.keys() == again.keys()
    assert all((tensors[name] == again[name]).all() for name in tensors)
    assert (tensors["conv0.conv.weight"] != other["conv0.conv.weight"]).all()


def test_eighty_classes_by_default():
    network = create_network("yolov3_tiny")
    assert network.head1.out_channels == network.head2.out_channels == 3 * 85
    assert sum(parameter.size for parameter in network.trainable_params()) == 8852366


def test_the_weights_of_a_checkpoint(tmp_path):
    path = str(write_checkpoint(tmp_path / "best.ckpt"))
    tensors, saved = parameters(create_network("yolov3_tiny", checkpoint=path)), load_checkpoint(path).weights
    assert tensors.keys() == saved.keys() and all((tensors[name] == saved[name]).all() for name in saved)


@pytest.mark.slow
def test_the_inference_network_is_that_of_evaluation(tmp_path):
    """Classes and shape come from the checkpoint."""
    path = str(write_checkpoint(tmp_path / "best.ckpt"))
    image = ms.Tensor(np.random.default_rng(1).integers(0, 256, (1, 64, 96, 3), np.uint8))
    outputs = create_network("yolov3_tiny", checkpoint=path, inference=True)(image)
    expected = load_inference_network(get_config([]), path)[0](image)
    assert [output.shape for output in outputs] == [(1, 2, 3, 3, 8), (1, 4, 6, 3, 8)]
    for output, other in zip(outputs, expected, strict=True):
        np.testing.assert_array_equal(output.asnumpy(), other.asnumpy())
    smaller = create_network("yolov3_tiny", checkpoint=path, inference=True, testing_shape=[32, 64])
    assert smaller(image[:, :32, :64])[0].shape == (1, 1, 2, 3, 8)


def test_other_anchors_and_scale():
    anchors = [[20.0, 20.0], [40.0, 40.0]]
    network = create_network("yolov3_tiny", num_classes=1, anchors=anchors, anchor_masks=[[0], [1]],
                             scale_x_y=[1.0, 1.0], inference=True, testing_shape=[32, 32], mean=[0, 0, 0],
                             std=[1, 1, 1])
    big, small = network(ms.Tensor(np.zeros((2, 32, 32, 3), np.uint8)))
    assert big.shape == (2, 1, 1, 1, 6) and small.shape == (2, 2, 2, 1, 6)


@pytest.mark.parametrize("name, options, words", [
    ("yolov3", {}, "there is no network 'yolov3'; expected 'yolov3_tiny'"),
    ("yolov3_tiny", {"num_class": 3}, "unknown option num_class; did you mean num_classes?"),
    ("yolov3_tiny", {"lr": 0.1}, "unknown option lr"),
    ("yolov3_tiny", {"num_classes": "many"}, "num_classes"),
    ("yolov3_tiny", {"testing_shape": [100, 100]}, "testing_shape"),
    ("yolov3_tiny", {"scale_x_y": [1.0]}, "scale_x_y")])
def test_wrong_arguments_are_refused(name, options, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        create_network(name, **options)


def test_a_checkpoint_that_does_not_fit(tmp_path):
    path = str(write_checkpoint(tmp_path / "best.ckpt"))
    with pytest.raises(UserError, match="num_classes is 5"):
        create_network("yolov3_tiny", checkpoint=path, num_classes=5)
    with pytest.raises(UserError, match="no such file"):
        create_network("yolov3_tiny", checkpoint=str(tmp_path / "none.ckpt"))


def test_the_example_of_the_description_runs():
    text = (ROOT / "mindspore_hub_conf.md").read_text(encoding="utf-8")
    code, = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(code, "mindspore_hub_conf.md", "exec"), {})
    assert all(f"`{option}`" in text for option in OPTIONS)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime computes the outputs of MindSpore."""
import tempfile

import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from model_utils.errors import UserError
from src.evaluation.onnx_engine import OnnxNetwork
from src.initializer import initialise_weights
from src.yolo import build_inference_network


@pytest.mark.parametrize("batch", [1, 3])
def test_outputs_are_those_of_mindspore(batch):
    config = get_config(["--testing_shape", "64,96", "--device_target", "CPU"])
    network = build_inference_network(config, 3)
    initialise_weights(network, 5)
    images = ms.Tensor(np.random.default_rng(batch).integers(0, 256, (batch, 64, 96, 3), np.uint8))
    found = OnnxNetwork(network, images.shape)(images)
    expected = network(images)
    assert [head.shape for head in found] == [(batch, 2, 3, 3, 8), (batch, 4, 6, 3, 8)]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == ms.float32
        np.testing.assert_allclose(ours.asnumpy(), theirs.asnumpy(), rtol=2e-5, atol=2e-6)


def test_a_folder_that_mindspore_does_not_take_is_refused(tmp_path, monkeypatch):
    (tmp_path / "a b").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a b"))
    network = build_inference_network(get_config(["--testing_shape", "64", "--device_target", "CPU"]), 3)
    with pytest.raises(UserError, match="TMPDIR: .*a b.*--cpu_engine mindspore"):
        OnnxNetwork(network, (1, 64, 64, 3))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The classes that a checkpoint knows, a network that needs no flags, and the same one in the engines of a CPU."""
import tempfile

import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from model_utils.errors import UserError
from src.data.categories import Categories
from src.evaluation.cpu_engine import FLOAT32, Engine
from src.evaluation.inference import checkpoint_categories, exported, load_inference_network, on_tensors
from src.initializer import initialise_weights
from src.weights.checkpoint import Checkpoint
from src.yolo import build_inference_network
from tests.support.engines import SESSION_ENGINES
from tests.support.small_networks import IDS, NAMES, write_checkpoint


def test_categories_of_a_checkpoint():
    config = get_config([])
    named = Checkpoint("a.ckpt", {}, meta={"class_names": ["cup", "key"], "category_ids": [5, 9]})
    assert checkpoint_categories(named, config) == Categories(("cup", "key"), (5, 9))
    old = Checkpoint("b.ckpt", {"head1.bias": np.zeros(3 * (5 + 4))})
    assert checkpoint_categories(old, config).names == ("class_0", "class_1", "class_2", "class_3")
    with pytest.raises(UserError, match=r"c\.ckpt: has no head1\.bias"):
        checkpoint_categories(Checkpoint("c.ckpt", {}), config)


def test_a_checkpoint_needs_no_flags(tmp_path):
    path = write_checkpoint(tmp_path / "best.ckpt")
    network, config, categories = load_inference_network(get_config(["--pad_value=0"]), str(path))
    assert categories == Categories(NAMES, IDS)
    assert (tuple(config.testing_shape), config.resize_mode, config.pad_value) == ((64, 96), "letterbox", 0)
    big, small = network(ms.Tensor(np.zeros((1, 64, 96, 3), np.uint8)))
    assert big.shape == (1, 2, 3, 3, 8) and small.shape == (1, 4, 6, 3, 8)


@pytest.mark.parametrize("engine", SESSION_ENGINES)
@pytest.mark.parametrize("batch", [1, 3])
def test_engines_compute_the_outputs_of_mindspore(engine, batch):
    network = build_inference_network(get_config(["--testing_shape", "64,96", "--device_target", "CPU"]), 3)
    initialise_weights(network, 5)
    images = ms.Tensor(np.random.default_rng(batch).integers(0, 256, (batch, 64, 96, 3), np.uint8))
    found = on_tensors(Engine(engine, FLOAT32).open(exported(network, images.shape)))(images)
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
        exported(network, (1, 64, 64, 3))

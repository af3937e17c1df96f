# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of src/evaluation/inference.py: the classes that a checkpoint knows, and a network that needs no flags."""
import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from model_utils.errors import UserError
from src.data.categories import Categories
from src.evaluation.inference import checkpoint_categories, load_inference_network
from src.weights.checkpoint import Checkpoint
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

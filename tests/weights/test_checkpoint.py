# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: round trip, atomic writing, damage of every kind, strictness, and the names of the 2021 version."""
import os
import re
import shutil

import numpy as np
import pytest

import mindspore as ms

from model_utils.errors import UserError
from src.weights.checkpoint import legacy_names, load_checkpoint, load_weights, save_checkpoint
from tests.support.small_networks import small_network, values

META = {"class_names": ["é", "b"], "category_ids": [3, "7"], "pad_value": 114,
        "progress": {"step": 7, "epoch_loss": 0.1 + 0.2}}


def small_weights(seed=1):
    rng = np.random.default_rng(seed)
    return {"conv0.conv.weight": rng.normal(size=(16, 3, 3, 3)).astype(np.float32),
            "head1.bias": rng.normal(size=21).astype(np.float32)}


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "last.ckpt"
    save_checkpoint(path, small_weights(), META, {"head1.bias": np.arange(21, dtype=np.float32)})
    return path


def test_round_trip_is_exact(saved):
    checkpoint = load_checkpoint(saved)
    assert checkpoint.meta == META
    for name, value in small_weights().items():
        np.testing.assert_array_equal(checkpoint.weights[name], value)
    np.testing.assert_array_equal(checkpoint.moments["head1.bias"], np.arange(21))
    assert set(checkpoint.moments) == {"head1.bias"} and set(checkpoint.weights) == set(small_weights())


@pytest.mark.parametrize("name", ["model.ckpt-1_2", "best", "best.ckpt.bak"])
def test_a_file_is_read_under_any_name(saved, tmp_path, name):
    shutil.copy(saved, tmp_path / name)
    found, expected = load_checkpoint(tmp_path / name), load_checkpoint(saved)
    assert found.path == str(tmp_path / name) and found.meta == expected.meta
    for weight, value in expected.weights.items():
        np.testing.assert_array_equal(found.weights[weight], value)


def test_the_file_gets_ordinary_permissions_and_nothing_else_is_left(saved):
    assert os.listdir(saved.parent) == ["last.ckpt"]
    plain = saved.with_name("plain")
    plain.touch()
    assert saved.stat().st_mode == plain.stat().st_mode


def test_a_failed_save_leaves_the_old_file(saved, monkeypatch):
    before = saved.read_bytes()

    def fail(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ms, "save_checkpoint", fail)
    with pytest.raises(OSError, match="No space left on device .*bytes free") as caught:
        save_checkpoint(saved, small_weights(2), META)
    assert caught.value.filename == str(saved)
    assert saved.read_bytes() == before and os.listdir(saved.parent) == ["last.ckpt"]


def test_every_flipped_bit_is_noticed(saved):
    data = saved.read_bytes()
    rng = np.random.default_rng(1)
    places = [*range(60), *range(len(data) - 60, len(data)), *rng.integers(0, len(data), 120)]
    damaged = saved.with_name("damaged.ckpt")
    for place in places:
        copy = bytearray(data)
        copy[place] ^= 1 << int(rng.integers(8))
        damaged.write_bytes(copy)
        with pytest.raises(UserError, match="damaged.ckpt: cannot be read"):
            load_checkpoint(damaged)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None], ids=["empty", "text", "truncated"])
def test_damaged_files_are_named(saved, content):
    saved.write_bytes(saved.read_bytes()[:1000] if content is None else content)
    with pytest.raises(UserError, match=re.escape(str(saved))):
        load_checkpoint(saved)


def test_a_file_cut_between_two_entries_is_noticed(saved):
    # What is left is a sound MindSpore checkpoint without a checksum.
    entries = [{"name": name, "data": ms.Tensor(value)} for name, value in small_weights().items()]
    ms.save_checkpoint(entries, str(saved))
    with pytest.raises(UserError, match="ends before its meta data"):
        load_checkpoint(saved)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="none.ckpt: no such file"):
        load_checkpoint(tmp_path / "none.ckpt")


def test_load_weights_is_strict_and_copies_nothing_on_failure(tmp_path):
    network, path = small_network(), tmp_path / "c.ckpt"
    before = values(network)
    weights = dict(before)
    del weights["conv3.bn.gamma"]
    weights["surplus"] = np.zeros(1, np.float32)
    weights["head2.weight"] = np.zeros((24, 256, 1, 1), np.float32)
    save_checkpoint(path, weights, {})
    with pytest.raises(UserError) as caught:
        load_weights(network, load_checkpoint(path))
    for text in ("missing: conv3.bn.gamma", "unexpected: surplus", "head2.weight: shape (24, 256, 1, 1)"):
        assert text in str(caught.value)
    for parameter in network.get_parameters():
        np.testing.assert_array_equal(parameter.asnumpy(), before[parameter.name])


def test_another_class_count_is_an_error(tmp_path):
    path = tmp_path / "c.ckpt"
    save_checkpoint(path, {p.name: p for p in small_network(3).get_parameters()}, {})
    with pytest.raises(UserError, match="head1.bias has 24 channels"):
        load_weights(small_network(2), load_checkpoint(path))


def test_a_2021_checkpoint_loads_tensor_by_tensor(tmp_path):
    network = small_network()
    to_legacy = {new: old for old, new in legacy_names().items() if old.startswith("yolo_network.")}
    rng = np.random.default_rng(3)
    values = {p.name: rng.normal(size=p.shape).astype(np.float32) for p in network.get_parameters()}
    entries = [{"name": to_legacy[name], "data": ms.Tensor(value)} for name, value in values.items()]
    entries += [{"name": f"moments.{to_legacy[name]}", "data": ms.Tensor(value * 2)} for name, value in values.items()
                if not name.endswith(("moving_mean", "moving_variance"))]
    entries += [{"name": "learning_rate", "data": ms.Tensor(np.zeros(10, np.float32))},
                {"name": "global_step", "data": ms.Tensor(np.zeros(1, np.int32))},
                {"name": "momentum", "data": ms.Tensor(0.9, ms.float32)}]
    path = tmp_path / "0-300_.ckpt"
    ms.save_checkpoint(entries, str(path))
    checkpoint = load_checkpoint(path)
    load_weights(network, checkpoint)
    for parameter in network.get_parameters():
        np.testing.assert_array_equal(parameter.asnumpy(), values[parameter.name])
    assert len(checkpoint.moments) == 37 and checkpoint.meta == {}

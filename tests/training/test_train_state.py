# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a run: what is saved and restored, and what makes a file unfit to resume from."""
from types import SimpleNamespace

import numpy as np
import pytest

from model_utils.comm import Ranks
from model_utils.config import DERIVED, get_config
from model_utils.errors import UserError
from src.data.coco import read_coco
from src.initializer import initialise_weights
from src.training.ema import WeightAverage
from src.training.optimizer import build_loss_scaler, build_optimizer
from src.training.run import Run
from src.training.train_state import TrainState, check_resumable
from src.weights.checkpoint import load_checkpoint
from src.yolo import build_network
from tests.support.helpers import write_coco

OPTIONS = ["--device_target=CPU", "--training_shape=64", "--per_batch_size=2", "--dynamic_loss_scale=True"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_coco(folder, [{"boxes": [(10, 10, 30, 30, 3)]} for _ in range(6)])
    return read_coco(get_config([f"--data_dir={folder}"]), "train", training=True)


def build(data, seed, folder=None, ranks=None, arguments=()):
    """A run, and its state with weights, average, moments and scaler from a seed."""
    config = get_config([*OPTIONS, *arguments]).replace(DERIVED, num_classes=3)
    network, averaged = build_network(config, 3), build_network(config, 3)
    initialise_weights(network, seed)
    initialise_weights(averaged, seed + 100)
    optimizer = build_optimizer(network, config)
    rng = np.random.default_rng(seed)
    for moment in optimizer.moments:
        moment.set_data(moment + float(rng.uniform(1, 2)))
    state = TrainState(network, optimizer, WeightAverage(network, averaged, 0.9), build_loss_scaler(config))
    return Run(config, data, ranks or Ranks(), folder, None), state


def arrays(state):
    """Weights, moments and averages of a state."""
    return [parameter.asnumpy().copy() for parameter in (*state.network.get_parameters(), *state.optimizer.moments,
                                                         *state.average.by_name.values())]


def test_what_was_saved_is_restored_in_another_state(data, tmp_path):
    (run, first), (_, second) = build(data, 1, tmp_path), build(data, 2)
    first.progress.step, first.progress.best_score, first.progress.bad_steps_in_row = 7, 0.25, 2
    first.scaler.scale_value.set_data(first.scaler.scale_value * 0 + 64)
    first.scaler.counter.set_data(first.scaler.counter + 5)
    run.save_last(first)
    assert first.digest() != second.digest()
    second.restore(load_checkpoint(run.checkpoints / "last.ckpt"))
    assert first.digest() == second.digest() and first.progress == second.progress
    for one, other in zip(arrays(first), arrays(second), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (float(second.scaler.scale_value.asnumpy()), int(second.scaler.counter.asnumpy())) == (64, 5)


def test_best_and_numbered_files_hold_the_average_and_old_ones_go(data, tmp_path):
    run, state = build(data, 1, tmp_path, arguments=["--keep_checkpoint_max=2"])
    for step in (3, 6, 9):
        state.progress.step = step
        run.save_last(state)
    run.save_best(state)
    # Three steps an epoch.
    names = ["best.ckpt", "last.ckpt", "yolov3_tiny-1_6.ckpt", "yolov3_tiny-2_9.ckpt"]
    assert sorted(path.name for path in run.checkpoints.iterdir()) == names
    for name in ("best.ckpt", "yolov3_tiny-2_9.ckpt"):
        checkpoint = load_checkpoint(run.checkpoints / name)
        assert not checkpoint.moments and not checkpoint.averages
        for key, value in state.average.by_name.items():
            np.testing.assert_array_equal(checkpoint.weights[key], value.asnumpy())
    last = load_checkpoint(run.checkpoints / "last.ckpt")
    np.testing.assert_array_equal(last.weights["head1.bias"], state.network.head1.bias.asnumpy())


@pytest.mark.parametrize("rank, only_master, writes", [(0, 1, True), (1, 1, False), (1, 0, True)])
def test_which_ranks_write(data, tmp_path, rank, only_master, writes):
    run, state = build(data, 1, tmp_path, Ranks(rank, 2), [f"--is_save_on_master={only_master}"])
    state.progress.step = 1
    run.save_last(state)
    run.save_best(state)
    assert {path.name for path in run.checkpoints.glob("*st.ckpt")} == ({"best.ckpt", "last.ckpt"} if writes else set())


@pytest.mark.parametrize("change, text", [
    ({"progress": None}, "holds weights only; a run continues from its last.ckpt"),
    ({"group_size": 8}, "that run had 8 device"),
    ({"steps_per_epoch": 4}, "that run had 4 steps an epoch, this one has 3; use the same data_dir and per_batch_size"),
    ({"class_names": ["cup", "key", "ball"]}, r"that run had the classes \['cup', 'key', 'ball'\]"),
    ({"freeze_backbone": True}, "that run had freeze_backbone True, this one has False"),
])
def test_what_cannot_be_resumed_is_reported(data, change, text):
    config = get_config(OPTIONS)
    meta = {"progress": {}, "steps_per_epoch": 3, "class_names": ["cup", "ball", "key"], "config": config.to_dict()}
    check_resumable(SimpleNamespace(path="last.ckpt", moments={"w": 1}, meta=meta), config, data)
    for key, value in change.items():
        place = meta["config"] if key in meta["config"] else meta
        if value is None:
            del place[key]
        else:
            place[key] = value
    with pytest.raises(UserError, match=f"resume last.ckpt: {text}"):
        check_resumable(SimpleNamespace(path="last.ckpt", moments={"w": 1}, meta=meta), config, data)

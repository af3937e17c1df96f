# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a run: what is saved and restored, and what makes a file unfit to resume from."""
from types import SimpleNamespace

import numpy as np
import pytest

from model_utils.config import get_config
from model_utils.errors import UserError
from src.training.train_state import check_resumable
from src.weights.checkpoint import load_checkpoint
from tests.support.training_runs import STATE, random_state


def arrays(state):
    """Weights, moments and averages of a state."""
    return [parameter.asnumpy().copy() for parameter in (*state.network.get_parameters(), *state.optimizer.moments,
                                                         *state.average.by_name.values())]


def test_what_was_saved_is_restored_in_another_state(split, tmp_path):
    (run, first), (_, second) = random_state(split, 1, tmp_path), random_state(split, 2, tmp_path)
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


@pytest.mark.parametrize("change, text", [
    ({"progress": None}, "holds weights only; a run continues from its last.ckpt"),
    ({"progress": {"step": 1, "x": 1}}, r"its progress has \['x'\], which this version does not know"),
    ({"group_size": 8}, "that run had 8 device"),
    ({"steps_per_epoch": 4}, "that run had 4 steps an epoch, this one has 5; use the same data_dir and per_batch_size"),
    ({"class_names": ["cup", "key", "ball"]}, r"that run had the classes \['cup', 'key', 'ball'\]"),
    ({"freeze_backbone": True}, "that run had freeze_backbone True, this one has False"),
    ({"optimizer": "adamw"}, "that run had optimizer adamw, this one has momentum"),
    ({"assigner": "dynamic"}, "that run had assigner dynamic, this one has anchor"),
    ({"scale_x_y": [2.0, 2.0]}, r"that run had scale_x_y \[2.0, 2.0\], this one has \[1.2, 1.1\]"),
])
def test_what_cannot_be_resumed_is_reported(split, change, text):
    config = get_config(STATE)
    meta = {"progress": {}, "steps_per_epoch": 5, "class_names": ["cup", "ball", "key"], "config": config.to_dict()}
    check_resumable(SimpleNamespace(path="last.ckpt", moments={"w": 1}, meta=meta), config, split)
    for key, value in change.items():
        place = meta["config"] if key in meta["config"] else meta
        if value is None:
            del place[key]
        else:
            place[key] = value
    with pytest.raises(UserError, match=f"resume last.ckpt: {text}"):
        check_resumable(SimpleNamespace(path="last.ckpt", moments={"w": 1}, meta=meta), config, split)

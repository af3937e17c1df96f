# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The state of a run: what is saved and restored, and what makes a file unfit to resume from."""
import dataclasses
import math

import numpy as np
import pytest

from model_utils.config import DERIVED, get_config
from model_utils.errors import UserError
from src.config import resumed_config, training_config
from src.training.train_state import Progress, accept_changes, data_facts
from src.training.validation import finish_line
from src.weights.checkpoint import Checkpoint, load_checkpoint
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


@pytest.fixture
def checkpoint(split):
    """A state of a run with `STATE` on `split`, as far as its options and data go."""
    meta = {"progress": {"step": 7}, "steps_per_epoch": 5, "class_names": ["cup", "ball", "key"],
            "config": training_config(get_config(STATE)).replace(DERIVED, num_classes=3).to_dict(),
            "data": data_facts(split)}
    return Checkpoint("last.ckpt", {}, {"w": 1}, meta)


def accept(checkpoint, split, *arguments):
    """Resume from a checkpoint, with options that are set now."""
    config = resumed_config(get_config([*STATE, *arguments]), checkpoint).replace(DERIVED, num_classes=3)
    return accept_changes(checkpoint, training_config(config), split)


def test_what_holds_no_state_cannot_be_resumed(split, checkpoint):
    del checkpoint.meta["progress"]
    with pytest.raises(UserError, match="resume last.ckpt: holds weights only; a run continues from its last.ckpt"):
        accept(checkpoint, split)


def test_every_change_is_listed_with_what_was_and_the_way_out(split, checkpoint):
    checkpoint.meta["class_names"] = ["cup", "key", "ball"]
    checkpoint.meta["data"] = {"images": 9, "boxes": 7, "sha256": "0123456789"}
    with pytest.raises(UserError) as caught:
        accept(checkpoint, split, "--lr=0.5", "--seed=2", "--training_shape=96", "--optimizer=adamw", "--max_epoch=9")
    facts = data_facts(split)
    assert facts["images"] == 10 and facts["boxes"] == 20
    assert str(caught.value).splitlines() == [
        "resume last.ckpt: the result of that run would be another one by", "  seed: 1 then, 2 now",
        "  training_shape: [64, 64] then, [96, 96] now", "  optimizer: momentum then, adamw now",
        "  lr: 0.001 then, 0.5 now", "  max_epoch: 300 then, 9 now",
        "  classes: ['cup', 'key', 'ball'] then, ['cup', 'ball', 'key'] now",
        "  data: 9 images with 7 boxes (SHA-256 01234567) then, 10 images with 20 boxes (SHA-256 "
        f"{facts['sha256'][:8]}) now",
        "leave it as it was, or start a new run from its weights by --resume_yolo, or continue with the change by "
        "--allow_change seed,training_shape,lr,max_epoch,classes,data"]


def test_what_does_not_decide_the_result_may_change_and_epochs_may_be_added(split, checkpoint):
    found, lines = accept(checkpoint, split, "--max_epoch=400", "--log_interval=3", "--eval_interval=2", "--patience=4",
                          "--num_parallel_workers=3", "--data_dir=elsewhere", "--ckpt_interval=7")
    assert found is checkpoint and not lines


def test_a_change_that_is_allowed_is_reported_and_the_epoch_stays(split, checkpoint):
    found, lines = accept(checkpoint, split, "--lr=0.5", "--per_batch_size=1", "--allow_change=lr, per_batch_size")
    assert lines == ["resume: per_batch_size is 1 from here on, 2 until then", "resume: lr is 0.5 from here on, 0.001 "
                     "until then"]
    # Step 7 of 5 an epoch; an epoch has 10 now, and the sums of its first 4 steps are not those of 2 former ones.
    assert found.meta["progress"]["step"] == 14 and checkpoint.meta["progress"]["step"] == 7
    assert (found.meta["steps_per_epoch"], found.meta["progress"]["epoch_steps"]) == (10, 0)
    assert found.meta["progress"]["epoch_loss"] == 0 and found.meta["progress"]["epoch_parts"] == []


@pytest.mark.parametrize("step, batch, is_finished", [(7, 1, False), (10, 1, True), (10, 4, True)])
def test_a_run_is_finished_by_the_steps_that_an_epoch_has_now(split, checkpoint, step, batch, is_finished):
    """Two epochs, of five steps until now."""
    checkpoint.meta["config"].update(max_epoch=2, eval_interval=0)
    checkpoint.meta["progress"]["step"] = step
    found, _ = accept(checkpoint, split, f"--per_batch_size={batch}", "--allow_change=per_batch_size")
    assert bool(finish_line(found, get_config(["--max_epoch=2"]))) == is_finished


def test_what_is_part_of_the_state_cannot_be_allowed(split, checkpoint):
    with pytest.raises(UserError, match="by\n  freeze_backbone: False then, True now\nleave .* --resume_yolo$"):
        accept(checkpoint, split, "--freeze_backbone=True", "--allow_change=freeze_backbone")


def test_a_run_from_before_an_option_or_the_hash_of_the_data_had_its_default(split, checkpoint):
    del checkpoint.meta["config"]["assigner"], checkpoint.meta["data"]
    assert accept(checkpoint, split)[1] == []
    checkpoint.meta["steps_per_epoch"] = 4
    with pytest.raises(UserError, match="data: 4 steps an epoch then, 5 steps an epoch now"):
        accept(checkpoint, split)


def test_the_hash_of_the_data_notices_a_moved_box(split):
    moved = dataclasses.replace(split, boxes=[split.boxes[0] + np.float32(0.5), *split.boxes[1:]])
    assert data_facts(moved)["sha256"] != data_facts(split)["sha256"]


@pytest.mark.parametrize("losses, diverged, lowest", [
    ([3.0, 2.0, 200.0], False, 2.0), ([3.0, 2.0, 200.1], True, 2.0), ([math.nan], True, math.inf),
    ([2.0, math.nan, 5.0], False, 2.0), ([math.inf], False, math.inf)])
def test_a_run_diverges_at_a_hundred_times_the_best_loss_or_without_one(losses, diverged, lowest):
    progress = Progress()
    for loss in losses:
        progress.note_loss(loss, is_epoch=True)
    assert (progress.diverged, progress.lowest_loss) == (diverged, lowest)

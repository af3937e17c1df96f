# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The checkpoints of a run: what they are after each save, wherever it breaks off, and which one a run resumes."""
import errno
import os
import shutil

import numpy as np
import pytest

from model_utils import files
from model_utils.config import get_config
from model_utils.errors import UserError
from src.weights import checkpoint_folder
from src.weights.checkpoint import load_checkpoint
from src.weights.checkpoint_folder import CheckpointFolder, newest_state, resume_from
from src.weights.checkpoint_list import read_list, sha256_of

FIVE = 5


def arrays(step):
    return {"head1.bias": np.full(21, step, np.float32)}


def save(folder, step, keep=3, diverged=False):
    """Save the state of a step, five to an epoch; its weights, moments and averages are the step and a fraction."""
    meta = {"progress": {"step": step, "diverged": diverged}}
    return CheckpointFolder(folder).save_state((step - 1) // FIVE, keep, meta, arrays(step), arrays(step + 0.25),
                                               arrays(step + 0.5))


def kinds(folder):
    """{step: whether its numbered checkpoint is a state}, each of them read."""
    found = {}
    for path in folder.glob("yolov3_tiny-*.ckpt"):
        checkpoint = load_checkpoint(path)
        step = checkpoint.meta["progress"]["step"]
        assert path.name == f"yolov3_tiny-{(step - 1) // FIVE}_{step}.ckpt"
        assert checkpoint.best_weights()["head1.bias"][0] == step + 0.5
        found[step] = bool(checkpoint.moments)
    return found


def assert_listed(folder):
    """Every file is listed as it is, and nothing else is there."""
    entries = read_list(folder)
    assert sorted(os.listdir(folder)) == sorted([*entries, "checkpoints.json"])
    for name, entry in entries.items():
        assert entry["sha256"] == sha256_of(folder / name) and entry["bytes"] == (folder / name).stat().st_size
        checkpoint = load_checkpoint(folder / name)
        assert (entry["kind"] == "state") == bool(checkpoint.moments)
        assert entry["step"] == checkpoint.meta["progress"]["step"]


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_the_newest_two_are_states_older_ones_weights_and_the_oldest_go(tmp_path):
    expected = [{5: True}, {5: True, 10: True}, {5: False, 10: True, 15: True}, {10: False, 15: True, 20: True}]
    for step, found in zip((5, 10, 15, 20), expected, strict=True):
        assert save(tmp_path, step) == []
        assert kinds(tmp_path) == found
        assert load_checkpoint(tmp_path / "last.ckpt").weights["head1.bias"][0] == step
        assert_listed(tmp_path)
    # One file under two names: a state takes its place on the disk once.
    assert os.path.samefile(tmp_path / "last.ckpt", tmp_path / "yolov3_tiny-3_20.ckpt")


def test_a_disk_without_hard_links_gets_copies(tmp_path, monkeypatch):
    def refuse(source, target):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    for step in (5, 10, 15):
        save(tmp_path, step)
    assert kinds(tmp_path) == {5: False, 10: True, 15: True}
    assert_listed(tmp_path)
    assert not os.path.samefile(tmp_path / "last.ckpt", tmp_path / "yolov3_tiny-2_15.ckpt")


@pytest.mark.parametrize("keep", [1, 3])
def test_the_newest_state_from_before_a_divergence_stays_as_it_is(tmp_path, keep):
    for step in (5, 10, 15, 20, 25, 30):
        save(tmp_path, step, keep, diverged=step > 10)
    assert kinds(tmp_path) == {1: {10: True, 30: True}, 3: {10: True, 20: False, 25: True, 30: True}}[keep]
    assert_listed(tmp_path)
    # Once the run has recovered it goes like any other.
    for step in (35, 40):
        save(tmp_path, step, keep)
    assert 10 not in kinds(tmp_path)


def test_a_damaged_older_state_is_reported_once_and_stays(tmp_path):
    for step in (5, 10):
        save(tmp_path, step)
    damage(tmp_path / "yolov3_tiny-0_5.ckpt")
    (line,) = save(tmp_path, 15)
    assert "yolov3_tiny-0_5.ckpt: cannot be read" in line
    assert read_list(tmp_path)["yolov3_tiny-0_5.ckpt"]["kind"] == "damaged"
    assert save(tmp_path, 20, keep=5) == []


@pytest.mark.parametrize("damaged, step", [
    ([], 20), (["last.ckpt"], 15), (["last.ckpt", "yolov3_tiny-2_15.ckpt"], None)])
def test_the_newest_whole_state_is_found_and_damaged_ones_are_noted(tmp_path, damaged, step):
    for number in (5, 10, 15, 20):
        save(tmp_path / "run" / "ckpt_0", number)
    for name in damaged:
        damage(tmp_path / "run" / "ckpt_0" / name)
    for place in (tmp_path, tmp_path / "run", tmp_path / "run" / "ckpt_0"):
        checkpoint, notes = newest_state([place])
        assert (checkpoint.meta["progress"]["step"] if checkpoint else None) == step
        # The newest state has two names.
        assert len(notes) == len(damaged) + bool(damaged)
        assert all("cannot be read" in note for note in notes)


def test_the_step_decides_between_runs_and_not_the_clock(tmp_path):
    for run, step in (("2026-01-01", 15), ("2026-03-01", 10), ("2026-02-01", 15)):
        save(tmp_path / run / "ckpt_0", step)
        os.utime(tmp_path / run / "ckpt_0" / "last.ckpt", (step, step))
    assert newest_state([tmp_path])[0].path == str(tmp_path / "2026-02-01" / "ckpt_0" / "last.ckpt")


@pytest.mark.parametrize("listed", [True, False])
def test_a_run_that_continues_another_with_fewer_steps_an_epoch_is_the_newer_one(tmp_path, listed):
    for run, steps, epoch in (("a", 30, 19), ("b", 15, 29)):
        folder, step = tmp_path / run / "ckpt_0", steps * (epoch + 1)
        meta = {"progress": {"step": step}, "steps_per_epoch": steps}
        CheckpointFolder(folder).save_state(epoch, 3, meta, arrays(step), arrays(step), arrays(step))
        if not listed:
            (folder / "checkpoints.json").unlink()
    assert newest_state([tmp_path])[0].path == str(tmp_path / "b" / "ckpt_0" / "last.ckpt")


def test_a_folder_without_a_list_is_read_by_name_and_content(tmp_path):
    for step in (5, 10, 15):
        save(tmp_path, step)
    (tmp_path / "checkpoints.json").unlink()
    assert newest_state([tmp_path])[0].meta["progress"]["step"] == 15
    damage(tmp_path / "last.ckpt")
    assert newest_state([tmp_path])[0].meta["progress"]["step"] == 10
    (tmp_path / "yolov3_tiny-1_10.ckpt").unlink()
    # What is left are weights.
    assert newest_state([tmp_path])[0] is None


def test_auto_resumes_the_newest_and_starts_a_new_run_where_there_is_none(tmp_path):
    config = get_config([f"--ckpt_path={tmp_path}", "--resume=auto", "--pretrained_backbone=yolov3-tiny.weights"])
    found, checkpoint, notes = resume_from(config)
    assert (found.resume, found.pretrained_backbone, checkpoint) == ("", "yolov3-tiny.weights", None)
    assert notes == [f"resume auto: no whole state below {tmp_path}; a new run starts"]
    save(tmp_path / "run" / "ckpt_0", 5)
    found, checkpoint, notes = resume_from(config)
    # Where the run once started does not count any more.
    assert (found.resume, found.pretrained_backbone, notes) == (checkpoint.path, "", [])


def test_a_modelarts_job_also_looks_where_its_checkpoints_arrive(tmp_path):
    save(tmp_path / "load" / "run" / "ckpt_0", 5)
    arguments = [f"--ckpt_path={tmp_path / 'out'}", "--resume=auto", f"--load_path={tmp_path / 'load'}"]
    assert resume_from(get_config(arguments))[1] is None
    config = get_config([*arguments, "--enable_modelarts=True", "--checkpoint_url=s3://bucket/first"])
    assert resume_from(config)[1].meta["progress"]["step"] == 5


def test_a_damaged_file_is_an_error_that_names_the_whole_state_beside_it(tmp_path):
    for step in (5, 10):
        save(tmp_path, step)
    damage(tmp_path / "last.ckpt")
    with pytest.raises(UserError, match=r"last.ckpt: cannot be read.*; the newest whole state beside it is "
                                        rf"yolov3_tiny-0_5.ckpt of step 5 \(--resume {tmp_path} takes it\)"):
        resume_from(get_config([f"--resume={tmp_path / 'last.ckpt'}"]))
    config, checkpoint, (note, _) = resume_from(get_config([f"--resume={tmp_path}"]))
    assert config.resume == checkpoint.path == str(tmp_path / "yolov3_tiny-0_5.ckpt")
    assert "; looking for an earlier state" in note
    damage(tmp_path / "yolov3_tiny-0_5.ckpt")
    with pytest.raises(UserError, match="no whole state in this folder or below; name that of a run.*\n.*cannot be"):
        resume_from(get_config([f"--resume={tmp_path}"]))


@pytest.mark.parametrize("step", ["rename", "sync", "write"])
def test_wherever_a_save_breaks_off_all_files_are_whole_and_none_is_lost(tmp_path, monkeypatch, step):
    for number in (5, 10, 15):
        save(tmp_path / "before", number)
    CheckpointFolder(tmp_path / "before").save_best({"progress": {"step": 15}}, arrays(15))
    place, name = {"rename": (os, "replace"), "sync": (files, "_sync"),
                   "write": (checkpoint_folder, "write_checkpoint")}[step]
    function = getattr(place, name)
    for number in range(100):
        folder = tmp_path / str(number)
        # A state keeps its two names.
        shutil.copytree(tmp_path / "before", folder)
        calls = iter(range(number))

        def break_off(*arguments, calls=calls):
            if next(calls, None) is None:
                raise KeyboardInterrupt
            return function(*arguments)

        with monkeypatch.context() as patch:
            patch.setattr(place, name, break_off)
            try:
                save(folder, 20)
                CheckpointFolder(folder).save_best({"progress": {"step": 20}}, arrays(20))
                break
            except KeyboardInterrupt:
                pass
        found = kinds(folder)
        newest = load_checkpoint(folder / "last.ckpt")
        assert newest.meta["progress"]["step"] in (15, 20) and newest_state([folder])[0].path == newest.path
        assert load_checkpoint(folder / "best.ckpt").weights["head1.bias"][0] in (15, 20)
        assert sum(found.values()) >= 2 and not list(folder.glob(".*"))
    assert number >= {"rename": 6, "sync": 12, "write": 3}[step] and kinds(folder) == {10: False, 15: True, 20: True}

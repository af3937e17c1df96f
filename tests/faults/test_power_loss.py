# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A short run, as a loss of power or the death of its process leaves it after each operation on its files."""
import contextlib
import os

import numpy as np
import pytest

from model_utils import files
from src.training import train_state
from src.weights import checkpoint_folder
from src.weights.checkpoint import write_checkpoint
from src.weights.checkpoint_folder import CheckpointFolder
from tools.faults.power_loss import DISKS, Replay
from tools.faults.recorder import SAVED, SYNC, Recorder, noted_saves

KILLED, GONE, HALF, NAMES = (disk.fault for disk in DISKS)


def heads(tensors):
    """A checkpoint of the heads' biases alone is read as any other, in no time."""
    return {name: value for name, value in (tensors or {}).items() if name.endswith(".bias")}


@pytest.fixture
def record(tmp_path, monkeypatch):
    """Return a function that calls `write(out)` under a recorder and returns (operations, {disk: its Outcome})."""
    out, snapshots = tmp_path / "out", tmp_path / "snapshots"

    def write_biases(path, weights, meta, moments=None, averages=None):
        write_checkpoint(path, *map(heads, (weights,)), meta, *map(heads, (moments, averages)))

    def run(write):
        for folder in (out, snapshots):
            folder.mkdir()
        monkeypatch.setattr(checkpoint_folder, "write_checkpoint", write_biases)
        with Recorder(out, snapshots) as recorder, noted_saves(recorder):
            write(out)
        outcomes = Replay(snapshots, tmp_path).outcomes(recorder.operations)
        assert {outcome.tried for outcome in outcomes} == {len(recorder.operations)}
        return recorder.operations, {outcome.fault: outcome for outcome in outcomes}

    return run


def save_two_states(out):
    """Save the states of two steps, in a run without config.yaml."""
    files.make_folder(out / "run", exist_ok=False)
    files.write_atomically(out / "run" / "config.yaml", b"seed: 1\n")
    for step in (2, 4):
        arrays = [{"head1.bias": np.full(21, step, np.float32)} for _ in range(3)]
        CheckpointFolder(out / "run" / "ckpt_0").save_state(0, 3, {"progress": {"step": step}}, *arrays)


def test_a_run_and_its_resumption_lose_nothing_that_was_saved(record, train_here, monkeypatch):
    def train_and_resume(out):
        for epochs in (1, 2):
            assert train_here(out, "--resume=auto", f"--max_epoch={epochs}", "--keep_checkpoint_max=3",
                              "--warmup_epochs=0") == 0

    # The weights that were left out.
    monkeypatch.setattr(train_state, "copy_strictly", lambda *arguments: None)

    operations, outcomes = record(train_and_resume)
    assert {fault: outcome.failures for fault, outcome in outcomes.items()} == dict.fromkeys(outcomes, ())
    saved = [(os.path.basename(operation.path), operation.target) for operation in operations
             if operation.kind == SAVED]
    assert saved == [("last.ckpt", "2"), ("last.ckpt", "4"), ("best.ckpt", "5"), ("last.ckpt", "5"),
                     ("last.ckpt", "6"), ("last.ckpt", "8"), ("best.ckpt", "10"), ("last.ckpt", "10")]
    assert len(operations) > 300 and sum(operation.kind == SYNC for operation in operations) > 30


@contextlib.contextmanager
def writing_in_place(path, size=None):
    yield path


@pytest.mark.parametrize(("name", "writer", "finds"), [
    # No fsync at all; none of files; none of folders; no hidden file.
    ("_sync", lambda path: None, {GONE, HALF, NAMES}),
    ("_finish", lambda temporary: None, {GONE, HALF, NAMES}),
    ("_sync", lambda path, sync=files._sync: None if os.path.isdir(path) else sync(path), {NAMES}),
    ("replacing", writing_in_place, {KILLED, GONE, HALF, NAMES}),
], ids=["no sync", "no sync of files", "no sync of folders", "in place"])
def test_a_writer_that_loses_files_is_found_out(record, monkeypatch, name, writer, finds):
    for module in (files, checkpoint_folder):
        monkeypatch.setattr(module, name, writer, raising=module is files)
    _, outcomes = record(save_two_states)
    assert {fault for fault, outcome in outcomes.items() if outcome.failures} == finds
    assert all(outcome.survived for outcome in outcomes.values())


def test_the_same_writer_as_it_is_loses_nothing(record):
    _, outcomes = record(save_two_states)
    assert all(not outcome.failures for outcome in outcomes.values())

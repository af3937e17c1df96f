# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""checkpoints.json: what it says of a file, and what happens to a file that is another one."""
import hashlib
import json

import numpy as np
import pytest

from model_utils.errors import UserError
from src.weights.checkpoint import load_checkpoint, save_checkpoint
from src.weights.checkpoint_list import STATE, entry_of, read_list, write_list

META = {"progress": {"step": 7, "diverged": True}}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "last.ckpt"
    save_checkpoint(path, {"head1.bias": np.arange(21, dtype=np.float32)}, META)
    write_list(tmp_path, {"last.ckpt": entry_of(path, META, STATE)})
    return path


def test_an_entry_describes_its_file(path):
    data = path.read_bytes()
    assert read_list(path.parent) == {"last.ckpt": {
        "step": 7, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "replaces": "", "kind": "state",
        "diverged": True}}
    assert load_checkpoint(path).meta == META
    assert read_list(path.parent.parent) == {}


def test_a_whole_checkpoint_that_is_another_one_is_refused(path):
    entries = read_list(path.parent)
    save_checkpoint(path, {"head1.bias": np.zeros(21, np.float32)}, META)
    with pytest.raises(UserError, match=r"last.ckpt: cannot be read, .* or another one than was written \(\d+ bytes, "
                                        r"expected \d+ with the SHA-256 of checkpoints.json"):
        load_checkpoint(path)
    # The old file, in the moment between the writing of the list and the renaming of the new file.
    write_list(path.parent, {"last.ckpt": {**entries["last.ckpt"], "replaces": entry_of(path, META, STATE)["sha256"]}})
    assert load_checkpoint(path).weights["head1.bias"][5] == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"last.ckpt": 5}', '{"last.ckpt": {"step": "7"}}', "[" * 100_000])
def test_a_damaged_list_is_reported_and_the_checkpoint_is_read(path, content, capsys):
    (path.parent / "checkpoints.json").write_text(content)
    assert load_checkpoint(path).meta == META
    assert "checkpoints.json: " in capsys.readouterr().err
    with pytest.raises(UserError, match="checkpoints.json: "):
        read_list(path.parent)


def test_what_else_a_list_has_is_left_alone(path):
    entries = json.loads((path.parent / "checkpoints.json").read_text())
    entries["last.ckpt"]["note"] = "of a later version"
    write_list(path.parent, entries)
    assert read_list(path.parent) == entries and load_checkpoint(path).meta == META

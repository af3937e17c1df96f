# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The walk of a folder; atomic writes, also where a rename fails or the disk is full."""
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from model_utils import files
from model_utils.errors import UserError, run_cli
from model_utils.files import (
    ROOT,
    command_of,
    mindspore_folder,
    new_folder,
    replacing,
    write_all,
    write_atomically,
)
from tests.support.helpers import full_disk


@pytest.fixture
def folder(tmp_path):
    """A folder with two files that are to be replaced; their names are as long as a name may be."""
    for path in paths(tmp_path):
        path.write_text("old")
        path.chmod(0o400)
    return tmp_path


def paths(folder):
    return [folder / f"{letter}{126 * 'é'}" for letter in "ab"]


def assert_untouched(folder):
    assert sorted(path.name for path in folder.iterdir()) == [path.name for path in paths(folder)]
    for path in paths(folder):
        assert path.read_text() == "old" and path.stat().st_mode & 0o777 == 0o400


def test_all_are_replaced(folder):
    write_all({path: path.name.encode() for path in paths(folder)})
    assert {path: path.read_text() for path in folder.iterdir()} == {path: path.name for path in paths(folder)}
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o644}


@pytest.mark.parametrize("failing", range(1, 4))
@pytest.mark.parametrize("error", [PermissionError(1, "Operation not permitted", ".a.writing/a"), KeyboardInterrupt()])
def test_where_a_rename_fails_all_files_are_unchanged(folder, monkeypatch, failing, error):
    calls, rename = [], os.replace

    def replace(source, target):
        calls.append(target)
        if len(calls) == failing:
            raise error
        rename(source, target)

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(type(error)) as caught:
        write_all(dict.fromkeys(paths(folder), b"new"))
    if isinstance(error, OSError):
        assert caught.value.filename in map(str, paths(folder))
    monkeypatch.undo()
    assert_untouched(folder)


@pytest.mark.parametrize("number", [1, 2])
def test_an_interrupt_after_the_last_rename_undoes_nothing(folder, monkeypatch, number):
    rename, chosen = os.replace, paths(folder)[:number]

    def replace(source, target):
        rename(source, target)
        if target == chosen[-1]:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", replace)
    with pytest.raises(KeyboardInterrupt):
        write_all(dict.fromkeys(chosen, b"new"))
    monkeypatch.undo()
    assert {path: path.read_text() for path in folder.iterdir()} == {
        path: "new" if path in chosen else "old" for path in paths(folder)}


def test_a_file_that_did_not_exist_is_removed_again(tmp_path, monkeypatch):
    first, second = paths(tmp_path)
    rename = os.replace
    monkeypatch.setattr(os, "replace", lambda source, target: rename(source, target if target != second else tmp_path))
    with pytest.raises(OSError):
        write_all({first: b"new", second: b"new"})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_refused_before_anything_is_written(folder, monkeypatch):
    monkeypatch.setattr(files, "_hidden_folder", None)
    (folder / "folder").mkdir()
    with pytest.raises(UserError, match="folder: is a folder, but a file of this name is to be written"):
        write_all({**dict.fromkeys(paths(folder), b"new"), folder / "folder": b"new"})
    (folder / "folder").rmdir()
    assert_untouched(folder)


def test_a_written_file_replaces_another_only_when_the_block_ends(folder):
    path, _ = paths(folder)
    with pytest.raises(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert_untouched(folder)
    with replacing(folder / "new.ckpt") as temporary:
        assert temporary.name == "new.ckpt" and temporary.parent.parent == folder
        temporary.write_text("whole")
        temporary.chmod(0o400)
    assert (folder / "new.ckpt").read_text() == "whole" and (folder / "new.ckpt").stat().st_mode & 0o777 == 0o644


def test_permissions_follow_the_umask(tmp_path):
    umask = os.umask(0o077)
    try:
        write_atomically(tmp_path / "file", b"")
    finally:
        os.umask(umask)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_a_new_folder_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "parent" / "data"
    with pytest.raises(KeyboardInterrupt), new_folder(path) as temporary:
        (temporary / "file").write_text("half")
        raise KeyboardInterrupt
    assert os.listdir(path.parent) == []
    path.mkdir()
    with new_folder(path) as temporary:
        (temporary / "file").write_text("whole")
        assert os.listdir(path) == []
    assert os.listdir(path.parent) == ["data"] and (path / "file").read_text() == "whole"
    with pytest.raises(OSError), new_folder(path) as temporary:
        pass
    assert (path / "file").exists() and path.stat().st_mode & 0o777 == 0o755


def test_a_full_disk_is_reported_with_the_name_of_the_file(folder, capfd):
    first, second = paths(folder)
    with full_disk():
        assert run_cli(lambda argv: write_all({first: b"new", second: bytes(10000)})) == 1
    error = capfd.readouterr().err
    assert re.fullmatch(rf"error: {second}: File too large \(10000 bytes needed, \d+ bytes free\); check .*\n", error)
    with full_disk():
        assert run_cli(lambda argv: write_atomically(first, bytes(10000))) == 1
    assert capfd.readouterr().err.startswith(f"error: {first}: File too large")
    # Not the file that is copied, which Python names.
    with full_disk(), pytest.raises(OSError) as caught, new_folder(folder / "new") as hidden:
        shutil.copyfile(sys.executable, hidden / "copy")
    assert caught.value.filename == str(folder / "new") and "bytes free" in caught.value.strerror
    assert_untouched(folder)


def test_a_command_can_be_pasted_in_another_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert command_of("eval.py", "--data_dir", Path("my data"), "-x") == "python eval.py --data_dir 'my data' -x"
    monkeypatch.chdir(tmp_path)
    assert command_of("eval.py", "--data_dir", Path("data"), "-x") == (
        f"python {ROOT}/eval.py --data_dir {tmp_path}/data -x")
    removed = tmp_path / "removed"
    removed.mkdir()
    monkeypatch.chdir(removed)
    removed.rmdir()
    assert command_of("eval.py", Path("data"), Path("/data")) == f"python {ROOT}/eval.py data /data"


def test_only_what_mindspore_refuses_becomes_a_user_error():
    with pytest.raises(UserError, match="TMPDIR: MindSpore cannot write to .*; set TMPDIR to a folder with"), \
            mindspore_folder() as folder:
        raise ValueError(f"The '{folder}/draft.mindir' is illegal")
    with pytest.raises(ValueError, match="^another thing$"), mindspore_folder() as folder:
        raise ValueError("another thing")
    assert not folder.exists()


def test_a_full_disk_of_temporary_files_is_reported():
    with pytest.raises(UserError, match="TMPDIR: MindSpore cannot write to .* \\(File too large\\); make room there"), \
            full_disk(), mindspore_folder() as folder:
        (folder / "draft.mindir").write_bytes(bytes(10000))
    with pytest.raises(FileNotFoundError, match="draft.mindir"), mindspore_folder() as folder:
        (folder / "draft.mindir").read_bytes()


def test_a_walk_leaves_out_what_is_hidden_and_what_systems_add(tmp_path):
    for name in ("a/b.png", "a/.c.png", ".d/e.png", "lost+found/f.png", "__MACOSX/g.png", "$RECYCLE.BIN/h.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "a" / "above").symlink_to(tmp_path)
    assert [(str(folder.relative_to(tmp_path)), names, hidden) for folder, names, hidden in files.walk(tmp_path)] == [
        (".", [], ["$RECYCLE.BIN", ".d", "__MACOSX", "lost+found"]), ("a", ["b.png"], [".c.png"])]

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/safe_unzip.py: what is unpacked, what is refused, and that files arrive all or none."""
import shutil
import stat
import subprocess
import sys
import threading
import zipfile
from collections import namedtuple
from pathlib import Path

import pytest

from model_utils.errors import UserError
from model_utils.safe_unzip import incoming, unzip

ROOT = Path(__file__).resolve().parents[2]


def member(name, mode=0, system=3):
    """Return a member with the type and permissions of a Unix mode."""
    info = zipfile.ZipInfo(name)
    info.external_attr, info.create_system = mode << 16, system
    return info


def write_zip(path, members):
    """Write an archive of (name or ZipInfo, content) and return its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def files_below(folder):
    """Return all files below a folder, hidden ones too, with their content."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def target(tmp_path):
    """Return a folder that holds one file."""
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "kept.txt").write_bytes(b"kept")
    return folder


def test_unpacks_into_the_folder_and_names_what_came(tmp_path, target):
    archive = write_zip(tmp_path / "data.zip", [("coco/", ""), ("coco/a/1.txt", "one"), ("coco/2.txt", "two"),
                                                ("./readme", "read me")])
    assert unzip(archive, target) == ["coco", "readme"]
    assert files_below(target) == {"kept.txt": b"kept", "coco/a/1.txt": b"one", "coco/2.txt": b"two",
                                   "readme": b"read me"}


def test_what_is_there_is_replaced_as_a_whole(tmp_path, target):
    unzip(write_zip(tmp_path / "1.zip", [("coco/old.txt", "old"), ("coco/1.txt", "1")]), target)
    unzip(write_zip(tmp_path / "2.zip", [("coco/1.txt", "2")]), target)
    assert files_below(target) == {"kept.txt": b"kept", "coco/1.txt": b"2"}


@pytest.mark.parametrize(("members", "words"), [
    ([("good.txt", "x"), ("../evil.txt", "x")], r"member '\.\./evil.txt' lands outside the target folder"),
    ([("good.txt", "x"), ("a/../../evil.txt", "x")], "lands outside the target folder"),
    ([("/etc/evil.txt", "x")], "member '/etc/evil.txt' lands outside the target folder"),
    ([("a\\..\\evil.txt", "x")], "with a backslash"),
    ([("good.txt", "x"), (member("link", stat.S_IFLNK | 0o777), "/etc")], "member 'link' is a link"),
    ([(member("link/", stat.S_IFLNK | 0o777), "")], "is a link"),
    ([(member("link", stat.S_IFLNK | 0o777, system=0), "/etc")], "is a link"),
    ([(member("pipe", stat.S_IFIFO | 0o644), "")], "is neither a file nor a folder"),
    ([("a", "x"), ("a/b", "x")], "'a' is both a file and a folder"),
    ([("a/", ""), ("b", "x"), ("a", "x")], "'a' is both a file and a folder"),
    ([(f"{number}.txt", "x") for number in range(6)], "6 members, expected at most 5"),
    ([("1.txt", "x" * 60), ("2.txt", "x" * 41)], "101 bytes unpacked, expected at most 100"),
])
def test_refuses_what_is_not_safe_before_anything_is_written(members, words, tmp_path, target):
    archive = write_zip(tmp_path / "data.zip", members)
    with pytest.raises(UserError, match=words) as error:
        unzip(archive, target, max_members=5, max_bytes=100)
    assert str(archive) in str(error.value)
    assert files_below(tmp_path) == {"data.zip": archive.read_bytes(), "target/kept.txt": b"kept"}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_refuses_two_members_of_one_name(tmp_path, target):
    with pytest.raises(UserError, match="'a/1.txt' occurs 2 times"):
        unzip(write_zip(tmp_path / "data.zip", [("a/1.txt", "x"), ("a/1.txt", "y")]), target)


def test_refuses_an_encrypted_member(tmp_path, target):
    archive = write_zip(tmp_path / "data.zip", [("1.txt", "x")])
    content = bytearray(archive.read_bytes())
    # The flags of the member in the central directory, which is what is read first.
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(UserError, match="'1.txt' is encrypted"):
        unzip(archive, target)


def test_a_member_that_is_larger_than_it_says_fails_and_leaves_nothing(tmp_path, target):
    archive = write_zip(tmp_path / "data.zip", [("1.txt", "x" * 5000)])
    content = bytearray(archive.read_bytes())
    for header, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        start = content.index(header) + offset
        content[start:start + 4] = (10).to_bytes(4, "little")
    archive.write_bytes(content)
    with pytest.raises(UserError, match="not a sound zip archive"):
        unzip(archive, target, max_bytes=100)
    assert files_below(target) == {"kept.txt": b"kept"}


def test_damage_found_half_way_leaves_nothing(tmp_path, target):
    archive = write_zip(tmp_path / "data.zip", [("1.txt", "sound"), ("2.txt", "some content to be damaged")])
    content = bytearray(archive.read_bytes())
    content[content.rindex(b"2.txt", 0, content.index(b"PK\x01\x02")) + 8] ^= 0xFF
    archive.write_bytes(content)
    with pytest.raises(UserError, match="not a sound zip archive"):
        unzip(archive, target)
    assert files_below(target) == {"kept.txt": b"kept"} and list(target.iterdir()) == [target / "kept.txt"]


def test_what_is_no_zip_is_reported(tmp_path, target):
    (tmp_path / "data.zip").write_bytes(b"not a zip")
    with pytest.raises(UserError, match="data.zip: not a sound zip archive"):
        unzip(tmp_path / "data.zip", target)
    with pytest.raises(UserError, match="missing.zip: cannot be unpacked to .*: No such file"):
        unzip(tmp_path / "missing.zip", target)


def test_refuses_what_the_disk_cannot_hold(tmp_path, target, monkeypatch):
    archive = write_zip(tmp_path / "data.zip", [("1.txt", "x" * 50)])
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 51, 49))
    with pytest.raises(UserError, match="50 bytes unpacked, but the disk has 49 bytes free"):
        unzip(archive, target)
    assert files_below(target) == {"kept.txt": b"kept"}


# Files that arrive all or none

def names(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_entries_arrive_together_and_replace_those_of_the_same_name(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "old").touch()
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "other").touch()
    with incoming(tmp_path) as new:
        (new / "a").mkdir()
        (new / "a" / "new").touch()
        (new / "link").write_text("a file now")
        assert not (tmp_path / "a" / "new").exists()
    assert names(tmp_path) == ["a", "a/new", "link", "other"]
    assert (tmp_path / "link").read_text() == "a file now"


def test_a_block_that_fails_leaves_the_folder_as_it_was(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt), incoming(tmp_path) as new:
        (new / "a").write_text("half")
        raise KeyboardInterrupt
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "old"


def test_what_a_killed_process_left_is_removed(tmp_path):
    code = ("import os, signal, sys; from model_utils.safe_unzip import incoming\n"
            "with incoming(sys.argv[1]) as new:\n"
            "    (new / 'half').touch(); os.kill(os.getpid(), signal.SIGKILL)")
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], cwd=ROOT).returncode == -9
    assert ".incoming/new/half" in names(tmp_path)
    with incoming(tmp_path) as new:
        (new / "whole").touch()
    assert names(tmp_path) == ["whole"]


def test_two_at_a_time_take_turns(tmp_path):
    inside, order = threading.Event(), []

    def second():
        assert inside.wait(60)
        with incoming(tmp_path) as new:
            order.append("second begins")
            (new / "b").touch()

    thread = threading.Thread(target=second)
    thread.start()
    with incoming(tmp_path) as new:
        inside.set()
        (new / "a").touch()
        thread.join(0.2)
        order.append("first ends")
    thread.join(60)
    assert order == ["first ends", "second begins"] and names(tmp_path) == ["a", "b"]

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/safe_unzip.py: what is unpacked, and archives that are refused before anything is written."""
import shutil
import stat
import zipfile
from collections import namedtuple

import pytest

from model_utils.errors import UserError
from model_utils.safe_unzip import unzip


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
    ([("good.txt", "x"), ("../evil.txt", "x")], r"member '\.\./evil.txt' lands outside"),
    ([("good.txt", "x"), ("a/../../evil.txt", "x")], "lands outside"),
    ([("/etc/evil.txt", "x")], "member '/etc/evil.txt' lands outside"),
    ([("a\\..\\evil.txt", "x")], "holds a backslash"),
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
    with pytest.raises(UserError, match="'a/1.txt' is there twice"):
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


def test_what_is_no_zip_is_said_in_words(tmp_path, target):
    (tmp_path / "data.zip").write_bytes(b"not a zip")
    with pytest.raises(UserError, match="data.zip: not a sound zip archive"):
        unzip(tmp_path / "data.zip", target)
    with pytest.raises(UserError, match="missing.zip: no such file"):
        unzip(tmp_path / "missing.zip", target)


def test_refuses_what_the_disk_cannot_hold(tmp_path, target, monkeypatch):
    archive = write_zip(tmp_path / "data.zip", [("1.txt", "x" * 50)])
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(100, 51, 49))
    with pytest.raises(UserError, match="50 bytes unpacked, but .* has 49 bytes free"):
        unzip(archive, target)
    assert files_below(target) == {"kept.txt": b"kept"}

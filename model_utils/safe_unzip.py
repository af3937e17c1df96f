# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Unpack a zip archive that may be anybody's: all of it is checked before anything is written, and it arrives whole."""

import lzma
import os
import shutil
import socket
import stat
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from model_utils.errors import UserError
from model_utils.rank_board import is_alive, process_name

PREFIX = ".incoming-"

# COCO 2017 with all its images is 50 GB in 290 thousand files.
MAX_MEMBERS = 2_000_000
MAX_BYTES = 200 * 2**30

# What zipfile raises on damaged data, according to how it was compressed.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)


def unzip(archive: str | os.PathLike, folder: str | os.PathLike, max_members: int = MAX_MEMBERS,
          max_bytes: int = MAX_BYTES) -> list[str]:
    """Unpack a zip archive into a folder; entries of the same name there are replaced as a whole.

    Args:
        archive: the file.
        folder: where its members go, made if missing.
        max_members, max_bytes: most files and folders, and most bytes unpacked, that are accepted.

    Returns:
        Names of the entries in `folder` that came from the archive.

    Raises:
        UserError: not a zip archive or damaged; a member outside the folder, a link, or what is neither file nor
            folder; encrypted; two members of one name; too many, too large, or larger than the space on the disk.
            `folder` is then as it was.
    """
    archive = Path(archive)
    try:
        with zipfile.ZipFile(archive) as opened, incoming(folder) as new:
            check_members(archive, opened.infolist(), max_members, max_bytes)
            _check_space(archive, opened.infolist(), new)
            opened.extractall(new)
            return sorted(os.listdir(new))
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: no such file, or removed while {archive} was unpacked") from error
    except DAMAGED as error:
        raise UserError(f"{archive}: not a sound zip archive ({error}); copy or pack it again") from error
    except NotImplementedError as error:
        raise UserError(f"{archive}: packed in a way that is not known here ({error}); pack it with deflate") from error
    except OSError as error:
        raise UserError(f"{archive}: cannot be unpacked to {folder}: {error.strerror or error}; check permissions and "
                        "the space on the disk") from error


def check_members(archive: Path, members: Sequence[zipfile.ZipInfo], max_members: int, max_bytes: int) -> None:
    """Check what an archive says of its members, which zipfile holds it to: no member grows past its size.

    Raises:
        UserError: names the archive, the first member at fault, and why.
    """
    if len(members) > max_members:
        raise UserError(f"{archive}: {len(members)} members, expected at most {max_members}; pack fewer into it")
    total = sum(member.file_size for member in members)
    if total > max_bytes:
        raise UserError(f"{archive}: {total} bytes unpacked, expected at most {max_bytes}; pack less into it")
    files, folders = set(), set()
    for member in members:
        fault = _fault(member)
        if fault:
            raise UserError(f"{archive}: member {member.orig_filename!r} {fault}; nothing was unpacked, pack it again "
                            "without")
        path = PurePosixPath(member.filename)
        if not member.is_dir():
            if path in files:
                raise UserError(f"{archive}: member {member.filename!r} is there twice; nothing was unpacked")
            files.add(path)
        folders.update([path] if member.is_dir() else [], path.parents)
    both = files & folders
    if both:
        raise UserError(f"{archive}: {str(min(both))!r} is both a file and a folder; nothing was unpacked")


def _fault(member: zipfile.ZipInfo) -> str:
    """Return what is wrong with a member, or an empty string."""
    name = member.orig_filename
    kind = stat.S_IFMT(member.external_attr >> 16)
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        return "lands outside the folder that it is unpacked to"
    if not name or "\\" in name or "\0" in name:
        return "has a name that is empty or holds a backslash or a zero byte"
    if kind == stat.S_IFLNK:
        return "is a link"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is neither a file nor a folder"
    if member.flag_bits & 1:
        return "is encrypted"
    return ""


def _check_space(archive: Path, members: Sequence[zipfile.ZipInfo], folder: Path) -> None:
    needed, free = sum(member.file_size for member in members), shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(f"{archive}: {needed} bytes unpacked, but {folder.parent} has {free} bytes free; make room or "
                        "unpack it elsewhere")


@contextmanager
def incoming(folder: str | os.PathLike) -> Iterator[Path]:
    """Yield an empty folder inside `folder`; when the block ends well, what is in it moves to `folder`.

    An entry (file or folder) that is there already is replaced as a whole, not merged. When the block fails, nothing
    moves. What a killed process left behind goes first.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Of this machine only: whether a process of another one lives cannot be seen from here.
    for left_behind in folder.glob(f"{PREFIX}{socket.gethostname()}-*"):
        if not is_alive(left_behind.name.removeprefix(PREFIX)):
            shutil.rmtree(left_behind)
    staging = folder / (PREFIX + process_name())
    new, old = staging / "new", staging / "old"
    try:
        new.mkdir(parents=True)
        old.mkdir()
        yield new
        for entry in sorted(new.iterdir()):
            target = folder / entry.name
            if os.path.lexists(target):
                target.rename(old / entry.name)
            entry.rename(target)
    finally:
        shutil.rmtree(staging)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Unpack a zip archive from an untrusted source: every member is checked first, and the files arrive all or none."""

import lzma
import os
import shutil
import stat
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from filelock import FileLock

from model_utils.errors import UserError

# COCO 2017 with all its images is 50 GB in 290 thousand files.
MAX_MEMBERS = 2_000_000
MAX_BYTES = 200 * 2**30
# Seconds to wait for another job that copies to the same folder.
MAX_WAIT = 4 * 3600

# What zipfile raises on damaged data, depending on the compression.
DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError)


def unzip(archive: str | os.PathLike, folder: str | os.PathLike, max_members: int = MAX_MEMBERS,
          max_bytes: int = MAX_BYTES) -> list[str]:
    """Unpack a zip archive into a folder; entries of the same name there are replaced, not merged.

    Args:
        archive: the file.
        folder: where its members go, made if missing.
        max_members, max_bytes: limits for files and folders, and for bytes unpacked.

    Returns:
        Names of the entries in `folder` that came from the archive.

    Raises:
        UserError: not a zip archive or damaged; a member outside the folder, a link or a special file; encrypted; a
            name used twice; too many members, too large, or larger than the free disk space. `folder` is unchanged.
    """
    try:
        with zipfile.ZipFile(archive) as opened, incoming(folder) as new:
            fault = next(_faults(opened.infolist(), max_members, max_bytes, shutil.disk_usage(new).free), "")
            if fault:
                raise UserError(f"{archive}: {fault}; nothing was unpacked")
            # zipfile stops at the size that a member declares.
            opened.extractall(new)
            return sorted(os.listdir(new))
    except DAMAGED as error:
        raise UserError(f"{archive}: not a sound zip archive ({error}); copy or pack it again") from error
    except NotImplementedError as error:
        raise UserError(f"{archive}: unknown compression ({error}); pack it with deflate") from error
    except OSError as error:
        raise UserError(f"{archive}: cannot be unpacked to {folder}: {error.strerror or error}; check the path, its "
                        "permissions and the disk space") from error


def _faults(members: Sequence[zipfile.ZipInfo], max_members: int, max_bytes: int, free_bytes: int) -> Iterator[str]:
    """Yield what forbids unpacking these members, each with its cure."""
    total = sum(member.file_size for member in members)
    if len(members) > max_members:
        yield f"{len(members)} members, expected at most {max_members}; pack fewer into it"
    if total > max_bytes:
        yield f"{total} bytes unpacked, expected at most {max_bytes}; pack less into it"
    if total > free_bytes:
        yield f"{total} bytes unpacked, but the disk has {free_bytes} bytes free; make room or unpack it elsewhere"
    for member in members:
        name, kind = member.orig_filename, stat.S_IFMT(member.external_attr >> 16)
        for fault, is_found in (
                ("lands outside the target folder", name.startswith("/") or ".." in PurePosixPath(name).parts),
                ("has an empty name or one with a backslash or a zero byte", not name or {*name} & {"\\", "\0"}),
                ("is a link", kind == stat.S_IFLNK),
                ("is neither a file nor a folder", kind not in (0, stat.S_IFREG, stat.S_IFDIR)),
                ("is encrypted", member.flag_bits & 1)):
            if is_found:
                yield f"member {name!r} {fault}; pack it again without"
    paths = [PurePosixPath(member.filename) for member in members]
    files = Counter(path for path, member in zip(paths, members, strict=True) if not member.is_dir())
    folders = {path for path, member in zip(paths, members, strict=True) if member.is_dir()}
    folders.update(parent for path in paths for parent in path.parents)
    yield from (f"member '{path}' occurs {count} times; pack it once" for path, count in files.items() if count > 1)
    yield from (f"'{path}' is both a file and a folder; pack it again with one of them" for path in files
                if path in folders)


@contextmanager
def incoming(folder: str | os.PathLike) -> Iterator[Path]:
    """Yield an empty folder inside `folder`; when the block ends without an error, its entries move to `folder`.

    An entry that exists already is replaced, not merged. When the block fails, nothing moves. One process at a time
    does this, and removes what a killed one left behind.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    staging, lock = folder / ".incoming", folder / ".incoming.lock"
    new, old = staging / "new", staging / "old"
    with FileLock(lock, timeout=MAX_WAIT):
        try:
            shutil.rmtree(staging, ignore_errors=True)
            new.mkdir(parents=True)
            old.mkdir()
            yield new
            for entry in sorted(new.iterdir()):
                target = folder / entry.name
                if os.path.lexists(target):
                    target.rename(old / entry.name)
                entry.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            # A process that waits for the lock notices, and makes the file again.
            lock.unlink(missing_ok=True)

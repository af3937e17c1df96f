# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Files written whole: all of some files are replaced, or none; and folders in which MindSpore can write.

    write_atomically("out/results.json", b"[]")
"""
import contextlib
import os
import tempfile
from pathlib import Path

from model_utils.errors import UserError


def write_atomically(path, data):
    """Write bytes to a file, replacing it only when all of them are written; missing folders are made.

    Raises:
        UserError, OSError: see `write_all`.
    """
    write_all({path: data})


def write_all(contents):
    """Write files (path to bytes) so that all of them are replaced, in this order, or none; missing folders are made.

    Raises:
        UserError: a path is a folder; nothing is written.
        OSError: names the path, not the temporary file beside it; every file is as it was.
    """
    contents = {Path(path): data for path, data in contents.items()}
    refuse_folders(contents)
    new = {}
    try:
        for path, data in contents.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with _naming(path):
                new[path] = _file_beside(path)
                new[path].write_bytes(data)
                new[path].chmod(0o644)
        _put_in_place(new)
    finally:
        for temporary in new.values():
            temporary.unlink(missing_ok=True)


def refuse_folders(paths):
    """Refuse paths that are folders, which no file can replace, by a UserError."""
    for path in map(Path, paths):
        if path.is_dir():
            raise UserError(f"{path}: is a folder, but a file of this name is to be written; remove the folder or "
                            "choose another name")


@contextlib.contextmanager
def mindspore_folder(cure=""):
    """Give a temporary folder (Path) to write to with MindSpore, which takes letters, digits and a few marks only.

    Raises:
        UserError: MindSpore refused the name of the folder, or its disk is full; `cure` is what else helps.
    """
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield Path(folder)
        except ValueError as error:
            if folder not in str(error):
                raise
            reason = str(error).splitlines()[0]
            raise UserError(f"TMPDIR: MindSpore cannot write to {folder} ({reason}); set TMPDIR to a folder with a "
                            f"plain name{cure}") from error
        except OSError as error:
            # A file that cannot be opened has a name, one that cannot be filled has none.
            if error.filename is not None:
                raise
            raise UserError(f"TMPDIR: MindSpore cannot write to {folder} ({error.strerror}); make room there, or set "
                            f"TMPDIR to another folder{cure}") from error


def _put_in_place(new):
    """Rename files (path to temporary file) to their paths; what was there is kept until the last one is in place."""
    kept = {path: temporary.with_name(f"{temporary.name}.old") for path, temporary in new.items()}
    last = list(new)[-1]
    try:
        for path, temporary in new.items():
            with _naming(path):
                # The last one replaces its file or fails, at one stroke: nobody ever finds no file there.
                if path != last and os.path.lexists(path):
                    os.replace(path, kept[path])
                os.replace(temporary, path)
    except BaseException:
        # With the last one in its place all are, and an interrupt that comes then undoes nothing.
        if new[last].exists():
            _put_back(new, kept)
        else:
            _remove(kept)
        raise
    _remove(kept)


def _put_back(new, kept):
    for path, temporary in new.items():
        if os.path.lexists(kept[path]):
            os.replace(kept[path], path)
        elif not temporary.exists():
            path.unlink()


def _remove(kept):
    for path in kept.values():
        path.unlink(missing_ok=True)


def _file_beside(path):
    """Make an empty hidden file in the folder of `path`, whose name no other process has, and return its path."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.")
    os.close(handle)
    return Path(name)


@contextlib.contextmanager
def _naming(path):
    """Let an OSError name this path: of a full disk it names none, and a temporary name tells nobody anything."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error

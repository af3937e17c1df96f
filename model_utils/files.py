# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Files: what is below a folder, and atomic writes, after which a file, a set of files or a new folder is whole.

    write_atomically("out/results.json", b"[]")
    with replacing("out/last.ckpt") as temporary:
        write_to(temporary)
    with new_folder("out/data") as temporary:
        (temporary / "image.png").write_bytes(image)
"""
import contextlib
import errno
import os
import shlex
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from model_utils.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
# Folders that macOS, Windows and Linux put among a user's own.
SYSTEM_FOLDERS = {"__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found"}


def command_of(program: str) -> str:
    """Return the command that starts one of the repository's programs, such as tools/check_dataset.py, from here."""
    return f"python {program if Path.cwd() == ROOT else shlex.quote(str(ROOT / program))}"


def walk(folder: Path, onerror: Callable[[OSError], object] | None = None
         ) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Yield (folder, names of its files, names of what is hidden) of a folder and those below it, sorted.

    Links to folders are followed, each folder comes once, and links to nothing count as files. Hidden are names that
    begin with a dot, and the folders that systems add; they are not entered. `onerror` is that of `os.walk`.
    """
    seen = set()
    for parent, folders, files in os.walk(folder, onerror=onerror, followlinks=True):
        # A link may lead to a folder that it is in.
        if os.path.realpath(parent) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(parent))
        hidden = [name for name in (*folders, *files) if name.startswith(".") or name in SYSTEM_FOLDERS]
        folders[:] = sorted(set(folders).difference(hidden))
        yield Path(parent), sorted(set(files).difference(hidden)), sorted(hidden)


def check_regular(path):
    """Return the `os.stat_result` of a regular file, or of what a link to it leads to.

    Raises:
        OSError: names the path: there is none, or it is something else, such as a FIFO, a read of which may never end.
    """
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):
        kinds = {stat.S_IFDIR: "folder", stat.S_IFIFO: "FIFO", stat.S_IFSOCK: "socket"}
        kind = kinds.get(stat.S_IFMT(status.st_mode), "device")
        raise OSError(errno.EINVAL, f"it is a {kind}, not a regular file", str(path))
    return status


def write_atomically(path, data):
    """Write bytes to a file: `path` is the old file or the whole new one at any time; missing folders are made.

    Raises:
        UserError, OSError: see `write_all`.
    """
    write_all({path: data})


@contextlib.contextmanager
def replacing(path):
    """Give a temporary path of the same suffix in the same folder; the file written there replaces `path`.

    When the block fails, `path` is unchanged and the temporary file is removed.
    """
    path = Path(path)
    temporary = _file_beside(path)
    try:
        yield temporary
        _finish(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(path):
    """Give a temporary folder beside `path`, which becomes `path` when the block ends; missing parents are made.

    When the block fails, the temporary folder is removed. `path` must not exist, or be an empty folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{path.name[:40]}.", dir=path.parent) as temporary:
        # Not that folder itself: only its owner can read it.
        folder = Path(temporary) / "new"
        folder.mkdir()
        yield folder
        os.rename(folder, path)


def write_all(contents):
    """Write files (path to bytes): all of them are replaced, in this order, or none; missing folders are made.

    Raises:
        UserError: a path is a folder; nothing is written.
        OSError: names the path, not the temporary file beside it; every file is unchanged.
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
                _finish(new[path])
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
    """Give a temporary folder (Path) for MindSpore, whose paths may have letters, digits and a few marks only.

    Raises:
        UserError: MindSpore refused the name of the folder, or its disk is full; `cure` is another remedy.
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
                # The last one replaces its file in one step: there is no moment without a file.
                if path != last and os.path.lexists(path):
                    os.replace(path, kept[path])
                os.replace(temporary, path)
    except BaseException:
        # With the last one in place all are, and a later interrupt undoes nothing.
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
    """Make an empty hidden file of a unique name in the folder of `path`, and return its path."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=path.suffix)
    os.close(handle)
    return Path(name)


def _finish(temporary):
    """Give a written file the permissions of an ordinary one, and wait until the disk has it."""
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(0o666 & ~umask)
    with temporary.open("rb") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def _naming(path):
    """Let an OSError name this path: that of a full disk has no name, and a temporary name means nothing to a user."""
    try:
        yield
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error

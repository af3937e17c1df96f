# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Files: what is below a folder, and atomic writes, after which a file, a set of files or a new folder is whole.

What is being written is in a hidden folder beside its place, locked as long as its process lives; `remove_strays`
removes what a killed process left. Files and folders are on the disk, also after a loss of power, when a call returns.

    write_atomically("out/results.json", b"[]")
    with replacing("out/last.ckpt") as temporary:
        write_to(temporary)
    with new_folder("out/data") as temporary:
        (temporary / "image.png").write_bytes(image)
"""
import contextlib
import errno
import fcntl
import os
import shlex
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from model_utils.errors import UserError
from model_utils.signals import unbroken

ROOT = Path(__file__).resolve().parents[1]
# Folders that macOS, Windows and Linux put among a user's own.
SYSTEM_FOLDERS = {"__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found"}
# Ends the names of hidden folders of files that are being written. In each are a lock, and while a set of files is
# replaced the old one.
WRITING, LOCK, OLD = ".writing", ".lock", ".old"
# A hidden folder without a lock is that of a process between two system calls, or of one that was killed there.
UNLOCKED_SECONDS = 3600
# The disk, the quota of the user, or the limit of the process.
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def cache_folder() -> Path:
    """Return the folder of what only saves time: that of YOLOV3_TINY_CACHE, or one among the user's caches."""
    named, caches = os.environ.get("YOLOV3_TINY_CACHE"), os.environ.get("XDG_CACHE_HOME")
    if named:
        return Path(named)
    try:
        return Path(caches or Path.home() / ".cache") / "yolov3_tiny"
    except RuntimeError:
        # A user without a home: below this path nothing can be, as in a home that is read-only.
        return Path(os.devnull) / "yolov3_tiny"


def limit_folder(folder: Path, max_entries: int, max_bytes: int) -> None:
    """Remove the least recently modified files of a cache until the others are within the limits.

    What killed processes were writing there is removed, too.
    """
    # Other processes remove files, too.
    with contextlib.suppress(OSError):
        remove_strays([folder])
        found = [(entry.stat(), entry) for entry in folder.glob("[!.]*")]
        size = 0
        for number, (status, entry) in enumerate(sorted(found, key=lambda pair: pair[0].st_mtime, reverse=True)):
            size += status.st_size
            if number >= max_entries or size > max_bytes:
                entry.unlink()


def command_of(program: str, *arguments: object) -> str:
    """Return the command that starts one of the repository's programs, such as tools/check_dataset.py, to be pasted.

    Args:
        program: its path in the repository.
        arguments: follow it; each `Path` is quoted, and not relative unless this is the repository's root: a script may
            have started this process in another folder than its user is in.
    """
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        # It was removed meanwhile.
        folder = Path()
    is_root = folder == ROOT
    words = [shlex.quote(str(word if is_root else folder / word)) if isinstance(word, Path) else str(word)
             for word in arguments]
    return " ".join(["python", program if is_root else shlex.quote(str(ROOT / program)), *words])


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


def file_fault(path):
    """Return why a path is not that of a regular file, such as "no such file" or "it is a folder, ...", or ""."""
    try:
        check_regular(path)
    except OSError as error:
        return "no such file" if error.errno in (errno.ENOENT, errno.ENOTDIR) else error.strerror
    return ""


def write_atomically(path, data):
    """Write bytes to a file: `path` is the old file or the whole new one at any time; missing folders are made.

    Raises:
        UserError, OSError: see `write_all`.
    """
    write_all({path: data})


@contextlib.contextmanager
def replacing(path, size=None):
    """Give the path of a new file, of the same name in a hidden folder; the file written there replaces `path`.

    When the block fails, `path` is unchanged and nothing hidden is left.

    Args:
        path (str or Path): file to write; its folder must exist.
        size (int): bytes that are needed, for the message where the disk is full.

    Raises:
        OSError: names `path`.
    """
    path = Path(path)
    with unbroken(), _naming(path, size), _hidden_folder(path) as folder:
        temporary = folder / path.name
        yield temporary
        _finish(temporary)
        os.replace(temporary, path)
        _sync(path.parent)


def copy_or_link(source, path):
    """Let `path` be the same file as `source`, or a copy where the disk has no hard links; `path` is replaced."""
    source = Path(source)
    with replacing(path, source.stat().st_size) as temporary:
        try:
            os.link(source, temporary)
        except OSError as error:
            if error.errno in FULL:
                raise
            shutil.copyfile(source, temporary)


@contextlib.contextmanager
def new_folder(path):
    """Give a hidden folder beside `path`, which becomes `path` when the block ends; missing parents are made.

    When the block fails, the hidden folder is removed. `path` must not exist, or be an empty folder.

    Raises:
        OSError: names `path`, or another file that the block was about.
    """
    path = Path(path)
    make_folder(path.parent)
    remove_strays([path.parent])
    with unbroken(), _naming(path), _hidden_folder(path) as hidden:
        # Not that folder itself: only its owner can read it.
        folder = hidden / path.name
        folder.mkdir()
        yield folder
        for parent, _, names in os.walk(folder):
            for name in names:
                if not os.path.islink(os.path.join(parent, name)):
                    _sync(os.path.join(parent, name))
            _sync(parent)
        os.rename(folder, path)
        _sync(path.parent)


def make_folder(path, exist_ok=True):
    """Make a folder and its missing parents, all of them on the disk when this returns.

    Raises:
        FileExistsError: without `exist_ok`, there is something of this name.
    """
    path = Path(path)
    if not exist_ok or not path.is_dir():
        make_folder(path.parent)
        path.mkdir(exist_ok=exist_ok)
        _sync(path.parent)


@unbroken()
def write_all(contents):
    """Write files (path to bytes): all of them are replaced, in this order, or none; missing folders are made.

    Raises:
        UserError: a path is a folder; nothing is written.
        OSError: names the path, not the temporary file beside it; every file is unchanged.
    """
    contents = {Path(path): data for path, data in contents.items()}
    refuse_folders(contents)
    new = {}
    with contextlib.ExitStack() as stack:
        for path, data in contents.items():
            make_folder(path.parent)
            # In this order: what is free on a full disk is counted when the hidden folder is gone.
            stack.enter_context(_naming(path, len(data)))
            new[path] = stack.enter_context(_hidden_folder(path)) / path.name
            new[path].write_bytes(data)
            _finish(new[path])
        _put_in_place(new)
        for folder in {path.parent for path in new}:
            _sync(folder)


def remove_strays(folders: Iterable[Path]) -> None:
    """Remove what killed processes were writing in these folders (not in those below them).

    What a living process writes is locked and stays, as does everything on a disk without locks. A file that was moved
    away to be replaced is put back.
    """
    for folder in folders:
        for hidden in Path(folder).glob(f".*{WRITING}"):
            with _lock_of_the_dead(hidden) as is_stray:
                if is_stray:
                    _put_back_old(hidden)
                    shutil.rmtree(hidden, ignore_errors=True)


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
    with unbroken(), tempfile.TemporaryDirectory() as folder:
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
    kept = {path: temporary.with_name(OLD) for path, temporary in new.items()}
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
        raise


def _put_back(new, kept):
    for path, temporary in new.items():
        if os.path.lexists(kept[path]):
            os.replace(kept[path], path)
        elif not temporary.exists():
            path.unlink()


def _put_back_old(hidden):
    """Put the old file of a set whose process was killed in the middle back, unless the new one is in its place."""
    for name in set(os.listdir(hidden)) - {LOCK, OLD}:
        if os.path.lexists(hidden / OLD) and not os.path.lexists(hidden.parent / name):
            os.replace(hidden / OLD, hidden.parent / name)


@contextlib.contextmanager
def _hidden_folder(path):
    """Make a hidden folder of a unique name beside `path`, locked until the block ends; then it is removed."""
    hidden = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:40]}.", suffix=WRITING))
    try:
        with open(hidden / f"{LOCK}.new", "wb") as lock:
            # Some network disks have no locks; see `remove_strays`.
            with contextlib.suppress(OSError):
                fcntl.flock(lock, fcntl.LOCK_EX)
            # Under its own name it is locked from the start.
            os.rename(lock.name, hidden / LOCK)
            yield hidden
    finally:
        # What cannot be removed now is a stray, which the next start removes.
        shutil.rmtree(hidden, ignore_errors=True)


@contextlib.contextmanager
def _lock_of_the_dead(hidden):
    """Lock a hidden folder during the block; gives whether no living process writes in it."""
    with contextlib.ExitStack() as stack:
        try:
            # To write: a network disk locks nothing else.
            lock = stack.enter_context(open(hidden / LOCK, "r+b"))
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_stray = True
        except FileNotFoundError:
            is_stray = hidden.is_dir() and time.time() - hidden.stat().st_mtime > UNLOCKED_SECONDS
        except OSError:
            # Locked, the file of another user, or a disk without locks.
            is_stray = False
        yield is_stray


def _finish(temporary):
    """Give a written file the permissions of an ordinary one, and wait until the disk has it."""
    umask = os.umask(0)
    os.umask(umask)
    temporary.chmod(0o666 & ~umask)
    _sync(temporary)


def _sync(path):
    """Wait until the disk has a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network disks sync no folders.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _naming(path, size=None):
    """Let an OSError name this path: that of a full disk has no name, and a hidden one means nothing to a user.

    Where the disk is full, the error also has the free bytes, and those that are needed if `size` is given.
    """
    try:
        yield
    except OSError as error:
        # Of a copy that fills the disk, Python names the source; what has a cause was named here before.
        names_source = error.errno in FULL and error.__cause__ is None
        if error.filename is not None and WRITING not in str(error.filename) and not names_source:
            raise
        reason = error.strerror or str(error)
        if error.errno in FULL:
            needed = f"{size} bytes needed, " if size is not None else ""
            reason += f" ({needed}{shutil.disk_usage(path.parent).free} bytes free)"
        raise OSError(error.errno, reason, str(path)) from error

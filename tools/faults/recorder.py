# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Records what a training process does to files: what is created, synced, renamed, linked and removed, in order.

In a process of its own, as train.py with what it needs before its options:

    python tools/faults/recorder.py --log LOG --folder OUT [--snapshots FOLDER] -- --data_dir DATA --ckpt_path OUT

Each operation is a line of LOG when it begins, so that after a SIGKILL the last line is where the process was. With
--snapshots there is a copy of the content of each file that is synced or renamed; `tools.faults.power_loss` replays it.
"""
import argparse
import contextlib
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import NamedTuple

if not __package__:
    # Started as tools/faults/recorder.py: Python looks for packages beside this file.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import train
from model_utils.errors import run_cli
from model_utils.files import ROOT, WRITING
from src.weights.checkpoint_folder import BEST, LAST, CheckpointFolder

# Of files and folders; WRITE is an `open` that may change a file that exists.
CREATE, WRITE, SYNC, SYNC_FOLDER, RENAME, LINK, UNLINK, MKDIR, RMDIR = (
    "create", "write", "sync", "sync folder", "rename", "link", "unlink", "mkdir", "rmdir")
# Of the project: a save of the checkpoints in a folder begins, and has returned.
SAVE, SAVED = "save", "saved"
PROGRAM = ROOT / "tools" / "faults" / "recorder.py"
WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_recorders = []


class Operation(NamedTuple):
    """An operation on files below a folder.

    `path` and `target` (of a rename or a link) are relative to the folder; of SAVE and SAVED, `path` is the checkpoint
    and `target` its step. `content` names the snapshot of the file, `seconds` is the time of the system's clock.
    """

    kind: str
    path: str
    target: str = ""
    content: str = ""
    seconds: float = 0.0

    def __str__(self):
        return " ".join(filter(None, (self.kind, self.path, self.target)))


class Recorder:
    """Records this process during a `with` block; see the module.

    Args:
        folder (Path): only what is below it is recorded.
        snapshots (Path): folder, on the same disk but not below `folder`, for the contents of files; None: no contents.
        log (Path): file to which operations are appended; None: they are in `operations` only.
    """

    def __init__(self, folder, snapshots=None, log=None):
        self.folder, self.snapshots, self.operations = os.path.realpath(folder), snapshots, []
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666) if log else None
        self._synced, self._fsync = set(), os.fsync

    def __enter__(self):
        if not _recorders:
            # It cannot be removed again.
            sys.addaudithook(_pass_on)
            _recorders.append(None)
        _recorders[0] = self
        self._fsync, os.fsync = os.fsync, self._record_fsync
        return self

    def __exit__(self, *error):
        _recorders[0], os.fsync = None, self._fsync
        if self._log is not None:
            os.close(self._log)

    def note(self, kind, path, target="", content=""):
        """Add an operation."""
        operation = Operation(kind, path, target, content, time.monotonic())
        self.operations.append(operation)
        if self._log is not None:
            os.write(self._log, json.dumps(operation).encode() + b"\n")

    def record(self, event, arguments):
        """Add the operation of an audit event, if it will change a file below the folder."""
        if event == "open":
            path, _, flags = arguments
            if flags & WRITE_FLAGS and isinstance(path, (str, bytes, os.PathLike)):
                self._add(CREATE if not os.path.lexists(path) else WRITE, path)
        elif event in ("os.rename", "os.link"):
            source, target, *folders = arguments
            self._add_pair(RENAME if event == "os.rename" else LINK, _absolute(source, folders[0]),
                           _absolute(target, folders[1]))
        elif event == "os.mkdir" and not os.path.lexists(_absolute(arguments[0], arguments[2])):
            self._add(MKDIR, arguments[0], arguments[2])
        elif event in ("os.remove", "os.rmdir") and os.path.lexists(_absolute(*arguments)):
            self._add(UNLINK if event == "os.remove" else RMDIR, *arguments)

    def _add(self, kind, path, folder=-1):
        name = self._relative(_absolute(path, folder))
        if name is not None:
            self.note(kind, name)

    def _add_pair(self, kind, source, target):
        names = self._relative(source), self._relative(target)
        if None in names or not os.path.lexists(source) or kind == LINK and os.path.lexists(target):
            return
        is_new = os.path.isfile(source) and _version(source) not in self._synced
        self.note(kind, *names, content=self._snapshot(source) if is_new else "")

    def _record_fsync(self, file):
        path = os.readlink(f"/proc/self/fd/{file if isinstance(file, int) else file.fileno()}")
        name = self._relative(path)
        if name is not None and os.path.isdir(path):
            self.note(SYNC_FOLDER, name)
        elif name is not None:
            self.note(SYNC, name, content=self._snapshot(path))
            self._synced.add(_version(path))
        self._fsync(file)

    def _snapshot(self, path):
        """Return the name of a snapshot of a file, "" without snapshots."""
        if self.snapshots is None:
            return ""
        name = f"{os.getpid()}-{len(self.operations)}"
        # What is in a hidden folder has its final content; it is renamed, and never written again.
        keep = os.link if WRITING + os.sep in path else shutil.copyfile
        keep(path, Path(self.snapshots) / name)
        return name

    def _relative(self, path):
        """Return a path relative to the folder, None for one that is not below it."""
        parent, name = os.path.split(os.path.abspath(path))
        path = os.path.join(os.path.realpath(parent), name)
        if path == self.folder:
            return "."
        return os.path.relpath(path, self.folder) if path.startswith(self.folder + os.sep) else None


def _pass_on(event, arguments):
    # When Python ends, modules lose their names before the hook goes.
    if _recorders and _recorders[0] and (event == "open" or event.startswith("os.")):
        _recorders[0].record(event, arguments)


def _absolute(path, folder):
    """Return the path of an audit event, which may be relative to an open folder (-1: to the working folder)."""
    path = os.fsdecode(path)
    return path if folder in (-1, None) else os.path.join(os.readlink(f"/proc/self/fd/{folder}"), path)


def _version(path):
    status = os.stat(path)
    return status.st_ino, status.st_mtime_ns


@contextlib.contextmanager
def noted_saves(recorder):
    """Let a `Recorder` note when a save of checkpoints begins and when it has returned, during a `with` block."""
    save_state, save_best = CheckpointFolder.save_state, CheckpointFolder.save_best

    def noted(save, folder, name, meta):
        path, step = os.path.relpath(os.path.realpath(folder.path / name), recorder.folder), meta["progress"]["step"]
        recorder.note(SAVE, path, str(step))
        result = save()
        recorder.note(SAVED, path, str(step))
        return result

    CheckpointFolder.save_state = lambda folder, epoch, keep, meta, *tensors: noted(
        lambda: save_state(folder, epoch, keep, meta, *tensors), folder, LAST, meta)
    CheckpointFolder.save_best = lambda folder, meta, weights: noted(
        lambda: save_best(folder, meta, weights), folder, BEST, meta)
    try:
        yield
    finally:
        CheckpointFolder.save_state, CheckpointFolder.save_best = save_state, save_best


def words(log, folder, snapshots=None, program=(PROGRAM,)):
    """Return the words that start training under a recorder, for `tools.faults.small_run.start`."""
    return *program, "--log", log, "--folder", folder, *(("--snapshots", snapshots) if snapshots else ()), "--"


def read_log(path):
    """Return the operations of a log; none where it does not exist yet."""
    if not Path(path).is_file():
        return []
    # A line that has no end is being written.
    *lines, _ = Path(path).read_bytes().split(b"\n")
    return [Operation(*json.loads(line)) for line in lines]


def main(argv=None):
    """Train under a recorder; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python tools/faults/recorder.py", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--log", type=Path, required=True, help="file to which operations are appended")
    parser.add_argument("--folder", type=Path, required=True, help="only what is below it is recorded")
    parser.add_argument("--snapshots", type=Path, help="folder for the contents of files")
    parser.add_argument("options", nargs="+", help="options of train.py, after --")
    arguments = parser.parse_args(argv)
    with Recorder(arguments.folder, arguments.snapshots, arguments.log) as recorder, noted_saves(recorder):
        return train.main(arguments.options)


if __name__ == "__main__":
    sys.exit(run_cli(main))

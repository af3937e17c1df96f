# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Loss of power, and death of the process, after each operation on files of a recorded run: what a resumed run finds.

The operations (`tools.faults.recorder`) are replayed up to each of them, on disks that keep more or less of what was
not synced; see `DISKS`.
"""
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from model_utils.config import get_config
from model_utils.errors import UserError
from model_utils.files import remove_strays
from src.weights.checkpoint import load_checkpoint
from src.weights.checkpoint_folder import BEST, LAST, newest_state
from src.weights.checkpoint_list import LIST_NAME, read_list
from tools.faults import recorder
from tools.faults.outcome import Outcome
from tools.faults.small_run import SMALL, make_data, start

CONFIG = "config.yaml"
HALF = ".half"


class File:
    """A file, whatever names it has: snapshots of what was written to it, and of what of that the disk has; or ""."""

    def __init__(self):
        self.written = self.synced = ""

    def rewrite(self):
        """Forget the content: it is being written."""
        self.written = self.synced = ""


class Folder:
    """A folder: what its names stand for, `File` or `Folder`, now and when the folder was last synced."""

    def __init__(self):
        self.names, self.synced = {}, {}


class Disk(NamedTuple):
    """What a disk keeps: the names in a `Folder`, and the content of a `File`: the name of a snapshot, or ""."""

    fault: str
    names: Callable
    content: Callable


def _half(file):
    return file.synced or file.written and file.written + HALF


DISKS = (
    Disk("killed process", lambda folder: folder.names, lambda file: file.written),
    Disk("loss of power, content that was not synced is gone", lambda folder: folder.names, lambda file: file.synced),
    Disk("loss of power, half of such content is there", lambda folder: folder.names, _half),
    Disk("loss of power, names as when their folder was synced", lambda folder: folder.synced,
         lambda file: file.synced),
)


class Tree:
    """The files and folders that operations have made so far, below an empty folder."""

    def __init__(self):
        self.root = Folder()

    def apply(self, operation):
        """Apply an `Operation`."""
        kind, path, target, content, _ = operation
        if kind in (recorder.SAVE, recorder.SAVED):
            return
        if kind == recorder.SYNC_FOLDER:
            folder = self._find(path)
            folder.synced = dict(folder.names)
            return
        names, name = self._names(path)
        if kind == recorder.MKDIR:
            names[name] = Folder()
        elif kind == recorder.CREATE:
            names[name] = File()
        elif kind == recorder.WRITE:
            names[name].rewrite()
        elif kind == recorder.SYNC:
            names[name].written = names[name].synced = content
        elif kind in (recorder.UNLINK, recorder.RMDIR):
            del names[name]
        else:
            if content:
                names[name].written = content
            found = names[name] if kind == recorder.LINK else names.pop(name)
            target_names, target_name = self._names(target)
            target_names[target_name] = found

    def on(self, disk):
        """Return {path: name of a snapshot, "" for an empty file, None for a folder} of what a disk has kept."""
        found = {}

        def add(folder, path):
            for name, entry in disk.names(folder).items():
                is_file = isinstance(entry, File)
                found[os.path.join(path, name)] = disk.content(entry) if is_file else None
                if not is_file:
                    add(entry, os.path.join(path, name))

        add(self.root, "")
        return found

    def _find(self, path):
        folder = self.root
        for part in Path(path).parts:
            folder = folder.names[part]
        return folder

    def _names(self, path):
        parent, name = os.path.split(path)
        return self._find(parent).names, name


class Found(NamedTuple):
    """What a resumed run finds: the step of the newest whole state, 0 for none, and a line for each broken file."""

    step: int
    broken: tuple[str, ...]


class Replay:
    """Replays operations on the disks.

    Args:
        snapshots (Path): the contents of files, by the names in the operations.
        work (Path): folder for what is replayed, on the disk of the snapshots.
    """

    def __init__(self, snapshots, work):
        self.snapshots, self.place = Path(snapshots), Path(work) / "disk"
        self._kept, self._found = {}, {}

    def outcomes(self, operations):
        """Return the `Outcome` of each disk; a failure is a line for an operation after which something was lost."""
        tree, step, required, failures = Tree(), 0, set(), {disk.fault: [] for disk in DISKS}
        for number, operation in enumerate(operations):
            tree.apply(operation)
            if operation.kind == recorder.SAVED:
                path, run = Path(operation.path), Path(operation.path).parent
                step = max(step, int(operation.target)) if path.name == LAST else step
                required |= {operation.path, str(run / LIST_NAME), str(run.parent / CONFIG)}
            for disk in DISKS:
                lost = self.lost(tree.on(disk), step, required)
                if lost:
                    failures[disk.fault].append(f"after operation {number} ({operation}): {'; '.join(lost)}")
        return [Outcome(fault, len(operations), "nothing that was saved", tuple(lines))
                for fault, lines in failures.items()]

    def lost(self, kept, step, required):
        """Return a line for each file that is broken or missing, and for a state that is too old.

        Args:
            kept (dict): of `Tree.on`.
            step (int): of the last save that had returned.
            required (set): paths of the files that were there by then.
        """
        key = frozenset(kept.items())
        if key not in self._kept:
            self._kept[key] = self._resume(kept)
        found, names = self._kept[key]
        lines = [*found.broken, *(f"{path} is missing" for path in sorted(required - names))]
        if found.step < step:
            lines.append(f"the newest whole state is of step {found.step}, step {step} had been saved")
        return lines

    def _resume(self, kept):
        """Return (`Found`, names of files) after a start on a disk; equal disks are read once."""
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir(parents=True)
        for path, content in sorted(kept.items()):
            if content is None:
                (self.place / path).mkdir()
            elif content:
                os.link(self._snapshot(content), self.place / path)
            else:
                (self.place / path).touch()
        remove_strays([self.place, *self.place.glob("*/"), *self.place.glob("*/ckpt_*/")])
        files = [path for path in self.place.glob("*/**/*") if path.is_file() and read_by_a_start(path)]
        key = frozenset((str(path), path.stat().st_size and path.stat().st_ino) for path in files)
        if key not in self._found:
            self._found[key] = found_in(self.place)
        return self._found[key], {str(path.relative_to(self.place)) for path in files}

    def _snapshot(self, name):
        path = self.snapshots / name
        if name.endswith(HALF) and not path.exists():
            data = path.with_suffix("").read_bytes()
            path.write_bytes(data[:len(data) // 2])
        return path


def read_by_a_start(path):
    """Return whether a resumed run reads this file of the run before."""
    return path.suffix == ".ckpt" or path.name in (LIST_NAME, CONFIG)


def found_in(folder):
    """Return what a resumed run finds below a folder of runs."""
    checkpoint, broken = newest_state([folder])
    for path in sorted(Path(folder).glob("*/**/*")):
        try:
            if path.name == BEST:
                load_checkpoint(path)
            elif path.name == LIST_NAME:
                read_list(path.parent)
            elif path.name == CONFIG and not path.stat().st_size:
                raise UserError(f"{path}: is empty")
            elif path.name == CONFIG:
                get_config([f"--config_path={path}"])
        except UserError as error:
            broken.append(str(error))
    return Found(checkpoint.meta["progress"]["step"] if checkpoint else 0,
                 tuple(line.replace(f"{folder}{os.sep}", "") for line in broken))


def run(work):
    """Record a run and the run that resumes it, and replay both; returns the `Outcome` of each disk.

    Args:
        work (Path): an empty folder; about 2 GB.

    Raises:
        UserError: the recorded run failed.
    """
    work = Path(work)
    data, out, snapshots, log = make_data(work / "data"), work / "out", work / "snapshots", work / "operations.jsonl"
    for folder in (out, snapshots):
        folder.mkdir()
    for epochs in (2, 3):
        process = start(out, data, *SMALL, f"--max_epoch={epochs}", "--ckpt_interval=2", "--keep_checkpoint_max=3",
                        "--resume=auto", program=recorder.words(log, out, snapshots))
        error = process.communicate()[1].decode()
        if process.returncode:
            raise UserError(f"{out}: the recorded run ended with exit code {process.returncode}: {error.strip()}")
    return Replay(snapshots, work).outcomes(recorder.read_log(log))

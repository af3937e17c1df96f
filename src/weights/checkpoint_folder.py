# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The checkpoints of a run: they are listed, the newest are complete states, and a damaged one has an earlier one.

    last.ckpt                       the newest state, and the same file as the newest numbered one
    yolov3_tiny-EPOCH_STEP.ckpt     the newest STATES are states, older ones weights
    best.ckpt                       weights

A state has moments and progress: a run continues from it exactly.
"""
import re
import shutil
from pathlib import Path

from model_utils.config import DERIVED
from model_utils.errors import UserError
from model_utils.files import copy_or_link, make_folder, replacing
from model_utils.options import AUTO
from src.config import STARTS
from src.weights.checkpoint import SUFFIX, load_checkpoint, write_checkpoint
from src.weights.checkpoint_list import DAMAGED, STATE, WEIGHTS, entry_of, known_list, write_list

BEST, LAST = f"best{SUFFIX}", f"last{SUFFIX}"
NUMBERED = re.compile(r"yolov3_tiny-(\d+)_(\d+)\.ckpt")
# So many of the numbered checkpoints can be resumed: with the newest damaged, the run continues from the one before.
STATES = 2


def numbered_name(epoch, step):
    """Return the file name of the checkpoint after `step` steps, in (0-based) epoch `epoch`."""
    return f"yolov3_tiny-{epoch}_{step}.ckpt"


class CheckpointFolder:
    """The checkpoints that one rank of a run writes.

    Args:
        path (str or Path): the folder; made with the first checkpoint.
    """

    def __init__(self, path):
        self.path = Path(path)

    def save_best(self, meta, weights):
        """Write best.ckpt."""
        self._save(BEST, meta, weights)

    def save_state(self, epoch, keep, meta, weights, moments, averages):
        """Write last.ckpt and the numbered checkpoint of this step; turn older states into weights, remove the oldest.

        Args:
            epoch (int): 0-based.
            keep (int): number of numbered checkpoints that stay; the newest state from before a divergence stays too.
            meta (dict): with the progress of the run.
            weights, moments, averages (dict): see `save_checkpoint`.

        Returns:
            list: a line for each earlier checkpoint that was found damaged.
        """
        name = numbered_name(epoch, meta["progress"]["step"])
        self._save(LAST, meta, weights, moments, averages, also=[name])
        copy_or_link(self.path / LAST, self.path / name)
        return self._thin_out(keep)

    def take_best(self, folder):
        """Copy best.ckpt of another folder; a `UserError` where it is damaged. Returns whether there is one."""
        source = Path(folder) / BEST
        if not source.is_file():
            return False
        meta = load_checkpoint(source).meta
        make_folder(self.path)
        with replacing(self.path / BEST, source.stat().st_size) as temporary:
            shutil.copyfile(source, temporary)
            self._list(temporary, meta, WEIGHTS, [BEST])
        return True

    def _save(self, name, meta, weights, moments=None, averages=None, also=()):
        """Write a checkpoint; the list also gets other names, which the same file will have."""
        make_folder(self.path)
        size = sum(value.nbytes for tensors in (weights, moments, averages) for value in (tensors or {}).values())
        with replacing(self.path / name, size) as temporary:
            write_checkpoint(temporary, weights, meta, moments, averages)
            self._list(temporary, meta, STATE if moments else WEIGHTS, [name, *also])

    def _list(self, temporary, meta, kind, names):
        entries = known_list(self.path)
        entry = entry_of(temporary, meta, kind)
        for name in names:
            entries[name] = {**entry, "replaces": entries[name]["sha256"] if name in entries else ""}
        write_list(self.path, entries)

    def _thin_out(self, keep):
        entries, numbered = known_list(self.path), _numbered(self.path)
        states = [path for _, path in numbered if entries.get(path.name, {}).get("kind") == STATE]
        sound = [path for path in states if not entries[path.name]["diverged"]][-1:]
        stay = [path for _, path in numbered[-keep:]] + sound
        removed = [path for _, path in numbered if path not in stay]
        lines = []
        for path in states:
            if path in stay and path not in (*states[-STATES:], *sound):
                lines += self._keep_weights(path, entries)
        write_list(self.path, {name: entry for name, entry in entries.items() if self.path / name not in removed})
        for path in removed:
            path.unlink()
        return lines

    def _keep_weights(self, path, entries):
        """Replace a state by its weights, also in `entries`; returns a line if it is damaged, and then leaves it."""
        before = entries[path.name]
        try:
            checkpoint = load_checkpoint(path)
        except UserError as error:
            entries[path.name] = {**before, "kind": DAMAGED}
            return [str(error)]
        weights = checkpoint.best_weights()
        with replacing(path, sum(value.nbytes for value in weights.values())) as temporary:
            write_checkpoint(temporary, weights, checkpoint.meta)
            entries[path.name] = {**entry_of(temporary, checkpoint.meta, WEIGHTS), "replaces": before["sha256"]}
            write_list(self.path, entries)
        return []


def resume_from(config):
    """Return what config.resume asks for: auto, a folder, or a file.

    Returns:
        Tuple of the config with the file in place of auto or a folder, its `Checkpoint` or None, and lines for the log.

    Raises:
        UserError: the file is damaged or missing, or the folder has no whole state.
    """
    if not config.resume:
        return config, None, []
    if config.resume == AUTO:
        # A ModelArts job starts on an empty machine.
        places = [config.ckpt_path] + [config.load_path] * bool(config.enable_modelarts and config.checkpoint_url)
        checkpoint, notes = newest_state(places)
        if checkpoint is None:
            notes.append(f"resume auto: no whole state below {' or '.join(places)}; a new run starts")
            return config.replace(DERIVED, resume=""), None, notes
        # Where the run started does not count any more.
        config = config.replace(DERIVED, **dict.fromkeys(STARTS, ""))
    elif Path(config.resume).is_dir():
        checkpoint, notes = newest_state([config.resume])
        if checkpoint is None:
            raise UserError("\n  ".join([f"resume {config.resume}: no whole state in this folder or below; name that "
                                         "of a run, such as outputs/RUN", *notes]))
    else:
        checkpoint, notes = _load_or_name_others(Path(config.resume)), []
    return config.replace(config.source("resume"), resume=checkpoint.path), checkpoint, notes


def newest_state(places):
    """Return the whole state of the latest epoch, a `Checkpoint`, or None, and a line for each that is damaged.

    Of one epoch the highest step comes first, then last.ckpt, and then the path that sorts last; the clock decides
    nothing. Not the step alone: a run may continue another one with fewer steps an epoch.

    Args:
        places (sequence): folders of runs, or of checkpoints, or folders of such folders.
    """
    found, notes = {}, []
    for place in map(Path, places):
        for folder in (place, *place.glob("ckpt_*"), *place.glob("*/ckpt_*")):
            found.update(_candidates(folder, notes))
    for path in sorted(found, key=lambda path: (found[path], path.name == LAST, str(path)), reverse=True):
        checkpoint = _load_or_note(path, notes)
        if checkpoint and is_state(checkpoint):
            return checkpoint, notes
    return None, notes


def is_state(checkpoint):
    """Return whether a run can continue from a checkpoint."""
    return "progress" in checkpoint.meta and bool(checkpoint.moments)


def _candidates(folder, notes):
    """Return {path: (epoch, step)} of what may be a state in a folder: by its list, or else by its name."""
    entries = known_list(folder)
    found = {path: position for position, path in _numbered(folder)
             if entries.get(path.name, {"kind": STATE})["kind"] == STATE}
    last = folder / LAST
    if last.is_file():
        # The numbered checkpoint that is the same file, which may be gone.
        same = [name for name, entry in entries.items()
                if NUMBERED.fullmatch(name) and entry["sha256"] == entries.get(LAST, {}).get("sha256")]
        if same:
            found[last] = max(map(_position, same))
        elif checkpoint := _load_or_note(last, notes):
            step = checkpoint.meta.get("progress", {}).get("step", 0)
            found[last] = (step - 1) // checkpoint.meta.get("steps_per_epoch", 1), step
    return found


def _numbered(folder):
    """Return ((epoch, step), path) of each numbered checkpoint of a folder, in the order of steps."""
    return sorted((_position(path.name), path) for path in Path(folder).glob(f"*{SUFFIX}")
                  if NUMBERED.fullmatch(path.name))


def _position(name):
    """Return the epoch and the step in the name of a numbered checkpoint."""
    return tuple(map(int, NUMBERED.fullmatch(name).groups()))


def _load_or_note(path, notes):
    """Return a `Checkpoint`, or None after a line was added to the notes: the file is damaged."""
    try:
        return load_checkpoint(path)
    except UserError as error:
        notes.append(f"{error}; looking for an earlier state")
        return None


def _load_or_name_others(path):
    """Return a `Checkpoint`; a `UserError` of a damaged file names the whole states beside it."""
    try:
        return load_checkpoint(path)
    except UserError as error:
        others, _ = newest_state([path.parent]) if path.is_file() else (None, [])
        if others is None:
            raise
        raise UserError(f"{error}; the newest whole state beside it is {Path(others.path).name} of step "
                        f"{others.meta['progress']['step']} (--resume {path.parent} takes it)") from error

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""checkpoints.json, the list of the checkpoints of a folder: step, size, SHA-256 and kind of each.

    {"last.ckpt": {"step": 300, "bytes": 70812345, "sha256": "...", "replaces": "...", "kind": "state",
                   "diverged": false}, ...}

The list is written before a file takes its name, with the SHA-256 of the file that it replaces: a process may be killed
between the two, and either file is whole.
"""
import hashlib
import sys
from pathlib import Path

from model_utils.errors import UserError
from model_utils.json_file import read_json, type_faults, write_json

LIST_NAME = "checkpoints.json"
# A state can be resumed; weights are for use. A damaged file was found to be so when it was read.
STATE, WEIGHTS, DAMAGED = "state", "weights", "damaged"
EXAMPLE = {"step": 1, "bytes": 1, "sha256": "", "replaces": "", "kind": "", "diverged": False}
CHUNK = 2**20


def read_list(folder):
    """Return the list of a folder, {file name: its entry}; empty where there is none.

    Raises:
        UserError: the list is damaged.
    """
    path = Path(folder) / LIST_NAME
    if not path.exists():
        return {}
    entries = read_json(path, "list of checkpoints")
    faults = list(type_faults(entries, {}))
    for name, entry in entries.items() if not faults else ():
        faults += type_faults(entry, EXAMPLE, name, takes_others=True)
    if faults:
        raise UserError(f"{path}: {faults[0]}; remove the file, its checkpoints are read without it")
    return entries


def known_list(folder):
    """Return the list of a folder, empty where there is none or where it is damaged, which is reported."""
    try:
        return read_list(folder)
    except UserError as error:
        print(f"warning: {error}", file=sys.stderr)
        return {}


def write_list(folder, entries):
    """Write the list of a folder."""
    write_json(Path(folder) / LIST_NAME, entries)


def entry_of(path, meta, kind):
    """Return the entry of a file that replaces none.

    Args:
        path (Path): of the file.
        meta (dict): its meta data.
        kind (str): STATE or WEIGHTS.
    """
    progress = meta.get("progress", {})
    return {"step": progress.get("step", 0), "bytes": path.stat().st_size, "sha256": sha256_of(path), "replaces": "",
            "kind": kind, "diverged": bool(progress.get("diverged"))}


def check_listed(path, sha256=""):
    """Check a file, or its SHA-256 where that is known, against the list of its folder, if it is there.

    Raises:
        UserError: the file is another one than was written.
    """
    path = Path(path)
    entry = known_list(path.parent).get(path.name)
    if entry is None:
        return
    found = sha256 or sha256_of(path)
    # Training may have replaced the file after the list was read.
    for known in (entry, known_list(path.parent).get(path.name, entry)):
        if found in (known["sha256"], known["replaces"]):
            return
    raise UserError(f"checkpoint {path}: cannot be read, the file is truncated, damaged or another one than was "
                    f"written ({path.stat().st_size} bytes, expected {entry['bytes']} with the SHA-256 of {LIST_NAME} "
                    "beside it); take another copy or an earlier checkpoint")


def sha256_of(path):
    """Return the SHA-256 of a file as hexadecimal text."""
    found = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()

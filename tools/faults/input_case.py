# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A kind of bad input: the program, its arguments, what is wrong in its folder, and how the program refuses it.

The folder is a copy of `tools.faults.sound_input`, and the program works in it:

    BadInput("annotation file cut short", "train", "--data_dir=data", r"data/\\S+json: broken json in line 1",
             [cut("data/annotations/instances_train2017.json", 0.5)])
"""
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from model_utils.files import write_atomically

TRAIN_JSON, VAL_JSON = (f"data/annotations/instances_{split}2017.json" for split in ("train", "val"))
Prepare = Callable[[Path], object]


class BadInput(NamedTuple):
    """A kind of bad input.

    `program` is a module, such as train or tools.split_coco; `arguments` are separated by blanks. `message` is a
    regular expression for standard error, which names the file or key, what was found and what to do. `prepare` changes
    the folder. `leaves` are patterns of files that may be new afterwards. `max_file_bytes` is the size above which no
    file can be written, as on a full disk; 0: any. `needs_process`: it cannot run as a function in another process.
    """

    name: str
    program: str
    arguments: str
    message: str
    prepare: Sequence[Prepare] = ()
    code: int = 1
    leaves: Sequence[str] = ()
    max_file_bytes: int = 0
    needs_process: bool = False


def put(name: str, content: bytes | str | Callable[[], bytes]) -> Prepare:
    """Return what writes a file: bytes, text, or what a function returns."""
    def prepare(folder):
        data = content() if callable(content) else content
        # A new file: the old one is also that of the sound folder.
        write_atomically(folder / name, data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data)
    return prepare


def change(name: str, changed: Callable[[dict], object]) -> Prepare:
    """Return what changes the content of a json file, by a function that changes it or returns another one."""
    def prepare(folder):
        content = json.loads((folder / name).read_bytes())
        put(name, json.dumps(changed(content) or content))(folder)
    return prepare


def assign(place: str, value: object, name: str = TRAIN_JSON) -> Prepare:
    """Return what sets a value of a json file; the place is its keys and numbers, separated by blanks."""
    def changed(content):
        *parents, key = (int(key) if key.isdigit() else key for key in place.split())
        for parent in parents:
            content = content[parent]
        content[key] = value
    return change(name, changed)


def each(key: str, values: dict, name: str = TRAIN_JSON) -> Prepare:
    """Return what updates each entry of a list of an annotation file."""
    def changed(content):
        for entry in content[key]:
            entry.update(values)
    return change(name, changed)


def cut(name: str, share: float) -> Prepare:
    """Return what leaves the first share of a file."""
    def prepare(folder):
        data = (folder / name).read_bytes()
        put(name, data[:int(share * len(data))])(folder)
    return prepare


def flip(name: str) -> Prepare:
    """Return what flips a bit in the middle of a file."""
    def prepare(folder):
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 2] ^= 1
        put(name, bytes(data))(folder)
    return prepare


def remove(name: str) -> Prepare:
    """Return what removes a file."""
    return lambda folder: (folder / name).unlink()


def fifo(name: str) -> Prepare:
    """Return what puts a FIFO in the place of a file, or where there is none."""
    def prepare(folder):
        (folder / name).unlink(missing_ok=True)
        os.mkfifo(folder / name)
    return prepare


def make_dir(name: str) -> Prepare:
    """Return what makes a folder, in the place of a file or where there is none."""
    def prepare(folder):
        (folder / name).unlink(missing_ok=True)
        (folder / name).mkdir(parents=True)
    return prepare

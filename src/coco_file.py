# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The annotation file of a data set in COCO layout: where it is, what must be in it, and which images it names.

Everything here that is wrong makes the data useless and is a `UserError` that names the file, the entry and the cure.
"""
import os
from pathlib import Path
from typing import NamedTuple

from model_utils.errors import UserError
from model_utils.json_file import read_json

# Arrays hold no larger ones.
MAX_NUMBER = 2**63 - 1


class ImageList(NamedTuple):
    """The images of a file, sorted by id: ids, paths on disk, (width, height)."""
    ids: list[int]
    paths: list[str]
    sizes: list[tuple[int, int]]


def layout(data_dir: str, split: str) -> tuple[Path, Path]:
    """Paths of the annotation file and of the image folder of a split, "train" or "val"; both exist."""
    if not data_dir:
        raise UserError("data_dir is not set; give the folder of a data set in COCO layout, e.g. --data_dir ./coco2017")
    root = Path(data_dir)
    json_path, image_folder = root / "annotations" / f"instances_{split}2017.json", root / f"{split}2017"
    for path, kind in ((root, "data folder"), (image_folder, "image folder")):
        if not path.is_dir():
            raise UserError(f"{path}: the {kind} does not exist; expected the COCO layout: "
                            f"{json_path.relative_to(root)} and {image_folder.relative_to(root)}/ in the data folder")
    if not json_path.is_file():
        raise UserError(f"{json_path}: the annotation file does not exist; expected COCO's json format there")
    return json_path, image_folder


def _without_segmentation(record):
    # Outlines are nine tenths of COCO's file; dropped while parsing, they never fill the memory.
    record.pop("segmentation", None)
    return record


def load_json(path: Path) -> dict:
    """The content of an annotation file, outlines left out; a `UserError` names line and column of broken json."""
    content = read_json(path, "annotation file", _without_segmentation)
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds a json {type(content).__name__}; expected COCO's object with the lists images, "
                        "annotations and categories")
    return content


def records_of(content: dict, key: str, path: Path) -> list[dict]:
    """One of the three lists of the file ("images", "annotations", "categories"), all of them objects."""
    records = content.get(key)
    if not isinstance(records, list):
        raise UserError(f'{path}: has no list "{key}"; expected COCO\'s lists images, annotations and categories')
    for number, record in enumerate(records):
        if not isinstance(record, dict):
            raise UserError(f'{path}: entry {number} of "{key}" is {record!r:.60}; expected an object')
    return records


def _fields(records, key, name, kind, path):
    """One field of every record, checked for its type (int or str; True is no number)."""
    values = [record.get(name) for record in records]
    for number, value in enumerate(values):
        if not isinstance(value, kind) or isinstance(value, bool) or kind is int and abs(value) > MAX_NUMBER:
            expected = "a whole number of 64 bits at most" if kind is int else "a text"
            raise UserError(f'{path}: "{name}" of entry {number} of "{key}" is {value!r:.60}; expected {expected}')
    return values


def _refuse_duplicates(ids, key, path):
    if len(set(ids)) < len(ids):
        seen = set()
        twice = next(i for i in ids if i in seen or seen.add(i))
        raise UserError(f'{path}: id {twice} occurs more than once in "{key}"; ids must differ, renumber them')


def read_categories(content: dict, path: Path) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """Names and ids of the classes, in the file's order."""
    records = records_of(content, "categories", path)
    if not records:
        raise UserError(f'{path}: "categories" is empty; expected one entry with id and name for each class')
    ids = _fields(records, "categories", "id", int, path)
    _refuse_duplicates(ids, "categories", path)
    return tuple(_fields(records, "categories", "name", str, path)), tuple(ids)


def read_images(content: dict, path: Path, folder: Path | None) -> ImageList:
    """All images, sorted by id; every file exists and lies below the image folder. None: the names, not looked for."""
    records = records_of(content, "images", path)
    if not records:
        raise UserError(f'{path}: "images" is empty; there is nothing to read')
    _refuse_duplicates(_fields(records, "images", "id", int, path), "images", path)
    records = sorted(records, key=lambda record: record["id"])
    names = _fields(records, "images", "file_name", str, path)
    sizes = list(zip(_fields(records, "images", "width", int, path), _fields(records, "images", "height", int, path),
                     strict=True))
    for name, size in zip(names, sizes, strict=True):
        if min(size) < 1:
            raise UserError(f"{path}: image {name} has the size {size[0]}x{size[1]}; expected at least 1x1")
    paths = names if folder is None else _image_paths(names, path, folder)
    return ImageList([record["id"] for record in records], paths, sizes)


def need_ground_truth(data, path: Path) -> None:
    """Refuse to score against a file without one object: `data` is its CocoData; regions of a crowd do not count."""
    if not (data.truth["iscrowd"] == 0).any():
        raise UserError(f"{path}: has no annotation to score against, so there is no AP"
                        + "".join(f"; {line}" for line in data.report_lines()) + "; use the file that has the boxes")


def _image_paths(names, path, folder):
    """Paths of the images; one listing per folder tells which exist, not one question to the disk for each image."""
    listings, paths, missing = {}, [], []
    for name in names:
        # The text alone is judged: links that the user laid inside the folder are the user's business.
        inside = os.path.normpath(name)
        if os.path.isabs(inside) or inside.split(os.sep)[0] == os.pardir:
            raise UserError(f'{path}: file_name "{name}" leaves the image folder {folder}; expected a path inside it')
        parent, base = os.path.split(inside)
        if parent not in listings:
            listings[parent] = _file_names(folder / parent)
        paths.append(os.path.join(folder, inside))
        if base not in listings[parent]:
            missing.append(name)
    if missing:
        raise UserError(f"{folder}: {len(missing)} of the {len(names)} images named in {path} are missing, the first "
                        f"is {missing[0]}; copy them there or take them out of the file")
    return paths


def _file_names(folder):
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if not entry.is_dir()}
    except (OSError, ValueError):
        return set()

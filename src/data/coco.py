# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Reading and checking one split of a data set in COCO layout.

    data_dir/annotations/instances_{train,val}2017.json
    data_dir/{train,val}2017/*.jpg

A file that cannot be used is a `UserError`; broken boxes are dropped, counted and reported.
"""
import os
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from model_utils.errors import UserError
from model_utils.json_file import read_json
from src.data.categories import CROWD_CLASS, Categories

# The largest number that an int64 array holds.
MAX_NUMBER = 2**63 - 1
MAX_COORDINATE = 1e9
# COCO rounds to two decimals: a box that sticks out by less than this is clipped without being reported.
ROUNDING_PIXELS = 0.02
# The filter of 2021: an image whose boxes are all at most one pixel wide or high teaches nothing.
MIN_BOX_PIXELS = 1.0

FINDINGS = {
    "boxes_unknown_image": "boxes of an image that is not in the file: dropped",
    "boxes_unknown_category": "boxes of an unknown category: dropped",
    "boxes_without_size": "boxes of zero, negative or non-finite size: dropped",
    "boxes_outside_image": "boxes outside their image: dropped",
    "boxes_clipped": "boxes that stick out of their image: clipped",
    "images_without_boxes": "images without boxes: left out of training (--keep_empty True keeps them)",
    "images_over_max_box": "images with more than max_box boxes: a random choice of them is used each time",
    "boxes_over_max_box": "boxes in excess of max_box in those images (a larger --max_box takes them all)",
}


class ImageList(NamedTuple):
    """The images of a file, sorted by id: ids, paths on disk, (width, height)."""
    ids: list[int]
    paths: list[str]
    sizes: list[tuple[int, int]]


@dataclass
class CocoData:
    """One split, read and checked; the lists run in parallel, one entry per image, sorted by image id.

    `sizes` are (width, height). `boxes` are float32 [n, 5]: x1, y1, x2, y2 in pixels, clipped to the image, and the
    class number, -1 for a crowd region. `report` counts what was found (keys of `FINDINGS`), `examples` names the first
    case of each finding. `truth` holds what is scored against as parallel arrays: image_index and class_index int64,
    bbox float64 [n, 4] x, y, w, h as in the file, area float64, iscrowd 0 or 1.
    """
    categories: Categories
    image_ids: list[int]
    paths: list[str]
    sizes: list[tuple[int, int]]
    boxes: list[np.ndarray]
    truth: dict[str, np.ndarray]
    report: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.image_ids)

    @cached_property
    def coco_dataset(self) -> dict:
        """The ground truth as the dict of a COCO annotation file, built at first use: training never needs it.

        Boxes are as in the file, not clipped, so that COCO's official figures come out. Broken boxes are not in it: no
        detection can ever match them, and each would count as an object that the network missed. Annotation ids are
        1, 2, ...: pycocotools takes a match with annotation 0 for no match.
        """
        names = ("image_index", "class_index", "bbox", "area", "iscrowd")
        rows = zip(*(self.truth[name].tolist() for name in names), strict=True)
        annotations = [
            {"id": number, "image_id": self.image_ids[index], "category_id": self.categories.ids[category], "bbox": box,
             "area": area, "iscrowd": crowd}
            for number, (index, category, box, area, crowd) in enumerate(rows, start=1)]
        images = [{"id": image_id, "width": width, "height": height, "file_name": os.path.basename(path)}
                  for image_id, (width, height), path in zip(self.image_ids, self.sizes, self.paths, strict=True)]
        categories = [{"id": category_id, "name": name}
                      for category_id, name in zip(self.categories.ids, self.categories.names, strict=True)]
        return {"info": {}, "images": images, "annotations": annotations, "categories": categories}

    def report_lines(self) -> list[str]:
        """The report for the log, one line per finding."""
        lines = []
        for key, count in self.report.items():
            example = f" (first: {self.examples[key]})" if key in self.examples else ""
            lines.append(f"{count} {FINDINGS[key]}{example}")
        return lines


def read_coco(config, split: str, training: bool) -> CocoData:
    """Read and check one split.

    Args:
        config: `data_dir`, and for training `max_box` and `keep_empty`.
        split: "train" or "val".
        training: leave out images without boxes; evaluation keeps every image.

    Returns:
        `CocoData`.

    Raises:
        UserError: a folder, the annotation file or an image is missing, or the file cannot be used.
    """
    json_path, image_folder = layout(config.data_dir, split)
    data = read_annotation_file(json_path, image_folder)
    return _for_training(data, config, json_path) if training else data


def read_annotation_file(json_path: Path, image_folder: Path | None = None) -> CocoData:
    """Read and check an annotation file; its images must be in `image_folder`, None: they are not looked for.

    Raises:
        UserError: the file cannot be used or an image is missing.
    """
    content = load_json(json_path)
    categories = Categories(*read_categories(content, json_path))
    images = read_images(content, json_path, image_folder)
    return _read_annotations(records_of(content, "annotations", json_path), images, categories)


def _for_training(data, config, json_path):
    """The images that training uses; the others are reported."""
    truth = data.truth
    useful = (truth["iscrowd"] == 0) & (truth["bbox"][:, 2:] > MIN_BOX_PIXELS).all(axis=1)
    keep = np.bincount(truth["image_index"][useful], minlength=len(data)) > 0
    if not keep.any():
        raise UserError(f"{json_path}: none of its {len(keep)} images has a box to train on"
                        + "".join(f"; {line}" for line in data.report_lines()))
    if not config.keep_empty and not keep.all():
        data.report["images_without_boxes"] = int((~keep).sum())
        data.examples["images_without_boxes"] = os.path.basename(data.paths[int(np.argmin(keep))])
        data = _only_images(data, keep)
    excess = np.array([len(boxes) for boxes in data.boxes]) - config.max_box
    if (excess > 0).any():
        data.report["images_over_max_box"] = int((excess > 0).sum())
        data.report["boxes_over_max_box"] = int(excess[excess > 0].sum())
        data.examples["images_over_max_box"] = os.path.basename(data.paths[int(np.argmax(excess > 0))])
    return data


def _only_images(data, keep):
    """The same data, with only the images for which the mask `keep` is True."""
    kept = np.flatnonzero(keep)
    new_index = np.cumsum(keep) - 1
    rows = keep[data.truth["image_index"]]
    truth = {name: values[rows] for name, values in data.truth.items()}
    truth["image_index"] = new_index[truth["image_index"]]
    lists = {name: [getattr(data, name)[i] for i in kept] for name in ("image_ids", "paths", "sizes", "boxes")}
    return replace(data, truth=truth, **lists)


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


def need_ground_truth(data, path: Path) -> None:
    """Refuse to score against a file without an object; `data` is its CocoData; crowd regions do not count."""
    if not (data.truth["iscrowd"] == 0).any():
        raise UserError(f"{path}: has no annotation to score against, so there is no AP"
                        + "".join(f"; {line}" for line in data.report_lines()) + "; use the file that has the boxes")


def _without_segmentation(record):
    # Outlines are nine tenths of COCO's file; dropping them while parsing keeps them out of memory.
    record.pop("segmentation", None)
    return record


def load_json(path: Path) -> dict:
    """The content of an annotation file without its outlines; a `UserError` names line and column of broken json."""
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
            expected = "a whole number of 64 bits at most" if kind is int else "a string"
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
    """All images, sorted by id; every file exists below the image folder. None: names only, files not looked for."""
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


def _image_paths(names, path, folder):
    """Paths of the images; one listing per folder shows which exist, instead of one query for each image."""
    listings, paths, missing = {}, [], []
    for name in names:
        # Only the name is checked: links that the user made inside the folder are the user's business.
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


def _read_annotations(annotations, images, categories):
    """Assign the annotations to their images; what cannot be used is dropped and counted."""
    image_index = _indices(annotations, "image_id", images.ids)
    class_index = _indices(annotations, "category_id", categories.ids)
    xywh = np.array([_as_xywh(annotation) for annotation in annotations], np.float64).reshape(-1, 4)
    iscrowd = np.fromiter((bool(annotation.get("iscrowd")) for annotation in annotations), bool, len(annotations))
    area = np.fromiter(map(_as_area, annotations), np.float64, len(annotations))
    area = np.where(np.isnan(area), xywh[:, 2] * xywh[:, 3], area)
    clipped, whole = _clipped_and_whole(xywh, np.array(images.sizes, np.float64)[image_index])
    findings = {
        "boxes_unknown_image": image_index < 0,
        "boxes_unknown_category": class_index < 0,
        "boxes_without_size": ~(xywh[:, 2:] > 0).all(axis=1),
        "boxes_outside_image": ~(clipped[:, 2:] > clipped[:, :2]).all(axis=1),
        "boxes_clipped": (np.abs(clipped - whole) > ROUNDING_PIXELS).any(axis=1),
    }
    report, examples, kept = {}, {}, np.ones(len(annotations), bool)
    for key, found in findings.items():
        # Each box is counted once, under its first fault.
        found = found & kept
        if not found.any():
            continue
        report[key] = int(found.sum())
        examples[key] = _example(annotations[int(np.argmax(found))], images, image_index[int(np.argmax(found))])
        if key != "boxes_clipped":
            kept &= ~found
    order = np.flatnonzero(kept)[np.argsort(image_index[kept], kind="stable")]
    classes = np.where(iscrowd, CROWD_CLASS, class_index)
    rows = np.concatenate([clipped, classes[:, None]], axis=1).astype(np.float32)[order]
    starts = np.searchsorted(image_index[order], np.arange(1, len(images.ids)))
    truth = {"image_index": image_index[order], "class_index": class_index[order], "bbox": xywh[order],
             "area": area[order], "iscrowd": iscrowd[order].astype(np.int64)}
    return CocoData(categories, *images, np.split(rows, starts), truth, report, examples)


def _example(annotation, images, image_index):
    """Which annotation of which image is the example of a finding."""
    if image_index < 0:
        return f"annotation {annotation.get('id')} of image_id {annotation.get('image_id')}"
    return f"annotation {annotation.get('id')} of {os.path.basename(images.paths[image_index])}"


def _as_xywh(annotation):
    """The box as four finite numbers, or NaN where it is anything else."""
    box = annotation.get("bbox")
    if isinstance(box, list) and len(box) == 4 and all(
            isinstance(value, (int, float)) and -MAX_COORDINATE < value < MAX_COORDINATE for value in box):
        return box
    return (np.nan,) * 4


def _as_area(annotation):
    area = annotation.get("area")
    return area if isinstance(area, (int, float)) and 0 <= area < MAX_COORDINATE**2 else np.nan


def _indices(annotations, key, ids):
    """Position in `ids` of one id field of every annotation, -1 where it is none of them; int64 [n]."""
    index_of = {value: index for index, value in enumerate(ids)}
    values = (annotation.get(key) for annotation in annotations)
    return np.fromiter((index_of.get(value, -1) if isinstance(value, int) else -1 for value in values), np.int64,
                       len(annotations))


def _clipped_and_whole(xywh, wh):
    """Corners xyxy [n, 4] of boxes xywh [n, 4], clipped to their images wh [n, 2] and unclipped; NaN stays NaN."""
    xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    return np.clip(xyxy, 0, np.tile(wh, 2)), xyxy

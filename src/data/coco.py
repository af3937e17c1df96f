# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Reading and checking one split of a data set in COCO layout.

    data_dir/annotations/instances_{train,val}2017.json
    data_dir/{train,val}2017/*.jpg

A file that cannot be used is a `UserError`; broken boxes are dropped, counted and reported. Values whose meaning is
certain are read however a tool wrote them, see `src.data.fields` and `src.data.image_names`.
"""
import os
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from model_utils.errors import UserError, counted
from model_utils.files import file_fault
from model_utils.json_file import read_json
from model_utils.options import AUTO
from src.data.annotations import like_percentages, read_boxes
from src.data.categories import Categories, class_faults
from src.data.fields import describe, finite_number, id_key, missing_field, whole_number
from src.data.formats import conversion_hint
from src.data.image_check import turned_images
from src.data.image_names import ImageFolder

# The filter of 2021: an image whose boxes are all at most one pixel wide or high teaches nothing.
MIN_BOX_PIXELS = 1.0

FINDINGS = {
    "images_renamed": "images found under another name than the file's, which differs in folders, case or coding",
    "images_turned": "images turned upright by an EXIF orientation that no size confirms (--exif ignore: not)",
    "images_cut_short": "images that are cut short, but mostly there: used nevertheless",
    "images_damaged": "damaged images: used as decoded",
    "images_damaged_left_out": "damaged images: left out of training",
    "images_broken": "images broken since the run began: replaced in training",
    "images_dark": "images of 16 bits with 12 of them in use, nearly black",
    "images_same_file": "images listed more than once: each entry counts",
    "categories_same_name": "categories with the name of another one",
    "categories_without_box": "categories without a box",
    "areas_zero": "boxes with an area of 0, as all of the file: counted by width and height",
    "boxes_unknown_image": "boxes of an image that is not in the file: dropped",
    "boxes_unknown_category": "boxes of an unknown category: dropped",
    "boxes_absent": "annotations without a bbox: dropped",
    "boxes_malformed": "boxes that are not four finite numbers: dropped",
    "boxes_without_size": "boxes of zero or negative size: dropped",
    "boxes_outside_image": "boxes outside of the image: dropped",
    "boxes_like_corners": "boxes that are inside only as x1, y1, x2, y2, but bbox is x, y, width, height: clipped",
    "boxes_clipped": "boxes partly outside of the image: clipped",
    "boxes_like_fractions": "boxes between 0 and 1, as fractions of the image, though others are in pixels",
    "boxes_like_percentages": "boxes in the first 100x100 pixels of larger images, as all of the file: percentages?",
    "boxes_slivers": "boxes at most one pixel wide or high: too small to learn",
    "images_without_boxes": "images without boxes: left out of training (--keep_empty True: not)",
    "images_over_max_box": "images with more than max_box boxes: a random choice of them is used each time",
    "boxes_over_max_box": "boxes in excess of max_box in those images (a larger --max_box takes them all)",
}


class ImageList(NamedTuple):
    """The images of a file, sorted by id: ids as results hold them, what ids are compared by, paths, (width, height).

    `renamed` has (name, path) of those whose file has another name.
    """
    ids: list[int | str]
    keys: list[int | str]
    paths: list[str]
    sizes: list[tuple[int, int]]
    renamed: list[tuple[str, str]]


@dataclass
class CocoData:
    """One split, read and checked; the lists run in parallel, one entry per image, sorted by image id.

    `image_ids` are whole numbers, or texts where the file has texts. `sizes` are (width, height). `boxes` are float32
    [n, 5]: x1, y1, x2, y2 in pixels, clipped to the image, and the class number, -1 for a crowd region. `report` counts
    what was found (keys of `FINDINGS`), `examples` names the first case of each finding. `truth` holds what is scored
    against as parallel arrays: image_index and class_index int64, bbox float64 [n, 4] x, y, w, h as in the file, area
    float64, iscrowd 0 or 1. `left_out` are the ids of the damaged images that are not trained on.
    """
    categories: Categories
    image_ids: list[int | str]
    paths: list[str]
    sizes: list[tuple[int, int]]
    boxes: list[np.ndarray]
    truth: dict[str, np.ndarray]
    report: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)
    left_out: list[int | str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.image_ids)

    def without(self, indices: Collection[int]) -> "CocoData":
        """Return the data without the images of these numbers."""
        return _only_images(self, np.array([index not in indices for index in range(len(self))]))

    @cached_property
    def coco_dataset(self) -> dict:
        """The ground truth as the dict of a COCO annotation file, built at first use: training never needs it.

        Boxes are as in the file, not clipped, so that COCO's official figures come out. Broken boxes are not in it: no
        detection can ever match them, and each would count as an object that the network missed. Images, categories
        and annotations are numbered from 1, by their place: ids of a file may be texts, and pycocotools takes a match
        with annotation 0 for no match.
        """
        names = ("image_index", "class_index", "bbox", "area", "iscrowd")
        rows = zip(*(self.truth[name].tolist() for name in names), strict=True)
        annotations = [
            {"id": number, "image_id": index + 1, "category_id": category + 1, "bbox": box, "area": area,
             "iscrowd": crowd}
            for number, (index, category, box, area, crowd) in enumerate(rows, start=1)]
        images = [{"id": number, "width": width, "height": height, "file_name": os.path.basename(path)}
                  for number, ((width, height), path) in enumerate(zip(self.sizes, self.paths, strict=True), start=1)]
        categories = [{"id": number, "name": name} for number, name in enumerate(self.categories.names, start=1)]
        return {"info": {}, "images": images, "annotations": annotations, "categories": categories}

    def report_lines(self) -> list[str]:
        """The report for the log, one line per finding."""
        lines = []
        for key, count in self.report.items():
            example = f" (first: {self.examples[key]})" if key in self.examples else ""
            lines.append(f"{counted(count, FINDINGS[key])}{example}")
        return lines


def read_coco(config, split: str, training: bool) -> CocoData:
    """Read and check one split.

    Args:
        config: `data_dir`, the options of `read_split`, and for training `max_box` and `keep_empty`.
        split: "train" or "val".
        training: leave out images without boxes; evaluation keeps every image.

    Returns:
        `CocoData`.

    Raises:
        UserError: a folder, the annotation file or an image is missing, or the file cannot be used.
    """
    json_path, image_folder = layout(config.data_dir, split)
    # An image that was lost since a run began is replaced when that run is resumed.
    may_be_lost = bool(training and config.resume and config.bad_images == "replace")
    data = read_split(json_path, image_folder, config, may_be_lost)
    return for_training(data, config, json_path) if training else data


def read_split(json_path: Path, image_folder: Path, config, may_be_lost: bool = False) -> CocoData:
    """Read and check an annotation file and its images, to evaluate on them.

    Args:
        json_path, image_folder: of the split.
        config: `exif`, `max_json_mb`, `max_image_pixels`, `read_wait_seconds`.
        may_be_lost: a missing image is no error.

    Raises:
        UserError: the file cannot be used or an image is missing.
    """
    if not image_folder.is_dir():
        raise UserError(f"{image_folder}: this image folder does not exist; name the folder of the images of "
                        f"{json_path} by --image_dir FOLDER")
    data = read_annotation_file(json_path, image_folder, config.max_json_mb, may_be_lost)
    turned = turned_images(data, config) if config.exif == "auto" else []
    if turned:
        data.report["images_turned"] = len(turned)
        data.examples["images_turned"] = os.path.basename(data.paths[turned[0]])
    return data


def read_annotation_file(json_path: Path, image_folder: Path | None = None, max_mb: int | None = None,
                         may_be_lost: bool = False) -> CocoData:
    """Read and check an annotation file; its images must be in `image_folder`, None: they are not looked for.

    `max_mb` is the option max_json_mb; None: any size. With `may_be_lost` a missing image is no error.

    Raises:
        UserError: the file cannot be used or an image is missing.
    """
    content = load_json(json_path, max_mb=max_mb)
    categories = Categories(*read_categories(content, json_path))
    images = read_images(content, json_path, image_folder, may_be_lost)
    annotations = records_of(content, "annotations", json_path)
    data = CocoData(categories, images.ids, images.paths, images.sizes,
                    *read_boxes(annotations, images, categories.ids, json_path))
    _add_remarks(data, images, annotations)
    return data


def for_training(data: CocoData, config, json_path: Path) -> CocoData:
    """Return the images that training uses; the others are reported.

    Raises:
        UserError: there is none with a box to learn.
    """
    truth = data.truth
    useful = (truth["iscrowd"] == 0) & (truth["bbox"][:, 2:] > MIN_BOX_PIXELS).all(axis=1)
    keep = np.bincount(truth["image_index"][useful], minlength=len(data)) > 0
    slivers = (truth["iscrowd"] == 0) & ~useful
    if slivers.any():
        data.report["boxes_slivers"] = int(slivers.sum())
        data.examples["boxes_slivers"] = os.path.basename(data.paths[truth["image_index"][int(np.argmax(slivers))]])
    if not keep.any():
        raise UserError(f"{json_path}: none of its {counted(len(keep), 'images')} has a box to train on"
                        f"{_reasons(data)}")
    if not config.keep_empty and not keep.all():
        data.report["images_without_boxes"] = int((~keep).sum())
        data.examples["images_without_boxes"] = os.path.basename(data.paths[int(np.argmin(keep))])
        data = _only_images(data, keep)
    if config.max_box == AUTO:
        return data
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
    if root.is_file():
        raise UserError(f"data_dir {root}: is a file; expected the data folder{conversion_hint(root.parent)}")
    json_path, image_folder = root / "annotations" / f"instances_{split}2017.json", root / f"{split}2017"
    for path, kind in ((root, "data folder"), (image_folder, "image folder")):
        if not path.is_dir():
            raise UserError(f"{path}: the {kind} does not exist; expected the COCO layout: "
                            f"{json_path.relative_to(root)} and {image_folder.relative_to(root)}/ in the data folder"
                            f"{conversion_hint(root)}")
    if not json_path.is_file():
        found = file_fault(json_path) if json_path.exists() else "the annotation file does not exist"
        raise UserError(f"{json_path}: {found}; expected COCO's json format there{conversion_hint(root)}")
    return json_path, image_folder


def need_ground_truth(data, path: Path) -> None:
    """Refuse to score against a file without an object; `data` is its CocoData; crowd regions do not count."""
    if not (data.truth["iscrowd"] == 0).any():
        raise UserError(f"{path}: has no annotation to score against, so there is no AP{_reasons(data)}; use the file "
                        "that has the boxes")


def _reasons(data):
    """Return what a message says of data without a usable box."""
    iscrowd, lines = data.truth["iscrowd"], data.report_lines()
    if len(iscrowd) and iscrowd.all():
        lines.insert(0, f"its boxes ({len(iscrowd)}) are all crowd regions (iscrowd 1), which are neither learned nor "
                        "scored")
    return "".join(f"; {line}" for line in lines)


def _without_segmentation(record):
    # Outlines are nine tenths of COCO's file; dropping them while parsing keeps them out of memory.
    record.pop("segmentation", None)
    return record


def load_json(path: Path, record_hook: Callable[[dict], dict] = _without_segmentation,
              max_mb: int | None = None) -> dict:
    """The content of an annotation file without its outlines; a `UserError` names line and column of broken json."""
    content = read_json(path, "annotation file", record_hook, max_mb)
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


def _values(records, key, name, read, expected, path):
    """One field of every record, each as `read` returns it; None is what cannot be read."""
    values = [read(record.get(name)) for record in records]
    if None in values:
        number, record = next((place, record) for place, record in enumerate(records) if values[place] is None)
        found = f'has "{name}" {describe(record[name])}' if name in record else missing_field(record, name)
        raise UserError(f'{path}: entry {number} of "{key}" {found}; expected {expected}')
    return values


def _text(value):
    return value if isinstance(value, str) and value else None


def _ids(records, key, path):
    """The ids of records, as results hold them, and the keys by which they are compared; all differ."""
    keys = _values(records, key, "id", id_key, "a whole number of 64 bits at most, or a text", path)
    twice = _repeats(keys)
    if twice:
        raise UserError(f'{path}: id {twice[0]} occurs more than once in "{key}"; ids must differ, renumber them')
    return [record["id"] if isinstance(record["id"], str) else found
            for record, found in zip(records, keys, strict=True)], keys


def read_categories(content: dict, path: Path) -> tuple[tuple[str, ...], tuple[int | str, ...]]:
    """Names and ids of the classes, in the file's order."""
    records = records_of(content, "categories", path)
    if not records:
        raise UserError(f'{path}: "categories" is empty; expected one entry with id and name for each class')
    ids, _ = _ids(records, "categories", path)
    names = _values(records, "categories", "name", _text, "a name", path)
    for fault in class_faults(names, ids):
        raise UserError(f"{path}: {fault}; shorten or correct it")
    return tuple(names), tuple(ids)


def read_images(content: dict, path: Path, folder: Path | None, may_be_lost: bool = False) -> ImageList:
    """All images, sorted by id; every file exists below the image folder, unless it `may_be_lost`.

    Without a folder there are names only, and files are not looked for.
    """
    records = records_of(content, "images", path)
    if not records:
        raise UserError(f'{path}: "images" is empty; there is nothing to read')
    ids, keys = _ids(records, "images", path)
    names = _values(records, "images", "file_name", _text, "a path inside the image folder", path)
    sides = [_values(records, "images", side, whole_number, "a whole number of pixels", path)
             for side in ("width", "height")]
    for name, *size in zip(names, *sides, strict=True):
        if min(size) < 1:
            raise UserError(f"{path}: image {name} has the size {size[0]}x{size[1]}; expected at least 1x1")
    # Numbers before texts.
    order = sorted(range(len(keys)), key=lambda place: (isinstance(keys[place], str), keys[place]))
    ids, keys, names, widths, heights = ([values[place] for place in order] for values in (ids, keys, names, *sides))
    paths, renamed = (names, []) if folder is None else ImageFolder(folder, path).find(names, may_be_lost)
    return ImageList(ids, keys, paths, list(zip(widths, heights, strict=True)), renamed)


def _add_remarks(data, images, annotations):
    """Report what is no fault of one box, but no one's intention either."""
    remarks = {"images_renamed": [f"{name}, found as {os.path.basename(path)}" for name, path in images.renamed],
               "images_same_file": _repeats(data.paths), "categories_same_name": _repeats(data.categories.names)}
    counts = np.bincount(data.truth["class_index"], minlength=len(data.categories))
    if len(annotations):
        remarks["categories_without_box"] = [name for name, count in zip(data.categories.names, counts, strict=True)
                                             if not count]
        if all(finite_number(annotation.get("area")) == 0 for annotation in annotations):
            remarks["areas_zero"] = [f"annotation {annotation.get('id')}" for annotation in annotations]
    if like_percentages(data.truth["bbox"], np.array(data.sizes)[data.truth["image_index"]]):
        remarks["boxes_like_percentages"] = [data.truth["bbox"][0].tolist()] * len(data.truth["bbox"])
    for key, found in remarks.items():
        if found:
            data.report[key], data.examples[key] = len(found), found[0]


def _repeats(values):
    """Return the values that occurred before, in their order."""
    seen = set()
    return [value for value in values if value in seen or seen.add(value)]

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The data sets of the bench: small ones of different kinds, so that a recipe is not tuned on one of them.

    bccd      blood cells, three classes, many boxes an image
    few       60 of its training images
    large     crops around its white cells: one class, large objects only
    toy       an export of Roboflow: animals in a room, two classes
    shapes    drawn shapes of eight classes at 128 pixels
    coco100   100 photographs of coco128, 80 classes, scored on the training images: how fast it learns by heart
"""
import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from model_utils.errors import UserError
from model_utils.files import new_folder
from src.data.coco import layout, load_json
from src.data.image_files import decode_image
from src.evaluation.visualize import write_image
from tools import convert_dataset, sample_data, split_coco

FEW = 60
MANY = 100
# A crop is so much larger than its object, and keeps boxes of which so much is inside.
CROP_SCALE, MIN_INSIDE = 1.5, 0.5
SEED = 0


class BenchSet(NamedTuple):
    """A set of the bench: the option that names its source ("" for none), how it is made, and how it is trained on.

    `by_heart`: it is scored on its training images, so that none can be held out.
    """

    source: str
    make: Callable[[Path | None, Path], object]
    training_shape: int
    max_epoch: int
    by_heart: bool = False


def make_set(name: str, source: Path | None, folder: Path, holds_out: bool) -> Path:
    """Return the data folder of a set below a folder; it is made unless it is there.

    Args:
        name: key of `SETS`.
        source: what it is made from.
        folder: has the data folders of all sets.
        holds_out: a fifth of the training images takes the place of the validation images.

    Raises:
        UserError: the set there is of another source.
    """
    origin = folder / f"{name}.source"
    if source and origin.exists() and origin.read_text(encoding="utf-8") != str(source):
        raise UserError(f"{folder / name}: was made from {origin.read_text(encoding='utf-8')}, not from {source}: name "
                        "another --work, or remove it and its .source")
    data, split = folder / name, folder / f"{name}_split"
    holds_out = holds_out and not SETS[name].by_heart
    if not data.exists():
        SETS[name].make(source, data)
        origin.write_text(str(source), encoding="utf-8")
    if holds_out and not split.exists():
        split_coco.split(data, split, 0.2, SEED)
    return split if holds_out else data


def _link(source, out):
    for split in ("train", "val"):
        layout(str(source), split)
    out.symlink_to(source.resolve(), target_is_directory=True)


def _few(source, out):
    keys = split_coco.draw([image["id"] for image in _content(source, "train")["images"]], FEW / len(
        _content(source, "train")["images"]), SEED)[1]
    _subset(source, out, lambda split, images: [image for image in images if split == "val" or image["id"] in keys])


def _coco100(source, out):
    _subset(source, out, lambda _, images: sorted(images, key=lambda image: image["file_name"])[:MANY], same=True)


def _content(source, split):
    return load_json(layout(str(source), split)[0])


def _subset(source, out, choose, same=False):
    """Make a data folder of some images of another one; with `same` those of val are those of train."""
    with new_folder(out) as folder:
        (folder / "annotations").mkdir()
        for split in ("train", "val"):
            path, images = layout(str(source.resolve()), "train" if same else split)
            content = load_json(path)
            content["images"] = choose(split, content["images"])
            kept = {image["id"] for image in content["images"]}
            content["annotations"] = [box for box in content["annotations"] if box["image_id"] in kept]
            (folder / f"{split}2017").symlink_to(images, target_is_directory=True)
            (folder / "annotations" / f"instances_{split}2017.json").write_text(json.dumps(content), encoding="utf-8")


def _large(source, out):
    with new_folder(out) as folder:
        (folder / "annotations").mkdir()
        for split in ("train", "val"):
            (folder / f"{split}2017").mkdir()
            content, images = _content(source, split), layout(str(source), split)[1]
            white = next(category for category in content["categories"] if category["name"] == "WBC")
            crops, boxes = [], []
            for image in content["images"]:
                xywh = np.array([box["bbox"] for box in content["annotations"] if box["image_id"] == image["id"]
                                 and box["category_id"] == white["id"]], np.float64).reshape(-1, 4)
                pixels = decode_image(images / image["file_name"], "auto") if len(xywh) else None
                for box in xywh:
                    window, inside = _crop(box, xywh, (image["width"], image["height"]))
                    x1, y1, x2, y2 = window
                    crops.append({"id": len(crops) + 1, "file_name": f"{len(crops) + 1:04d}.png", "width": x2 - x1,
                                  "height": y2 - y1})
                    write_image(folder / f"{split}2017" / crops[-1]["file_name"], pixels[y1:y2, x1:x2])
                    boxes += [{"id": len(boxes) + 1 + number, "image_id": crops[-1]["id"], "category_id": white["id"],
                               "bbox": found.tolist(), "area": float(found[2:].prod()), "iscrowd": 0}
                              for number, found in enumerate(inside)]
            (folder / "annotations" / f"instances_{split}2017.json").write_text(json.dumps(
                {"images": crops, "annotations": boxes, "categories": [white]}), encoding="utf-8")


def _crop(box_xywh, others_xywh, image_wh):
    """Return the window (x1, y1, x2, y2) around a box, in whole pixels, and the boxes in it, [N, 4] xywh."""
    centre, side = box_xywh[:2] + box_xywh[2:] / 2, CROP_SCALE * box_xywh[2:].max()
    low = np.clip(np.floor(centre - side / 2), 0, image_wh).astype(int)
    high = np.clip(np.ceil(centre + side / 2), 0, image_wh).astype(int)
    first, last = np.clip(others_xywh[:, :2], low, high), np.clip(others_xywh[:, :2] + others_xywh[:, 2:], low, high)
    inside = np.concatenate([first - low, last - first], axis=1)
    kept = inside[:, 2:].prod(axis=1) >= MIN_INSIDE * others_xywh[:, 2:].prod(axis=1)
    return (*low.tolist(), *high.tolist()), inside[kept]


def _toy(source, out):
    if convert_dataset.main([str(source), str(out)]):
        raise UserError(f"{source}: cannot be converted")


def _shapes(_, out):
    sample_data.make_sample_data(out, sample_data.Settings(train=400, val=100, seed=1, size=128))


# Each run takes five to ten minutes of one core.
SETS = {
    "bccd": BenchSet("bccd", _link, 160, 20),
    "few": BenchSet("bccd", _few, 160, 60),
    "large": BenchSet("bccd", _large, 160, 30),
    "toy": BenchSet("roboflow", _toy, 160, 60),
    "shapes": BenchSet("", _shapes, 128, 20),
    "coco100": BenchSet("coco128", _coco100, 160, 60, by_heart=True),
}

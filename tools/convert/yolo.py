# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""YOLO labels: a txt file for each image, as ultralytics, Darknet, LabelImg, Roboflow, CVAT and others write them.

    data.yaml (path, train, val, test, names), images/train/a.jpg, labels/train/a.txt
    obj.data, obj.names, train.txt, obj_train_data/a.jpg, obj_train_data/a.txt
    classes.txt, images/a.jpg, labels/a.txt

A line is `class cx cy width height`, or `class x1 y1 x2 y2 x3 y3 ...`, in fractions of the upright image.
"""
import math
import os
import re
from pathlib import Path

import yaml

from model_utils.errors import UserError
from src.data.fields import describe, finite_number, whole_number
from tools.convert.reading import Reading, SourceImage, box_of_points, files_of, image_files, read_text, split_of

SPLIT_KEYS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
# How far rounded fractions may lie outside 0 to 1.
MARGIN = 0.01
# Texts beside labels that are none.
OTHER_TEXTS = re.compile(r"(classes|readme|train|valid?|test)\b.*", re.IGNORECASE)


def read(source, image_root=None):
    """Read the labels below a folder, or of a data.yaml.

    Raises:
        UserError: class names or images are missing, or a file cannot be read.
    """
    reading = Reading(source.parent if source.is_file() else source, image_root)
    reading.has_fractions = True
    description, path = _description(source)
    names = _names(description.get("names"), path) if "names" in description else _names_of_files(reading.root)
    reading.categories = sorted(names.items())
    keypoints = description.get("kpt_shape")
    keypoints = [whole_number(side) or 0 for side in keypoints] if isinstance(keypoints, list) else [0]
    pose_columns = 5 + math.prod(keypoints)
    labels, seen = [], set()
    for image, split in _images(reading, description, path):
        label = _label_file(reading, image)
        labels.append(label)
        if image in seen:
            reading.leave_out("images that are listed again", reading.relative(image))
            continue
        seen.add(image)
        boxes = _boxes(reading, label, pose_columns) if label.is_file() else []
        reading.images.append(SourceImage(image, split, boxes))
    folders = {label.parent for label in labels}
    for path in sorted({found for folder in folders for found in folder.glob("*.txt")} - set(labels)):
        if not OTHER_TEXTS.fullmatch(path.name):
            reading.leave_out("label files without an image", reading.relative(path))
    return reading


def _description(source):
    """Return (content, path) of data.yaml or obj.data; an empty content without one."""
    found = []
    for path in files_of(source, ".yaml", ".yml"):
        try:
            content = yaml.safe_load(read_text(path))
        except yaml.YAMLError as error:
            raise UserError(f"{path}: broken YAML: {error}; make or copy the file again") from error
        if isinstance(content, dict) and "names" in content:
            found.append((content, path))
    if len(found) > 1:
        raise UserError(f"{source}: {found[0][1]} and {found[1][1]} both have names of classes; name one of the files "
                        "in place of the folder")
    if found:
        return found[0]
    for path in sorted(source.rglob("*.data")):
        pairs = [line.split("=", 1) for line in read_text(path).splitlines() if "=" in line]
        # Its file of names is found by its ending.
        return {key.strip(): value.strip() for key, value in pairs if key.strip() != "names"}, path
    return {}, source


def _names(names, path):
    """Return class names by number from a list or an object of a data.yaml."""
    pairs = enumerate(names) if isinstance(names, list) else names.items() if isinstance(names, dict) else ()
    found = {whole_number(number): str(name) for number, name in pairs}
    if not found or None in found:
        raise UserError(f'{path}: "names" is {describe(names)}; expected a list of names, or an object of number: name')
    return found


def _names_of_files(root):
    """Return class names by number from obj.names or classes.txt."""
    for path in (*sorted(root.rglob("*.names")), *sorted(root.rglob("classes.txt"))):
        # An empty line has a number, too.
        return {number: line.strip() for number, line in enumerate(read_text(path).splitlines()) if line.strip()}
    raise UserError(f"{root}: has YOLO labels but no class names; put a file classes.txt there, one name a line, in "
                    "the order of the class numbers")


def _images(reading, description, path):
    """Yield (image file, split) as the description lists them, or else all below the folder."""
    base = path.parent if path.is_file() else path
    listed = {split: description[key] for key, split in SPLIT_KEYS.items() if description.get(key)}
    for split, entries in listed.items():
        for entry in entries if isinstance(entries, list) else [entries]:
            found = _resolve(reading, base, description.get("path"), str(entry))
            if found is None:
                reading.leave_out("folders or lists of images that are not there", f"{split}: {entry}")
            elif found.is_dir():
                yield from ((image, split) for image in image_files(found))
            else:
                yield from ((image, split) for image in _listed_images(reading, found))
    if not listed:
        yield from ((image, split_of(image.parent, reading.root)) for image in image_files(reading.image_root))


def _resolve(reading, base, root, entry):
    """Return the folder or text file of an entry of data.yaml, also of one written elsewhere; None for none."""
    plain = entry.replace("\\", "/")
    inside = re.sub(r"^(\.{0,2}/)+", "", plain)
    tails = ["/".join(inside.split("/")[start:]) for start in range(inside.count("/") + 1)]
    places = [base / str(root or "") / plain, base / plain, *(place / tail for tail in tails
                                                              for place in (base / str(root or ""), base))]
    return next((Path(os.path.abspath(place)) for place in places if place.exists() and tails[-1]), None)


def _listed_images(reading, path):
    """Yield the image files of a list, one path a line."""
    for line in read_text(path).splitlines():
        name = line.strip()
        if not name:
            continue
        image = next((place for place in (path.parent / name, reading.root / name) if place.is_file()), None)
        image = image or reading.locate([name])
        if image:
            yield Path(os.path.abspath(image))
        else:
            reading.leave_out("images that are listed, but not there", f"{name} of {reading.relative(path)}")


def _label_file(reading, image):
    """Return the path of an image's label file: below labels/ where the image is below images/, or beside it."""
    if reading.image_root != reading.root and image.is_relative_to(reading.image_root):
        inside = image.relative_to(reading.image_root).with_suffix(".txt")
        return next((path for path in (reading.root / "labels" / inside, reading.root / inside) if path.is_file()),
                    reading.root / inside)
    parts = image.with_suffix(".txt").parts
    if "images" in parts[:-1]:
        place = len(parts) - 2 - parts[-2::-1].index("images")
        other = Path(*parts[:place], "labels", *parts[place + 1:])
        if other.is_file() or not image.with_suffix(".txt").is_file():
            return other
    return image.with_suffix(".txt")


def _boxes(reading, path, pose_columns):
    """Return the boxes of a label file, as fractions."""
    boxes, known = [], dict(reading.categories)
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.split():
            continue
        name, *columns = line.split()
        values = list(map(finite_number, columns))
        place = f"{reading.relative(path)}, line {number}: {line.strip():.60}"
        is_box = len(values) == 4 or len(values) + 1 == pose_columns
        if whole_number(name) not in known:
            reading.leave_out(f"lines of a class that is not among the {len(known)} names", place)
        elif not is_box and (len(values) < 6 or len(values) % 2):
            reading.leave_out(f"lines of {len(values) + 1} columns, neither a box nor a polygon", place)
        elif not all(-MARGIN <= value <= 1 + MARGIN for value in (values[:4] if is_box else values)):
            reading.leave_out("lines whose values are no fractions from 0 to 1", place)
        else:
            boxes.append({"id": place, "category_id": whole_number(name), "bbox": _box(reading, values, is_box, place)})
    return boxes


def _box(reading, values, is_box, place):
    if is_box:
        x, y, width, height = values[:4]
        return [x - width / 2, y - height / 2, width, height]
    reading.note("polygons or rotated boxes are replaced by the boxes around them", place)
    return box_of_points(list(zip(values[::2], values[1::2], strict=True)))

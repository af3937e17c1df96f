# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""YOLO labels: a txt file for each image, as ultralytics, Darknet, LabelImg, Roboflow, CVAT and others write them.

    data.yaml (path, train, val, test, names), images/train/a.jpg, labels/train/a.txt
    obj.data, obj.names, train.txt, obj_train_data/a.jpg, obj_train_data/a.txt
    classes.txt, images/a.jpg, labels/a.txt

A line is `class cx cy width height`, or `class x1 y1 x2 y2 x3 y3 ...`, in fractions of the upright image.
"""
import itertools
import math
import os
import re
from collections import defaultdict
from pathlib import Path

import yaml

from model_utils.errors import UserError
from model_utils.options import TextLoader
from src.data.fields import describe, finite_number, whole_number
from src.data.formats import CLASS_FILES, formats_of
from tools.convert.reading import (
    IMAGE_FOLDERS,
    NOT_THERE,
    SPLIT_WORDS,
    Reading,
    SourceImage,
    box_of_points,
    files_of,
    images_of,
    in_any_case,
    read_text,
    split_of,
)
from tools.convert.splits import SPLITS

# How far rounded fractions may lie outside 0 to 1.
MARGIN = 0.01
IMAGE_WORDS = {name.casefold() for name in IMAGE_FOLDERS}
LABEL_FOLDERS = ("labels", "label")
# Values of a key without one.
NOTHING = (None, "", "null", "~")


def read(source, image_root=None):
    """Read the labels below a folder, or of a data.yaml.

    Raises:
        UserError: class names or images are missing, or a file cannot be read.
    """
    reading = Reading(source, image_root)
    reading.has_fractions = True
    description, path = _description(reading, source)
    classes = _classes(reading, description, path)
    keypoints = description.get("kpt_shape")
    keypoints = [whole_number(side) or 0 for side in keypoints] if isinstance(keypoints, list) else [0]
    pose_columns = 5 + math.prod(keypoints)
    labels, seen, siblings, used, forms = {}, set(), {}, defaultdict(set), set()
    for image, split in _images(reading, description, path):
        if image in seen:
            reading.leave_out("images that are listed again", reading.relative(image))
            continue
        seen.add(image)
        label, boxes = _label_file(reading, image, siblings), []
        if label:
            owner = labels.setdefault(label, image)
            if owner != image:
                raise UserError(f"{label}: may be of {owner} or of {image}; leave the image that it is of, or give the "
                                "other one another name")
            folder = reading.root if reading.root in classes else next(
                (folder for folder in label.parents if folder in classes), reading.root)
            boxes = _boxes(reading, label, classes.get(folder, {}), pose_columns, used[folder], forms)
        reading.images.append(SourceImage(image, split, boxes))
    _refuse_keypoints(reading, forms)
    for folder, numbers in used.items():
        _refuse_shifted(reading, classes.get(folder, {}), numbers)
    for path in reading.files_below(".txt"):
        if path not in labels and "yolo" in formats_of(path) and not CLASS_FILES.fullmatch(path.name):
            reading.leave_out("label files without an image, or of one that is not listed", reading.relative(path))
    return reading


def _description(reading, source):
    """Return (content, path) of data.yaml or obj.data, keys in lower case; an empty content without one."""
    found = {".yaml": [], ".data": []}
    for path in reading.files(".yaml", ".yml", ".data"):
        suffix, text = path.suffix.lower().replace(".yml", ".yaml"), read_text(path)
        if suffix == ".data":
            pairs = [line.split("=", 1) for line in text.splitlines() if "=" in line]
            content = {key.strip(): value.strip() for key, value in pairs}
        elif suffix == ".yaml":
            try:
                content = TextLoader(text).get_single_data()
            except yaml.YAMLError as error:
                if reading.source != path and "yolo" not in formats_of(path):
                    reading.leave_out("yaml files that cannot be read", reading.relative(path))
                    continue
                raise UserError(f"{path}: broken YAML: {error}; make or copy the file again (a path in double quotes "
                                "has / in place of \\)") from error
        if suffix in found and isinstance(content, dict):
            content = {key.casefold(): value for key, value in content.items() if isinstance(key, str)}
            if "names" in content or suffix == ".data" and "train" in content:
                found[suffix].append((content, path))
    found = found[".yaml"] or found[".data"]
    if len(found) > 1:
        # Darknet's own examples are often beside the user's file; their images are not.
        found = [(content, path) for content, path in found if any(
            _resolve(path.parent, content.get("path"), entry) for _, entry in _entries(content))] or found
    if len(found) > 1:
        raise UserError(f"{source}: {found[0][1]} and {found[1][1]} both have names of classes; name one of the files "
                        "in place of the folder")
    return found[0] if found else ({}, source)


def _classes(reading, description, path):
    """Set the categories; returns {folder: {class number: category id}} for the labels below each folder.

    Raises:
        UserError: there are no names, or several files of names and it is not certain which one is meant.
    """
    names = description.get("names")
    if isinstance(names, list | dict):
        found = {path: _names(names, path)}
    elif names is None:
        found = {file: _names(read_text(file).splitlines(), file)
                 for file in reading.files_below(".names", ".txt", ".labels") if CLASS_FILES.fullmatch(file.name)}
    else:
        file = _resolve(path.parent, description.get("path"), names)
        if file is None or not file.is_file():
            raise UserError(f'{path}: "names" is {describe(names)}; expected a list of names, an object of number: '
                            "name, or a file of names that is there")
        found = {file: _names(read_text(file).splitlines(), file)}
    if not found:
        raise UserError(f"{reading.root}: has YOLO labels but no class names; put a file classes.txt there, one name a "
                        "line, in the order of the class numbers")
    first, *others = found
    if all(found[other] == found[first] for other in others):
        others = []
    for one, other in itertools.combinations([first, *others], 2):
        # Tools that put the names beside the labels do so in each folder.
        if one.name != other.name or one.parent in (other.parent, *other.parent.parents) or (
                other.parent in one.parent.parents):
            raise UserError(f"{reading.root}: {one} and {other} have other names of classes; leave the one that the "
                            "labels were made with")
    reading.categories = sorted(found[first].items())
    ids = {name: number for number, name in reversed(reading.categories)}
    numbers_of = {first.parent if others else reading.root: {number: number for number in found[first]}}
    for other in others:
        for name in found[other].values():
            if name not in ids:
                ids[name] = max(ids.values()) + 1
                reading.categories.append((ids[name], name))
        numbers_of[other.parent] = {number: ids[name] for number, name in found[other].items()}
        reading.note("other files of class names differ, and are matched by name",
                     reading.relative(other))
    count = whole_number(description.get("nc", description.get("classes")))
    if count not in (None, len(found[first])):
        reading.note(f"descriptions with {count} as the number of classes, but {len(found[first])} names",
                     reading.relative(path))
    return numbers_of


def _names(names, path):
    """Return class names by number from a list or an object; an empty one has a number, too."""
    pairs = enumerate(names) if isinstance(names, list) else names.items() if isinstance(names, dict) else ()
    found = {whole_number(number): name.strip() if isinstance(name, str) else None for number, name in pairs}
    if not any(found.values()) or None in found or None in found.values():
        raise UserError(f'{path}: "names" is {describe(names)}; expected a list of names, or an object of number: name')
    return {number: name for number, name in found.items() if name}


def _refuse_shifted(reading, numbers, used):
    """Refuse labels that count classes from 1 where their names are counted from 0."""
    count = len(numbers)
    if count in used and 0 not in used and numbers.keys() == set(range(count)):
        raise UserError(f"{reading.root}: labels have the class {count} and never 0, but the {count} names have the "
                        "numbers from 0: labels seem to count from 1; number both alike, such as by a name for class 0")


def _entries(description):
    """Yield (split, folder or list of images) as a description has them."""
    for key, entries in description.items():
        for entry in entries if isinstance(entries, list) else [entries]:
            if key in SPLIT_WORDS and entry not in NOTHING:
                yield SPLIT_WORDS[key], str(entry)


def _images(reading, description, path):
    """Yield (image file, split) as the description lists them, or else all below the folder."""
    listed = sorted(_entries(description), key=lambda pair: SPLITS.index(pair[0]))
    for split, entry in listed:
        found = _resolve(path.parent, description.get("path"), entry)
        if found is None:
            reading.leave_out("entries of a split without such a folder or list of images", f"{split}: {entry}")
        elif found.is_dir():
            yield from ((image, split) for image in images_of(files_of(found)))
        else:
            yield from ((image, split) for image in _listed_images(reading, found))
    if not listed:
        yield from ((image, split_of(image.parent, reading.root)) for image in reading.image_files)


def _resolve(base, root, entry):
    """Return the folder or text file of an entry of data.yaml, also of one written elsewhere; None for none."""
    plain = entry.replace("\\", "/").rstrip("/")
    inside = re.sub(r"^(\.{0,2}/)+", "", plain)
    tails = ["/".join(inside.split("/")[start:]) for start in range(inside.count("/") + 1)]
    above = base / str(root or "")

    def first(*places):
        return next((Path(os.path.abspath(found)) for folder, tail in places if tail
                     for found in (in_any_case(folder, tail),) if found), None)

    outside, within = first((above, plain), (base, plain)), first((base, inside))
    if plain.startswith("../") and outside and within and outside != within:
        # Roboflow writes ../train/images for the folder beside data.yaml.
        raise UserError(f"{base}: {entry} may be {outside} or {within}; write the one that is meant into the "
                        "description of the data, or convert a copy that lies by itself")
    return outside or first(*((place, tail) for tail in tails for place in (above, base)))


def _listed_images(reading, path):
    """Yield the image files of a list, one path a line."""
    for line in read_text(path).splitlines():
        name = line.strip()
        if not name:
            continue
        image = reading.locate([name], [path.parent])
        if image:
            yield image
        else:
            reading.leave_out(NOT_THERE, f"{name} of {reading.relative(path)}")


def _label_file(reading, image, siblings):
    """Return an image's label file: below labels/ where the image is below images/, or beside it; None for none.

    `siblings` keeps the label folders beside a folder of images, and the names in folders of labels.
    """
    if reading.image_root != reading.root and image.is_relative_to(reading.image_root):
        inside = image.relative_to(reading.image_root).with_suffix(".txt")
        candidates = [reading.root / "labels" / inside, reading.root / inside]
    else:
        # As texts: there may be many.
        beside = os.path.splitext(image)[0] + ".txt"
        parts, candidates = beside.split(os.sep), [beside]
        place = max((place for place, part in enumerate(parts[:-1]) if part.casefold() in IMAGE_WORDS), default=None)
        if place is not None:
            above = os.sep.join(parts[:place]) or os.sep
            if above not in siblings:
                siblings[above] = sorted((name for name in os.listdir(above) if name.casefold() in LABEL_FOLDERS),
                                         key=lambda name: (name != "labels", name))
            candidates[:0] = [os.path.join(above, name, *parts[place + 1:]) for name in siblings[above]]
    found = next((Path(path) for path in candidates if os.path.isfile(path)), None)
    if not found:
        found = next(filter(None, (_near(Path(path), image, siblings) for path in candidates)), None)
    return found


def _near(path, image, folders):
    """Return the only label file whose name differs from a path's by letter case, or None.

    It must not be that of another image, beside this one. `folders` keeps the names in folders.
    """
    if path.parent not in folders:
        folders[path.parent] = _by_case(os.listdir(path.parent) if path.parent.is_dir() else ())
    near = [path.parent / name for name in folders[path.parent].get(path.name.casefold(), ())]
    if len(near) != 1 or any(other.stem == near[0].stem and other not in (image, near[0])
                             for other in image.parent.iterdir()):
        return None
    return near[0]


def _by_case(names):
    found = defaultdict(list)
    for name in names:
        found[name.casefold()].append(name)
    return found


def _refuse_keypoints(reading, forms):
    """Refuse labels whose lines all look like boxes with keypoints; `forms` are their numbers of those, 0 for none."""
    if forms and 0 not in forms:
        count = max(forms)
        raise UserError(f"{reading.root}: lines of {5 + 3 * count} columns look like boxes with keypoints, not "
                        f"polygons; put kpt_shape: [{count}, 3] into data.yaml")


def _keypoints_of(values):
    """Return the number of keypoints (x, y and visibility 0, 1 or 2) that may follow a box, 0 if none can."""
    count, rest = divmod(len(values) - 4, 3)
    return count if count > 0 and not rest and set(values[6::3]) <= {0, 1, 2} else 0


def _boxes(reading, path, category_of, pose_columns, used, forms):
    """Return the boxes of a label file, as fractions.

    The numbers of its classes are added to `used`, those of the keypoints in lines that are no boxes to `forms`.
    """
    boxes, file = [], reading.relative(path)
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.split():
            continue
        name, *columns = line.split()
        used.add(whole_number(name))
        values = list(map(finite_number, columns))
        place = f"{file}, line {number}: {line.strip():.60}"
        is_box = len(values) == 4 or len(values) + 1 == pose_columns
        if not is_box:
            forms.add(_keypoints_of(values))
        if whole_number(name) not in category_of:
            reading.leave_out(f"lines of a class that is not among the {len(category_of)} names", place)
        elif not is_box and (len(values) < 6 or len(values) % 2):
            hint = "; keypoints need kpt_shape in data.yaml" if len(values) > 6 else ""
            reading.leave_out(f"lines of {len(values) + 1} columns, neither a box nor a polygon{hint}", place)
        elif not all(-MARGIN <= value <= 1 + MARGIN for value in (values[:4] if is_box else values)):
            reading.leave_out("lines with other values than fractions from 0 to 1", place)
        else:
            boxes.append({"id": place, "category_id": category_of[whole_number(name)],
                          "bbox": _box(reading, values, is_box, place)})
    return boxes


def _box(reading, values, is_box, place):
    if is_box:
        x, y, width, height = values[:4]
        return [x - width / 2, y - height / 2, width, height]
    reading.note("polygons or rotated boxes, of which the box around counts", place)
    return box_of_points(list(zip(values[::2], values[1::2], strict=True)))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""VIA, the VGG Image Annotator: a project or its annotations as json, or the annotations as csv.

    {"_via_img_metadata": {"a.jpg12345": {"filename": "a.jpg", "regions": [
        {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4},
         "region_attributes": {"class": "cat"}}]}}}
"""
import csv
import io
import json
import math
from collections import defaultdict

from model_utils.errors import UserError
from model_utils.json_file import read_json
from src.data.fields import describe, finite_number
from src.data.formats import formats_of
from tools.convert.reading import (
    NOT_THERE,
    Reading,
    SourceImage,
    box_of_points,
    class_name,
    read_text,
    split_of,
    split_of_name,
)

# Without attributes, as in data sets of one class, every region is one of these.
ONLY_CLASS = "object"


def read(source, image_root=None, attribute=None):
    """Read the json and csv files of VIA below a folder; `attribute` is the region attribute that holds the class.

    Raises:
        UserError: the attribute is not given and regions have several, or a file cannot be used.
    """
    reading = Reading(source, image_root)
    for path in reading.files(".json", ".csv"):
        if "via" not in formats_of(path):
            continue
        split = split_of_name(path.stem) or split_of(path.parent, reading.root)
        is_csv = path.suffix.lower() == ".csv"
        entries, attributes = (_csv_entries(path), {}) if is_csv else _json_entries(reading, path)
        attribute_of_file = attribute or _only_attribute(entries, path)
        options = _object(_object(attributes.get(attribute_of_file)).get("options"))
        for name, regions in entries:
            place = f"{name} of {reading.relative(path)}"
            image = reading.locate([name], [path.parent], place)
            if image is None:
                reading.leave_out(NOT_THERE, place)
                continue
            reading.take(image, place)
            boxes = [_box(reading, region, attribute_of_file, options, f"region {number} of {name}")
                     for number, region in enumerate(regions)]
            reading.images.append(SourceImage(image, split, [box for box in boxes if box]))
    return reading


def _json_entries(reading, path):
    """Return [(file name, regions)] of a json file, each name once, and its region attributes by name."""
    content = read_json(path, "VIA file")
    entries = content.get("_via_img_metadata", content) if isinstance(content, dict) else None
    if not isinstance(entries, dict) or not all(
            isinstance(entry, dict) and isinstance(entry.get("filename"), str)
            and isinstance(entry.get("regions") or [], list | dict) for entry in entries.values()):
        raise UserError(f"{path}: has no images with a filename; expected a project or exported annotations of VIA 1 "
                        "or 2, not of VIA 3")
    found, attributes = {}, _object(_object(content.get("_via_attributes")).get("region"))
    for entry in entries.values():
        name, regions = entry["filename"], entry.get("regions") or []
        if name in found:
            reading.note("images are listed more than once: all regions count",
                         f"{name} of {reading.relative(path)}")
        # VIA 1 numbers its regions.
        found.setdefault(name, []).extend(regions.values() if isinstance(regions, dict) else regions)
    return list(found.items()), attributes


def _csv_entries(path):
    """Return [(file name, regions)] of a csv file, which has a line for each region."""
    entries, text = defaultdict(list), read_text(path)
    # A field may be a long polygon.
    csv.field_size_limit(max(len(text), csv.field_size_limit()))
    # Spreadsheets of many countries separate by semicolons.
    rows = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=text.partition("\n")[0].count))
    try:
        for row in rows:
            regions = entries[row.get("filename") or row["#filename"]]
            shape, attributes = (json.loads(row[key]) for key in ("region_shape_attributes", "region_attributes"))
            if shape:
                regions.append({"shape_attributes": shape, "region_attributes": attributes})
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise UserError(f"{path}, line {rows.line_num}: is no region of VIA ({error!r:.60}); expected the columns "
                        "filename, region_shape_attributes and region_attributes; export the csv file again"
                        ) from error
    return list(entries.items())


def _only_attribute(entries, path):
    """Return the name of the region attribute that holds the class, None where regions have none."""
    names = {name: None for _, regions in entries for region in regions
             for name in _object(_object(region).get("region_attributes"))}
    if len(names) > 1:
        raise UserError(f"{path}: regions have the attributes {', '.join(names)}; name the one that holds the class, "
                        f"such as --attribute {next(iter(names))}")
    return next(iter(names), None)


def _box(reading, region, attribute, options, place):
    """Return the record of a region, None where it is left out; `options` has the texts of an attribute's choices."""
    shape, attributes = (_object(_object(region).get(key)) for key in ("shape_attributes", "region_attributes"))
    value = attributes.get(attribute)
    if isinstance(value, dict):
        # Checkboxes: those that are set.
        names = [name for name, is_set in value.items() if is_set]
        value = names[0] if len(names) == 1 else None
    # A choice is stored by its number; its text may be empty.
    value = (options.get(value) or value) if isinstance(value, str) else value
    if attribute is None:
        value = ONLY_CLASS
        reading.note(f'regions without attributes are of the class "{ONLY_CLASS}"', place)
    box = _box_of_shape(shape)
    value = class_name(value)
    if not value:
        reading.leave_out(f'regions without one value of the attribute "{attribute}"',
                          f"{place}, {describe(attributes.get(attribute))}")
    elif box is None:
        reading.leave_out(f"regions of the kind {shape.get('name')}, which is no area, or not complete", place)
    else:
        return {"id": place, "category_id": reading.category(value), "bbox": box}
    return None


def _object(value):
    return value if isinstance(value, dict) else {}


def _box_of_shape(shape):
    kind = shape.get("name")
    if kind == "rect":
        return [finite_number(shape.get(key)) for key in ("x", "y", "width", "height")]
    if kind in ("circle", "ellipse"):
        x, y = (finite_number(shape.get(key)) for key in ("cx", "cy"))
        radii = [finite_number(shape.get(key, shape.get("r"))) for key in ("rx", "ry")]
        theta = finite_number(shape.get("theta", 0))
        half = [math.hypot(radii[0] * math.cos(theta), radii[1] * math.sin(theta)),
                math.hypot(radii[0] * math.sin(theta), radii[1] * math.cos(theta))]
        return [x - half[0], y - half[1], 2 * half[0], 2 * half[1]]
    if kind == "polygon":
        xs, ys = shape.get("all_points_x"), shape.get("all_points_y")
        if isinstance(xs, list) and isinstance(ys, list) and len(xs) == len(ys):
            return box_of_points(list(map(list, zip(xs, ys, strict=True))))
    return None

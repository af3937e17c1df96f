# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Which annotation tool a folder comes from, to name the command that converts it."""
import os
import re
import shlex
from collections import Counter
from itertools import islice
from pathlib import Path

from model_utils.files import check_regular, command_of, walk

FORMATS = {
    "roboflow": "a COCO export of Roboflow",
    "cvat": "a COCO export of CVAT",
    "label_studio": "a COCO export of Label Studio",
    "coco": "a COCO annotation file with its images",
    "labelme": "files of labelme",
    "via": "annotations of VIA (VGG Image Annotator)",
    "voc": "Pascal VOC xml",
    "yolo": "YOLO labels",
}
OURS = "layout"
# Exports of other forms, and what to ask the tool for.
OTHERS = {"cvat_xml": "CVAT's own xml: export it again as COCO 1.0",
          "label_studio_json": "Label Studio's own json: export it again as COCO",
          "label_studio_min": "Label Studio's JSON-MIN: export it again as COCO",
          "via_3": "a project of VIA 3, of which only versions 1 and 2 are read: convert it to COCO",
          "create_ml": "CreateML's json: export it again as COCO",
          "tensorflow_csv": "TensorFlow's csv: export it again as COCO",
          "supervisely": "Supervisely's json: export it again as COCO"}
# A line of a YOLO label file: a class number, then a box or a polygon.
YOLO_LINE = re.compile(rb"(?:\xef\xbb\xbf)?\s*\d+(?:[ \t]+-?\.?\d[\d.eE+-]*){4,}[ \t]*(?:[\r\n]|$)")
# Lists of YOLO's class names; of other tools, too, so they tell where nothing else does.
CLASS_FILES = re.compile(r"classes\.txt|.+\.names|obj\.data|_darknet\.labels", re.IGNORECASE)
# What stands in every file of a format, by suffix.
MARKS = {".json": {"labelme": (b'"shapes"',), "via": (b'"regions"', b'"file_attributes"'),
                   "label_studio_json": (b'"from_name"', b'"result"'),
                   "label_studio_min": (b'"original_width"', b'labels"'), "via_3": (b'"data_format_version"',),
                   "create_ml": (b'"coordinates"', b'"annotations"'),
                   "supervisely": (b'"classTitle"', b'"geometryType"')},
         ".xml": {"voc": (b"</annotation>",), "cvat_xml": (b"<annotations>", b"<meta>")},
         ".csv": {"via": (b"region_shape_attributes",),
                  "tensorflow_csv": (b"filename", b"class", b"xmin", b"ymin", b"xmax", b"ymax")},
         ".yaml": {"yolo": (b"names:", b"train:")}, ".yml": {"yolo": (b"names:", b"train:")}}
# Of a long list neither end of the file has the name, hence the keys of its records, too.
COCO_LISTS = (b'"images"', b'"annotations"', b'"categories"', b'"file_name"', b'"category_id"')
# How much of a file's beginning and end is looked at, and how many files of a kind in a folder.
SNIFFED_BYTES, SNIFFED_FILES = 2**16, 20
# How many folders are looked into for a message: a mistaken one may be the root of a disk.
FOLDERS_OF_A_MESSAGE = 200


def formats_of(source: Path, most_folders: int | None = None) -> dict[str, Path]:
    """Return the formats (keys of FORMATS and OTHERS, `OURS`) that a file or folder looks like, with a file of each.

    Only `most_folders` below a folder are looked into; None: all.
    """
    if source.is_file():
        found = "yolo" if CLASS_FILES.fullmatch(source.name) else _format_of(source, _ends(source))
        return {found: source} if found else {}
    if is_data_folder(source):
        return {OURS: source}
    formats, weak = {}, None
    for folder, files, _ in islice(walk(source), most_folders):
        if is_data_folder(folder):
            formats.setdefault(OURS, folder)
        looked_at = Counter()
        for path in (folder / name for name in files):
            suffix = path.suffix.lower()
            if CLASS_FILES.fullmatch(path.name):
                weak = weak or path
            elif (suffix in MARKS or suffix == ".txt") and looked_at[suffix] < SNIFFED_FILES:
                content = _ends(path)
                # An image without objects has an empty label file.
                looked_at[suffix] += bool(content.strip())
                found = _format_of(path, content)
                if found:
                    formats.setdefault(found, path)
    return formats or ({"yolo": weak} if weak else {})


def is_data_folder(folder: Path) -> bool:
    """Return whether a folder has the annotation files and the image folders of our layout."""
    # Not by Path: it raises for a folder that cannot be entered.
    return all(os.path.isfile(folder / "annotations" / f"instances_{split}2017.json")
               and os.path.isdir(folder / f"{split}2017") for split in ("train", "val"))


def conversion_hint(folder: Path) -> str:
    """Return what a message adds where a data folder lacks our layout: what it looks like and the cure, or nothing."""
    if not folder.is_dir():
        return ""
    target = f"{os.path.normpath(folder)}_coco"
    near = next(filter(is_data_folder, (folder.absolute().parent, *sorted(folder.iterdir()), Path(target))), None)
    if near:
        return f". It is in {near}: --data_dir {shlex.quote(str(near))}"
    formats = [name for name in formats_of(folder, FOLDERS_OF_A_MESSAGE) if name != OURS]
    if not formats:
        return ""
    if formats[0] in OTHERS:
        return f". The folder seems to hold {OTHERS[formats[0]]}"
    choice = f" --format {formats[0]}" if len(formats) > 1 else ""
    return (f". The folder seems to hold {FORMATS[formats[0]]}; this makes a data folder of it: "
            f"{command_of('tools/convert_dataset.py')} {shlex.quote(str(folder))} {shlex.quote(target)}{choice}")


def _format_of(path, content):
    """Return the format of one file by its name and its beginning and end, None for other files."""
    name, suffix = path.name.lower(), path.suffix.lower()
    if suffix == ".txt":
        return "yolo" if YOLO_LINE.match(content) else None
    if suffix == ".json" and sum(key in content for key in COCO_LISTS) > 1:
        if name == "_annotations.coco.json":
            return "roboflow"
        is_export = path.parent.name == "annotations" and name.startswith("instances_")
        if is_export and (path.parents[1] / "images").is_dir():
            return "cvat"
        return "label_studio" if name in ("result.json", "result_coco.json") else "coco"
    return next((kind for kind, needed in MARKS.get(suffix, {}).items() if all(mark in content for mark in needed)),
                None)


def _ends(path):
    """Return the beginning and the end of a file; without the zeros of UTF-16."""
    try:
        check_regular(path)
        with open(path, "rb") as file:
            content = file.read(SNIFFED_BYTES)
            file.seek(max(SNIFFED_BYTES, path.stat().st_size - SNIFFED_BYTES))
            return (content + file.read()).replace(b"\0", b"")
    except OSError:
        return b""

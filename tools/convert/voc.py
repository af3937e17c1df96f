# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Pascal VOC: an xml file for each image, as the challenge, LabelImg, CVAT and Roboflow write it.

    Annotations/a.xml, JPEGImages/a.jpg, ImageSets/Main/{train,val,test}.txt       or a.xml beside a.jpg

Corners are pixels counted from 1, and both belong to the box: xmin 1 and xmax 10 are x 0 and width 10. Where a set has
a corner at 0, its tool did not count from 1, and xmin 0 and xmax 10 are x 0 and width 10.
"""
import xml.etree.ElementTree as ElementTree

from model_utils.errors import UserError
from src.data.fields import describe, finite_number, whole_number
from tools.convert.reading import Reading, SourceImage, box_of_corners, box_of_points, files_of, read_text, split_of

CORNERS = ("xmin", "ymin", "xmax", "ymax")
SPLITS = ("train", "val", "test")


def read(source, image_root=None):
    """Read all xml files of Pascal VOC below a folder, or one of them.

    Raises:
        UserError: a file is no xml.
    """
    reading = Reading(source.parent if source.is_file() else source, image_root)
    lists = _image_sets(reading.root)
    for path in files_of(source, ".xml"):
        try:
            root = ElementTree.parse(path).getroot()
        except (ElementTree.ParseError, ValueError, LookupError) as error:
            raise UserError(f"{path}: broken xml: {error}; make or copy the file again") from error
        if root.tag != "annotation":
            reading.leave_out("xml files that are no annotation of Pascal VOC", reading.relative(path))
            continue
        name = root.findtext("filename", "").strip()
        image = reading.beside(path, "JPEGImages", "images", "Images") or reading.locate([name], [path.parent])
        if image is None:
            reading.leave_out("annotations of an image that is not there",
                              f"{reading.relative(path)}, filename {describe(name)}")
            continue
        split = lists.get(path.stem) if lists else split_of(path.parent, reading.root)
        if lists and split is None:
            reading.leave_out("images that no list of ImageSets/Main has", reading.relative(image))
            continue
        size = tuple(whole_number(root.findtext(f"size/{side}")) for side in ("width", "height"))
        reading.images.append(SourceImage(image, split, _boxes(reading, root, path), size if all(size) else None))
    _to_boxes(reading)
    return reading


def _image_sets(root):
    """Return the split of every stem that a list of ImageSets/Main has; empty without lists of training images."""
    found = {}
    for folder in root.rglob("ImageSets/Main"):
        for split in SPLITS:
            path = folder / f"{split}.txt"
            lines = read_text(path).splitlines() if path.is_file() else []
            found |= {line.split()[0].rpartition("/")[2]: split for line in lines if line.split()}
    return found if "train" in found.values() else {}


def _boxes(reading, root, path):
    boxes = []
    for number, item in enumerate(root.findall("object")):
        name, bounds, polygon = item.findtext("name", "").strip(), item.find("bndbox"), item.find("polygon")
        place = f"object {number} of {reading.relative(path)}, {name or 'without a name'}"
        if not name:
            reading.leave_out("objects without a name", place)
            continue
        if bounds is not None:
            corners = [finite_number(bounds.findtext(key)) for key in CORNERS]
            box = box_of_corners(*corners)
        else:
            box = box_of_points(_points(polygon)) if polygon is not None else None
        if box is None:
            reading.leave_out("objects without a bndbox", place)
            continue
        if whole_number(item.findtext("difficult")):
            reading.note("objects are marked as difficult, and used like others", place)
        boxes.append({"id": place, "category_id": reading.category(name), "bbox": box})
    return boxes


def _points(polygon):
    """Return the points [[x1, y1], [x2, y2], ...] of a polygon element."""
    texts = {child.tag: child.text for child in polygon}
    return [[texts.get(f"x{number}"), texts.get(f"y{number}")] for number in range(1, len(texts) // 2 + 1)]


def _to_boxes(reading):
    """Turn corners that count pixels from 1 into boxes, unless one of the set lies at 0."""
    boxes = [annotation["bbox"] for image in reading.images for annotation in image.annotations]
    if any(min(box[:2]) < 1 for box in boxes):
        reading.note("corners are taken as they stand, as one lies below 1: pixels are not counted from 1",
                     next(annotation["id"] for image in reading.images for annotation in image.annotations
                          if min(annotation["bbox"][:2]) < 1))
        return
    for box in boxes:
        box[:] = [box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1]

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Pascal VOC: an xml file for each image, as the challenge, LabelImg, CVAT and Roboflow write it.

    Annotations/a.xml, JPEGImages/a.jpg, ImageSets/Main/{train,val,test}.txt       or a.xml beside a.jpg

Whole corners are pixels counted from 1, and both belong to the box: xmin 1 and xmax 10 are x 0 and width 10. Corners
with fractions are no pixels, and are taken as they stand; so are all of a set where a corner lies at 0, as its tool did
not count from 1: xmin 0 and xmax 10 are x 0 and width 10.
"""
import math
import mimetypes
import re
import xml.etree.ElementTree as ElementTree
from collections import defaultdict

from model_utils.errors import UserError
from model_utils.json_file import read_file
from src.data.fields import describe, finite_number, whole_number
from tools.convert.reading import (
    SPLIT_WORDS,
    Reading,
    SourceImage,
    box_of_corners,
    box_of_points,
    read_text,
    split_of,
)
from tools.convert.splits import SPLITS

CORNERS = ("xmin", "ymin", "xmax", "ymax")
UNLISTED = "unlisted"
ENCODING = re.compile(rb"<\?xml[^>]*encoding=[\"']([\w.-]+)")
# The flag at the end of a line in the lists of a class.
LIST_FLAG = re.compile(r"\s+-?[01]$")


def read(source, image_root=None):
    """Read all xml files of Pascal VOC below a folder, or one of them.

    Raises:
        UserError: a file is no xml, or it is not certain which image is meant.
    """
    reading = Reading(source, image_root)
    paths = reading.files(".xml")
    splits = _image_sets(reading, paths)
    for path in paths:
        root, place = _parse(path), reading.relative(path)
        if root.tag != "annotation":
            reading.leave_out("xml files that are no annotation of Pascal VOC", place)
            continue
        name = root.findtext("filename", "").strip()
        image = reading.beside(path, name) or reading.locate([name], [path.parent], place)
        if image is None:
            reading.leave_out("annotations of an image that is not there", f"{place}, filename {describe(name)}")
            continue
        reading.take(image, place)
        split = splits[path] if path in splits else split_of(path.parent, reading.root)
        if split == UNLISTED:
            reading.leave_out("images that no list of ImageSets/Main has", reading.relative(image))
            continue
        size = tuple(whole_number(root.findtext(f"size/{side}")) for side in ("width", "height"))
        reading.images.append(SourceImage(image, split, _boxes(reading, root, path), size if all(size) else None))
    _to_boxes(reading)
    return reading


def _parse(path):
    """Return the root of an xml file, in the encoding that it declares."""
    data = read_file(path, "xml file")
    declared = ENCODING.match(data)
    try:
        # Python's parser knows no encodings of several bytes, such as gb2312.
        return ElementTree.fromstring(data.decode(declared[1].decode()) if declared else data)
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise UserError(f"{path}: broken xml: {error}; make or copy the file again") from error


def _image_sets(reading, paths):
    """Return the split of each xml file by the lists of ImageSets/Main beside its folder, `UNLISTED` for none.

    What is neither in a list nor beside one that has training images is not in the result.
    """
    lists, splits = defaultdict(dict), {}
    for path in reading.files_below(".txt"):
        if [parent.name.casefold() for parent in path.parents[:2]] == ["main", "imagesets"]:
            lists[path.parents[2]][path.stem.casefold()] = path
    for folder, files in sorted(lists.items(), reverse=True):
        # The innermost folder with lists counts.
        own = [path for path in paths if path.is_relative_to(folder) and path not in splits]
        found = {SPLIT_WORDS[word]: path for word, path in files.items() if word in SPLIT_WORDS}
        if not found.keys() & {"train", "val"} and "trainval" in files:
            found["train"] = files["trainval"]
        for path in files.values():
            if path not in found.values():
                reading.leave_out("lists of ImageSets/Main that are not used", reading.relative(path))
        splits |= dict.fromkeys(own, UNLISTED if "train" in found else None) if found else {}
        # What is held out is not learned.
        for split in filter(found.__contains__, SPLITS):
            for path in _listed(reading, found[split], folder, own):
                if splits[path] not in (None, UNLISTED, split):
                    reading.note("images are in lists of several splits; the last one counts",
                                 f"{reading.relative(path)}: {splits[path]}, {split}")
                splits[path] = split
    return splits


def _listed(reading, path, folder, paths):
    """Yield the xml files that a list names, by their paths below the folder of annotations."""
    inside = {"/".join(parts[1:] or parts): found for found in paths
              for parts in (found.relative_to(folder).with_suffix("").parts,)}
    by_base = defaultdict(list)
    for key in inside:
        by_base[key.rpartition("/")[2]].append(key)
    for line in filter(None, map(str.strip, read_text(path).splitlines())):
        keys = _keys(line, by_base) or _keys(LIST_FLAG.sub("", line), by_base)
        if len(keys) > 1:
            raise UserError(f"{path}: {line} may be {reading.relative(inside[keys[0]])} or "
                            f"{reading.relative(inside[keys[1]])}; write it with its folder")
        if keys:
            yield inside[keys[0]]
        else:
            reading.leave_out("names in lists of ImageSets/Main without an xml file", f"{line} of "
                              f"{reading.relative(path)}")


def _keys(name, by_base):
    """Return the paths that a name in a list may mean: it may lack folders, or have the ones above."""
    name = name.strip('"').replace("\\", "/")
    if (mimetypes.guess_type(name)[0] or "").startswith("image/"):
        name = name.rpartition(".")[0]
    near = by_base.get(name.rpartition("/")[2], [])
    return [name] if name in near else [key for key in near if f"/{key}".endswith(f"/{name}")
                                        or f"/{name}".endswith(f"/{key}")]


def _boxes(reading, root, path):
    boxes = []
    for number, item in enumerate(root.findall("object")):
        name = item.findtext("name", "").strip()
        place = f"object {number} of {reading.relative(path)}, {name or 'without a name'}"
        box = _box(item)
        if not name:
            reading.leave_out("objects without a name", place)
        elif box is None:
            reading.leave_out("objects without a bndbox, polygon or robndbox", place)
        elif not all(map(math.isfinite, box)):
            texts = [child.text for kind in ("bndbox", "robndbox") for child in item.iterfind(f"{kind}/*")]
            reading.leave_out("objects without numbers as corners", f"{place}: {texts}")
        else:
            if whole_number(item.findtext("difficult")):
                reading.note("objects are marked as difficult, and used like others", place)
            boxes.append({"id": place, "category_id": reading.category(name), "bbox": box,
                          "is_whole": item.find("robndbox") is None and all(value.is_integer() for value in box)})
    return boxes


def _box(item):
    """Return the box of an object as its corners stand, None for none."""
    bounds, polygon, rotated = (item.find(kind) for kind in ("bndbox", "polygon", "robndbox"))
    if bounds is not None:
        return box_of_corners(*(finite_number(bounds.findtext(key)) for key in CORNERS))
    if rotated is not None:
        # Of roLabelImg; the angle is in radians.
        x, y, width, height, angle = (finite_number(rotated.findtext(key)) for key in ("cx", "cy", "w", "h", "angle"))
        across, down = abs(math.cos(angle)), abs(math.sin(angle))
        width, height = width * across + height * down, width * down + height * across
        return [x - width / 2, y - height / 2, width, height]
    return box_of_points(_points(polygon)) if polygon is not None else None


def _points(polygon):
    """Return the points [[x1, y1], [x2, y2], ...] of a polygon element."""
    texts = {child.tag: child.text for child in polygon}
    return [[texts.get(f"x{number}"), texts.get(f"y{number}")] for number in range(1, len(texts) // 2 + 1)]


def _to_boxes(reading):
    """Turn corners that count pixels from 1 into boxes."""
    annotations = [annotation for image in reading.images for annotation in image.annotations]
    whole = [annotation for annotation in annotations if annotation["is_whole"]]
    low = sum(min(annotation["bbox"][:2]) < 1 for annotation in annotations)
    if low or 2 * len(whole) < len(annotations):
        reason = f"{low} of the set lie below 1" if low else "most have fractions"
        for annotation in annotations:
            reading.note(f"boxes are taken as the corners stand, not as pixels counted from 1: {reason}",
                         annotation["id"])
        return
    for annotation in annotations:
        x, y, width, height = annotation["bbox"]
        if annotation["is_whole"]:
            annotation["bbox"] = [x - 1, y - 1, width + 1, height + 1]
        else:
            reading.note("boxes have fractions, and are taken as the corners stand", annotation["id"])

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""labelme: a json beside each image, or with the image inside.

    {"imagePath": "a.jpg", "imageData": null, "imageHeight": 480, "imageWidth": 640,
     "shapes": [{"label": "cat", "shape_type": "rectangle", "points": [[x, y], [x, y]], "group_id": null}]}
"""
import base64
import binascii
import math
import os
from pathlib import Path, PureWindowsPath

from model_utils.errors import UserError
from model_utils.json_file import read_json
from src.data.fields import describe, finite_number, whole_number
from tools.convert.reading import Reading, SourceImage, box_of_points, class_name, split_of

# Shapes around an object; a rectangle and a mask have two corners.
AREAS = ("polygon", "rectangle", "mask", "oriented_rectangle", "rotation")


def read(source, image_root=None):
    """Read all json files of labelme below a folder, or one of them."""
    reading = Reading(source, image_root)
    for path in reading.files(".json"):
        content = read_json(path, "labelme file")
        if not isinstance(content, dict) or not isinstance(content.get("shapes"), list):
            reading.leave_out("json files without a list of shapes", reading.relative(path))
            continue
        image = _image_file(reading, path, content.get("imagePath"))
        if image is None and not content.get("imageData"):
            reading.leave_out("annotations of an image that is not there", f"{reading.relative(path)}, imagePath "
                              f"{describe(content.get('imagePath'))}")
            continue
        size = whole_number(content.get("imageWidth")), whole_number(content.get("imageHeight"))
        reading.images.append(SourceImage(image or path, split_of(path.parent, reading.root),
                                          _boxes(reading, content, path), size if all(size) else None,
                                          is_embedded=image is None))
    return reading


def _image_file(reading, path, name):
    """Return the image of a json file: where it says, beside it, or elsewhere below the folder; None for none."""
    name = PureWindowsPath(name).as_posix() if isinstance(name, str) else ""
    place = reading.relative(path)
    near = (path.parent / name, path.parent / Path(name).name)
    image = next((file for file in near if os.path.isfile(file)), None) or reading.beside(path, name) or reading.locate(
        [name], place=place)
    return image and reading.take(Path(os.path.abspath(image)), place)


def embedded_image(path):
    """Return the bytes of the image inside a json file.

    Raises:
        UserError: it is not base64.
    """
    try:
        return base64.b64decode(read_json(path)["imageData"], validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise UserError(f"{path}: the image inside cannot be read ({error}); save it again with labelme") from error


def _boxes(reading, content, path):
    """Return the boxes of a file; shapes with the same label and group are one object."""
    boxes, of_group = [], {}
    for number, shape in enumerate(content["shapes"]):
        shape = shape if isinstance(shape, dict) else {}
        label, kind = shape.get("label"), shape.get("shape_type") or "polygon"
        place = f"shape {number} of {reading.relative(path)}, label {describe(label)}"
        label = class_name(label)
        box = _box(shape.get("points"), kind)
        if not label:
            reading.leave_out("shapes without a label", place)
        elif kind not in (*AREAS, "circle"):
            reading.leave_out(f"shapes of the kind {kind}, which is no area", place)
        elif box is None:
            reading.leave_out("shapes without points that can be read", place)
        else:
            group = label, str(shape.get("group_id"))
            if shape.get("group_id") is not None and group in of_group:
                same = of_group[group]["bbox"]
                same[:] = box_of_points([same[:2], [same[0] + same[2], same[1] + same[3]], box[:2],
                                         [box[0] + box[2], box[1] + box[3]]])
                reading.note("shapes with label and group of another one are one object", place)
                continue
            boxes.append({"id": number, "category_id": reading.category(label), "bbox": box})
            of_group[group] = boxes[-1]
    return boxes


def _box(points, kind):
    """Return the box of a shape, None where its points cannot be read."""
    if not box_of_points(points) or len(points) < 2:
        return None
    if kind != "circle":
        return box_of_points(points)
    (x, y), edge = ([finite_number(value) for value in point] for point in points[:2])
    radius = math.dist((x, y), edge)
    return [x - radius, y - radius, 2 * radius, 2 * radius]

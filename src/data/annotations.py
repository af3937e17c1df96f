# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The annotations of a file: assigned to images and classes, their values checked, what is broken counted."""
import os

import numpy as np

from model_utils.errors import UserError
from src.data.categories import CROWD_CLASS
from src.data.fields import crowd_flag, describe, finite_number, id_key, missing_field

MAX_COORDINATE = 1e9
# COCO rounds to two decimals: a box that sticks out by less than this is clipped without being reported.
ROUNDING_PIXELS = 0.02
# A box that sticks out by more than this share of its side is no rounding.
MIN_OUTSIDE = 0.05
# From so many boxes on, a common place is no accident.
MANY_BOXES = 10


def read_boxes(annotations, images, category_ids, path):
    """Assign annotations to their images; what cannot be used is dropped and counted.

    Args:
        annotations (list): the records of the file.
        images (ImageList): of the file.
        category_ids (tuple): of its categories.
        path (Path): of the file, for messages.

    Returns:
        Tuple of boxes, truth, report and examples, as `src.data.coco.CocoData` has them.

    Raises:
        UserError: a crowd flag is none, or boxes are fractions or corners rather than x, y, width, height in pixels.
    """
    image_index = _indices(annotations, "image_id", images.keys)
    class_index = _indices(annotations, "category_id", list(map(id_key, category_ids)))
    xywh = _all_xywh(annotations)
    iscrowd = _crowd_flags(annotations, path)
    area = np.array([finite_number(annotation.get("area")) for annotation in annotations], np.float64)
    # Where all areas are 0, a tool did not compute them.
    area = np.where((area >= 0) & (area < MAX_COORDINATE**2) & area.any(), area, xywh[:, 2] * xywh[:, 3])
    wh = np.array(images.sizes, np.float64)[image_index]
    clipped, whole = _clipped_and_whole(xywh, wh)
    _refuse_fractions(xywh, wh, path)
    is_box = np.isfinite(xywh).all(axis=1)
    is_fraction = _like_fractions(xywh) & (wh > 2).all(axis=1)
    findings = {
        "boxes_unknown_image": image_index < 0,
        "boxes_unknown_category": class_index < 0,
        "boxes_absent": np.array([annotation.get("bbox") is None for annotation in annotations], bool),
        "boxes_malformed": ~is_box,
        "boxes_without_size": ~(xywh[:, 2:] > 0).all(axis=1),
        "boxes_like_corners": _fit_as_corners(xywh, wh),
        "boxes_outside_image": ~(clipped[:, 2:] > clipped[:, :2]).all(axis=1),
        "boxes_like_fractions": is_fraction,
        "boxes_clipped": (np.abs(clipped - whole) > ROUNDING_PIXELS).any(axis=1),
    }
    report, examples, kept, sound = {}, {}, np.ones(len(annotations), bool), np.ones(len(annotations), bool)
    for key, found in findings.items():
        # Each box is counted once, under its first fault.
        found = found & sound
        if not found.any():
            continue
        report[key] = int(found.sum())
        examples[key] = _example(annotations[int(np.argmax(found))], images, image_index[int(np.argmax(found))], key)
        sound &= ~found
        if key not in ("boxes_clipped", "boxes_like_corners", "boxes_like_fractions"):
            kept &= ~found
    if 2 * report.get("boxes_like_corners", 0) > is_box.sum():
        raise UserError(f"{path}: {report['boxes_like_corners']} of {is_box.sum()} boxes leave their images as x, y, "
                        f"width, height, but fit them as x1, y1, x2, y2 (first: {examples['boxes_like_corners']}); "
                        "COCO's bbox is [x, y, width, height]: convert the boxes")
    order = np.flatnonzero(kept)[np.argsort(image_index[kept], kind="stable")]
    classes = np.where(iscrowd, CROWD_CLASS, class_index)
    rows = np.concatenate([clipped, classes[:, None]], axis=1).astype(np.float32)[order]
    starts = np.searchsorted(image_index[order], np.arange(1, len(images.ids)))
    truth = {"image_index": image_index[order], "class_index": class_index[order], "bbox": xywh[order],
             "area": area[order], "iscrowd": iscrowd[order].astype(np.int64)}
    return np.split(rows, starts), truth, report, examples


def _example(annotation, images, image_index, finding):
    """Which annotation of which image is the example of a finding, with the value at fault."""
    fields = {"boxes_unknown_category": "category_id", "boxes_unknown_image": "image_id"}
    field_name = fields.get(finding, "bbox")
    value = f"{field_name} {describe(annotation[field_name])}" if field_name in annotation else (
        f"it {missing_field(annotation, field_name)}")
    image = f" of {os.path.basename(images.paths[image_index])}" if image_index >= 0 else ""
    return f"annotation {annotation.get('id')}{image}, {value}"


def _all_xywh(annotations):
    """Return the box of every annotation, float64 [n, 4]; NaN where it is not four finite numbers within bounds."""
    xywh = np.array([_as_xywh(annotation) for annotation in annotations], np.float64).reshape(-1, 4)
    xywh[~(np.abs(xywh) < MAX_COORDINATE).all(axis=1)] = np.nan
    return xywh


def _as_xywh(annotation):
    """The box as four floats, NaN where it is anything else."""
    box = annotation.get("bbox")
    if not isinstance(box, list) or len(box) != 4:
        return (np.nan,) * 4
    # Of a million boxes, few need a closer look; a whole number may have more digits than a float can hold.
    types = {*map(type, box)}
    is_plain = types == {float} or types <= {float, int} and max(map(abs, box)) < MAX_COORDINATE
    return box if is_plain else [finite_number(value) for value in box]


def _crowd_flags(annotations, path):
    """Return `iscrowd` of every annotation, bool [n]."""
    flags = [crowd_flag(annotation.get("iscrowd")) for annotation in annotations]
    if None in flags:
        annotation = annotations[flags.index(None)]
        raise UserError(f'{path}: "iscrowd" of annotation {annotation.get("id")} is {describe(annotation["iscrowd"])}; '
                        "expected 0 or 1")
    return np.array(flags, bool)


def _indices(annotations, key, ids):
    """Position in `ids`, which are keys, of one id field of every annotation, -1 where it is none; int64 [n]."""
    index_of = {value: index for index, value in enumerate(ids)}
    values = (annotation.get(key) for annotation in annotations)
    return np.fromiter((index_of.get(value if type(value) is int else id_key(value), -1) for value in values), np.int64,
                       len(annotations))


def _refuse_fractions(xywh, wh, path):
    """Refuse boxes that all lie between 0 and 1, in images of more than a pixel."""
    boxes = xywh[(xywh[:, 2:] > 0).all(axis=1)]
    if len(boxes) and _like_fractions(boxes).all() and (wh > 2).any():
        raise UserError(f"{path}: all {len(boxes)} boxes lie between 0 and 1 (the first is {boxes[0].round(4).tolist()}"
                        "), so they seem to be fractions of the image; COCO's bbox is in pixels: multiply x and width "
                        "by the image's width, y and height by its height")


def _like_fractions(xywh):
    """Whether boxes lie between 0 and 1, in all coordinates; bool [n]."""
    # Half a per mille is what converters round away.
    return (xywh >= 0).all(axis=1) & (xywh[:, 2:] > 0).all(axis=1) & (xywh[:, :2] + xywh[:, 2:] <= 1.0005).all(axis=1)


def like_percentages(xywh, wh):
    """Return whether boxes [n, 4] all lie between 0 and 100 in images [n, 2] of at least twice that, as is no accident.

    Label Studio's own format has percentages; so have conversions of it that forget to multiply.
    """
    return len(xywh) >= MANY_BOXES and bool((wh >= 200).all() and (xywh >= 0).all()
                                            and (xywh[:, :2] + xywh[:, 2:] <= 100.05).all())


def _fit_as_corners(xywh, wh):
    """Whether boxes stick out of their images as x, y, width, height and fit as x1, y1, x2, y2; bool [n]."""
    outside = (np.maximum(xywh[:, :2] + xywh[:, 2:] - wh, 0) > MIN_OUTSIDE * xywh[:, 2:]).any(axis=1)
    fits = (xywh[:, :2] >= 0) & (xywh[:, 2:] > xywh[:, :2]) & (xywh[:, 2:] <= wh + ROUNDING_PIXELS)
    return outside & fits.all(axis=1)


def _clipped_and_whole(xywh, wh):
    """Corners xyxy [n, 4] of boxes xywh [n, 4], clipped to their images wh [n, 2] and unclipped; NaN stays NaN."""
    xyxy = np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1)
    return np.clip(xyxy, 0, np.tile(wh, 2)), xyxy

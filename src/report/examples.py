# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Images of a report: those with the largest errors, detections beside objects; and sheets small enough to embed."""
from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np

from model_utils.errors import UserError
from src.data.image_files import decode_reduced
from src.evaluation.visualize import draw_labelled, label_text
from src.report.statistics import Kind, worst_images

# Images, and kinds of errors that are listed for each.
MAX_EXAMPLES, MAX_LISTED = 8, 6
# Longer side in pixels, and quality, of embedded images.
SIDE, SHEET_SIDE, JPEG_QUALITY = 560, 1000, 78
# RGB, of Okabe and Ito.
KIND_COLOURS = {Kind.RIGHT: (0, 158, 115), Kind.DOUBLED: (230, 159, 0), Kind.WRONG_CLASS: (213, 94, 0),
                Kind.LOOSE: (86, 180, 233), Kind.BACKGROUND: (204, 121, 167), Kind.MISSED: (240, 228, 66)}


@dataclass(frozen=True)
class Example:
    """An image with errors: its number in the data, what went wrong in it, and JPEGs of detections and objects."""

    index: int
    text: str
    detections: bytes
    objects: bytes


def worst_examples(data, matches, errors, config):
    """Return the `Example`s of the images with the largest errors, the worst first.

    Args:
        data (CocoData): the images.
        matches (Matches): of its detections.
        errors (Errors): of these.
        config (Config): exif and max_image_pixels are read.
    """
    found = []
    for index in worst_images(matches, errors, MAX_EXAMPLES):
        try:
            decoded = decode_reduced(data.paths[index], 1, config.exif, data.sizes[index], config.max_image_pixels)
        except UserError:
            # It was lost after it was evaluated.
            continue
        found.append(_example(index, fitted(decoded.pixels, SIDE), data, matches, errors))
    return found


def _example(index, image, data, matches, errors):
    names = data.categories.names
    scale = np.array([image.shape[1], image.shape[0]] * 2) / ([*data.sizes[index]] * 2)
    # The errors are on top, with a label.
    here = np.flatnonzero((matches.image == index) & (errors.kind != Kind.UNCOUNTED))
    here = here[np.argsort(errors.kind[here] == Kind.RIGHT, kind="stable")]
    kinds = [Kind(number) for number in errors.kind[here]]
    labels = [names[number] for number in matches.label[here]]
    texts = ["" if kind == Kind.RIGHT else label_text(f"{kind}: {label}", score)
             for kind, label, score in zip(kinds, labels, matches.score[here], strict=True)]
    colours = [KIND_COLOURS[kind] for kind in kinds]
    detections = draw_labelled(image, _corners(matches.box[here]) * scale, texts, colours)

    objects = np.flatnonzero(matches.truth_image == index)
    objects = objects[np.argsort(~errors.is_missed[objects], kind="stable")]
    missed, true_labels = errors.is_missed[objects], [names[number] for number in matches.truth_label[objects]]
    texts = [label_text(f"{Kind.MISSED}: {label}" if lost else label)
             for lost, label in zip(missed, true_labels, strict=True)]
    colours = [KIND_COLOURS[Kind.MISSED if lost else Kind.RIGHT] for lost in missed]
    truth = draw_labelled(image, _corners(matches.truth_box[objects]) * scale, texts, colours)

    wrong = Counter((kind, label) for kind, label in zip(kinds, labels, strict=True) if kind != Kind.RIGHT)
    wrong.update((Kind.MISSED, label) for lost, label in zip(missed, true_labels, strict=True) if lost)
    listed = sorted(wrong.items(), key=lambda entry: (-entry[1], -entry[0][0], entry[0][1]))
    text = ", ".join(f"{count} {kind}: {label}" for (kind, label), count in listed[:MAX_LISTED])
    text += f", and {sum(count for _, count in listed[MAX_LISTED:])} more" if len(listed) > MAX_LISTED else ""
    return Example(index, text, jpeg(detections), jpeg(truth))


def _corners(xywh):
    return np.concatenate((xywh[:, :2], xywh[:, :2] + xywh[:, 2:]), 1)


def fitted(image, side):
    """Return an RGB image whose longer side has at most `side` pixels."""
    factor = side / max(image.shape[:2])
    width, height = (max(1, round(length * factor)) for length in image.shape[1::-1])
    return image if factor >= 1 else cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def jpeg(image):
    """Return an RGB image as the bytes of a JPEG."""
    return cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def small_sheet(path):
    """Return an image file as a JPEG that is small enough to embed; None where there is none."""
    image = cv2.imread(str(path)) if path.is_file() else None
    return None if image is None else jpeg(fitted(image[:, :, ::-1], SHEET_SIDE))

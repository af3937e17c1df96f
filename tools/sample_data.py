# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The sample data set: images of shapes in COCO layout, drawn from a seed, to train on without a download.

The eight classes differ by shape only. Every instance has its own colour, the backgrounds are textured, and shapes may
partly cover each other. The same settings give the same files on every machine.

    python tools/sample_data.py --out quick_start/data --train 400 --val 100 --seed 1 --size 128
"""
import argparse
import json
import math
import sys
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

if not __package__:
    # Started as tools/sample_data.py: Python looks for packages beside this file.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import cv2
import numpy as np

from model_utils.errors import UsageError, UserError, counted, run_cli
from model_utils.files import new_folder
from model_utils.json_file import read_json
from tools.sample_textures import contrasting_colour, textured_background

# Increase it when the images drawn from the same settings change, so that an older data set is not reused.
VERSION = 1
SUPERSAMPLING = 4
MIN_SIDE = 12.0
# Radii of shapes, as fractions of the image's side.
SMALLEST_RADIUS, LARGEST_RADIUS = 1 / 12, 1 / 5
MIN_IMAGE_SIZE = 64
MIN_OBJECTS, MAX_OBJECTS = 4, 8
MAX_HIDDEN = 0.25
MAX_BOX_OVERLAP = 0.2
SPLITS = ("train", "val")
SETTINGS_FILE = "sample_data.json"
# The ids have gaps, as COCO's have: code that takes an id for a class index fails on this data.
CATEGORY_IDS = {"disk": 1, "ring": 2, "square": 3, "triangle": 5, "star": 7, "cross": 8, "crescent": 11, "arrow": 13}


@dataclass(frozen=True)
class Settings:
    """The settings that determine every byte of the data set."""
    train: int = 400
    val: int = 100
    seed: int = 1
    size: int = 128


def _arc(radius, start, stop, points=48, centre=0.0):
    """Points of a circle's arc around (centre, 0), float64 [points, 2]; angles in degrees."""
    angles = np.radians(np.linspace(start, stop, points))
    return np.stack([centre + radius * np.cos(angles), radius * np.sin(angles)], axis=1)


def _star():
    angles = np.radians(-90 + 36 * np.arange(10))
    radii = np.where(np.arange(10) % 2 == 0, 1.0, 0.42)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)


def _crescent():
    # A second circle, shifted to the right, is cut out of the first.
    shift, inner = 0.5, 0.82
    x = (1 - inner ** 2 + shift ** 2) / (2 * shift)
    outer_end = math.degrees(math.acos(x))
    inner_end = math.degrees(math.atan2(math.sqrt(1 - x ** 2), x - shift))
    outside = _arc(1.0, outer_end, 360 - outer_end)
    inside = _arc(inner, 360 - inner_end, inner_end, centre=shift)
    return np.concatenate([outside, inside])


@cache
def _outlines():
    """The contours of each class in units of its radius, y downwards; a second contour is a hole."""
    bar = 0.34
    cross = [(-bar, -1), (bar, -1), (bar, -bar), (1, -bar), (1, bar), (bar, bar),
             (bar, 1), (-bar, 1), (-bar, bar), (-1, bar), (-1, -bar), (-bar, -bar)]
    arrow = [(-1, -0.27), (0.05, -0.27), (0.05, -0.85), (1, 0), (0.05, 0.85), (0.05, 0.27), (-1, 0.27)]
    return {
        "disk": [_arc(1.0, 0, 360)],
        "ring": [_arc(1.0, 0, 360), _arc(0.55, 0, 360)],
        "square": [np.array([(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)])],
        "triangle": [np.array([(0, -1), (1, 0.8), (-1, 0.8)])],
        "star": [_star()],
        "cross": [np.array(cross)],
        "crescent": [_crescent()],
        "arrow": [np.array(arrow)],
    }


@dataclass(frozen=True)
class Shape:
    """One drawn shape: its coverage of each pixel, float32 [H,W] in 0..1, and its tight box (x1, y1, x2, y2)."""
    name: str
    coverage: np.ndarray
    box_xyxy_pixels: np.ndarray


def draw_shape(name, centre_xy, radius, rotation, stretch, image_size):
    """Draw one shape on an empty canvas of image_size x image_size pixels.

    centre_xy and radius are in pixels, rotation in degrees (clockwise), stretch is width over height. The box is
    measured on the mask that was drawn, at a quarter of a pixel.
    """
    angle = math.radians(rotation)
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    scale = radius * np.array([math.sqrt(stretch), 1 / math.sqrt(stretch)])
    fine = image_size * SUPERSAMPLING
    # fillPoly counts in pixel centres, hence the half; contours inside each other make holes.
    contours = [np.round((points @ turn * scale + centre_xy) * SUPERSAMPLING - 0.5).astype(np.int32)
                for points in _outlines()[name]]
    mask = np.zeros((fine, fine), np.uint8)
    cv2.fillPoly(mask, contours, 255)
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    box = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float64) / SUPERSAMPLING
    coverage = cv2.resize(mask, (image_size, image_size), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return Shape(name, coverage, box)


def _random_shape(rng, image_size):
    """A shape of random class, size and place that lies inside the image; None when the draw is too small."""
    name = list(CATEGORY_IDS)[rng.integers(len(CATEGORY_IDS))]
    radius = image_size * math.exp(rng.uniform(math.log(SMALLEST_RADIUS), math.log(LARGEST_RADIUS)))
    rotation = rng.uniform(-20, 20)
    # A mirrored shape is the same class: arrows and crescents point to both sides.
    rotation += 180 * rng.integers(2) if name in ("arrow", "crescent") else 0
    stretch = math.exp(rng.uniform(-0.2, 0.2))
    reach = 1.3 * radius
    centre = rng.uniform(min(reach, image_size / 2), max(image_size - reach, image_size / 2), size=2)
    shape = draw_shape(name, centre, radius, rotation, stretch, image_size)
    x1, y1, x2, y2 = shape.box_xyxy_pixels
    inside = min(x1, y1) >= 1 and max(x2, y2) <= image_size - 1
    return shape if inside and min(x2 - x1, y2 - y1) >= MIN_SIDE else None


def _box_iou(first, second):
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = sides[0] * sides[1] if (sides > 0).all() else 0.0
    return shared / (np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2]) - shared)


def _fits(shape, below):
    """Return whether the shapes below remain visible enough; below: list of (Shape, visible float32 [H,W])."""
    for other, visible in below:
        if _box_iou(shape.box_xyxy_pixels, other.box_xyxy_pixels) > MAX_BOX_OVERLAP:
            return False
        left = (visible * (1 - shape.coverage)).sum()
        if left < (1 - MAX_HIDDEN) * other.coverage.sum():
            return False
    return True


def _paint(image, shape, rng):
    """Paint the shape on the image in a random contrasting colour, lit a little from one side."""
    colour = contrasting_colour(image, shape.coverage, rng)
    rows, columns = np.mgrid[0:image.shape[0], 0:image.shape[1]]
    angle = rng.uniform(0, 2 * math.pi)
    x1, y1, x2, y2 = shape.box_xyxy_pixels
    along = ((columns - (x1 + x2) / 2) * math.cos(angle) + (rows - (y1 + y2) / 2) * math.sin(angle)) / (x2 - x1)
    light = 1 + rng.uniform(0, 0.25) * np.clip(along, -1, 1)
    filled = np.clip(colour * light[..., None], 0, 255)
    return image + shape.coverage[..., None] * (filled - image)


def draw_sample(settings, split, index):
    """Draw one image of the data set, a function of settings.seed, settings.size, split and index only.

    Returns the image, uint8 [size,size,3] RGB, and its shapes from the lowest to the highest.
    """
    rng = np.random.default_rng([settings.seed, SPLITS.index(split), index])
    image = textured_background(rng, settings.size)
    wanted = int(rng.integers(MIN_OBJECTS, MAX_OBJECTS + 1))
    placed = []
    for _ in range(wanted * 40):
        shape = _random_shape(rng, settings.size)
        if shape is None or not _fits(shape, placed):
            continue
        image = _paint(image, shape, rng)
        placed = [(other, visible * (1 - shape.coverage)) for other, visible in placed]
        placed.append((shape, shape.coverage))
        if len(placed) == wanted:
            break
    return np.clip(np.round(image), 0, 255).astype(np.uint8), [shape for shape, _ in placed]


def _write_split(folder, settings, split):
    image_folder = folder / f"{split}2017"
    image_folder.mkdir()
    images, annotations = [], []
    for index in range(getattr(settings, split)):
        image, shapes = draw_sample(settings, split, index)
        image_id = index + 1
        name = f"{image_id:06d}.jpg"
        if not cv2.imwrite(str(image_folder / name), image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90]):
            raise UserError(f"{image_folder / name}: cannot be written; is the disk full?")
        images.append({"id": image_id, "file_name": name, "width": settings.size, "height": settings.size})
        for shape in shapes:
            x1, y1, x2, y2 = (float(value) for value in shape.box_xyxy_pixels)
            annotations.append({"id": len(annotations) + 1, "image_id": image_id, "iscrowd": 0,
                                "category_id": CATEGORY_IDS[shape.name], "bbox": [x1, y1, x2 - x1, y2 - y1],
                                "area": round(float(shape.coverage.sum()), 2)})
    categories = [{"id": number, "name": name, "supercategory": "shape"} for name, number in CATEGORY_IDS.items()]
    content = {"info": {"description": "shapes drawn by tools/sample_data.py"}, "licenses": [], "images": images,
               "annotations": annotations, "categories": categories}
    (folder / "annotations" / f"instances_{split}2017.json").write_text(json.dumps(content), encoding="utf-8")
    return len(annotations)


def _describe(settings):
    return {"version": VERSION, **asdict(settings)}


def _is_same_data(out, settings):
    """Return True when out holds a complete data set of these settings; a UserError reports anything else."""
    advice = "; delete it or choose another folder for --out"
    try:
        found = read_json(out / SETTINGS_FILE)
    except UserError as error:
        raise UserError(f"{out}: exists, but is not a sample data set (no readable {SETTINGS_FILE}){advice}") from error
    if found != _describe(settings):
        raise UserError(f"{out}: holds a sample data set of other settings: found {found}, "
                        f"expected {_describe(settings)}{advice}")
    for split in SPLITS:
        expected = getattr(settings, split)
        count = len(list((out / f"{split}2017").glob("*.jpg")))
        if count != expected or not (out / "annotations" / f"instances_{split}2017.json").is_file():
            raise UserError(f"{out}: incomplete: {count} of {expected} images in {split}2017, "
                            f"or no annotations/instances_{split}2017.json{advice}")
    return True


def make_sample_data(out, settings):
    """Write the data set into the folder out, completely or not at all.

    Returns the boxes of each split, {"train": n, "val": n}, or None when out already holds this data set. Raises
    UserError when out holds something else, OSError when it cannot be written.
    """
    out = Path(out).resolve()
    if out.exists() and not (out.is_dir() and not any(out.iterdir())) and _is_same_data(out, settings):
        return None
    with new_folder(out) as folder:
        (folder / "annotations").mkdir()
        counts = {split: _write_split(folder, settings, split) for split in SPLITS}
        (folder / SETTINGS_FILE).write_text(json.dumps(_describe(settings)) + "\n", encoding="utf-8")
    return counts


def main(argv=None):
    """Make the data set unless it exists; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python tools/sample_data.py", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--out", required=True, help="folder of the data set; made if it is missing")
    parser.add_argument("--train", type=int, default=Settings.train, help="training images (default: %(default)s)")
    parser.add_argument("--val", type=int, default=Settings.val, help="validation images (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=Settings.seed, help="seed, 0 or more (default: %(default)s)")
    parser.add_argument("--size", type=int, default=Settings.size,
                        help="width and height of the images in pixels (default: %(default)s)")
    args = parser.parse_args(argv)
    for name, least in (("train", 1), ("val", 1), ("seed", 0), ("size", MIN_IMAGE_SIZE)):
        if getattr(args, name) < least:
            raise UsageError(f"--{name}: found {getattr(args, name)}, expected a whole number of at least {least}")
    settings = Settings(args.train, args.val, args.seed, args.size)
    counts = make_sample_data(args.out, settings)
    if counts is None:
        print(f"sample data: {args.out} is complete already")
    else:
        print(f"sample data: {counted(settings.train, 'training images')} with {counted(counts['train'], 'boxes')} and "
              f"{counted(settings.val, 'validation images')} with {counted(counts['val'], 'boxes')} in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(run_cli(main))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tiny data sets in COCO layout, real data sets where they are available, images and videos, a config for tests of the
data, and a full disk."""
import json
import resource
import signal
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_utils.config import COMMAND_LINE, get_config

CATEGORIES = ({"id": 3, "name": "cup"}, {"id": 1, "name": "ball"}, {"id": 7, "name": "key"})
# Frames a second of the videos.
RATE = 10
REAL_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"


def write_coco(root, images, split="train", categories=CATEGORIES, annotations=(), overrides=None):
    """Write one split of a data set: image files and the annotation file.

    Args:
        root: the data folder, made if missing.
        images: one dict per image, every key with a default: `size` (width, height); `boxes`, tuples of x, y, w, h,
            category id and, if wanted, iscrowd; `pixels` uint8 RGB instead of the drawn image; `id`, `file_name`,
            `listed_size` (what the json says), `write` False to leave the file out.
        split: "train" or "val".
        categories: list of dicts.
        annotations: further annotations, dicts as they are.
        overrides: dict that replaces or adds keys of the json at its top level; None takes a key out.

    Returns:
        Path of the annotation file.
    """
    root = Path(root)
    folder, json_path = root / f"{split}2017", root / "annotations" / f"instances_{split}2017.json"
    folder.mkdir(parents=True, exist_ok=True)
    json_path.parent.mkdir(exist_ok=True)
    records, boxes = [], []
    for number, image in enumerate(images, start=1):
        size = image.get("size", (64, 48))
        name, image_id = image.get("file_name", f"{number:06}.png"), image.get("id", number)
        width, height = image.get("listed_size", size)
        records.append({"id": image_id, "file_name": name, "width": width, "height": height})
        for x, y, w, h, category, *crowd in image.get("boxes", ()):
            boxes.append({"id": len(boxes) + 1, "image_id": image_id, "category_id": category, "bbox": [x, y, w, h],
                          "area": w * h, "iscrowd": crowd[0] if crowd else 0})
        if image.get("write", True):
            write_image(folder / name, image.get("pixels", draw_picture(size, image.get("boxes", ()), number)))
    whole = {"images": records, "annotations": boxes + list(annotations), "categories": list(categories)}
    whole |= overrides or {}
    json_path.write_text(json.dumps({key: value for key, value in whole.items() if value is not None}))
    return json_path


def draw_picture(size, boxes, seed):
    """A noisy image uint8 RGB [H, W, 3] with a filled rectangle, in the colour of its category, for each box."""
    image = np.random.default_rng(seed).integers(0, 60, (size[1], size[0], 3), np.uint8)
    for x, y, w, h, category, *_ in boxes:
        colour = np.random.default_rng(category).integers(90, 256, 3)
        image[max(0, round(y)):max(0, round(y + h)), max(0, round(x)):max(0, round(x + w))] = colour
    return image


def write_image(path, pixels):
    """Write uint8 RGB pixels to a file in the format of its extension."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))


def photos(count, folder=None):
    """Return images uint8 RGB of 120 x 160 pixels: the first photographs of a folder, or drawn ones."""
    if folder is None:
        return [draw_picture((160, 120), [(20 * number, 30, 50, 40, number)], number) for number in range(count)]
    files = sorted(folder.glob("*.jpg"))[:count]
    assert len(files) == count
    return [cv2.resize(cv2.imread(str(file)), (160, 120), interpolation=cv2.INTER_AREA)[:, :, ::-1] for file in files]


def write_video(path, images):
    """Write images uint8 RGB of one size as a video without loss; without a codec for that the test is skipped."""
    writer = None
    for image in images:
        if writer is None:
            writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"FFV1"), RATE,
                                     image.shape[1::-1])
        if not writer.isOpened():
            pytest.skip("this OpenCV writes no FFV1")
        writer.write(cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2BGR))
    writer.release()
    return path


def data_config(data_dir="", **values):
    """Return the default config, except for small shapes and batches, with the given values."""
    small = {"data_dir": str(data_dir), "seed": 1, "training_shape": [64, 96], "testing_shape": [64, 96],
             "per_batch_size": 2, "num_parallel_workers": 2, "max_epoch": 3}
    return get_config([]).replace(COMMAND_LINE, **small | values)


def real_data(name):
    """Path of a data set beside the checkout, such as "bccd"; the test is skipped where it is missing."""
    path = REAL_DATA / name
    if not path.is_dir():
        pytest.skip(f"{path} is not here")
    return path


@contextmanager
def full_disk(size=4096):
    """Let this process write files of so many bytes at most: the error then has no file name, as that of a full disk.

    Not a fixture: pytest reports a test before its fixtures end, and its own log may be a longer file.
    """
    heeded, limits = signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, heeded)

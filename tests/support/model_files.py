# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""One network as a checkpoint and as the files that are exported from it, made once in a process."""
import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from src.data.categories import Categories
from tests.support.ascend310.infer_app import export_model, write_checkpoint
from tests.support.helpers import draw_picture

CATEGORIES = Categories(("cup", "ball", "key"), (3, 1, 7))
# Of the detections of the network: some on each image.
THRESHOLD = 0.3
RATE = 10


@cache
def _folder():
    # MindSpore itself refuses to write into a folder with a space.
    folder = Path(tempfile.mkdtemp(prefix="model files "))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def model_file(kind):
    """Return the path of a network for 64 x 96 pixels, letterbox.

    `kind` is ckpt, onnx, mindir, or raw: ONNX with raw heads of two images, float32 and normalised.
    """
    if kind == "ckpt":
        return write_checkpoint(_folder() / "best.ckpt", CATEGORIES, shape="64,96")
    options = {"onnx": {"file_format": "ONNX"}, "mindir": {"file_format": "MINDIR"},
               "raw": {"file_format": "ONNX", "keep_detect": False, "batch_size": 2, "export_input": "float"}}[kind]
    path = _folder() / f"{kind}.{'mindir' if kind == 'mindir' else 'onnx'}"
    return export_model(model_file("ckpt"), path, **options)


def photos(count, folder=None):
    """Return images uint8 RGB of 120 x 160 pixels: photographs of a folder, or drawn ones."""
    if folder is None:
        return [draw_picture((160, 120), [(20 * number, 30, 50, 40, number)], number) for number in range(count)]
    files = sorted(folder.glob("*.jpg"))[:count]
    assert len(files) == count
    return [cv2.resize(cv2.imread(str(file)), (160, 120), interpolation=cv2.INTER_AREA)[:, :, ::-1] for file in files]


def write_video(path, images):
    """Write images uint8 RGB of one size without loss; without a codec for that the test is skipped."""
    height, width = images[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"FFV1"), RATE, (width, height))
    if not writer.isOpened():
        pytest.skip("this OpenCV writes no FFV1")
    for image in images:
        writer.write(np.ascontiguousarray(image[:, :, ::-1]))
    writer.release()
    return path

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Training samples: augmented from whole images in one call, or read from a stream; digests and threads of streams."""
import hashlib
import io
import os
import time
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps

from src.data.augment import plan_augment
from src.data.mosaic import plan_mosaic
from src.transforms import draw_plan
from src.yolo_dataset import train_stream


def smooth_image(height=48, width=64):
    """A colourful image without noise, so that JPEG and resizing change it little."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 255 // height, columns * 255 // width, (rows + columns) * 255 // (height + width)],
                    axis=-1).astype(np.uint8)


# How to store an upright image so that an orientation shows it upright.
STORED = {1: lambda image: image, 2: ImageOps.mirror, 3: lambda image: image.rotate(180), 4: ImageOps.flip,
          5: lambda image: image.transpose(Image.Transpose.TRANSPOSE), 6: lambda image: image.rotate(90, expand=True),
          7: lambda image: image.transpose(Image.Transpose.TRANSVERSE), 8: lambda image: image.rotate(270, expand=True)}


def turned(suffix, upright, orientation):
    """Return an image file (bytes) of an upright RGB image as a camera that was held in an orientation writes it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    STORED[orientation](Image.fromarray(upright)).save(file, Image.registered_extensions()[f".{suffix}"],
                                                       exif=exif.tobytes(), quality=95, subsampling=0)
    return file.getvalue()


def augment(image: np.ndarray, boxes: np.ndarray, canvas_hw: tuple[int, int], config,
            rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`plan_augment` and `draw_plan` for a whole image at hand, uint8 [H, W, 3] RGB.

    Returns:
        uint8 [canvas_h, canvas_w, 3] and float64 [m, 5] in canvas pixels.
    """
    plan = plan_augment(boxes, image.shape[:2], canvas_hw, config, rng)
    canvas = np.empty((*canvas_hw, 3), np.uint8)
    draw_plan(plan, lambda number, reduction: (image, 1), config.pad_value, canvas)
    return canvas, plan.boxes


def mosaic(images: Sequence[np.ndarray], boxes: Sequence[np.ndarray], canvas_hw: tuple[int, int], config,
           rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`plan_mosaic` and `draw_plan` for four whole images at hand, uint8 [H, W, 3] RGB.

    Returns:
        uint8 [canvas_h, canvas_w, 3] and float64 [m, 5] in canvas pixels.
    """
    plan = plan_mosaic(boxes, [image.shape[:2] for image in images], canvas_hw, config, rng)
    canvas = np.empty((*canvas_hw, 3), np.uint8)
    draw_plan(plan, lambda number, reduction: (images[number], 1), config.pad_value, canvas)
    return canvas, plan.boxes


def batches(config, data, **options):
    with train_stream(config, data, **options) as stream:
        return list(stream)


def digest(streamed):
    return hashlib.sha256(b"".join(column.tobytes() for batch in streamed for column in batch)).hexdigest()


def threads():
    return len(os.listdir("/proc/self/task"))


def threads_in_the_end(expected):
    """The number of threads, as soon as it is down to what is expected: the system removes them a little later."""
    deadline = time.time() + 5
    while threads() > expected and time.time() < deadline:
        time.sleep(0.01)
    return threads()

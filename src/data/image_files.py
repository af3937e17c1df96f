# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Image files: decoded whole or, for JPEGs, reduced; checked for damage; kept in memory up to a limit."""
import io
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from model_utils.errors import UserError
from src.data.orientation import UPRIGHT, exif_orientation, meant_orientation, turn, upright_size

MB = 2**20
JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND"
# OpenCV's limit; it refuses larger images by name.
MAX_PIXELS = 2**30


def is_image(path: str | Path) -> bool:
    """Return whether a file starts as an image of a format that `decode_image` reads."""
    if cv2.haveImageReader(str(path)):
        return True
    try:
        with Image.open(path):
            return True
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False


class Decoded(NamedTuple):
    """An image that was read: uint8 RGB pixels, by how much they are reduced, and (height, width) of the whole."""
    pixels: np.ndarray
    reduction: int
    image_hw: tuple[int, int]


def decode_image(path: str | Path, exif: str = "auto") -> np.ndarray:
    """Read an image file of any common kind (grey, RGBA, CMYK, 16 bit) as RGB.

    Args:
        path: the file.
        exif: "auto": turned upright by its EXIF orientation, as people see it; "ignore": as it is stored.

    Returns:
        uint8 [H, W, 3], RGB, contiguous.

    Raises:
        UserError: the file cannot be opened, is empty, is no image or is truncated; the text names the path.
    """
    return decode_reduced(path, 1, exif).pixels


def decode_reduced(path: str | Path, reduction: int, exif: str = "auto",
                   listed_wh: tuple[int, int] | None = None) -> Decoded:
    """Read an image file for training as `decode_image` does, but a JPEG at a fraction of its sides.

    The fraction is taken in the frequency domain (libjpeg's scaled inverse transform), so nothing aliases; it saves
    most of the inverse transform and all later work on pixels that no one would see.

    Args:
        path: the file.
        reduction: 1, 2, 4 or 8.
        exif: see `decode_image`.
        listed_wh: width and height by the annotation file, which decide with "auto" whether an image is turned, see
            `src.data.orientation.meant_orientation`; None: not known.

    Returns:
        `Decoded`: pixels [ceil(H / r), ceil(W / r), 3]; r, which is `reduction` for a sound JPEG and 1 for any other
        file, and for a turned image whose sides are no multiples of it; and (H, W) as turned.

    Raises:
        UserError: as `decode_image`.
    """
    data = _read(path)
    orientation = exif_orientation(data) if exif == "auto" else UPRIGHT
    decoded = _decode_jpeg(path, data, reduction) if data.startswith(JPEG_START) else None
    if decoded and orientation != UPRIGHT and any(side % reduction for side in decoded.image_hw):
        # The remainder of a side would lie at its other end.
        decoded = _decode_jpeg(path, data, 1)
    if not decoded:
        pixels = _decode_by_opencv(path, data)
        decoded = Decoded(pixels, 1, pixels.shape[:2])
    orientation, _ = meant_orientation(orientation, decoded.image_hw[::-1], listed_wh)
    return Decoded(turn(decoded.pixels, orientation), decoded.reduction,
                   upright_size(orientation, decoded.image_hw))


def _read(path):
    """Return the bytes of an image file that exists and is not empty."""
    try:
        # One read takes it all: a buffer would only be one more copy.
        with open(path, "rb", buffering=0) as file:
            data = file.read()
    except OSError as error:
        raise UserError(f"{path}: cannot read this image file ({error.strerror or error}); "
                        "restore it or take it out of the data set") from error
    if not data:
        raise UserError(f"{path}: this image file is empty (0 bytes); restore it or take it out of the data set")
    return data


def _decode_jpeg(path, data, reduction):
    """Return a JPEG as it is stored; None where libjpeg-turbo warns and OpenCV may still read it."""
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)
        if height * width > MAX_PIXELS:
            return None
        image = simplejpeg.decode_jpeg(data, "RGB", min_height=-(-height // reduction),
                                       min_width=-(-width // reduction))
    except (ValueError, KeyError) as error:
        # Decoders make up the rest of a truncated file; the end mark must follow the last scan.
        if "Premature end" in str(error) or data.rfind(JPEG_END) <= data.rfind(JPEG_SCAN):
            raise _truncated(path, data) from error
        return None
    return Decoded(image, reduction, (height, width))


def _decode_by_opencv(path, data):
    if data.startswith(PNG_START) and PNG_END not in data:
        raise _truncated(path, data)
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    except cv2.error as error:
        raise UserError(f"{path}: cannot decode this image ({error.err or error})") from error
    return _decode_by_pillow(path, data) if image is None else image


def _decode_by_pillow(path, data):
    """Return what OpenCV does not read, such as GIF, whose first image counts."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.array(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: this file ({len(data)} bytes) cannot be decoded as an image; expected JPEG, PNG or "
                        "another format that OpenCV or Pillow reads") from error


def _truncated(path, data):
    return UserError(f"{path}: this image file is cut short ({len(data)} bytes, the end mark is missing); "
                     "copy or download it again")


class ImageCache:
    """Keeps the first images that arrive, as many as fit; safe to call from threads.

    Training takes every image about equally often, in an order that is new in each epoch, so replacing an old one by a
    new one would only cost time. An image kept whole does not serve where a reduced one is asked for: what a sample
    looks like must not depend on what is kept.

    Args:
        limit_mb: how much to keep, in MB of 2**20 bytes; 0: nothing.
    """

    def __init__(self, limit_mb: int):
        self._free = limit_mb * MB
        self._kept = {}
        self._lock = threading.Lock()

    def get(self, index: int, reduction: int,
            decode: Callable[[], tuple[np.ndarray, int]]) -> tuple[np.ndarray, int]:
        """The image of an index at a reduction, kept or fresh from `decode`, and its actual reduction.

        A kept image is read-only, because all later samples will see it.
        """
        kept = self._kept.get((index, reduction))
        if kept is not None:
            return kept
        image, by = decode()
        with self._lock:
            if (index, reduction) not in self._kept and image.nbytes <= self._free:
                self._free -= image.nbytes
                image.flags.writeable = False
                self._kept[index, reduction] = image, by
        return image, by

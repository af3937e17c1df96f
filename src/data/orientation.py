# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""EXIF orientation: phones store a photo as the sensor saw it, and a number that says how people see it upright.

Annotation tools show photos upright, and write the size and the boxes of what they show; converters that ignore EXIF
write those of the stored pixels. Which of the two an annotation file means shows in the size that it lists.
"""
import io
import os
import struct
from collections.abc import Callable, Sequence

import numpy as np
from PIL import ExifTags, Image

from src.data.read_workers import Workers, open_regular

UPRIGHT = 1
# Orientations that swap width and height.
TURNED_SIDEWAYS = (5, 6, 7, 8)
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr, 3: lambda pixels: np.rot90(pixels, 2), 4: np.flipud, 5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1), 7: lambda pixels: np.rot90(pixels, 2).swapaxes(0, 1), 8: np.rot90}
# Formats in which viewers heed it, by their first bytes, and the name of their EXIF data. OpenCV turns TIFF itself.
EXIF_NAMES = {b"\xff\xd8": b"Exif", b"\x89P": b"eXIf", b"RI": b"EXIF"}
# How a segment of a JPEG and that before its pixels begin, and what may follow the first byte but has no length.
SEGMENT, JPEG_SCAN = b"\xff", b"\xff\xda"
BARE_MARKERS = (b"", b"\0", b"\x01", b"\xff", *(bytes([marker]) for marker in range(0xd0, 0xda)))
# Where the EXIF data of a JPEG file lie.
HEAD_BYTES = 2**16
# Threads that wait for a disk rather than compute.
READERS = 8
# What Pillow raises on broken EXIF data; viewers show such an image as it is stored.
BROKEN = (OSError, SyntaxError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, struct.error,
          Image.DecompressionBombError)


def exif_orientation(data: bytes) -> int:
    """Return the orientation, 1 to 8, that an image file's EXIF data gives; 1, upright, where it gives none."""
    # Without EXIF data Pillow would decode a whole PNG in search of them.
    name = EXIF_NAMES.get(data[:2])
    if name is None or data.find(name, 0, _end_of_head(data)) < 0:
        return UPRIGHT
    try:
        with Image.open(io.BytesIO(data)) as image:
            found = image.getexif().get(ExifTags.Base.Orientation, UPRIGHT)
    except BROKEN:
        return UPRIGHT
    return found if found in TURNS else UPRIGHT


def _end_of_head(data):
    """Return where the segments before the pixels of a sound JPEG end; of any other file, its length.

    A search through the pixels for what is not there would take a twentieth of the time of decoding them.
    """
    place = 2
    while data.startswith(SEGMENT, place) and data[place + 1:place + 2] not in BARE_MARKERS:
        if data.startswith(JPEG_SCAN, place):
            return place
        place += 2 + int.from_bytes(data[place + 2:place + 4], "big")
    return len(data)


def meant_orientation(orientation: int, stored_wh: tuple[int, int],
                      listed_wh: tuple[int, int] | None) -> tuple[int, bool]:
    """Return the orientation by which an image is turned, and whether the listed size confirms it.

    Args:
        orientation: of `exif_orientation`.
        stored_wh: width and height of the stored pixels.
        listed_wh: those of the annotation file; None: there is none, so the image is shown as people see it.
    """
    if orientation == UPRIGHT or listed_wh is None:
        return orientation, True
    is_square = stored_wh[0] == stored_wh[1]
    if orientation in TURNED_SIDEWAYS and not is_square:
        return (UPRIGHT if tuple(listed_wh) == tuple(stored_wh) else orientation), True
    # The turned image has the size of the stored one: the file may mean either, and tools mean the upright one.
    return orientation, False


def unconfirmed(paths: Sequence[str], sizes: Sequence[tuple[int, int]], wait_s: int) -> list[int]:
    """Return the numbers of the images that are turned although their listed (width, height) does not say so.

    Raises:
        HungRead: a read took longer than `wait_s`.
    """
    def is_unconfirmed(number):
        try:
            data = _head(paths[number])
            orientation = exif_orientation(data)
            if orientation == UPRIGHT:
                return False
            with Image.open(io.BytesIO(data)) as image:
                return not meant_orientation(orientation, image.size, sizes[number])[1]
        except BROKEN:
            # Whoever decodes the image reports what is wrong with it.
            return False

    with Workers(READERS, wait_s) as workers:
        return [number for number, is_one in enumerate(workers.map(is_unconfirmed, range(len(paths)))) if is_one]


def _head(path):
    """Return the bytes of an image file that hold its size and EXIF data."""
    with open_regular(path) as file:
        data = file.read(HEAD_BYTES)
        # Much of other data may stand before the size of a JPEG.
        is_whole = data.startswith(b"\xff\xd8") and _end_of_head(data) < len(data)
        return data if is_whole else data + file.read()


def stored_and_upright_size(path: str | os.PathLike) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (width, height) of an image file as it is stored and as people see it, without decoding it.

    Raises:
        OSError, ...: one of `BROKEN`: Pillow does not read the file.
    """
    data = _head(path)
    with Image.open(io.BytesIO(data)) as image:
        return image.size, upright_size(exif_orientation(data), image.size)


def upright_size(orientation: int, wh: tuple[int, int]) -> tuple[int, int]:
    """Return width and height of an image after `turn`."""
    return wh[::-1] if orientation in TURNED_SIDEWAYS else wh


def turn(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Return stored pixels [H, W, 3] as people see them; contiguous."""
    return np.ascontiguousarray(TURNS[orientation](pixels)) if orientation != UPRIGHT else pixels

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What the bytes of a JPEG say without being decoded: whether the file is whole, and the size of its image."""
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from model_utils.errors import UserError

MB = 2**20

_DECODE_FLAGS = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
_REDUCTION_FLAGS = {1: 0, 2: cv2.IMREAD_REDUCED_COLOR_2, 4: cv2.IMREAD_REDUCED_COLOR_4, 8: cv2.IMREAD_REDUCED_COLOR_8}
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"\x00\x00\x00\x00IEND"

START, SCAN, END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
# The frame headers SOF0 to SOF15; the three numbers left out are tables.
FRAMES = {bytes((0xFF, number)) for number in set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}}
# Inside the compressed data 0xFF is followed by 0 or a restart mark; anything else ends the scan.
SCAN_STOP = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


def is_jpeg(data: bytes) -> bool:
    """Whether these are the bytes of a JPEG, whole or not."""
    return data.startswith(START)


def is_whole_jpeg(data: bytes) -> bool:
    """Whether the image of a JPEG comes to its own end mark; where it does not, decoders make up the rest.

    A file that was cut between the thumbnail that cameras put before the image and the image's first scan is taken for
    whole; decoders refuse it, as there is nothing to decode.
    """
    # The quick tests are right for all but files with foreign bytes after the end; a thumbnail has marks of its own, so
    # an end mark inside the file counts only behind the last scan.
    return (data.endswith(END) or data.rfind(END) > data.rfind(SCAN)
            or any(marker == END for marker, _ in _segments(data)))


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Height and width of a JPEG's image as its frame header says, EXIF orientation ignored; None: it has no header."""
    for marker, position in _segments(data):
        if marker in FRAMES:
            # Behind the segment's length (2 bytes) and the sample precision (1).
            height, width = data[position + 3:position + 5], data[position + 5:position + 7]
            return int.from_bytes(height, "big"), int.from_bytes(width, "big")
    return None


def _segments(data: bytes) -> Iterator[tuple[bytes, int]]:
    """Walk a JPEG: its markers, each with the position behind it, up to and with the first end mark."""
    position = len(START)
    while position + 4 <= len(data):
        marker = data[position:position + 2]
        if marker[0] != 0xFF:
            return
        if marker[1] == 0xFF:
            position += 1
            continue
        yield marker, position + 2
        position += 2 + int.from_bytes(data[position + 2:position + 4], "big")
        if marker == SCAN:
            stop = SCAN_STOP.search(data, position)
            if stop is None:
                return
            position = stop.end() - 2
            if data[position:position + 2] == END:
                yield END, position + 2
                return


def decode_image(path: str | Path) -> np.ndarray:
    """Read an image file of any common kind (grey, RGBA, CMYK, 16 bit) as RGB.

    Args:
        path: the file. Its EXIF orientation is ignored, because COCO's boxes refer to the pixels as they are stored.

    Returns:
        uint8 [H, W, 3], RGB, contiguous.

    Raises:
        UserError: the file cannot be opened, is empty, is no image or is cut short; the text names the path.
    """
    return _decode(path, _read(path))


def decode_reduced(path: str | Path, reduction: int) -> tuple[np.ndarray, int, tuple[int, int]]:
    """Read an image file for training as `decode_image` does, but a JPEG at a fraction of its sides.

    The fraction is taken in the frequency domain (libjpeg's scaled inverse transform), so that nothing aliases; it
    spares most of the inverse transform and all later work on pixels that no one would see.

    Args:
        path: the file.
        reduction: 1, 2, 4 or 8.

    Returns:
        uint8 [ceil(H / r), ceil(W / r), 3] RGB; r, which is `reduction` for a JPEG and 1 for any other kind; and
        (H, W), the size of the whole image as the file says.

    Raises:
        UserError: as `decode_image`.
    """
    data = _read(path)
    image_hw = jpeg_size(data) if reduction > 1 and is_jpeg(data) else None
    if image_hw is None:
        image = _decode(path, data)
        return image, 1, image.shape[:2]
    return _decode(path, data, reduction), reduction, image_hw


def _read(path):
    """The bytes of an image file that is there, is not empty and is not cut short."""
    try:
        # Read at one go, so a buffer would only be a copy more.
        with open(path, "rb", buffering=0) as file:
            data = file.read()
    except OSError as error:
        raise UserError(f"{path}: cannot read this image file ({error.strerror or error}); "
                        "restore it or take it out of the data set") from error
    if not data:
        raise UserError(f"{path}: this image file is empty (0 bytes); restore it or take it out of the data set")
    if _is_cut_short(data):
        raise UserError(f"{path}: this image file is cut short ({len(data)} bytes, the end mark is missing); "
                        "copy or download it again")
    return data


def _decode(path, data, reduction=1):
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), _DECODE_FLAGS | _REDUCTION_FLAGS[reduction])
    except cv2.error as error:
        raise UserError(f"{path}: cannot decode this image ({error.err or error})") from error
    if image is None:
        raise UserError(f"{path}: this file ({len(data)} bytes) cannot be decoded as an image; expected JPEG, PNG or "
                        "another format that OpenCV reads")
    return image


def _is_cut_short(data):
    """Whether a JPEG or PNG stops too early. OpenCV fills a JPEG's missing rows in silence; other kinds it refuses."""
    if is_jpeg(data):
        return not is_whole_jpeg(data)
    return data.startswith(_PNG_START) and _PNG_END not in data


class ImageCache:
    """Keeps the first images that come, as many as fit; safe to call from threads.

    Training takes every image about equally often, in an order that is new in each epoch: to throw out an old one for a
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
        """The image of an index at a reduction, kept or fresh from `decode`, and by how much it is reduced in fact.

        An image that is kept can no longer be written to, because all later samples will see it.
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

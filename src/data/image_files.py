# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Image files: decoded whole or, for JPEGs, reduced; checked for damage; kept in memory up to a limit."""
import io
import math
import re
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import simplejpeg
from PIL import Image, ImageFile

from model_utils.errors import UserError
from model_utils.files import check_regular
from src.data.orientation import UPRIGHT, exif_orientation, meant_orientation, turn, upright_size
from src.data.read_workers import open_regular

MB = 2**20
JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
PNG_START, PNG_LAST = b"\x89PNG\r\n\x1a\n", b"IEND"
PNG_END = bytes(4) + PNG_LAST
# Chunks with colour profiles, texts and other notes.
PNG_NOTES = {b"cHRM", b"eXIf", b"hIST", b"iCCP", b"iTXt", b"pHYs", b"sPLT", b"sRGB", b"tEXt", b"tIME", b"zTXt"}
# Where the first chunk of a PNG has its width and height.
PNG_SIZE = slice(16, 24)
CUT_SHORT, DAMAGED, DARK = "cut short", "damaged", "nearly black"
# Smallest share of its rows by which a truncated image is of use.
MIN_ROWS = 0.5
# Complaints of libjpeg about other segments than those of the pixels.
HARMLESS = ("Unknown Adobe", "Warning: unknown JFIF", "Corrupt JPEG data: bad ICC")
# Pillow's modes of whole numbers of 16 or 32 bits, and of floating-point numbers.
DEEP_MODES = ("I", "F")
# What else is found under an image's name: at which byte, how it begins (small letters), and the cure.
FOREIGN = ((4, b"ftyphei", "it is a HEIC photo of a phone: convert it to JPEG"),
           (4, b"ftypmif1", "it is a HEIC photo of a phone: convert it to JPEG"),
           (0, b"version https://git-lfs", "it is a pointer of Git LFS: fetch the files themselves by `git lfs pull`"),
           (0, b"<!doctype html", "it is a web page: the download went wrong, repeat it"),
           (0, b"<html", "it is a web page: the download went wrong, repeat it"))
# No value of 12 bits is so high.
DARK_BELOW = 4096
# OpenCV's limit.
MAX_PIXELS = 2**30


def is_image(path: str | Path) -> bool:
    """Return whether a file starts as an image of a format that `decode_image` reads."""
    try:
        check_regular(path)
        if cv2.haveImageReader(str(path)):
            return True
        with Image.open(path) as image:
            # Formats that Pillow names, but leaves to programs that are seldom there.
            return not isinstance(image, ImageFile.StubImageFile) and image.format not in ("EPS", "MPEG")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False


class UnreadableImage(UserError):
    """An image file of no use; the text names it and what to do."""


class Fault(NamedTuple):
    """What is wrong with an image that can be used nevertheless: `CUT_SHORT`, `DAMAGED` or `DARK`, and the details."""
    kind: str
    text: str


class Decoded(NamedTuple):
    """An image that was read: uint8 RGB pixels, their reduction, (height, width) of the whole image, its fault."""
    pixels: np.ndarray
    reduction: int
    image_hw: tuple[int, int]
    fault: Fault | None = None


def decode_image(path: str | Path, exif: str = "auto", max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Read an image file of any common kind (grey, RGBA, CMYK, 16 bit) as RGB.

    Args:
        path: the file.
        exif: "auto": turned upright by its EXIF orientation, as people see it; "ignore": as it is stored.
        max_pixels: larger images are refused by their header: a file of a megabyte may take gigabytes.

    Returns:
        uint8 [H, W, 3], RGB, contiguous.

    Raises:
        UnreadableImage: the file cannot be opened, is empty, is no image, is too large, holds floating-point numbers,
            or less than half of its rows is there; the text names the path.
    """
    return decode_reduced(path, 1, exif, max_pixels=max_pixels).pixels


def decode_reduced(path: str | Path, reduction: int, exif: str = "auto",
                   listed_wh: tuple[int, int] | None = None, max_pixels: int = MAX_PIXELS) -> Decoded:
    """Read an image file for training as `decode_image` does, but a JPEG at a fraction of its sides.

    The fraction is taken in the frequency domain (libjpeg's scaled inverse transform), so nothing aliases; it saves
    most of the inverse transform and all later work on pixels that no one would see.

    Args:
        path: the file.
        reduction: 1, 2, 4 or 8.
        exif: see `decode_image`.
        listed_wh: width and height by the annotation file, which decide with "auto" whether an image is turned, see
            `src.data.orientation.meant_orientation`; None: not known.
        max_pixels: see `decode_image`; it counts the whole image, whatever the reduction.

    Returns:
        `Decoded`: pixels [ceil(H / r), ceil(W / r), 3]; r, which is `reduction` for a sound JPEG and 1 for any other
        file, and for a turned image whose sides are no multiples of it; (H, W) as turned; and its fault.

    Raises:
        UnreadableImage: as `decode_image`.
    """
    data = _read(path)
    _check_pixels(path, data, max_pixels)
    orientation = exif_orientation(data) if exif == "auto" else UPRIGHT
    decoded = _decode_jpeg(path, data, reduction) if data.startswith(JPEG_START) else None
    if decoded and orientation != UPRIGHT and any(side % reduction for side in decoded.image_hw):
        # The remainder of a side would lie at its other end.
        decoded = _decode_jpeg(path, data, 1)
    if not decoded:
        pixels, fault = _decode_by_opencv(path, data)
        decoded = Decoded(pixels, 1, pixels.shape[:2], fault)
    orientation, _ = meant_orientation(orientation, decoded.image_hw[::-1], listed_wh)
    return decoded._replace(pixels=turn(decoded.pixels, orientation),
                            image_hw=upright_size(orientation, decoded.image_hw))


def _read(path):
    """Return the bytes of an image file that exists and is not empty."""
    try:
        # One read takes it all: a buffer would only be one more copy.
        with open_regular(path) as file:
            data = file.read()
    except OSError as error:
        raise UnreadableImage(f"{path}: cannot read this image file ({error.strerror or error}); "
                        "restore it or take it out of the data set") from error
    if not data:
        raise UnreadableImage(f"{path}: this image file is empty (0 bytes); restore it or take it out of the data set")
    return data


def _check_pixels(path, data, max_pixels):
    """Refuse an image of more pixels than `max_pixels` by its header, before memory is taken for them."""
    pixels = math.prod(_header_sides(data))
    if pixels > max_pixels:
        raise UnreadableImage(f"{path}: this image has {pixels} pixels, more than max_image_pixels, {max_pixels}; make "
                              "it smaller, or raise --max_image_pixels")


def _header_sides(data):
    """Return the sides of an image by its file's header, in any order; 0 where a decoder will refuse the header."""
    if data.startswith(PNG_START) and len(data) >= PNG_SIZE.stop:
        return struct.unpack(">II", data[PNG_SIZE])
    try:
        if data.startswith(JPEG_START):
            return simplejpeg.decode_jpeg_header(data, strict=False)[:2]
        with Image.open(io.BytesIO(data)) as image:
            return image.size
    except Image.DecompressionBombError as error:
        # Pillow has a limit of its own, above which it gives the number of pixels only.
        return (int(re.search(r"\d+", str(error))[0]),)
    except (OSError, SyntaxError, ValueError, KeyError):
        return (0,)


def _decode_jpeg(path, data, reduction):
    """Return a JPEG as it is stored; None where libjpeg-turbo fails and another decoder may still read it."""
    try:
        height, width, *_ = simplejpeg.decode_jpeg_header(data, strict=False)
        image = simplejpeg.decode_jpeg(data, "RGB", min_height=-(-height // reduction),
                                       min_width=-(-width // reduction))
        return Decoded(image, reduction, (height, width))
    except (ValueError, KeyError) as error:
        problem = str(error)
    # Decoders make up the rest of a truncated file; the end mark must follow the last scan.
    is_cut = "Premature end" in problem or data.rfind(JPEG_END) <= data.rfind(JPEG_SCAN)
    try:
        # A download that stopped may have its whole length, filled up with zeros, which would be decoded.
        image = simplejpeg.decode_jpeg(data.rstrip(b"\0") if is_cut else data, "RGB", strict=False)
    except (ValueError, KeyError) as error:
        if is_cut:
            raise _truncated(path, data) from error
        return None
    fault = Fault(DAMAGED, f"libjpeg reports: {problem}") if _is_damage(problem, data) else None
    if is_cut:
        share = _rows_before_the_filling(image) / len(image)
        if share < MIN_ROWS:
            raise _truncated(path, data)
        fault = Fault(CUT_SHORT, f"{share:.0%} of its rows are there")
    return Decoded(image, 1, image.shape[:2], fault)


def _is_damage(problem, data):
    """Return whether a complaint of libjpeg is about the pixels, not about the padding of cameras or other segments."""
    extraneous = re.search(r"(\d+) extraneous bytes before marker 0xd9", problem)
    if extraneous:
        end = data.rfind(JPEG_END)
        return len(set(data[end - int(extraneous[1]):end])) > 1
    return not problem.startswith(HARMLESS)


def _rows_before_the_filling(image):
    """Return how many rows come before those at the end that are all alike, as decoders fill up what is missing."""
    differs = (image != image[-1]).any(axis=(1, 2))
    return len(image) - int(np.argmax(differs[::-1])) if differs.any() else 0


def _decode_by_opencv(path, data):
    """Return an image of another format, and its `Fault` or None."""
    if data.startswith(PNG_START):
        if PNG_END not in data:
            raise _truncated(path, data)
        data = _without_notes(path, data)
    buffer = np.frombuffer(data, np.uint8)
    try:
        # Not as RGB: with that and any depth, OpenCV 4.11 returns TIFF files of 16 bits as uninitialised memory.
        image = cv2.imdecode(buffer, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION | cv2.IMREAD_ANYDEPTH)
        if image is None:
            image = _decode_by_pillow(path, data)
            if image.dtype == np.uint8:
                return image, None
            fault = _check_depth(path, image)
            return np.stack([(image >> 8).astype(np.uint8)] * 3, axis=2), fault
        if image.dtype == np.uint8:
            return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image), None
        fault = _check_depth(path, image)
        return cv2.imdecode(buffer, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION), fault
    except cv2.error as error:
        raise UnreadableImage(f"{path}: cannot decode this image ({error.err or error})") from error


def _without_notes(path, data):
    """Return a PNG without chunks that pixels do not depend on, but of which libpng prints complaints; without a name.

    Raises:
        UnreadableImage: a chunk is longer than the file: OpenCV takes memory for it, up to 4 GB.
    """
    place, kept, start = len(PNG_START), [], 0
    while place + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[place:place + 8])
        if length > len(data) - place:
            raise UnreadableImage(f"{path}: this PNG is damaged: a block of {length} bytes begins at byte {place} of "
                                  f"{len(data)}; copy or download it again")
        if kind in PNG_NOTES:
            kept.append(data[start:place])
            start = place + length + 12
        if kind == PNG_LAST:
            break
        place += length + 12
    return b"".join((*kept, data[start:])) if kept else data


def _check_depth(path, image):
    """Return the `Fault` of an image of more than 8 bits a channel, None where it has none; refuse more than 16."""
    if image.dtype != np.uint16:
        raise UnreadableImage(f"{path}: the pixels of this image are {image.dtype}, from {image.min():g} to "
                        f"{image.max():g}; expected 8 or 16 bits: convert it, so that its range fills 0 to 255")
    if image.max() >= DARK_BELOW:
        return None
    return Fault(DARK, f"16 bits a channel, but no value above {image.max()}: scale it to 0 to 65535")


def _decode_by_pillow(path, data):
    """Return what OpenCV does not read, such as GIF, whose first image counts; grey [H, W] of more than 8 bits."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.array(image if image.mode.startswith(DEEP_MODES) else image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        kind = next((kind for place, mark, kind in FOREIGN if data[place:place + 64].lstrip().lower().startswith(mark)),
                    "expected JPEG, PNG or another format that OpenCV or Pillow reads")
        raise UnreadableImage(f"{path}: this file ({len(data)} bytes) cannot be decoded as an image; {kind}") from error


def _truncated(path, data):
    return UnreadableImage(f"{path}: this image file is cut short ({len(data)} bytes, the end mark is missing); "
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

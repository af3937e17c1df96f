# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What the bytes of a JPEG say without being decoded: whether the file is whole, and the size of its image."""
import re
from collections.abc import Iterator

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

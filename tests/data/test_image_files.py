# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What a JPEG's bytes say without being decoded."""
import struct

import cv2
import numpy as np
import pytest

from src.data.image_files import is_jpeg, is_whole_jpeg, jpeg_size

KINDS = {
    "baseline": (),
    "progressive": (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restart marks": (cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
    "optimised": (cv2.IMWRITE_JPEG_OPTIMIZE, 1),
}


def make_jpeg(height=96, width=128, *options):
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return cv2.imencode(".jpg", cv2.GaussianBlur(noise, (0, 0), 2), list(options))[1].tobytes()


def with_segment(jpeg, payload, marker=0xE1):
    """A JPEG with one more segment behind its start."""
    return jpeg[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def test_kinds_are_told_by_their_first_bytes():
    assert is_jpeg(make_jpeg()) and is_jpeg(make_jpeg()[:10])
    assert not is_jpeg(b"") and not is_jpeg(b"\xff") and not is_jpeg(b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", [(96, 128), (1, 1), (17, 300), (300, 17)])
def test_the_size_is_that_of_the_image(kind, size):
    jpeg = make_jpeg(*size, *KINDS[kind])
    assert jpeg_size(jpeg) == size
    # The thumbnail in a segment before it has a size of its own, and cameras fill up with 0xFF.
    assert jpeg_size(with_segment(jpeg, make_jpeg(8, 8))) == size
    assert jpeg_size(jpeg[:2] + b"\xff\xff\xff" + jpeg[2:]) == size


def test_grey_jpegs_have_a_size_too():
    grey = cv2.imencode(".jpg", np.zeros((33, 44), np.uint8))[1].tobytes()
    assert jpeg_size(grey) == (33, 44)


def test_what_has_no_header_has_no_size():
    jpeg = make_jpeg()
    for data in (b"", b"\xff\xd8", jpeg[:20], b"\xff\xd8junk and more of it", b"\xff\xd8\xff\xe1\xff\xff" + bytes(100)):
        assert jpeg_size(data) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("thumbnail", [False, True])
def test_a_jpeg_is_whole_with_its_last_byte_only(kind, thumbnail):
    jpeg = make_jpeg(96, 128, *KINDS[kind])
    inner = make_jpeg(16, 16)
    if thumbnail:
        jpeg = with_segment(jpeg, inner)
    assert is_whole_jpeg(jpeg)
    whole = [length for length in range(2, len(jpeg), 3 if thumbnail else 1) if is_whole_jpeg(jpeg[:length])]
    # Cut between its thumbnail and its own scan a file looks whole; the decoder refuses it.
    scan = jpeg.index(b"\xff\xda", 6 + len(inner) if thumbnail else 0)
    assert (max(whole) <= scan + 2 if thumbnail else not whole)
    for length in whole[::20]:
        assert cv2.imdecode(np.frombuffer(jpeg[:length], np.uint8), cv2.IMREAD_COLOR) is None
    assert not is_whole_jpeg(jpeg[:-1]) and not is_whole_jpeg(jpeg[:-2])


@pytest.mark.parametrize("tail", [b"\0" * 100, b"trailer \xff\xda of a phone", b"\xff\xda" * 3])
def test_foreign_bytes_behind_the_end_do_no_harm(tail):
    for kind in KINDS.values():
        assert is_whole_jpeg(make_jpeg(96, 128, *kind) + tail)

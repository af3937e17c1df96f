# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Image files: every common kind, whole or reduced; damaged files; the cache: bounded, read-only, safe in threads."""
import os
import struct
import threading

import cv2
import numpy as np
import pytest
from PIL import Image

from model_utils.errors import UserError
from src.data.image_files import (
    CUT_SHORT,
    DAMAGED,
    DARK,
    MB,
    ImageCache,
    decode_image,
    decode_reduced,
    is_image,
)
from tests.support.samples import smooth_image

JPEGS = {
    "baseline": (),
    "progressive": (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restart marks": (cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
    "optimised": (cv2.IMWRITE_JPEG_OPTIMIZE, 1),
}


def encoded(pixels, extension, *options):
    """File bytes of RGB (or grey, or RGBA) pixels."""
    if pixels.ndim == 3:
        code = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        pixels = cv2.cvtColor(pixels, code)
    return cv2.imencode(extension, pixels, list(options))[1].tobytes()


def with_segment(jpeg, payload, marker=0xE1):
    """A JPEG with one more segment behind its start."""
    return jpeg[:2] + bytes((0xFF, marker)) + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def with_exif(jpeg, orientation=6, thumbnail=b""):
    """A JPEG with an EXIF segment put in: the orientation, and behind it a thumbnail's bytes."""
    tiff = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, 3, 1, orientation, 0) + thumbnail
    return with_segment(jpeg, b"Exif\0\0" + tiff)


def decode_bytes(tmp_path, data, name="photo"):
    path = tmp_path / name
    path.write_bytes(data)
    return decode_image(path)


def test_png_comes_back_as_rgb_to_the_bit(tmp_path):
    image = smooth_image()
    decoded = decode_bytes(tmp_path, encoded(image, ".png"))
    assert decoded.dtype == np.uint8 and decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, image)


def test_jpeg_is_near(tmp_path):
    image = smooth_image()
    decoded = decode_bytes(tmp_path, encoded(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 95))
    assert np.abs(decoded.astype(int) - image).max() <= 12


def test_grey_rgba_and_16_bit_are_read(tmp_path):
    image = smooth_image()
    grey = decode_bytes(tmp_path, encoded(image[..., 0], ".png"))
    np.testing.assert_array_equal(grey, np.repeat(image[..., :1], 3, axis=2))
    alpha = np.full((48, 64, 1), 7, np.uint8)
    np.testing.assert_array_equal(decode_bytes(tmp_path, encoded(np.concatenate([image, alpha], 2), ".png")), image)
    deep = decode_bytes(tmp_path, encoded(image.astype(np.uint16) * 257, ".png"))
    assert np.abs(deep.astype(int) - image).max() <= 1


def test_notes_in_a_png_that_libpng_complains_about_change_nothing(tmp_path, capfd):
    image = smooth_image()
    data = encoded(image, ".png")
    head = len(b"\x89PNG\r\n\x1a\n") + 25
    # A colour profile that cannot be unpacked, and a text with a wrong checksum.
    chunks = [b"iCCPa\0\0broken", b"tEXtkey\0value"]
    notes = b"".join(struct.pack(">I", len(chunk) - 4) + chunk + bytes(4) for chunk in chunks)
    np.testing.assert_array_equal(decode_bytes(tmp_path, data[:head] + notes + data[head:]), image)
    assert capfd.readouterr().err == ""
    # OpenCV alone prints of them.
    cv2.imdecode(np.frombuffer(data[:head] + notes + data[head:], np.uint8), cv2.IMREAD_COLOR)
    assert "iCCP" in capfd.readouterr().err


def test_cmyk_jpeg_is_read(tmp_path):
    path = tmp_path / "cmyk.jpg"
    Image.fromarray(smooth_image()).convert("CMYK").save(path, quality=95)
    decoded = decode_image(path)
    assert decoded.shape == (48, 64, 3)
    assert np.abs(decoded.astype(int) - smooth_image()).mean() < 8


@pytest.mark.parametrize("extension", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".jp2"])
def test_red_is_red_in_every_kind_of_file(tmp_path, extension):
    data = encoded(smooth_image(), extension)
    plain = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decode_bytes(tmp_path, data), plain[..., ::-1])


@pytest.mark.parametrize("extension", [".gif", ".jp2", ".ppm", ".tga"])
def test_what_opencv_or_pillow_reads_is_an_image(tmp_path, extension):
    path = tmp_path / f"a{extension}"
    Image.fromarray(smooth_image()).save(path)
    assert is_image(path) and np.abs(decode_image(path).astype(int) - smooth_image()).mean() < 8


@pytest.mark.parametrize("data", [b"", b"text", b"\xff", b"{}", b"GRIB\0\0\0\1" + bytes(99), b"\x89HDF\r\n\x1a\n",
                                  b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n",
                                  b"\0\0\1\xb3\1\1\1"])
def test_anything_else_is_none(tmp_path, data):
    (tmp_path / "a.jpg").write_bytes(data)
    assert not is_image(tmp_path / "a.jpg")


def reduced_bytes(tmp_path, data, reduction):
    path = tmp_path / "photo"
    path.write_bytes(data)
    return decode_reduced(path, reduction)[:3]


@pytest.mark.parametrize("size", [(96, 128), (97, 131), (9, 1)])
@pytest.mark.parametrize("kind", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1)])
def test_a_reduced_jpeg_is_the_average_of_the_whole_one(tmp_path, size, kind):
    jpeg = encoded(smooth_image(*size), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 95, *kind)
    whole = decode_bytes(tmp_path, jpeg).astype(float)
    for by in (1, 2, 4, 8):
        image, found, image_hw = reduced_bytes(tmp_path, jpeg, by)
        assert (found, image_hw) == (by, size) and image.dtype == np.uint8
        assert image.shape == (-(-size[0] // by), -(-size[1] // by), 3)
        height, width = size[0] // by, size[1] // by
        blocks = whole[:height * by, :width * by].reshape(height, by, width, by, 3).mean(axis=(1, 3))
        # Only the chroma, stored at half the size, is spread a little differently.
        assert np.abs(image[:height, :width] - blocks).max(initial=0) < 6


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("size", [(96, 128), (1, 1), (17, 300), (300, 17)])
def test_the_size_is_that_of_the_image(tmp_path, kind, size):
    jpeg = encoded(smooth_image(*size), ".jpg", *JPEGS[kind])
    # The thumbnail in a segment before it has a size of its own, and cameras fill up with 0xFF.
    for data in (jpeg, with_segment(jpeg, encoded(smooth_image(8, 8), ".jpg")), jpeg[:2] + b"\xff\xff\xff" + jpeg[2:]):
        assert reduced_bytes(tmp_path, data, 2)[1:] == (2, size)


def test_a_reduced_grey_jpeg_is_rgb(tmp_path):
    image, by, image_hw = reduced_bytes(tmp_path, encoded(np.full((33, 44), 90, np.uint8), ".jpg"), 2)
    assert (by, image_hw, image.shape) == (2, (33, 44), (17, 22, 3)) and (image == 90).all()


@pytest.mark.parametrize("grey", [False, True])
@pytest.mark.parametrize("size", [(97, 131), (640, 48), (9, 1)])
@pytest.mark.parametrize("kind", JPEGS)
def test_pixels_are_those_of_opencv_at_every_reduction(tmp_path, kind, size, grey):
    pixels = smooth_image(*size)
    jpeg = encoded(pixels[..., 0] if grey else pixels, ".jpg", *JPEGS[kind])
    for by, flag in ((1, 0), (2, cv2.IMREAD_REDUCED_COLOR_2), (4, cv2.IMREAD_REDUCED_COLOR_4),
                     (8, cv2.IMREAD_REDUCED_COLOR_8)):
        expected = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB | flag)
        np.testing.assert_array_equal(reduced_bytes(tmp_path, jpeg, by)[0], expected)


def test_a_damaged_jpeg_that_opencv_reads_comes_whole(tmp_path):
    jpeg = bytearray(encoded(smooth_image(96, 128), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 95))
    jpeg[len(jpeg) // 2:len(jpeg) // 2 + 2] = b"\xff\xd3"
    image, by, image_hw = reduced_bytes(tmp_path, bytes(jpeg), 2)
    assert (by, image_hw) == (1, (96, 128))
    np.testing.assert_array_equal(image, cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR_RGB))


def test_a_jpeg_of_too_many_pixels_is_an_error(tmp_path):
    jpeg = encoded(smooth_image(), ".jpg")
    frame = jpeg.index(b"\xff\xc0") + 5
    with pytest.raises(UserError, match="has 4225000000 pixels, more than max_image_pixels, 1073741824; make"):
        decode_bytes(tmp_path, jpeg[:frame] + struct.pack(">HH", 65000, 65000) + jpeg[frame + 4:])


@pytest.mark.parametrize("extension", [".jpg", ".png", ".bmp", ".webp", ".tiff", ".gif"])
def test_an_image_above_the_limit_of_pixels_is_refused(tmp_path, extension):
    path = tmp_path / f"a{extension}"
    Image.fromarray(smooth_image()).save(path)
    assert decode_reduced(path, 1, max_pixels=48 * 64).image_hw == (48, 64)
    for reduction in (1, 8):
        with pytest.raises(UserError, match=r"a\.\w+: this image has 3072 pixels, more than max_image_pixels, 3071; .*"
                                            "raise --max_image_pixels"):
            decode_reduced(path, reduction, max_pixels=48 * 64 - 1)


@pytest.mark.parametrize("extension", [".png", ".bmp"])
def test_the_header_alone_decides_on_too_many_pixels(tmp_path, extension, monkeypatch):
    data = bytearray(encoded(smooth_image(), extension))
    place = data.index(struct.pack(*((">II", 64, 48) if extension == ".png" else ("<ii", 64, 48))))
    data[place:place + 8] = struct.pack(">II" if extension == ".png" else "<II", 20000, 20000)
    (tmp_path / "bomb").write_bytes(data)
    # Nothing is decoded.
    monkeypatch.setattr(cv2, "imdecode", None)
    with pytest.raises(UserError, match="bomb: this image has 400000000 pixels, more than max_image_pixels, 178956970"):
        decode_image(tmp_path / "bomb", max_pixels=178956970)


@pytest.mark.parametrize("extension", [".png", ".bmp", ".webp"])
def test_other_kinds_than_jpeg_are_never_reduced(tmp_path, extension):
    data = encoded(smooth_image(), extension)
    image, by, image_hw = reduced_bytes(tmp_path, data, 4)
    assert (by, image_hw) == (1, (48, 64))
    np.testing.assert_array_equal(image, decode_bytes(tmp_path, data))


def test_unusable_files_are_errors_reduced_too(tmp_path):
    jpeg = encoded(smooth_image(), ".jpg")
    for data, words in ((b"", "empty"), (b"junk", "decoded"), (jpeg[:len(jpeg) // 2], "cut short")):
        with pytest.raises(UserError, match=words):
            reduced_bytes(tmp_path, data, 2)


@pytest.mark.parametrize(("name", "data", "words"), [
    ("empty.jpg", b"", "empty"),
    ("text.jpg", b"this is no image at all", "cannot be decoded"),
    ("missing.jpg", None, "No such file"),
])
def test_unusable_files_are_named(tmp_path, name, data, words):
    path = tmp_path / name
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(UserError, match=words) as error:
        decode_image(path)
    assert str(path) in str(error.value)


def test_a_folder_in_an_images_place_is_named(tmp_path):
    with pytest.raises(UserError, match="cannot read"):
        decode_image(tmp_path)


def test_a_fifo_in_an_images_place_is_named_and_not_opened(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(UserError, match=r"a\.jpg: cannot read this image file \(it is a FIFO, not a regular file\)"):
        decode_image(tmp_path / "a.jpg")
    assert not is_image(tmp_path / "a.jpg")


@pytest.mark.parametrize("extension", [".png", ".bmp", ".webp"])
def test_other_kinds_cut_short_are_errors(tmp_path, extension):
    data = encoded(smooth_image(96, 128), extension)
    for length in (len(data) // 2, len(data) - 14):
        with pytest.raises(UserError, match="photo"):
            decode_bytes(tmp_path, data[:length])


@pytest.mark.parametrize("thumbnail", [False, True])
@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_cut_anywhere_is_an_error_or_has_a_fault(tmp_path, kind, thumbnail):
    jpeg = encoded(smooth_image(96, 128), ".jpg", *JPEGS[kind])
    if thumbnail:
        jpeg = with_exif(jpeg, 1, encoded(smooth_image(24, 32), ".jpg"))
    path = tmp_path / "photo"
    path.write_bytes(jpeg)
    whole, shares = decode_reduced(path, 1), []
    assert whole.pixels.shape == (96, 128, 3) and whole.fault is None
    for length in [*range(3, len(jpeg) - 2, 31), len(jpeg) - 2, len(jpeg) - 1]:
        path.write_bytes(jpeg[:length])
        try:
            cut = decode_reduced(path, 1)
        except UserError as error:
            assert "cut short" in str(error) or "cannot be decoded" in str(error)
            continue
        assert cut.fault.kind == CUT_SHORT and cut.pixels.shape == (96, 128, 3)
        shares.append(int(cut.fault.text.partition("%")[0]))
        if kind != "progressive":
            # All rows of blocks before the last one that is there are those of the whole image.
            rows = max(0, (shares[-1] * 96 // 100 - 16) // 16 * 16 - 1)
            np.testing.assert_array_equal(cut.pixels[:rows], whole.pixels[:rows])
    assert shares == sorted(shares) and shares[-1] > 90


@pytest.mark.parametrize("damage", [bytes((i * 37 + 11) % 255 for i in range(200)), b"\xff\xd3" * 40])
def test_a_jpeg_damaged_in_its_middle_has_a_fault(tmp_path, damage):
    jpeg = bytearray(encoded(smooth_image(480, 640), ".jpg", cv2.IMWRITE_JPEG_QUALITY, 95))
    jpeg[len(jpeg) // 2:len(jpeg) // 2 + len(damage)] = damage
    (tmp_path / "photo").write_bytes(jpeg)
    assert decode_reduced(tmp_path / "photo", 1).fault.kind == DAMAGED


def test_padding_of_cameras_is_no_damage(tmp_path):
    jpeg = encoded(smooth_image(), ".jpg")
    for padding in (b"\0" * 60, b"\xff" * 60):
        (tmp_path / "photo").write_bytes(jpeg[:-2] + padding + jpeg[-2:])
        found = decode_reduced(tmp_path / "photo", 2)
        assert found.fault is None and found.image_hw == (48, 64)


def test_floating_point_images_are_refused_and_dark_ones_have_a_fault(tmp_path):
    path = tmp_path / "a.tiff"
    cv2.imwrite(str(path), smooth_image().astype(np.float32) / 255)
    with pytest.raises(UserError, match="the pixels of this image are float32, from .* to .*; expected 8 or 16 bits"):
        decode_image(path)
    for shift, kind in ((4, DARK), (8, None)):
        cv2.imwrite(str(path), smooth_image().astype(np.uint16) << shift)
        found = decode_reduced(path, 1)
        assert (found.fault.kind if found.fault else None) == kind
    assert np.abs(found.pixels[..., ::-1].astype(int) - smooth_image()).max() <= 1


@pytest.mark.parametrize(("kind", "scale"), [(np.float32, 1 / 255), (np.float32, 100), (np.int32, 1000)])
def test_grey_images_of_other_numbers_are_refused_too(tmp_path, kind, scale):
    # OpenCV does not read them, and Pillow would clip them to 0 to 255.
    Image.fromarray((smooth_image()[..., 0] * scale).astype(kind)).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=f"the pixels of this image are {kind.__name__}, from .*; expected 8 or 16"):
        decode_image(tmp_path / "a.tif")


@pytest.mark.parametrize(("shift", "kind"), [(4, DARK), (8, None)])
def test_grey_images_of_16_bits_that_only_pillow_reads(tmp_path, shift, kind):
    grey = smooth_image()[..., 0]
    Image.fromarray(grey.astype(np.uint16) << shift).save(tmp_path / "a.im")
    found = decode_reduced(tmp_path / "a.im", 1)
    assert (found.fault.kind if found.fault else None) == kind
    np.testing.assert_array_equal(found.pixels, np.stack([grey >> (8 - shift)] * 3, axis=2))


def test_a_png_with_a_block_longer_than_its_file_is_refused_before_memory_is_taken_for_it(tmp_path):
    png = encoded(smooth_image(), ".png")
    # Eight bytes less in the header: what follows is read as the length of the next block, 1.6 GB.
    with pytest.raises(UserError, match=r"photo: this PNG is damaged: a block of \d{9,10} bytes begins at byte 33 of"):
        decode_bytes(tmp_path, png[:25] + png[33:])


@pytest.mark.parametrize(("data", "cure"), [
    (b"\0\0\0\x18ftypheic" + bytes(90), "HEIC photo of a phone: convert it to JPEG"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\n", "git lfs pull"),
    (b"\n<!DOCTYPE HTML><title>404</title>", "a web page: the download went wrong")])
def test_what_is_no_image_is_named_with_its_cure(tmp_path, data, cure):
    with pytest.raises(UserError, match=f"cannot be decoded as an image; it is .*{cure}"):
        decode_bytes(tmp_path, data)
    assert not is_image(tmp_path / "photo")


def test_zeros_in_place_of_the_rest_of_a_jpeg_are_no_rows(tmp_path):
    jpeg = encoded(smooth_image(96, 128), ".jpg")
    path = tmp_path / "photo"
    for share, zeros in ((7, 0), (7, 1000), (3, 0), (3, 1000)):
        path.write_bytes(jpeg[:len(jpeg) * share // 10] + bytes(zeros))
        if share < 5:
            with pytest.raises(UserError, match="cut short"):
                decode_image(path)
            continue
        found = decode_reduced(path, 1)
        assert found.fault.kind == CUT_SHORT and 50 <= int(found.fault.text.partition("%")[0]) < 90


def test_foreign_bytes_after_a_jpeg_are_ignored(tmp_path):
    image = smooth_image()
    jpeg = encoded(image, ".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 1)
    plain = decode_bytes(tmp_path, jpeg)
    for tail in (b"\0" * 100, b"trailer \xff\xda of a phone", b"\xff\xda" * 3, jpeg[:-50]):
        np.testing.assert_array_equal(decode_bytes(tmp_path, jpeg + tail), plain)


class Decoder:
    """Counts how often it decodes; `number` distinguishes its images."""

    def __init__(self, number=0, nbytes=MB // 4, by=1):
        self.number, self.nbytes, self.by, self.calls = number, nbytes, by, 0

    def __call__(self):
        self.calls += 1
        return np.full(self.nbytes, self.number, np.uint8), self.by


def test_an_image_is_decoded_once_at_each_reduction():
    cache, whole, half = ImageCache(10), Decoder(1, by=1), Decoder(2, by=2)
    for _ in range(3):
        for reduction, decoder in ((1, whole), (2, half)):
            image, by = cache.get(7, reduction, decoder)
            assert image[0] == decoder.number and by == decoder.by
    other, _ = cache.get(8, 1, Decoder(3))
    assert (whole.calls, half.calls, other[0]) == (1, 1, 3)


def test_the_first_that_fit_are_kept():
    cache, decoders = ImageCache(1), [Decoder(number) for number in range(6)]
    for _ in range(3):
        for index, decoder in enumerate(decoders):
            assert cache.get(index, 1, decoder)[0][0] == index
    # Four quarters of a megabyte fit.
    assert [decoder.calls for decoder in decoders] == [1, 1, 1, 1, 3, 3]
    small = Decoder(9, nbytes=1)
    full = ImageCache(1)
    full.get(0, 1, Decoder(0, nbytes=MB - 1))
    for _ in range(2):
        full.get(1, 1, Decoder(1, nbytes=2))
        full.get(2, 1, small)
    assert small.calls == 1


def test_without_memory_nothing_is_kept():
    cache, decoder = ImageCache(0), Decoder()
    for _ in range(2):
        image, _ = cache.get(0, 1, decoder)
        image[:] = 5
    assert decoder.calls == 2


def test_kept_images_are_read_only():
    cache = ImageCache(1)
    for _ in range(2):
        image, _ = cache.get(0, 1, Decoder(4))
        with pytest.raises(ValueError, match="read-only"):
            image[0] = 1


def test_an_error_keeps_nothing():
    cache, decoder = ImageCache(1), Decoder(3)

    def broken():
        raise KeyError("broken")

    with pytest.raises(KeyError, match="broken"):
        cache.get(0, 1, broken)
    assert cache.get(0, 1, decoder)[0][0] == 3 and decoder.calls == 1


def test_threads_get_the_right_image_and_memory_stays_bounded():
    cache, wrong, size = ImageCache(2), [], MB // 8
    kept = {}

    def work(seed):
        rng = np.random.default_rng(seed)
        for index in rng.integers(0, 40, 400).tolist():
            image, by = cache.get(index, 1 + index % 2, lambda index=index: (np.full(size, index, np.uint8), index))
            if (image != index).any() or by != index:
                wrong.append(index)
            if not image.flags.writeable:
                kept[index] = image

    started = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert not wrong
    # Sixteen eighths of a megabyte: as many as fit, and no more.
    assert len(kept) == 16

"""Decoding, placement, flip and colour."""
import struct

import cv2
import numpy as np
import pytest

from model_utils.errors import UserError
from src.transforms import (
    Placement,
    decode_image,
    fit_placement,
    flip,
    flip_vertical,
    hsv_tables,
    letterbox_placement,
    paste,
    place,
    shift_colours,
    stretch_placement,
)


def smooth_image(height=48, width=64):
    """A colourful picture without noise, so that JPEG and resizing change it little."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 255 // height, columns * 255 // width, (rows + columns) * 255 // (height + width)],
                    axis=-1).astype(np.uint8)


def encoded(pixels, extension, *options):
    """File bytes of RGB (or grey, or RGBA) pixels."""
    if pixels.ndim == 3:
        code = cv2.COLOR_RGB2BGR if pixels.shape[2] == 3 else cv2.COLOR_RGBA2BGRA
        pixels = cv2.cvtColor(pixels, code)
    return cv2.imencode(extension, pixels, list(options))[1].tobytes()


def with_exif(jpeg, orientation=6, thumbnail=b""):
    """A JPEG with an EXIF segment put in: the orientation, and behind it a thumbnail's bytes."""
    tiff = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 0x0112, 3, 1, orientation, 0) + thumbnail
    payload = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload + jpeg[2:]


def decode_bytes(tmp_path, data, name="picture"):
    path = tmp_path / name
    path.write_bytes(data)
    return decode_image(path)


# ------------------------------------------------------------------------------------------------------------ decode

def test_png_comes_back_as_rgb_to_the_bit(tmp_path):
    image = smooth_image()
    decoded = decode_bytes(tmp_path, encoded(image, ".png"))
    assert decoded.dtype == np.uint8 and decoded.flags.c_contiguous
    np.testing.assert_array_equal(decoded, image)


def test_jpeg_is_near_and_its_exif_orientation_ignored(tmp_path):
    image = smooth_image()
    jpeg = encoded(image, ".jpg", cv2.IMWRITE_JPEG_QUALITY, 95)
    decoded = decode_bytes(tmp_path, jpeg)
    assert np.abs(decoded.astype(int) - image).max() <= 12
    turned = with_exif(jpeg)
    assert cv2.imdecode(np.frombuffer(turned, np.uint8), cv2.IMREAD_COLOR).shape == (64, 48, 3), "EXIF is not seen"
    np.testing.assert_array_equal(decode_bytes(tmp_path, turned), decoded)


def test_grey_rgba_and_16_bit_are_read(tmp_path):
    image = smooth_image()
    grey = decode_bytes(tmp_path, encoded(image[..., 0], ".png"))
    np.testing.assert_array_equal(grey, np.repeat(image[..., :1], 3, axis=2))
    alpha = np.full((48, 64, 1), 7, np.uint8)
    np.testing.assert_array_equal(decode_bytes(tmp_path, encoded(np.concatenate([image, alpha], 2), ".png")), image)
    deep = decode_bytes(tmp_path, encoded(image.astype(np.uint16) * 257, ".png"))
    assert np.abs(deep.astype(int) - image).max() <= 1


def test_cmyk_jpeg_is_read(tmp_path):
    image_module = pytest.importorskip("PIL.Image", reason="Pillow makes the CMYK file")
    path = tmp_path / "cmyk.jpg"
    image_module.fromarray(smooth_image()).convert("CMYK").save(path, quality=95)
    decoded = decode_image(path)
    assert decoded.shape == (48, 64, 3)
    assert np.abs(decoded.astype(int) - smooth_image()).mean() < 8


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


JPEGS = {
    "baseline": (),
    "progressive": (cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "restart marks": (cv2.IMWRITE_JPEG_RST_INTERVAL, 1),
}


@pytest.mark.parametrize("thumbnail", [False, True])
@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_cut_anywhere_is_an_error(tmp_path, kind, thumbnail):
    jpeg = encoded(smooth_image(96, 128), ".jpg", *JPEGS[kind])
    if thumbnail:
        jpeg = with_exif(jpeg, 1, encoded(smooth_image(24, 32), ".jpg"))
    assert decode_bytes(tmp_path, jpeg).shape == (96, 128, 3)
    for length in [*range(3, len(jpeg) - 2, 97), len(jpeg) - 2, len(jpeg) - 1]:
        with pytest.raises(UserError, match="cut short|cannot be decoded"):
            decode_bytes(tmp_path, jpeg[:length])


def test_foreign_bytes_behind_a_jpeg_do_no_harm(tmp_path):
    image = smooth_image()
    jpeg = encoded(image, ".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 1)
    plain = decode_bytes(tmp_path, jpeg)
    for tail in (b"\0" * 100, b"trailer \xff\xda of a phone", jpeg[:-50]):
        np.testing.assert_array_equal(decode_bytes(tmp_path, jpeg + tail), plain)


@pytest.mark.parametrize("extension", [".png", ".bmp", ".webp"])
def test_other_kinds_cut_short_are_errors(tmp_path, extension):
    data = encoded(smooth_image(96, 128), extension)
    for length in (len(data) // 2, len(data) - 14):
        with pytest.raises(UserError, match="picture"):
            decode_bytes(tmp_path, data[:length])


# --------------------------------------------------------------------------------------------------------- placement

def test_stretch_and_letterbox_by_hand():
    assert stretch_placement((480, 640), (320, 416)) == Placement((0, 0, 640, 480), (0, 0, 416, 320))
    assert letterbox_placement((480, 640), (416, 416)) == Placement((0, 0, 640, 480), (0, 52, 416, 364))
    assert letterbox_placement((640, 480), (416, 416)) == Placement((0, 0, 480, 640), (52, 0, 364, 416))
    assert letterbox_placement((100, 200), (640, 320)) == Placement((0, 0, 200, 100), (0, 240, 320, 400))
    assert letterbox_placement((416, 416), (416, 416)).dst_xyxy == (0, 0, 416, 416)
    # The dog picture of the official network: 768x576 in 416x416.
    assert letterbox_placement((576, 768), (416, 416)).dst_xyxy == (0, 52, 416, 364)


def test_letterbox_of_a_hair_still_has_a_pixel():
    x1, y1, x2, y2 = letterbox_placement((1, 5000), (416, 416)).dst_xyxy
    assert (x1, x2, y2 - y1) == (0, 416, 1)


def test_fit_placement_goes_by_the_mode():
    sizes = ((480, 640), (416, 416))
    assert fit_placement("stretch", *sizes) == stretch_placement(*sizes)
    assert fit_placement("letterbox", *sizes) == letterbox_placement(*sizes)
    with pytest.raises(UserError, match="crop"):
        fit_placement("crop", *sizes)


def test_boxes_by_hand():
    placement = Placement((10, 20, 30, 60), (0, 100, 40, 120))
    boxes = np.array([[10, 20, 30, 60], [15, 40, 20, 50], [0, 0, 10, 20]])
    expected = [[0, 100, 40, 120], [10, 110, 20, 115], [-20, 90, 0, 100]]
    np.testing.assert_array_equal(placement.boxes_to_canvas(boxes), expected)
    np.testing.assert_array_equal(placement.boxes_to_image(np.array(expected)), boxes)
    assert placement.boxes_to_canvas(np.zeros((0, 4))).shape == (0, 4)


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_boxes_come_back_from_the_canvas(mode):
    rng = np.random.default_rng(3)
    for _ in range(50):
        image_hw, canvas_hw = tuple(rng.integers(1, 4000, 2)), tuple(rng.integers(1, 21, 2) * 32)
        placement = fit_placement(mode, image_hw, canvas_hw)
        boxes = rng.uniform(0, 4000, (20, 4))
        np.testing.assert_allclose(placement.boxes_to_image(placement.boxes_to_canvas(boxes)), boxes, atol=1e-8)


def test_letterbox_pads_exactly():
    image = np.full((30, 60, 3), 200, np.uint8)
    placement = letterbox_placement((30, 60), (96, 96))
    canvas = place(image, placement, (96, 96), 77)
    assert placement.dst_xyxy == (0, 24, 96, 72)
    assert (canvas[:24] == 77).all() and (canvas[72:] == 77).all() and (canvas[24:72] == 200).all()


def test_equal_sizes_are_a_plain_copy():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    canvas = place(image, Placement((5, 10, 45, 40), (20, 2, 60, 32)), (64, 64), 0)
    np.testing.assert_array_equal(canvas[2:32, 20:60], image[10:40, 5:45])
    assert not canvas[:, :20].any() and not canvas[:2].any() and not canvas[32:].any()
    canvas[:] = 1
    assert image.max() > 1, "the canvas must not share the image's memory"


def test_paste_draws_its_rectangle_and_nothing_else():
    rng = np.random.default_rng(0)
    image, canvas = rng.integers(0, 256, (40, 50, 3), np.uint8), rng.integers(0, 256, (64, 64, 3), np.uint8)
    before, placement = canvas.copy(), Placement((5, 10, 45, 40), (20, 2, 40, 17))
    paste(image, placement, canvas)
    np.testing.assert_array_equal(canvas[2:17, 20:40], place(image, placement, (64, 64), 0)[2:17, 20:40])
    canvas[2:17, 20:40] = before[2:17, 20:40]
    np.testing.assert_array_equal(canvas, before)


@pytest.mark.parametrize(("target", "method"), [
    ((20, 30), cv2.INTER_AREA), ((40, 30), cv2.INTER_AREA), ((80, 100), cv2.INTER_LINEAR),
    ((20, 100), cv2.INTER_LINEAR), ((80, 25), cv2.INTER_LINEAR),
])
def test_area_when_shrinking_linear_when_growing(target, method):
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    np.testing.assert_array_equal(place(image, stretch_placement((40, 50), target), target, 0),
                                  cv2.resize(image, target[::-1], interpolation=method))


def test_shrinking_averages():
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::4] = 200
    np.testing.assert_array_equal(place(stripes, stretch_placement((64, 64), (16, 16)), (16, 16), 0), 50)


# ---------------------------------------------------------------------------------------------------- flip and colour

def test_flip_mirrors_pixels_and_boxes():
    image = np.random.default_rng(0).integers(0, 256, (4, 10, 3), np.uint8)
    boxes = np.array([[1.5, 1, 4, 3, 2.0]])
    mirrored, moved = flip(image, boxes)
    np.testing.assert_array_equal(mirrored, image[:, ::-1])
    np.testing.assert_array_equal(moved, [[6, 1, 8.5, 3, 2]])
    again, back = flip(mirrored, moved)
    np.testing.assert_array_equal(again, image)
    np.testing.assert_array_equal(back, boxes)


def test_vertical_flip_mirrors_pixels_and_boxes():
    image = np.random.default_rng(0).integers(0, 256, (10, 4, 3), np.uint8)
    boxes = np.array([[1, 1.5, 3, 4, 2.0]])
    mirrored, moved = flip_vertical(image, boxes)
    np.testing.assert_array_equal(mirrored, image[::-1])
    np.testing.assert_array_equal(moved, [[1, 6, 3, 8.5, 2]])
    np.testing.assert_array_equal(flip_vertical(mirrored, moved)[1], boxes)


def test_hsv_tables_wrap_hue_and_saturate_gains():
    hue, saturation, value = hsv_tables(4 / 256, 2.0, 0.5)[0].T
    assert (hue[0], hue[251], hue[252], hue[255]) == (4, 255, 0, 3)
    assert (saturation[100], saturation[127], saturation[128], saturation[255]) == (200, 254, 255, 255)
    assert (value[0], value[100], value[255]) == (0, 50, 128)
    assert hsv_tables(-4 / 256, 1, 1)[0, 0, 0] == 252


def test_unit_gains_change_nothing():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    np.testing.assert_array_equal(shift_colours(image, hsv_tables(0, 1, 1)), image)


def test_colours_by_hand():
    red = np.full((2, 2, 3), (200, 100, 100), np.uint8)
    # Value times 0.5 halves all three channels; a third of the circle turns red into green; no saturation is grey.
    np.testing.assert_allclose(shift_colours(red, hsv_tables(0, 1, 0.5))[0, 0], (100, 50, 50), atol=2)
    np.testing.assert_allclose(shift_colours(red, hsv_tables(1 / 3, 1, 1))[0, 0], (100, 200, 100), atol=3)
    np.testing.assert_allclose(shift_colours(red, hsv_tables(0, 0, 1))[0, 0], (200, 200, 200), atol=1)
    np.testing.assert_array_equal(shift_colours(red, hsv_tables(0, 1, 9))[0, 0].max(), 255)

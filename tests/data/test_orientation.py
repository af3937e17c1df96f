# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Photos of phones: the eight EXIF orientations, and whether the annotation file means the upright image."""
import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from model_utils.errors import UserError
from src.data.coco import read_coco
from src.data.image_files import decode_image, decode_reduced
from src.data.orientation import exif_orientation, meant_orientation, stored_and_upright_size, unconfirmed
from src.yolo_dataset import eval_stream, train_stream
from tests.support.helpers import data_config, write_coco
from tests.support.samples import smooth_image, turned

ALL = range(1, 9)


def store(path, upright, orientation):
    """Write an upright RGB image as a camera that was held in an orientation does."""
    path.write_bytes(turned(path.suffix[1:], upright, orientation))
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("orientation", ALL)
def test_an_image_is_read_upright_as_pillow_does(tmp_path, orientation, suffix):
    path = store(tmp_path / f"a.{suffix}", smooth_image(48, 64), orientation)
    assert exif_orientation(path.read_bytes()) == orientation
    with Image.open(path) as image:
        expected = np.array(ImageOps.exif_transpose(image).convert("RGB"))
    found = decode_image(path)
    assert found.shape == (48, 64, 3) and found.flags.c_contiguous
    assert np.abs(found.astype(int) - expected).max() <= (2 if suffix == "webp" else 0)
    stored = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION)
    np.testing.assert_array_equal(decode_image(path, exif="ignore"), stored)


@pytest.mark.parametrize("orientation", ALL)
@pytest.mark.parametrize("reduction", [2, 4])
@pytest.mark.parametrize(("size", "is_reduced"), [((48, 64), True), ((50, 67), False)])
def test_a_reduced_image_is_turned_where_its_remainder_stays_in_place(tmp_path, orientation, reduction, size,
                                                                      is_reduced):
    path = store(tmp_path / "a.jpg", smooth_image(*size), orientation)
    pixels, by, image_hw, _ = decode_reduced(path, reduction)
    assert image_hw == size and by == (reduction if is_reduced or orientation == 1 else 1)
    assert pixels.shape[:2] == (-(-size[0] // by), -(-size[1] // by))
    whole = decode_image(path)[:size[0] // by * by, :size[1] // by * by].astype(float)
    blocks = whole.reshape(size[0] // by, by, size[1] // by, by, 3).mean(axis=(1, 3))
    assert np.abs(pixels[:size[0] // by, :size[1] // by] - blocks).max() < 3


@pytest.mark.parametrize(("orientation", "stored_wh", "listed_wh", "meant"), [
    (6, (96, 72), (72, 96), (6, True)), (6, (96, 72), (96, 72), (1, True)), (6, (96, 72), (5, 5), (6, True)),
    (3, (96, 72), (96, 72), (3, False)), (2, (96, 72), (96, 72), (2, False)), (8, (72, 72), (72, 72), (8, False)),
    (1, (96, 72), (96, 72), (1, True)), (3, (96, 72), None, (3, True))])
def test_the_listed_size_says_what_is_meant(orientation, stored_wh, listed_wh, meant):
    assert meant_orientation(orientation, stored_wh, listed_wh) == meant


def test_exif_data_are_found_behind_other_segments(tmp_path):
    data = store(tmp_path / "a.jpg", smooth_image(48, 64), 6).read_bytes()
    # What looks like the segment before the pixels, within a comment; and a byte that fills up before a marker.
    comment = b"\xff\xfe\0\x06\xff\xda\xff\xda"
    for before in (comment, comment * 2, comment + b"\xff"):
        assert exif_orientation(data[:2] + before + data[2:]) == 6
    assert exif_orientation(data[:2] + comment[:3]) == exif_orientation(data[:2]) == 1


@pytest.mark.parametrize("damage", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0" + bytes(40)])
def test_broken_exif_data_turns_nothing(tmp_path, damage):
    path = store(tmp_path / "a.jpg", smooth_image(48, 64), 1)
    data = path.read_bytes()
    path.write_bytes(data[:2] + b"\xff\xe1" + (len(damage) + 2).to_bytes(2, "big") + damage + data[2:])
    assert decode_image(path).shape == (48, 64, 3)


def phone_data(root, orientation, listed):
    """Write a set of one photo in both splits, with the size that a tool lists and a box of the upright image."""
    for split in ("train", "val"):
        write_coco(root, [{"file_name": "a.jpg", "listed_size": listed, "boxes": [(8, 4, 24, 12, 3)]}], split)
        store(root / f"{split}2017" / "a.jpg", smooth_image(48, 64), orientation)
    return root


@pytest.mark.parametrize("orientation", ALL)
def test_both_streams_show_the_upright_image(tmp_path, orientation):
    data_dir = phone_data(tmp_path, orientation, (64, 48))
    config = data_config(data_dir, per_batch_size=1, jitter=0.0, min_scale=1.0, max_scale=1.0, flip_probability=0.0,
                         hue=0.0, saturation=1.0, value=0.0, training_shape=[64, 64], testing_shape=[64, 64])
    upright = cv2.resize(smooth_image(48, 64), (64, 64), interpolation=cv2.INTER_LINEAR).astype(int)
    with eval_stream(config, read_coco(config, "val", training=False), 1) as stream:
        images, _ = next(stream)
    assert np.abs(images[0] - upright).mean() < 3
    with train_stream(config, read_coco(config, "train", training=True)) as stream:
        images, boxes = next(stream)
    assert np.abs(images[0] - upright).mean() < 3
    np.testing.assert_allclose(boxes[0, 0, :4], [20 / 64, 10 / 48, 24 / 64, 12 / 48], atol=1e-6)


def test_images_whose_size_confirms_nothing_are_counted(tmp_path):
    images = [{"file_name": f"{number}.jpg", "listed_size": listed, "boxes": [(8, 4, 24, 12, 3)]}
              for number, listed in enumerate([(64, 48), (64, 48), (48, 64), (64, 48), (48, 48)])]
    write_coco(tmp_path, images)
    for number, (orientation, size) in enumerate([(3, (48, 64)), (6, (48, 64)), (6, (48, 64)), (2, (48, 64)),
                                                  (8, (48, 48))]):
        store(tmp_path / "train2017" / f"{number}.jpg", smooth_image(*size), orientation)
    data = read_coco(data_config(tmp_path), "train", training=True)
    assert (data.report["images_turned"], data.examples["images_turned"]) == (3, "0.jpg")
    assert "images_turned" not in read_coco(data_config(tmp_path, exif="ignore"), "train", training=True).report


def test_the_size_behind_much_other_data_is_found(tmp_path):
    path = store(tmp_path / "a.jpg", smooth_image(48, 64), 3)
    data = path.read_bytes()
    # Behind EXIF data, which end where the next segment begins.
    place = 4 + int.from_bytes(data[4:6], "big") if data[2:4] == b"\xff\xe1" else data.index(b"\xff\xdb")
    other = b"\xff\xe2" + (40_002).to_bytes(2, "big") + bytes(40_000)
    path.write_bytes(data[:place] + other * 2 + data[place:])
    assert stored_and_upright_size(path) == ((64, 48), (64, 48))
    assert unconfirmed([str(path)], [(64, 48)], 60) == [0]


def test_a_file_of_the_stored_size_means_the_stored_image(tmp_path):
    config = data_config(phone_data(tmp_path, 6, (48, 64)), testing_shape=[64, 64])
    with eval_stream(config, read_coco(config, "val", training=False), 1) as stream:
        images, _ = next(stream)
    stored = cv2.resize(np.rot90(smooth_image(48, 64)), (64, 64), interpolation=cv2.INTER_LINEAR).astype(int)
    assert np.abs(images[0] - stored).mean() < 3


def test_with_exif_ignored_a_turned_size_is_refused(tmp_path):
    config = data_config(phone_data(tmp_path, 6, (64, 48)), exif="ignore")
    with (eval_stream(config, read_coco(config, "val", training=False), 1) as stream,
          pytest.raises(UserError, match="the image is 48x64, its annotation file says 64x48 .*exif is ignore")):
        next(stream)

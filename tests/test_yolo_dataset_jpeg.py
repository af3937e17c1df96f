# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""JPEGs in the streams: reduced while they are decoded in training, never in evaluation, and kept in memory."""
import cv2
import numpy as np
import pytest

from model_utils.errors import UserError
from src.data.augment import normalised_boxes, plan_augment
from src.data.coco import read_coco
from src.data.image_files import decode_image, decode_reduced
from src.data.mosaic import mosaic_sources, plan_mosaic
from src.data.placement import fit_placement
from src.distributed_sampler import DistributedSampler
from src.transforms import draw_plan, place
from src.yolo_dataset import eval_stream, train_stream
from tests.support.helpers import data_config, draw_picture, write_coco
from tests.support.samples import augment, batches, digest


@pytest.fixture
def jpeg_dir(tmp_path):
    """JPEGs of odd sizes that are large against the input of 64 x 96, so that most are drawn reduced."""
    images = []
    for number in range(7):
        size = (301 + 70 * number, 407 - 31 * number)
        boxes = [(33, 47, 120, 95, 3), (110 + number, 60, 118, 90, 1), (0, 0, 130, 130, 7, 1)]
        pixels = cv2.GaussianBlur(draw_picture(size, boxes, number), (0, 0), 2)
        images.append({"size": size, "boxes": boxes, "pixels": pixels, "file_name": f"{number}.jpg"})
    write_coco(tmp_path, images)
    write_coco(tmp_path, images, "val")
    return tmp_path


def drawn(data, sources, plan, config, reductions=None):
    """The canvas of a plan, its images decoded reduced (what they were is noted) or, without a list, whole."""
    def read(tile, reduction):
        if reductions is None:
            return decode_image(data.paths[sources[tile]]), 1
        image, by, *_ = decode_reduced(data.paths[sources[tile]], reduction)
        reductions.append(by)
        return image, by

    canvas = np.empty((*plan.canvas_hw, 3), np.uint8)
    draw_plan(plan, read, config.pad_value, canvas)
    return canvas


@pytest.mark.parametrize("mosaics", [0.0, 0.5])
def test_a_sample_of_jpegs_is_its_plan_drawn_with_reduced_images(jpeg_dir, mosaics):
    config = data_config(jpeg_dir, mosaic=mosaics, max_epoch=4)
    data = read_coco(config, "train", True)
    streamed, sampler, reductions, differences = batches(config, data), DistributedSampler(7, 6, config.seed), [], []
    for number in range(24):
        epoch, index = sampler[number]
        rng = np.random.default_rng((config.seed, epoch, index))
        if mosaics and rng.random() < mosaics:
            sources = mosaic_sources(index, 7, rng)
            plan = plan_mosaic([data.boxes[i] for i in sources], [data.sizes[i][::-1] for i in sources], (64, 96),
                               config, rng)
        else:
            sources = [index]
            plan = plan_augment(data.boxes[index], data.sizes[index][::-1], (64, 96), config, rng)
        images, boxes = streamed[number // 2]
        np.testing.assert_array_equal(images[number % 2], drawn(data, sources, plan, config, reductions))
        np.testing.assert_array_equal(boxes[number % 2], normalised_boxes(plan.boxes, (64, 96), 90, rng))
        whole = drawn(data, sources, plan, config)
        differences.append(np.abs(images[number % 2].astype(int) - whole).mean())
    assert {2, 4} <= set(reductions) and np.mean(np.array(reductions) > 1) > 0.5
    # Decoding reduced is another filter than averaging whole pixels: the same image, a little sharper or softer.
    assert 0 < np.mean(differences) < 2 and max(differences) < 4


def test_evaluation_never_reduces(jpeg_dir):
    config = data_config(jpeg_dir)
    data = read_coco(config, "val", False)
    (images, _), = eval_stream(config, data, 7)
    for image, path, (width, height) in zip(images, data.paths, data.sizes, strict=True):
        placement = fit_placement("stretch", (height, width), (64, 96))
        np.testing.assert_array_equal(image, place(decode_image(path), placement, (64, 96), 128))


@pytest.mark.parametrize("mosaics", [0.0, 0.5])
@pytest.mark.parametrize("limit_mb", [1, 100])
def test_a_cache_changes_no_sample(jpeg_dir, mosaics, limit_mb, monkeypatch):
    plain, cached = (data_config(jpeg_dir, mosaic=mosaics, max_epoch=8, image_cache_mb=megabytes)
                     for megabytes in (0, limit_mb))
    data = read_coco(plain, "train", True)
    expected, decoded = batches(plain, data), []
    monkeypatch.setattr("src.yolo_dataset.decode_reduced",
                        lambda path, reduction, *rest: (decoded.append((path, reduction))
                                                        or decode_reduced(path, reduction, *rest)))
    assert digest(batches(cached, data)) == digest(expected)
    if limit_mb == 100:
        # Two threads may happen to decode the same image at the same time.
        assert len(decoded) <= 1.2 * len(set(decoded)) < 48


def test_workers_and_resuming_change_nothing_with_a_cache(jpeg_dir):
    config = data_config(jpeg_dir, image_cache_mb=2, mosaic=0.3)
    data = read_coco(config, "train", True)
    whole = batches(config, data)
    assert digest(whole[3:]) == digest(batches(data_config(jpeg_dir, mosaic=0.3, num_parallel_workers=1), data,
                                               start_sample=6))


def test_the_size_of_a_jpeg_is_checked_when_it_is_decoded_reduced(tmp_path):
    # Half of 639 x 479 is, rounded up, as large as half of 640 x 480.
    pixels = draw_picture((640, 480), [(10, 10, 600, 400, 3)], 1)
    write_coco(tmp_path, [{"pixels": pixels, "listed_size": (639, 479), "boxes": [(10, 10, 600, 400, 3)],
                           "file_name": "a.jpg"}])
    config = data_config(tmp_path, per_batch_size=1)
    with pytest.raises(UserError, match=r"a\.jpg: the image is 640x480, .* says 639x479"):
        next(train_stream(config, read_coco(config, "train", True)))


def test_a_png_by_the_name_of_a_jpeg_trains_whole(tmp_path):
    pixels = draw_picture((640, 480), [(10, 10, 600, 400, 3)], 1)
    png = cv2.imencode(".png", pixels[..., ::-1])[1].tobytes()
    write_coco(tmp_path, [{"pixels": pixels, "size": (640, 480), "boxes": [(10, 10, 600, 400, 3)],
                           "file_name": "a.jpg"}])
    (tmp_path / "train2017" / "a.jpg").write_bytes(png)
    config = data_config(tmp_path, per_batch_size=1, max_epoch=1)
    data = read_coco(config, "train", True)
    (images, _), = batches(config, data)
    rng = np.random.default_rng((config.seed, 0, 0))
    np.testing.assert_array_equal(images[0], augment(pixels, data.boxes[0], (64, 96), config, rng)[0])

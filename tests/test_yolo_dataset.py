# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The streams: pure functions of (seed, sample number), whole evaluations, errors, clean ends.

Threads and order are in test_yolo_dataset_threads.py, JPEGs and the cache in test_yolo_dataset_jpeg.py.
"""
import gc
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from model_utils.errors import UserError
from src.data.augment import normalised_boxes
from src.data.coco import read_coco
from src.data.image_check import TooManyBadImages
from src.data.image_files import decode_image
from src.data.mosaic import mosaic_sources
from src.data.placement import fit_placement
from src.distributed_sampler import DistributedSampler
from src.transforms import place
from src.yolo_dataset import eval_stream, train_stream
from tests.support import helpers
from tests.support.helpers import draw_picture, real_data, write_coco
from tests.support.samples import augment, batches, digest, mosaic, threads, threads_in_the_end

IMAGES = [{"size": (40 + 7 * n, 90 - 5 * n),
           "boxes": [(3, 4, 20, 15, 3), (10 + n, 12, 18, 20, 1), (0, 0, 30, 30, 7, 1)]} for n in range(7)]


def data_config(data_dir="", **values):
    """The helper's options with those that came later at their defaults."""
    later = {"min_visible": 0.0, "flip_vertical_probability": 0.0, "mosaic": 0.0, "mosaic_scale": (0.5, 1.5),
             "mosaic_close_epochs": 0, "multi_scale": (), "resize_rate": 10}
    return helpers.data_config(data_dir, **later | values)


@pytest.fixture
def data_dir(tmp_path):
    write_coco(tmp_path, IMAGES)
    write_coco(tmp_path, IMAGES, "val")
    return tmp_path


def test_batches_have_the_documented_form(data_dir):
    config = data_config(data_dir)
    data = read_coco(config, "train", True)
    streamed = batches(config, data)
    # 7 images, batch 2: 3 steps an epoch, 3 epochs.
    assert len(streamed) == 9
    for images, boxes in streamed:
        assert images.dtype == np.uint8 and images.shape == (2, 64, 96, 3) and type(images) is np.ndarray
        assert boxes.dtype == np.float32 and boxes.shape == (2, 90, 5) and type(boxes) is np.ndarray
        used = boxes[..., 2] > 0
        assert (boxes[~used] == (0, 0, 0, 0, -1)).all()
        corners = np.concatenate([boxes[used][:, :2] - boxes[used][:, 2:4] / 2,
                                  boxes[used][:, :2] + boxes[used][:, 2:4] / 2])
        assert corners.min() > -1e-6 and corners.max() < 1 + 1e-6
        assert set(boxes[used][:, 4].tolist()) <= {-1, 0, 1}
        assert (used & (boxes[..., 4] >= 0)).any(axis=1).all()


def test_a_sample_is_determined_by_its_number(data_dir):
    config = data_config(data_dir, max_box=2)
    data = read_coco(config, "train", True)
    streamed = batches(config, data)
    sampler = DistributedSampler(7, 6, config.seed)
    for number in (0, 5, 6, 17):
        epoch, index = sampler[number]
        rng = np.random.default_rng((config.seed, epoch, index))
        image, boxes = augment(decode_image(data.paths[index]), data.boxes[index], (64, 96), config, rng)
        images, rows = streamed[number // 2]
        np.testing.assert_array_equal(images[number % 2], image)
        np.testing.assert_array_equal(rows[number % 2], normalised_boxes(boxes, (64, 96), 2, rng))


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_workers_and_resuming_change_nothing(data_dir, mode):
    data = read_coco(data_config(data_dir), "train", True)
    one, two = (data_config(data_dir, resize_mode=mode, num_parallel_workers=workers) for workers in (1, 2))
    whole = batches(one, data)
    assert digest(whole) == digest(batches(two, data))
    for start in (2, 6, 8, 16):
        assert digest(whole[start // 2:]) == digest(batches(two, data, start_sample=start))
    assert digest(whole[1:4]) == digest(batches(two, data, start_sample=2, end_sample=8))
    assert digest(whole) != digest(batches(data_config(data_dir, resize_mode=mode, seed=2), data))
    # Another epoch is another augmentation of the same images.
    assert digest(whole[:3]) != digest(whole[3:6])


def test_a_mosaic_is_determined_by_its_number(data_dir):
    config = data_config(data_dir, mosaic=0.5, max_box=4)
    data = read_coco(config, "train", True)
    streamed = batches(config, data)
    sampler = DistributedSampler(7, 6, config.seed)
    mosaics = 0
    for number in range(18):
        epoch, index = sampler[number]
        rng = np.random.default_rng((config.seed, epoch, index))
        if rng.random() < 0.5:
            sources = mosaic_sources(index, 7, rng)
            image, boxes = mosaic([decode_image(data.paths[i]) for i in sources], [data.boxes[i] for i in sources],
                                  (64, 96), config, rng)
            mosaics += 1
        else:
            image, boxes = augment(decode_image(data.paths[index]), data.boxes[index], (64, 96), config, rng)
        np.testing.assert_array_equal(streamed[number // 2][0][number % 2], image)
        np.testing.assert_array_equal(streamed[number // 2][1][number % 2], normalised_boxes(boxes, (64, 96), 4, rng))
    assert 4 <= mosaics <= 14


def test_workers_and_resuming_change_no_mosaic(data_dir):
    data = read_coco(data_config(data_dir), "train", True)
    one, two = (data_config(data_dir, mosaic=0.7, resize_mode="letterbox", num_parallel_workers=workers)
                for workers in (1, 2))
    whole = batches(one, data)
    assert digest(whole) == digest(batches(two, data))
    for start in (2, 6, 16):
        assert digest(whole[start // 2:]) == digest(batches(two, data, start_sample=start))


def test_closed_epochs_have_the_samples_of_a_run_without_mosaic(data_dir):
    data = read_coco(data_config(data_dir), "train", True)
    plain, closed = (batches(data_config(data_dir, **options), data)
                     for options in ({}, {"mosaic": 1.0, "mosaic_close_epochs": 1}))
    # Three steps an epoch, three epochs.
    assert digest(closed[6:]) == digest(plain[6:])
    assert all(digest([one]) != digest([other]) for one, other in zip(closed[:6], plain[:6], strict=True))


def test_ranks_see_different_images(data_dir):
    config = data_config(data_dir, max_epoch=1)
    data = read_coco(config, "train", True)
    parts = [batches(config, data, rank=rank, world_size=3) for rank in range(3)]
    assert [len(part) for part in parts] == [1, 1, 1]
    assert len({image.tobytes() for part in parts for image in part[0][0]}) == 6


def test_too_few_images_for_a_step(data_dir):
    config = data_config(data_dir, per_batch_size=8)
    with pytest.raises(UserError, match="7 training images"):
        train_stream(config, read_coco(config, "train", True))


def test_a_huge_run_starts_at_once(data_dir):
    config = data_config(data_dir, max_epoch=10**5)
    data = read_coco(config, "train", True)
    start = time.perf_counter()
    with train_stream(config, data, start_sample=3 * 10**5) as stream:
        assert next(stream)[0].shape == (2, 64, 96, 3)
    assert time.perf_counter() - start < 2


def test_closing_early_leaves_no_threads(data_dir):
    config = data_config(data_dir, max_epoch=1000)
    data = read_coco(config, "train", True)
    with train_stream(config, data) as stream:
        next(stream)
    before = threads()
    for _ in range(3):
        stream = train_stream(config, data)
        next(stream)
        stream.close()
        stream.close()
        with pytest.raises(StopIteration):
            next(stream)
    abandoned = train_stream(config, data)
    next(abandoned)
    del abandoned
    gc.collect()
    assert threads_in_the_end(before) <= before


def replace_image(root, split, number, content):
    path = root / f"{split}2017" / f"{number:06}.png"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content(path.read_bytes()))
    return path


@pytest.mark.parametrize(("content", "words"), [
    (lambda data: b"", "empty"), (lambda data: data[:len(data) // 2], "cut short"), (lambda data: b"junk", "decoded"),
    (None, "cannot read"),
])
def test_unusable_images_are_named_by_both_streams(data_dir, content, words):
    config = data_config(data_dir)
    data = {split: read_coco(config, split, split == "train") for split in ("train", "val")}
    paths = [replace_image(data_dir, split, 4, content) for split in ("train", "val")]
    for path, start in zip(paths, (lambda: train_stream(config, data["train"]),
                                   lambda: eval_stream(config, data["val"], 3)), strict=True):
        with pytest.raises(UserError, match=words) as error:
            list(start())
        assert str(path) in str(error.value)


def test_a_size_that_disagrees_with_the_json_is_an_error(tmp_path):
    for split in ("train", "val"):
        write_coco(tmp_path, [{"size": (64, 48), "listed_size": (48, 64), "boxes": [(1, 1, 20, 20, 3)]}], split)
    config = data_config(tmp_path, per_batch_size=1)
    for stream in (train_stream(config, read_coco(config, "train", True)),
                   eval_stream(config, read_coco(config, "val", False), 1)):
        with pytest.raises(UserError, match=r"000001\.png: the image is 64x48, .* says 48x64"):
            next(stream)


@pytest.mark.parametrize("batch", [1, 2, 3, 7, 8, 32])
def test_every_image_is_evaluated_once(data_dir, batch):
    config = data_config(data_dir)
    streamed = list(eval_stream(config, read_coco(config, "val", False), batch))
    assert len(streamed) == -(-7 // batch)
    indices = np.concatenate([indices for _, indices in streamed])
    np.testing.assert_array_equal(indices, [*range(7)] + [-1] * (len(indices) - 7))
    assert all(images.shape == (batch, 64, 96, 3) and images.dtype == np.uint8 for images, _ in streamed)
    assert (np.concatenate([images for images, _ in streamed])[7:] == 128).all()


@pytest.mark.parametrize("mode", ["stretch", "letterbox"])
def test_evaluation_places_images_as_prediction_does(data_dir, mode):
    config = data_config(data_dir, resize_mode=mode, pad_value=17, testing_shape=[96, 64])
    data = read_coco(config, "val", False)
    for images, indices in eval_stream(config, data, 3):
        for image, index in zip(images, indices, strict=True):
            if index < 0:
                continue
            width, height = data.sizes[index]
            placement = fit_placement(mode, (height, width), (96, 64))
            np.testing.assert_array_equal(image, place(decode_image(data.paths[index]), placement, (96, 64), 17))


def test_images_without_boxes_train_with_keep_empty(tmp_path):
    write_coco(tmp_path, [{"boxes": [(3, 4, 20, 15, 3)]}, {}, {"boxes": [(0, 0, 30, 30, 7, 1)]}])
    config = data_config(tmp_path, keep_empty=True, per_batch_size=3, max_epoch=4)
    for _, boxes in batches(config, read_coco(config, "train", True)):
        real = (boxes[..., 2] > 0) & (boxes[..., 4] >= 0)
        assert sorted(real.sum(axis=1)) == [0, 0, 1]


def test_other_kinds_of_files_train(tmp_path):
    pixels = draw_picture((64, 48), [(4, 4, 30, 30, 3)], 1)
    write_coco(tmp_path, [{"pixels": pixels, "file_name": name, "boxes": [(4, 4, 30, 30, 3)]}
                          for name in ("a.jpg", "b.bmp", "c.webp")])
    config = data_config(tmp_path, per_batch_size=3, max_epoch=1)
    (images, boxes), = batches(config, read_coco(config, "train", True))
    assert images.shape == (3, 64, 96, 3) and (boxes[:, 0, 2] > 0).all()


def test_coco128_streams_whole():
    root = real_data("coco128")
    config = data_config(root, per_batch_size=16, max_epoch=1, training_shape=[160, 160], testing_shape=[160, 160])
    streamed = batches(config, read_coco(config, "train", True))
    assert len(streamed) == 7
    assert np.mean([(boxes[..., 2] > 0).sum(axis=1).mean() for _, boxes in streamed]) > 3
    evaluated = np.concatenate([indices for _, indices in eval_stream(config, read_coco(config, "val", False), 50)])
    assert sorted(evaluated.tolist()) == [-1] * 22 + [*range(128)]


@pytest.fixture(scope="module")
def many_dir(tmp_path_factory):
    """A data folder of which two images may break, three not."""
    root = tmp_path_factory.mktemp("many")
    write_coco(root, [{"size": (24, 16), "boxes": [(3, 2, 12, 9, 3)]} for _ in range(200)])
    return root


@pytest.fixture
def broken(many_dir):
    """Yield (config, data, numbers) of a split whose images of two numbers, used one after the other, broke."""
    config = data_config(many_dir, training_shape=[32, 32], max_epoch=2)
    data = read_coco(config, "train", True)
    numbers = DistributedSampler(200, 200, config.seed).epoch_order(0)[[20, 21]].tolist()
    kept = {path: Path(path).read_bytes() for path in (data.paths[number] for number in numbers)}
    Path(data.paths[numbers[0]]).unlink()
    Path(data.paths[numbers[1]]).write_bytes(b"junk")
    yield config, data, numbers
    for path, content in kept.items():
        Path(path).write_bytes(content)


def test_a_sample_whose_image_broke_is_the_next_one_in_another_augmentation(broken):
    config, data, numbers = broken
    sampler, found = DistributedSampler(200, 200, config.seed), []
    streamed = batches(config, data, end_sample=60, report=found.append)
    # The second one was used twice: in the place of the first one, and in its own.
    assert [[number for number, _ in sample] for sample in found] == [numbers, numbers[1:]]
    assert "No such file" in found[0][0][1] and data.paths[numbers[1]] in found[1][0][1]
    for number, used, replacement in ((19, 19, 0), (20, 22, 2), (21, 22, 1), (22, 22, 0)):
        _, index = sampler[used]
        rng = np.random.default_rng((config.seed, 0, index, replacement)[:3 + bool(replacement)])
        image, boxes = augment(decode_image(data.paths[index]), data.boxes[index], (32, 32), config, rng)
        np.testing.assert_array_equal(streamed[number // 2][0][number % 2], image)
        np.testing.assert_array_equal(streamed[number // 2][1][number % 2], normalised_boxes(boxes, (32, 32), 90, rng))
    assert len({streamed[number // 2][0][number % 2].tobytes() for number in (20, 21, 22)}) == 3


@pytest.mark.parametrize("mosaics", [0.0, 0.8])
def test_neither_threads_nor_a_resume_change_what_replaces_a_sample(broken, mosaics):
    _, data, _ = broken
    one, two, cached = (data_config(data.paths[0], training_shape=[32, 32], max_epoch=2, mosaic=mosaics,
                                    num_parallel_workers=workers, image_cache_mb=megabytes)
                        for workers, megabytes in ((1, 0), (2, 0), (2, 1)))
    reports = [[], [], []]
    whole, *others = (batches(config, data, end_sample=120, report=found.append)
                      for config, found in zip((one, two, cached), reports, strict=True))
    assert digest(whole) == digest(others[0]) == digest(others[1])
    assert reports[0] == reports[1] == reports[2]
    assert len(reports[0]) == 2 if not mosaics else len(reports[0]) > 2
    assert digest(whole[11:]) == digest(batches(two, data, start_sample=22, end_sample=120))


def test_a_mosaic_without_broken_tiles_is_the_one_of_a_sound_data_set(broken, many_dir, tmp_path):
    _, data, numbers = broken
    config = data_config(many_dir, training_shape=[32, 32], mosaic=1.0)
    found = []
    with_replacements = batches(config, data, end_sample=100, report=found.append)
    write_coco(tmp_path, [{"size": (24, 16), "boxes": [(3, 2, 12, 9, 3)]} for _ in range(200)])
    sound = batches(config, read_coco(data_config(tmp_path), "train", True), end_sample=100)
    sampler, differ = DistributedSampler(200, 200, config.seed), 0
    for number in range(100):
        _, index = sampler[number]
        rng = np.random.default_rng((config.seed, 0, index))
        rng.random()
        is_bad = not set(numbers).isdisjoint(mosaic_sources(index, 200, rng))
        one, other = (batch[number // 2][0][number % 2] for batch in (with_replacements, sound))
        assert (one != other).any() == is_bad
        differ += is_bad
    assert differ == len(found) > 2


def test_too_many_images_that_broke_end_the_stream(broken):
    config, data, numbers = broken
    stopping = data_config(config.data_dir, training_shape=[32, 32], bad_images="stop")
    with pytest.raises(TooManyBadImages, match="^1 of the 200 training images can no longer be used, and bad_images is "
                                               "stop; restore them:\n  .*No such file") as error:
        batches(stopping, data)
    assert [number for number, _ in error.value.found] == numbers[:1]
    with train_stream(stopping, data) as stream:
        assert len([next(stream) for _ in range(10)]) == 10


def test_a_disk_that_is_gone_ends_the_stream_after_a_few_samples(broken, monkeypatch):
    config, data, _ = broken
    monkeypatch.setattr("src.yolo_dataset.max_bad", lambda *_: 10**6)
    gone = replace(data, paths=[f"/no/such/disk/{number}.png" for number in range(200)])
    with pytest.raises(TooManyBadImages, match="20 of the 200 .*, and 20 samples in a row failed; restore them:"):
        batches(config, gone)

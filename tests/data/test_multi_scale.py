# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The size of every step: what the option means, that it depends on seed and step alone, and the stream's batches."""
import hashlib
from pathlib import Path

import numpy as np
import pytest

from model_utils.config import get_config
from model_utils.errors import UsageError, UserError
from src.data.coco import read_coco
from src.data.image_files import decode_image
from src.data.multi_scale import size_of_step, training_sizes
from src.distributed_sampler import DistributedSampler
from src.yolo_dataset import train_stream
from tests.support.helpers import write_coco
from tests.support.samples import augment, batches

SIZES = ["--multi_scale", "[[320, 416], 320, [416, 320], 416]"]


def config_of(*arguments):
    return get_config(list(map(str, arguments)))


@pytest.mark.parametrize(("text", "sizes"), [
    ("[]", ((640, 640),)),
    ("320", ((320, 320),)),
    ("[[320, 416]]", ((320, 416),)),
    ("320 416", ((416, 416), (320, 320))),
    # A square and two oblongs of one area: the larger height first, whatever the order of the option.
    ("[[64, 256], 128, [256, 64]]", ((256, 64), (128, 128), (64, 256))),
    ("[[320, 320], 320, [320.0], [352, 320]]", ((352, 320), (320, 320))),
])
def test_sizes_are_whole_numbers_once_each_largest_first(text, sizes):
    found = training_sizes(config_of("--multi_scale", text))
    assert found == sizes
    assert all(type(side) is int for size in found for side in size)


def test_without_sizes_the_training_shape_is_the_only_one():
    config = config_of("--training_shape", "96 128", "--resize_rate", 1)
    assert training_sizes(config) == ((96, 128),)
    assert {size_of_step(config, step) for step in range(50)} == {(96, 128)}


@pytest.mark.parametrize(("text", "words"), [
    ("[[320, 100]]", r"\[320.0, 100.0\]: expected positive multiples of 32; the nearest is \[320, 96\]"),
    ("[320, 100]", r"100.0: expected positive multiples of 32; the nearest is \[96, 96\]"),
    ("0", r"expected positive multiples of 32; the nearest is \[32, 32\]"),
    ("[[-320, 320]]", r"expected positive multiples of 32; the nearest is \[32, 320\]"),
    ("[[320.5, 320]]", r"expected positive multiples of 32; the nearest is \[320, 320\]"),
    ("[[320, 320, 3]]", r"expected \[height, width\], or one number for a square"),
    ("[[]]", r"expected \[height, width\], or one number for a square"),
])
def test_invalid_sizes_are_refused(text, words):
    config = config_of("--multi_scale", text)
    for asks in (training_sizes, lambda config: size_of_step(config, 7)):
        with pytest.raises(UsageError, match=r"multi_scale \(command line\) has the entry .*" + words):
            asks(config)


def test_a_size_holds_for_resize_rate_steps_and_the_first_is_the_largest():
    config = config_of(*SIZES, "--resize_rate", 10)
    for seed in range(20):
        one = config.replace("command line", seed=seed)
        assert {size_of_step(one, step) for step in range(10)} == {(416, 416)}
    for window in range(200):
        assert len({size_of_step(config, step) for step in range(window * 10, window * 10 + 10)}) == 1
    changes = sum(size_of_step(config, step) != size_of_step(config, step - 1) for step in range(10, 2000, 10))
    # Three of four draws differ from the one before.
    assert 120 < changes < 175


def test_every_size_comes_equally_often():
    config = config_of(*SIZES, "--resize_rate", 1)
    drawn = [size_of_step(config, step) for step in range(1, 4001)]
    counts = np.array([drawn.count(size) for size in training_sizes(config)])
    # Four standard deviations of 4000 draws of probability 1/4.
    assert counts.sum() == 4000 and np.abs(counts - 1000).max() < 4 * np.sqrt(4000 * 3 / 16)


def test_the_sequence_depends_on_seed_and_step_alone():
    config = config_of(*SIZES, "--resize_rate", 3, "--seed", 5)
    sequence = [size_of_step(config, step) for step in range(300)]
    assert sequence == [size_of_step(config, step) for step in reversed(range(300))][::-1]
    for changes in ({"rank": 3, "group_size": 8}, {"per_batch_size": 4}, {"num_parallel_workers": 1},
                    {"max_epoch": 7}, {"multi_scale": [416, [416, 320], [320, 416], 320, 320]}):
        other = config.replace("command line", **changes)
        assert [size_of_step(other, step) for step in range(300)] == sequence, changes
    other = config.replace("command line", seed=6)
    assert [size_of_step(other, step) for step in range(300)] != sequence
    # A run of any length goes the same way: the size of a step in the far future costs nothing.
    assert size_of_step(config, 10**9) in training_sizes(config)


# -------------------------------------------------------------------------------------------------------- the stream

@pytest.fixture
def run(tmp_path):
    """A run of 7 images in batches of 2, 3 steps an epoch, whose size may change every 2 steps; and its data."""
    write_coco(tmp_path, [{"size": (60 + 7 * n, 90 - 5 * n), "boxes": [(3, 4, 20, 15, 3), (10, 12, 18, 20, 1)]}
                          for n in range(7)])
    config = config_of("--data_dir", tmp_path, "--per_batch_size", 2, "--max_epoch", 10, "--warmup_epochs", 1,
                       "--multi_scale", "[[96, 64], 64, [32, 96]]", "--resize_rate", 2, "--num_parallel_workers", 2)
    return config, read_coco(config, "train", True)


def digests(streamed):
    return [hashlib.sha256(b"".join(column.tobytes() for column in batch)).hexdigest() for batch in streamed]


@pytest.mark.parametrize("mosaic", [0.0, 0.7])
def test_each_batch_has_the_size_of_its_step_whatever_workers_and_resuming(run, mosaic):
    config, data = run[0].replace("command line", mosaic=mosaic), run[1]
    whole = batches(config, data)
    sizes = [images.shape[1:3] for images, _ in whole]
    assert sizes == [size_of_step(config, step) for step in range(30)]
    assert sizes[:2] == [(96, 64)] * 2 and set(sizes) == {(96, 64), (64, 64), (32, 96)}
    assert all(boxes.shape == (2, config.max_box, 5) for _, boxes in whole)
    one = config.replace("command line", num_parallel_workers=1)
    for start in (0, 1, 2, 3, 7, 29):
        assert digests(batches(one, data, start_sample=start * 2)) == digests(whole)[start:], start


def test_all_ranks_have_the_size_of_the_step(run):
    config, data = run
    parts = [batches(config, data, rank=rank, world_size=3) for rank in range(3)]
    sizes = [[images.shape[1:3] for images, _ in part] for part in parts]
    assert sizes[0] == sizes[1] == sizes[2] == [size_of_step(config, step) for step in range(10)]
    assert len(set(sizes[0])) > 1


def test_an_image_is_warped_straight_to_the_size(run):
    config, data = run
    whole = batches(config, data)
    sampler = DistributedSampler(7, 6, config.seed)
    for number in (0, 9, 20, 41, 59):
        epoch, index = sampler[number]
        image, boxes = augment(decode_image(data.paths[index]), data.boxes[index], size_of_step(config, number // 2),
                               config, np.random.default_rng((config.seed, epoch, index)))
        np.testing.assert_array_equal(whole[number // 2][0][number % 2], image)
        assert (whole[number // 2][1][number % 2, :, 2] > 0).sum() == len(boxes)


def test_an_unusable_image_is_reported_at_any_size(run):
    seeds = (run[0].replace("command line", resize_rate=1, seed=seed) for seed in range(20))
    config, data = next(config for config in seeds if size_of_step(config, 1) != size_of_step(config, 0)), run[1]
    # The second sample of step 1, of another size than step 0: what takes its place must fit into its batch.
    path = Path(data.paths[DistributedSampler(7, 6, config.seed)[3][1]])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="cut short") as error:
        batches(config, data)
    assert str(path) in str(error.value)


def test_bad_sizes_stop_the_stream_before_it_starts(run):
    config, data = run
    with pytest.raises(UsageError, match="multiples of 32"):
        train_stream(config.replace("command line", multi_scale=[100]), data)

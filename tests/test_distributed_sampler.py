# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The sampler: every image once an epoch, the same order for a seed, no counter."""
import numpy as np
import pytest

from model_utils.errors import UserError
from src.distributed_sampler import CACHED_EPOCHS, DistributedSampler, steps_per_epoch


@pytest.mark.parametrize(("images", "batch", "world", "steps"), [
    (117266, 32, 1, 3664), (117266, 32, 8, 458), (292, 8, 1, 36), (8, 8, 1, 1), (255, 16, 8, 1),
])
def test_steps_per_epoch(images, batch, world, steps):
    assert steps_per_epoch(images, batch, world) == steps


def test_too_few_images_are_explained():
    with pytest.raises(UserError, match=r"255 training images .* 32 on 8 device.* 256; set --per_batch_size .* 31"):
        steps_per_epoch(255, 32, 8)
    with pytest.raises(UserError, match="at most 3 devices"):
        steps_per_epoch(3, 1, 8)


@pytest.mark.parametrize("world", [1, 3])
def test_ranks_share_an_epoch_without_overlap(world):
    images, batch = 50, 4
    per_rank = steps_per_epoch(images, batch, world) * batch
    for epoch in range(3):
        used = np.concatenate([DistributedSampler(images, per_rank, 1, rank, world).epoch_order(epoch)
                               for rank in range(world)])
        assert len(used) == len(set(used.tolist())) == per_rank * world
        assert used.min() >= 0 and used.max() < images


def test_the_order_is_the_seeds():
    sampler = DistributedSampler(20, 20, seed=7)
    np.testing.assert_array_equal(sampler.epoch_order(5), np.random.default_rng((7, 5)).permutation(20))
    assert (sampler.epoch_order(0) != sampler.epoch_order(1)).any()
    assert (sampler.epoch_order(0) != DistributedSampler(20, 20, seed=8).epoch_order(0)).any()
    np.testing.assert_array_equal(DistributedSampler(20, 6, 7, rank=1, world_size=3).epoch_order(5),
                                  np.random.default_rng((7, 5)).permutation(20)[1:18:3])


def test_a_number_decides_epoch_and_image():
    sampler = DistributedSampler(10, 8, seed=1)
    assert [sampler[n][0] for n in (0, 7, 8, 8_000_000_005)] == [0, 0, 1, 1_000_000_000]
    assert [sampler[8 * 3 + i] for i in range(8)] == [(3, image) for image in sampler.epoch_order(3).tolist()]
    fresh = DistributedSampler(10, 8, seed=1)
    assert fresh[29] == sampler[29]


def test_few_images_repeat_as_often_as_needed():
    orders = [DistributedSampler(3, 5, 1, rank, 4).epoch_order(0) for rank in range(4)]
    counts = np.bincount(np.concatenate(orders), minlength=3)
    assert counts.sum() == 20 and counts.max() - counts.min() <= 1


def test_only_a_few_epochs_are_kept():
    sampler = DistributedSampler(10, 10, seed=1)
    first = sampler.epoch_order(0).copy()
    for epoch in range(20):
        sampler.epoch_order(epoch)
    assert len(sampler._orders) == CACHED_EPOCHS
    np.testing.assert_array_equal(sampler.epoch_order(0), first)


def test_a_rank_outside_the_world_is_refused():
    with pytest.raises(ValueError, match="rank 2"):
        DistributedSampler(10, 5, 1, rank=2, world_size=2)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The assignment of images to ranks and epochs.

A run is one long sequence of samples, numbered from 0 on each rank. The number alone decides the epoch, the step and
the image, so a run can be resumed at any number, and no counter can get out of step.
"""
import threading
from collections import OrderedDict

import numpy as np

from model_utils.errors import UserError, counted

CACHED_EPOCHS = 4


def steps_per_epoch(num_images: int, batch: int, world_size: int) -> int:
    """Training steps of one epoch: whole batches on every rank; images left over are used in other epochs.

    Args:
        num_images: images in the data set.
        batch: images in one step on one rank.
        world_size: number of ranks.

    Raises:
        UserError: there are fewer images than one step takes.
    """
    steps = num_images // (batch * world_size)
    if not steps:
        largest = num_images // world_size
        advice = (f"set --per_batch_size to at most {largest}" if largest else
                  f"use at most {counted(num_images, 'devices')}")
        raise UserError(f"{counted(num_images, 'training images are')} too few for one step: per_batch_size {batch} on "
                        f"{counted(world_size, 'devices')} takes {batch * world_size}; {advice}, or add images")
    return steps


class DistributedSampler:
    """Samples of one rank: number -> (epoch, image index), a pure function of the seed; safe to call from threads.

    Args:
        num_images: images in the data set.
        samples_per_epoch: samples of this rank in one epoch; images are repeated where they are too few.
        seed: of the run; every epoch has an order of its own.
        rank: 0 .. world_size - 1.
        world_size: number of ranks; together they see each image at most once in an epoch, unless images repeat.
    """

    def __init__(self, num_images: int, samples_per_epoch: int, seed: int, rank: int = 0, world_size: int = 1):
        if not 0 <= rank < world_size:
            raise ValueError(f"rank {rank} is not in 0..{world_size - 1}")
        self.num_images = num_images
        self.samples_per_epoch = samples_per_epoch
        self.seed = seed
        self.rank = rank
        self.world_size = world_size
        self._orders = OrderedDict()
        self._lock = threading.Lock()

    def __getitem__(self, sample: int) -> tuple[int, int]:
        """Epoch (from 0) and image index of a sample number (from 0)."""
        epoch, position = divmod(sample, self.samples_per_epoch)
        return epoch, int(self.epoch_order(epoch)[position])

    def epoch_order(self, epoch: int) -> np.ndarray:
        """Image indices of this rank in one epoch, int64 [samples_per_epoch], in the order in which they are used."""
        with self._lock:
            if epoch not in self._orders:
                self._orders[epoch] = self._draw_order(epoch)
                while len(self._orders) > CACHED_EPOCHS:
                    self._orders.popitem(last=False)
            return self._orders[epoch]

    def _draw_order(self, epoch):
        order = np.random.default_rng((self.seed, epoch)).permutation(self.num_images)
        # np.resize repeats the order as often as needed and cuts it to length.
        return np.resize(order, self.samples_per_epoch * self.world_size)[self.rank::self.world_size].copy()

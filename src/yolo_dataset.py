# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Batches for training and evaluation: sample numbers in, uint8 images and padded boxes out.

A stream is a sequence of sample numbers; worker threads turn each number into a sample (read, place, augment), directly
in its place in the batch. Threads are enough because OpenCV and simplejpeg release Python's lock, and uint8 keeps the
traffic small; the network normalises. A sample is a pure function of the seed and its number: neither the number of
workers nor a resume changes it. All samples of a batch have the input size of its step.
"""
import os
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial

import cv2
import numpy as np

from model_utils.local_adapter import read_launch, usable_cores
from src.data.augment import normalised_boxes
from src.data.coco import CocoData
from src.data.image_check import TooManyBadImages, bad_kinds, bad_reason, max_bad
from src.data.image_files import ImageCache, UnreadableImage, decode_reduced
from src.data.mosaic import plan_sample
from src.data.multi_scale import size_of_step, training_sizes
from src.data.placement import fit_placement
from src.data.read_workers import Workers
from src.distributed_sampler import DistributedSampler, steps_per_epoch
from src.transforms import draw_plan, paste

NO_IMAGE = -1
JPEG_ENDINGS = (".jpg", ".jpeg")
# Batches that are prepared while the network works on another. More would only cost memory (39 MB for 32 images at 640
# pixels each): a host that is faster than the device always has one ready, a slower one never has.
PREFETCH = 2
# So many samples in a row without an image that can be read are a disk that is gone.
MAX_REPLACEMENTS = 20


class SampleStream:
    """An iterator over batches; close it (or use it in `with`) to stop its threads before the end.

    Args:
        new_batch: first sample number of a batch -> its arrays, not yet filled, with the sample as first axis.
        fill_sample: (sample number, arrays of its batch, row) -> anything; writes that row, in one of the threads.
        samples: range of sample numbers; a remainder that fills no batch is left out.
        batch: samples in a batch.
        workers: number of threads.
        wait_s: longest read of one file, see `Workers`.
        report: called with what `fill_sample` returns, unless that is None, when its batch is taken: in the order of
            the samples, whatever the threads do.
    """

    def __init__(self, new_batch: Callable[[int], tuple[np.ndarray, ...]],
                 fill_sample: Callable[[int, tuple[np.ndarray, ...], int], object], samples: range, batch: int,
                 workers: int, wait_s: int, report: Callable[[object], None] | None = None):
        # The workers are the parallelism: OpenCV's own threads would only compete with them for the same cores.
        cv2.setNumThreads(0)
        self._new_batch, self._fill_sample, self._batch, self._report = new_batch, fill_sample, batch, report
        self._firsts = iter(range(samples.start, samples.stop - batch + 1, batch))
        self._pool = Workers(workers, wait_s)
        self._started = deque()

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        return self

    def __next__(self) -> tuple[np.ndarray, ...]:
        """The next batch; raises what `fill_sample` raised for one of its samples, or a HungRead."""
        while self._pool and len(self._started) <= PREFETCH and self._start_batch():
            pass
        if not self._started:
            self.close()
            raise StopIteration
        arrays, rows = self._started.popleft()
        try:
            for row in rows:
                result = self._pool.result(row)
                if self._report and result is not None:
                    self._report(result)
        except BaseException:
            self.close()
            raise
        return arrays

    def _start_batch(self):
        """Submit the samples of one more batch to the threads; False at the end."""
        first = next(self._firsts, None)
        if first is None:
            return False
        arrays = self._new_batch(first)
        self._started.append((arrays, [self._pool.submit(self._fill_sample, first + row, arrays, row)
                                       for row in range(self._batch)]))
        return True

    def __enter__(self) -> "SampleStream":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads and drop what they prepared; may be called twice."""
        if self._pool:
            self._pool.close()
            self._pool = None
            self._started.clear()


def workers_per_rank(workers: int, ranks: int = 1, cores: int | None = None, machine_cores: int | None = None) -> int:
    """Worker threads of one rank, so that all ranks of a machine together do not outnumber its cores.

    Args:
        workers: the maximum, `num_parallel_workers`.
        ranks: ranks on this machine.
        cores: cores that this process may use; None: as the system reports.
        machine_cores: cores of the whole machine; None: as the system reports.

    Returns:
        At least 1. A process that is bound to its share of the cores (`msrun --bind_core`) uses all of that share.
    """
    if cores is None:
        cores = usable_cores()
    if machine_cores is None:
        machine_cores = os.cpu_count() or cores
    # Where the shares are not even, some ranks have a core more than others.
    is_bound = (cores - 1) * ranks < machine_cores
    return max(1, min(workers, cores if is_bound else cores // ranks))


def workers_of(config) -> int:
    """Return the number of worker threads of this rank, see `workers_per_rank`."""
    return workers_per_rank(config.num_parallel_workers, read_launch().local_size if config.is_distributed else 1)


class _Images:
    """The images of a split, decoded and checked against its annotation file; up to `cache_mb` of them are kept.

    Those with a fault of one of the kinds `refused` are as unreadable as others that cannot be decoded.
    """

    def __init__(self, data, config, cache_mb=0, refused=()):
        self._data, self._config, self._cache, self._refused = data, config, ImageCache(cache_mb), refused

    def read(self, index, reduction=1):
        """The image, reduced where its format allows, and its actual reduction."""
        if not self._data.paths[index].lower().endswith(JPEG_ENDINGS):
            reduction = 1
        return self._cache.get(index, reduction, partial(self._decode, index, reduction))

    def _decode(self, index, reduction):
        path, size, config = self._data.paths[index], tuple(self._data.sizes[index]), self._config
        try:
            image, by, (height, width), fault = decode_reduced(path, reduction, config.exif, size,
                                                               config.max_image_pixels)
        except UnreadableImage as error:
            raise BadImage(str(error), index) from error
        if (width, height) != size:
            # Its boxes would be misplaced.
            raise BadImage(f"{path}: the image is {width}x{height}, its annotation file says {size[0]}x{size[1]} "
                           f"(width x height, exif is {config.exif}); correct the annotation file or restore the image",
                           index)
        if fault and fault.kind in self._refused:
            raise BadImage(f"{path}: {fault.kind}, {fault.text}; restore the image", index)
        return image, by


class BadImage(UnreadableImage):
    """An image of a split that cannot be used; `index` is its number."""

    def __init__(self, text, index):
        super().__init__(text)
        self.index = index


def training_sampler(config, data: CocoData, rank: int = 0, world_size: int = 1) -> DistributedSampler:
    """Return which image each training sample of a rank is; raises a UserError for too few images for one step."""
    samples_per_epoch = steps_per_epoch(len(data), config.per_batch_size, world_size) * config.per_batch_size
    return DistributedSampler(len(data), samples_per_epoch, config.seed, rank, world_size)


def train_stream(config, data: CocoData, start_sample: int = 0, end_sample: int | None = None, rank: int = 0,
                 world_size: int = 1, report: Callable[[list], None] | None = None) -> SampleStream:
    """Augmented training batches of one rank.

    A sample with an image that can no longer be used is replaced by the next one of the rank, augmented in its own way:
    it depends on the files alone, whatever was found bad before.

    Args:
        config: `per_batch_size`, `max_box`, `seed`, `max_epoch`, the options of `plan_sample` and `size_of_step`, and
            those by which images are read: `exif`, `bad_images`, `max_image_pixels`, `read_wait_seconds`, ...
        data: from `read_coco(config, "train", training=True)`.
        start_sample: number of the first sample in the whole run, on this rank: step * per_batch_size.
        end_sample: number after the last sample; None: the end of epoch `max_epoch`.
        report: called, when its batch is taken, with [number, text] of the bad images of each sample that was replaced.

    Returns:
        Iterator of images uint8 [B, H, W, 3] RGB, (H, W) being the `size_of_step` of the batch's step, and boxes
        float32 [B, max_box, 5]: cx, cy, w, h in fractions of the input, class (-1: crowd region); padding rows are 0
        with class -1.

    Raises:
        UserError: too few images for one step, or sizes that no input can have; while iterating, see `HungRead`, and
            `TooManyBadImages` for a sample.
    """
    batch, sampler = config.per_batch_size, training_sampler(config, data, rank, world_size)
    if end_sample is None:
        end_sample = config.max_epoch * sampler.samples_per_epoch
    # So that a wrong size is reported before the first batch.
    training_sizes(config)

    images = _Images(data, config, config.image_cache_mb, bad_kinds(config))

    def new_batch(number):
        canvas_hw = size_of_step(config, number // batch)
        return np.empty((batch, *canvas_hw, 3), np.uint8), np.empty((batch, config.max_box, 5), np.float32)

    def fill_sample(number, arrays, row):
        canvases, boxes = arrays
        canvas_hw = canvases.shape[1:3]
        epoch, bad = sampler[number][0], {}
        for replacement in range(MAX_REPLACEMENTS):
            _, index = sampler[number + replacement]
            # Another augmentation than in the image's own place.
            seeds = (config.seed, epoch, index, replacement) if replacement else (config.seed, epoch, index)
            rng = np.random.default_rng(seeds)
            plan, sources = plan_sample(data, index, canvas_hw, config, epoch, rng)
            try:
                draw_plan(plan, lambda tile, reduction, of=sources: images.read(of[tile], reduction), config.pad_value,
                          canvases[row])
            except BadImage as error:
                bad[error.index] = str(error)
                if len(bad) > max_bad(len(data), config):
                    raise TooManyBadImages(bad.items(), len(data), bad_reason(config)) from error
                continue
            boxes[row] = normalised_boxes(plan.boxes, canvas_hw, config.max_box, rng)
            return [*map(list, bad.items())] or None
        raise TooManyBadImages(bad.items(), len(data), f"and {MAX_REPLACEMENTS} samples in a row failed")

    return SampleStream(new_batch, fill_sample, range(start_sample, end_sample), batch, workers_of(config),
                        config.read_wait_seconds, report)


def eval_stream(config, data: CocoData, batch_size: int, share: range | None = None) -> SampleStream:
    """Every image of a split, or of a share of it, once, in the order of `data`, preprocessed for evaluation.

    Args:
        config: `testing_shape`, `resize_mode`, `pad_value`, `num_parallel_workers`, `exif`, `max_image_pixels`,
            `read_wait_seconds`.
        data: from `read_coco(..., training=False)`.
        batch_size: images in a batch; the last one is padded with blank images.
        share: numbers of the images; None: all.

    Returns:
        Iterator of images uint8 [B, H, W, 3] RGB and indices int64 [B] into `data`, -1 for a blank image. The placement
        of an image: `fit_placement(config.resize_mode, (height, width), config.testing_shape)`.

    Raises:
        UserError: while iterating, an image that cannot be used.
    """
    canvas_hw = tuple(config.testing_shape)
    images = _Images(data, config)
    share = range(len(data)) if share is None else share

    def new_batch(_):
        return np.empty((batch_size, *canvas_hw, 3), np.uint8), np.empty(batch_size, np.int64)

    def fill_sample(number, arrays, row):
        canvases, indices = arrays
        canvases[row] = config.pad_value
        indices[row] = share[number] if number < len(share) else NO_IMAGE
        if number < len(share):
            image, _ = images.read(share[number])
            paste(image, fit_placement(config.resize_mode, image.shape[:2], canvas_hw), canvases[row])

    padded = -(-len(share) // batch_size) * batch_size
    return SampleStream(new_batch, fill_sample, range(padded), batch_size, workers_of(config), config.read_wait_seconds)

"""Batches for training and evaluation: sample numbers in, uint8 images and padded boxes out.

A stream is a row of sample numbers; worker threads turn each number into a sample (read, place, augment), MindSpore
puts the samples together in their order. Threads are enough because OpenCV lets go of Python's lock, and uint8 keeps
the traffic small; the network normalises. A sample is a pure function of the seed and its number: neither the number
of workers nor the place where a run was taken up again changes it. All samples of a batch have the input size of its
step; the next batch may have another.
"""
import os
import threading
from collections.abc import Callable, Iterator

import cv2
import numpy as np

import mindspore.dataset as ds

from model_utils.errors import UserError
from src.augment import augment, normalised_boxes
from src.coco import Categories, CocoData, read_coco
from src.distributed_sampler import DistributedSampler, steps_per_epoch
from src.mosaic import mosaic, mosaic_sources, wants_mosaic
from src.multi_scale import size_of_step
from src.transforms import decode_image, fit_placement, place

__all__ = ["Categories", "CocoData", "SampleStream", "eval_stream", "read_coco", "steps_per_epoch", "train_stream"]

NO_IMAGE = -1
# MindSpore's default of 16 would hold 1 GB of batches of 32 images at 640 pixels; this holds 0.4 GB, as fast.
PREFETCH = 2


class _Work:
    """What MindSpore's threads call. It knows nothing of the stream, so that a stream left lying is collected."""

    def __init__(self, make_sample, make_blank, samples):
        self.make_sample = make_sample
        self.make_blank = make_blank
        self.samples = samples
        self.error = None
        self._lock = threading.Lock()

    def numbers(self):
        for number in self.samples:
            yield (np.array(number, np.int64),)

    def guarded_sample(self, number):
        # MindSpore would bury an exception of its workers in a wall of text; any is kept for the reader's thread.
        if self.error is None:
            try:
                return self.make_sample(int(number))
            except Exception as error:  # noqa: BLE001  (raised again by SampleStream.__next__)
                with self._lock:
                    self.error = self.error or error
        return self.make_blank(int(number))


class SampleStream:
    """An iterator over batches; close it (or use it in `with`) to stop its threads before the end.

    Args:
        make_sample: sample number -> tuple of arrays, called from several threads at once.
        make_blank: sample number -> what takes its place when `make_sample` fails; same shapes and types.
        samples: range of sample numbers; a rest that fills no batch is left out.
        batch: samples in a batch.
        workers: number of threads; capped at the processor's cores.
    """

    def __init__(self, make_sample: Callable[[int], tuple[np.ndarray, ...]],
                 make_blank: Callable[[int], tuple[np.ndarray, ...]], samples: range, batch: int, workers: int):
        self._work = _Work(make_sample, make_blank, samples)
        self._iterator = _start(self._work, batch, workers) if len(samples) >= batch else None

    def __iter__(self) -> Iterator[tuple[np.ndarray, ...]]:
        return self

    def __next__(self) -> tuple[np.ndarray, ...]:
        """The next batch, one array per column; raises what `make_sample` raised, UserErrors among it."""
        if self._iterator is None:
            raise StopIteration
        columns = next(self._iterator, None)
        if columns is None or self._work.error is not None:
            self.close()
            raise self._work.error or StopIteration
        return tuple(columns)

    def __enter__(self) -> "SampleStream":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Stop the threads and forget what they prepared; harmless when called twice."""
        if self._iterator is not None:
            self._iterator.stop()
            self._iterator = None


def _start(work, batch, workers):
    """MindSpore's iterator over batches of `work`, its threads waiting for the first call."""
    # The workers are the parallelism: OpenCV's own threads would only fight them for the same cores.
    cv2.setNumThreads(0)
    columns = [f"column{i}" for i in range(len(work.make_blank(work.samples[0])))]
    prefetch = ds.config.get_prefetch_size()
    ds.config.set_prefetch_size(PREFETCH)
    try:
        rows = ds.GeneratorDataset(work.numbers, ["sample"], shuffle=False, num_parallel_workers=1)
        rows = rows.map(work.guarded_sample, ["sample"], columns, python_multiprocessing=False,
                        num_parallel_workers=max(1, min(workers, usable_cores())))
        rows = rows.batch(batch, drop_remainder=True, num_parallel_workers=1)
        return rows.create_tuple_iterator(num_epochs=1, output_numpy=True)
    finally:
        ds.config.set_prefetch_size(prefetch)


def usable_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _read_image(data, index):
    """The decoded image; its size must be the annotation file's, or no box would sit where it belongs."""
    image = decode_image(data.paths[index])
    height, width = image.shape[:2]
    if (width, height) != tuple(data.sizes[index]):
        listed = "x".join(map(str, data.sizes[index]))
        raise UserError(f"{data.paths[index]}: the image is {width}x{height}, its annotation file says {listed} (width "
                        "x height, EXIF orientation ignored); correct the annotation file or restore the image")
    return image


def train_stream(config, data: CocoData, start_sample: int = 0, end_sample: int | None = None, rank: int = 0,
                 world_size: int = 1) -> SampleStream:
    """Augmented training batches of one rank.

    Args:
        config: `per_batch_size`, `max_box`, `seed`, `num_parallel_workers`, `max_epoch`, and the options of `augment`,
            `wants_mosaic`, `mosaic` and `size_of_step`.
        data: from `read_coco(config, "train", training=True)`.
        start_sample: number of the first sample in the whole run, on this rank: step * per_batch_size.
        end_sample: number after the last sample; None: the end of epoch `max_epoch`.

    Returns:
        Iterator of images uint8 [B, H, W, 3] RGB, (H, W) being the `size_of_step` of the batch's step, and boxes
        float32 [B, max_box, 5]: cx, cy, w, h in fractions of the input, class (-1: crowd region); padding rows are 0
        with class -1.

    Raises:
        UserError: too few images for one step, or sizes that no input can have; while iterating, an image that cannot
            be used.
    """
    batch = config.per_batch_size
    samples_per_epoch = steps_per_epoch(len(data), batch, world_size) * batch
    if end_sample is None:
        end_sample = config.max_epoch * samples_per_epoch
    sampler = DistributedSampler(len(data), samples_per_epoch, config.seed, rank, world_size)

    def make_sample(number):
        epoch, index = sampler[number]
        rng = np.random.default_rng((config.seed, epoch, index))
        canvas_hw = size_of_step(config, number // batch)
        if wants_mosaic(config, epoch, rng):
            sources = mosaic_sources(index, len(data), rng)
            images, image_boxes = [_read_image(data, i) for i in sources], [data.boxes[i] for i in sources]
            canvas, boxes = mosaic(images, image_boxes, canvas_hw, config, rng)
        else:
            canvas, boxes = augment(_read_image(data, index), data.boxes[index], canvas_hw, config, rng)
        return canvas, normalised_boxes(boxes, canvas_hw, config.max_box, rng)

    def make_blank(number):
        canvas_hw = size_of_step(config, number // batch)
        return np.zeros((*canvas_hw, 3), np.uint8), np.zeros((config.max_box, 5), np.float32)

    return SampleStream(make_sample, make_blank, range(start_sample, end_sample), batch, config.num_parallel_workers)


def eval_stream(config, data: CocoData, batch_size: int) -> SampleStream:
    """Every image of a split once, in the order of `data`, as evaluation sees it.

    Args:
        config: `testing_shape`, `resize_mode`, `pad_value`, `num_parallel_workers`.
        data: from `read_coco(..., training=False)`.
        batch_size: images in a batch; the last one is filled up with blank images.

    Returns:
        Iterator of images uint8 [B, H, W, 3] RGB and indices int64 [B] into `data`, -1 for a blank image. Where an
        image lies on its canvas: `fit_placement(config.resize_mode, (height, width), config.testing_shape)`.

    Raises:
        UserError: while iterating, an image that cannot be used.
    """
    canvas_hw = tuple(config.testing_shape)
    blank = np.full((*canvas_hw, 3), config.pad_value, np.uint8), np.array(NO_IMAGE, np.int64)

    def make_sample(index):
        if index >= len(data):
            return blank
        image = _read_image(data, index)
        placement = fit_placement(config.resize_mode, image.shape[:2], canvas_hw)
        return place(image, placement, canvas_hw, config.pad_value), np.array(index, np.int64)

    padded = -(-len(data) // batch_size) * batch_size
    return SampleStream(make_sample, lambda _: blank, range(padded), batch_size, config.num_parallel_workers)

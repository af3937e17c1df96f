# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The cache: nothing decoded twice, memory bounded, no image that could change, threads."""
import threading

import numpy as np
import pytest

from src.data.image_files import MB, ImageCache


class Decoder:
    """Counts how often it decodes; `number` tells its images apart."""

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


def test_what_is_kept_cannot_be_written_to():
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

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The stream's threads: order, batches made ahead, errors, ends, and how many threads there are."""
import os
import threading
import time

import numpy as np
import pytest

from src.yolo_dataset import PREFETCH, SampleStream, workers_per_rank
from tests.support.samples import threads, threads_in_the_end


def new_numbers(_):
    return (np.empty(4, np.int64),)


def number_stream(fill, samples, workers=2):
    """Batches of four numbers, which `fill` (sample number -> number) gives."""
    def fill_sample(number, arrays, row):
        arrays[0][row] = fill(number)

    return SampleStream(new_numbers, fill_sample, samples, 4, workers, 60)


def test_little_is_prepared_ahead():
    made = []
    with number_stream(lambda number: made.append(number) or number, range(10**6)) as stream:
        for first in (0, 4, 8):
            np.testing.assert_array_equal(next(stream)[0], range(first, first + 4))
            expected = [*range(first + 4 * (PREFETCH + 1))]
            deadline = time.time() + 5
            while len(made) < len(expected) and time.time() < deadline:
                time.sleep(0.01)
            time.sleep(0.05)
            assert sorted(made) == expected


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_samples_keep_their_order_whichever_is_done_first(workers):
    def slow_at_times(number):
        time.sleep(0.02 * (number % 5 == 0))
        return number * 10

    with number_stream(slow_at_times, range(3, 42), workers) as stream:
        found = [batch for batch, in stream]
    # 39 samples: the last three fill no batch.
    np.testing.assert_array_equal(found, np.arange(30, 390, 10).reshape(9, 4))


def test_returned_batches_are_not_written_again():
    with number_stream(lambda number: number, range(40)) as stream:
        kept = [batch for batch, in stream]
    np.testing.assert_array_equal(np.concatenate(kept), range(40))


@pytest.mark.parametrize("workers", [1, 2])
def test_an_error_in_a_worker_arrives_as_itself_after_the_batches_before_it(workers):
    def fill(number):
        if number == 41:
            raise KeyError("sample 41")
        return number

    before = threads()
    stream = number_stream(fill, range(1000), workers)
    for first in range(0, 40, 4):
        np.testing.assert_array_equal(next(stream)[0], range(first, first + 4))
    with pytest.raises(KeyError, match="sample 41"):
        next(stream)
    assert threads_in_the_end(before) <= before
    with pytest.raises(StopIteration):
        next(stream)


def test_closing_does_not_wait_for_unused_batches():
    started, release = threading.Event(), threading.Event()
    made = []

    def fill(number):
        if number == 4:
            started.set()
            release.wait(5)
        made.append(number)
        return number

    stream = number_stream(fill, range(1000), workers=1)
    next(stream)
    started.wait(5)
    threading.Timer(0.1, release.set).start()
    stream.close()
    assert made == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(("workers", "ranks", "cores", "machine_cores", "expected"), [
    (8, 1, 2, 2, 2), (8, 1, 64, 64, 8), (8, 8, 64, 64, 8), (8, 8, 32, 32, 4), (16, 8, 192, 192, 16),
    (3, 8, 192, 192, 3), (8, 8, 4, 4, 1), (8, 3, 8, 8, 2),
    # Bound by msrun to 4 of 32 cores, which are its own, or to 24 of 192; but 16 of 64 cannot be one of eight shares.
    (8, 8, 4, 32, 4), (8, 8, 24, 192, 8), (8, 8, 16, 64, 2),
    # Uneven shares: 100 cores are 12 or 13 for each of eight ranks, 44 are 5 or 6.
    (16, 8, 12, 100, 12), (16, 8, 13, 100, 13), (8, 8, 5, 44, 5), (8, 8, 6, 44, 6),
])
def test_ranks_share_the_cores(workers, ranks, cores, machine_cores, expected):
    assert workers_per_rank(workers, ranks, cores, machine_cores) == expected


def test_never_more_workers_than_cores_of_this_process():
    cores = len(os.sched_getaffinity(0))
    assert workers_per_rank(10**6) == cores and workers_per_rank(1) == 1
    assert workers_per_rank(10**6, ranks=10**6) == 1

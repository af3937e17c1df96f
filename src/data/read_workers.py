# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Worker threads that read files, and a limit for a read that does not return, as from a network disk that is gone.

    with Workers(8, wait_s=60) as workers:
        for image in workers.map(decode_image, paths):
            ...

A thread that hangs in a read cannot be ended. So these are daemon threads, for which a process that ends does not wait,
and whoever waits for their results is given the path of the file.
"""
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from io import FileIO
from typing import Any

from model_utils.errors import UserError
from model_utils.files import check_regular

# The waits for a result are counted, not timed: a process that was stopped for a while has waited once.
POLL_S = 1


class HungRead(UserError):
    """A read that did not return in time; the text names the path."""


class _Read:
    """A read in progress: its path, and how often it was seen by who waits for it."""

    def __init__(self, path):
        self.path, self.polls = path, 0


# By thread.
_reads: dict[int, _Read] = {}


@contextmanager
def open_regular(path) -> Iterator[FileIO]:
    """Open a file to read from, unbuffered; `Workers` watch how long it stays open.

    Raises:
        OSError: the file cannot be opened, or is none that ends, such as a FIFO or a device.
    """
    thread = threading.get_ident()
    _reads[thread] = _Read(path)
    try:
        check_regular(path)
        with open(path, "rb", buffering=0) as file:
            yield file
    finally:
        del _reads[thread]


class Workers:
    """Daemon threads that call functions; close them, or use them in `with`.

    Args:
        count: number of threads.
        wait_s: seconds that one read of `open_regular` may take while its result is waited for.
    """

    def __init__(self, count: int, wait_s: int):
        self._tasks, self._wait_s, self._has_hung = queue.SimpleQueue(), wait_s, False
        # Threads hold no reference to the workers, so that abandoned ones are garbage-collected and their threads end.
        self._threads = [threading.Thread(target=_work, args=(self._tasks,), name="reader", daemon=True)
                         for _ in range(count)]
        for thread in self._threads:
            thread.start()
        self._dismiss = weakref.finalize(self, _dismiss, self._tasks, count)

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def submit(self, function: Callable, *args) -> Future:
        """Return the future of a call, for `result`."""
        future = Future()
        self._tasks.put((future, function, args))
        return future

    def result(self, future: Future) -> Any:
        """Return what a call returned, or raise what it raised.

        Raises:
            HungRead: one of the threads has been reading one file for too long.
        """
        while not future.done() and not wait([future], POLL_S).done:
            for thread in self._threads:
                read = _reads.get(thread.ident)
                if read is None:
                    continue
                read.polls += 1
                if read.polls * POLL_S >= self._wait_s:
                    self._has_hung = True
                    raise HungRead(f"{read.path}: reading this file has not returned for {self._wait_s} s; check the "
                                   "disk or the network that it is on; if that is only slow, raise read_wait_seconds")
        return future.result()

    def map(self, function: Callable, items: Iterable) -> Iterator:
        """Yield the results of a function for each item, in order; raises as `result` does."""
        for future in [self.submit(function, item) for item in items]:
            yield self.result(future)

    def close(self) -> None:
        """Drop what no thread has begun, and wait for what they are at, unless it hangs; may be called twice."""
        self._dismiss()
        end = time.monotonic() + (0 if self._has_hung else self._wait_s)
        for thread in self._threads:
            thread.join(max(0, end - time.monotonic()))


def _work(tasks):
    """Do the tasks of a queue until it gives None."""
    while (task := tasks.get()) is not None:
        future, function, args = task
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(function(*args))
            except BaseException as error:  # noqa: BLE001  (whoever asks for the result gets it)
                future.set_exception(error)
        # Not kept while the thread waits for the next task.
        del task, future, function, args


def _dismiss(tasks, count):
    """Cancel what is left in a queue, and let the threads that take from it end."""
    while True:
        try:
            future, *_ = tasks.get_nowait()
        except queue.Empty:
            break
        future.cancel()
    for _ in range(count):
        tasks.put(None)

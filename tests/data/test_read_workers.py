# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Worker threads that read: order, errors, only regular files, and a read that does not return."""
import os
import threading
import time

import pytest

from src.data import read_workers
from src.data.read_workers import HungRead, Workers, open_regular
from tests.support.samples import threads, threads_in_the_end

# Polls of 10 ms stand for those of a second, so a read may be seen a hundred times.
POLLS = 100


@pytest.fixture(autouse=True)
def fast_polls(monkeypatch):
    monkeypatch.setattr(read_workers, "POLL_S", 1 / POLLS)


@pytest.fixture
def blocking(monkeypatch, tmp_path):
    """Yield a file, and an event until which it cannot be opened."""
    path, release = tmp_path / "image.jpg", threading.Event()
    path.write_bytes(b"data")
    monkeypatch.setattr(read_workers, "check_regular", lambda path: release.wait(60))
    yield path, release
    release.set()


def read(path):
    with open_regular(path) as file:
        return file.read()


def test_results_come_in_order_and_errors_as_themselves():
    def slow_at_times(number):
        time.sleep(0.01 * (number % 3 == 0))
        return 10 // (number - 7)

    before, found = threads(), []
    with pytest.raises(ZeroDivisionError), Workers(3, 1) as workers:
        found.extend(workers.map(slow_at_times, range(100)))
    assert found == [10 // (number - 7) for number in range(7)]
    with Workers(3, 1) as workers:
        assert list(workers.map(slow_at_times, range(8, 40))) == [10 // (number - 7) for number in range(8, 40)]
    assert threads_in_the_end(before) == before


def test_a_read_that_hangs_is_named_and_holds_up_neither_the_close_nor_the_other_thread(blocking):
    path, release = blocking
    with pytest.raises(HungRead) as error, Workers(2, 1) as workers:
        stuck = workers.submit(read, path)
        assert workers.result(workers.submit(sum, [1, 2])) == 3
        workers.result(stuck)
    assert f"{path}: reading this file has not returned for 1 s; check the disk" in str(error.value)
    assert not stuck.done()
    release.set()
    assert stuck.result(60) == b"data"


def test_a_slow_disk_is_waited_for(monkeypatch, tmp_path):
    path = tmp_path / "image.jpg"
    path.write_bytes(b"data")

    def wait_for_most_polls(_):
        deadline = time.monotonic() + 60
        while read_workers._reads[threading.get_ident()].polls < POLLS * 0.7 and time.monotonic() < deadline:
            time.sleep(0.001)

    monkeypatch.setattr(read_workers, "check_regular", wait_for_most_polls)
    with Workers(1, 1) as workers:
        # Together they are seen more often than one of them may be.
        assert workers.result(workers.submit(lambda: [read(path), read(path)])) == [b"data"] * 2


def test_what_is_queued_is_dropped_when_a_read_hangs(blocking):
    path, release = blocking
    workers = Workers(1, 1)
    futures = [workers.submit(read, path) for _ in range(3)]
    with pytest.raises(HungRead):
        workers.result(futures[1])
    workers.close()
    workers.close()
    assert [future.cancelled() for future in futures] == [False, True, True]
    release.set()


@pytest.mark.parametrize(("make", "kind"), [(os.mkfifo, "FIFO"), (os.mkdir, "folder"),
                                            (lambda path: path.symlink_to("/dev/zero"), "device")])
def test_only_regular_files_are_opened(tmp_path, make, kind):
    make(tmp_path / "a.jpg")
    with pytest.raises(OSError, match=f"it is a {kind}, not a regular file") as error:
        read(tmp_path / "a.jpg")
    assert error.value.filename == str(tmp_path / "a.jpg") and not read_workers._reads
    (tmp_path / "b.jpg").write_bytes(b"data")
    (tmp_path / "c.jpg").symlink_to("b.jpg")
    assert read(tmp_path / "c.jpg") == b"data"

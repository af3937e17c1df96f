# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of images, videos, streams and cameras, each decoded once, ahead of who uses them."""
import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from model_utils.errors import UserError
from src.data.image_files import Fault, UnreadableImage
from src.data.read_workers import Workers
from src.evaluation.sources import Source

# Where the frame rate is unknown.
DEFAULT_RATE = 25.0
# FFmpeg has this one for files that give a time in milliseconds for each frame, and no rate.
MAX_RATE = 1000
# Frames of a live source that wait; older ones are dropped.
LIVE_FRAMES = 2
# Smallest share of its frames that a whole file has.
WHOLE = 0.95


class Frame(NamedTuple):
    """An image, or a frame of a video: uint8 RGB pixels [H, W, 3], where they are from, and the fault of the file.

    Frames of a video have their number, from 0, and their time in seconds, of a live source since its first frame;
    images have None.
    """
    pixels: np.ndarray
    source: Source
    fault: Fault | None = None
    number: int | None = None
    time: float | None = None


@dataclass
class Video:
    """An open video file, stream or camera, to be read once.

    Attributes:
        source: what it is.
        rate: frames a second.
        count: frames that the file says it has; 0: not known.
        is_timed: whether the file states no rate, so that the times of its frames are those that it has for each.
        read: frames that were read.
        dropped: of these, the frames of a live source that came while earlier ones were used.
    """
    source: Source
    rate: float
    count: int
    capture: cv2.VideoCapture = field(repr=False)
    is_timed: bool = False
    read: int = 0
    dropped: int = 0

    @property
    def ended_early(self) -> bool:
        """Whether a file that was read to its end is cut short; its container may count a few frames too many."""
        return self.read < WHOLE * self.count

    def frames(self, step: int = 1) -> Iterator[Frame]:
        """Yield every `step`-th frame, of a live source the newest ones only; close the generator to stop."""
        # A video file on a web server has a length, and waits.
        numbered = self._newest() if self.source.is_live and not self.count else self._all()
        try:
            for number, pixels, seconds in numbered:
                if number % step == 0:
                    yield Frame(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), self.source, None, number, seconds)
        finally:
            # First: a capture must not be released while a thread reads from it.
            numbered.close()
            self.capture.release()

    def _all(self):
        def read():
            found, pixels = self.capture.read()
            return found, pixels, self.capture.get(cv2.CAP_PROP_POS_MSEC) / 1000 if self.is_timed else None

        with ThreadPoolExecutor(1) as reader:
            following = reader.submit(read)
            while True:
                found, pixels, seconds = following.result()
                if not found:
                    return
                following = reader.submit(read)
                number, self.read = self.read, self.read + 1
                yield number, pixels, number / self.rate if seconds is None else seconds

    def _newest(self):
        waiting: deque[tuple[int, np.ndarray, float]] = deque(maxlen=LIVE_FRAMES)
        change, is_over = threading.Condition(), threading.Event()

        def read():
            began = None
            while not is_over.is_set():
                found, pixels = self.capture.read()
                # A camera in the dark has fewer frames a second than it says.
                now = time.monotonic()
                began = now if began is None else began
                with change:
                    if found:
                        self.dropped += len(waiting) == LIVE_FRAMES
                        waiting.append((self.read, pixels, now - began))
                        self.read += 1
                    else:
                        is_over.set()
                    change.notify()

        reader = threading.Thread(target=read, name="frames", daemon=True)
        reader.start()
        try:
            while True:
                with change:
                    change.wait_for(lambda: waiting or is_over.is_set())
                    if not waiting:
                        return
                    frame = waiting.popleft()
                yield frame
        finally:
            is_over.set()
            reader.join()


def open_video(source: Source, wait_s: int) -> Video:
    """Return an open video.

    Args:
        source: a video file, a stream or a camera.
        wait_s: seconds after which a stream that does not answer is given up.

    Raises:
        UserError: it cannot be opened.
    """
    if isinstance(source.place, str):
        limits = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, 1000 * wait_s, cv2.CAP_PROP_READ_TIMEOUT_MSEC, 1000 * wait_s]
        capture = cv2.VideoCapture(source.place, cv2.CAP_FFMPEG, limits)
    else:
        capture = cv2.VideoCapture(source.place if isinstance(source.place, int) else str(source.place))
    if not capture.isOpened():
        advice = {int: "check its number (ls /dev/video*) and that this user may read it",
                  str: f"no stream answered within {wait_s} s; check the address and the network"}.get(
                      type(source.place), "expected a video that OpenCV reads; copy it again, or convert it by ffmpeg")
        raise UserError(f"{source.label}: cannot open this video; {advice}")
    rate, count = capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)
    if not (math.isfinite(rate) and 0 < rate < MAX_RATE):
        # The number of frames is their duration by that rate.
        return Video(source, DEFAULT_RATE, 0, capture, is_timed=True)
    return Video(source, rate, int(count) if 0 < count < 2**31 else 0, capture)


def image_frames(sources: Iterable[Source], read: Callable[[Path], tuple[np.ndarray, Fault | None]], num_workers: int,
                 wait_s: int) -> Iterator[Frame | UnreadableImage]:
    """Yield the frame of each image, or what is wrong with it, in order; `num_workers` threads read ahead.

    Args:
        sources: images.
        read: path to pixels and fault.
        num_workers: also the number of images that are kept ahead.
        wait_s: see `Workers`.

    Raises:
        UserError: what `read` raises, except for an UnreadableImage, which is yielded.
        HungRead: see `Workers`.
    """
    rest, ahead = iter(sources), deque[tuple[Source, Future]]()
    with Workers(num_workers, wait_s) as workers:
        while True:
            for source in itertools.islice(rest, num_workers + 1 - len(ahead)):
                ahead.append((source, workers.submit(read, source.place)))
            if not ahead:
                return
            source, future = ahead.popleft()
            try:
                pixels, fault = workers.result(future)
            except UnreadableImage as error:
                yield error
            else:
                yield Frame(pixels, source, fault)

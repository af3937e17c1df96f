# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Frames of images, in order and decoded once; of video files, all of them; of live sources, the newest."""
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_utils.errors import UserError
from src.data.image_files import UnreadableImage
from src.evaluation.frames import LIVE_FRAMES, Frame, Video, image_frames, open_video
from src.evaluation.sources import Source
from tests.support.helpers import RATE, draw_picture, write_video

WAIT_S = 60


@pytest.fixture(scope="module", name="video")
def fixture_video(tmp_path_factory):
    images = [draw_picture((64, 48), [(number, 10, 20, 20, number)], number) for number in range(20)]
    return images, Source(write_video(tmp_path_factory.mktemp("video") / "a.avi", images), True, "a.avi.mp4")


def test_images_come_in_order_each_read_once_and_few_ahead():
    reads, lock = [], threading.Lock()

    def read(path):
        with lock:
            reads.append(path)
        if path == Path("3"):
            raise UnreadableImage("3: broken")
        return np.full((2, 2, 3), int(str(path)), np.uint8), None

    sources = [Source(Path(str(number)), False, "") for number in range(9)]
    frames = image_frames(sources, read, 2, WAIT_S)
    found = [next(frames)]
    # The one that was given, and one more for each thread.
    assert len(reads) <= 3
    found += frames
    assert [frame.pixels[0, 0, 0] if isinstance(frame, Frame) else str(frame) for frame in found] == [
        0, 1, 2, "3: broken", 4, 5, 6, 7, 8]
    assert sorted(reads) == [source.place for source in sources]
    assert [frame.source for frame in found if isinstance(frame, Frame)] == sources[:3] + sources[4:]


def test_other_errors_of_an_image_end_the_frames():
    def read(path):
        raise UserError("strict")

    with pytest.raises(UserError, match="strict"):
        list(image_frames([Source(Path("a"), False, "a")], read, 1, WAIT_S))


@pytest.mark.parametrize("step", [1, 3])
def test_every_frame_of_a_file_comes_as_it_is(video, step):
    images, source = video
    opened = open_video(source, WAIT_S)
    assert (opened.rate, opened.count) == (RATE, len(images))
    frames = list(opened.frames(step))
    assert [frame.number for frame in frames] == list(range(0, len(images), step))
    assert [frame.time for frame in frames] == [number / RATE for number in range(0, len(images), step)]
    for frame in frames:
        # Without loss, but for the change of colour space.
        assert np.abs(frame.pixels.astype(int) - images[frame.number]).mean() < 4 and frame.source is source
    assert opened.read == len(images) and not opened.ended_early


def test_a_file_that_is_cut_short_is_known(video, tmp_path):
    images, source = video
    data = source.place.read_bytes()
    (tmp_path / "half.avi").write_bytes(data[:len(data) // 2])
    opened = open_video(Source(tmp_path / "half.avi", True, ""), WAIT_S)
    assert 0 < len(list(opened.frames())) < len(images) and opened.ended_early


@pytest.mark.parametrize(("place", "words"), [
    (Path("no.mp4"), "no.mp4: cannot open this video; expected a video that OpenCV reads"),
    (987, "camera 987: cannot open this video; check its number"),
    ("tcp://me:secret@127.0.0.1:9", r"tcp://\*\*\*@127.0.0.1:9: .* no stream answered within 2 s")])
def test_what_cannot_be_opened_is_named(tmp_path, monkeypatch, capfd, place, words):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=words):
        open_video(Source(place, True, ""), 2)


class Camera:
    """Stands for a capture: after the first frame and a signal, the others are read at once; the last one ends it."""

    def __init__(self, count):
        self.numbers, self.is_released = iter(range(count)), False
        self.goes_on, self.is_over = threading.Event(), threading.Event()

    def read(self):
        number = next(self.numbers, None)
        if number is None:
            self.is_over.set()
            return False, None
        if number > 0:
            self.goes_on.wait(WAIT_S)
        return True, np.full((2, 2, 3), number, np.uint8)

    def release(self):
        self.is_released = True


def test_of_a_live_source_the_newest_frames_are_used():
    camera = Camera(50)
    video = Video(Source(0, True, ""), 25.0, 0, camera)
    frames, began = video.frames(), time.monotonic()
    first = next(frames)
    assert (first.number, first.time) == (0, 0)
    time.sleep(0.3)
    camera.goes_on.set()
    assert camera.is_over.wait(WAIT_S)
    found = list(frames)
    assert [(frame.number, frame.pixels[0, 0, 0]) for frame in found] == [
        (number, number) for number in range(50 - LIVE_FRAMES, 50)]
    # By the clock, not by the rate that the camera states.
    assert all(0.3 <= frame.time <= time.monotonic() - began for frame in found)
    assert (video.read, video.dropped) == (50, 49 - LIVE_FRAMES) and camera.is_released


class Recorded:
    """Stands for a capture of a file that has a time for each frame, and no rate: FFmpeg takes milliseconds for it."""

    properties = {cv2.CAP_PROP_FPS: 1000.0, cv2.CAP_PROP_FRAME_COUNT: 90_000.0}

    def __init__(self, *_):
        self.number = -1

    def isOpened(self):
        return True

    def read(self):
        self.number += 1
        return self.number < 3, np.zeros((2, 2, 3), np.uint8)

    def get(self, name):
        return (0.0, 41.0, 73.0)[min(self.number, 2)] if name == cv2.CAP_PROP_POS_MSEC else self.properties[name]

    def release(self):
        pass


def test_a_file_without_a_rate_has_the_times_of_its_frames(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", Recorded)
    video = open_video(Source(Path("browser.webm"), True, ""), WAIT_S)
    assert (video.rate, video.count) == (25, 0)
    assert [frame.time for frame in video.frames()] == [0.0, 0.041, 0.073] and not video.ended_early


def test_a_live_source_that_is_left_is_released():
    camera = Camera(10**9)
    camera.goes_on.set()
    frames = Video(Source(0, True, ""), 25.0, 0, camera).frames()
    next(frames)
    frames.close()
    assert camera.is_released

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A run over frames: its order, what is lost on the way, the window, signals and the exit code."""
import io
import json
import logging
import signal

import cv2
import numpy as np
import pytest
from tqdm import tqdm

from model_utils.errors import UserError
from src.deploy import prediction
from src.deploy.detector import Detector
from src.deploy.prediction import Prediction
from src.evaluation.prediction_files import ImageIds, PredictionFiles
from src.evaluation.sources import find_sources
from tests.support.ascend310.infer_app import model_file
from tests.support.helpers import RATE, photos, write_video

pytestmark = pytest.mark.xdist_group("model_files")

# Some detections of the network on each image have a higher score.
THRESHOLD = 0.3


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    """Two images, a video of four frames, then a third image, by name; returns the folder."""
    images = photos(7)
    for name, image in zip(("a.png", "b.png", "d.png"), images, strict=False):
        assert cv2.imwrite(str(tmp_path / name), image[:, :, ::-1])
    write_video(tmp_path / "c.avi", images[3:])
    return tmp_path


@pytest.fixture(name="logger")
def fixture_logger(caplog):
    caplog.set_level(logging.INFO)
    return logging.getLogger("test of predictions")


def run(folder, logger, window=None, kind="onnx", **options):
    """Run on a folder; returns (exit code, records, or None where no file is left)."""
    detector = Detector(model_file(kind), draw_threshold=THRESHOLD, **options)
    sources = find_sources(str(folder), str(folder / "out"))
    files = PredictionFiles(lambda: folder / "out", ["json"], ImageIds(sources))
    code = Prediction(detector, sources, files, window, logger).run()
    return code, json.loads(files.paths[0].read_text()) if files.folder else None


def numbered(records):
    return [(record["file"].rpartition("/")[2], record.get("frame")) for record in records]


EXPECTED = [("a.png", None), ("b.png", None), *(("c.avi", number) for number in range(4)), ("d.png", None)]


@pytest.mark.parametrize("kind", ["onnx", "raw"])
def test_batches_cross_sources_and_keep_their_order(folder, logger, caplog, kind):
    code, records = run(folder, logger, kind=kind)
    assert code == 0 and numbered(records) == EXPECTED
    expected = Detector(model_file(kind), draw_threshold=THRESHOLD)(folder / "d.png").records()
    assert len(records[-1]["detections"]) == len(expected)
    for one, other in zip(records[-1]["detections"], expected, strict=True):
        # A batch of other images may round differently.
        assert one["bbox"] == pytest.approx(other["bbox"], abs=0.02)
    assert f"{folder}/c.avi: 4 frames" in caplog.text and "detections on 7 images" in caplog.text
    assert "images a second" in caplog.text
    assert cv2.VideoCapture(str(folder / "out" / "c.avi.mp4")).get(cv2.CAP_PROP_FPS) == RATE


def test_the_progress_bar_counts_images_and_frames(folder, logger, monkeypatch):
    bars, console = [], io.StringIO()

    def bar(**options):
        bars.append(tqdm(**{**options, "disable": False, "file": console, "mininterval": 0}))
        return bars[0]

    monkeypatch.setattr(prediction, "tqdm", bar)
    (folder / "a.png").write_bytes(b"no image")
    run(folder, logger)
    assert bars[0].n == bars[0].total == 7 and "7/7" in console.getvalue() and "image/s" in console.getvalue()


def test_every_nth_frame(folder, logger):
    for name in ("a.png", "b.png", "d.png"):
        (folder / name).unlink()
    code, records = run(folder, logger, frame_step=3)
    assert code == 0 and numbered(records) == [("c.avi", 0), ("c.avi", 3)]


def test_what_cannot_be_read_is_skipped_and_counted(folder, logger, caplog):
    (folder / "a.png").write_bytes(b"no image")
    (folder / "b.mp4").write_bytes(b"no video")
    code, records = run(folder, logger)
    assert code == 0 and numbered(records) == EXPECTED[1:]
    assert f"skipped: {folder}/a.png" in caplog.text and f"skipped: {folder}/b.mp4: cannot open" in caplog.text
    assert "2 of 8 images cannot be read, see above (--strict_images True stops at one)" in caplog.text


@pytest.mark.parametrize("name", ["b.png", "c.avi"])
def test_strict_stops_at_what_cannot_be_read_and_leaves_no_json(folder, logger, name):
    (folder / name).write_bytes(b"no image")
    with pytest.raises(UserError, match=name):
        run(folder, logger, strict_images=True)
    assert not list(folder.glob("out/*.json"))


def test_a_video_that_is_cut_short_is_used_unless_strict(folder, logger, caplog):
    data = (folder / "c.avi").read_bytes()
    (folder / "c.avi").write_bytes(data[:len(data) * 2 // 3])
    code, records = run(folder, logger)
    assert code == 0 and 4 <= len(records) < 7
    assert "c.avi: ended early, after" in caplog.text
    with pytest.raises(UserError, match="c.avi: ended early"):
        run(folder, logger, strict_images=True)


def test_nothing_readable_is_an_error(tmp_path, logger):
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(UserError, match="a.png"):
        run(tmp_path, logger)
    assert not (tmp_path / "out").exists()


class Window:
    """Stands for a window in which a key ends the view after some images."""

    def __init__(self, most):
        self.most, self.shown = most, []

    def show(self, image, waits):
        self.shown.append((image, waits))
        return len(self.shown) < self.most


def test_a_window_shows_every_drawing_until_a_key_ends_the_run(folder, logger):
    window = Window(100)
    run(folder, logger, window, draw=False)
    assert [waits for _, waits in window.shown] == [True, True, False, False, False, False, True]
    detector = Detector(model_file("onnx"), draw_threshold=THRESHOLD)
    image = cv2.imread(str(folder / "a.png"))[:, :, ::-1]
    np.testing.assert_array_equal(window.shown[0][0], detector(image).draw(image))
    assert [path.name for path in (folder / "out").iterdir()] == ["detections.json"]
    window = Window(2)
    code, records = run(folder, logger, window)
    assert code == 0 and len(window.shown) == 2 and numbered(records) == EXPECTED[:len(records)]
    assert len(records) < len(EXPECTED)


def test_a_signal_ends_a_run_with_what_was_found(folder, logger, caplog, monkeypatch):
    numbers = iter([0, 0, 0, signal.SIGINT])
    monkeypatch.setattr(prediction.StopRequest, "number", lambda self: next(numbers))
    code, records = run(folder, logger)
    assert code == 130 and numbered(records) == EXPECTED[:3]
    assert "stopped by SIGINT: the files hold what was found until then" in caplog.text

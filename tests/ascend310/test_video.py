# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The C++ app on a video file and on a live stream: the boxes of eval.py on each frame, ends, breaks and signals."""
import hashlib
import json
import signal
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import cv2
import numpy as np
import pytest

from src.deploy.detector import Detector
from tests.support.ascend310.infer_app import build_folder, exported_model, run_app
from tests.support.ascend310.same_detections import compare
from tests.support.helpers import RATE, real_data, write_video

pytestmark = pytest.mark.slow

INPUT = 4
COUNT, SIZE = 100, (320, 240)
THRESHOLD = 0.2


def infer_video(video, output, *options, **environment):
    """Run the sanitized app on a video and return the finished process and the json lines."""
    done = run_app("--model", exported_model(), "--video", video, "--output", output, "--score_threshold", THRESHOLD,
                   *options, **environment)
    return done, read_lines(output)


def read_lines(output):
    return [json.loads(line) for line in (output / "results.jsonl").read_text().splitlines()]


def record(output):
    run = json.loads((output / "run.json").read_text())
    content = (output / "results.jsonl").read_bytes()
    assert run["results_sha256"] == hashlib.sha256(content).hexdigest()
    return run


def as_results(frames):
    """Detections by frame as COCO results."""
    return [{"image_id": number, **entry} for number, entries in frames for entry in entries]


@pytest.fixture(scope="module", name="frames")
def fixture_frames():
    """Photographs, one a frame."""
    paths = sorted(real_data("coco128").glob("*2017/*.jpg"))[:COUNT]
    assert len(paths) == COUNT
    return [cv2.resize(cv2.imread(str(path)), SIZE, interpolation=cv2.INTER_AREA)[:, :, ::-1] for path in paths]


@pytest.fixture(scope="module", name="run")
def fixture_run(frames, tmp_path_factory):
    """A video of ten seconds, the app's run on it and its lines."""
    folder = tmp_path_factory.mktemp("a video")
    done, lines = infer_video(write_video(folder / "ten seconds.avi", frames), folder / "out", "--draw",
                              "--draw_threshold", 0.9)
    assert done.returncode == 0, done.stderr
    return folder, done, lines


def test_each_frame_has_the_boxes_of_eval(frames, run):
    folder, done, lines = run
    detector = Detector(exported_model().with_name("best.ckpt"), draw_threshold=THRESHOLD)
    expected = [(number, found.records()) for number, found in enumerate(detector.stream(frames))]
    assert [line["frame"] for line in lines] == list(range(COUNT))
    assert [line["time"] for line in lines] == pytest.approx([number / RATE for number in range(COUNT)])
    agreement = compare(as_results((line["frame"], line["detections"]) for line in lines), as_results(expected))
    assert agreement.clear_counts[0] == agreement.clear_counts[1] > COUNT, agreement
    assert agreement.unmatched_share <= 0.005, agreement
    assert {tuple(entry) for line in lines for entry in line["detections"]} == {tuple(expected[0][1][0])}
    assert {entry["class_name"] for line in lines for entry in line["detections"]} <= set(detector.categories.names)
    counts = record(folder / "out")["counts"]
    assert counts["images"] == COUNT and counts["detections"] == sum(len(line["detections"]) for line in lines)
    assert f"{COUNT} of {COUNT} frames" in done.stdout and not (folder / "out" / "results.json").exists()


def test_the_drawn_video_shows_the_frames(frames, run):
    capture = cv2.VideoCapture(str(run[0] / "out" / "drawn.avi"))
    assert (capture.get(cv2.CAP_PROP_FRAME_COUNT), capture.get(cv2.CAP_PROP_FPS)) == (COUNT, RATE)
    for frame in frames:
        drawn = capture.read()[1][:, :, ::-1].astype(int)
        assert np.median(np.abs(drawn - frame)) < 10
    assert not capture.read()[0]


def test_a_file_that_is_cut_short_keeps_what_was_done(run, tmp_path):
    folder, _, lines = run
    whole = (folder / "ten seconds.avi").read_bytes()
    (tmp_path / "half.avi").write_bytes(whole[:len(whole) // 2])
    done, found = infer_video(tmp_path / "half.avi", tmp_path / "out", "--decode_threads", 3)
    assert done.returncode == INPUT and 20 < len(found) < 80
    assert f"half.avi: ended early, after {len(found)} frames of {COUNT}; the file is cut short" in done.stderr
    # The last frame may be one that was cut.
    assert found[:-1] == lines[:len(found) - 1]
    assert record(tmp_path / "out")["counts"]["images"] == len(found)


def test_a_signal_ends_a_video(tmp_path):
    frames = np.random.default_rng(1).integers(0, 256, (20, 32, 48, 3), np.uint8)
    video = write_video(tmp_path / "long.avi", (frames[number % 20] for number in range(5000)))
    process = subprocess.Popen([build_folder() / "yolo_infer", "--model", exported_model(), "--video", video,
                                "--output", tmp_path / "out"], stderr=subprocess.PIPE, text=True)
    results, deadline = tmp_path / "out" / "results.jsonl", time.monotonic() + 60
    while not (results.exists() and results.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + signal.SIGTERM, errors
    run = record(tmp_path / "out")
    counts = run["counts"]
    assert run["interrupted"] == "SIGTERM" and counts["images"] + counts["left_out"] == 5000
    assert [line["frame"] for line in read_lines(tmp_path / "out")] == list(range(counts["images"]))
    assert f"interrupted by SIGTERM: {counts['left_out']} of 5000 frames were left out" in errors


class Camera(BaseHTTPRequestHandler):
    """A network camera: JPEG images one after the other, then the line breaks."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(150):
            image = cv2.imencode(".jpg", np.full((96, 128, 3), number, np.uint8))[1].tobytes()
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n"
                             % (len(image), image))
            time.sleep(0.005)

    def log_message(self, *_):
        """Say nothing."""


def test_a_live_stream_that_breaks_keeps_what_was_done(tmp_path):
    with ThreadingHTTPServer(("127.0.0.1", 0), Camera) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://me:secret@127.0.0.1:{server.server_port}/"
        done, lines = infer_video(address, tmp_path / "out", no_proxy="127.0.0.1")
        server.shutdown()
    numbers = [line["frame"] for line in lines]
    run = record(tmp_path / "out")
    assert done.returncode == INPUT and run["video"]["is_live"], done.stderr
    assert f"http://***@127.0.0.1:{server.server_port}/: the stream ended after {numbers[-1] + 1} frames" in done.stderr
    assert "secret" not in done.stderr + done.stdout + json.dumps(run)
    assert numbers == sorted(set(numbers)) and numbers[-1] > 100
    assert numbers[-1] + 1 == run["counts"]["images"] + run["counts"]["dropped"]

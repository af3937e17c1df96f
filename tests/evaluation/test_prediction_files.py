# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The files of predict.py: json, csv and COCO results hold the same numbers; ids; drawn images and videos."""
import csv
import itertools
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_utils.errors import UsageError, UserError
from src.data.categories import Categories
from src.deploy.detector import Detections
from src.evaluation import prediction_files
from src.evaluation.frames import Frame
from src.evaluation.prediction_files import ImageIds, PredictionFiles, VideoFile, checked_formats
from src.evaluation.sources import Source
from tests.support.helpers import write_coco

CATEGORIES = Categories(("cup, red", "ball"), (3, "b"))
IMAGE, VIDEO = Source(Path("in/a b.png"), False, "a b.png"), Source(Path("in/v.avi"), True, "v.avi.mp4")

PIXELS = np.full((48, 64, 3), 60, np.uint8)


def detections(count, image_hw=(48, 64)):
    rng = np.random.default_rng(count)
    corners = rng.uniform(0, 20, (count, 4)) + (0, 0, 20, 20)
    return Detections(corners, np.sort(rng.uniform(0, 1, count).astype(np.float32))[::-1], rng.integers(0, 2, count),
                      image_hw, CATEGORIES)


@pytest.fixture(name="written")
def fixture_written(tmp_path, monkeypatch):
    """What is written of an image without detections, a second image and two frames of a video."""
    # However slow this machine is, there is time to repeat a frame.
    monkeypatch.setattr(prediction_files, "monotonic", lambda: 0.0)
    sources = [Source(Path("0.png"), False, "0.png"), IMAGE]
    frames = [Frame(PIXELS, source) for source in sources] + [
        Frame(PIXELS, VIDEO, None, number, time) for number, time in ((0, 0.0), (3, 0.1 + 0.2))]
    found = [detections(count) for count in (0, 3, 2, 4)]
    with PredictionFiles(lambda: tmp_path / "out", ["json", "csv", "coco", "yolo"], ImageIds([IMAGE, VIDEO])) as files:
        for frame, one in zip(frames, found, strict=True):
            files.write(frame, one, one.draw(frame.pixels), 10.0)
        assert [path.name for path in files.paths] == ["detections.json", "detections.csv", "coco_results.json",
                                                        "labels"]
        assert not any(path.is_file() for path in files.paths)
    return tmp_path / "out", found


def test_json_csv_and_coco_results_hold_the_same(written):
    folder, found = written
    records = json.loads((folder / "detections.json").read_text())
    assert [record["detections"] for record in records] == [one.records() for one in found]
    assert [(record["file"], record.get("frame"), record.get("time")) for record in records] == [
        ("0.png", None, None), ("in/a b.png", None, None), ("in/v.avi", 0, 0.0), ("in/v.avi", 3, 0.3)]
    assert {(record["width"], record["height"]) for record in records} == {(64, 48)}
    flat = [(number, record, entry) for number, record in enumerate(records, 1) for entry in record["detections"]]
    assert json.loads((folder / "coco_results.json").read_text()) == [
        {"image_id": number, "category_id": entry["category_id"], "bbox": entry["bbox"], "score": entry["score"]}
        for number, _, entry in flat]
    with open(folder / "detections.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(flat) == 9
    for row, (_, record, entry) in zip(rows, flat, strict=True):
        assert [float(row[name]) for name in ("x", "y", "width", "height", "score")] == [*entry["bbox"], entry["score"]]
        assert (row["file"], row["class_name"], row["category_id"]) == (record["file"], entry["class_name"],
                                                                        str(entry["category_id"]))
        assert (row["frame"], row["time"]) == (str(record.get("frame", "")), str(record.get("time", "")))


def test_yolo_labels_are_fractions_of_the_image(written):
    folder, found = written
    names = ("0.txt", "a b.txt", "v_0.txt", "v_3.txt")
    assert sorted(path.name for path in (folder / "labels").iterdir()) == sorted(names)
    for name, one in zip(names, found, strict=True):
        rows = np.array([line.split() for line in (folder / "labels" / name).read_text().splitlines()], float)
        rows = rows.reshape(-1, 6)
        half = rows[:, 3:5] / 2
        corners = np.concatenate((rows[:, 1:3] - half, rows[:, 1:3] + half), 1) * (64, 48, 64, 48)
        np.testing.assert_allclose(corners, one.boxes, atol=1e-4)
        np.testing.assert_allclose(rows[:, 5], one.scores, atol=6e-6)
        assert rows[:, 0].tolist() == one.classes.tolist()


def test_labels_of_inputs_with_one_stem_keep_the_suffixes(tmp_path):
    sources = [Source(Path(f"in/{name}"), name.endswith("avi"), name, has_own_stem=False)
               for name in ("a.jpg", "a.png", "c.avi")]
    with PredictionFiles(lambda: tmp_path, ["yolo"], ImageIds(sources)) as files:
        for source in sources:
            files.write(Frame(PIXELS, source, None, 0 if source.is_video else None, 0.0), detections(1), None)
    assert sorted(path.name for path in (tmp_path / "labels").iterdir()) == ["a.jpg.txt", "a.png.txt", "c.avi_0.txt"]


def test_drawings_lie_beside_them(written):
    folder, found = written
    assert sorted(path.name for path in folder.iterdir()) == ["0.png", "a b.png", "coco_results.json", "detections.csv",
                                                              "detections.json", "labels", "v.avi.mp4"]
    np.testing.assert_array_equal(cv2.imread(str(folder / "a b.png"))[:, :, ::-1], found[1].draw(PIXELS))
    capture = cv2.VideoCapture(str(folder / "v.avi.mp4"))
    # The second frame is 0.3 s after the first one, which is repeated until then.
    assert (capture.get(cv2.CAP_PROP_FPS), capture.get(cv2.CAP_PROP_FRAME_COUNT)) == (10, 4)
    for own, other in (found[2:], found[2:], found[2:], found[:1:-1]):
        frame = capture.read()[1][:, :, ::-1].astype(int)
        assert 2 * np.abs(frame - own.draw(PIXELS)).mean() < np.abs(frame - other.draw(PIXELS)).mean()


def test_a_run_that_fails_leaves_no_file_of_detections(tmp_path):
    def fail():
        with PredictionFiles(lambda: tmp_path / "out", ["json", "coco"], ImageIds([VIDEO])) as files:
            files.write(Frame(np.zeros((48, 64, 3), np.uint8), VIDEO, None, 0, 0.0), detections(1),
                        np.zeros((48, 64, 3), np.uint8), 10.0)
            raise UserError("strict")

    with pytest.raises(UserError, match="strict"):
        fail()
    assert list((tmp_path / "out").iterdir()) == []


def test_frames_of_another_size_are_not_lost(tmp_path):
    video = VideoFile(tmp_path / "a.mp4", VIDEO, 10.0, (48, 64))
    for time, shape in enumerate(((48, 64, 3), (96, 64, 3))):
        video.write(np.full(shape, 200, np.uint8), time / 10)
    video.close()
    video.close()
    capture = cv2.VideoCapture(str(tmp_path / "a.mp4"))
    assert capture.get(cv2.CAP_PROP_FRAME_COUNT) == 2 and capture.read()[1].shape == (48, 64, 3)


@pytest.mark.parametrize(("rate", "written"), [
    (29.97, 29.97), (59.94006, 59.94), (119.887, 119.89), (833.333, 833.3), (25 / 30000, 0.01)])
def test_a_rate_that_the_format_lacks_becomes_the_nearest(tmp_path, rate, written):
    video = VideoFile(tmp_path / "a.mp4", VIDEO, rate, (48, 64))
    video.write(PIXELS, 0.0)
    video.close()
    assert cv2.VideoCapture(str(tmp_path / "a.mp4")).get(cv2.CAP_PROP_FPS) == pytest.approx(written, abs=1e-4)


def test_a_video_that_cannot_be_written_leaves_the_one_before(tmp_path, monkeypatch):
    (tmp_path / "a.mp4").write_text("of an earlier run")
    monkeypatch.setattr(cv2.VideoWriter, "isOpened", lambda writer: False)
    with pytest.raises(UserError, match="a.mp4: this OpenCV writes no MPEG-4 videos of 10 frames a second; leave"):
        VideoFile(tmp_path / "a.mp4", VIDEO, 10.0, (48, 64))
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.mp4", "of an earlier run")]


def test_repeating_a_frame_takes_half_of_the_time_until_the_next_at_most(tmp_path, monkeypatch):
    clock = itertools.count()
    # Each look at the clock is a second later: a frame in each of the first ten of twenty seconds.
    monkeypatch.setattr(prediction_files, "monotonic", lambda: float(next(clock)))
    video = VideoFile(tmp_path / "a.mp4", VIDEO, 10.0, (48, 64))
    for time in (5.0, 25.0):
        video.write(PIXELS, time)
    video.close()
    assert cv2.VideoCapture(str(tmp_path / "a.mp4")).get(cv2.CAP_PROP_FRAME_COUNT) == 1 + 9 + 1


def images(*paths):
    return [Source(Path(path), False, "") for path in paths]


@pytest.mark.parametrize(("sources", "expected"), [
    (images("x/000012.jpg", "7.png"), [12, 7]), (images("12.jpg", "a.jpg"), [1, 2]),
    (images("x/1.jpg", "y/1.jpg"), [1, 2]), (images("x/2.jpg", "y/002.jpg"), [1, 2]),
    (images("1.jpg", f"{10**19}.jpg"), [1, 2]),
    ([*images("12.jpg"), VIDEO, VIDEO], [1, 2, 3])])
def test_image_ids_are_numbers_of_files_or_positions(sources, expected):
    ids = ImageIds(sources)
    assert [ids.next(source) for source in sources] == expected


def test_image_ids_of_an_annotation_file(tmp_path):
    names = ("train/a.jpg", "val/a.jpg", "val/B c.jpg")
    ann_file = str(write_coco(tmp_path, [{"file_name": name, "id": number, "write": False} for number, name in
                                         zip((5, "six", 7), names, strict=True)], "val"))
    sources = images("/data/val/a.jpg", "b c.JPG", "train/a.jpg")
    ids = ImageIds(sources, ann_file)
    assert [ids.next(source) for source in sources] == ["six", 7, 5]
    for name in ("a.jpg", "d.jpg"):
        with pytest.raises(UserError, match=f"does not name the image {name}, or names several like it"):
            ImageIds(images(name), ann_file)


def test_formats():
    assert checked_formats("JSON, coco,csv coco") == ["json", "coco", "csv"] and checked_formats("") == []
    with pytest.raises(UsageError, match="coc is none of json, csv, coco, yolo; did you mean coco"):
        checked_formats("json,coc")

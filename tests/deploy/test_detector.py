# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""`Detector`: the same detections from every model file and for every kind of input, by its options."""
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from model_utils.errors import UsageError, UserError
from src.data.categories import Categories
from src.data.image_files import UnreadableImage
from src.deploy.detector import Detector, wanted_fields
from src.evaluation.cpu_engine import Engine
from src.evaluation.openvino_session import has_bfloat16
from tests.support.ascend310.infer_app import CATEGORIES, model_file
from tests.support.engines import needs_openvino
from tests.support.helpers import photos, real_data

pytestmark = pytest.mark.xdist_group("model_files")

# Some detections of the network on each image have a higher score.
THRESHOLD = 0.3

# With which every class is found.
LOW = 0.2
ROOT = Path(__file__).resolve().parents[2]
# Starts from an ONNX file, prints what it found and the CPU time of it all, start of Python included.
WITHOUT_MINDSPORE = """
import sys, time
from src.deploy.detector import Detector
import predict
found = Detector(sys.argv[1], draw_threshold=float(sys.argv[2]))(sys.argv[3])
assert "mindspore" not in sys.modules
print(*found.scores.tolist(), time.process_time())
"""


@pytest.fixture(scope="module", name="detector")
def fixture_detector():
    return Detector(model_file("onnx"), draw_threshold=THRESHOLD)


@pytest.fixture(scope="module", name="found")
def fixture_found(detector):
    """Images, drawn ones, and what is found on them."""
    images = photos(5)
    return images, detector(images)


def assert_equal(found, expected, pixels=0.0, score=0.0):
    assert [len(one) for one in found] == [len(one) for one in expected]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.classes, other.classes)
        np.testing.assert_allclose(one.boxes, other.boxes, rtol=0, atol=pixels)
        np.testing.assert_allclose(one.scores, other.scores, rtol=0, atol=score)


@pytest.mark.parametrize("kind", ["ckpt", "mindir", "raw"])
def test_every_model_file_finds_the_same(kind, detector):
    images = photos(5, real_data("coco128") / "val2017")
    found = Detector(model_file(kind), draw_threshold=THRESHOLD)(images)
    expected = detector(images)
    assert all(5 < len(one) < 200 for one in expected) and len({one.scores[0] for one in expected}) == 5
    # The same engine computes the same graph from a checkpoint; the others round elsewhere.
    exact = {} if kind == "ckpt" else {"pixels": 0.01, "score": 1e-5}
    assert_equal(found, expected, **exact)


@pytest.mark.parametrize(("kind", "engine"), [("ckpt", "mindspore"), ("onnx", "onnxruntime"),
                                              pytest.param("onnx", "openvino", marks=needs_openvino)])
def test_every_engine_finds_the_same(kind, engine, found):
    images, expected = found
    detector = Detector(model_file(kind), draw_threshold=THRESHOLD, cpu_engine=engine)
    assert detector.engine == Engine(engine, "float32")
    assert_equal(detector(images), expected, pixels=0.01, score=1e-5)


@needs_openvino
def test_bfloat16_finds_nearly_the_same(found):
    if not has_bfloat16():
        pytest.skip("this CPU has no bfloat16")
    images, expected = found
    detector = Detector(model_file("onnx"), draw_threshold=THRESHOLD, cpu_precision="bfloat16")
    assert detector.engine == Engine("openvino", "bfloat16")
    rounded = detector(images)
    counts = np.array([[len(one), len(other)] for one, other in zip(rounded, expected, strict=True)])
    assert (np.abs(counts[:, 0] - counts[:, 1]) <= 2).all(), counts
    for one, other in zip(rounded, expected, strict=True):
        np.testing.assert_allclose(one.scores[:5], other.scores[:5], atol=0.02)


def test_arrays_paths_lists_and_generators_are_the_same_images(detector, found, tmp_path):
    images, expected = found
    paths = [tmp_path / f"{number}.png" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        assert cv2.imwrite(str(path), image[:, :, ::-1])
    for others in (paths, list(map(str, paths)), np.stack(images), [paths[0], *images[1:]]):
        assert_equal(detector(others), expected)
    assert_equal([detector(paths[2]), detector(images[2])], [expected[2]] * 2)
    assert_equal(list(detector.stream(iter(paths))), expected)
    assert detector([]) == []


def test_a_batch_may_hold_images_of_different_sizes(detector, found):
    images, _ = found
    images = [images[0], images[1][:100, :60], np.tile(images[2], (3, 2, 1))]
    together = Detector(model_file("ckpt"), draw_threshold=THRESHOLD, batch_size=3)(images)
    assert_equal(together, [detector(image) for image in images], pixels=0.01, score=1e-5)
    assert [one.image_hw for one in together] == [(120, 160), (100, 60), (360, 320)]


def test_the_fields_of_detections(found):
    images, expected = found
    one = expected[0]
    assert one.boxes.shape == (len(one), 4) and one.boxes.dtype == np.float64
    assert (one.boxes[:, :2] >= 0).all() and (one.boxes[:, 2:] <= (160, 120)).all()
    assert (np.diff(one.scores) <= 0).all() and one.scores.min() > THRESHOLD
    assert one.names == [CATEGORIES.names[number] for number in one.classes]
    record, (x1, y1, x2, y2) = one.records()[0], one.boxes[0]
    assert record["class_name"] == one.names[0] and record["category_id"] == CATEGORIES.ids[one.classes[0]]
    assert record["score"] == pytest.approx(one.scores[0], abs=5e-6)
    assert record["bbox"] == pytest.approx([x1, y1, x2 - x1, y2 - y1], abs=0.005)
    drawn = one.draw(images[0])
    assert drawn.shape == images[0].shape and (drawn != images[0]).any()


def test_thresholds_and_the_most_detections(found):
    images, expected = found
    path = model_file("onnx")
    best = expected[0].scores[4]
    assert [one.scores.tolist() for one in Detector(path, draw_threshold=float(best))(images[:1])] == [
        [score for score in expected[0].scores.tolist() if score > best]]
    assert len(Detector(path, draw_threshold=THRESHOLD, nms_thresh=1.0)(images[0])) > len(expected[0])
    few = Detector(path, draw_threshold=THRESHOLD, max_detections=3)(images[0])
    assert few.scores.tolist() == expected[0].scores[:3].tolist()


@pytest.mark.parametrize(("wanted", "names"), [
    ("ball", {"ball"}), ("key, cup", {"key", "cup"}), (["key"], {"key"}), ("1", {"ball"}), ([3, "key"], {"cup", "key"}),
    (1, {"ball"}), ("", {"cup", "ball", "key"}), ([], {"cup", "ball", "key"})])
def test_the_class_filter_keeps_names_and_category_ids(found, wanted, names):
    image = found[0][0]
    kept, every = (Detector(model_file("onnx"), draw_threshold=LOW, class_filter=entries)(image)
                   for entries in (wanted, None))
    assert list(zip(kept.names, kept.scores, strict=True)) == [
        (name, score) for name, score in zip(every.names, every.scores, strict=True) if name in names]
    assert set(kept.names) == names


@pytest.mark.parametrize("wanted", [0, [0], (0,), ["0"], "0", "cat"])
def test_the_class_filter_takes_a_category_id_of_0(wanted):
    fields = wanted_fields(wanted, Categories(("cat", "dog"), (0, 1)))
    assert fields.tolist() == [1.0] * 5 + [1.0, 0.0]


def test_the_class_filter_comes_before_the_most_detections(found):
    images, expected = found
    last = expected[0].names[-1]
    kept = Detector(model_file("onnx"), draw_threshold=THRESHOLD, class_filter=last, max_detections=1)(images[0])
    assert kept.names == [last]


def test_mistakes_are_explained(detector, tmp_path):
    with pytest.raises(UserError, match=r"class 'bal'.*cup \(3\), ball \(1\), key \(7\); did you mean ball"):
        Detector(model_file("onnx"), class_filter="bal")
    with pytest.raises(UsageError, match="no option draw_treshold; did you mean draw_threshold"):
        Detector(model_file("onnx"), draw_treshold=0.5)
    with pytest.raises(UsageError, match="draw_threshold is 1.5"):
        Detector(model_file("onnx"), draw_threshold=1.5)
    for image in (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32), 7):
        with pytest.raises(UserError, match=r"expected a path, or an array uint8 \[height, width, 3\]"):
            detector([image])
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 no jpeg")
    with pytest.raises(UnreadableImage, match="broken.jpg"):
        detector(tmp_path / "broken.jpg")


def test_what_is_cut_short_is_used_unless_strict(detector, tmp_path):
    image = np.random.default_rng(1).integers(0, 255, (64, 64, 3), np.uint8)
    data = cv2.imencode(".jpg", image)[1].tobytes()
    (tmp_path / "cut.jpg").write_bytes(data[:len(data) * 3 // 4])
    assert detector(tmp_path / "cut.jpg").fault.kind == "cut short"
    with pytest.raises(UserError, match="cut.jpg: cut short"):
        Detector(model_file("onnx"), strict_images=True)(tmp_path / "cut.jpg")


def test_a_network_that_gives_nan_is_refused(detector, monkeypatch):
    monkeypatch.setattr(detector, "_heads", lambda batch: [np.full((1, 2, 3, 3, 8), np.nan, np.float32)] * 2)
    with pytest.raises(UserError, match="onnx.onnx: the network gave NaN"):
        detector(np.zeros((8, 8, 3), np.uint8))


def test_an_onnx_file_takes_no_mindspore_and_starts_fast(detector, found, tmp_path):
    images, expected = found
    assert cv2.imwrite(str(tmp_path / "a.png"), images[0][:, :, ::-1])
    done = subprocess.run([sys.executable, "-c", WITHOUT_MINDSPORE, model_file("onnx"), str(THRESHOLD),
                           tmp_path / "a.png"], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    *scores, seconds = map(float, done.stdout.split())
    assert scores == expected[0].scores.tolist() and seconds < 2

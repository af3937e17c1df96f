# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The drawn detections and the limits at the end of the quick start."""
import json
import math

import cv2
import numpy as np
import pytest

from model_utils.errors import run_cli
from src.evaluation.coco_scores import Scores
from tools.quick_start_report import below_limits, main
from tools.sample_data import CATEGORY_IDS, Settings, make_sample_data


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report") / "my data"
    make_sample_data(folder, Settings(train=1, val=5, seed=2, size=64))
    return folder


@pytest.fixture
def perfect(data_dir):
    """Detections that are the ground truth, all of score 0.9."""
    content = json.loads((data_dir / "annotations" / "instances_val2017.json").read_text(encoding="utf-8"))
    return [{"image_id": record["image_id"], "category_id": record["category_id"], "bbox": record["bbox"], "score": 0.9}
            for record in content["annotations"]]


def report(data_dir, tmp_path, results, *options):
    (tmp_path / "results.json").write_text(json.dumps(results))
    return run_cli(main, ["--data_dir", str(data_dir), "--results", str(tmp_path / "results.json"),
                          "--out", str(tmp_path / "sheet.png"), *options])


def test_perfect_detections_pass_and_are_drawn(data_dir, tmp_path, capsys, perfect):
    assert report(data_dir, tmp_path, perfect, "--min_ap50", "0.99", "--min_class_ap50", "0.99", "--images", "3") == 0
    assert "AP50: 1.000" in capsys.readouterr().out
    three = cv2.imread(str(tmp_path / "sheet.png"))
    assert report(data_dir, tmp_path, perfect, "--images", "1") == 0
    one = cv2.imread(str(tmp_path / "sheet.png"))
    assert three.shape[0] > 1.8 * one.shape[0] and three.shape[1] > 1.8 * one.shape[1]
    halves = np.abs(one[60:, 40:400].astype(int) - one[60:, -440:-80]).mean()
    assert halves > 0, "only one side shows scores"


def test_only_detections_above_the_threshold_are_drawn(data_dir, tmp_path, perfect):
    sheets = []
    for threshold in ("0.3", "0.89", "0.91"):
        assert report(data_dir, tmp_path, perfect, "--threshold", threshold) == 0
        sheets.append(cv2.imread(str(tmp_path / "sheet.png")))
    assert np.array_equal(sheets[0], sheets[1])
    assert not np.array_equal(sheets[1], sheets[2])


def test_a_class_below_its_limit_is_named(data_dir, tmp_path, capsys, perfect):
    lost = perfect[0]["category_id"]
    name = next(name for name, number in CATEGORY_IDS.items() if number == lost)
    kept = [result for result in perfect if result["category_id"] != lost]
    assert report(data_dir, tmp_path, kept, "--min_class_ap50", "0.6") == 1
    error = capsys.readouterr().err
    assert f"{name} 0.000 (expected 0.60)" in error and "all classes" not in error
    assert (tmp_path / "sheet.png").exists(), "the image shows what went wrong"


def test_no_detection_at_all(data_dir, tmp_path, capsys):
    assert report(data_dir, tmp_path, []) == 0
    assert report(data_dir, tmp_path, [], "--min_ap50", "0.8") == 1
    assert "all classes 0.000 (expected 0.80)" in capsys.readouterr().err


def test_limits_are_met_when_reached_and_classes_without_boxes_are_not_checked():
    scores = Scores((0.5, 0.8) + (0.0,) * 10, "", {}, {"disk": 0.6, "ring": math.nan, "star": 0.59})
    assert below_limits(scores, 0.8, 0.59) == []
    assert below_limits(scores, 0.81, 0.6) == ["all classes 0.800 (expected 0.81)", "star 0.590 (expected 0.60)"]


@pytest.mark.parametrize("content, words", [
    (None, "cannot read this file of detections, as eval.py writes it: No such file"),
    ("{broken", "broken json in line 1")])
def test_results_that_cannot_be_read(data_dir, tmp_path, capsys, content, words):
    path = tmp_path / "broken.json"
    if content:
        path.write_text(content)
    assert run_cli(main, ["--data_dir", str(data_dir), "--results", str(path), "--out", "x.png"]) == 1
    assert f"error: {path}: {words}" in capsys.readouterr().err

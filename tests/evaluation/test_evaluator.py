# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of src/evaluation/evaluator.py: AP figures known by hand, the direct use of pycocotools, and a network that
knows all."""
import json
import math

import numpy as np
import pytest

from model_utils.config import get_config
from src.data.coco import read_coco
from src.evaluation.coco_scores import Scores
from src.evaluation.evaluator import evaluate
from tests.support.helpers import write_coco
from tests.support.oracle import (
    BALL,
    BOX_A,
    BOX_B,
    CATEGORY_ORDER,
    CUP,
    KEY,
    Oracle,
    five_images,
    found,
    grey_image,
    make_data,
    plain_judge,
    right_answers,
    score,
)

NAMES = ("cup", "ball", "key")


@pytest.fixture(name="truth")
def fixture_truth(tmp_path):
    """One picture with two cups."""
    _, data = make_data(tmp_path, [grey_image(1, (640, 480), [(*BOX_A, CUP), (*BOX_B, CUP)])])
    return data


# AP by hand: with 101 recall levels, the 51 up to recall 0.5 and the 50 above it have the precision reached there.

@pytest.mark.parametrize("results, ap50", [
    ([found(BOX_A, CUP, .9), found(BOX_B, CUP, .8)], 1.0),
    ([found(BOX_A, CUP, .9)], 51 / 101),
    ([found(BOX_A, CUP, .9), found((0, 0, 50, 50), CUP, .8), found(BOX_B, CUP, .7)], (51 + 50 * 2 / 3) / 101),
    ([found(BOX_A, CUP, .9), found(BOX_A, CUP, .8), found(BOX_B, CUP, .7)], (51 + 50 * 2 / 3) / 101),
    ([found(BOX_A, CUP, .9), found(BOX_B, BALL, .8)], 51 / 101),
    ([found(BOX_A, BALL, .9)], 0.0),
], ids=["perfect", "one missing", "one false", "one duplicate", "one of another class", "only another class"])
def test_ap_by_hand(truth, results, ap50):
    scores = score(truth, results)
    assert scores.stats[0] == pytest.approx(ap50, abs=1e-9)
    assert scores.stats[1] == pytest.approx(ap50, abs=1e-9)
    assert scores.per_class_ap50["cup"] == pytest.approx(ap50, abs=1e-9)


def test_a_shifted_box_counts_up_to_its_iou(truth):
    # Shifted by 24 of 100 pixels: IoU 76 / 124 = 0.613, right at the thresholds 0.50, 0.55 and 0.60.
    results = [found((x + 24, y, w, h), CUP, .9) for x, y, w, h in (BOX_A, BOX_B)]
    scores = score(truth, results)
    assert scores.stats[:3] == pytest.approx((0.3, 1.0, 0.0))
    assert scores.per_class_ap["cup"] == pytest.approx(0.3)


@pytest.mark.parametrize("crowd, ap50", [(1, 1.0), (0, 51 / 3 / 101)])
def test_detections_in_a_crowd_region_count_for_nothing(tmp_path, crowd, ap50):
    image = grey_image(1, (640, 480), [(*BOX_A, CUP), (300, 0, 300, 400, CUP, crowd)])
    _, data = make_data(tmp_path, [image])
    # Two cups inside the region score above the one that is annotated; were it one big cup, both would be false.
    results = [found((310, 10, 50, 50), CUP, .95), found((400, 100, 60, 60), CUP, .94), found(BOX_A, CUP, .9)]
    assert score(data, results).stats[1] == pytest.approx(ap50, abs=1e-9)


def test_small_and_large_objects_are_told_apart(tmp_path):
    _, data = make_data(tmp_path, [grey_image(1, (640, 480), [(10, 10, 20, 20, CUP), (100, 100, 200, 200, CUP)])])
    scores = score(data, [found((10, 10, 20, 20), CUP, .9)])
    assert scores.stats[3:6] == pytest.approx((1.0, -1.0, 0.0))


def test_no_detection_at_all_scores_zero(truth):
    scores = score(truth, [])
    # No small and no medium object is there (medium: below 96 x 96), so nothing can be said of them.
    assert scores.stats == (0, 0, 0, -1, -1, 0, 0, 0, 0, -1, -1, 0)
    assert scores.table.splitlines()[-1] == "mAP: 0.0"


def test_a_class_without_ground_truth_has_no_figure(truth):
    scores = score(truth, [found(BOX_A, CUP, .9), found(BOX_B, CUP, .8), found(BOX_B, KEY, .9)])
    assert scores.stats[1] == 1.0
    assert list(scores.per_class_ap50) == list(NAMES)
    assert scores.per_class_ap50["cup"] == 1.0
    assert math.isnan(scores.per_class_ap50["ball"]) and math.isnan(scores.per_class_ap["key"])
    assert [line.split() for line in scores.class_table.splitlines()] == [
        ["class", "AP", "AP50"], ["cup", "1.000", "1.000"], ["ball", "-", "-"], ["key", "-", "-"]]


def test_figures_of_a_class_go_to_its_name_whatever_the_ids(tmp_path):
    """Ids are 3, 1, 7 in the file's order; pycocotools sorts them."""
    image = grey_image(1, (640, 480), [(*BOX_A, CUP), (*BOX_B, BALL), (0, 0, 60, 60, KEY), (400, 20, 60, 60, KEY)])
    _, data = make_data(tmp_path, [image])
    scores = score(data, [found(BOX_A, CUP, .9), found((0, 0, 60, 60), KEY, .8)])
    assert scores.per_class_ap50 == pytest.approx({"cup": 1.0, "ball": 0.0, "key": 51 / 101})


def test_categories_of_one_name_are_told_apart_by_their_ids(tmp_path):
    categories = [{"id": 4, "name": "cup"}, {"id": 9, "name": "cup"}]
    write_coco(tmp_path, [grey_image(1, (640, 480), [(*BOX_A, 4), (*BOX_B, 9)])], "val", categories)
    data = read_coco(get_config([f"--data_dir={tmp_path}"]), "val", training=False)
    scores = score(data, [found(BOX_A, 4, .9)])
    assert scores.per_class_ap50 == pytest.approx({"cup (4)": 1.0, "cup (9)": 0.0})


# What is printed

def test_the_table_is_that_of_2021(truth, capsys):
    scores = score(truth, [found(BOX_A, CUP, .9)])
    assert capsys.readouterr() == ("", "")
    lines = scores.table.splitlines()
    assert lines[0] == "=============coco eval result========="
    assert lines[1] == " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.505"
    assert lines[4] == " Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000"
    assert lines[12] == " Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.500"
    assert lines[13] == f"mAP: {scores.stats[0]}" and len(lines) == 14


def test_long_names_keep_the_class_table_straight():
    table = Scores((), "", {"a very long name": 0.5, "b": 1.0}, {"a very long name": 0.75, "b": 1.0}).class_table
    assert len({len(line) for line in table.splitlines()}) == 1


# The whole way from images to figures

@pytest.mark.parametrize("resize_mode", ["stretch", "letterbox"])
@pytest.mark.parametrize("batch_size", [1, 2, 5, 8])
def test_a_perfect_network_scores_one_for_any_batch_size(tmp_path, resize_mode, batch_size):
    config, data = make_data(tmp_path, five_images(), resize_mode=resize_mode)
    network = Oracle(right_answers(data, config))
    result = evaluate(network, data, config, batch_size, tmp_path / "out" / "results.json")
    assert result.ap == pytest.approx(1.0) and result.ap50 == pytest.approx(1.0)
    assert result.per_class_ap == pytest.approx(dict.fromkeys(NAMES, 1.0))
    assert all(len(numbers) == batch_size for numbers in network.seen)
    assert len(network.seen) == -(-5 // batch_size)
    assert sorted(entry["image_id"] for entry in result.results) == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert {entry["category_id"] for entry in result.results} == set(CATEGORY_ORDER)
    assert json.loads((tmp_path / "out" / "results.json").read_text()) == result.results
    assert result.num_images == 5 and result.damaged_images == 0
    assert result.images_per_second > 0 and 0 < result.images_per_second_total < 5 / 0.001


def test_boxes_of_the_results_are_those_of_the_file(tmp_path):
    config, data = make_data(tmp_path, [grey_image(1, (200, 400), [(20, 40, 50, 60, BALL)])], resize_mode="letterbox")
    [entry] = evaluate(Oracle(right_answers(data, config)), data, config, 2).results
    assert (entry["image_id"], entry["category_id"], entry["score"]) == (1, BALL, 0.9)
    assert entry["bbox"] == pytest.approx([20, 40, 50, 60], abs=0.011)


def test_the_figures_equal_a_direct_use_of_pycocotools(tmp_path):
    """Random boxes around the true ones, crowds among them, scored once by us and once from the two json files."""
    rng = np.random.default_rng(0)
    images = []
    for number in range(1, 9):
        corners, sides = rng.uniform(0, 300, (6, 2)).round(2), rng.uniform(10, 150, (6, 2)).round(2)
        images.append(grey_image(number, (480, 460), [
            (*corner, *side, CATEGORY_ORDER[row % 3], int(row == 5))
            for row, (corner, side) in enumerate(zip(corners.tolist(), sides.tolist(), strict=True))]))
    config, data = make_data(tmp_path, images)
    answers = right_answers(data, config)
    for number, boxes in answers.items():
        answers[number] = [(cx + rng.normal(0, .1) * w, cy + rng.normal(0, .1) * h, w, h, c, float(rng.uniform(.2, 1)))
                           for cx, cy, w, h, c, _ in boxes for _ in range(2)]
    result = evaluate(Oracle(answers), data, config, 3, tmp_path / "results.json")
    judge = plain_judge(data, tmp_path / "results.json")
    assert result.stats == pytest.approx(judge.stats, abs=1e-12)
    assert 0.05 < result.ap < 0.95


def test_a_network_that_finds_nothing_is_no_error(tmp_path):
    config, data = make_data(tmp_path, five_images())
    result = evaluate(Oracle({}), data, config, 4, tmp_path / "results.json")
    assert result.results == [] and result.ap == 0.0
    assert (tmp_path / "results.json").read_text() == "[]"


def test_images_with_nan_are_counted_and_give_what_is_sound(tmp_path):
    config, data = make_data(tmp_path, five_images())
    oracle = Oracle(right_answers(data, config))
    oracle.answers[2] = [(math.nan, .5, .1, .1, 0, .9)]
    oracle.answers[4].append((.5, .5, math.inf, .1, 0, .9))
    result = evaluate(oracle, data, config, 2)
    assert result.damaged_images == 2
    assert [entry["image_id"] for entry in result.results] == [1, 1, 3, 3, 4, 4, 5, 5]

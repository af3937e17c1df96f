# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation from images to figures, by a network that knows all; candidates, post-processing beside the network."""
import json
import math
import threading

import numpy as np
import pytest

from model_utils.errors import UserError
from src.evaluation import evaluator
from src.evaluation.evaluator import evaluate
from src.evaluation.topk_candidates import CandidateSelector
from tests.support.oracle import (
    BALL,
    CATEGORY_ORDER,
    NAMES,
    Oracle,
    five_images,
    grey_image,
    make_data,
    plain_judge,
    right_answers,
)


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


def test_the_engine_is_that_of_the_config_and_checked_before_the_work(tmp_path, monkeypatch):
    config, data = make_data(tmp_path, five_images(), coco_engine="pycocotools")
    monkeypatch.setattr("src.evaluation.coco_scores.FasterEval", None)
    assert evaluate(Oracle(right_answers(data, config)), data, config, 4).ap == pytest.approx(1.0)
    oracle = Oracle({})
    with pytest.raises(UserError, match="faster-coco-eval, but this package is not installed"):
        evaluate(oracle, data, config.replace("derived", coco_engine="faster-coco-eval"), 4)
    assert not oracle.seen


def test_a_network_that_finds_nothing_is_no_error(tmp_path):
    config, data = make_data(tmp_path, five_images())
    result = evaluate(Oracle({}), data, config, 4, tmp_path / "results.json")
    assert result.results == [] and result.ap == 0.0
    assert (tmp_path / "results.json").read_text() == "[]"


def test_images_with_nan_are_counted_and_keep_their_finite_detections(tmp_path):
    config, data = make_data(tmp_path, five_images())
    oracle = Oracle(right_answers(data, config))
    oracle.answers[2] = [(math.nan, .5, .1, .1, 0, .9)]
    oracle.answers[4].append((.5, .5, math.inf, .1, 0, .9))
    result = evaluate(oracle, data, config, 2)
    assert result.damaged_images == 2
    assert [entry["image_id"] for entry in result.results] == [1, 1, 3, 3, 4, 4, 5, 5]


# Candidates from the device, and post-processing beside the network

class SelectingOracle(Oracle):
    """An oracle that hands out candidates behind its heads, as the network of a device does."""

    def __init__(self, answers, num_candidates, multi_label=True):
        super().__init__(answers)
        self.select = CandidateSelector(num_candidates, multi_label)

    def __call__(self, images):
        heads = super().__call__(images)
        return (*heads, *self.select(*heads))


def crowded_answers(count=30):
    """For each of five images so many boxes, some of which overlap, with scores that repeat."""
    rng = np.random.default_rng(1)
    return {number: [(*rng.uniform(.2, .8, 2), *rng.uniform(.1, .4, 2), int(rng.integers(3)),
                      round(float(rng.uniform(.1, .9)), 1)) for _ in range(count)] for number in range(1, 6)}


@pytest.mark.parametrize("multi_label", [True, False])
def test_candidates_give_the_results_of_the_heads(tmp_path, multi_label):
    config, data = make_data(tmp_path, five_images(), max_detections=10, multi_label=multi_label)
    answers = crowded_answers()
    answers[2] = [(math.nan, .5, .1, .1, 0, .9), (.5, .5, .1, .1, 1, .8)]
    expected = evaluate(Oracle(answers), data, config, 2)
    assert expected.undecided_images == 0 and expected.damaged_images == 1 and len(expected.results) == 41
    undecided = []
    for count in (3, 12, 40):
        result = evaluate(SelectingOracle(answers, count, multi_label), data, config, 2)
        assert result.results == expected.results and result.stats == expected.stats
        assert result.damaged_images == 1
        undecided.append(result.undecided_images)
    # Three candidates are never enough for ten detections, forty always; the damaged image counts as that only.
    assert undecided[0] == 4 and 4 >= undecided[1] >= undecided[2] == 0


def test_post_processing_runs_beside_the_network(tmp_path, monkeypatch):
    """The first batch's post-processing waits here for the network's second call: one after the other never ends."""
    config, data = make_data(tmp_path, five_images())
    second_call = threading.Event()
    right = evaluator.image_results
    oracle = Oracle(right_answers(data, config))

    def network(images):
        if oracle.seen:
            second_call.set()
        return oracle(images)

    def image_results(heads, data, index, config):
        assert second_call.wait(20)
        return right(heads, data, index, config)

    monkeypatch.setattr(evaluator, "image_results", image_results)
    result = evaluate(network, data, config, 2)
    assert result.ap == pytest.approx(1.0)
    assert [entry["image_id"] for entry in result.results] == [1, 1, 2, 2, 3, 3, 4, 4, 5, 5]


def test_an_error_in_post_processing_is_raised(tmp_path, monkeypatch):
    config, data = make_data(tmp_path, five_images())

    def fail(*_):
        raise RuntimeError("no boxes today")

    monkeypatch.setattr(evaluator, "image_results", fail)
    oracle = Oracle({})
    with pytest.raises(RuntimeError, match="no boxes today"):
        evaluate(oracle, data, config, 1)
    # It is raised at the next batch, not at the end of the data.
    assert len(oracle.seen) == 2

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of what makes src/evaluation/evaluator.py fast: each is held to the plain way."""
import contextlib
import io
import json
import math
import threading

import numpy as np
import pytest

from src.evaluation import evaluator
from src.evaluation.coco_scores import score_results
from src.evaluation.evaluator import evaluate
from src.evaluation.topk_candidates import CandidateSelector
from tests.support.oracle import (
    CATEGORY_ORDER,
    KEY,
    Oracle,
    five_images,
    found,
    grey_image,
    make_data,
    plain_judge,
    right_answers,
)


@pytest.mark.parametrize("digits", [5, 1])
def test_the_fast_scoring_gives_the_figures_of_pycocotools(tmp_path, digits):
    """Random boxes of all sizes, many of a class that their image does not have; crowds; equal scores; a class more
    often found in an image than pycocotools counts."""
    rng = np.random.default_rng(digits)

    def boxes(count):
        corners, sides = rng.uniform(0, 300, (count, 2)), np.exp(rng.uniform(1.5, 5.5, (count, 2)))
        return np.concatenate((corners, sides), 1).round(2).tolist()

    images = [grey_image(number, (640, 640), [(*box, CATEGORY_ORDER[number % 2], int(row == 3))
                                              for row, box in enumerate(boxes(number % 5))]) for number in range(1, 10)]
    _, data = make_data(tmp_path, images)
    results = [{"image_id": number, "category_id": CATEGORY_ORDER[category], "bbox": box,
                "score": round(float(rng.random()), digits)}
               for number in range(1, 10) for category, box in zip(rng.integers(0, 3, 60), boxes(60), strict=True)]
    results += [found((x, x, 30, 40), KEY, round(float(rng.random()), digits), 4) for x in range(150)]
    results += [found((x + 1, y, w, h), category, .8, number + 1) for number, image in enumerate(images)
                for x, y, w, h, category, _ in image["boxes"]]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    plain = plain_judge(data, path)
    assert sum(entry is not None and not entry["gtIds"] for entry in plain.evalImgs) > 40
    scores = score_results(data.coco, results, data.image_ids, data.categories)
    assert scores.stats == pytest.approx(plain.stats, abs=1e-12)
    assert (plain.stats > -1).all() and 0 < plain.stats[0] < 1
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        plain.summarize()
    assert scores.lines == printed.getvalue().rstrip("\n") and scores.lines.count("Average") == 12
    # pycocotools counts categories by their ids, we list them in the order of the file.
    per_class = np.where(plain.eval["precision"] < 0, np.nan, plain.eval["precision"])[..., 0, -1].mean((0, 1))
    by_id = dict(zip(sorted(data.categories.ids), per_class, strict=True))
    assert list(scores.per_class_ap.values()) == pytest.approx([by_id[i] for i in data.categories.ids], nan_ok=True)


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


def test_post_processing_goes_on_beside_the_network(tmp_path, monkeypatch):
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
    # It is told at the next batch, not at the end of the data.
    assert len(oracle.seen) == 2

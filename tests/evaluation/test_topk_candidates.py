# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of src/evaluation/topk_candidates.py: detections from candidates are those from the whole heads, to the last
bit."""
import functools

import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from src.evaluation.nms import detections_from_heads, select_pairs
from src.evaluation.topk_candidates import Candidates, CandidateSelector, candidate_selector, detections_from_candidates
from src.yolo import build_inference_network
from tests.support.decoded_heads import empty_heads, put, random_heads


@pytest.fixture(scope="module", autouse=True)
def graph_mode():
    ms.set_context(mode=ms.GRAPH_MODE)


@functools.cache
def selector(count, multi_label):
    return CandidateSelector(count, multi_label)


def select(heads, count, multi_label=True):
    """The `Candidates` of each image of a batch, given as a list of heads (big, small)."""
    batch = [ms.Tensor(np.stack(head)) for head in zip(*heads, strict=True)]
    fields = [field.asnumpy() for field in selector(count, multi_label)(*batch)]
    return [Candidates(*(field[image] for field in fields)) for image in range(len(heads))]


def find(candidates, heads, threshold=0.02, nms_threshold=0.5, most=300):
    canvas_hw = tuple(32 * cells for cells in heads[0].shape[:2])
    return detections_from_candidates(candidates, heads[0].shape[-1] - 5, canvas_hw, threshold, nms_threshold, most)


def assert_same(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype


def rounded(heads, digits):
    """Heads whose scores take a few values only, so that most are equal to others."""
    for head in heads:
        head[..., 4:] = np.round(head[..., 4:], digits)
    return heads


@pytest.mark.slow
@pytest.mark.parametrize("multi_label", [True, False])
@pytest.mark.parametrize("num_classes, grid, mean_size", [(1, 4, 0.5), (20, 3, 0.12)])
def test_detections_are_those_of_the_heads_or_left_to_them(multi_label, num_classes, grid, mean_size):
    """With one candidate, with hardly enough and with all; equal scores on both sides of the last of them."""
    images = []
    for digits in (7, 1):
        rng = np.random.default_rng(num_classes)
        images += [rounded(random_heads(rng, num_classes, grid, mean_size), digits) for _ in range(3)]
    expected = [detections_from_heads(*heads, 0.02, 0.5, 20, multi_label) for heads in images]
    decided = []
    for count in (1, 22, 5000):
        for candidates, heads, right in zip(select(images, count, multi_label), images, expected, strict=True):
            found = find(candidates, heads, most=20)
            decided.append(found is not None)
            if found is not None:
                assert_same(found, right)
    # The first is too few for 20 detections in any case, the second in some; the last are all there are.
    assert not any(decided[:6]) and 0 < sum(decided[6:12]) < 6 and all(decided[12:])
    assert all(any(len(right[0]) == 20 for right in part) for part in (expected[:3], expected[3:]))


def test_every_pair_above_the_lowest_candidate_is_there_with_its_box_and_score():
    rng = np.random.default_rng(5)
    heads = rounded(random_heads(rng, 6, 4), 2)
    [candidates] = select([heads], 150)
    assert len(candidates.scores) == len(candidates.cells) == 150
    cells = np.concatenate([head.reshape(-1, 11) for head in heads])
    rows, classes, scores = select_pairs(cells, candidates.scores.min(), True)
    above = candidates.scores > candidates.scores.min()
    slots, numbers = np.divmod(candidates.pairs[above], 6)
    found = dict(zip(zip(candidates.cells[slots].tolist(), numbers.tolist(), strict=True),
                     candidates.scores[above].tolist(), strict=True))
    assert found == dict(zip(zip(rows.tolist(), classes.tolist(), strict=True), scores.tolist(), strict=True))
    assert len(found) > 100
    np.testing.assert_array_equal(candidates.boxes, cells[candidates.cells, :4])


def test_ties_go_to_the_coarse_head_then_row_column_anchor_class():
    heads = empty_heads(2)
    for number, (head, cell) in enumerate([(1, (0, 0, 0)), (0, (1, 0, 0)), (0, (0, 1, 0)), (0, (0, 0, 1))]):
        put(heads[head], cell, (0.1 + 0.2 * number, 0.5, 0.1, 0.1), 0.5, c0=0.5, c1=0.5)
    [candidates] = select([heads], 20)
    assert_same(find(candidates, heads), detections_from_heads(*heads, 0.02, 0.5, 300))


def test_of_equal_classes_the_lower_is_the_best():
    heads = empty_heads(4)
    put(heads[0], (1, 1, 1), (0.5, 0.5, 0.2, 0.2), 0.5, c1=0.75, c2=0.75, c3=0.7)
    [candidates] = select([heads], 10, multi_label=False)
    boxes, scores, classes = find(candidates, heads)
    assert classes.tolist() == [1] and scores.tolist() == [0.375] and len(boxes) == 1


def test_the_threshold_is_strict():
    heads = empty_heads(2)
    put(heads[0], (0, 0, 0), (0.2, 0.5, 0.1, 0.1), 0.5, c0=0.5, c1=0.75)
    [candidates] = select([heads], 10)
    assert find(candidates, heads, threshold=0.25)[2].tolist() == [1]
    assert [part.size for part in find(candidates, heads, threshold=0.375)] == [0, 0, 0]


@pytest.mark.parametrize("side", [2, 3])
@pytest.mark.parametrize("multi_label", [True, False])
def test_cells_without_a_box_are_no_candidates(side, multi_label):
    heads = random_heads(np.random.default_rng(1), 3, 2)
    heads[0][0, 1, 2, side], heads[1][2, :, :, side] = -1.0, 0.0
    [candidates] = select([heads], 5000, multi_label)
    found = find(candidates, heads, threshold=0.0)
    assert_same(found, detections_from_heads(*heads, 0.0, 0.5, 300, multi_label))
    assert len(found[0]) > 10


@pytest.mark.parametrize("field, value", [(0, np.nan), (3, np.inf), (4, np.nan), (5, np.nan), (6, -np.inf)])
def test_images_with_nan_or_infinity_are_left_to_the_heads(field, value):
    images = [random_heads(np.random.default_rng(image), 3, 2) for image in range(2)]
    images[1][1][0, 0, 0, field] = value
    sound, damaged = select(images, 5000)
    assert sound.finite and not damaged.finite
    assert find(sound, images[0]) is not None and find(damaged, images[1]) is None


def test_candidates_of_a_network():
    config = get_config(["--device_target=CPU", "--testing_shape=64,96"])
    network = build_inference_network(config, 2, select=CandidateSelector(40, True))
    images = ms.Tensor(np.random.default_rng(1).integers(0, 256, (2, 64, 96, 3), np.uint8))
    big, small, *fields = (output.asnumpy() for output in network(images))
    assert big.shape == (2, 2, 3, 3, 7) and small.shape == (2, 4, 6, 3, 7)
    assert [field.shape for field in fields] == [(2, 40), (2, 40, 4), (2, 40), (2, 40), (2,)]
    for image in range(2):
        found = find(Candidates(*(field[image] for field in fields)), (big[image], small[image]), most=8)
        assert_same(found, detections_from_heads(big[image], small[image], 0.02, 0.5, 8))


def test_a_selector_where_a_device_holds_the_heads():
    assert candidate_selector(get_config(["--device_target=CPU"])) is None
    selector = candidate_selector(get_config(["--device_target=Ascend", "--max_detections=50", "--multi_label=False"]))
    assert selector.num_candidates == 200 and not selector.multi_label

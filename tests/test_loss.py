# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The loss in the graph against tests/support/reference.py, on data that reveals each known defect."""
import dataclasses
import functools

import numpy as np
import pytest

import mindspore as ms
from mindspore import ops

from src.loss import YOLOv3TinyLoss, binary_cross_entropy
from src.network.grid import open_grids, scale_grids
from tests.support import reference
from tests.support.loss_cases import BORDER, config_of, random_case, scales_of


@pytest.fixture(scope="module", autouse=True)
def graph_mode():
    ms.set_context(mode=ms.GRAPH_MODE)


def clear_of_ignore_threshold(big, small, boxes, setup):
    """Whether no prediction's overlap is at the border of being ignored."""
    for shift in (-BORDER / 10, BORDER / 10):
        moved = dataclasses.replace(setup, ignore_threshold=setup.ignore_threshold + shift)
        if not np.allclose(reference.loss_parts(big, small, boxes, moved),
                           reference.loss_parts(big, small, boxes, setup), rtol=1e-12):
            return False
    return True


def loss_of(setup):
    """The cell; it takes heads and boxes, and the grids of `setup.input_hw` or of another size."""
    return YOLOv3TinyLoss(config_of(setup), setup.num_classes)


def tensors(arrays, setup):
    return *(ms.Tensor(array) for array in arrays), scale_grids(scales_of(setup), setup.input_hw)


@functools.cache
def compiled(setup):
    """A function of heads, boxes and grids: ((loss, parts), (gradients of big and small)); one graph for each setup."""
    return ms.value_and_grad(loss_of(setup), grad_position=(0, 1), has_aux=True)


def graph_results(big, small, boxes, setup):
    """The parts of the loss, and the gradients of big and small."""
    (loss, parts), gradients = compiled(setup)(*tensors((big, small, boxes), setup))
    assert loss.asnumpy() == pytest.approx(parts.asnumpy().sum(), rel=1e-6)
    return parts.asnumpy(), [gradient.asnumpy() for gradient in gradients]


def graph_parts(*arrays_and_setup):
    return graph_results(*arrays_and_setup)[0]


@functools.cache
def case(seed=0, input_hw=(192, 256), num_classes=4, **settings):
    setup = reference.Setup(input_hw, num_classes, **settings)
    for attempt in range(20):
        arrays = random_case(setup, seed + 1000 * attempt)
        if clear_of_ignore_threshold(*arrays, setup):
            return setup, arrays
    raise RuntimeError("no case without borderline overlaps found")


# Few, because each is a graph to compile; the terms of the loss are compared one by one.
DIOU = {"box_loss": "diou", "smoothing": 0.1}


@pytest.mark.parametrize("settings", [
    {}, DIOU, {"objectness_target": "iou"},
    {"box_loss": "ciou", "masks": ((1, 2, 3), (3, 4, 5)), "scale_x_y": (1.0, 1.0), "coord_scale": 1.5,
     "large_scale": 2.0, "num_classes": 1, "smoothing": 0.1}], ids=str)
def test_matches_the_numpy_twin(settings):
    setup, arrays = case(**settings)
    np.testing.assert_allclose(graph_parts(*arrays, setup), reference.loss_parts(*arrays, setup), rtol=1e-5)


@pytest.mark.parametrize("mutation", reference.MUTATIONS)
def test_reveals(mutation):
    setup, arrays = case(seed=5)
    mutated = reference.loss_parts(*arrays, dataclasses.replace(setup, mutation=mutation))
    assert not np.allclose(graph_parts(*arrays, setup), mutated, rtol=1e-4)


def test_a_perfect_prediction_costs_nothing_but_its_confidence():
    setup, _ = case()
    # The middle of 192 x 256, moved by 3/8 of a cell of the finer grid of 12 x 16, by 3/16 of one of the other.
    boxes = np.zeros((3, 24, 5), np.float32)
    boxes[:, 0] = 8.375 / 16, 6.375 / 12, 37 / 256, 58 / 192, 1
    small = np.zeros((3, 3, 9, 12, 16), np.float32)
    small[:, :, 4] = -40
    # The other anchors that match it predict it exactly too.
    stretch = setup.scale_x_y[0]
    offset = (0.375 + (stretch - 1) / 2) / stretch
    for slot, anchor in enumerate(setup.anchors[:3]):
        small[:, slot, 0:2, 6, 8] = np.log(offset / (1 - offset))
        small[:, slot, 2:4, 6, 8] = np.log(37 / anchor[0]), np.log(58 / anchor[1])
        small[:, slot, 4:, 6, 8] = 40, -40, 40, -40, -40
    big = np.zeros((3, 3, 9, 6, 8), np.float32)
    big[:, :, 4] = -40
    big[:, :, 4, 3, 4] = 40
    parts = graph_parts(big.reshape(3, 27, 6, 8), small.reshape(3, 27, 12, 16), boxes, setup)
    np.testing.assert_allclose(parts[3:], 0, atol=1e-5)


def test_extreme_logits_give_finite_losses_and_gradients():
    setup, (big, small, boxes) = case()
    for factor in (1e3, -1e3):
        parts, gradients = graph_results(big * factor, small * factor, boxes, setup)
        assert np.isfinite(parts.sum())
        assert all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.parametrize("settings", [{}, DIOU], ids=str)
def test_gradient_is_the_slope_of_the_numpy_twin(settings):
    setup, (big, small, boxes) = case(**settings)
    _, gradients = graph_results(big, small, boxes, setup)
    rng = np.random.default_rng(1)
    for head, gradient in zip((big, small), gradients, strict=True):
        assert np.abs(gradient.reshape(3, 3, 9, -1)[:, :, :4]).max() > 0.1
        # Entries of every size of slope, the steepest among them.
        order = np.argsort(np.abs(gradient), axis=None)
        for flat in (*order[-4:], *rng.choice(order, 4)):
            at, step, totals = np.unravel_index(flat, head.shape), 1e-5, []
            # The loss of the other images does not move.
            image = slice(at[0], at[0] + 1)
            for sign in (1, -1):
                moved = head.astype(np.float64)
                moved[at] += sign * step
                heads = (moved, small) if head is big else (big, moved)
                totals.append(reference.loss_parts(*(array[image] for array in (*heads, boxes)), setup).sum())
            slope = (totals[0] - totals[1]) / (2 * step) / len(boxes)
            assert gradient[at] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_an_objectness_target_of_iou_passes_no_gradient_to_the_boxes():
    gradients = {}
    for target in ("one", "iou"):
        setup, arrays = case(seed=2, objectness_target=target)
        _, found = graph_results(*arrays, setup)
        gradients[target] = [gradient.reshape(3, 3, 9, -1) for gradient in found]
    for one, iou in zip(gradients["one"], gradients["iou"], strict=True):
        assert np.abs(one[:, :, :4]).max() > 0.1
        np.testing.assert_allclose(iou[:, :, :4], one[:, :, :4], rtol=1e-6, atol=1e-7)
        # The target itself has another gradient, on the objectness logit alone.
        assert np.abs(iou[:, :, 4] - one[:, :, 4]).max() > 0.01


@pytest.mark.slow
def test_one_graph_with_open_grids_serves_every_size():
    cases = [case(seed, size, objectness_target="iou") for seed, size in enumerate([(96, 96), (192, 256), (64, 96)])]
    setup = cases[0][0]
    loss_cell = loss_of(setup)
    channels = len(setup.masks[0]) * (5 + setup.num_classes)
    head = ms.Tensor(shape=(3, channels, None, None), dtype=ms.float32)

    @ms.enable_dynamic(big=head, small=head, grids=open_grids(scales_of(setup)))
    @ms.jit
    def of_any_size(big, small, boxes, grids):
        return loss_cell(big, small, boxes, grids)[1]

    for setup, arrays in cases:
        found = of_any_size(*tensors(arrays, setup)).asnumpy()
        np.testing.assert_allclose(found, reference.loss_parts(*arrays, setup), rtol=1e-5)


def test_crowd_regions_are_neither_positive_nor_negative():
    setup, (big, small, boxes) = case(seed=5)
    nothing, crowd = np.zeros_like(boxes), np.zeros_like(boxes)
    crowd[:, 0], crowd[:, 1, 4] = (0.5, 0.5, 1.0, 1.0, -1), -1
    without, within = graph_parts(big, small, nothing, setup), graph_parts(big, small, crowd, setup)
    assert (without[[0, 2, 3, 5]] == 0).all() and (within[[0, 2, 3, 5]] == 0).all()
    np.testing.assert_allclose(within, reference.loss_parts(big, small, crowd, setup), rtol=1e-5)
    assert 0 < within[4] < 0.9 * without[4]


def test_binary_cross_entropy_is_stable():
    logits = ms.Tensor(np.array([-1e4, -30, 0, 30, 1e4], np.float32))
    for target in (0.0, 0.3, 1.0):
        expected = reference.bce(logits.asnumpy().astype(np.float64), target)
        np.testing.assert_allclose(binary_cross_entropy(logits, ops.full_like(logits, target)).asnumpy(), expected,
                                   rtol=1e-6, atol=1e-12)

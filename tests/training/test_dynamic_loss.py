# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The loss with dynamic assignment against tests/support/reference.py."""
import functools

import numpy as np
import pytest

import mindspore as ms

from src.network.grid import open_grids, scale_grids
from src.training.dynamic_loss import DynamicLoss
from tests.support import reference
from tests.support.loss_cases import config_of, random_case, scales_of

SETUP = {"input_hw": (96, 128), "num_classes": 3, "scale_x_y": (2.0, 2.0), "box_loss": "ciou",
         "objectness_target": "iou", "coord_scale": 5.0, "large_scale": 1.0}


@pytest.fixture(scope="module", autouse=True)
def graph_mode():
    ms.set_context(mode=ms.GRAPH_MODE)


@functools.cache
def compiled(setup):
    loss = DynamicLoss(config_of(setup), setup.num_classes)
    return ms.value_and_grad(loss, grad_position=(0, 1), has_aux=True)


def graph_results(big, small, boxes, setup):
    """The parts of the loss, and the gradients of big and small."""
    grids = scale_grids(scales_of(setup), setup.input_hw)
    (loss, parts), gradients = compiled(setup)(*map(ms.Tensor, (big, small, boxes)), grids)
    assert loss.asnumpy() == pytest.approx(parts.asnumpy().sum(), rel=1e-6)
    return parts.asnumpy(), [gradient.asnumpy() for gradient in gradients]


@pytest.mark.parametrize("settings", [{}, {"smoothing": 0.1, "objectness_target": "one", "scale_x_y": (1.2, 1.1),
                                           "large_scale": 2.0, "num_classes": 1, "box_loss": "giou"}], ids=str)
@pytest.mark.parametrize("seed", [0, 1])
def test_matches_the_numpy_twin(settings, seed):
    setup = reference.Setup(**{**SETUP, **settings})
    arrays = random_case(setup, seed)
    np.testing.assert_allclose(graph_results(*arrays, setup)[0], reference.dynamic_loss_parts(*arrays, setup),
                               rtol=2e-5)


def test_a_batch_without_boxes_has_background_only():
    setup = reference.Setup(**SETUP)
    big, small, boxes = random_case(setup, 2)
    boxes[:] = (0, 0, 0, 0, -1)
    parts, gradients = graph_results(big, small, boxes, setup)
    np.testing.assert_allclose(parts, reference.dynamic_loss_parts(big, small, boxes, setup), rtol=1e-5)
    assert not parts[[0, 2, 3, 5]].any() and all(np.isfinite(gradient).all() for gradient in gradients)


def test_terrible_predictions_have_finite_gradients():
    """Boxes of no area or of all there is, and certain of the wrong thing."""
    setup = reference.Setup(**SETUP)
    big, small, boxes = random_case(setup, 3)
    for size in (-80, 80):
        parts, gradients = graph_results(np.full_like(big, size), np.full_like(small, size), boxes, setup)
        assert np.isfinite(parts).all() and all(np.isfinite(gradient).all() for gradient in gradients)


@pytest.mark.slow
def test_one_graph_of_all_input_sizes_gives_the_same_loss():
    setups = [reference.Setup(**{**SETUP, "input_hw": input_hw}) for input_hw in ((96, 128), (64, 64))]
    loss, scales = DynamicLoss(config_of(setups[0]), 3), scales_of(setups[0])
    cases = [random_case(setup, 4) for setup in setups]
    big, small, boxes = cases[0]
    heads = [ms.Tensor(shape=(*head.shape[:2], None, None), dtype=ms.float32) for head in (big, small)]
    loss.set_inputs(*heads, ms.Tensor(boxes), ms.mutable(open_grids(scales)))
    for setup, case in zip(setups, cases, strict=True):
        parts = loss(*map(ms.Tensor, case), ms.mutable(scale_grids(scales, setup.input_hw)))[1].asnumpy()
        np.testing.assert_allclose(parts, graph_results(*case, setup)[0], rtol=1e-5)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The IoU family against loops in float64, its gradients against central differences, and its kinks."""
import numpy as np
import pytest

import mindspore as ms

from src.network.iou import IOU_LOSSES, ciou, cxcywh_to_xyxy, diou, giou, intersection_xyxy, iou_xyxy
from tests.support import reference


def random_boxes(count, seed):
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.uniform(0.2, 0.8, (2, count)), rng.uniform(0.02, 0.5, (2, count))])


def tensors(boxes, dtype=ms.float64):
    return tuple(ms.Tensor(side, dtype) for side in boxes)


@pytest.mark.parametrize("kind", ["giou", "diou", "ciou"])
def test_matches_the_loops(kind):
    a, b = random_boxes(300, 1), random_boxes(300, 2)
    expected = [reference.iou_family(x, y, kind) for x, y in zip(a.T, b.T, strict=True)]
    np.testing.assert_allclose(IOU_LOSSES[kind](tensors(a), tensors(b)).asnumpy(), expected, rtol=1e-6, atol=1e-8)


def test_boxes_disjoint_in_both_axes_share_nothing():
    # The 2021 version multiplied two negative sides to a positive area: +0.111 for the second pair.
    for shift, expected in ((0.15, -0.68), (0.20, -0.7777778), (0.25, -0.8367347)):
        a, b = tensors([[0.3], [0.3], [0.1], [0.1]]), tensors([[0.3 + shift], [0.3 + shift], [0.1], [0.1]])
        assert intersection_xyxy(cxcywh_to_xyxy(a), cxcywh_to_xyxy(b)).asnumpy()[0] == 0
        assert giou(a, b).asnumpy()[0] == pytest.approx(expected, abs=1e-6)


def test_known_values():
    a, b = tensors([[0.5], [0.5], [0.2], [0.2]]), tensors([[0.6], [0.5], [0.2], [0.2]])
    assert iou_xyxy(cxcywh_to_xyxy(a), cxcywh_to_xyxy(b)).asnumpy()[0] == pytest.approx(1 / 3)
    assert giou(a, b).asnumpy()[0] == pytest.approx(1 / 3)
    assert diou(a, b).asnumpy()[0] == pytest.approx(1 / 3 - 0.01 / 0.13)
    assert ciou(a, b).asnumpy()[0] == pytest.approx(1 / 3 - 0.01 / 0.13)


def gradient(kind, a, b):
    def total(cx, cy, w, h):
        return IOU_LOSSES[kind]((cx, cy, w, h), tensors(b)).sum()

    return np.stack([g.asnumpy() for g in ms.grad(total, grad_position=(0, 1, 2, 3))(*tensors(a))])


def fixed_alpha_value(kind, a, b, alpha):
    """The value whose gradient is wanted: CIoU with alpha held at its value in the middle."""
    if kind != "ciou":
        return reference.iou_family(a, b, kind)
    v = 4 / np.pi**2 * (np.arctan(a[2] / a[3]) - np.arctan(b[2] / b[3])) ** 2
    return reference.iou_family(a, b, "diou") - alpha * v


@pytest.mark.parametrize("kind", ["giou", "diou", "ciou"])
def test_gradients_match_central_differences(kind):
    a, b = random_boxes(40, 3), random_boxes(40, 4)
    found, step = gradient(kind, a, b), 1e-6
    for i in range(a.shape[1]):
        box, truth = a[:, i], b[:, i]
        v = 4 / np.pi**2 * (np.arctan(box[2] / box[3]) - np.arctan(truth[2] / truth[3])) ** 2
        alpha = v / (1 - reference.iou_family(box, truth, "iou") + v)
        for side in range(4):
            shift = np.eye(4)[side] * step
            expected = (fixed_alpha_value(kind, box + shift, truth, alpha)
                        - fixed_alpha_value(kind, box - shift, truth, alpha)) / (2 * step)
            assert found[side, i] == pytest.approx(expected, rel=1e-4, abs=1e-6)


KINKS = {
    "identical": ([0.5, 0.5, 0.2, 0.2], [0.5, 0.5, 0.2, 0.2]),
    "touching sides": ([0.4, 0.5, 0.2, 0.2], [0.6, 0.5, 0.2, 0.2]),
    "touching corners": ([0.25, 0.25, 0.25, 0.25], [0.5, 0.5, 0.25, 0.25]),
    "disjoint": ([0.1, 0.1, 0.1, 0.1], [0.9, 0.9, 0.1, 0.1]),
    "inside": ([0.5, 0.5, 0.1, 0.1], [0.5, 0.5, 0.4, 0.4]),
    "vanishing": ([0.5, 0.5, 1e-23, 1e-24], [0.5, 0.5, 0.2, 0.4]),
    "a vanishing height": ([0.5, 0.5, 0.1, 1e-24], [0.5, 0.5, 0.2, 0.4]),
    "tiny": ([0.5, 0.5, 1e-6, 1e-6], [0.5, 0.5, 0.4, 0.4]),
}


@pytest.mark.parametrize("kind", ["giou", "diou", "ciou"])
def test_values_and_gradients_are_finite_at_kinks(kind):
    a, b = (np.array(boxes).T for boxes in zip(*KINKS.values(), strict=True))
    for dtype in (ms.float32, ms.float64):
        found = dict(zip(KINKS, IOU_LOSSES[kind](tensors(a, dtype), tensors(b, dtype)).asnumpy(), strict=True))
        assert all(-1 <= value <= 1.000001 for value in found.values()), found
        assert found["identical"] == pytest.approx(1.0)
    slopes = dict(zip(KINKS, gradient(kind, a, b).T, strict=True))
    assert all(np.isfinite(slope).all() for slope in slopes.values()), slopes

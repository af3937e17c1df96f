# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Box arithmetic in the graph: corners, intersection, and the IoU family.

Boxes are tuples of tensors of equal (or broadcastable) shape, one tensor a coordinate, so that no tensor has a last
axis of 4, which Ascend would pad. `cxcywh` is (centre x, centre y, width, height), `xyxy` is (left, top, right,
bottom); any unit, the same for both boxes.
"""
import math

import mindspore.ops as ops

# Guards against division by zero; far below the area of any real box in normalised units (one pixel of a
# 4096 x 4096 image is 6e-8).
EPS = 1e-12
# Likewise for a side, whose square must not underflow in float32.
MIN_SIDE = 1e-9


def cxcywh_to_xyxy(cxcywh):
    """Return the corners (left, top, right, bottom) of (cx, cy, w, h)."""
    cx, cy, w, h = cxcywh
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def area_xyxy(xyxy):
    """Return the area of boxes; right must not be less than left, nor bottom less than top."""
    left, top, right, bottom = xyxy
    return (right - left) * (bottom - top)


def intersection_xyxy(a, b):
    """Return the area that two boxes share, 0 where they are disjoint; each side is clamped separately."""
    return _shared_side(a[0], a[2], b[0], b[2]) * _shared_side(a[1], a[3], b[1], b[3])


def _shared_side(a_low, a_high, b_low, b_high):
    """Return the length that two spans share, relu(min(highs) - max(lows)), by subtraction and relu.

    MindSpore's minimum and maximum take ten times as long on CPU where they broadcast.
    """
    return ops.relu((a_high - a_low) - ops.relu(a_high - b_high) - ops.relu(b_low - a_low))


def iou_xyxy(a, b):
    """Return intersection over union in [0, 1], broadcasting the two boxes against each other."""
    intersection = intersection_xyxy(a, b)
    return intersection / (area_xyxy(a) + area_xyxy(b) - intersection + EPS)


def _enclosing_sides(a, b):
    """Return width and height of the smallest box that encloses both."""
    return (ops.maximum(a[2], b[2]) - ops.minimum(a[0], b[0]), ops.maximum(a[3], b[3]) - ops.minimum(a[1], b[1]))


def giou(a_cxcywh, b_cxcywh):
    """Return generalised IoU in (-1, 1] (Rezatofighi et al. 2019, eq. 2)."""
    a, b = cxcywh_to_xyxy(a_cxcywh), cxcywh_to_xyxy(b_cxcywh)
    intersection = intersection_xyxy(a, b)
    union = area_xyxy(a) + area_xyxy(b) - intersection
    width, height = _enclosing_sides(a, b)
    hull = width * height
    return intersection / (union + EPS) - (hull - union) / (hull + EPS)


def _squared(x):
    # Not ops.square: its gradient is a power, which MindSpore documents for Ascend only.
    return x * x


def diou(a_cxcywh, b_cxcywh):
    """Return distance IoU in (-1, 1]: IoU minus the squared centre distance over the squared hull diagonal.

    Zheng et al. 2020, "Distance-IoU Loss", eq. 7.
    """
    a, b = cxcywh_to_xyxy(a_cxcywh), cxcywh_to_xyxy(b_cxcywh)
    width, height = _enclosing_sides(a, b)
    distance = _squared(a_cxcywh[0] - b_cxcywh[0]) + _squared(a_cxcywh[1] - b_cxcywh[1])
    return iou_xyxy(a, b) - distance / (_squared(width) + _squared(height) + EPS)


def ciou(a_cxcywh, b_cxcywh):
    """Return complete IoU: distance IoU minus alpha times the squared difference of the aspect angles.

    Zheng et al. 2020, eq. 10 to 12; alpha is a weight, constant in the gradient.
    """
    a, b = cxcywh_to_xyxy(a_cxcywh), cxcywh_to_xyxy(b_cxcywh)
    angle = _aspect_angle(a_cxcywh) - _aspect_angle(b_cxcywh)
    aspect = (4 / math.pi**2) * _squared(angle)
    alpha = ops.stop_gradient(aspect / (1 - iou_xyxy(a, b) + aspect + EPS))
    return diou(a_cxcywh, b_cxcywh) - alpha * aspect


def _aspect_angle(cxcywh):
    """Return atan(w / h).

    Not atan2: its gradient divides by w*w + h*h, which underflows to 0 in float32 for tiny predicted boxes.
    """
    return ops.atan(cxcywh[2] / (cxcywh[3] + MIN_SIDE))


IOU_LOSSES = {"giou": giou, "diou": diou, "ciou": ciou}

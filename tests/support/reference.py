# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Reference implementation of the loss in NumPy float64 loops, written from the formulas.

It imports nothing from src. `mutation` names a known defect of the 2021 version, or a changed constant, that the
reference reproduces, so that a test can show that its data would reveal it.
"""
from dataclasses import dataclass

import numpy as np

MUTATIONS = ("intersection not clamped", "centre floored", "collision priority", "threshold 0.213",
             "boxes of one scale only")


@dataclass(frozen=True)
class Setup:
    """The constants of one comparison; anchors are (width, height) in pixels, scales finest first."""

    input_hw: tuple
    num_classes: int
    anchors: tuple = ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
    masks: tuple = ((0, 1, 2), (3, 4, 5))
    scale_x_y: tuple = (1.2, 1.1)
    strides: tuple = (16, 32)
    anchor_iou_threshold: float = 0.213
    ignore_threshold: float = 0.7
    coord_scale: float = 4.0
    large_scale: float = 4.0
    box_loss: str = "giou"
    smoothing: float = 0.0
    objectness_target: str = "one"
    mutation: str = ""

    def scale_anchors(self, scale):
        height, width = self.input_hw
        return [(self.anchors[i][0] / width, self.anchors[i][1] / height) for i in self.masks[scale]]

    def grid(self, scale):
        return self.input_hw[0] // self.strides[scale], self.input_hw[1] // self.strides[scale]


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def bce(logit, target):
    return np.logaddexp(0.0, logit) - logit * target


def corners(box):
    cx, cy, w, h = box
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def overlap(a, b, clamped=True):
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if not clamped:
        return width * height
    return max(width, 0.0) * max(height, 0.0)


def iou_family(a, b, kind, clamped=True):
    """IoU ("iou"), GIoU, DIoU or CIoU of two (cx, cy, w, h)."""
    ca, cb = corners(a), corners(b)
    inter = overlap(ca, cb, clamped)
    union = a[2] * a[3] + b[2] * b[3] - inter
    iou = inter / union
    hull_w = max(ca[2], cb[2]) - min(ca[0], cb[0])
    hull_h = max(ca[3], cb[3]) - min(ca[1], cb[1])
    if kind == "iou":
        return iou
    if kind == "giou":
        return iou - (hull_w * hull_h - union) / (hull_w * hull_h)
    diou = iou - ((a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2) / (hull_w**2 + hull_h**2)
    if kind == "diou":
        return diou
    v = 4 / np.pi**2 * (np.arctan(a[2] / a[3]) - np.arctan(b[2] / b[3])) ** 2
    return diou - v**2 / (1 - iou + v)


def shape_iou(wh, anchor):
    inter = min(wh[0], anchor[0]) * min(wh[1], anchor[1])
    return inter / (wh[0] * wh[1] + anchor[0] * anchor[1] - inter)


def assign(boxes, setup):
    """Return {(scale, slot, row, column): index of the box that won}, for one image's [M, 5] boxes."""
    threshold = 0.3 if setup.mutation == "threshold 0.213" else setup.anchor_iou_threshold
    winners = {}
    for index, (cx, cy, w, h, category) in enumerate(boxes):
        if w <= 0 or category < 0:
            continue
        ious = [(shape_iou((w, h), anchor), scale, slot)
                for scale in range(2) for slot, anchor in enumerate(setup.scale_anchors(scale))]
        best = max(range(len(ious)), key=lambda i: (ious[i][0], -i))
        for pair, (iou, scale, slot) in enumerate(ious):
            if pair != best and not iou > threshold:
                continue
            rows, columns = setup.grid(scale)
            key = scale, slot, min(int(cy * rows), rows - 1), min(int(cx * columns), columns - 1)
            rank = (pair == best, iou, -index)
            if setup.mutation == "collision priority":
                rank = (index,)
            if key not in winners or rank > winners[key][0]:
                winners[key] = rank, index
    return {key: index for key, (_, index) in winners.items()}


def decode(fields, row, column, scale, slot, setup):
    rows, columns = setup.grid(scale)
    stretch = setup.scale_x_y[scale]
    anchor = setup.scale_anchors(scale)[slot]
    cx = (stretch * sigmoid(fields[0]) - (stretch - 1) / 2 + column) / columns
    cy = (stretch * sigmoid(fields[1]) - (stretch - 1) / 2 + row) / rows
    return cx, cy, np.exp(min(fields[2], 8.0)) * anchor[0], np.exp(min(fields[3], 8.0)) * anchor[1]


def is_ignored(prediction, boxes, allowed, setup):
    clamped = setup.mutation != "intersection not clamped"
    area = prediction[2] * prediction[3]
    for index, (cx, cy, w, h, category) in enumerate(boxes):
        if w <= 0:
            continue
        if category < 0:
            if overlap(corners(prediction), corners((cx, cy, w, h))) > setup.ignore_threshold * area:
                return True
        elif index in allowed and iou_family(prediction, (cx, cy, w, h), "iou", clamped) > setup.ignore_threshold:
            return True
    return False


def scale_terms(head, boxes, winners, scale, setup):
    """Return (box, objectness, class) of one image and scale; head is [A*(5 + C), gh, gw]."""
    rows, columns = setup.grid(scale)
    num_anchors, fields = len(setup.masks[scale]), 5 + setup.num_classes
    head = head.reshape(num_anchors, fields, rows, columns).astype(np.float64)
    clamped = setup.mutation != "intersection not clamped"
    allowed = set(range(len(boxes)))
    if setup.mutation == "boxes of one scale only":
        allowed = {index for key, index in winners.items() if key[0] == scale}
    box_term = objectness = class_term = 0.0
    other = setup.smoothing / max(setup.num_classes - 1, 1)
    for slot, row, column in np.ndindex(num_anchors, rows, columns):
        values = head[slot, :, row, column]
        prediction = decode(values, row, column, scale, slot, setup)
        index = winners.get((scale, slot, row, column))
        if index is None:
            if not is_ignored(prediction, boxes, allowed, setup):
                objectness += bce(values[4], 0.0)
            continue
        cx, cy, w, h, category = boxes[index]
        iou = iou_family(prediction, (cx, cy, w, h), "iou", clamped)
        objectness += bce(values[4], iou if setup.objectness_target == "iou" else 1.0)
        box_term += (2 - w * h) * (1 - iou_family(prediction, (cx, cy, w, h), setup.box_loss, clamped))
        target = np.full(setup.num_classes, other)
        target[int(category)] = 1 - setup.smoothing
        class_term += bce(values[5:], target).sum()
    return np.array([box_term, objectness, class_term])


def loss_parts(big, small, boxes, setup):
    """Return the six weighted terms: box, objectness, class of stride 32, then of stride 16."""
    fine, coarse = np.zeros(3), np.zeros(3)
    for image in range(len(boxes)):
        image_boxes = boxes[image].astype(np.float64)
        if setup.mutation == "centre floored":
            pixels_wh = setup.input_hw[1], setup.input_hw[0]
            image_boxes[:, :2] = np.floor(image_boxes[:, :2] * pixels_wh) / pixels_wh
        winners = assign(image_boxes, setup)
        fine += scale_terms(small[image], image_boxes, winners, 0, setup)
        coarse += scale_terms(big[image], image_boxes, winners, 1, setup)
    weights = np.array([setup.coord_scale, 1.0, 1.0])
    return np.concatenate([setup.large_scale * weights * coarse, weights * fine]) / len(boxes)


def dynamic_assign(predictions, boxes, setup):
    """Return {cell: index of its box} of one image; `predictions` is {cell (scale, slot, row, column): (box, logits)}.

    The decisions of SimOTA, box by box and cell by cell.
    """
    anchors = {(scale, slot): anchor for scale in range(2) for slot, anchor in enumerate(setup.scale_anchors(scale))}
    offers = {}
    for index, (cx, cy, w, h, category) in enumerate(boxes):
        if w <= 0 or category < 0:
            continue
        ratio = {pair: max(w / a, a / w, h / b, b / h) for pair, (a, b) in anchors.items()}
        costs, ious = {}, []
        for cell, (prediction, logits) in predictions.items():
            scale, slot, row, column = cell
            rows, columns = setup.grid(scale)
            away = max(abs(cx * columns - column - 0.5), abs(cy * rows - row - 0.5))
            pair = scale, slot
            if away > setup.scale_x_y[scale] / 2 or (ratio[pair] >= 4 and ratio[pair] > min(ratio.values())):
                continue
            iou = iou_family(prediction, (cx, cy, w, h), "iou")
            p = np.sqrt(sigmoid(logits[0]) * sigmoid(logits[1:]))
            target = np.arange(len(p)) == category
            ious.append(iou)
            costs[cell] = -np.log(np.where(target, p, 1 - p)).sum() - 3 * np.log(iou + 1e-8)
        count = max(5, int(sum(sorted(ious, reverse=True)[:10])))
        for cell in sorted(costs, key=costs.get)[:count]:
            offers.setdefault(cell, []).append((costs[cell], index))
    return {cell: min(found)[1] for cell, found in offers.items()}


def dynamic_loss_parts(big, small, boxes, setup):
    """Return the terms of `loss_parts` for dynamic assignment."""
    terms, positives = np.zeros((2, 3)), 0
    other = setup.smoothing / max(setup.num_classes - 1, 1)
    for image in range(len(boxes)):
        image_boxes = boxes[image].astype(np.float64)
        cells = {}
        for scale, head in enumerate((small[image], big[image])):
            rows, columns = setup.grid(scale)
            fields = head.reshape(len(setup.masks[scale]), -1, rows, columns).astype(np.float64)
            for slot, row, column in np.ndindex(fields.shape[0], rows, columns):
                values = fields[slot, :, row, column]
                cells[scale, slot, row, column] = decode(values, row, column, scale, slot, setup), values[4:]
        winners = dynamic_assign(cells, image_boxes, setup)
        positives += len(winners)
        for cell, (prediction, logits) in cells.items():
            if cell not in winners:
                if not is_ignored(prediction, image_boxes, set(range(len(image_boxes))), setup):
                    terms[cell[0], 1] += bce(logits[0], 0.0)
                continue
            cx, cy, w, h, category = image_boxes[winners[cell]]
            iou = iou_family(prediction, (cx, cy, w, h), "iou")
            target = np.full(setup.num_classes, other)
            target[int(category)] = 1 - setup.smoothing
            terms[cell[0]] += (1 - iou_family(prediction, (cx, cy, w, h), setup.box_loss),
                               bce(logits[0], iou if setup.objectness_target == "iou" else 1.0),
                               bce(logits[1:], target).sum())
    weights = np.array([setup.coord_scale, 1.0, 1.0])
    return np.concatenate([setup.large_scale * weights * terms[1], weights * terms[0]]) / max(positives, len(boxes))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The heads of the official YOLOv3-Tiny for dog.jpg, through our decode, post-processing and drawing.

`darknet_dog` beside the checkout holds what the network put out at 416 x 416, with x, y, objectness and classes after
the sigmoid. The inverse sigmoid gives back the raw heads that `ScaleDecoder` takes; the README of the data lists what
a right decode gives. The figures are in 16-bit fixed point (steps of 1 / 256).
"""
import cv2
import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from src.config import check_config, detection_scales
from src.data.image_files import decode_image
from src.data.placement import Placement, fit_placement
from src.evaluation.detections import coco_results, detect
from src.evaluation.nms import select_pairs
from src.evaluation.visualize import class_colour, draw_boxes, write_image
from src.yolo import ScaleDecoder
from tests.support.helpers import real_data

NUM_CLASSES = 80
BICYCLE, CAR, TRUCK, DOG = 1, 2, 7, 16
NAMES = {BICYCLE: "bicycle", CAR: "car", TRUCK: "truck", DOG: "dog"}
# Of the README: grid, score, class, then centre x, centre y, width, height as fractions of the canvas.
TABLE = ((13, .631, CAR, .745, .282, .272, .124), (13, .602, DOG, .325, .585, .307, .469),
         (13, .574, DOG, .292, .593, .300, .455), (13, .545, BICYCLE, .509, .517, .476, .397),
         (26, .602, TRUCK, .751, .289, .250, .115), (26, .318, CAR, .719, .283, .260, .116))
# The rows that greedy NMS keeps, best first. The second dog overlaps the first by an IoU of 0.78, the second car the
# first by 0.78; car and truck are one vehicle in the image but two classes, and NMS compares within a class only.
KEPT = (TABLE[0], TABLE[4], TABLE[1], TABLE[3])
CANVAS, IMAGE_HW = 416, (576, 768)
# Three decimals in the table move a corner by up to (0.0005 + 0.0005 / 2) * 768 pixels, and results are rounded.
TOLERANCE_PIXELS = 0.6


def darknet_config(**values):
    """The official network's own set-up; its fine scale uses anchors 1, 2, 3 and no scale_x_y is there."""
    arguments = {"anchor_masks": "[[1, 2, 3], [3, 4, 5]]", "scale_x_y": "1.0,1.0", "testing_shape": CANVAS,
                 "resize_mode": "letterbox", "num_classes": NUM_CLASSES, **values}
    config = get_config([f"--{name}={value}" for name, value in arguments.items()])
    check_config(config)
    return config


def raw_head(recorded):
    """Undo the sigmoid of x, y, objectness and classes of a recorded head [255, g, g]; w and h are raw already."""
    fields = recorded.reshape(3, 5 + NUM_CLASSES, *recorded.shape[1:]).astype(np.float64)
    probability = np.clip(fields, 1e-6, 1 - 1e-6)
    raw = np.log(probability / (1 - probability))
    raw[:, 2:4] = fields[:, 2:4]
    return raw.reshape(1, *recorded.shape).astype(np.float32)


@pytest.fixture(scope="module", name="heads")
def fixture_heads():
    """The decoded heads (big, small) of the image, float32 [g, g, 3, 85]."""
    folder = real_data("darknet_dog")
    fine, coarse = detection_scales(darknet_config())
    return tuple(ScaleDecoder(scale, NUM_CLASSES, (CANVAS, CANVAS))(
        ms.Tensor(raw_head(np.load(folder / f"head_{grid}x{grid}.npy")))).asnumpy()[0]
        for scale, grid in ((coarse, 13), (fine, 26)))


@pytest.fixture(scope="module", name="image")
def fixture_image():
    """The image, uint8 RGB [576, 768, 3]."""
    return decode_image(real_data("darknet_dog") / "dog.jpg")


def in_image(row):
    """Corners in pixels of the image, by the letterbox's arithmetic alone, of a row of the table.

    768 x 576 becomes 416 x 312 (a factor of 416 / 768), with 52 rows of padding above and below.
    """
    cx, cy, w, h = row[3:]
    factor = 416 / 768
    left, top = (cx - w / 2) * 416, (cy - h / 2) * 416 - 52
    return np.array([left, top, left + w * 416, top + h * 416]) / factor


def found_in(heads, **values):
    """Boxes, scores and classes of the image by `detect`."""
    config = darknet_config(**values)
    placement = fit_placement(config.resize_mode, IMAGE_HW, tuple(config.testing_shape))
    return detect(*heads, placement, IMAGE_HW, config)


def test_the_letterbox_of_the_image(image):
    assert image.shape == (*IMAGE_HW, 3)
    assert fit_placement("letterbox", IMAGE_HW, (CANVAS, CANVAS)) == Placement((0, 0, 768, 576), (0, 52, 416, 364))


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}-{NAMES[row[2]]}-{row[1]}")
def test_each_row_of_the_table_before_nms(heads, row):
    grid, score, category, cx, cy, w, h = row
    cells = heads[0 if grid == 13 else 1][int(cy * grid), int(cx * grid)]
    scores = cells[:, 4] * cells[:, 5 + category]
    best = scores.argmax()
    assert cells[best, 5:].argmax() == category
    # 0.005 is what is asked; the table's own rounding leaves 0.0005.
    np.testing.assert_allclose([scores[best], *cells[best, :4]], [score, cx, cy, w, h], atol=0.0006)


def test_nothing_else_scores_above_one_half(heads):
    """So that the rows are all that there is, not a choice."""
    for head, grid in zip(heads, (13, 26), strict=True):
        _, classes, scores = select_pairs(head.reshape(-1, 5 + NUM_CLASSES), 0.5, multi_label=False)
        listed = sorted((row[1], row[2]) for row in TABLE if row[0] == grid and row[1] > 0.5)
        found = sorted(zip(scores.tolist(), classes.tolist(), strict=True))
        assert [category for _, category in found] == [category for _, category in listed]
        np.testing.assert_allclose([score for score, _ in found], [score for score, _ in listed], atol=0.0006)


@pytest.mark.parametrize("multi_label", [True, False])
@pytest.mark.parametrize("nms_thresh", [0.45, 0.5])
@pytest.mark.parametrize("threshold", [0.3, 0.4, 0.5])
def test_the_objects_after_nms(heads, threshold, nms_thresh, multi_label):
    boxes, scores, classes = found_in(heads, eval_ignore_threshold=threshold, nms_thresh=nms_thresh,
                                      multi_label=multi_label)
    assert classes.tolist() == [row[2] for row in KEPT]
    np.testing.assert_allclose(scores, [row[1] for row in KEPT], atol=0.0006)
    np.testing.assert_allclose(boxes, [in_image(row) for row in KEPT], atol=TOLERANCE_PIXELS)


def test_coco_results_of_the_image(heads):
    ids = list(range(100, 100 + NUM_CLASSES))
    results = coco_results(7, *found_in(heads, eval_ignore_threshold=0.5), ids)
    assert [entry["category_id"] for entry in results] == [100 + row[2] for row in KEPT]
    for entry, row in zip(results, KEPT, strict=True):
        left, top, right, bottom = in_image(row)
        assert entry["bbox"] == pytest.approx([left, top, right - left, bottom - top], abs=2 * TOLERANCE_PIXELS)


def test_without_the_letterbox_the_boxes_would_be_elsewhere(heads):
    """Stretched back, the dog would reach from row 0.3505 * 576 = 202 to 0.8195 * 576 = 472, not from 173 to 533."""
    boxes, _, classes = found_in(heads, eval_ignore_threshold=0.5, resize_mode="stretch")
    np.testing.assert_allclose(boxes[classes.tolist().index(DOG)][[1, 3]], [202, 472], atol=TOLERANCE_PIXELS)


def test_the_drawn_image(heads, image, tmp_path):
    boxes, scores, classes = found_in(heads, eval_ignore_threshold=0.5)
    drawn = draw_boxes(image, boxes, classes, NAMES, scores)
    path = tmp_path / "dog.png"
    write_image(path, drawn)
    np.testing.assert_array_equal(cv2.imread(str(path))[:, :, ::-1], drawn)
    assert drawn.shape == image.shape
    for row in KEPT:
        left, top, right, bottom = np.round(in_image(row)).astype(int)
        # Along the left side, in the middle of its height, where no label lies: the line in its class's colour.
        column = drawn[(top + bottom) // 2, left - 3:left + 4].tolist()
        assert list(class_colour(row[2])) in column
    changed = (drawn != image).any(2)
    assert 0.01 < changed.mean() < 0.15

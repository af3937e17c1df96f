# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Detections in the image's pixels, COCO results, and the recorded heads of the official network."""
import json
from types import SimpleNamespace

import numpy as np
import pytest

from src.data.placement import letterbox_placement, stretch_placement
from src.evaluation.detections import coco_results, detect, to_image
from src.evaluation.nms import detections_from_heads
from tests.support.decoded_heads import empty_heads, put
from tests.support.helpers import real_data

SETTINGS = SimpleNamespace(eval_ignore_threshold=0.001, nms_thresh=0.5, max_detections=300, multi_label=True)


# Back to the image

def test_stretch_is_undone_and_corners_are_clipped_without_a_shift():
    boxes = np.array([[0.25, 0.5, 0.75, 1.0], [-0.1, -0.2, 0.1, 0.1], [0.9, 0.9, 1.3, 1.2], [1.0, 0.2, 1.4, 0.4]])
    placement = stretch_placement((100, 200), (320, 320))
    pixels, visible = to_image(boxes, (320, 320), placement, (100, 200))
    np.testing.assert_allclose(pixels[:3], [[50, 50, 150, 100], [0, 0, 20, 10], [180, 90, 200, 100]], atol=1e-9)
    assert visible.tolist() == [True, True, True, False]


def test_letterbox_is_undone():
    # 200 wide and 100 high on 416 x 416: scale 2.08, 208 pixels high, 104 of padding above.
    placement = letterbox_placement((100, 200), (416, 416))
    canvas = np.array([[104.0, 208.0, 208.0, 260.0], [0.0, 0.0, 416.0, 416.0], [0.0, 0.0, 416.0, 100.0]]) / 416
    pixels, visible = to_image(canvas, (416, 416), placement, (100, 200))
    np.testing.assert_allclose(pixels[:2], [[50, 50, 100, 75], [0, 0, 200, 100]], atol=1e-9)
    assert visible.tolist() == [True, True, False]


@pytest.mark.parametrize("make", [stretch_placement, letterbox_placement])
@pytest.mark.parametrize("image_hw, canvas_hw", [((480, 640), (320, 320)), ((73, 41), (416, 608)), ((1, 9), (64, 32))])
def test_boxes_come_back_where_they_were(make, image_hw, canvas_hw):
    rng = np.random.default_rng(1)
    corners = np.sort(rng.random((20, 2, 2)), 1).reshape(20, 4) * np.tile(image_hw[::-1], 2)
    placement = make(image_hw, canvas_hw)
    normalised = placement.boxes_to_canvas(corners) / np.tile(canvas_hw[::-1], 2)
    pixels, _ = to_image(normalised, canvas_hw, placement, image_hw)
    np.testing.assert_allclose(pixels, corners, atol=1e-9)


def test_detect_takes_the_canvas_from_the_heads_and_the_thresholds_from_the_config():
    big, small = empty_heads(2, (2, 4))
    put(big, (1, 2, 0), (0.5, 0.5, 0.5, 0.5), 0.9, c1=0.8)
    put(small, (1, 2, 0), (2.0, 0.5, 0.5, 0.5), 0.9, c1=0.9)
    boxes, scores, classes = detect(big, small, stretch_placement((100, 200), (64, 128)), (100, 200), SETTINGS)
    np.testing.assert_allclose(boxes, [[50, 25, 150, 75]], atol=1e-4)
    assert classes.tolist() == [1] and scores == pytest.approx([0.72])
    assert len(detect(big, small, stretch_placement((9, 9), (64, 128)), (9, 9), SETTINGS, score_threshold=0.75)[0]) == 0


def test_nothing_above_the_threshold_gives_empty_arrays():
    found = detect(*empty_heads(3), stretch_placement((9, 9), (128, 128)), (9, 9), SETTINGS)
    assert [len(values) for values in found] == [0, 0, 0]


# Results

def test_coco_results_are_rounded_inside_the_image_and_use_the_files_ids():
    boxes = np.array([[0.005, 10.126, 99.995, 100.0], [1, 2, 3, 4]])
    results = coco_results(42, boxes, np.array([0.123456, 1.0], np.float32), np.array([1, 0]), (7, 90))
    assert results == [
        {"image_id": 42, "category_id": 90, "bbox": [0.0, 10.13, 100.0, 89.87], "score": 0.12346},
        {"image_id": 42, "category_id": 7, "bbox": [1.0, 2.0, 2.0, 2.0], "score": 1.0},
    ]
    assert json.loads(json.dumps(results)) == results
    assert coco_results(1, np.zeros((0, 4)), np.zeros(0), np.zeros(0, int), (1,)) == []


# The official network's heads

def decode_darknet(head, anchors_wh, side):
    """Decode Darknet's recorded head [255, g, g]; only width and height are raw there."""
    grid = head.shape[1]
    fields = head.reshape(3, 85, grid, grid).transpose(2, 3, 0, 1).astype(np.float32).copy()
    rows, columns = np.mgrid[:grid, :grid]
    fields[..., 0] = (fields[..., 0] + columns[..., None]) / grid
    fields[..., 1] = (fields[..., 1] + rows[..., None]) / grid
    fields[..., 2:4] = np.exp(fields[..., 2:4]) * np.array(anchors_wh, np.float32) / side
    return fields


@pytest.mark.parametrize("multi_label", [True, False])
def test_real_heads_show_the_dog_the_bicycle_and_the_car(multi_label):
    folder = real_data("darknet_dog")
    big = decode_darknet(np.load(folder / "head_13x13.npy"), [(81, 82), (135, 169), (344, 319)], 416)
    small = decode_darknet(np.load(folder / "head_26x26.npy"), [(23, 27), (37, 58), (81, 82)], 416)
    boxes, scores, classes = detections_from_heads(big, small, 0.25, 0.45, 300, multi_label)
    names = {1: "bicycle", 2: "car", 7: "truck", 16: "dog"}
    centres = np.concatenate(((boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]), 1)
    found = {}
    for number, score, box in zip(classes.tolist(), scores.tolist(), centres.tolist(), strict=True):
        found.setdefault(names.get(number, number), (score, *box))
    # The README's table, after NMS: of the two dogs and the two cars the better one stays.
    expected = {"car": (.631, .745, .282, .272, .124), "dog": (.602, .325, .585, .307, .469),
                "bicycle": (.545, .509, .517, .476, .397), "truck": (.602, .751, .289, .250, .115)}
    for name, figures in expected.items():
        np.testing.assert_allclose(found[name], figures, atol=6e-3, err_msg=name)
    image_hw = (576, 768)
    pixels, _ = to_image(boxes, (416, 416), letterbox_placement(image_hw, (416, 416)), image_hw)
    dog = pixels[classes.tolist().index(16)]
    # By hand from the table: x = cx * 768, y = (cy * 416 - 52) * 576 / 312, as 52 rows of padding lie above.
    np.testing.assert_allclose(dog, [131.7, 173.2, 367.5, 533.4], atol=4)

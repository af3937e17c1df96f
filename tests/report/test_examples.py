# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Images with errors: which, what is drawn and said, and that they are small."""
import cv2
import numpy as np
import pytest

from src.report.examples import (
    KIND_COLOURS,
    SHEET_SIDE,
    SIDE,
    fitted,
    jpeg,
    small_sheet,
    worst_examples,
)
from src.report.statistics import Kind, errors, match
from tests.support.helpers import data_config
from tests.support.report.case import SIZE, detections


def decoded(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1].astype(int)


@pytest.fixture
def examples(data):
    matches = match(data, detections())
    return worst_examples(data, matches, errors(matches, 0.2), data_config())


def test_the_images_with_errors_and_what_went_wrong_in_them(examples):
    assert [example.index for example in examples] == [3, 0, 2]
    assert examples[1].text == ("1 missed: cup, 1 background: a ball with <b>a long name</b> & $x_{2$, 1 loose: 鑰匙, "
                                "1 wrong class: cup, 1 doubled: cup")
    assert examples[2].text == "2 missed: cup, 1 missed: a ball with <b>a long name</b> & $x_{2$, 1 missed: 鑰匙"


def test_detections_and_objects_are_drawn_in_the_colours_of_their_kinds(examples):
    detections_drawn, objects = decoded(examples[1].detections), decoded(examples[1].objects)
    assert detections_drawn.shape == objects.shape == (SIZE[1], SIZE[0], 3)
    # The middle of the lower edge of the missed cup, and of the wrong class.
    for image, place, kind in ((objects, (210, 50), Kind.MISSED), (detections_drawn, (80, 150), Kind.WRONG_CLASS),
                               (detections_drawn, (280, 175), Kind.BACKGROUND)):
        around = image[place[0] - 2:place[0] + 3, place[1]]
        # JPEG blurs a line of one pixel.
        assert np.abs(around - KIND_COLOURS[kind]).sum(1).min() < 200, kind
    before = decoded(examples[2].detections)
    assert np.abs(before - detections_drawn)[200:, 300:].mean() < np.abs(before - detections_drawn)[:100].mean()


def test_an_image_that_was_lost_is_left_out(data, tmp_path):
    matches = match(data, detections())
    lost = type(data)(**{**vars(data), "paths": [*data.paths[:2], str(tmp_path / "lost.png"), data.paths[3]]})
    assert [example.index for example in worst_examples(lost, matches, errors(matches, 0.2), data_config())] == [3, 0]


def test_embedded_images_are_small(tmp_path):
    assert fitted(np.zeros((3000, 4000, 3), np.uint8), SIDE).shape == (420, SIDE, 3)
    assert fitted(np.zeros((9000, 2, 3), np.uint8), SIDE).shape == (SIDE, 1, 3)
    assert fitted(np.zeros((30, 40, 3), np.uint8), SIDE).shape == (30, 40, 3)
    path = tmp_path / "sheet.jpg"
    path.write_bytes(jpeg(np.full((1600, 2000, 3), (200, 20, 20), np.uint8)))
    sheet = decoded(small_sheet(path))
    assert sheet.shape == (SHEET_SIDE * 4 // 5, SHEET_SIDE, 3) and abs(sheet[400, 500] - (200, 20, 20)).max() < 9
    assert small_sheet(tmp_path / "none.jpg") is None

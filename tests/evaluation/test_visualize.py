# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of src/evaluation/visualize.py: where pixels change, that labels stay inside and apart, and that files come
out whole."""
import cv2
import numpy as np
import pytest

from model_utils.errors import UserError
from src.evaluation.visualize import (
    CROWD_COLOUR,
    PAPER,
    batch_sheet,
    best_spot,
    class_colour,
    comparison_sheet,
    contact_sheet,
    draw_boxes,
    label_text,
    put_text,
    side_by_side,
    text_colour,
    text_extent,
    write_image,
)

NAMES = ("disc", "square", "star")


def grey(height, width, level=120):
    return np.full((height, width, 3), level, np.uint8)


def hue(colour):
    return cv2.cvtColor(np.array([[colour]], np.uint8), cv2.COLOR_RGB2HSV)[0, 0, 0] * 2.0


def test_neighbouring_classes_have_colours_far_apart():
    colours = [class_colour(number) for number in range(12)]
    assert all(isinstance(channel, int) and 0 <= channel <= 255 for colour in colours for channel in colour)
    hues = np.sort([hue(colour) for colour in colours])
    gaps = np.diff(np.append(hues, hues[0] + 360))
    assert gaps.min() > 360 / 12 / 2.7
    assert len({class_colour(number) for number in range(80)}) == 80
    assert class_colour(7) == class_colour(7)


@pytest.mark.parametrize("background, expected", [
    ((255, 255, 0), (0, 0, 0)), ((0, 0, 160), (255, 255, 255)), ((255, 255, 255), (0, 0, 0)),
])
def test_text_stands_out(background, expected):
    assert text_colour(background) == expected


def test_a_box_is_drawn_where_it_lies_and_nothing_changes_inside_or_far_away():
    image = grey(300, 400)
    before = image.copy()
    drawn = draw_boxes(image, [[100, 120, 200, 220]], [1], NAMES, [0.5])
    np.testing.assert_array_equal(image, before)
    colour = class_colour(1)
    for x, y in ((100, 170), (200, 170), (150, 120), (150, 220)):
        assert tuple(drawn[y, x]) == colour
    np.testing.assert_array_equal(drawn[130:210, 110:190], before[130:210, 110:190])
    np.testing.assert_array_equal(drawn[240:], before[240:])


def test_the_better_box_is_drawn_on_top():
    boxes = [[50, 50, 150, 150], [50, 50, 150, 150]]
    for scores, top in (([0.9, 0.2], 0), ([0.2, 0.9], 1)):
        drawn = draw_boxes(grey(200, 200), boxes, [0, 1], NAMES, scores)
        assert tuple(drawn[100, 50]) == class_colour(top)


def test_crowds_are_grey_and_images_without_boxes_stay_as_they_are():
    drawn = draw_boxes(grey(200, 200, 30), [[40, 60, 160, 160]], [-1], NAMES)
    assert tuple(drawn[110, 40]) == CROWD_COLOUR
    np.testing.assert_array_equal(draw_boxes(grey(20, 30), np.zeros((0, 4)), [], NAMES, []), grey(20, 30))


def test_small_images_are_enlarged_with_their_boxes():
    drawn = draw_boxes(grey(50, 100), [[20, 20, 80, 40]], [2], NAMES, min_side=400)
    assert drawn.shape == (200, 400, 3)
    assert tuple(drawn[120, 80]) == class_colour(2)
    assert draw_boxes(grey(50, 100), [[20, 20, 80, 40]], [2], NAMES, min_side=60).shape == (50, 100, 3)


@pytest.mark.parametrize("height, width", [(8, 8), (40, 3), (600, 40), (1500, 2000)])
def test_any_size_can_be_drawn_on(height, width):
    drawn = draw_boxes(grey(height, width), [[-50, -50, 5000, 5000], [1, 1, 2, 2]], [0, 1], NAMES, [0.7, 0.6])
    assert drawn.shape == (height, width, 3)
    assert drawn.dtype == np.uint8


def test_labels_stay_inside_the_image_and_apart_from_each_other():
    rng = np.random.default_rng(3)
    for _ in range(200):
        x, y = rng.integers(-20, 320), rng.integers(-20, 240)
        area = best_spot((x, y, x + 40, y + 30), (60, 14), np.zeros((240, 320), int))
        assert min(area[:2]) >= 0 and area[2] <= 320 and area[3] <= 240
        assert (area[2] - area[0], area[3] - area[1]) == (60, 14)
    box, size, covered = (100, 100, 150, 140), (60, 14), np.zeros((240, 320), int)
    first = best_spot(box, size, covered)
    assert first == (100, 86, 160, 100)
    covered[86:100, 100:160] = 1
    second = best_spot(box, size, covered)
    assert second == (100, 100, 160, 114)
    assert best_spot((100, 0, 150, 40), size, covered)[1] == 0
    assert best_spot(box, size, np.ones_like(covered)) == first


def test_label_text():
    assert label_text("disc") == "disc"
    assert label_text("disc", 0.987) == "disc 0.99"
    assert label_text("caf\u00e9\n\u72ac") == "caf\u00e9?\u72ac"


@pytest.mark.parametrize("text", ["\u72ac", "\u043a\u043e\u0442", "\u00e9t\u00e9 0.91"])
def test_letters_beyond_ascii_are_drawn_inside_their_extent(text):
    canvas = np.full((80, 300, 3), 255, np.uint8)
    for scale in (0.4, 1.0):
        width, above, below = text_extent(text, scale, 1)
        canvas[:] = 255
        put_text(canvas, text, (10, 50), scale, (0, 0, 0), 1)
        rows, columns = np.nonzero(canvas.min(axis=2) < 128)
        assert len(rows) > 20 and columns.min() >= 10 and columns.max() < 10 + width
        assert rows.min() >= 50 - above and rows.max() < 50 + below + 1
        # Two texts of one length differ: they are letters, not signs for what is missing.
        other = canvas.copy()
        other[:] = 255
        put_text(other, text.translate({ord(text[0]): "\u042f"}), (10, 50), scale, (0, 0, 0), 1)
        assert (other != canvas).any()


def test_side_by_side_brings_both_to_one_height_under_their_titles():
    left, right = grey(100, 200, 10), grey(50, 50, 250)
    joined = side_by_side(left, right, ("detections", "ground truth"))
    strip = joined.shape[0] - 100
    assert strip > 10
    np.testing.assert_array_equal(joined[strip:, :200], left)
    np.testing.assert_array_equal(joined[strip:, -100:], grey(100, 100, 250))
    assert joined[:strip, :200].min() < 100


def test_contact_sheet_has_every_image_in_its_cell():
    images = [grey(100, 100, 10), grey(50, 100, 60), grey(200, 100, 90)]
    sheet = contact_sheet(images, 2, (40, 60), gap=4)
    assert sheet.shape == (2 * 44 + 4, 2 * 64 + 4, 3)
    for level, (y, x) in zip((10, 60, 90), ((24, 34), (24, 98), (68, 34)), strict=True):
        assert tuple(sheet[y, x]) == (level,) * 3
    assert contact_sheet(images[:1], 5, (40, 60), gap=0).shape == (40, 60, 3)
    with pytest.raises(ValueError, match="at least one image"):
        contact_sheet([], 2, (40, 60))


def test_comparison_sheet_shows_detections_left_and_truth_right():
    sample = (grey(240, 480), np.array([[20, 60, 120, 160]]), [0], [0.9], np.array([[300, 60, 420, 160]]), [1])
    sheet = comparison_sheet([sample, sample, sample], NAMES, columns=2)
    assert sheet.shape[1] > 4 * 480 and sheet.shape[0] > 2 * 240
    left_half, right_half = sheet[:240, :490], sheet[:240, 500:1000]
    assert (left_half == class_colour(0)).all(2).any() and not (left_half == class_colour(1)).all(2).any()
    assert (right_half == class_colour(1)).all(2).any() and not (right_half == class_colour(0)).all(2).any()


def test_batch_sheet_draws_every_box_of_every_sample_and_no_padding():
    images = np.stack([grey(64, 96, 10 + 40 * number) for number in range(5)])
    boxes = np.zeros((5, 3, 5), np.float32)
    boxes[..., 4] = -1
    boxes[0, 0] = (0.5, 0.5, 0.5, 0.25, 2)
    boxes[1, 0] = (0.5, 0.5, 0.5, 0.25, -1)
    sheet = batch_sheet(images, boxes, NAMES, columns=2, min_side=384)
    # Cells of 256 x 384 in three rows of two, 8 pixels apart.
    assert sheet.shape == (3 * 264 + 8, 2 * 392 + 8, 3) and sheet.dtype == np.uint8
    first, second, third = sheet[8:264, 8:392], sheet[8:264, 400:784], sheet[272:528, 8:392]
    for cell, colour in ((first, class_colour(2)), (second, CROWD_COLOUR)):
        # Centre (192, 128), 192 wide, 64 high: edges at x 96 and 288, y 96 and 160.
        for x, y in ((96, 128), (288, 128), (192, 160)):
            assert tuple(cell[y, x]) == colour
    assert (third == 90).all()
    assert (sheet[536:792, 400:784] == PAPER).all()
    with pytest.raises(ValueError, match="at least one image"):
        batch_sheet(images[:0], boxes[:0], NAMES)


def test_written_images_are_rgb_and_replace_the_file(tmp_path):
    image = grey(8, 8)
    image[..., 0] = 200
    path = tmp_path / "folder" / "a.png"
    write_image(path, grey(3, 3))
    write_image(path, image)
    np.testing.assert_array_equal(cv2.imread(str(path))[:, :, ::-1], image)
    assert [entry.name for entry in path.parent.iterdir()] == ["a.png"]
    with pytest.raises(UserError, match=r"a\.xyz: cannot write this image format"):
        write_image(tmp_path / "a.xyz", image)

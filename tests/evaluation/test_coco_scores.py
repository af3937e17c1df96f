# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""COCO scoring on hand-made detections: the value by hand, ours, and pycocotools on the json files are all the same.

Every case goes the whole way: boxes, scores and class numbers become COCO results (`coco_results`), a json file
(`write_json`), and scores (`score_results`); the same json file is scored by `COCO.loadRes` and `COCOeval` directly.

By hand: detections of a class are ranked by score; one is right at an IoU threshold t (0.50, 0.55, ..., 0.95) when it
is the first to overlap a yet unmatched object by t or more. Precision after each rank, made non-increasing from the
right, is read at the recalls 0, 0.01, ..., 1 (0 where no rank reaches the recall); AP is the mean of the 101 values,
then of the ten thresholds, then of the classes. All objects here are 100 x 100 pixels where nothing else is said, so
a box that is shifted by d pixels has the IoU (100 - d) / (100 + d).
"""
import contextlib
import io
import json
import math
from functools import partial

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from model_utils.config import get_config
from model_utils.errors import UserError
from model_utils.json_file import write_json
from src.data.coco import read_coco
from src.evaluation.coco_scores import Scores, find_engine, score_results
from src.evaluation.detections import coco_results
from src.evaluation.evaluator import evaluate
from tests.support.helpers import data_config, write_coco
from tests.support.oracle import (
    BALL,
    BOX_A,
    BOX_B,
    CATEGORY_ORDER,
    CUP,
    KEY,
    NAMES,
    Oracle,
    found,
    grey_image,
    make_data,
    plain_judge,
)

A, B, C = (100, 100, 100, 100), (300, 200, 100, 100), (500, 50, 100, 100)
# Where there is no object.
EMPTY, EMPTY_2 = (20, 300, 100, 100), (400, 350, 100, 100)
SMALL, MEDIUM = (20, 20, 20, 20), (250, 20, 50, 50)


def shifted(box, right, down=0):
    return (box[0] + right, box[1] + down, *box[2:])


def levels(found, objects):
    """How many of the recalls 0, 0.01, ..., 1 are at most found / objects."""
    return 1 + 100 * found // objects


def image_of(*boxes):
    """An image of cups (x, y, w, h); a fifth number is another category, a sixth says that it is a crowd."""
    return {"size": (640, 480), "boxes": [box if len(box) > 4 else (*box, CUP) for box in boxes],
            "pixels": np.zeros((480, 640, 3), np.uint8)}


def directly(folder):
    """The 12 figures of pycocotools, from the two json files alone."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(folder / "annotations" / "instances_val2017.json"))
        judge = COCOeval(truth, truth.loadRes(str(folder / "results.json")), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return tuple(judge.stats.tolist())


def in_full(box, score, category=CUP, image_id=1):
    return box, score, category, image_id


def scored(folder, images, detections, annotations=()):
    """Score detections, tuples as `in_full` takes them, in our way, and hold all 12 figures against pycocotools."""
    write_coco(folder, images, "val", annotations=annotations)
    data = read_coco(data_config(folder), "val", training=False)
    detections = [in_full(*detection) for detection in detections]
    results = []
    for image_id in data.image_ids:
        here = [detection for detection in detections if detection[3] == image_id]
        corners = np.array([(x, y, x + w, y + h) for (x, y, w, h), *_ in here], np.float64).reshape(-1, 4)
        scores = np.array([score for _, score, *_ in here], np.float32)
        classes = np.array([data.categories.ids.index(category) for *_, category, _ in here], np.int64)
        results += coco_results(image_id, corners, scores, classes, data.categories.ids)
    write_json(folder / "results.json", results)
    written = json.loads((folder / "results.json").read_text())
    assert len(written) == len(detections)
    scores = score_results(data, written, "faster-coco-eval")
    assert scores.stats == pytest.approx(directly(folder), abs=1e-12)
    by_pycocotools = score_results(data, written, "pycocotools")
    assert by_pycocotools.stats == pytest.approx(scores.stats, abs=1e-12)
    assert by_pycocotools.lines == scores.lines and scores.lines.count("\n") == 11
    for name in ("per_class_ap", "per_class_ap50"):
        assert getattr(by_pycocotools, name) == pytest.approx(getattr(scores, name), abs=1e-12, nan_ok=True)
    return scores


# Each case: images, detections, AP by hand; AP is the same at every threshold where no box is shifted.
CASES = {
    # Written with two decimals, 0.004 of a pixel is nothing.
    "perfect": ([image_of(A, B), image_of(C)], [(shifted(A, .004), .9), (B, .8), (C, .7, CUP, 2)], 1),
    "one of three missing": ([image_of(A, B, C)], [(B, .9), (A, .8)], levels(2, 3) / 101),
    "two of three missing": ([image_of(A, B, C)], [(B, .9)], levels(1, 3) / 101),
    "nothing found in one of two images": ([image_of(A), image_of(B)], [(A, .9)], levels(1, 2) / 101),
    "found in another image": ([image_of(A), image_of(B)], [(A, .9), (A, .8, CUP, 2)], levels(1, 2) / 101),
    # Ranks right, right, wrong: recall 1 is reached before the wrong one.
    "duplicate ranked last": ([image_of(A, B)], [(A, .9), (B, .8), (A, .7)], 1),
    # Right, wrong, wrong, right: precision 1 up to recall 1/2, then 2/4. A shift of 2 has an IoU of 0.961.
    "duplicates ranked before": ([image_of(A, B)], [(A, .9), (shifted(A, 2), .85), (shifted(A, -2), .8), (B, .7)],
                                 (levels(1, 2) + (101 - levels(1, 2)) * 2 / 4) / 101),
    # A shift of 10 has an IoU of 0.818. Up to 0.80 the better-scored box is right and the exact one comes too late;
    # at 0.85, 0.90 and 0.95 the first is wrong and the exact one right, at precision 1/2.
    "worse box ranked before the exact one": ([image_of(A)], [(shifted(A, 10), .95), (A, .9)], (7 * 1 + 3 / 2) / 10),
    "false one ranked first": ([image_of(A)], [(EMPTY, .95), (A, .9)], 1 / 2),
    "two false ones ranked first": ([image_of(A)], [(EMPTY, .95), (EMPTY_2, .94), (A, .9)], 1 / 3),
    # Wrong, right, right: 1/2 at recall 1/2, but 2/3 at recall 1, which counts for all before.
    "false one before two right ones": ([image_of(A, B)], [(EMPTY, .95), (A, .9), (B, .8)], 2 / 3),
    "false one ranked last": ([image_of(A, B)], [(A, .9), (B, .8), (EMPTY, .7)], 1),
    "false one in an empty image": ([image_of(A), image_of()], [(EMPTY, .95, CUP, 2), (A, .9)], 1 / 2),
    # The mean is over the classes that have objects.
    "false one of a class without objects": ([image_of(A)], [(EMPTY, .95, KEY), (A, .9)], 1),
    "mean of two classes": ([image_of(A, (*B, BALL), (*C, BALL))], [(A, .9), (C, .8, BALL)],
                            (1 + levels(1, 2) / 101) / 2),
    # Only the best 100 detections of an image and class are looked at.
    "right one at rank 100": ([image_of(A)], [(EMPTY, .9)] * 99 + [(A, .5)], 1 / 100),
    "one of two missing": ([image_of(A, B)], [(A, .9)], levels(1, 2) / 101),
    "false one ranked between": ([image_of(A, B)], [(A, .9), (EMPTY, .8), (B, .7)], (51 + 50 * 2 / 3) / 101),
    "duplicate ranked between": ([image_of(A, B)], [(A, .9), (A, .8), (B, .7)], (51 + 50 * 2 / 3) / 101),
    "one of another class": ([image_of(A, B)], [(A, .9), (B, .8, BALL)], 51 / 101),
    "only another class": ([image_of(A, B)], [(A, .9, BALL)], 0),
    # Were it a crowd, these two would count for nothing, see below.
    "two inside one large object": ([image_of(A, (300, 0, 300, 400))],
                                    [((310, 10, 50, 50), .95), ((400, 100, 60, 60), .94), (A, .9)], 51 / 3 / 101),
    "right one at rank 101": ([image_of(A)], [(EMPTY, .9)] * 100 + [(A, .5)], 0),
}


@pytest.mark.parametrize("case", CASES)
def test_ap_by_hand(tmp_path, case):
    images, detections, expected = CASES[case]
    assert scored(tmp_path, images, detections).stats[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("box, iou, thresholds", [
    (shifted(A, 5), 95 / 105, 9), (shifted(A, -15), 85 / 115, 5), (shifted(A, 0, 20), 80 / 120, 4),
    (shifted(A, 24), 76 / 124, 3),
    (shifted(A, 30), 70 / 130, 1), (shifted(A, 34), 66 / 134, 0), (shifted(A, 10, 10), 90 * 90 / (20000 - 90 * 90), 4),
    ((100, 100, 100, 82), .82, 7), ((100, 100, 200, 82), 8200 / 18200, 0),
    # Two decimals are kept.
    ((100, 100, 100, 98.994), .9899, 10),
], ids=str)
def test_a_displaced_box_counts_up_to_its_iou(tmp_path, box, iou, thresholds):
    assert sum(iou >= threshold / 100 for threshold in range(50, 100, 5)) == thresholds
    scores = scored(tmp_path, [image_of(A)], [(box, .9)])
    assert scores.stats[:3] == pytest.approx((thresholds / 10, float(iou >= .5), float(iou >= .75)))
    # One object, found or not: recall goes with precision.
    assert scores.stats[8] == pytest.approx(thresholds / 10)


def test_an_iou_of_exactly_one_half_is_enough(tmp_path):
    # 90 wide, shifted by 30: 60 / 120.
    scores = scored(tmp_path, [image_of((100, 100, 90, 100))], [((130, 100, 90, 100), .9)])
    assert scores.stats[:2] == pytest.approx((0.1, 1.0))


CROWD = (300, 0, 300, 400, CUP, 1)
INSIDE = (350, 50, 60, 60)
# Crowd regions are matched by the share of the detection inside them: 63 of 100 columns here.
PARTLY_INSIDE = (263, 100, 100, 100)


@pytest.mark.parametrize("images, detections, expected", [
    # Were it an object, the crowd would be missed; were its detections false, they would stand before A.
    ([image_of(A, CROWD)], [(INSIDE, .95), (shifted(INSIDE, 100), .94), (shifted(INSIDE, 0, 200), .93), (A, .9)], 1),
    ([image_of(A), image_of(CROWD)], [(INSIDE, .95, CUP, 2), (A, .9)], 1),
    # 0.63 of it inside: counts for nothing at 0.50, 0.55 and 0.60, and is wrong at the seven thresholds above.
    ([image_of(A, CROWD)], [(PARTLY_INSIDE, .95), (A, .9)], (3 * 1 + 7 / 2) / 10),
    ([image_of(A, CROWD)], [((20, 300, 60, 60), .95), (A, .9)], 1 / 2),
    # A crowd of another class protects nothing; its class then has no object.
    ([image_of(A, (*CROWD[:4], KEY, 1))], [(INSIDE, .95), (A, .9)], 1 / 2),
    # An object inside the region is found, not swallowed; its duplicate is, as it lies in the crowd.
    ([image_of((*INSIDE, CUP), CROWD, A)], [(INSIDE, .95), (shifted(INSIDE, 2), .94), (A, .9)], 1),
], ids=["inside", "alone in its image", "partly inside", "outside", "other class", "object inside"])
def test_a_crowd_region_makes_detections_neither_right_nor_wrong(tmp_path, images, detections, expected):
    assert scored(tmp_path, images, detections).stats[0] == pytest.approx(expected, abs=1e-9)


def test_crowds_alone_give_no_figure(tmp_path):
    assert scored(tmp_path, [image_of(CROWD)], [(INSIDE, .9)]).stats == (-1,) * 12


# Areas: small up to 32 x 32 = 1024 pixels, medium from there to 96 x 96 = 9216, large from there; the limits are both.

def test_all_twelve_figures_by_hand(tmp_path):
    """One small, one medium and one large object; the large one found exactly, the medium one shifted, the small not.

    The medium one is 50 wide and shifted by 5: IoU 45 / 55 = 0.818, right at seven thresholds of ten. Where it is
    right, two of three are found without error; where not, one of three, and the wrong one comes last.
    """
    scores = scored(tmp_path, [image_of(A, MEDIUM, SMALL)], [(A, .9), (shifted(MEDIUM, 5), .8)])
    two, one = levels(2, 3) / 101, levels(1, 3) / 101
    assert scores.stats == pytest.approx((
        .7 * two + .3 * one, two, two, 0, .7, 1,
        # Recall with the best 1, 10 and 100 detections, then by area.
        1 / 3, (7 * 2 / 3 + 3 * 1 / 3) / 10, (7 * 2 / 3 + 3 * 1 / 3) / 10, 0, .7, 1), abs=1e-9)


@pytest.mark.parametrize("side, ap_by_area", [
    (20, (1, -1, -1)), (32, (1, 1, -1)), (33, (-1, 1, -1)), (96, (-1, 1, 1)), (97, (-1, -1, 1))])
def test_the_limits_of_the_areas(tmp_path, side, ap_by_area):
    box = (100, 100, side, side)
    scores = scored(tmp_path, [image_of(box)], [(box, .9)])
    assert scores.stats[3:6] == pytest.approx(ap_by_area) and scores.stats[9:12] == pytest.approx(ap_by_area)


@pytest.mark.parametrize("area, ap_by_area", [(900, (1, -1, -1)), (5000, (-1, 1, -1)), (10000, (-1, -1, 1))])
def test_the_annotations_own_area_counts_not_that_of_its_box(tmp_path, area, ap_by_area):
    """As for an object whose outline fills little of its box."""
    outlined = {"id": 9, "image_id": 1, "category_id": CUP, "bbox": list(A), "area": area, "iscrowd": 0}
    scores = scored(tmp_path, [image_of()], [(A, .9)], [outlined])
    assert scores.stats[0] == pytest.approx(1) and scores.stats[3:6] == pytest.approx(ap_by_area)


@pytest.mark.parametrize("false_box, small, large", [(EMPTY, 1, 1 / 2), ((20, 300, 20, 20), 1 / 2, 1)])
def test_a_false_detection_counts_for_the_area_of_its_own_box(tmp_path, false_box, small, large):
    """Wrong, right, right over all areas; within an area it is wrong, right, or right alone."""
    scores = scored(tmp_path, [image_of(A, SMALL)], [(false_box, .95), (A, .9), (SMALL, .8)])
    assert (scores.stats[0], scores.stats[3], scores.stats[5]) == pytest.approx((2 / 3, small, large))


def test_recall_by_the_number_of_detections(tmp_path):
    boxes = [(10 + 50 * i, 40, 40, 40) for i in range(12)]
    scores = scored(tmp_path, [image_of(*boxes)], [(box, .9 - .01 * i) for i, box in enumerate(boxes)])
    assert scores.stats[6:9] == pytest.approx((1 / 12, 10 / 12, 1))
    assert scores.stats[0] == pytest.approx(1)


# Classes, the printed tables, the engines

@pytest.fixture(name="truth")
def fixture_truth(tmp_path):
    """One image with two cups."""
    _, data = make_data(tmp_path, [grey_image(1, (640, 480), [(*BOX_A, CUP), (*BOX_B, CUP)])])
    return data


def test_no_detection_at_all_scores_zero(truth):
    scores = score_results(truth, [])
    # No small and no medium object is there (medium: below 96 x 96), so nothing can be said of them.
    assert scores.stats == (0, 0, 0, -1, -1, 0, 0, 0, 0, -1, -1, 0)
    assert scores.table.splitlines()[-1] == "mAP: 0.0"


def test_a_class_without_ground_truth_has_no_figure(truth):
    scores = score_results(truth, [found(BOX_A, CUP, .9), found(BOX_B, CUP, .8), found(BOX_B, KEY, .9)])
    assert scores.stats[1] == 1.0
    assert list(scores.per_class_ap50) == list(NAMES)
    assert scores.per_class_ap50["cup"] == 1.0
    assert math.isnan(scores.per_class_ap50["ball"]) and math.isnan(scores.per_class_ap["key"])
    assert [line.split() for line in scores.class_table.splitlines()] == [
        ["class", "AP", "AP50"], ["cup", "1.000", "1.000"], ["ball", "-", "-"], ["key", "-", "-"]]


def test_figures_of_a_class_go_to_its_name_whatever_the_ids(tmp_path):
    """Ids are 3, 1, 7 in the file's order; pycocotools sorts them."""
    image = grey_image(1, (640, 480), [(*BOX_A, CUP), (*BOX_B, BALL), (0, 0, 60, 60, KEY), (400, 20, 60, 60, KEY)])
    _, data = make_data(tmp_path, [image])
    scores = score_results(data, [found(BOX_A, CUP, .9), found((0, 0, 60, 60), KEY, .8)])
    assert scores.per_class_ap50 == pytest.approx({"cup": 1.0, "ball": 0.0, "key": 51 / 101})


def test_categories_of_one_name_are_distinguished_by_their_ids(tmp_path):
    categories = [{"id": 4, "name": "cup"}, {"id": 9, "name": "cup"}]
    write_coco(tmp_path, [grey_image(1, (640, 480), [(*BOX_A, 4), (*BOX_B, 9)])], "val", categories)
    data = read_coco(get_config([f"--data_dir={tmp_path}"]), "val", training=False)
    scores = score_results(data, [found(BOX_A, 4, .9)])
    assert scores.per_class_ap50 == pytest.approx({"cup (4)": 1.0, "cup (9)": 0.0})


def test_the_table_is_that_of_2021(truth, capsys):
    scores = score_results(truth, [found(BOX_A, CUP, .9)])
    assert capsys.readouterr() == ("", "")
    lines = scores.table.splitlines()
    assert lines[0] == "=============coco eval result========="
    assert lines[1] == " Average Precision  (AP) @[ IoU=0.50:0.95 | area=   all | maxDets=100 ] = 0.505"
    assert lines[4] == " Average Precision  (AP) @[ IoU=0.50:0.95 | area= small | maxDets=100 ] = -1.000"
    assert lines[12] == " Average Recall     (AR) @[ IoU=0.50:0.95 | area= large | maxDets=100 ] = 0.500"
    assert lines[13] == f"mAP: {scores.stats[0]}" and len(lines) == 14


def test_long_names_keep_the_class_table_straight():
    table = Scores((), "", {"a very long name": 0.5, "b": 1.0}, {"a very long name": 0.75, "b": 1.0}).class_table
    assert len({len(line) for line in table.splitlines()}) == 1


@pytest.mark.parametrize("digits", [5, 1])
@pytest.mark.parametrize("engine", ["auto", "faster-coco-eval", "pycocotools"])
def test_every_engine_gives_the_figures_and_the_table_of_pycocotools(tmp_path, digits, engine):
    """Random boxes of all sizes, many of a class that their image does not have; crowds; equal scores; a class more
    often found in an image than pycocotools counts."""
    rng = np.random.default_rng(digits)

    def boxes(count):
        corners, sides = rng.uniform(0, 300, (count, 2)), np.exp(rng.uniform(1.5, 5.5, (count, 2)))
        return np.concatenate((corners, sides), 1).round(2).tolist()

    images = [grey_image(number, (640, 640), [(*box, CATEGORY_ORDER[number % 2], int(row == 3))
                                              for row, box in enumerate(boxes(number % 5))]) for number in range(1, 10)]
    _, data = make_data(tmp_path, images)
    results = [{"image_id": number, "category_id": CATEGORY_ORDER[category], "bbox": box,
                "score": round(float(rng.random()), digits)}
               for number in range(1, 10) for category, box in zip(rng.integers(0, 3, 60), boxes(60), strict=True)]
    results += [found((x, x, 30, 40), KEY, round(float(rng.random()), digits), 4) for x in range(150)]
    results += [found((x + 1, y, w, h), category, .8, number + 1) for number, image in enumerate(images)
                for x, y, w, h, category, _ in image["boxes"]]
    plain = plain_judge(data, results)
    assert sum(entry is not None and not entry["gtIds"] for entry in plain.evalImgs) > 40
    scores = score_results(data, results, engine)
    assert scores.stats == pytest.approx(plain.stats, abs=1e-12)
    assert (plain.stats > -1).all() and 0 < plain.stats[0] < 1
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        plain.summarize()
    assert scores.lines == printed.getvalue().rstrip("\n") and scores.lines.count("Average") == 12
    # pycocotools counts categories by their ids, we list them in the order of the file.
    per_class = np.where(plain.eval["precision"] < 0, np.nan, plain.eval["precision"])[..., 0, -1].mean((0, 1))
    by_id = dict(zip(sorted(data.categories.ids), per_class, strict=True))
    assert list(scores.per_class_ap.values()) == pytest.approx([by_id[i] for i in data.categories.ids], nan_ok=True)


def test_without_faster_coco_eval_pycocotools_scores(truth, monkeypatch):
    assert isinstance(find_engine("auto")[1], partial) and find_engine("pycocotools") == (COCO, COCOeval)
    monkeypatch.setattr("src.evaluation.coco_scores.FasterEval", None)
    assert find_engine("auto") == (COCO, COCOeval)
    assert score_results(truth, [found(BOX_A, CUP, .9), found(BOX_B, CUP, .8)]).stats[:2] == (1, 1)
    with pytest.raises(UserError, match="not installed; .* --coco_engine pycocotools"):
        find_engine("faster-coco-eval")


# From images to figures: `evaluate` with a network whose heads hold known boxes.

# Left and top of each image on the 96 x 64 canvas, and pixels of the canvas for one of the image.
SIZES = {1: (320, 320), 2: (480, 160), 3: (960, 640)}
LETTERBOXES = {1: (16, 0, .2), 2: (0, 16, .2), 3: (0, 0, .1)}


def encoded(number, box, category, score, resize_mode):
    """A detection as the heads hold it: centre, size (fractions of the canvas), class number, score."""
    x, y, w, h = box
    cx, cy = x + w / 2, y + h / 2
    category = (CUP, BALL, KEY).index(category)
    if resize_mode == "stretch":
        width, height = SIZES[number]
        return cx / width, cy / height, w / width, h / height, category, score
    left, top, factor = LETTERBOXES[number]
    return ((left + cx * factor) / 96, (top + cy * factor) / 64, w * factor / 96, h * factor / 64, category, score)


@pytest.mark.parametrize("resize_mode", ["stretch", "letterbox"])
@pytest.mark.parametrize("nms_thresh, best_precision", [(0.5, 2 / 3), (1.0, 1 / 2)])
def test_evaluate_gives_the_ap_by_hand(tmp_path, resize_mode, nms_thresh, best_precision):
    """Three cups: one found twice, one found 10 pixels aside, one not found; and one false cup that ranks first.

    Ranks of the cups, without the duplicate, which NMS takes: wrong, right, and right up to an IoU of 0.80 (seven
    thresholds: recall 2/3, precision 2/3), wrong above (recall 1/3, precision 1/2). Without NMS the duplicate is wrong
    at rank 3: precision 2/4 at recall 2/3. The ball is found, and two more detections of balls lie in a crowd.
    """
    cups = {1: [(20, 30, 100, 100), (180, 150, 100, 100)], 2: [(200, 40, 100, 100)], 3: []}
    ball, crowd = (600, 300, 100, 100), (50, 50, 400, 500)
    images = [grey_image(number, SIZES[number], [(*box, CUP) for box in boxes]) for number, boxes in cups.items()]
    images[2]["boxes"] += [(*ball, BALL), (*crowd, BALL, 1)]
    detections = [(1, cups[1][0], CUP, .9), (1, shifted(cups[1][0], 5), CUP, .89),
                  (2, shifted(cups[2][0], 10), CUP, .8), (3, (500, 100, 300, 150), CUP, .95), (3, ball, BALL, .6),
                  (3, (60, 60, 200, 200), BALL, .75), (3, (260, 260, 150, 250), BALL, .7)]
    config, data = make_data(tmp_path, images, resize_mode=resize_mode, nms_thresh=nms_thresh)
    answers = {number: [encoded(*detection, resize_mode) for detection in detections if detection[0] == number]
               for number in SIZES}
    result = evaluate(Oracle(answers), data, config, 2, tmp_path / "results.json")
    cup_ap = .7 * levels(2, 3) / 101 * best_precision + .3 * levels(1, 3) / 101 / 2
    assert result.per_class_ap["cup"] == pytest.approx(cup_ap, abs=1e-9)
    assert result.per_class_ap["ball"] == pytest.approx(1.0) and np.isnan(result.per_class_ap["key"])
    assert result.ap == pytest.approx((cup_ap + 1) / 2, abs=1e-9)
    assert len(result.results) == len(detections) - (nms_thresh < 1)
    assert result.stats == pytest.approx(directly(tmp_path), abs=1e-12)

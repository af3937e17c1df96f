# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Values of annotation files as tools write them: read as they are meant, or refused with the cure."""
import json

import numpy as np
import pytest

from model_utils.errors import UserError
from src.data.annotations import like_percentages
from src.data.coco import read_coco
from src.evaluation.coco_scores import score_results
from tests.support.helpers import data_config, write_coco

ONE = [{"boxes": [(4, 4, 20, 20, 3)]}]
IMAGES = ({"boxes": [(4, 6, 20, 10, 3), (30, 20, 15, 12, 1)]}, {"boxes": [(1, 2, 30, 31, 7)]})


def changed(root, change, images=IMAGES):
    """Write a data set, change its json by a function, and return what is read from it."""
    path = write_coco(root, list(images))
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    return read_coco(data_config(root), "train", training=True)


def each(name, **values):
    """Return a change of every record of a list: fields by functions of what they hold."""
    def change(content):
        for record in content[name]:
            record.update({field: value(record.get(field)) for field, value in values.items()})
    return change


def both(*changes):
    """Return the changes as one."""
    def change(content):
        for one in changes:
            one(content)
    return change


def assert_same(found, expected):
    assert found.sizes == expected.sizes and found.categories.names == expected.categories.names
    assert found.report == {} and all(map(np.array_equal, found.boxes, expected.boxes))
    assert all(np.array_equal(found.truth[name], expected.truth[name]) for name in expected.truth)


@pytest.mark.parametrize(("change", "image_ids", "category_ids"), [
    (each("images", width=float, height=str), [1, 2], (3, 1, 7)),
    (each("images", id=float), [1, 2], (3, 1, 7)),
    (each("images", id=str), ["1", "2"], (3, 1, 7)),
    (each("images", id="{:07}".format), ["0000001", "0000002"], (3, 1, 7)),
    (each("annotations", image_id=float, category_id=str), [1, 2], (3, 1, 7)),
    (each("annotations", image_id=" {}.0 ".format), [1, 2], (3, 1, 7)),
    (both(each("images", id="scan-{}".format), each("annotations", image_id="scan-{}".format)),
     ["scan-1", "scan-2"], (3, 1, 7)),
    (both(each("categories", id="c{}".format), each("annotations", category_id="c{}".format)),
     [1, 2], ("c3", "c1", "c7")),
    (each("annotations", bbox=lambda box: [str(side) for side in box], area=str), [1, 2], (3, 1, 7)),
    (each("annotations", iscrowd=lambda _: "0"), [1, 2], (3, 1, 7)),
    (each("annotations", iscrowd=lambda _: "False"), [1, 2], (3, 1, 7)),
    (each("annotations", iscrowd=lambda _: None), [1, 2], (3, 1, 7))])
def test_what_is_certain_is_read_as_it_is_meant(tmp_path, change, image_ids, category_ids):
    found, expected = changed(tmp_path / "found", change), changed(tmp_path / "expected", lambda content: None)
    assert_same(found, expected)
    assert found.image_ids == image_ids and found.categories.ids == category_ids
    scores = score_results(found, [{"image_id": image_ids[index], "category_id": category_ids[number], "bbox": box,
                                    "score": 0.9} for index, number, box in zip(*(
                                        expected.truth[name].tolist() for name in ("image_index", "class_index",
                                                                                   "bbox")), strict=True)])
    assert scores.stats[0] == pytest.approx(1)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32-be", "latin-1"])
def test_encodings_of_tools(tmp_path, encoding):
    path = write_coco(tmp_path, ONE, categories=[{"id": 3, "name": "Löffel"}])
    path.write_bytes(json.dumps(json.loads(path.read_text()), ensure_ascii=False).encode(encoding))
    assert read_coco(data_config(tmp_path), "train", True).categories.names == ("Löffel",)


@pytest.mark.parametrize("flag", ["1", True, "true", 1.0, " TRUE "])
def test_a_crowd_region_is_one_in_any_form(tmp_path, flag):
    def change(content):
        content["annotations"][0]["iscrowd"] = flag
    assert changed(tmp_path, change).truth["iscrowd"].tolist() == [1, 0, 0]


@pytest.mark.parametrize("flag", ["yes", 2, 0.5, [], {}])
def test_another_crowd_flag_is_refused_with_its_place(tmp_path, flag):
    with pytest.raises(UserError, match=r'"iscrowd" of annotation 1 is .*; expected 0 or 1'):
        changed(tmp_path, each("annotations", iscrowd=lambda _: flag))


def test_boxes_as_fractions_are_refused(tmp_path):
    def change(content):
        for annotation in content["annotations"]:
            x, y, w, h = annotation["bbox"]
            annotation["bbox"] = [x / 64, y / 48, w / 64, h / 48]
    with pytest.raises(UserError, match="all 3 boxes lie between 0 and 1 .*: multiply x and width by the image's"):
        changed(tmp_path, change)


def test_boxes_as_corners_are_refused_where_most_leave_their_images_and_reported_where_few_do(tmp_path):
    def change(content):
        for annotation in content["annotations"]:
            x, y, w, h = annotation["bbox"]
            annotation["bbox"] = [x, y, x + w, y + h]
    far = [{"boxes": [(40, 30, 20, 15, 3), (2, 2, 5, 5, 3)]}, {"boxes": [(20, 30, 40, 12, 1)]}]
    with pytest.raises(UserError, match=r"2 of 3 boxes leave .* as x1, y1, x2, y2 \(first: annotation 1 of 000001.png"):
        changed(tmp_path / "far", change, images=far)
    near = [{"boxes": [(2, 2, 5, 5, 3), (3, 3, 6, 6, 1)]}, {"boxes": [(40, 30, 20, 15, 7)]}]
    assert changed(tmp_path / "near", change, images=near).report == {"boxes_like_corners": 1}


def test_a_few_boxes_as_fractions_are_reported(tmp_path):
    images = [{"boxes": [(4, 4, 20, 20, 3), (0.1, 0.2, 0.5, 0.5, 3)]}, {"boxes": [(0, 0, 0.5, 1, 1), (0, 0, 1, 2, 1)]}]
    data = changed(tmp_path, lambda content: None, images=images)
    assert data.report == {"boxes_like_fractions": 2, "boxes_slivers": 3, "categories_without_box": 1,
                           "images_without_boxes": 1}
    assert "2 boxes between 0 and 1, as fractions of the image, though others are in pixels (first: annotation 2 of " \
           "000001.png, bbox [0.1, 0.2, 0.5, 0.5])" in data.report_lines()


@pytest.mark.parametrize(("side", "extent", "count", "is_reported"), [
    (200, 100, 10, True), (200, 100, 9, False), (199, 100, 10, False), (200, 101, 10, False)])
def test_boxes_as_percentages_are_reported(side, extent, count, is_reported):
    boxes = np.array([(10, 20, 30, 40)] * (count - 1) + [(50, 60, extent - 50, 10)], float)
    assert like_percentages(boxes, np.full((count, 2), side)) == is_reported


@pytest.mark.parametrize(("change", "key", "line"), [
    (lambda file: file["categories"].append({"id": 9, "name": "cup"}), "categories_same_name",
     "1 category with the name of another"),
    (lambda file: file["annotations"].pop(), "categories_without_box", "1 category without a box (first: key)"),
    (each("annotations", area=lambda _: 0), "areas_zero", "3 boxes with an area of 0"),
    (lambda file: file["images"].append({**file["images"][0], "id": 9}), "images_same_file", "1 image listed")])
def test_what_no_one_intends_is_one_line(tmp_path, change, key, line):
    data = changed(tmp_path, change)
    assert key in data.report and sum(line in text for text in data.report_lines()) == 1
    assert data.truth["area"][0] == 200

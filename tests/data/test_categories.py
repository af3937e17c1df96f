# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The 80 classes of COCO, and how many a data set has."""
import pytest

from model_utils.errors import UserError
from src.data.categories import COCO, Categories, class_faults, read_names
from src.data.coco import load_json, read_categories
from tests.support.helpers import real_data


def test_categories_have_a_length():
    assert len(Categories(("cup", "key"), (3, 7))) == 2 and len(COCO) == 80


@pytest.mark.parametrize(("text", "fault"), [
    ("", "no name"), (" \n\n", "no name"), ("a\n\nb\n", "an empty line between"),
])
def test_a_file_of_names_without_a_name_in_each_line_is_refused(tmp_path, text, fault):
    (tmp_path / "obj.names").write_text(text)
    with pytest.raises(UserError, match=f"obj.names: has {fault}"):
        read_names(tmp_path / "obj.names")


def test_names_and_ids_that_no_class_has_are_refused(tmp_path):
    assert list(class_faults(["x" * 200, ""], [2**63 - 1, "x" * 200])) == []
    assert list(class_faults(["x" * 201, "\ud800", 5], [2**63, True, "x" * 300])) == [
        "the name of class 0 has 201 characters; expected at most 200",
        r"the name of class 1 is '\ud800'; expected a text", "the name of class 2 is 5; expected a text",
        "the id of class 0 is 9223372036854775808; expected a text or a whole number of 64 bits at most",
        "the id of class 1 is True; expected a text or a whole number of 64 bits at most",
        "the id of class 2 has 300 characters; expected at most 200"]
    (tmp_path / "obj.names").write_text("x" * 201)
    words = "the name of class 0 has 201 characters; expected at most 200; shorten"
    with pytest.raises(UserError, match=f"obj.names: {words}"):
        read_names(tmp_path / "obj.names")
    with pytest.raises(UserError, match=f"a.json: {words}"):
        read_categories({"categories": [{"id": 1, "name": "x" * 201}]}, "a.json")


def test_the_classes_of_coco():
    assert len(COCO.names) == len(COCO.ids) == len(set(COCO.names)) == 80
    ids = dict(zip(COCO.names, COCO.ids, strict=True))
    assert [ids[name] for name in ("person", "stop sign", "dining table", "toothbrush")] == [1, 13, 67, 90]


def test_the_classes_of_coco_are_those_of_its_annotation_files():
    categories = load_json(real_data("coco128") / "annotations" / "instances_val2017.json")["categories"]
    assert COCO.names == tuple(category["name"] for category in categories)
    assert COCO.ids == tuple(category["id"] for category in categories)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The 80 classes of COCO, and how many a data set has."""
import pytest

from model_utils.errors import UserError
from src.data.categories import COCO, Categories, read_names
from src.data.coco import load_json
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


def test_the_classes_of_coco():
    assert len(COCO.names) == len(COCO.ids) == len(set(COCO.names)) == 80
    ids = dict(zip(COCO.names, COCO.ids, strict=True))
    assert [ids[name] for name in ("person", "stop sign", "dining table", "toothbrush")] == [1, 13, 67, 90]


def test_the_classes_of_coco_are_those_of_its_annotation_files():
    categories = load_json(real_data("coco128") / "annotations" / "instances_val2017.json")["categories"]
    assert COCO.names == tuple(category["name"] for category in categories)
    assert COCO.ids == tuple(category["id"] for category in categories)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The data sets of the bench, made from small stand-ins for their sources."""
import json

import numpy as np
import pytest

from model_utils.errors import UserError
from src.data.coco import read_coco
from src.data.image_files import decode_image
from tests.support import tool_exports
from tests.support.helpers import data_config, write_coco
from tools.bench_sets import SETS, make_set

BLOOD = [{"id": 1, "name": "RBC"}, {"id": 2, "name": "WBC"}]


@pytest.fixture
def blood(tmp_path):
    for split, count in (("train", 70), ("val", 4)):
        write_coco(tmp_path / "blood", [{"boxes": [(20, 10, 16, 12, 2), (2, 2, 8, 8, 1), (38, 10, 4, 4, 2)]}] * count,
                   split, BLOOD)
    return tmp_path / "blood"


def sets_of(data):
    return [read_coco(data_config(data), split, training=False) for split in ("train", "val")]


def test_few_has_sixty_training_images_and_all_of_validation(tmp_path, blood):
    train, val = sets_of(make_set("few", blood, tmp_path, False))
    assert (len(train), len(val)) == (60, 4) and len(train.truth["bbox"]) == 180
    # The same ones each time, and not just the first.
    again, _ = sets_of(make_set("few", blood, tmp_path / "again", False))
    assert train.image_ids == again.image_ids != list(range(1, 61))


def test_large_has_a_crop_around_each_white_cell(tmp_path, blood):
    train, val = sets_of(make_set("large", blood, tmp_path, False))
    assert (len(train), len(val)) == (140, 8) and train.categories.names == ("WBC",)
    # A square of 1.5 times the longer side, 24, around the centre (28, 16); the other cell is half in it.
    assert train.sizes[0] == (24, 24)
    of_first = train.truth["bbox"][train.truth["image_index"] == 0]
    np.testing.assert_array_equal(of_first, [[4, 6, 16, 12], [22, 6, 2, 4]])
    # Less than half of the large cell is in the crop around the small one, 6 pixels around (40, 12).
    np.testing.assert_array_equal(train.truth["bbox"][train.truth["image_index"] == 1], [[1, 1, 4, 4]])
    source, _ = sets_of(blood)
    crop, image = (decode_image(data.paths[0], "auto") for data in (train, source))
    np.testing.assert_array_equal(crop, image[4:28, 16:40])


def test_coco100_is_scored_on_its_training_images(tmp_path):
    write_coco(tmp_path / "source", [{"boxes": [(2, 2, 20, 20, 1)]}] * 103, "train", BLOOD)
    train, val = sets_of(make_set("coco100", tmp_path / "source", tmp_path, False))
    assert len(train) == 100 and train.image_ids == val.image_ids
    # So none of them can be held out.
    assert make_set("coco100", None, tmp_path, True) == tmp_path / "coco100"
    with pytest.raises(UserError, match=f"coco100: was made from {tmp_path}/source, not from {tmp_path}/other: name"):
        make_set("coco100", tmp_path / "other", tmp_path, False)


def test_toy_is_converted_and_split_for_choices(tmp_path):
    tool_exports.roboflow(tmp_path / "export")
    whole, split = (make_set("toy", tmp_path / "export", tmp_path / "data", holds_out) for holds_out in (False, True))
    counts = [len(data) for data in sets_of(whole)], [len(data) for data in sets_of(split)]
    assert sum(counts[1]) == counts[0][0]
    # What is there is not made again.
    content = (whole / "annotations" / "instances_train2017.json").read_bytes()
    assert make_set("toy", None, tmp_path / "data", False) == whole
    assert (whole / "annotations" / "instances_train2017.json").read_bytes() == content
    assert json.loads(content)["images"]


def test_each_set_says_how_it_is_trained_on():
    assert all(entry.training_shape % 32 == 0 and entry.max_epoch > 10 for entry in SETS.values())

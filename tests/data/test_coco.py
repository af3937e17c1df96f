# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Reading a split: boxes, classes, what is dropped and counted, scoring against it, and files that are refused."""
import os
from contextlib import nullcontext

import numpy as np
import pytest

from model_utils.errors import UserError
from src.data.coco import FINDINGS, need_ground_truth, read_coco
from tests.support.helpers import CATEGORIES, data_config, real_data, write_coco
from tests.support.oracle import plain_judge


def read(root, split="train", training=True, **options):
    return read_coco(data_config(root, **options), split, training)


def test_boxes_classes_and_sizes_by_hand(tmp_path):
    write_coco(tmp_path, [
        {"id": 20, "size": (64, 48), "boxes": [(4, 6, 20, 10, 7), (0, 0, 64, 48, 1, 1), (1.5, 2.5, 3, 4, 3)]},
        {"id": 5, "size": (30, 40), "boxes": [(0, 0, 30, 40, 1)], "file_name": "z.jpg"},
    ])
    data = read(tmp_path)
    # The file's order of categories is kept, images are sorted by id.
    assert data.categories.names == ("cup", "ball", "key") and data.categories.ids == (3, 1, 7)
    assert len(data.categories) == 3 and len(data) == 2
    assert data.image_ids == [5, 20] and data.sizes == [(30, 40), (64, 48)]
    assert [path.rsplit("/", 2)[1:] for path in data.paths] == [["train2017", "z.jpg"], ["train2017", "000001.png"]]
    np.testing.assert_array_equal(data.boxes[0], [[0, 0, 30, 40, 1]])
    np.testing.assert_array_equal(data.boxes[1], [[4, 6, 24, 16, 2], [0, 0, 64, 48, -1], [1.5, 2.5, 4.5, 6.5, 0]])
    assert all(boxes.dtype == np.float32 for boxes in data.boxes)
    assert data.report == {} and data.report_lines() == []


# In sets whose boxes are all of one of the three categories.
UNUSED = {"categories_without_box": 2}


def broken_set(root, split="train"):
    extra = [{"id": 90, "image_id": 1, "category_id": 3},
             {"id": 91, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3]},
             {"id": 92, "image_id": 1, "category_id": 3, "bbox": [1, 2, "three", 4]},
             {"id": 93, "image_id": 1, "category_id": 3, "bbox": [float("nan"), 2, 3, 4]},
             {"id": 94, "image_id": 1, "category_id": 3, "bbox": [1, 2, float("inf"), 4]},
             {"id": 95, "image_id": 1, "category_id": 3, "bbox": [1, 2, 10**400, 4]},
             {"id": 96, "image_id": 77, "category_id": 3, "bbox": [1, 2, 3, 4]},
             {"id": 97, "category_id": 3, "bbox": [1, 2, 3, 4]},
             {"id": 98, "image_id": [1], "category_id": 3, "bbox": [1, 2, 3, 4]},
             {"id": 99, "image_id": 1, "category_id": None, "bbox": [1, 2, 3, 4]}]
    boxes = [(4, 4, 20, 20, 3), (5, 5, 0, 10, 3), (5, 5, 10, -3, 3), (64, 0, 10, 10, 3), (-10, -10, 10, 5, 3),
             (5, 5, 5, 5, 2), (-6, 40, 20, 20, 1), (0, 0, 64.01, 48, 7)]
    return write_coco(root, [{"boxes": boxes}, {"boxes": [(1, 1, 0, 0, 3)]}, {}], split, annotations=extra)


FOUND = {"boxes_unknown_image": 3, "boxes_unknown_category": 2, "boxes_absent": 1, "boxes_malformed": 5,
         "boxes_without_size": 3, "boxes_outside_image": 2, "boxes_clipped": 1}


def test_broken_boxes_are_dropped_counted_and_reported(tmp_path):
    broken_set(tmp_path)
    data = read(tmp_path)
    assert data.report == FOUND | {"images_without_boxes": 2}
    assert data.image_ids == [1]
    np.testing.assert_allclose(data.boxes[0], [[4, 4, 24, 24, 0], [0, 40, 14, 48, 1], [0, 0, 64, 48, 2]])
    lines = "\n".join(data.report_lines())
    assert "2 boxes of an unknown category: dropped (first: annotation 6 of 000001.png, category_id 2 " in lines
    assert "3 boxes of an image that is not in the file: dropped (first: annotation 96, image_id 77 (" in lines
    assert "2 images without boxes: left out of training" in lines and "(first: 000002.png)" in lines
    assert len(data.report_lines()) == len(data.report) and set(data.report) < set(FINDINGS)


def test_evaluation_and_keep_empty_keep_all_images(tmp_path):
    broken_set(tmp_path)
    broken_set(tmp_path, "val")
    for data in (read(tmp_path, keep_empty=True), read(tmp_path, "val", training=False)):
        assert data.image_ids == [1, 2, 3] and data.report == FOUND
        assert [len(boxes) for boxes in data.boxes] == [3, 0, 0]
        assert all(boxes.shape[1] == 5 for boxes in data.boxes)


def test_images_of_crowds_and_slivers_are_left_out(tmp_path):
    images = [{"boxes": [(1, 1, 30, 30, 3, 1)]}, {"boxes": [(1, 1, 1, 30, 3)]}, {"boxes": [(1, 1, 1.1, 30, 3)]}]
    write_coco(tmp_path, images)
    data = read(tmp_path)
    assert data.image_ids == [3] and data.report == UNUSED | {"images_without_boxes": 2, "boxes_slivers": 1}
    assert data.examples["boxes_slivers"] == "000002.png"
    assert len(data.coco_dataset["images"]) == len(data.coco_dataset["annotations"]) == 1


def test_nothing_to_train_on_is_an_error(tmp_path):
    write_coco(tmp_path, [{"boxes": [(1, 1, 0, 0, 3)]}, {"boxes": [(1, 1, 9, 9, 3, 1)]}])
    for keep_empty in (False, True):
        with pytest.raises(UserError, match=r"none of its 2 images has a box to train on; its boxes \(1\) are "
                           "all crowd regions .*; 1 box of zero"):
            read(tmp_path, keep_empty=keep_empty)
    write_coco(tmp_path, [{}], "val")
    assert len(read(tmp_path, "val", training=False)) == 1


def test_boxes_over_max_box_are_reported(tmp_path):
    write_coco(tmp_path, [{"boxes": [(i, i, 9, 9, 3) for i in range(count)]} for count in (3, 5, 7)])
    report = read(tmp_path, max_box=4).report
    assert report == UNUSED | {"images_over_max_box": 2, "boxes_over_max_box": 4}
    assert read(tmp_path, max_box=7).report == UNUSED


def test_ground_truth_scores_one_despite_broken_boxes(tmp_path, capsys):
    broken_set(tmp_path, "val")
    data = read(tmp_path, "val", training=False)
    assert capsys.readouterr().out == ""
    annotations = data.coco_dataset["annotations"]
    boxes = {annotation["id"]: annotation["bbox"] for annotation in annotations}
    # As in the file, not clipped, and numbered from 1.
    assert boxes == {1: [4, 4, 20, 20], 2: [-6, 40, 20, 20], 3: [0, 0, 64.01, 48]}
    results = [{"image_id": 1, "category_id": data.categories.ids[annotation["category_id"] - 1],
                "bbox": annotation["bbox"], "score": 0.9} for annotation in annotations]
    assert plain_judge(data, results).stats[:2] == pytest.approx([1, 1])
    assert capsys.readouterr().out == ""


def test_missing_annotation_fields_have_defaults(tmp_path):
    write_coco(tmp_path, [{}], "val", annotations=[
        {"image_id": 1, "category_id": 1, "bbox": [2, 2, 10, 5]},
        {"id": 0, "image_id": 1, "category_id": 1, "bbox": [2, 12, 10, 5], "area": 12.5, "iscrowd": 1},
        {"id": 0, "image_id": 1, "category_id": 1, "bbox": [20, 12, 10, 5], "area": None, "iscrowd": 0}])
    annotations = read(tmp_path, "val", training=False).coco_dataset["annotations"]
    assert [(a["id"], a["area"], a["iscrowd"]) for a in annotations] == [(1, 50, 0), (2, 12.5, 1), (3, 50, 0)]


def test_bccd_has_two_broken_boxes():
    data = read(real_data("bccd"))
    assert data.report == {"boxes_without_size": 2}
    assert "annotation 3153 of BloodImage_00338.jpg" in data.report_lines()[0]
    assert len(data) == 292 and sum(map(len, data.boxes)) == 3941
    assert data.categories.names == ("RBC", "WBC", "Platelets")
    evaluation = read(real_data("bccd"), "val", training=False)
    assert evaluation.report == {} and len(evaluation) == 72 and len(evaluation.coco_dataset["annotations"]) == 945


def test_coco128_is_clean():
    data = read(real_data("coco128"))
    assert data.report == {"categories_without_box": 9, "images_without_boxes": 2} and len(data) == 126
    assert len(data.categories) == 80 and data.categories.ids[-1] == 90
    assert sum(map(len, data.boxes)) == 929
    evaluation = read(real_data("coco128"), "val", training=False)
    assert len(evaluation) == 128 and set(evaluation.report) == {"categories_without_box"}


# Files that cannot be used

ONE = [{"boxes": [(4, 4, 20, 20, 3)]}]


def refused(root, words, training=True):
    """The text of the error, which must hold `words`."""
    with pytest.raises(UserError) as error:
        read_coco(data_config(root), "train", training)
    assert words in str(error.value)
    return str(error.value)


def test_data_dir_not_set():
    with pytest.raises(UserError, match="--data_dir"):
        read_coco(data_config(""), "train", True)


def test_missing_folders_and_files_are_named(tmp_path):
    assert "data folder" in refused(tmp_path / "nowhere", str(tmp_path / "nowhere"))
    assert "image folder" in refused(tmp_path, "train2017")
    (tmp_path / "train2017").mkdir()
    assert "annotation file" in refused(tmp_path, "instances_train2017.json")


def test_broken_json_is_located(tmp_path):
    path = write_coco(tmp_path, ONE)
    path.write_text('{"images": [],\n "annotations": [}')
    assert str(path) in refused(tmp_path, "line 2, column 18")
    path.write_text("")
    refused(tmp_path, "line 1, column 1")
    path.write_bytes(b'{"images": "\xff\xfe\xff"}')
    refused(tmp_path, str(path))
    path.write_text("9" * 5000)
    refused(tmp_path, str(path))
    path.write_text("[" * 100_000)
    refused(tmp_path, str(path))


@pytest.mark.parametrize(("boxes", "is_refused"), [([], True), ([(1, 1, 9, 9, 3, 1)], True),
                                                   ([(1, 1, 9, 9, 3)], False)])
def test_ground_truth_needs_an_object(tmp_path, boxes, is_refused):
    path = write_coco(tmp_path, [{"boxes": boxes}], "val")
    data = read_coco(data_config(tmp_path), "val", training=False)
    with pytest.raises(UserError, match="has no annotation to score against") if is_refused else nullcontext():
        need_ground_truth(data, path)


@pytest.mark.parametrize(("content", "words"), [
    ({"categories": None}, '"categories"'),
    ({"categories": []}, '"categories" is empty'),
    ({"categories": [{"id": 1, "nam": "cup"}]}, 'entry 0 of "categories" has no "name"; did you mean nam?; expected a'),
    ({"categories": [{"id": 1.5, "name": "cup"}]}, 'has "id" 1.5 (number); expected a whole number of 64 bits at most'),
    ({"categories": [{"id": True, "name": "cup"}]}, 'has "id" True (true or false); expected a whole number'),
    ({"categories": [{"id": [3], "name": "cup"}]}, 'has "id" [3]; expected a whole number'),
    ({"categories": [CATEGORIES[0], CATEGORIES[1], CATEGORIES[0]]}, 'id 3 occurs more than once in "categories"'),
    ({"categories": [{"id": 2**63, "name": "cup"}]}, "expected a whole number of 64 bits at most"),
    ({"images": [{"id": 1, "file_name": "000001.png", "width": 10**400, "height": 9}]}, "expected a whole number of"),
    ({"images": None}, 'no list "images"'),
    ({"images": []}, '"images" is empty'),
    ({"images": {"id": 1}}, 'no list "images"'),
    ({"images": [7]}, "entry 0 of \"images\" is 7"),
    ({"images": [{"id": 1, "file_name": "000001.png", "width": 64}]}, 'entry 0 of "images" has no "height"'),
    ({"images": [{"id": 1, "file_name": "000001.png", "width": 64, "height": "48.5"}]}, '"height" \'48.5\' (text)'),
    ({"images": [{"id": 1, "file_name": "000001.png", "width": 64, "height": 0}]}, "64x0"),
    ({"annotations": None}, 'no list "annotations"'),
    ({"annotations": [{}, None]}, 'entry 1 of "annotations" is None'),
])
def test_wrong_structure_is_reported(tmp_path, content, words):
    path = write_coco(tmp_path, ONE, overrides=content)
    assert str(path) in refused(tmp_path, words)


def test_a_list_instead_of_an_object(tmp_path):
    write_coco(tmp_path, ONE).write_text("[1, 2]")
    refused(tmp_path, "holds a json list")


def test_image_ids_must_differ_but_files_may_repeat(tmp_path):
    write_coco(tmp_path, [{"id": 4, **ONE[0]}, {"id": 4}])
    refused(tmp_path, 'id 4 occurs more than once in "images"')
    write_coco(tmp_path, [{"id": 4, **ONE[0]}, {"id": 5, "file_name": "000001.png", **ONE[0]}])
    assert len(read_coco(data_config(tmp_path), "train", True)) == 2


@pytest.mark.parametrize("training", [True, False])
def test_missing_images_are_counted_and_the_first_named(tmp_path, training):
    write_coco(tmp_path, [ONE[0], {"write": False}, {"write": False}])
    text = refused(tmp_path, "2 of the 3 images", training)
    assert "000002.png" in text and str(tmp_path / "train2017") in text


def test_a_missing_subfolder_is_a_missing_image(tmp_path):
    write_coco(tmp_path, [ONE[0], {"file_name": "gone/a.png", "write": False},
                          {"file_name": "000001.png/a.png", "write": False}])
    assert "gone/a.png" in refused(tmp_path, "2 of the 3 images")


@pytest.mark.parametrize("name", ["../secret.png", "/etc/passwd", "a/../../secret.png", ".."])
def test_no_file_name_leads_out_of_the_folder(tmp_path, name):
    (tmp_path / "secret.png").write_bytes(b"x")
    write_coco(tmp_path, [{"file_name": name, "write": False, **ONE[0]}])
    assert name in refused(tmp_path, "1 of the 1 image named in")


def test_subfolders_and_detours_inside_are_fine(tmp_path):
    write_coco(tmp_path, [{"file_name": "night/a.png", **ONE[0]},
                          {"file_name": "night/../night/a.png", **ONE[0]}])
    data = read_coco(data_config(tmp_path), "train", True)
    assert data.paths == [os.path.join(tmp_path, "train2017", "night", "a.png")] * 2


def test_a_linked_image_folder_is_fine(tmp_path):
    write_coco(tmp_path / "real", ONE)
    (tmp_path / "train2017").symlink_to(tmp_path / "real" / "train2017")
    (tmp_path / "annotations").symlink_to(tmp_path / "real" / "annotations")
    assert len(read_coco(data_config(tmp_path), "train", True)) == 1

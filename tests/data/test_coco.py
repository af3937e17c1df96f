# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Reading a split: boxes, classes, what is dropped and how it is counted; scoring against it."""
import json
import time

import numpy as np
import pytest

from model_utils.errors import UserError
from src.data.coco import FINDINGS, read_coco
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


def broken_set(root, split="train"):
    extra = [{"id": 90, "image_id": 1, "category_id": 3},
             {"id": 91, "image_id": 1, "category_id": 3, "bbox": [1, 2, 3]},
             {"id": 92, "image_id": 1, "category_id": 3, "bbox": [1, 2, "3", 4]},
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


FOUND = {"boxes_unknown_image": 3, "boxes_unknown_category": 2, "boxes_without_size": 9, "boxes_outside_image": 2,
         "boxes_clipped": 1}


def test_what_is_broken_is_dropped_counted_and_told(tmp_path):
    broken_set(tmp_path)
    data = read(tmp_path)
    assert data.report == FOUND | {"images_without_boxes": 2}
    assert data.image_ids == [1]
    np.testing.assert_allclose(data.boxes[0], [[4, 4, 24, 24, 0], [0, 40, 14, 48, 1], [0, 0, 64, 48, 2]])
    lines = "\n".join(data.report_lines())
    assert "2 boxes of an unknown category: dropped (first: annotation 6 of 000001.png)" in lines
    assert "3 boxes of an image that is not in the file: dropped (first: annotation 96 of image_id 77)" in lines
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
    assert data.image_ids == [3] and data.report == {"images_without_boxes": 2}
    assert len(data.coco_dataset["images"]) == len(data.coco_dataset["annotations"]) == 1


def test_nothing_to_train_on_is_an_error(tmp_path):
    write_coco(tmp_path, [{"boxes": [(1, 1, 0, 0, 3)]}, {"boxes": [(1, 1, 9, 9, 3, 1)]}])
    for keep_empty in (False, True):
        with pytest.raises(UserError, match="none of its 2 images has a box to train on; 1 boxes of zero"):
            read(tmp_path, keep_empty=keep_empty)
    write_coco(tmp_path, [{}], "val")
    assert len(read(tmp_path, "val", training=False)) == 1


def test_boxes_over_max_box_are_reported(tmp_path):
    write_coco(tmp_path, [{"boxes": [(i, i, 9, 9, 3) for i in range(count)]} for count in (3, 5, 7)])
    report = read(tmp_path, max_box=4).report
    assert report == {"images_over_max_box": 2, "boxes_over_max_box": 4}
    assert read(tmp_path, max_box=7).report == {}


def test_ground_truth_scores_one_despite_broken_boxes(tmp_path, capsys):
    broken_set(tmp_path, "val")
    data = read(tmp_path, "val", training=False)
    assert capsys.readouterr().out == ""
    annotations = data.coco_dataset["annotations"]
    boxes = {annotation["id"]: annotation["bbox"] for annotation in annotations}
    # As in the file, not clipped, and numbered from 1.
    assert boxes == {1: [4, 4, 20, 20], 2: [-6, 40, 20, 20], 3: [0, 0, 64.01, 48]}
    results = [{"image_id": 1, "category_id": annotation["category_id"], "bbox": annotation["bbox"], "score": 0.9}
               for annotation in annotations]
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
    assert data.report == {"images_without_boxes": 2} and len(data) == 126
    assert len(data.categories) == 80 and data.categories.ids[-1] == 90
    assert sum(map(len, data.boxes)) == 929
    evaluation = read(real_data("coco128"), "val", training=False)
    assert len(evaluation) == 128 and evaluation.report == {}


@pytest.mark.slow
def test_the_whole_of_coco_is_read_in_a_minute(tmp_path):
    images, per_image = 118_000, 7
    path = write_coco(tmp_path, [{"boxes": [(4, 4, 20, 20, 3)]}])
    for number in range(images):
        (tmp_path / "train2017" / f"{number:012}.jpg").touch()
    with path.open("w") as file:
        file.write(f'{{"categories": {json.dumps(CATEGORIES)}, "images": [')
        file.write(",".join(f'{{"id": {n}, "file_name": "{n:012}.jpg", "width": 640, "height": 480}}'
                            for n in range(images)))
        file.write('], "annotations": [')
        file.write(",".join(f'{{"id": {n}, "image_id": {n // per_image}, "category_id": 7, "iscrowd": 0, "area": 9.5, '
                            f'"bbox": [10.5, 20.25, 30.125, 40.0], "segmentation": [[{"1.25, 7.5, " * 20}3.5]]}}'
                            for n in range(images * per_image)))
        file.write("]}")
    start = time.perf_counter()
    data = read(tmp_path)
    seconds = time.perf_counter() - start
    print(f"{path.stat().st_size / 1e6:.0f} MB read in {seconds:.1f} s")
    assert len(data) == images and data.report == {}
    assert seconds < 60

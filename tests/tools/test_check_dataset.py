# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The check of a data folder: its tables by hand, duplicates, anchors, and what makes it wrong."""
import json

import pytest

from model_utils.errors import run_cli
from tests.support.helpers import real_data, write_coco
from tools import check_dataset

CLASSES = [{"id": 1, "name": "cup"}, {"id": 2, "name": "ball"}]


def write(root, split="train", images=None, **options):
    """Write a split of two images of 64 x 64 pixels."""
    images = images or [{"size": (64, 64), "boxes": [(1, 1, 20, 10, 1), (5, 30, 40, 30, 2), (0, 0, 9, 9, 1, 1)]},
                        {"size": (64, 64), "boxes": [(2, 2, 31, 33, 1)]}]
    return write_coco(root, images, split, CLASSES, **options)


def check(root, capsys, *options):
    """Return (exit code, report, text) of a check."""
    path = root / "report.json"
    code = run_cli(check_dataset.main, [str(root), f"--json={path}", "--training_shape=64", *options])
    report = json.loads(path.read_text())
    return code, report, capsys.readouterr().out


def test_tables_by_hand(tmp_path, capsys):
    write(tmp_path)
    write(tmp_path, "val")
    code, report, text = check(tmp_path, capsys)
    assert code == 0 and report["faults"] == []
    train = report["splits"]["train"]
    assert (train["images"], train["boxes"], train["crowd_regions"]) == (2, 3, 1)
    # COCO's small boxes are below 1024 square pixels; 31 x 33 is one less.
    assert train["classes"] == {"cup": {"images": 2, "boxes": 2, "small": 2, "medium": 0, "large": 0},
                                "ball": {"images": 1, "boxes": 1, "small": 0, "medium": 1, "large": 0}}
    assert "train: 2 images, 3 boxes, 1 crowd region" in text and "ball" in text
    # Both splits hold the same two drawn images.
    assert report["leakage"] == [["train2017/000001.png", "val2017/000001.png"],
                                 ["train2017/000002.png", "val2017/000002.png"]]
    assert "2 images of train and val are the same file" in text


def test_anchors_that_fit_are_recognised_and_better_ones_found(tmp_path, capsys):
    # Three kinds for each scale, none of the default shapes.
    sides = [(8, 8), (16, 8), (40, 16), (70, 150), (160, 70), (300, 100)]
    images = [{"size": (320, 320), "boxes": [(1, 1, *side, 1 + number % 2)]} for number, side in enumerate(sides)] * 2
    write(tmp_path, images=images)
    write(tmp_path, "val")
    _, fitting, _ = check(tmp_path, capsys, f"--anchors={json.dumps(sides)}", "--training_shape=320")
    assert (fitting["anchors"]["mean_iou"], fitting["anchors"]["best_possible_recall"]) == (1, 1)
    _, others, text = check(tmp_path, capsys, "--training_shape=320")
    assert others["anchors"]["mean_iou"] < 0.8 < others["anchors"]["fitted"]["mean_iou"]
    assert "anchors: mean IoU 0." in text and "fitted to them: mean IoU" in text


@pytest.mark.parametrize(("change", "words"), [
    ({"annotations": [{"id": 9, "image_id": 1, "category_id": 7, "bbox": [1, 1, 5, 5]}]}, "of an unknown category"),
    ({"annotations": [{"id": 9, "image_id": 1, "category_id": 1, "bbox": [1, 1, 5]}]}, "1 box that is not four"),
    ({"overrides": {"images": []}}, '"images" is empty')])
def test_what_would_train_wrongly_is_an_error(tmp_path, capsys, change, words):
    write(tmp_path, **change)
    write(tmp_path, "val")
    code, report, text = check(tmp_path, capsys)
    assert code == 1 and any(words in fault for fault in report["faults"]) and words in text


@pytest.mark.parametrize(("boxes", "words"), [
    ([], "has a box to train on"), ([(1, 1, 9, 9, 1, 1)], "are all crowd regions"),
    ([(1, 1, 1, 30, 1)], "1 box at most one pixel wide or high")])
def test_a_split_without_a_box_to_use_is_an_error(tmp_path, capsys, boxes, words):
    write(tmp_path, images=[{"size": (64, 64), "boxes": boxes}])
    write(tmp_path, "val", images=[{"size": (64, 64)}])
    code, report, text = check(tmp_path, capsys)
    train, val = report["faults"]
    assert code == 1 and "none of its 1 image has a box to train on" in train and words in train
    assert "instances_val2017.json: has no annotation to score against" in val and f"error: {val}" in text


def test_a_class_that_only_validation_has_is_named(tmp_path, capsys):
    write(tmp_path, images=[{"size": (64, 64), "boxes": [(1, 1, 20, 10, 1)]}])
    write(tmp_path, "val")
    code, report, text = check(tmp_path, capsys)
    assert code == 0 and report["unlearned"] == ["ball"]
    assert "warning: 1 class of val without a box in train, so not learned: ball" in text


def test_classes_of_one_name_are_told_apart(tmp_path, capsys):
    images = [{"size": (64, 64), "boxes": [(1, 1, 20, 10, 1), (30, 30, 9, 9, 2)]}, {"boxes": [(1, 1, 20, 10, 1)]}]
    for split in ("train", "val"):
        write_coco(tmp_path, images, split, [{"id": number, "name": "cell"} for number in (1, 2, 3)])
    _, report, _ = check(tmp_path, capsys)
    assert {name: found["boxes"] for name, found in report["splits"]["train"]["classes"].items()} == {
        "cell (1)": 2, "cell (2)": 1, "cell (3)": 0}


def test_images_that_may_not_be_read_do_not_end_the_search_for_duplicates(tmp_path):
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"same")
    paths = [tmp_path / name for name in ("a.png", "gone.png", "b.png", "gone too.png")]
    assert check_dataset.duplicates(paths, 2) == [[tmp_path / "a.png", tmp_path / "b.png"]]


def test_images_that_cannot_be_read_and_other_classes_are_errors(tmp_path, capsys):
    write(tmp_path)
    write_coco(tmp_path, [{"size": (64, 64), "boxes": [(1, 1, 20, 10, 1)]}], "val", CLASSES[:1])
    (tmp_path / "train2017" / "000002.png").write_bytes(b"no image")
    code, report, _ = check(tmp_path, capsys)
    assert code == 1 and [fault.split(" ")[0] for fault in report["faults"]] == ["train:", "the"]
    assert "000002.png" in report["faults"][0] and "classes of train, cup, ball, are not those of val, cup" in (
        report["faults"][1])


def test_the_broken_boxes_of_bccd_are_found(tmp_path, capsys):
    code = run_cli(check_dataset.main, [str(real_data("bccd")), "--json", str(tmp_path / "report.json")])
    report = json.loads((tmp_path / "report.json").read_text())
    assert code == 0 and report["splits"]["train"]["boxes"] == 3941
    assert [entry["count"] for entry in report["splits"]["train"]["findings"]] == [2]
    assert "annotation 3153 of BloodImage_00338.jpg" in capsys.readouterr().out

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What in an annotation file makes a data set useless, and how that is said."""
import os
from contextlib import nullcontext

import pytest

from model_utils.errors import UserError
from src.data.coco import need_ground_truth, read_coco
from tests.support.helpers import CATEGORIES, data_config, write_coco

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
def test_what_is_scored_against_has_an_object(tmp_path, boxes, is_refused):
    path = write_coco(tmp_path, [{"boxes": boxes}], "val")
    data = read_coco(data_config(tmp_path), "val", training=False)
    with pytest.raises(UserError, match="has no annotation to score against") if is_refused else nullcontext():
        need_ground_truth(data, path)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    path = write_coco(tmp_path, ONE)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_coco(data_config(tmp_path), "train", True)) == 1


@pytest.mark.parametrize(("content", "words"), [
    ({"categories": None}, '"categories"'),
    ({"categories": []}, '"categories" is empty'),
    ({"categories": [{"id": 1}]}, '"name" of entry 0 of "categories" is None'),
    ({"categories": [{"id": "one", "name": "cup"}]}, "expected a whole number"),
    ({"categories": [CATEGORIES[0], CATEGORIES[1], CATEGORIES[0]]}, 'id 3 occurs more than once in "categories"'),
    ({"categories": [{"id": 2**63, "name": "cup"}]}, "expected a whole number of 64 bits at most"),
    ({"images": [{"id": 1, "file_name": "000001.png", "width": 10**400, "height": 9}]}, "expected a whole number of"),
    ({"images": None}, 'no list "images"'),
    ({"images": []}, '"images" is empty'),
    ({"images": {"id": 1}}, 'no list "images"'),
    ({"images": [7]}, "entry 0 of \"images\" is 7"),
    ({"images": [{"id": 1, "file_name": "000001.png", "width": 64}]}, '"height" of entry 0 of "images" is None'),
    ({"images": [{"id": 1, "file_name": "000001.png", "width": 64, "height": 0}]}, "64x0"),
    ({"annotations": None}, 'no list "annotations"'),
    ({"annotations": [{}, None]}, 'entry 1 of "annotations" is None'),
])
def test_wrong_structure_is_said_in_words(tmp_path, content, words):
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
def test_a_file_name_must_stay_in_the_folder(tmp_path, name):
    (tmp_path / "secret.png").write_bytes(b"x")
    write_coco(tmp_path, [{"file_name": name, "write": False, **ONE[0]}])
    assert name in refused(tmp_path, "leaves the image folder")


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

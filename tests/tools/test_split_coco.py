# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The split of the training images: each image on one side, and errors for what cannot be split."""
import json
import os

import pytest

from model_utils import files
from model_utils.errors import run_cli
from tests.support.helpers import write_coco
from tools import split_coco


@pytest.fixture
def data(tmp_path):
    write_coco(tmp_path / "data", [{"boxes": [(5, 5, 20, 20, 1), (9, 9, 8, 8, 3)] if number % 2 else []}
                                   for number in range(8)])
    return tmp_path / "data"


def split(data, out, *arguments):
    return run_cli(split_coco.main, [str(data), str(out), *arguments])


def content_of(folder, name):
    return json.loads((folder / "annotations" / f"instances_{name}2017.json").read_text())


def ids_of(folder):
    return [{image["id"] for image in content_of(folder, name)["images"]} for name in ("train", "val")]


def test_a_split_divides_the_images(tmp_path, data, capsys):
    out = tmp_path / "new" / "split"
    assert split(data, out, "--fraction=0.25") == 0
    assert "6 training images, 2 held out" in capsys.readouterr().out
    ids = ids_of(out)
    assert [len(part) for part in ids] == [6, 2] and ids[0] | ids[1] == set(range(1, 9))
    whole = content_of(data, "train")
    for name, part in zip(("train", "val"), ids, strict=True):
        content = content_of(out, name)
        assert content["annotations"] == [box for box in whole["annotations"] if box["image_id"] in part]
        assert content["categories"] == whole["categories"]
        assert all((out / f"{name}2017" / image["file_name"]).is_file() for image in content["images"])
    # Images without boxes are among both.
    assert sum(len(content_of(out, name)["annotations"]) for name in ("train", "val")) == 8
    assert os.listdir(out.parent) == ["split"]


def test_the_seed_decides_and_the_order_of_the_file_does_not(tmp_path, data):
    path = data / "annotations" / "instances_train2017.json"
    assert split(data, tmp_path / "first") == 0
    content = json.loads(path.read_text())
    content["images"].reverse()
    path.write_text(json.dumps(content))
    assert split(data, tmp_path / "second") == 0
    assert ids_of(tmp_path / "first") == ids_of(tmp_path / "second")
    assert len({frozenset(split_coco.draw(range(100), 0.2, seed)[1]) for seed in range(5)}) == 5


@pytest.mark.parametrize("fraction, expected", [("0.06", "0 held out and 8"), ("0.95", "8 held out and 0")])
def test_a_side_without_images_is_refused(tmp_path, data, capsys, fraction, expected):
    assert split(data, tmp_path / "split", f"--fraction={fraction}") == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and expected in error and "choose a --fraction" in error
    assert os.listdir(tmp_path) == ["data"]


@pytest.mark.parametrize("fraction", ["0", "1", "-1", "nan"])
def test_a_fraction_lies_between_0_and_1(tmp_path, data, capsys, fraction):
    assert split(data, tmp_path / "split", f"--fraction={fraction}") == 2
    assert "expected more than 0 and less than 1" in capsys.readouterr().err


@pytest.mark.parametrize("text, expected", [
    ("{", "broken json in line 1"), ('{"images": [], "annotations": []}', '"images" is empty'),
    ('{"annotations": []}', 'no list "images"'), (None, "annotation file does not exist")])
def test_an_annotation_file_that_cannot_be_used(tmp_path, data, capsys, text, expected):
    path = data / "annotations" / "instances_train2017.json"
    path.unlink() if text is None else path.write_text(text)
    assert split(data, tmp_path / "split") == 1
    error = capsys.readouterr().err
    assert expected in error and str(path) in error
    assert os.listdir(tmp_path) == ["data"]


def test_a_missing_folder_and_an_existing_one(tmp_path, data, capsys):
    assert split(tmp_path / "nowhere", tmp_path / "split") == 1
    assert f"{tmp_path / 'nowhere'}: the data folder does not exist" in capsys.readouterr().err
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    for name in ("data", "dangling"):
        assert split(data, tmp_path / name) == 2
        assert "exists: name a new folder" in capsys.readouterr().err


def test_a_failure_in_the_middle_leaves_nothing(tmp_path, data, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device", "the disk")

    monkeypatch.setattr(files.os, "rename", no_space)
    assert split(data, tmp_path / "split") == 1
    assert os.listdir(tmp_path) == ["data"]


def test_ids_of_another_type_keep_their_annotations_and_lost_ones_are_counted(tmp_path, data, capsys):
    path = data / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    for number, box in enumerate(content["annotations"]):
        box["image_id"] = (str, float, "{:06}".format)[number % 3](box["image_id"])
    content["annotations"] += [{"id": 90, "image_id": 77}, {"id": 91}]
    path.write_text(json.dumps(content))
    assert split(data, tmp_path / "out") == 0
    sides = [content_of(tmp_path / "out", name)["annotations"] for name in ("train", "val")]
    assert sum(map(len, sides)) == len(content["annotations"]) - 2 and all(sides)
    assert capsys.readouterr().err == (
        f"warning: {path}: 2 annotations are of an image that is not in the file, and go to neither side (first: "
        "annotation 90 of image_id 77 (number))\n")

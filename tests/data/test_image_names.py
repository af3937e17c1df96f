# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Names of images as annotation tools write them, and the files that they mean."""
import unicodedata

import pytest

from model_utils.errors import UserError
from src.data.image_names import ImageFolder


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    """Return an image folder with some files."""
    for name in ("a_1.jpg", "night/b.png", "Großes Bild.jpeg", "50%25.jpg", "é.png"):
        path = tmp_path / unicodedata.normalize("NFC", name)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path


@pytest.mark.parametrize(("name", "file"), [
    ("images/a_1.jpg", "a_1.jpg"), ("train2017/a_1.jpg", "a_1.jpg"), ("images\\a_1.jpg", "a_1.jpg"),
    ("C:\\data\\images\\a_1.jpg", "a_1.jpg"), ("/home/me/images/a_1.jpg", "a_1.jpg"), ("A_1.JPG", "a_1.jpg"),
    ("a%5F1.jpg", "a_1.jpg"), (".\\night\\B.png", "night/b.png"), ("x/night/b.png", "night/b.png"),
    ("Gro%C3%9Fes%20Bild.jpeg", "Großes Bild.jpeg"), ("GROSSES BILD.JPEG", "Großes Bild.jpeg"),
    (unicodedata.normalize("NFD", "é.png"), unicodedata.normalize("NFC", "é.png"))])
def test_names_of_tools_are_found_and_reported(folder, name, file):
    paths, renamed = ImageFolder(folder, "train.json").find([name])
    assert paths == [str(folder / file)] and renamed == [(name, paths[0])]


@pytest.mark.parametrize("name", ["a_1.jpg", "./night/b.png", "night/../a_1.jpg", "50%25.jpg"])
def test_a_file_of_the_very_name_comes_first(folder, name):
    paths, renamed = ImageFolder(folder, "train.json").find([name])
    assert (folder / name).samefile(paths[0]) and renamed == []


def test_a_lost_file_keeps_its_path_and_leads_nowhere_else(folder):
    paths, renamed = ImageFolder(folder, "train.json").find(["./lost.jpg", "A_1.JPG"], may_be_lost=True)
    assert paths == [str(folder / "lost.jpg"), str(folder / "a_1.jpg")] and len(renamed) == 1
    for name in ("../lost.jpg", "/lost.jpg"):
        with pytest.raises(UserError, match="1 of the 1 image named in train.json are missing"):
            ImageFolder(folder, "train.json").find([name], may_be_lost=True)


def test_a_name_that_fits_two_files_is_refused(folder):
    (folder / "A_1.jpg").touch()
    with pytest.raises(UserError, match="train.json: the image images/a_1.JPG may be A_1.jpg or a_1.jpg of "):
        ImageFolder(folder, "train.json").find(["images/a_1.JPG"])
    assert ImageFolder(folder, "train.json").find(["a_1.jpg"])[1] == []


@pytest.mark.parametrize("names", [["x/a_1.jpg", "y/a_1.jpg"], ["x/a_1.jpg", "a_1.jpg"], ["a_1.jpg", "A_1.jpg"]])
def test_two_names_are_not_one_file(folder, names):
    with pytest.raises(UserError, match="train.json: the images .* and .* would both be the file .*a_1.jpg; copy"):
        ImageFolder(folder, "train.json").find(names)


def test_a_name_that_is_listed_twice_is_one_file(folder):
    assert len(set(ImageFolder(folder, "train.json").find(["x/a_1.jpg"] * 2)[0])) == 1


@pytest.mark.parametrize(("name", "nearest"), [
    ("a_2.jpg", " (the nearest file there is a_1.jpg)"), ("b.png", " (the nearest file there is night/b.png)"),
    ("something else.tif", "")])
def test_a_missing_file_is_named_with_the_nearest(folder, name, nearest):
    with pytest.raises(UserError) as error:
        ImageFolder(folder, "train.json").find(["a_1.jpg", name])
    assert str(error.value) == (f"{folder}: 1 of the 2 images named in train.json are missing, the first is {name}"
                                f"{nearest}; copy them there or take them out of the file")

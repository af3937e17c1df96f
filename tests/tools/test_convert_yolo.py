# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""YOLO labels beyond the plain case: lines, keypoints, names of classes, places of images and labels."""
import pytest

from model_utils.errors import UserError
from tests.support import tool_exports
from tests.support.tool_exports import IMAGES, reading_boxes, write_picture, yolo_file
from tools.convert_dataset import read

PHOTO = IMAGES[0]


@pytest.fixture(name="source")
def fixture_source(tmp_path):
    """Return a folder with one image, photo_0.jpg of 64x48."""
    write_picture(tmp_path, PHOTO)
    return tmp_path


def test_yolo_lines_that_are_no_boxes(source):
    yolo_file(source, "0 0.5 0.5 0.25 0.5\n"
              # A polygon, then a rotated box.
              "1 0.25 0.25 0.5 0.25 0.5 0.75\n2 0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5\n"
              "0 0.5 0.5 0.25 0.5 0.93\n0 0.5 0.5\n7 0.5 0.5 0.25 0.5\nball 0.5 0.5 0.25 0.5\n0 32 24 16 24\n"
              "0 0.5 0.5 nan 0.5\n\n0.0 1e-1 0.5 0.1 0.5\n")
    reading = read(source, "yolo")
    assert reading_boxes(reading) == [("cup", 24, 12, 16, 24), ("ball", 16, 12, 16, 24), ("key", 16, 12, 32, 24),
                                 ("cup", 3.2, 12, 6.4, 24)]
    assert {reason: count for reason, (count, _) in reading.left_out.items()} == {
        "lines of 6 columns, neither a box nor a polygon": 1, "lines of 3 columns, neither a box nor a polygon": 1,
        "lines of a class that is not among the 3 names": 2, "lines with other values than fractions from 0 to 1": 2}
    assert reading.notes["polygons or rotated boxes, of which the box around counts"] == (
        2, "photo_0.txt, line 2: 1 0.25 0.25 0.5 0.25 0.5 0.75")


def test_yolo_keypoints_follow_the_box(source):
    (source / "photo_0.txt").write_text("0 0.5 0.5 0.25 0.5 " + "0.1 0.2 2 " * 2)
    (source / "data.yaml").write_text("train: .\nkpt_shape: [2, 3]\nnames: [cup]\n")
    assert reading_boxes(read(source, "yolo")) == [("cup", 24, 12, 16, 24)]


def test_an_empty_line_of_classes_has_a_number_too(source):
    yolo_file(source, "2 0.5 0.5 0.25 0.5\n1 0.5 0.5 0.25 0.5\n", "cup\n\nkey\n")
    reading = read(source, "yolo")
    assert reading.categories == [(0, "cup"), (2, "key")] and reading_boxes(reading) == [("key", 24, 12, 16, 24)]
    assert reading.left_out == {"lines of a class that is not among the 2 names": (
        1, "photo_0.txt, line 2: 1 0.5 0.5 0.25 0.5")}


@pytest.mark.parametrize("names", [
    "[" * 100_000, f"&a [x]\nb: &b [{'*a,' * 9}]\n" + "".join(
        f"{name}: &{name} [{f'*{before},' * 9}]\n" for before, name in zip("bcdefghij", "cdefghijk", strict=True))])
def test_a_description_of_more_values_than_memory_is_refused(source, names):
    (source / "photo_0.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    (source / "data.yaml").write_text(f"train: .\nnames: {names}")
    with pytest.raises(UserError, match=r"data.yaml: broken YAML: .*more than (20 deep|10000 values)"):
        read(source, "yolo")


def test_labels_without_an_image_and_images_without_labels(source):
    write_picture(source, IMAGES[1])
    yolo_file(source, "0 0.5 0.5 0.25 0.5\n")
    (source / "gone.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    (source / "README.dataset.txt").write_text("read me")
    reading = read(source, "yolo")
    assert [len(image.annotations) for image in reading.images] == [1, 0]
    assert reading.left_out == {"label files without an image, or of one that is not listed": (1, "gone.txt")}


def test_a_label_file_that_two_images_could_have_is_refused(source):
    path = write_picture(source, IMAGES[1])
    yolo_file(source, "0 0.5 0.5 0.25 0.5\n")
    path.rename(source / "photo_0.png")
    with pytest.raises(UserError, match=r"photo_0.txt: may be of \S+photo_0.(jpg|png) or of \S+photo_0.(png|jpg); "):
        read(source, "yolo")


@pytest.mark.parametrize("text", [
    "train: ../train/images\nval: ../valid/images\nnc: 3\nnames: ['cup', 'ball', 'key']\n",
    "path: ../datasets/mine\ntrain: train/images\nval: [valid/images]\nnames: {0: cup, 1: ball, 2: key}\n",
    "train: train.txt\nval: valid.txt\nnames: {0: cup, 1: ball, 2: key}\n"])
def test_the_places_of_images_in_data_yaml(tmp_path, text):
    for folder, found in (("train", IMAGES[0]), ("train", IMAGES[1]), ("valid", IMAGES[5])):
        path = write_picture(tmp_path / folder / "images", found)
        (tmp_path / folder / "labels").mkdir(exist_ok=True)
        (tmp_path / folder / "labels" / f"{path.stem}.txt").write_text(tool_exports.yolo_lines(found))
    (tmp_path / "train.txt").write_text("./train/images/photo_0.jpg\n/home/me/mine/train/images/photo_1.jpg\n")
    (tmp_path / "valid.txt").write_text("valid/images/photo_5.jpg\ngone.jpg\n")
    (tmp_path / "data.yaml").write_text(text)
    reading = read(tmp_path, "yolo")
    assert {(image.path.stem, image.split) for image in reading.images} == {
        ("photo_0", "train"), ("photo_1", "train"), ("photo_5", "val")}
    assert len(reading_boxes(reading)) == 9 and reading.categories == [(0, "cup"), (1, "ball"), (2, "key")]
    assert ("images that are listed, but not there" in reading.left_out) == ("valid.txt" in text)


def test_a_folder_of_data_yaml_that_two_exports_have_is_refused(tmp_path):
    for root in (tmp_path, tmp_path / "new"):
        write_picture(root / "train" / "images", IMAGES[0])
    (tmp_path / "new" / "data.yaml").write_text("train: ../train/images\nnames: [cup, ball, key]\n")
    with pytest.raises(UserError, match=r"new: \.\./train/images may be \S+/train/images or \S+/new/train/images; "):
        read(tmp_path / "new", "yolo")


@pytest.mark.parametrize("text, words", [
    ("train: .\nnames: 3\n", '"names" is'), ("train: .\nnames: {a: cup}\n", '"names" is'),
    ("train: .\nnames: [cup\n", "broken YAML")])
def test_a_data_yaml_that_cannot_be_used(source, text, words):
    (source / "data.yaml").write_text(text)
    with pytest.raises(UserError, match=f"data.yaml: {words}"):
        read(source, "yolo")


@pytest.mark.parametrize("lines, nc, words", [
    # Counted from 1, which would make dogs of cats.
    ("1 0.5 0.5 0.25 0.5\n2 .3 .3 .1 .1\n", 3, "have the class 2 and never 0, but the 2 names have the numbers from 0"),
    ("0 0.5 0.5 0.25 0.5\n2 .3 .3 .1 .1\n", 3, None), ("1 0.5 0.5 0.25 0.5\n", 2, None)])
def test_labels_that_count_classes_from_1_are_refused(source, lines, nc, words):
    (source / "photo_0.txt").write_text(lines)
    # Not true and false, as YAML has it.
    (source / "data.yaml").write_text(f"train: .\nnc: {nc}\nnames: [yes, no]\n")
    if words:
        with pytest.raises(UserError, match=words):
            read(source, "yolo")
        return
    reading = read(source, "yolo")
    assert reading.categories == [(0, "yes"), (1, "no")] and len(reading_boxes(reading)) == 1
    assert [count for count, _ in reading.notes.values()] == [1] * (nc == 3)


@pytest.mark.parametrize("data, expected", [
    ({"obj.data": "train = data/train.txt\nnames = data/obj.names\n"}, ["cat", "dog"]),
    # Its images are not there.
    ({"a.data": "train = /home/me/5k.txt\nnames = coco.names\n", "obj.data": "Train = train.txt\nNames = obj.names\n"},
     ["cat", "dog"]),
    ({"a.data": "train = train.txt\nnames = coco.names\n", "obj.data": "train = train.txt\nnames = obj.names\n"},
     "both have names of classes; name one of the files"),
    ({"obj.data": "train = train.txt\nnames = mine.names\n"}, '"names" is .*mine.names'),
    ({}, "coco.names and .*obj.names have other names of classes; leave the one that"),
    ({"coco.names": "cat\ndog\n\n"}, ["cat", "dog"])])
def test_several_files_of_class_names(source, data, expected):
    (source / "photo_0.txt").write_text("1 0.5 0.5 0.25 0.5\n")
    for name, text in ({"coco.names": "person\nbicycle\n", "obj.names": "cat\ndog\n", "train.txt": "photo_0.jpg"}
                       | data).items():
        (source / name).write_text(text)
    if isinstance(expected, str):
        with pytest.raises(UserError, match=expected):
            read(source, "yolo")
    else:
        reading = read(source, "yolo")
        assert reading_boxes(reading)[0][0] == "dog" and [name for _, name in reading.categories] == expected
        assert [image.split for image in reading.images] == ["train" if "obj.data" in data else None]


def test_class_names_beside_the_labels_count_there(tmp_path):
    for folder, names in (("train", "cat\ndog\n"), ("val", "dog\nbird\ncat\n")):
        write_picture(tmp_path / folder, PHOTO)
        yolo_file(tmp_path / folder, "0 0.5 0.5 0.25 0.5\n1 0.5 0.5 0.25 0.5\n", names)
    reading = read(tmp_path, "yolo")
    assert reading.categories == [(0, "cat"), (1, "dog"), (2, "bird")]
    assert [name for name, *_ in reading_boxes(reading)] == ["cat", "dog", "dog", "bird"]
    assert next(iter(reading.notes)) == "other files of class names differ, and are matched by name"
    (tmp_path / "classes.txt").write_text("person\n")
    with pytest.raises(UserError, match="classes.txt and .*train/classes.txt have other names of classes"):
        read(tmp_path, "yolo")


@pytest.mark.parametrize("images, labels", [("images/train", "label/train"), ("Images/train", "Labels/train"),
                                            ("train/imgs", "train/labels"), ("images/train", "images/train")])
def test_the_folders_of_labels(tmp_path, images, labels):
    write_picture(tmp_path / images, PHOTO)
    for folder in (labels, "txt"):
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / folder / "photo_0.txt").write_text("1 0.5 0.5 0.25 0.5\n")
    # With the letters of another disk.
    (tmp_path / "data.yaml").write_text(f"Train: {images.lower()}/\nnames: [cat, dog]\n")
    reading = read(tmp_path, "yolo")
    assert reading_boxes(reading) == [("dog", 24, 12, 16, 24)] and reading.images[0].split == "train"
    assert reading.left_out == {"label files without an image, or of one that is not listed": (1, "txt/photo_0.txt")}


def test_yolo_labels_without_names(source):
    yolo_file(source, "0 0.5 0.5 0.25 0.5\n")
    (source / "classes.txt").unlink()
    with pytest.raises(UserError, match="no class names; put a file classes.txt there, one name a line"):
        read(source, "yolo")


def test_keypoints_without_kpt_shape_are_refused(source):
    yolo_file(source, "0 0.5 0.5 0.2 0.4 0.45 0.45 1 0.55 0.55 1\n0 0.5 0.5 0.2 0.4 0.45 0.45 2 0 0 0\n")
    with pytest.raises(UserError, match=r"lines of 11 columns look like boxes with keypoints.*kpt_shape: \[2, 3\]"):
        read(source, "yolo")


@pytest.mark.parametrize("label", ["photo_0.TXT", "PHOTO_0.txt"])
def test_labels_are_found_in_another_letter_case(source, label):
    yolo_file(source, "0 0.5 0.5 0.25 0.5\n")
    (source / "photo_0.txt").rename(source / label)
    reading = read(source, "yolo")
    assert reading_boxes(reading) == [("cup", 24, 12, 16, 24)] and not reading.left_out


def test_a_label_is_not_that_of_an_image_in_another_letter_case(source):
    yolo_file(source, "0 0.5 0.5 0.25 0.5\n")
    (source / "PHOTO_0.jpg").write_bytes((source / "photo_0.jpg").read_bytes())
    assert {image.path.name: len(image.annotations) for image in read(source, "yolo").images} == {
        "PHOTO_0.jpg": 0, "photo_0.jpg": 1}


def test_a_broken_yaml_file_that_is_no_description_is_left_out(source):
    yolo_file(source, "0 0.5 0.5 0.25 0.5\n")
    (source / "notes.yml").write_text("a: b: c")
    reading = read(source, "yolo")
    assert reading_boxes(reading) == [("cup", 24, 12, 16, 24)]
    assert reading.left_out == {"yaml files that cannot be read": (1, "notes.yml")}
    (source / "data.yaml").write_text('train: "D:\\data\\images"\nnames: [cup]\n')
    with pytest.raises(UserError, match="(?s)data.yaml: broken YAML.*a path in double quotes has / in place of"):
        read(source, "yolo")

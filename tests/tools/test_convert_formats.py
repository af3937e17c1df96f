# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What annotation formats allow beyond the plain case: shapes, missing sizes, other corners, other lists of images."""
import base64
import json

import numpy as np
import pytest

from model_utils.errors import UserError
from tests.support import tool_exports
from tests.support.tool_exports import IMAGES, coco_content, via_entry, voc_xml, write_json, write_picture
from tools import convert_dataset

PHOTO = IMAGES[0]


@pytest.fixture(name="source")
def fixture_source(tmp_path):
    """Return a folder with one image, photo_0.jpg of 64x48."""
    write_picture(tmp_path, PHOTO)
    return tmp_path


def read(source, kind, **options):
    return convert_dataset.read(source, kind, **options)


def boxes_of(reading):
    """Return [(class, x, y, width, height)] of all images."""
    names = dict(reading.categories)
    return [(names[box["category_id"]], *(round(value, 6) for value in box["bbox"]))
            for image in reading.images for box in image.annotations]


def labelme_file(source, *shapes, **more):
    keys = ("label", "shape_type", "points", "group_id")
    content = {"version": "5.4.1", "flags": {}, "imagePath": "photo_0.jpg", "imageData": None, "imageWidth": 64,
               "imageHeight": 48, "shapes": [dict(zip(keys, shape, strict=False)) for shape in shapes]}
    return write_json(source / "photo_0.json", content | more)


def test_labelme_shapes_become_their_boxes(source):
    labelme_file(source, ("cup", "rectangle", [[30, 40], [6, 8]]), ("key", "polygon", [[1, 2], [11.5, 4], [5, 20]]),
                 ("ball", "circle", [[20, 20], [23, 24]]), ("cup", "line", [[1, 1], [9, 9]]),
                 ("key", "point", [[1, 1]]),
                 ("cup", "rectangle", [[1, 1]]), ("cup", "polygon", "none"), (None, "polygon", [[1, 2], [3, 4]]),
                 ("cup", "polygon", [[0, 0], [2, 0], [2, 2]], 7), ("cup", "polygon", [[10, 5], [12, 5], [12, 9]], 7))
    reading = read(source, "labelme")
    assert boxes_of(reading) == [("cup", 6, 8, 24, 32), ("key", 1, 2, 10.5, 18), ("ball", 15, 15, 10, 10),
                                 ("cup", 0, 0, 12, 9)]
    assert reading.categories == [(1, "cup"), (2, "key"), (3, "ball")]
    assert {reason: count for reason, (count, _) in reading.left_out.items()} == {
        "shapes of the kind line, which is no area": 1, "shapes of the kind point, which is no area": 1,
        "shapes without points that can be read": 2, "shapes without a label": 1}
    assert reading.left_out["shapes of the kind line, which is no area"][1] == (
        "shape 3 of photo_0.json, label 'cup' (text)")
    assert list(reading.notes.values())[0][0] == 1


def test_a_labelme_image_may_be_elsewhere_or_inside(source):
    data = (source / "photo_0.jpg").read_bytes()
    box = ("cup", "rectangle", [[6, 8], [30, 40]])
    (source / "photo_0.jpg").rename(source / "renamed.jpg")
    labelme_file(source, box, imagePath="..\\pictures\\renamed.jpg")
    assert read(source, "labelme").images[0].path == source / "renamed.jpg"
    (source / "renamed.jpg").unlink()
    labelme_file(source, box, imageData=base64.b64encode(data).decode(), imageHeight=None, imageWidth=None)
    labelme_file(source / "other", box)
    reading = read(source, "labelme")
    assert boxes_of(reading) == [("cup", 6, 8, 24, 32)] and reading.images[0].size == (64, 48)
    assert reading.left_out["annotations of an image that is not there"] == (
        1, "other/photo_0.json, imagePath 'photo_0.jpg' (text)")
    labelme_file(source, box, imageData="no base64")
    reading = read(source, "labelme")
    assert not reading.images and "save it again with labelme" in reading.left_out["images that cannot be read"][1]


def test_an_image_inside_labelme_is_written(tmp_path):
    for number in range(3):
        path = write_picture(tmp_path / "source", {**PHOTO, "name": f"photo_{number}"}, ".png")
        content = {"shapes": [{"label": "cup", "shape_type": "rectangle", "points": [[1, 2], [11, 22]]}],
                   "imagePath": f"C:\\photos\\photo_{number}.png",
                   "imageData": base64.b64encode(path.read_bytes()).decode()}
        write_json(path.with_suffix(".json"), content)
        path.rename(tmp_path / path.name)
    assert convert_dataset.main([str(tmp_path / "source"), str(tmp_path / "out")]) == 0
    written = sorted((tmp_path / "out").glob("*2017/*.png"))
    assert len(written) == 3
    assert all(path.read_bytes() == (tmp_path / path.name).read_bytes() for path in written)


def test_via_shapes_become_their_boxes(source):
    quarter = float(np.pi / 2)
    regions = [({"name": "rect", "x": 6, "y": 8, "width": 24, "height": 20}, "cup"),
               ({"name": "polygon", "all_points_x": [9, 1, 5], "all_points_y": [2, 4, 12]}, "key"),
               ({"name": "circle", "cx": 20, "cy": 15, "r": 5}, "ball"),
               ({"name": "ellipse", "cx": 20, "cy": 15, "rx": 8, "ry": 3, "theta": quarter}, "ball"),
               ({"name": "point", "cx": 20, "cy": 15}, "ball"), ({"name": "rect", "x": 1, "y": 1}, "cup"),
               ({"name": "rect", "x": 1, "y": 1, "width": 5, "height": 5}, "")]
    checked = via_entry("photo_0.jpg", [(regions[0][0], {"cup": True, "key": False})])
    # The annotations alone, without the project around them; regions by number, as VIA 1 has them.
    write_json(source / "via.json", {"a": via_entry("photo_0.jpg", regions), "b": {
        **checked, "regions": dict(enumerate(checked["regions"]))}, "c": via_entry("gone.jpg", [])})
    reading = read(source, "via")
    found = boxes_of(reading)
    assert found[:4] == [("cup", 6, 8, 24, 20), ("key", 1, 2, 8, 10), ("ball", 15, 10, 10, 10), ("ball", 17, 7, 6, 16)]
    # Its missing sides are left to the check of all boxes.
    assert found[4][:3] == ("cup", 1, 1) and np.isnan(found[4][3]) and found[5:] == [("cup", 6, 8, 24, 20)]
    assert {reason: count for reason, (count, _) in reading.left_out.items()} == {
        "regions of the kind point, which is no area, or not complete": 1,
        'regions without one value of the attribute "class"': 1, "images that are listed, but not there": 1}


def test_via_csv_and_its_attributes(source):
    header = ("filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n")
    line = 'photo_0.jpg,1234,"{}",1,0,"{}","{}"\n'.format
    shape = json.dumps({"name": "rect", "x": 6, "y": 8, "width": 24, "height": 20}).replace('"', '""')
    path = source / "via_region_data.csv"
    path.write_text(header + line("{}", shape, '{""kind"":""cup"",""is whole"":""no""}'))
    with pytest.raises(UserError, match="regions have the attributes kind, is whole; name the one .* --attribute kind"):
        read(source, "via")
    assert boxes_of(read(source, "via", attribute="kind")) == [("cup", 6, 8, 24, 20)]
    # A set of one class needs no attribute; a file without regions has a line too.
    path.write_text("\ufeff" + header + line("{}", shape, "{}") + line("{}", "{}", "{}"), encoding="utf-8")
    reading = read(source, "via")
    assert boxes_of(reading) == [("object", 6, 8, 24, 20)] and "object" in next(iter(reading.notes))
    path.write_text(header + line("{}", "{broken", "{}"))
    with pytest.raises(UserError, match="line 2: is no region of VIA"):
        read(source, "via")


@pytest.mark.parametrize("corners, box", [((1, 1, 10, 20), (0, 0, 10, 20)), ((7.5, 9, 30.25, 28), (6.5, 8, 23.75, 20)),
                                          ((30, 28, 7, 9), (6, 8, 24, 20))])
def test_voc_corners_count_from_1_and_belong_to_the_box(source, corners, box):
    (source / "photo_0.xml").write_text(voc_xml("photo_0.jpg", (0, 0), [("cup", *corners, "")]))
    reading = read(source, "voc")
    assert boxes_of(reading) == [("cup", *box)] and reading.images[0].size == (64, 48) and not reading.notes


def test_a_voc_set_with_a_corner_at_0_does_not_count_from_1(source):
    write_picture(source, IMAGES[1])
    (source / "photo_0.xml").write_text(voc_xml("photo_0.jpg", (64, 48), [("cup", 0, 5, 10, 20, "")]))
    (source / "photo_1.xml").write_text(voc_xml("photo_1.jpg", (64, 48), [("cup", 6, 8, 30, 28, "")]))
    reading = read(source, "voc")
    assert boxes_of(reading) == [("cup", 0, 5, 10, 15), ("cup", 6, 8, 24, 20)]
    assert "corners are taken as they stand" in next(iter(reading.notes))


def test_voc_objects_and_images_that_are_not_plain(source):
    polygon = "<polygon><x1>7</x1><y1>9</y1><x2>30</x2><y2>9</y2><x3>30</x3><y3>28</y3></polygon>"
    text = voc_xml("../elsewhere/photo_0", (64, 48), [("cup", 7, 9, 30, 28, "<difficult>1</difficult>"),
                                                      ("", 7, 9, 30, 28, "")])
    text = text.replace("</annotation>", f"<object><name>key</name>{polygon}</object><object><name>ball</name></object>"
                        "</annotation>")
    (source / "Annotations").mkdir()
    (source / "JPEGImages").mkdir()
    (source / "photo_0.jpg").rename(source / "JPEGImages" / "photo_0.jpg")
    (source / "Annotations" / "photo_0.xml").write_text(text)
    (source / "Annotations" / "gone.xml").write_text(voc_xml("gone.jpg", (64, 48), []))
    (source / "Annotations" / "other.xml").write_text("<rss></rss>")
    reading = read(source, "voc")
    assert boxes_of(reading) == [("cup", 6, 8, 24, 20), ("key", 6, 8, 24, 20)]
    assert reading.notes["objects are marked as difficult, and used like others"] == (
        1, "object 0 of Annotations/photo_0.xml, cup")
    assert {reason: count for reason, (count, _) in reading.left_out.items()} == {
        "objects without a name": 1, "objects without a bndbox": 1, "annotations of an image that is not there": 1,
        "xml files that are no annotation of Pascal VOC": 1}
    (source / "Annotations" / "photo_0.xml").write_text(text[:100])
    with pytest.raises(UserError, match="photo_0.xml: broken xml: "):
        read(source, "voc")


def test_images_that_no_image_set_has_are_left_out(tmp_path):
    tool_exports.voc(tmp_path)
    (tmp_path / "ImageSets" / "Main" / "val.txt").write_text("photo_5 1\n")
    reading = read(tmp_path, "voc")
    assert {image.path.stem: image.split for image in reading.images}["photo_5"] == "val"
    assert reading.left_out["images that no list of ImageSets/Main has"] == (1, "JPEGImages/photo_6.jpg")


def yolo_file(source, text, names="cup\nball\nkey\n"):
    (source / "photo_0.txt").write_text(text)
    (source / "classes.txt").write_text(names)


def test_yolo_lines_that_are_no_boxes(source):
    yolo_file(source, "0 0.5 0.5 0.25 0.5\n"
              # A polygon, then a rotated box.
              "1 0.25 0.25 0.5 0.25 0.5 0.75\n2 0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5\n"
              "0 0.5 0.5 0.25 0.5 0.93\n0 0.5 0.5\n7 0.5 0.5 0.25 0.5\nball 0.5 0.5 0.25 0.5\n0 32 24 16 24\n"
              "0 0.5 0.5 nan 0.5\n\n0.0 1e-1 0.5 0.1 0.5\n")
    reading = read(source, "yolo")
    assert boxes_of(reading) == [("cup", 24, 12, 16, 24), ("ball", 16, 12, 16, 24), ("key", 16, 12, 32, 24),
                                 ("cup", 3.2, 12, 6.4, 24)]
    assert {reason: count for reason, (count, _) in reading.left_out.items()} == {
        "lines of 6 columns, neither a box nor a polygon": 1, "lines of 3 columns, neither a box nor a polygon": 1,
        "lines of a class that is not among the 3 names": 2, "lines whose values are no fractions from 0 to 1": 2}
    assert reading.notes["polygons or rotated boxes are replaced by the boxes around them"] == (
        2, "photo_0.txt, line 2: 1 0.25 0.25 0.5 0.25 0.5 0.75")


def test_yolo_keypoints_follow_the_box(source):
    (source / "photo_0.txt").write_text("0 0.5 0.5 0.25 0.5 " + "0.1 0.2 2 " * 2)
    (source / "data.yaml").write_text("train: .\nkpt_shape: [2, 3]\nnames: [cup]\n")
    assert boxes_of(read(source, "yolo")) == [("cup", 24, 12, 16, 24)]


def test_an_empty_line_of_classes_has_a_number_too(source):
    yolo_file(source, "2 0.5 0.5 0.25 0.5\n1 0.5 0.5 0.25 0.5\n", "cup\n\nkey\n")
    reading = read(source, "yolo")
    assert reading.categories == [(0, "cup"), (2, "key")] and boxes_of(reading) == [("key", 24, 12, 16, 24)]
    assert reading.left_out == {"lines of a class that is not among the 2 names": (
        1, "photo_0.txt, line 2: 1 0.5 0.5 0.25 0.5")}


def test_labels_without_an_image_and_images_without_labels(source):
    write_picture(source, IMAGES[1])
    yolo_file(source, "0 0.5 0.5 0.25 0.5\n")
    (source / "gone.txt").write_text("0 0.5 0.5 0.25 0.5\n")
    (source / "README.dataset.txt").write_text("read me")
    reading = read(source, "yolo")
    assert [len(image.annotations) for image in reading.images] == [1, 0]
    assert reading.left_out == {"label files without an image": (1, "gone.txt")}


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
    assert len(boxes_of(reading)) == 9 and reading.categories == [(0, "cup"), (1, "ball"), (2, "key")]
    assert ("images that are listed, but not there" in reading.left_out) == ("valid.txt" in text)


@pytest.mark.parametrize("text, words", [
    ("train: .\nnames: 3\n", '"names" is 3'), ("train: .\nnames: {a: cup}\n", '"names" is'),
    ("train: .\nnames: [cup\n", "broken YAML")])
def test_a_data_yaml_that_cannot_be_used(source, text, words):
    (source / "data.yaml").write_text(text)
    with pytest.raises(UserError, match=f"data.yaml: {words}"):
        read(source, "yolo")


def test_yolo_labels_without_names(source):
    yolo_file(source, "0 0.5 0.5 0.25 0.5\n")
    (source / "classes.txt").unlink()
    with pytest.raises(UserError, match="no class names; put a file classes.txt there, one name a line"):
        read(source, "yolo")


@pytest.mark.parametrize("name", ["images\\1\\0a1b2c3d-photo_0.jpg", "/data/local-files/?d=shop/photo_0.jpg",
                                  "../../data/upload/1/photo_0.jpg", "PHOTO_0.JPG", "a%2Fphoto_0.jpg"])
def test_names_of_label_studio(source, name):
    write_json(source / "result.json", coco_content([PHOTO], lambda _: name))
    reading = read(source, "label_studio")
    assert [image.path for image in reading.images] == [source / "photo_0.jpg"] and len(boxes_of(reading)) == 3


def test_the_image_folder_may_be_elsewhere(tmp_path):
    images = tmp_path / "images"
    path = write_json(tmp_path / "json" / "mine.json", coco_content([PHOTO]))
    assert not read(path, "coco").images
    write_picture(images, PHOTO)
    yolo_file(path.parent, "0 0.5 0.5 0.25 0.5\n")
    (path.parent / "photo_0.xml").write_text(voc_xml("renamed", (64, 48), [("cup", 7, 9, 30, 28, "")]))
    found = [boxes_of(read(path.parent, kind, image_root=images)) for kind in ("coco", "yolo", "voc")]
    assert len(found[0]) == 3 and found[1:] == [[("cup", 24, 12, 16, 24)], [("cup", 6, 8, 24, 20)]]


def test_classes_of_several_files_are_matched_by_their_names(tmp_path):
    tool_exports.roboflow(tmp_path)
    path = tmp_path / "valid" / "_annotations.coco.json"
    content = json.loads(path.read_text())
    renumbered = {0: 0, 3: 1, 1: 3, 7: 12}
    for category in content["categories"]:
        category["id"] = renumbered[category["id"]]
    for box in content["annotations"]:
        box["category_id"] = renumbered[box["category_id"]]
    content["categories"].append({"id": 7, "name": "lamp", "supercategory": "things"})
    content["annotations"][0]["category_id"] = 7
    path.write_text(json.dumps(content))
    reading = read(tmp_path, "roboflow")
    assert reading.categories == [(3, "cup"), (1, "ball"), (7, "key"), (8, "lamp")]
    expected = [(name, *box) for image in IMAGES for *box, name in image["boxes"]]
    expected.remove(("cup", 6, 8, 24, 20))
    assert sorted(boxes_of(reading)) == sorted([*expected, ("lamp", 6, 8, 24, 20)])
    assert reading.notes["classes have another id in another file, and are matched by their names"][0] == 4


def test_two_files_for_one_split_are_refused(tmp_path):
    tool_exports.coco(tmp_path)
    write_json(tmp_path / "more.json", coco_content(IMAGES))
    with pytest.raises(UserError, match="labels.json and more.json are both for all images; name one of the files"):
        read(tmp_path, "coco")
    assert len(read(tmp_path / "more.json", "coco").images) == len(IMAGES)

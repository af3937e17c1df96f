# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What annotation formats allow beyond the plain case: shapes, missing sizes, other corners, other lists of images."""
import base64
import json

import numpy as np
import pytest

from model_utils.errors import UserError
from tests.support import tool_exports
from tests.support.tool_exports import (
    IMAGES,
    coco_content,
    reading_boxes,
    via_entry,
    voc_xml,
    write_json,
    write_picture,
    yolo_file,
)
from tools import convert_dataset

PHOTO = IMAGES[0]


@pytest.fixture(name="source")
def fixture_source(tmp_path):
    """Return a folder with one image, photo_0.jpg of 64x48."""
    write_picture(tmp_path, PHOTO)
    return tmp_path


def read(source, kind, **options):
    return convert_dataset.read(source, kind, **options)


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
                 ("cup", "polygon", [[0, 0], [2, 0], [2, 2]], 7), ("cup", "polygon", [[10, 5], [12, 5], [12, 9]], 7),
                 (0, "rotation", [[5, 1], [9, 5], [5, 9], [1, 5]]))
    reading = read(source, "labelme")
    assert reading_boxes(reading) == [("cup", 6, 8, 24, 32), ("key", 1, 2, 10.5, 18), ("ball", 15, 15, 10, 10),
                                 ("cup", 0, 0, 12, 9), ("0", 1, 1, 8, 8)]
    assert reading.categories == [(1, "cup"), (2, "key"), (3, "ball"), (4, "0")]
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
    assert reading_boxes(reading) == [("cup", 6, 8, 24, 32)] and reading.images[0].size == (64, 48)
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
               ({"name": "ellipse", "cx": 20, "cy": 15, "rx": 8, "ry": 3, "theta": quarter}, 3),
               ({"name": "point", "cx": 20, "cy": 15}, "ball"), ({"name": "rect", "x": 1, "y": 1}, "cup"),
               ({"name": "rect", "x": 1, "y": 1, "width": 5, "height": 5}, "")]
    checked = via_entry("photo_0.jpg", [(regions[0][0], {"cup": True, "key": False})])
    # The annotations alone, without the project around them; regions by number, as VIA 1 has them.
    write_json(source / "via.json", {"a": via_entry("photo_0.jpg", regions), "b": {
        **checked, "regions": dict(enumerate(checked["regions"]))}, "c": via_entry("gone.jpg", [])})
    reading = read(source, "via")
    found = reading_boxes(reading)
    assert found[:4] == [("cup", 6, 8, 24, 20), ("key", 1, 2, 8, 10), ("ball", 15, 10, 10, 10), ("3", 17, 7, 6, 16)]
    # Its missing sides are left to the check of all boxes.
    assert found[4][:3] == ("cup", 1, 1) and np.isnan(found[4][3]) and found[5:] == [("cup", 6, 8, 24, 20)]
    assert {reason: count for reason, (count, _) in reading.left_out.items()} == {
        "regions of the kind point, which is no area, or not complete": 1,
        'regions without one value of the attribute "class"': 1, "images that are listed, but not there": 1}
    assert len(reading.images) == 1 and reading.notes == {
        "images are listed more than once: all regions count": (1, "photo_0.jpg of via.json")}


def test_via_csv_and_its_attributes(source):
    header = ("filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes\n")
    line = 'photo_0.jpg,1234,"{}",1,0,"{}","{}"\n'.format
    shape = json.dumps({"name": "rect", "x": 6, "y": 8, "width": 24, "height": 20}).replace('"', '""')
    path = source / "via_region_data.csv"
    path.write_text(header + line("{}", shape, '{""kind"":""cup"",""is whole"":""no""}'))
    with pytest.raises(UserError, match="regions have the attributes kind, is whole; name the one .* --attribute kind"):
        read(source, "via")
    assert reading_boxes(read(source, "via", attribute="kind")) == [("cup", 6, 8, 24, 20)]
    # A set of one class needs no attribute; a file without regions has a line too.
    path.write_text("\ufeff" + header + line("{}", shape, "{}") + line("{}", "{}", "{}"), encoding="utf-8")
    reading = read(source, "via")
    assert reading_boxes(reading) == [("object", 6, 8, 24, 20)] and "object" in next(iter(reading.notes))
    # As spreadsheets write it, and with a polygon longer than the fields of most csv files.
    points = json.dumps({"name": "polygon", "all_points_x": [1, 9] * 20_000, "all_points_y": [2, 8] * 20_000})
    text = header + line("{}", points.replace('"', '""'), '{""kind"":""cup""}')
    path.write_text(text.replace(header, header.replace(",", ";")).replace('jpg,1234,"{}",1,0,"', 'jpg;1234;"{}";1;0;"')
                    .replace('","', '";"'))
    assert reading_boxes(read(source, "via")) == [("cup", 1, 2, 8, 6)]
    path.write_text(header + line("{}", "{broken", "{}"))
    with pytest.raises(UserError, match="line 2: is no region of VIA"):
        read(source, "via")


@pytest.mark.parametrize("corners, box", [((1, 1, 10, 20), (0, 0, 10, 20)), ((30, 28, 7, 9), (6, 8, 24, 20))])
def test_voc_corners_count_from_1_and_belong_to_the_box(source, corners, box):
    (source / "photo_0.xml").write_text(voc_xml("photo_0.jpg", (0, 0), [("cup", *corners, "")]))
    reading = read(source, "voc")
    assert reading_boxes(reading) == [("cup", *box)] and reading.images[0].size == (64, 48) and not reading.notes


@pytest.mark.parametrize("first, box, note", [
    ((0, 5, 10, 20), (0, 5, 10, 15), "boxes are taken as the corners stand, not as pixels counted from 1: 1 of the "
     "set lie below 1"),
    ((7.5, 9, 30.25, 28), (7.5, 9, 22.75, 19), "boxes have fractions, and are taken as the corners stand")])
def test_voc_corners_that_do_not_count_from_1(source, first, box, note):
    write_picture(source, IMAGES[1])
    (source / "photo_0.xml").write_text(voc_xml("photo_0.jpg", (64, 48), [("cup", *first, "")]))
    (source / "photo_1.xml").write_text(voc_xml("photo_1.jpg", (64, 48), [("cup", 6, 8, 30, 28, "")]))
    reading = read(source, "voc")
    of_all = first[0] == 0
    assert reading_boxes(reading) == [("cup", *box), ("cup", 6, 8, 24, 20) if of_all else ("cup", 5, 7, 25, 21)]
    assert reading.notes == {note: (1 + of_all, "object 0 of photo_0.xml, cup")}
    # Of a tool that writes fractions, a whole corner is no pixel either.
    (source / "photo_0.xml").write_text(voc_xml("photo_0.jpg", (64, 48), [("cup", 7.5, 9, 30.25, 28, "")] * 2))
    assert reading_boxes(read(source, "voc"))[2:] == [("cup", 6, 8, 24, 20)]


def test_voc_objects_and_images_that_are_not_plain(source):
    polygon = "<polygon><x1>7</x1><y1>9</y1><x2>30</x2><y2>9</y2><x3>30</x3><y3>28</y3></polygon>"
    text = voc_xml("../elsewhere/photo_0", (64, 48), [("cup", 7, 9, 30, 28, "<difficult>1</difficult>"),
                                                      ("", 7, 9, 30, 28, "")])
    rotated = "<robndbox><cx>30</cx><cy>20.5</cy><w>4</w><h>8</h><angle>1.57079632679</angle></robndbox>"
    text = text.replace("</annotation>", f"<object><name>key</name>{polygon}</object><object><name>ball</name></object>"
                        f"<object><name>ball</name>{rotated}</object></annotation>")
    comma = voc_xml("", (1, 1), [("cup", "10,5", 1, 9, 9, "")]).partition("</segmented>")[2]
    text = text.replace("</annotation>", comma)
    (source / "Annotations").mkdir()
    (source / "JPEGImages").mkdir()
    (source / "photo_0.jpg").rename(source / "JPEGImages" / "photo_0.jpg")
    (source / "Annotations" / "photo_0.xml").write_text(text)
    (source / "Annotations" / "gone.xml").write_text(voc_xml("gone.jpg", (64, 48), []))
    (source / "Annotations" / "other.xml").write_text("<rss></rss>")
    reading = read(source, "voc")
    assert reading_boxes(reading) == [("cup", 6, 8, 24, 20), ("key", 6, 8, 24, 20), ("ball", 26, 18.5, 8, 4)]
    assert reading.left_out["objects without numbers as corners"][1] == (
        "object 5 of Annotations/photo_0.xml, cup: ['10,5', '1', '9', '9']")
    assert reading.notes["objects are marked as difficult, and used like others"] == (
        1, "object 0 of Annotations/photo_0.xml, cup")
    assert {reason: count for reason, (count, _) in reading.left_out.items()} == {
        "objects without a name": 1, "objects without a bndbox, polygon or robndbox": 1,
        "objects without numbers as corners": 1, "annotations of an image that is not there": 1,
        "xml files that are no annotation of Pascal VOC": 1}
    # Python's own parser knows no Chinese encodings.
    text = '<?xml version="1.0" encoding="gb2312"?>' + voc_xml("photo_0.jpg", (64, 48), [("\u732b", 7, 9, 30, 28, "")])
    (source / "Annotations" / "photo_0.xml").write_text(text, encoding="gb2312")
    assert reading_boxes(read(source, "voc")) == [("\u732b", 6, 8, 24, 20)]
    (source / "Annotations" / "photo_0.xml").write_text(text[:100])
    with pytest.raises(UserError, match="photo_0.xml: broken xml: "):
        read(source, "voc")


CAMERAS = ("cam1/0", "cam1/1", "cam2/0", "cam2/1")


def voc_cameras(root, **lists):
    """Write a VOC set whose images of two cameras have the same names, and its lists of names."""
    for name in CAMERAS:
        write_picture(root / "JPEGImages", {**PHOTO, "name": name})
        path = root / "Annotations" / f"{name}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(voc_xml(f"{name}.jpg", (64, 48), [("cup", 7, 9, 30, 28, "")]))
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for split, names in lists.items():
        (root / "ImageSets" / "Main" / f"{split}.txt").write_text("\n".join(names))


def splits_of(reading):
    return {image.path.parent.name + "/" + image.path.stem: image.split for image in reading.images}


@pytest.mark.parametrize("lists, expected, counts", [
    ({"train": CAMERAS[:2], "val": CAMERAS[2:]}, ("train", "train", "val", "val"), {}),
    # CVAT's names of splits, and names of files.
    ({"Train": [f"{name}.jpg" for name in CAMERAS[:2]], "Validation": ["JPEGImages/cam2/0.jpg", '"cam2/1"']},
     ("train", "train", "val", "val"), {}),
    ({"trainval": CAMERAS[:2], "test": CAMERAS[2:], "cup_train": ["cam1/0  1"]}, ("train", "train", "test", "test"),
     {"lists of ImageSets/Main that are not used": 1}),
    ({"test": CAMERAS[2:]}, (None, None, "test", "test"), {}),
    ({"train": CAMERAS[:3], "val": CAMERAS[2:]}, ("train", "train", "val", "val"),
     {"images are in lists of several splits; the last one counts": 1}),
    ({"train": ["cam1/0 1", "cam3/0"], "val": ["cam1/1"]}, ("train", "val"),
     {"images that no list of ImageSets/Main has": 2, "names in lists of ImageSets/Main without an xml file": 1})])
def test_lists_of_voc(tmp_path, lists, expected, counts):
    voc_cameras(tmp_path, **lists)
    reading = read(tmp_path, "voc")
    assert splits_of(reading) == dict(zip(CAMERAS, expected, strict=False))
    assert {reason: count for reason, (count, _) in (reading.left_out | reading.notes).items()
            if reason != "image files without annotations, or not listed"} == counts


def test_lists_of_voc_count_for_their_own_set_and_name_one_image(tmp_path):
    voc_cameras(tmp_path / "VOC2007", train=CAMERAS[:2], val=CAMERAS[2:])
    voc_cameras(tmp_path / "VOC2012", train=CAMERAS[2:], val=CAMERAS[:2])
    found = {str(image.path.relative_to(tmp_path)): image.split for image in read(tmp_path, "voc").images}
    assert found == {f"{year}/JPEGImages/{name}.jpg": "train" if name in CAMERAS[start:start + 2] else "val"
                     for year, start in (("VOC2007", 0), ("VOC2012", 2)) for name in CAMERAS}
    (tmp_path / "VOC2012" / "ImageSets" / "Main" / "val.txt").write_text("0\n")
    with pytest.raises(UserError, match="val.txt: 0 may be VOC2012/Annotations/cam1/0.xml or .*cam2/0.xml; write it"):
        read(tmp_path, "voc")


@pytest.mark.parametrize("name", ["images\\1\\0a1b2c3d-photo_0.jpg", "/data/local-files/?d=shop/photo_0.jpg",
                                  "../../data/upload/1/photo_0.jpg", "PHOTO_0.JPG", "a%2Fphoto_0.jpg",
                                  "images/0a1b2c3d-my_photo_0.jpg"])
def test_names_of_label_studio(source, name):
    if "my_" in name:
        (source / "photo_0.jpg").rename(source / "my photo (0).jpg")
    write_json(source / "result.json", coco_content([PHOTO], lambda _: name))
    reading = read(source, "label_studio")
    assert [image.path.parent for image in reading.images] == [source] and len(reading_boxes(reading)) == 3
    # Without the digits of an upload, it is another image.
    write_json(source / "result.json", coco_content([PHOTO], "my_{}.jpg".format))
    assert not read(source, "label_studio").images


@pytest.mark.parametrize("kind, names, words", [
    ("coco", ["cam1/photo_0.jpg", "cam2/photo_0.jpg"], "cam1/photo_0.jpg of a.json and cam2/photo_0.jpg of a.json w"),
    ("coco", ["0a1b2c3d-photo_0.jpg", "0a1b2c3e-photo_0.jpg"], "would both be of the image cam1/photo_0.jpg"),
    ("via", ["photo_0.jpg", "PHOTO_0.jpg"], "photo_0.jpg of a.json and PHOTO_0.jpg of a.json would both"),
    ("voc", ["cam1/photo_0.xml", "cam2/photo_0.xml"], "cam1/photo_0.xml and cam2/photo_0.xml would both"),
    ("labelme", ["cam1/photo_0.json", "cam2/photo_0.json"], "cam1/photo_0.json and cam2/photo_0.json would both"),
    # A copy that still has the name of the first image.
    ("labelme", ["cam1/photo_0.json", "cam1/photo_1.json"], "cam1/photo_0.json and cam1/photo_1.json would both"),
    ("yolo", ["cam1/photo_0.jpg", "cam2/photo_0.jpg"], "cam1/photo_0.jpg and cam2/photo_0.jpg would both")])
def test_two_images_that_are_found_as_one_file_are_refused(tmp_path, kind, names, words):
    write_picture(tmp_path / "cam1", PHOTO)
    write_picture(tmp_path / "cam1", IMAGES[1])
    for name in names if kind in ("voc", "labelme") else ():
        (tmp_path / name).parent.mkdir(exist_ok=True)
    if kind == "coco":
        images = [{**PHOTO, "name": name} for name in names]
        write_json(tmp_path / "a.json", coco_content(images, str))
    elif kind == "via":
        write_json(tmp_path / "a.json", {name: via_entry(name, []) for name in names})
    elif kind == "yolo":
        yolo_file(tmp_path, "")
        (tmp_path / "data.yaml").write_text("train: train.txt\nnames: [cup]\n")
        (tmp_path / "train.txt").write_text("\n".join(names))
    elif kind == "voc":
        for name in names:
            (tmp_path / name).write_text(voc_xml("photo_0.jpg", (64, 48), []))
    else:
        for name in reversed(names):
            labelme_file(tmp_path / "cam1").rename(tmp_path / name)
    with pytest.raises(UserError, match=words):
        read(tmp_path, kind)


@pytest.mark.parametrize("kind", ["voc", "labelme"])
def test_the_image_beside_an_annotation_file(tmp_path, kind):
    for folder in ("p", "q"):
        for suffix in (".jpg", ".png"):
            write_picture(tmp_path / "images" / folder, PHOTO, suffix)
        (tmp_path / "images" / folder / "photo_0.xmp").write_bytes(b"\0 no image")
        (tmp_path / "labels" / folder).mkdir(parents=True)
        if kind == "voc":
            (tmp_path / "labels" / folder / "photo_0.xml").write_text(voc_xml("photo_0.jpg", (64, 48), []))
        else:
            labelme_file(tmp_path / "labels" / folder)
    assert [image.path for image in read(tmp_path, kind).images] == [
        tmp_path / "images" / folder / "photo_0.jpg" for folder in ("p", "q")]
    for path in tmp_path.rglob("*.jpg"):
        path.rename(path.with_suffix(".webp"))
    with pytest.raises(UserError, match="labels/p/photo_0.*may be of images/p/photo_0.(png|webp) or"):
        read(tmp_path, kind)


def test_what_a_coco_file_may_lack(source):
    content = coco_content([PHOTO])
    content["images"][0] |= {"width": None, "height": None}
    content["categories"][0] = {"id": 3, "name": 7}
    outline = {"segmentation": [[1, 2, 30, 2, 30, 40], [5, 5, 6, 44, 6, 6]], "category_id": 3}
    content["annotations"] = [{"id": 1, "image_id": 1, "bbox": [], **outline}, {"id": 2, "image_id": 1, **outline},
                              {"id": 3, "image_id": 1, "bbox": [1, 2, 3, 4], **outline}]
    write_json(source / "train.json", content)
    write_json(source / "valid.json", {**content, "images": [], "annotations": []})
    write_json(source / "test.json", {key: content[key] for key in ("images", "categories")})
    reading = read(source, "coco")
    assert reading_boxes(reading) == [("7", 1, 2, 29, 42), ("7", 1, 2, 29, 42), ("7", 1, 2, 3, 4)]
    assert [(image.split, image.size) for image in reading.images] == [("train", (64, 48))]
    assert reading.left_out == {"annotation files without annotations": (1, "test.json"),
                                "annotation files without images": (1, "valid.json")}
    assert reading.notes["annotations without a bbox have the box around the outline"][0] == 2
    # Numbers from 0 for categories from 1.
    content = coco_content([PHOTO], categories=[{"id": number, "name": f"{number}"} for number in (1, 2, 3)])
    for annotation, number in zip(content["annotations"], (0, 1, 2), strict=True):
        annotation["category_id"] = number
    with pytest.raises(UserError, match="category_id of the annotations is 0 and never 3, but the categories have"):
        read(write_json(source / "train.json", content), "coco")


def test_the_image_folder_may_be_elsewhere(tmp_path):
    images = tmp_path / "images"
    path = write_json(tmp_path / "json" / "mine.json", coco_content([PHOTO]))
    assert not read(path, "coco").images
    write_picture(images, PHOTO)
    yolo_file(path.parent, "0 0.5 0.5 0.25 0.5\n")
    (path.parent / "photo_0.xml").write_text(voc_xml("renamed", (64, 48), [("cup", 7, 9, 30, 28, "")]))
    found = [reading_boxes(read(path.parent, kind, image_root=images)) for kind in ("coco", "yolo", "voc")]
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
    assert sorted(reading_boxes(reading)) == sorted([*expected, ("lamp", 6, 8, 24, 20)])
    assert reading.notes["classes have another id in another file, and are matched by name"][0] == 4


def test_two_files_for_one_split_are_refused(tmp_path):
    tool_exports.coco(tmp_path)
    write_json(tmp_path / "more.json", coco_content(IMAGES))
    with pytest.raises(UserError, match="labels.json and more.json are both for all images; merge them, or name"):
        read(tmp_path, "coco")
    assert len(read(tmp_path / "more.json", "coco").images) == len(IMAGES)


def test_choices_of_via_are_called_by_their_texts(source):
    attributes = {"region": {"class": {"type": "dropdown", "options": {"1": "cat", "2": "dog", "3": ""}}}}
    rect = {"name": "rect", "x": 6, "y": 8, "width": 24, "height": 20}
    entry = via_entry("photo_0.jpg", [(rect, "2"), (rect, "1"), (rect, "3")])
    write_json(source / "via.json", {"_via_settings": {}, "_via_img_metadata": {"a": entry},
                                     "_via_attributes": attributes})
    assert [name for _, name in read(source, "via").categories] == ["dog", "cat", "3"]


def test_a_long_coco_file_is_recognised_by_its_records(source):
    entry = {"width": 64, "height": 48, "file_name": "x" * 40 + ".jpg"}
    content = {"images": [{**entry, "id": number} for number in range(1, 1500)],
               "categories": [{"id": 1, "name": "cup"}],
               "annotations": [{"id": number, "image_id": 1, "category_id": 1, "bbox": [6, 8, 24, 20]}
                               for number in range(1500)], "info": {"contributor": "Label Studio"}}
    content["images"].insert(0, {**entry, "id": 0, "file_name": "photo_0.jpg"})
    write_json(source / "result.json", content)
    assert convert_dataset.chosen_format(source, None) == "label_studio"
    # Under a name and in a form that nothing recognises, it is read by its format.
    (source / "result.json").write_text(" " * 70_000 + json.dumps(content) + " " * 70_000)
    assert len(read(source, "coco").images) == 1


def test_an_empty_split_of_roboflow_without_categories_is_left_out(tmp_path):
    tool_exports.roboflow(tmp_path)
    write_json(tmp_path / "test" / "_annotations.coco.json", {"images": [], "annotations": [], "categories": None})
    reading = read(tmp_path, "roboflow")
    assert len(reading.images) == 7 and reading.left_out["annotation files without images"][0] == 1
    assert [name for _, name in reading.categories] == ["cup", "ball", "key"]

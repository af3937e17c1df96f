# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Conversion of what annotation tools export: the same boxes from every format, splits, names, refusals."""
import json
import os
import shlex
import zipfile

import numpy as np
import pytest
from PIL import Image

from model_utils import files
from model_utils.errors import UserError, run_cli
from src.data.coco import read_coco
from src.data.formats import FORMATS, formats_of
from src.data.image_files import decode_reduced
from tests.support import tool_exports
from tests.support.helpers import data_config, draw_picture, real_data, write_coco
from tests.support.tool_exports import EXPORTS, IMAGES, boxes_of, coco_content, write_json, write_picture
from tools import check_dataset, convert_dataset
from tools.convert.reading import Reading, SourceImage
from tools.convert.splits import divide

HAS_SPLITS = ("roboflow", "voc", "yolo")


def convert(source, out, *options):
    return run_cli(convert_dataset.main, [str(source), str(out), *options])


def content_of(out, split):
    return json.loads((out / "annotations" / f"instances_{split}2017.json").read_text(encoding="utf-8"))


def found_boxes(out, *splits):
    """Return {(image name, class, x, y, width, height)} of an output folder, rounded as floats may be."""
    boxes = set()
    for content in (content_of(out, split) for split in splits):
        names = {image["id"]: image["file_name"].rpartition(".")[0] for image in content["images"]}
        classes = {category["id"]: category["name"] for category in content["categories"]}
        boxes |= {(names[box["image_id"]], classes[box["category_id"]], *(round(value, 9) for value in box["bbox"]))
                  for box in content["annotations"]}
    return boxes


@pytest.mark.parametrize("name", EXPORTS)
def test_every_format_gives_the_same_boxes_classes_and_images(tmp_path, capsys, name):
    write, kind, ids = EXPORTS[name]
    source, out = tmp_path / "my export", tmp_path / "out"
    write(source)
    assert list(formats_of(source)) == [kind]
    assert convert(source, out) == 0
    printed = capsys.readouterr().out
    splits = ("train", "val", "test") if name in HAS_SPLITS else ("train", "val")
    assert sorted(os.listdir(out)) == sorted(["annotations", *(f"{split}2017" for split in splits)])
    assert found_boxes(out, *splits) == boxes_of(IMAGES)
    for split in splits:
        content = content_of(out, split)
        assert {category["name"]: category["id"] for category in content["categories"]} == ids
        assert sorted(os.listdir(out / f"{split}2017")) == sorted(image["file_name"] for image in content["images"])
        if name in HAS_SPLITS:
            assert {image["file_name"] for image in content["images"]} == {
                f"{image['name']}.jpg" for image in IMAGES if image["split"] == split}
    # What was written is sound, and no box is counted twice or lost.
    data = read_coco(data_config(out), "train", training=False)
    assert data.sizes == [(64, 48)] * len(data) and not data.report
    assert f"python train.py --data_dir {shlex.quote(str(out))}\n" in printed and "tools/check_dataset.py" in printed
    assert ("--ann_file" in printed) == ("test" in splits) and ("left out" in printed) == (name == "roboflow")
    # Hard links: no copy, and nothing is lost with the source.
    assert all(os.stat(path).st_nlink == 2 for path in out.glob("*2017/*"))


def test_the_commands_of_a_conversion_check_the_new_folder(tmp_path, capsys):
    tool_exports.roboflow(tmp_path / "source")
    assert convert(tmp_path / "source", tmp_path / "out") == 0
    line = next(line for line in capsys.readouterr().out.splitlines() if "check_dataset" in line)
    assert run_cli(check_dataset.main, shlex.split(line)[2:]) == 0


def test_a_real_export_of_roboflow(tmp_path, capsys):
    assert convert(real_data("roboflow_toy"), tmp_path / "out") == 0
    printed = capsys.readouterr().out
    sizes = [len(content_of(tmp_path / "out", split)["images"]) for split in ("train", "val", "test")]
    assert sizes == [90, 30, 20]
    assert content_of(tmp_path / "out", "train")["categories"] == [{"id": 1, "name": "bull"}, {"id": 2, "name": "pig"}]
    assert "1 class without boxes that is the parent of others (first: objects)" in printed
    data = read_coco(data_config(tmp_path / "out"), "val", training=False)
    assert len(data.truth["bbox"]) == 30 and data.categories.names == ("bull", "pig")


@pytest.mark.parametrize("how", ["symlink", "copy"])
def test_images_are_linked_or_copied(tmp_path, capsys, how):
    tool_exports.coco(tmp_path / "source")
    assert convert(tmp_path / "source", tmp_path / "out", "--images", how) == 0
    paths = list((tmp_path / "out").glob("*2017/*"))
    assert len(paths) == 8 and all(path.is_symlink() == (how == "symlink") for path in paths)
    assert all(path.read_bytes() == (tmp_path / "source" / "pictures" / path.name).read_bytes() for path in paths)
    assert ("8 images copied" in capsys.readouterr().out) == (how == "copy")


def test_what_cannot_be_linked_is_copied_and_reported(tmp_path, capsys, monkeypatch):
    def other_disk(*_):
        raise OSError(18, "Invalid cross-device link")

    tool_exports.coco(tmp_path / "source")
    monkeypatch.setattr(os, "link", other_disk)
    assert convert(tmp_path / "source", tmp_path / "out") == 0
    assert "8 images copied, as they cannot be linked" in capsys.readouterr().out


def test_the_seed_divides_images_and_groups_stay_together(tmp_path, capsys):
    images = [tool_exports.image(f"{scene}_{view}", None) for scene in range(10) for view in range(3)]
    tool_exports.coco(tmp_path / "source", images)
    outs = [tmp_path / name for name in ("first", "again", "other", "groups")]
    options = [(), (), ("--seed=5",), (r"--group_by=photo_(\d+)_", "--val_fraction=0.3")]
    for out, extra in zip(outs, options, strict=True):
        assert convert(tmp_path / "source", out, *extra) == 0
    names = [[{image["file_name"] for image in content_of(out, split)["images"]} for split in ("train", "val")]
             for out in outs]
    assert names[0] == names[1] != names[2]
    assert all(len(val) == 6 and len(train | val) == 30 for train, val in names[:3])
    scenes = [{name.split("_")[1] for name in side} for side in names[3]]
    assert len(scenes[1]) == 3 and len(names[3][1]) == 9 and not scenes[0] & scenes[1]
    assert convert(tmp_path / "source", tmp_path / "bad", "--group_by=(scene)") == 2
    assert "fits none of the 30 images, such as pictures/photo_0_0.jpg" in capsys.readouterr().err
    assert convert(tmp_path / "source", tmp_path / "bad", "--group_by=folder") == 1
    assert "0.2 of 1 groups of images are 0 held out and 1" in capsys.readouterr().err
    assert convert(tmp_path / "source", tmp_path / "bad", "--group_by=(") == 2
    assert "is no regular expression" in capsys.readouterr().err


def test_versions_of_one_image_by_roboflow_stay_together(tmp_path):
    images = [{**tool_exports.image(0, "train"), "name": f"photo_{number}_jpg.rf.{version}a"}
              for number in range(10) for version in range(3)]
    tool_exports.roboflow(tmp_path / "source", images)
    for split in ("valid", "test"):
        (tmp_path / "source" / split / "_annotations.coco.json").unlink()
    assert convert(tmp_path / "source", tmp_path / "out") == 0
    held_out = [image["file_name"].split("_jpg")[0] for image in content_of(tmp_path / "out", "val")["images"]]
    assert len(held_out) == 6 and len(set(held_out)) == 2


def test_images_of_one_name_in_two_folders_do_not_collide(tmp_path):
    names = ["images/train/a/1", "images/train/b/1", "images/train/a_1", "images/train/2.x", "images/train/2.X",
             "images/val/1"]
    for number, name in enumerate(names):
        path = write_picture(tmp_path / "source", {**IMAGES[2], "name": name})
        path.with_suffix(".txt").write_text(f"0 0.5 0.5 0.{number + 1} 0.5\n")
    (tmp_path / "source" / "classes.txt").write_text("cup")
    assert convert(tmp_path / "source", tmp_path / "out") == 0
    prefix = "images_train_"
    expected = {f"{prefix}a_1", f"{prefix}b_1", "a_1", f"{prefix}2.X", f"{prefix}2.x_2"}
    # Letter case counts on no disk of Windows or macOS.
    assert {path.stem for path in (tmp_path / "out" / "train2017").iterdir()} == expected
    assert os.listdir(tmp_path / "out" / "val2017") == ["1.jpg"]
    assert {(name, round(width / 6.4)) for name, _, _, _, width, _ in found_boxes(tmp_path / "out", "train")} == {
        (f"{prefix}a_1", 1), (f"{prefix}b_1", 2), ("a_1", 3), (f"{prefix}2.x_2", 4), (f"{prefix}2.X", 5)}
    assert os.path.samefile(tmp_path / "out" / "train2017" / f"{prefix}b_1.jpg",
                            tmp_path / "source" / "images" / "train" / "b" / "1.jpg")


@pytest.mark.parametrize("orientation, upright", [(1, (40, 60)), (3, (40, 60)), (6, (60, 40)), (8, (60, 40))])
def test_fractions_of_a_phone_photo_are_those_of_the_upright_image(tmp_path, orientation, upright):
    tool_exports.yolo(tmp_path / "source")
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = draw_picture((40, 60), [], 0)
    Image.fromarray(pixels).save(tmp_path / "source" / "images" / "train" / "photo_0.jpg", exif=exif.tobytes())
    (tmp_path / "source" / "labels" / "train" / "photo_0.txt").write_text("1 0.5 0.5 0.5 0.25\n")
    assert convert(tmp_path / "source", tmp_path / "out") == 0
    content = content_of(tmp_path / "out", "train")
    image = next(image for image in content["images"] if image["file_name"] == "photo_0.jpg")
    assert (image["width"], image["height"]) == upright
    box = next(box["bbox"] for box in content["annotations"] if box["image_id"] == image["id"])
    assert box == [upright[0] / 4, upright[1] * 3 / 8, upright[0] / 2, upright[1] / 4]


@pytest.mark.parametrize("listed", [(40, 60), (60, 40)])
def test_the_size_that_is_listed_says_whether_boxes_are_of_the_stored_or_the_upright_photo(tmp_path, listed):
    tool_exports.coco(tmp_path / "source")
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "source" / "pictures" / "photo_1.jpg"
    Image.fromarray(draw_picture((40, 60), [], 0)).save(path, exif=exif.tobytes())
    content = coco_content(IMAGES)
    content["images"][1] |= {"width": listed[0], "height": listed[1]}
    for box in content["annotations"]:
        if box["image_id"] == 2:
            box["bbox"] = [1, 2, 30, 36]
    write_json(tmp_path / "source" / "labels.json", content)
    assert convert(tmp_path / "source", tmp_path / "out", "--seed=2") == 0
    data = read_coco(data_config(tmp_path / "out"), "train", training=False)
    number = data.image_ids.index(2)
    assert data.sizes[number] == listed and data.boxes[number][0, :4].tolist() == [1, 2, 31, 38]
    assert decode_reduced(data.paths[number], 1, "auto", listed).image_hw == listed[::-1]


def test_images_that_are_of_no_use_are_left_out_and_counted(tmp_path, capsys):
    source = tmp_path / "source"
    tool_exports.coco(source)
    content = coco_content(IMAGES)
    content["images"][0]["width"] = 640
    content["annotations"] += [{"id": 90, "image_id": 99, "category_id": 3, "bbox": [1, 1, 5, 5]},
                               {"id": 91, "image_id": 2, "category_id": "cup", "bbox": [1, 1, 5, 5]},
                               {"id": 92, "image_id": 2, "category_id": 3, "bbox": [1, 1, 0, 5]},
                               {"id": 93, "image_id": "2", "category_id": 3.0, "bbox": [1, 1, 5, 5], "iscrowd": 1}]
    write_json(source / "labels.json", content)
    (source / "pictures" / "photo_3.jpg").write_bytes(b"\xff\xd8 no image")
    (source / "pictures" / "photo_4.jpg").unlink()
    write_picture(source / "pictures", {**IMAGES[0], "name": "another"})
    assert convert(source, tmp_path / "out") == 0
    printed = capsys.readouterr().out
    for words in ("1 image of another size than their annotations say (first: pictures/photo_0.jpg is 64x48 rather "
                  "than 640x48)", "1 image that cannot be read", "1 image that is listed, but not there (first: "
                  "photo_4.jpg of labels.json)", "1 annotation of an image that is not in the file (first: annotation "
                  "90 of labels.json, image_id 99 (number))", "1 annotation of an unknown category (first: annotation "
                  "91 of labels.json, category_id 'cup' (text))", "1 image file without annotations, or not listed "
                  "(first: pictures/another.jpg)", "1 box of zero or negative size: dropped (first: annotation 92"):
        assert words in printed, printed
    kept = [image for image in IMAGES if image["name"] not in ("photo_0", "photo_3", "photo_4")]
    assert found_boxes(tmp_path / "out", "train", "val") == boxes_of(kept) | {("photo_1", "cup", 1, 1, 5, 5)}
    crowds = [box for split in ("train", "val") for box in content_of(tmp_path / "out", split)["annotations"]
              if box["iscrowd"]]
    assert len(crowds) == 1 and crowds[0]["bbox"] == [1, 1, 5, 5]


def test_ids_of_images_are_kept(tmp_path, capsys):
    tool_exports.coco(tmp_path / "source")
    content = coco_content(IMAGES)
    for record in content["images"] + content["annotations"]:
        key = "image_id" if "image_id" in record else "id"
        record[key] = f"image-{record[key]}"
    # One image twice.
    content["images"].append({**content["images"][2], "id": "again"})
    write_json(tmp_path / "source" / "labels.json", content)
    assert convert(tmp_path / "source", tmp_path / "out") == 0
    assert "note: 1 image is listed more than once: each entry counts (first: photo_2.jpg" in capsys.readouterr().out
    ids = {image["file_name"]: image["id"] for split in ("train", "val")
           for image in content_of(tmp_path / "out", split)["images"]}
    # Texts are sorted, so "again" comes first.
    assert ids == {"photo_2.jpg": "again", "photo_2_2.jpg": "image-3",
                   **{f"photo_{number}.jpg": f"image-{number + 1}" for number in range(8) if number != 2}}
    assert found_boxes(tmp_path / "out", "train", "val") == boxes_of(IMAGES)


def test_several_formats_need_a_choice(tmp_path, capsys):
    tool_exports.labelme(tmp_path / "source")
    tool_exports.voc(tmp_path / "source")
    assert convert(tmp_path / "source", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert "voc: Pascal VOC xml, such as Annotations/photo_0.xml" in error and "labelme: files of labelme" in error
    assert "choose one with --format" in error and not (tmp_path / "out").exists()
    assert convert(tmp_path / "source", tmp_path / "out", "--format=voc") == 0
    assert found_boxes(tmp_path / "out", "train", "val", "test") == boxes_of(IMAGES)


def test_sources_that_cannot_be_converted(tmp_path, capsys):
    write_coco(tmp_path / "ours", [{"boxes": [(5, 5, 20, 20, 1)]}])
    write_coco(tmp_path / "ours", [{"boxes": [(5, 5, 20, 20, 1)]}], "val")
    (tmp_path / "empty").mkdir()
    (tmp_path / "xml").mkdir()
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("data.yaml", "names: [cup]")
    (tmp_path / "xml" / "annotations.xml").write_text("<annotations><version>1.1</version><meta></meta></annotations>")
    for name, words in (("ours", "in COCO layout already, there is nothing to convert; continue with: python train.py "
                         f"--data_dir {tmp_path / 'ours'}"), ("nowhere", "no such file"), ("export.zip", "unpack it"),
                        ("empty", "holds no annotations of a known format; expected a COCO export of Roboflow, "),
                        ("", f"ours: is in COCO layout already, there is nothing to convert; continue with: python "
                         f"train.py --data_dir {tmp_path / 'ours'}; for what else {tmp_path} holds, take ours out"),
                        ("xml", "annotations.xml seems to be CVAT's own xml: export it again as COCO 1.0")):
        assert convert(tmp_path / name, tmp_path / "out", *(["--format=voc"] if name == "xml" else [])) == 1
        assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_read_is_not_left_out(tmp_path, monkeypatch, capsys):
    scan = os.scandir

    def refuse(path):
        if "secret" in str(path):
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    tool_exports.labelme(tmp_path / "source")
    (tmp_path / "source" / "secret").mkdir()
    monkeypatch.setattr(os, "scandir", refuse)
    assert convert(tmp_path / "source", tmp_path / "out") == 1
    assert "source/secret: Permission denied" in capsys.readouterr().err


def test_names_that_cannot_be_written_are_changed(tmp_path, capsys):
    source = tmp_path / "source"
    tool_exports.yolo(source)
    names = {0: "f" * 120 + "/" + "n" * 120, 1: "g" * 120 + "/" + "n" * 120, 3: os.fsdecode(b"\xc4\xe3")}
    for number, name in names.items():
        for folder, suffix in (("images", "jpg"), ("labels", "txt")):
            path = source / folder / "train" / f"{name}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            (source / folder / "train" / f"photo_{number}.{suffix}").rename(path)
    assert convert(source, tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert "1 image with a name that is no UTF-8 is renamed (first: images/train/\\udcc4\\udce3.jpg)" in printed
    assert "2 images are saved without the beginning of a long name" in printed
    expected = boxes_of(IMAGES)
    found = found_boxes(tmp_path / "out", "train", "val", "test")
    assert {box[1:] for box in found} == {box[1:] for box in expected} and len(found) == len(expected)
    assert {len(box[0]) for box in found} == {2, len("photo_0"), 200}
    # In a json file, it may be a broken text.
    content = coco_content(IMAGES)
    content["categories"] = [{**category, "name": category["name"] + "\ud800"} for category in content["categories"]]
    tool_exports.coco(tmp_path / "coco")
    write_json(tmp_path / "coco" / "labels.json", content)
    assert convert(tmp_path / "coco", tmp_path / "out2") == 1
    assert r"\ud800'; expected a text; shorten or correct it" in capsys.readouterr().err


@pytest.mark.parametrize("splits, found, counts", [
    ("val val val", {"train": 2, "val": 1}, {
        "images of the only split, val, are used for training": 3,
        "training images are taken for validation, by --val_fraction and --seed": 1}),
    ("val test test", "no images to train on, only 1 for val and 2 for test.*\n  4 broken", {}),
    ("train", "1 to train on; .*\n  4 broken", {}), ("", "no images to train on are left; left out were:\n  4 b", {}),
    ("train None val", {"train": 1, "val": 1}, {"images outside the folders or lists of the splits": 1}),
    ("None val", {"train": 1, "val": 1}, {})])
def test_images_of_few_splits(tmp_path, splits, found, counts):
    reading = Reading(tmp_path)
    reading.images = [SourceImage(tmp_path / f"{number}.jpg", None if split == "None" else split)
                      for number, split in enumerate(splits.split())]
    reading.left_out["broken"] = 4, "a"
    if isinstance(found, str):
        with pytest.raises(UserError, match=found):
            divide(reading, 0.4, 0, "")
        return
    assert {split: len(images) for split, images in divide(reading, 0.4, 0, "").items()} == found
    found = {reason: count for reason, (count, _) in (reading.left_out | reading.notes).items()}
    assert found == {**counts, "broken": 4}
    # One image in two splits.
    reading.images = [SourceImage(tmp_path / "a.jpg", split) for split in ("train", "val")]
    divide(reading, 0.2, 0, "")
    assert reading.notes["images are in several splits"] == (1, "a.jpg, train and val")


def test_a_folder_of_ours_without_a_validation_split_gets_one(tmp_path):
    write_coco(tmp_path / "ours", [{"boxes": [(5, 5, 20, 20, 1)]} for _ in range(5)])
    assert convert(tmp_path / "ours", tmp_path / "out") == 0
    assert [len(content_of(tmp_path / "out", split)["images"]) for split in ("train", "val")] == [4, 1]


def test_an_output_that_exists_is_refused_unless_empty(tmp_path, capsys, monkeypatch):
    tool_exports.coco(tmp_path / "source")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    for name in ("full", "dangling"):
        assert convert(tmp_path / "source", tmp_path / name) == 2
        assert "exists: name a new folder" in capsys.readouterr().err
    for name in ("empty", "here"):
        (tmp_path / name).mkdir()
    assert convert(tmp_path / "source", tmp_path / "empty") == 0
    monkeypatch.chdir(tmp_path / "here")
    assert convert(tmp_path / "source", ".") == 2
    assert ". is the folder that you are in, or one" in capsys.readouterr().err
    for fraction in ("0", "1", "nan"):
        assert convert(tmp_path / "source", tmp_path / "out", f"--val_fraction={fraction}") == 2


def test_a_failure_in_the_middle_leaves_nothing(tmp_path, monkeypatch):
    def no_space(*_):
        raise OSError(28, "No space left on device", "the disk")

    tool_exports.coco(tmp_path / "source")
    monkeypatch.setattr(files.os, "rename", no_space)
    assert convert(tmp_path / "source", tmp_path / "out") == 1
    assert os.listdir(tmp_path) == ["source"]


def test_boxes_in_pixels_are_no_fractions_and_fractions_no_pixels(tmp_path, capsys):
    tool_exports.yolo(tmp_path / "yolo")
    for path in (tmp_path / "yolo" / "labels").rglob("*.txt"):
        path.write_text("0 32 24 10 10\n")
    assert convert(tmp_path / "yolo", tmp_path / "out") == 1
    tool_exports.coco(tmp_path / "coco")
    content = coco_content(IMAGES)
    for box in content["annotations"]:
        box["bbox"] = (np.array(box["bbox"]) / 64).tolist()
    write_json(tmp_path / "coco" / "labels.json", content)
    assert convert(tmp_path / "coco", tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert "no boxes to train on are left" in error and "lines with other values than fractions from 0 to 1" in error
    assert f"{tmp_path / 'coco' / 'labels.json'}: all " in error and "seem to be fractions of the image" in error
    assert not (tmp_path / "out").exists()


def test_names_of_classes_that_differ_in_letter_case_are_reported(tmp_path, capsys):
    tool_exports.labelme(tmp_path / "source")
    path = tmp_path / "source" / "photo_1.json"
    path.write_text(path.read_text().replace('"cup"', '" Cup "'))
    assert convert(tmp_path / "source", tmp_path / "out") == 0
    printed = capsys.readouterr().out
    assert "note: 1 class has the name of another one, but for letter case (first: cup, Cup)" in printed


def test_every_format_has_a_name_on_the_command_line():
    assert {kind for _, kind, _ in EXPORTS.values()} == set(FORMATS)


def write_pictures(folder, annotations):
    """Write six pictures and the COCO file of some annotations; each is (image number, box, iscrowd)."""
    content = coco_content([tool_exports.image(number, None, []) for number in range(6)])
    for found in content["images"]:
        write_picture(folder, {"name": found["file_name"][:-4], "size": (64, 48), "boxes": []})
    content["annotations"] = [{"id": number, "image_id": image, "category_id": 1, "bbox": box, "iscrowd": crowd}
                              for number, (image, box, crowd) in enumerate(annotations)]
    write_json(folder / "labels.json", content)
    return folder


def test_crowd_regions_are_no_boxes(tmp_path, capsys):
    box = [6, 8, 24, 20]
    crowds = [(number, box, 1) for number in range(1, 7)]
    assert convert(write_pictures(tmp_path / "a", crowds), tmp_path / "none") == 1
    assert "5 crowd regions (iscrowd 1): neither learned nor scored; set iscrowd" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
    assert convert(write_pictures(tmp_path / "b", crowds + [(number, box, 0) for number in range(1, 7)]),
                   tmp_path / "both") == 0
    assert "train: 5 images (0 without boxes), 5 boxes" in capsys.readouterr().out


def test_a_validation_split_without_a_usable_box_is_refused(tmp_path, capsys):
    outside, inside = [1e4, 1, 100, 100], [6, 8, 24, 20]
    write_pictures(tmp_path / "source", [(number, inside, 0) for number in range(1, 7)])
    assert convert(tmp_path / "source", tmp_path / "out") == 0
    (held_out,) = content_of(tmp_path / "out", "val")["images"]
    write_pictures(tmp_path / "source", [(number, outside if number == held_out["id"] else inside, 0)
                                         for number in range(1, 7)])
    assert convert(tmp_path / "source", tmp_path / "again") == 1
    assert "none of the 1 validation images has a box" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()
    # An image whose only box is left out has none.
    write_pictures(tmp_path / "source", [(number, inside if number == held_out["id"] or number == 1 else outside, 0)
                                         for number in range(1, 7)])
    assert convert(tmp_path / "source", tmp_path / "third") == 0
    assert "train: 5 images (4 without boxes), 1 box" in capsys.readouterr().out


def test_classes_of_one_name_are_not_called_those_of_another_letter_case(tmp_path, capsys):
    tool_exports.yolo(tmp_path / "source")
    path = tmp_path / "source" / "data.yaml"
    path.write_text(path.read_text().replace("2: key", "2: cup"))
    assert convert(tmp_path / "source", tmp_path / "out") == 0
    assert "note: 1 class has the name of another one (first: cup, cup)" in capsys.readouterr().out

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Bad data folders, annotation files, images, and exports of annotation tools."""
import io
import json
import struct
import zipfile
import zlib

from tools.faults.input_case import (
    TRAIN_JSON,
    VAL_JSON,
    BadInput,
    assign,
    change,
    cut,
    each,
    fifo,
    make_dir,
    put,
    remove,
)
from tools.faults.sound_input import TRAINING, annotation_file, image_file

TRAIN = f"--data_dir=data {' '.join(TRAINING)}"
IMAGE = "data/train2017/2.jpg"
# Of the message of a split with images that cannot be used.
ONE_OF_FOUR = r"1 of the 4 images cannot be used; restore them, or take them out.*\n  data/train2017/2\.jpg: "
HUGE_SIDE = 60_000


def annotations(name, prepare, message, program="train", arguments=TRAIN):
    """Return a fault of an annotation file, which the message names."""
    return BadInput(f"annotation file: {name}", program, arguments, rf"instances_(train|val)2017\.json: {message}",
                    [prepare])


def image(name, prepare, message, arguments=TRAIN):
    """Return a fault of an image of training."""
    return BadInput(f"image: {name}", "train", arguments, f"{ONE_OF_FOUR}.*{message}", [prepare])


def export(name, message, prepare=(), arguments="source out", code=1):
    """Return a fault of what tools/convert_dataset.py is to convert."""
    return BadInput(f"export: {name}", "tools.convert_dataset", arguments, message, prepare, code)


def huge_png():
    """Return a PNG whose header promises more pixels than there is memory for."""
    data = image_file(".png")
    header = struct.pack(">II", HUGE_SIDE, HUGE_SIDE) + data[24:29]
    return data[:16] + header + struct.pack(">I", zlib.crc32(b"IHDR" + header)) + data[33:]


def packed():
    """Return a zip archive with one member."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "text")
    return file.getvalue()


def xml_bomb():
    """Return xml of 10 ** 9 characters, by entities that repeat one another."""
    entities = "".join(f'<!ENTITY {name} "{10 * f"&{before};"}">' for before, name in zip("abcdefgh", "bcdefghi",
                                                                                            strict=True))
    name = "<annotation><filename>&i;</filename></annotation>"
    return f'<!DOCTYPE x [<!ENTITY a "xxxxxxxxxx">{entities}]>{name}'.encode()


def swap_last_box(content):
    """Give the boxes of an annotation file as corners that leave the image as x, y, width and height."""
    for box in content["annotations"]:
        box["bbox"] = [40, 40, 60, 60]


FOLDERS = (
    BadInput("data folder: missing", "train", "--data_dir=nowhere",
             "nowhere: the data folder does not exist; expected"),
    BadInput("data folder: empty", "train", "--data_dir=empty",
             r"empty/train2017: the image folder does not exist; exp",
             [make_dir("empty")]),
    BadInput("data folder: file", "train", "--data_dir=cup.ckpt", r"data_dir cup\.ckpt: is a file; expected the data"),
    BadInput("data folder: another layout", "train", "--data_dir=source",
             r"image folder does not exist.*YOLO labels; this makes a data folder of it: .*convert_dataset\.py source",
             [put("source/1.txt", "0 0.5 0.5 0.5 0.5\n"), put("source/1.jpg", image_file(".jpg"))]),
    BadInput("data folder: name of 300 characters", "train", f"--data_dir={'x' * 300}",
             "xxx: File name too long; check"),
    BadInput("data folder: no annotation file", "tools.check_dataset", "data",
             "train2017.json: the annotation file does",
             [remove(TRAIN_JSON)]),
    BadInput("data folder: no images of validation", "eval", "--data_dir=data2 --pretrained=cup.ckpt",
             "data2/val2017: the image folder does not exist; expected", [make_dir("data2/annotations")]),
    BadInput("data folder: too few images", "train", TRAIN.replace("size=2", "size=8"),
             "4 training images are too few for one step: per_batch_size 8 .*set --per_batch_size to at most 4"),
    BadInput("annotation file of --ann_file: missing", "eval",
             "--ann_file=no.json --image_dir=data --pretrained=cup.ckpt",
             r"no\.json: cannot read this annotation file: No such file.*; check the path"),
    BadInput("folder of --image_dir: missing", "eval", f"--ann_file={VAL_JSON} --image_dir=no --pretrained=cup.ckpt",
             "no: this image folder does not exist; name the folder of the images"),
)
ANNOTATIONS = (
    annotations("empty", put(TRAIN_JSON, b""), "broken json in line 1, column 1: .*make or copy the file again"),
    annotations("cut short", cut(TRAIN_JSON, 0.5), "broken json in line 1, column"),
    annotations("binary", put(TRAIN_JSON, bytes(range(256))), "broken json in line 1"),
    annotations("list", put(TRAIN_JSON, "[1]"), "holds a json list; expected COCO's object"),
    annotations("nested 100000 deep", put(TRAIN_JSON, "[" * 100_000), "no json that can be read: maximum recursion"),
    annotations("larger than max_json_mb", put(TRAIN_JSON, b" " * 2**21),
                "this annotation file has 2.0 MB, more than 1; .*raise --max_json_mb",
                arguments=f"{TRAIN} --max_json_mb=1"),
    annotations("folder", make_dir(TRAIN_JSON), "it is a folder, not a regular file; expected COCO's json"),
    annotations("FIFO", fifo(TRAIN_JSON), "it is a FIFO, not a regular file; expected COCO's json format there"),
    annotations("no list of images", assign("images", {}), 'has no list "images"; expected'),
    annotations("no images", assign("images", []), '"images" is empty; there is nothing to read'),
    annotations("no categories", assign("categories", []), '"categories" is empty; expected one entry'),
    annotations("entry of another type", assign("annotations 1", 7),
                'entry 1 of "annotations" is 7; expected an object'),
    annotations("image ids twice", each("images", {"id": 1}), 'id 1 occurs more than once in "images"; .*renumber'),
    annotations("category ids twice", each("categories", {"id": 1}), 'id 1 occurs more than once in "categories"',
                "tools.check_dataset", "data"),
    annotations("id missing", change(TRAIN_JSON, lambda content: content["images"][1].pop("id") and None),
                'entry 1 of "images" has no "id"; expected a whole number'),
    annotations("id not a number", assign("images 0 id", float("nan")), 'entry 0 of "images" has "id" nan'),
    annotations("category without a name", assign("categories 1 name", ""), 'entry 1 .*"name" \'\'.*expected a name'),
    annotations("class name of 1000 characters", assign("categories 1 name", "x" * 1000),
                "the name of class 1 has 1000 characters; expected at most 200; shorten or correct it"),
    annotations("class name of half a character", assign("categories 0 name", "\ud800"),
                r"the name of class 0 is '\\ud800'; expected a text"),
    annotations("boxes that are not numbers", each("annotations", {"bbox": [float("nan")] * 4}),
                "none of its 4 images has a box to train on; 8 boxes that are not four finite numbers"),
    annotations("all boxes crowd regions", each("annotations", {"iscrowd": 1}), "none of .* are all crowd regions"),
    annotations("boxes without size", each("annotations", {"bbox": [1, 1, 0, 5]}), "none of .*zero or negative size"),
    annotations("boxes as fractions", each("annotations", {"bbox": [.1, .1, .2, .2]}),
                "all 8 boxes lie between 0 and 1"),
    annotations("boxes as corners", change(TRAIN_JSON, swap_last_box), "8 of 8 boxes .* fit them as x1, y1, x2, y2"),
    annotations("crowd flag of 2", assign("annotations 0 iscrowd", 2),
                '"iscrowd" of annotation 1 is 2.*expected 0 or 1'),
    annotations("image of no size", assign("images 0 width", 0),
                r"image 1\.jpg has the size 0x64; expected at least 1x1"),
    annotations("nothing to score", each("annotations", {"iscrowd": 1}, VAL_JSON), "has no annotation to score against",
                "eval", "--data_dir=data --pretrained=cup.ckpt"),
    BadInput("annotation file: one image to split", "tools.split_coco", "data out",
             "0.2 of 1 images are 0 held out and 1 to train on; choose a --fraction that leaves",
             [change(TRAIN_JSON, lambda content: {**content, "images": content["images"][:1]})]),
)
IMAGES = (
    BadInput("image: not there", "train", TRAIN, r"data/train2017: 1 of the 4 images named in \S+json are missing, the "
             r"first is 2\.jpg .*copy them there or take them out", [remove(IMAGE)]),
    BadInput("image: outside the folder", "train", TRAIN,
             r"data/train2017: 1 of the 4 images .* is \.\./\.\./cup\.ckpt; "
             "copy them there", [assign("images 0 file_name", "../../cup.ckpt")]),
    image("FIFO", fifo(IMAGE), r"cannot read this image file \(it is a FIFO, not a regular file\); restore it"),
    image("empty", put(IMAGE, b""), r"this image file is empty \(0 bytes\); restore it"),
    image("cut short", cut(IMAGE, 0.3), r"this image file is cut short \(\d+ bytes.*copy or download it again"),
    image("text", put(IMAGE, "no image"), r"this file \(8 bytes\) cannot be decoded as an image; expected JPEG, PNG"),
    image("web page", put(IMAGE, "<!DOCTYPE html><html>"), "it is a web page: the download went wrong, repeat it"),
    image("pointer of Git LFS", put(IMAGE, "version https://git-lfs.github.com/spec/v1\n"),
          "fetch the files themselves"),
    image("header of 3600000000 pixels", put(IMAGE, huge_png),
          "3600000000 pixels, more than max_image_pixels, 178956970"),
    image("another size than listed", put(IMAGE, lambda: image_file(".jpg", 32)),
          "the image is 32x32, its annotation file says 64x64.*correct the annotation file or restore the image"),
    image("slightly cut short, with strict_images", cut(IMAGE, 0.9), r"\d+% of its rows are there",
          f"{TRAIN} --strict_images=True"),
    BadInput("image to predict on: missing", "predict", "--ckpt_file=cup.ckpt --image=no.jpg",
             r"no\.jpg: no such file; name an image or a folder of images by --image"),
    BadInput("image to predict on: FIFO", "predict", "--ckpt_file=cup.ckpt --image=a.jpg", r"a\.jpg: it is a FIFO",
             [fifo("a.jpg")]),
    BadInput("folder to predict on: no image in it", "predict", "--ckpt_file=cup.ckpt --image=results",
             "results: no image among the 2 files of this folder"),
    BadInput("folder to predict on: drawn over", "predict", "--ckpt_file=cup.ckpt --image=data --output_dir=data",
             "output_dir data: drawn images would overwrite inputs", code=2),
)
SOURCE = [put(f"source/{number}.jpg", image_file(".jpg")) for number in range(3)]
EXPORTS = (
    export("missing", "source: no such file; expected a folder of images and annotations"),
    export("FIFO", "source: it is a FIFO, not a regular file; expected a folder", [fifo("source")]),
    export("empty folder", "source: holds no annotations of a known format; expected", [make_dir("source")]),
    export("zip archive", "source: is a zip file; unpack it, and name the folder", [put("source", packed)]),
    export("our own layout", "data: is in COCO layout already, there is nothing to convert", arguments="data out"),
    export("folder to write that exists", "results exists: name a new folder, or an empty one", [make_dir("source")],
           "source results", 2),
    export("broken json", r"a\.json: broken json in line 1", [*SOURCE, put("source/a.json", '{"images": [')],
           "source out --format=coco"),
    export("broken xml", r"a\.xml: broken xml: .*line 1", [*SOURCE, put("source/a.xml", "<annotation><object>")],
           "source out --format=voc"),
    export("xml bomb", r"a\.xml: broken xml: limit on input amplification", [*SOURCE, put("source/a.xml", xml_bomb)],
           "source out --format=voc"),
    export("no class names", "has YOLO labels but no class names; put a file classes.txt there",
           [*SOURCE, put("source/1.txt", "0 .5 .5 .5 .5\n")]),
    export("images that are not there", "no images to train on are left.*name the folder of the images by --image_dir",
           [put("source/a.json", json.dumps(annotation_file(["7.jpg"])))]),
    export("class without a name in the list", "lines of a class that is not among the 1 names",
           [*SOURCE, put("source/1.txt", "7 .5 .5 .5 .5\n"), put("source/classes.txt", "cup\n")]),
)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Small sound input of every loader: a data folder, checkpoints, a state, an exported model, results, a rank table.

    data/                  2 classes, 4 training and 2 validation images of 64 x 64 pixels
    cup.ckpt               weights of a network of those classes: the biases of its heads only
    run/ckpt_0/last.ckpt   the state of a run on data/, with checkpoints.json beside it
    model.onnx, .json      an exported model (five bytes) and its description
    results/               what ascend310_infer writes for the validation images
    rank_table.json        one server with two devices
"""
import hashlib
import json

import cv2
import numpy as np

from model_utils.config import get_config
from model_utils.files import write_atomically
from model_utils.json_file import write_json
from src.config import training_config, with_categories
from src.data.categories import Categories
from src.data.coco import read_coco
from src.deploy.model_description import describe_model
from src.loss import LOSS_PARTS
from src.network.head_layout import FIRST_CLASS
from src.training.train_state import Progress, data_facts, describe_network
from src.weights.checkpoint import save_checkpoint
from src.weights.checkpoint_folder import CheckpointFolder

CLASSES = Categories(("cup", "ball"), (3, 1))
SIDE = 64
BOX = [10, 12, 30, 24]
# The form of a run: two steps an epoch.
TRAINING = (f"--training_shape={SIDE}", "--per_batch_size=2", "--max_epoch=5")
RANK_TABLE = {"version": "1.0", "server_count": "1", "server_list": [
    {"server_id": "10.0.0.1", "device": [{"device_id": str(rank), "rank_id": str(rank)} for rank in range(2)]}]}


def make_sound_input(folder):
    """Write the files of the docstring above to a new folder."""
    folder.mkdir(parents=True)
    write_data(folder / "data")
    meta = run_meta(folder / "data")
    save_checkpoint(folder / "cup.ckpt", head_biases(meta), {key: meta[key] for key in meta if key not in (
        "config", "progress", "steps_per_epoch", "data", "left_out")})
    weights = head_biases(meta)
    checkpoints = CheckpointFolder(folder / "run" / "ckpt_0")
    checkpoints.save_state(1, 1, meta, weights, {"moments": np.zeros(1, np.float32), **weights}, {})
    write_atomically(folder / "model.onnx", b"model")
    write_json(folder / "model.onnx.json", description())
    write_results(folder / "results")
    write_json(folder / "rank_table.json", RANK_TABLE)


def write_data(folder):
    """Write a data folder."""
    for split, count in (("train", 4), ("val", 2)):
        (folder / f"{split}2017").mkdir(parents=True)
        names = [f"{number}.jpg" for number in range(1, count + 1)]
        for name in names:
            write_atomically(folder / f"{split}2017" / name, image_file(".jpg"))
        write_json(folder / "annotations" / f"instances_{split}2017.json", annotation_file(names))


def annotation_file(names):
    """Return the content of an annotation file of images, a box of each class on each of them."""
    images = [{"id": number, "file_name": name, "width": SIDE, "height": SIDE} for number, name in enumerate(names, 1)]
    boxes = [(image["id"], category) for image in images for category in CLASSES.ids]
    return {"images": images,
            "annotations": [{"id": number, "image_id": image, "category_id": category, "bbox": BOX, "iscrowd": 0,
                             "area": BOX[2] * BOX[3]} for number, (image, category) in enumerate(boxes, 1)],
            "categories": [{"id": number, "name": name}
                           for name, number in zip(CLASSES.names, CLASSES.ids, strict=True)]}


def image_file(suffix, side=SIDE):
    """Return the bytes of an image file of the format of a suffix."""
    rows, columns = np.mgrid[:side, :side] * 255 // side
    pixels = np.stack([rows, columns, (rows + columns) // 2], axis=2).astype(np.uint8)
    return cv2.imencode(suffix, pixels)[1].tobytes()


def run_meta(data_dir):
    """Return the meta data of a run on a data folder of `write_data`, after three steps, as json holds it."""
    config = get_config([*TRAINING, f"--data_dir={data_dir}", "--ckpt_path=theirs"])
    data = read_coco(config, "train", training=True)
    config = training_config(with_categories(config, len(data.categories)))
    progress = Progress(step=3, epoch_loss=1.5, epoch_steps=1, epoch_parts=[0.25] * len(LOSS_PARTS))
    meta = {**describe_network(config, data.categories), "config": config.to_dict(), "steps_per_epoch": 2,
            "data": data_facts(data), "progress": vars(progress), "left_out": []}
    return json.loads(json.dumps(meta))


def head_biases(meta):
    """Return the biases of heads that fit meta data with three anchors on each scale, by name."""
    rows = 3 * (FIRST_CLASS + len(meta["class_names"]))
    return {f"{head}.bias": np.zeros(rows, np.float32) for head in ("head1", "head2")}


def description():
    """Return the description of model.onnx."""
    fields = FIRST_CLASS + len(CLASSES)
    shapes = [(1, SIDE // stride, SIDE // stride, 3, fields) for stride in (32, 16)]
    config = get_config([f"--testing_shape={SIDE}", "--file_format=ONNX"])
    return describe_model(config, CLASSES, "model.onnx", b"model", shapes)


def write_results(folder, results=None, **changes):
    """Write results.json and run.json, with the changes among its keys; of one detection unless given `results`."""
    if results is None:
        results = [{"image_id": 1, "category_id": 3, "bbox": BOX, "score": 0.9}]
    text = json.dumps(results).encode()
    record = {"format": 1, "results_sha256": hashlib.sha256(text).hexdigest(), "description": description(),
              "category_ids": list(CLASSES.ids), "images": [{"id": number, "file_name": f"{number}.jpg"}
                                                            for number in (1, 2)],
              "counts": {"images": 2, "skipped": 0, "not_finite": 0, "detections": len(results)}, **changes}
    write_atomically(folder / "results.json", text)
    write_json(folder / "run.json", record)


def write_exports(folder):
    """Write the data of data/ as annotation tools export it, each to a folder of the name of its format."""
    names = ["1.jpg", "2.jpg", "3.jpg"]
    x, y, width, height = BOX
    corners = [[x, y], [x + width, y + height]]
    fractions = f"0 {(x + width / 2) / SIDE} {(y + height / 2) / SIDE} {width / SIDE} {height / SIDE}\n"
    shape = {"label": "cup", "shape_type": "rectangle", "points": corners}
    region = {"shape_attributes": {"name": "rect", "x": x, "y": y, "width": width, "height": height},
              "region_attributes": {"class": "cup"}}
    exports = {
        "coco": {"labels.json": annotation_file(names)},
        "labelme": {f"{name[0]}.json": {"shapes": [shape], "imagePath": name, "imageData": None, "imageHeight": SIDE,
                                        "imageWidth": SIDE} for name in names},
        "via": {"via.json": {"_via_img_metadata": {name: {
            "filename": name, "size": 1, "file_attributes": {}, "regions": [region]} for name in names}}},
        "voc": {f"{name[0]}.xml": f"<annotation><filename>{name}</filename><size><width>{SIDE}</width><height>{SIDE}"
                f"</height></size><object><name>cup</name><bndbox><xmin>{x}</xmin><ymin>{y}</ymin><xmax>{x + width}"
                f"</xmax><ymax>{y + height}</ymax></bndbox></object></annotation>" for name in names},
        "yolo": {**{f"{name[0]}.txt": fractions for name in names},
                 "data.yaml": "path: .\ntrain: .\nnames:\n  0: cup\n  1: ball\n"},
    }
    for kind, files in exports.items():
        for name, content in files.items():
            text = content if isinstance(content, str) else json.dumps(content)
            write_atomically(folder / kind / name, text.encode())
        for name in names:
            write_atomically(folder / kind / name, image_file(".jpg"))

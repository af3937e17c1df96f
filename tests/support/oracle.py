# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A network that knows every answer, data for it, and what it finds."""
import contextlib
import io

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

import mindspore as ms

from model_utils.config import get_config
from src.data.coco import read_coco
from src.data.placement import fit_placement
from tests.support.helpers import write_coco

CUP, BALL, KEY = 3, 1, 7
CATEGORY_ORDER, NAMES = (CUP, BALL, KEY), ("cup", "ball", "key")
BOX_A, BOX_B = (100, 100, 100, 100), (300, 200, 100, 100)


class Oracle:
    """A network that recognises an image by its grey level, 10 times its number, and puts given boxes into its heads.

    `answers` maps the image's number to a list of (cx, cy, w, h normalised to the input, class, score).
    """

    def __init__(self, answers, num_classes=3, grid_hw=(2, 3)):
        self.answers, self.num_classes, self.grid_hw = answers, num_classes, grid_hw
        self.seen = []

    def __call__(self, images):
        # The middle of the input is never padding.
        numbers = [round(int(image[image.shape[0] // 2, image.shape[1] // 2, 0]) / 10) for image in images.asnumpy()]
        self.seen.append(numbers)
        heads = [np.zeros((len(numbers), self.grid_hw[0] * k, self.grid_hw[1] * k, 3, 5 + self.num_classes), np.float32)
                 for k in (1, 2)]
        for row, number in enumerate(numbers):
            cells = heads[1][row].reshape(-1, 5 + self.num_classes)
            for cell, (*cxcywh, class_number, score) in zip(cells, self.answers.get(number, ()), strict=False):
                cell[:4], cell[4], cell[5 + class_number] = cxcywh, 1.0, score
        return tuple(ms.Tensor(head) for head in heads)


def grey_image(number, size, boxes):
    return {"size": size, "boxes": boxes, "pixels": np.full((size[1], size[0], 3), 10 * number, np.uint8)}


def make_data(folder, images, **config_values):
    """Write a validation split of grey images; returns its config and data."""
    write_coco(folder, images, "val")
    arguments = [f"--{name}={value}" for name, value in config_values.items()]
    config = get_config([f"--data_dir={folder}", "--testing_shape=64,96", "--num_parallel_workers=1", *arguments])
    return config, read_coco(config, "val", training=False)


def right_answers(data, config):
    """What a perfect network would find, from the annotation file's boxes."""
    answers = {}
    height, width = config.testing_shape
    for number, (boxes, (image_width, image_height)) in enumerate(zip(data.boxes, data.sizes, strict=True), start=1):
        placement = fit_placement(config.resize_mode, (image_height, image_width), (height, width))
        found = placement.boxes_to_canvas(boxes[:, :4]) / (width, height, width, height)
        answers[number] = [((x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1, int(c), 0.9)
                           for (x1, y1, x2, y2), c in zip(found, boxes[:, 4], strict=True) if c >= 0]
    return answers


def found(box, category, score, image_id=1):
    return {"image_id": image_id, "category_id": category, "bbox": list(box), "score": score}


def five_images():
    sizes = [(320, 240), (200, 400), (64, 48), (640, 480), (333, 77)]
    return [grey_image(number, (w, h), [(w * .1, h * .2, w * .3, h * .5, CATEGORY_ORDER[number % 3]),
                                        (w * .5, h * .4, w * .4, h * .6, KEY)])
            for number, (w, h) in enumerate(sizes, start=1)]


def with_ids_of_file(data):
    """Return the ground truth as a COCO dict by the ids of the annotation file, as results have them."""
    dataset, image_ids, category_ids = data.coco_dataset, data.image_ids, data.categories.ids
    return {**dataset, "images": [{**entry, "id": image_ids[entry["id"] - 1]} for entry in dataset["images"]],
            "categories": [{**entry, "id": category_ids[entry["id"] - 1]} for entry in dataset["categories"]],
            "annotations": [{**entry, "image_id": image_ids[entry["image_id"] - 1],
                             "category_id": category_ids[entry["category_id"] - 1]}
                            for entry in dataset["annotations"]]}


def plain_judge(data, results):
    """pycocotools' own judge of results or of their file, with its table printed to nowhere."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = with_ids_of_file(data)
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(results if isinstance(results, list) else str(results)), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return judge

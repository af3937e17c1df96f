# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Golden files: Python's results, for the unit tests of the C++ app (tests/ascend310/cpp/test_golden.cc) to reproduce.

`golden.json` lists the cases; arrays lie beside it as they are in memory.
"""
import json
import warnings
import zlib

import cv2
import numpy as np

import mindspore as ms

from model_utils.config import get_config
from model_utils.errors import UserError
from src.config import check_config, detection_scales, with_categories
from src.data.categories import Categories
from src.data.image_files import decode_image, decode_reduced
from src.data.orientation import exif_orientation
from src.data.placement import fit_placement
from src.deploy.exporter import example_input
from src.deploy.model_description import describe_model
from src.evaluation.detections import coco_results, detect
from src.network.head_layout import FIRST_CLASS, OBJECTNESS
from src.transforms import place
from src.yolo import ScaleDecoder
from tests.support.samples import turned

CANVAS = (64, 96)
# The bytes of a model that no engine reads.
MODEL = b"model"
MODES = ("stretch", "letterbox")


def write_golden(folder):
    """Write golden.json and its arrays to a folder that exists."""
    cases = {"placements": _placements(), "readings": _readings(folder), "images": _images(folder),
             "orientations": _orientations(folder), "heads": _heads(folder), "detections": _detections(folder)}
    (folder / "golden.json").write_text(json.dumps(cases))


def export_config(num_classes=3, **values):
    """Return a config for 64 x 96 inputs and `num_classes` classes; other options as on the command line."""
    options = {"testing_shape": "64,96", "batch_size": 2, "device_target": "CPU", **values}
    config = with_categories(get_config([f"--{name}={value}" for name, value in options.items()]), num_classes)
    check_config(config)
    return config


def describe(config, num_classes=3):
    """Return the description of a model that was never written."""
    height, width = config.testing_shape
    fields, shapes = FIRST_CLASS + num_classes, []
    for scale in detection_scales(config)[::-1]:
        rows, columns, anchors = height // scale.stride, width // scale.stride, len(scale.anchors)
        shapes.append((config.batch_size, rows, columns, anchors, fields) if config.keep_detect
                      else (config.batch_size, anchors * fields, rows, columns))
    categories = Categories(tuple(f"c{number}" for number in range(num_classes)), tuple(range(num_classes)))
    return describe_model(config, categories, "m.onnx", MODEL, shapes)


def _save(folder, name, array):
    np.ascontiguousarray(array).tofile(folder / name)
    return name


def _placements():
    rng = np.random.default_rng(1)
    images = [(5, 64), (7, 64), (64, 5), (1, 10000), (64, 96), (480, 640), *rng.integers(1, 3000, (60, 2)).tolist()]
    cases = []
    for image in images:
        for mode in MODES:
            for canvas in ((32, 32), CANVAS, (416, 416)):
                placement = fit_placement(mode, image, canvas)
                cases.append({"image": image, "canvas": canvas, "mode": mode, "source": placement.src_xyxy,
                              "target": placement.dst_xyxy})
    return cases


def _smooth(height, width, seed):
    """Return an image uint8 [H, W, 3] of smooth areas with some noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 12 + 2, width // 12 + 2, 3), np.uint8)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return cv2.add(image, rng.integers(0, 20, image.shape, np.uint8))


def _encoded(suffix, image, *parameters):
    return cv2.imencode(suffix, image, parameters)[1].tobytes()


def image_files():
    """Return image files of many kinds and sizes: name to content."""
    files = {
        "photo.jpg": _encoded(".jpg", _smooth(480, 640, 1)),
        "progressive.jpg": _encoded(".jpg", _smooth(100, 150, 2), cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
        **{f"turned.{suffix}": turned(suffix, _smooth(120, 90, 3), orientation)
           for suffix, orientation in (("jpg", 6), ("png", 5), ("webp", 7))},
        "grey.jpg": _encoded(".jpg", _smooth(77, 131, 4)[:, :, 0]),
        "grey.png": _encoded(".png", _smooth(33, 45, 5)[:, :, 0]),
        "alpha.png": _encoded(".png", np.dstack([_smooth(50, 60, 6), _smooth(50, 60, 7)[:, :, 0]])),
        "deep.png": _encoded(".png", _smooth(70, 200, 8).astype(np.uint16) * 257),
        "tiny.png": _encoded(".png", _smooth(2, 3, 9)),
        "one.png": _encoded(".png", _smooth(1, 1, 10)),
        "same.png": _encoded(".png", _smooth(*CANVAS, 11)),
        "double.png": _encoded(".png", _smooth(128, 192, 12)),
        "wide.bmp": _encoded(".bmp", _smooth(20, 700, 13)),
        "tall.png": _encoded(".png", _smooth(900, 30, 14)),
        "lossless.webp": _encoded(".webp", _smooth(40, 70, 16), cv2.IMWRITE_WEBP_QUALITY, 101),
        "lzw.tiff": _encoded(".tiff", _smooth(60, 50, 17)),
        "text.ppm": _encoded(".ppm", _smooth(20, 30, 18), cv2.IMWRITE_PXM_BINARY, 0),
    }
    rng = np.random.default_rng(15)
    for number in range(12):
        height, width = rng.integers(10, 400, 2)
        files[f"random{number}.jpg"] = _encoded(".jpg", _smooth(height, width, number))
    return files


def _images(folder):
    cases, forms = [], {}
    for mode in MODES:
        forms[mode] = export_config(resize_mode=mode, pad_value=114, batch_size=1)
        forms[f"{mode}_host"] = export_config(resize_mode=mode, export_input="float", batch_size=1)
        forms[f"{mode}_aipp"] = export_config(resize_mode=mode, export_input="float", export_normalise="aipp",
                                              batch_size=1)
    for form, config in forms.items():
        (folder / f"{form}.json").write_text(json.dumps(describe(config)))
    for name, data in image_files().items():
        (folder / name).write_bytes(data)
        image = decode_image(folder / name)
        for form, config in forms.items():
            if form.endswith("host"):
                pixels, level = example_input(config, str(folder / name)), 1 / (255 * min(config.std))
            else:
                placement = fit_placement(config.resize_mode, image.shape[:2], CANVAS)
                pixels, level = place(image, placement, CANVAS, config.pad_value), 1
            cases.append({"file": name, "description": f"{form}.json", "size": image.shape[:2], "level": level,
                          "pixels": _save(folder, f"{name}.{form}.bin", pixels)})
    return cases


def _byte_strings():
    """Whole, damaged and truncated files, also with a thumbnail and with foreign bytes after the end."""
    jpeg, png = _encoded(".jpg", _smooth(40, 50, 20)), _encoded(".png", _smooth(40, 50, 21))
    restarts = _encoded(".jpg", _smooth(40, 50, 22), cv2.IMWRITE_JPEG_RST_INTERVAL, 2)
    thumbnail = b"\xff\xe2" + (len(jpeg) + 2).to_bytes(2, "big") + jpeg
    with_thumbnail = jpeg[:2] + thumbnail + jpeg[2:]
    strings = [b"x", b"\xff\xd8", b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xff\xff\xd9 more", b"\xff\xd8\xff\xda\x00\x02",
               png]
    for data in (jpeg, restarts, with_thumbnail):
        strings += [data, data + b"foreign", data[:-1], data[:-2], data + thumbnail, data[:-2] + b"\xff\xff\xd9 more",
                    data[:-2] + b"\xff\xda more"]
    rng = np.random.default_rng(23)
    for data in (jpeg, restarts, with_thumbnail, png):
        strings += [data[:cut] for cut in rng.integers(1, len(data), 25)]
        for _ in range(25):
            changed = bytearray(data)
            for position in rng.integers(2, len(data), 4):
                changed[position] = rng.choice([0, 255, 217, 218, rng.integers(256)])
            strings.append(bytes(changed))
    return strings


def _readings(folder):
    """Photos of each orientation with and without a listed size, faulty files, and unusual pixels."""
    cases = []
    for orientation in range(1, 9):
        for suffix in ("jpg", "png", "webp"):
            for exif, listed in (("auto", None), ("ignore", None), ("auto", (24, 16)), ("auto", (16, 24))):
                data = turned(suffix, _smooth(24, 16, orientation), orientation)
                cases.append(_reading(folder, f"read{len(cases)}", data, exif, listed))
    noise = np.random.default_rng(24).random((20, 30, 3))
    odd = [_encoded(".tiff", noise.astype(np.float32)), _encoded(".png", (noise * 4000).astype(np.uint16)),
           _encoded(".tiff", (noise * 65535).astype(np.uint16))]
    jpeg = _encoded(".jpg", _smooth(96, 128, 26))
    zeros = [jpeg[:len(jpeg) * tenths // 10] + bytes(count) for tenths in (3, 7, 9) for count in (1, 1000)]
    return cases + [_reading(folder, f"bytes{number}", data)
                    for number, data in enumerate(_byte_strings() + odd + zeros)]


def _reading(folder, name, data, exif="auto", listed_hw=None):
    path = folder / name
    path.write_bytes(data)
    case = {"file": name, "exif": exif, "listed_hw": listed_hw or (0, 0), "error": True}
    try:
        pixels, _, image_hw, fault = decode_reduced(path, 1, exif, listed_hw and listed_hw[::-1])
    except UserError:
        return case
    fault = f"{fault.kind}, {fault.text}" if fault else ""
    return {**case, "error": listed_hw not in (None, image_hw), "fault": fault, "size": image_hw,
            "pixels": _save(folder, f"{name}.bin", pixels)}


def _orientations(folder):
    """Files whose EXIF data are sound or were changed."""
    rng, cases = np.random.default_rng(25), []
    for number in range(480):
        orientation, suffix = number % 8 + 1, ("jpg", "png", "webp")[number // 8 % 3]
        data = bytearray(turned(suffix, _smooth(8, 8, 0), orientation))
        start = data.index(b"MM\x00*")
        # The size of the data that `turned` writes; a checksum of a PNG follows.
        for _ in range(number // 24 % 4):
            data[start + rng.integers(26)] = rng.choice([0, 1, 3, 6, 8, rng.integers(256)])
        if suffix == "png":
            data[start + 26:start + 30] = zlib.crc32(data[start - 4:start + 26]).to_bytes(4, "big")
        path = folder / f"exif{number}"
        path.write_bytes(data)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cases.append({"file": path.name, "orientation": exif_orientation(bytes(data))})
    return cases


def _raw_heads(config, num_classes, seed):
    rng, heads = np.random.default_rng(seed), []
    for scale in detection_scales(config)[::-1]:
        rows, columns = scale.grid_hw(tuple(config.testing_shape))
        head = rng.normal(0, 3, (config.batch_size, len(scale.anchors) * (FIRST_CLASS + num_classes), rows, columns))
        # Beyond the largest size that the decode returns.
        head[0, 2, 0, 0], head[0, 3, 0, 1] = 30, -30
        heads.append(head.astype(np.float32))
    return heads


def _decoded(config, heads, num_classes):
    return [ScaleDecoder(scale, num_classes, tuple(config.testing_shape))(ms.Tensor(head)).asnumpy()
            for scale, head in zip(detection_scales(config)[::-1], heads, strict=True)]


def _cells(heads, item):
    return np.concatenate([head[item].reshape(-1, head.shape[-1]) for head in heads])


def _heads(folder):
    cases = []
    for number, num_classes in enumerate((1, 3, 80)):
        for keep_detect in (False, True):
            config = export_config(num_classes, keep_detect=keep_detect)
            raw = _raw_heads(config, num_classes, number)
            decoded = _decoded(config, raw, num_classes)
            name = f"heads{num_classes}{keep_detect}"
            (folder / f"{name}.json").write_text(json.dumps(describe(config, num_classes)))
            cases.append({
                "description": f"{name}.json",
                "outputs": [_save(folder, f"{name}.{scale}.bin", head)
                            for scale, head in enumerate(decoded if keep_detect else raw)],
                "cells": [_save(folder, f"{name}.cells{item}.bin", _cells(decoded, item))
                          for item in range(config.batch_size)]})
    return cases


def _detections(folder):
    rng, cases = np.random.default_rng(30), []
    for num_classes in (1, 3, 80):
        config = export_config(num_classes)
        decoded = _decoded(config, _raw_heads(config, num_classes, 40 + num_classes), num_classes)
        random = [head[0] for head in decoded]
        # Few distinct scores and boxes: many ties, and overlaps of exactly the threshold.
        ties = [np.round(head * 4) / 4 for head in random]
        broken = [np.where(rng.random(head.shape) < 0.03, rng.choice([np.nan, np.inf, -np.inf, 0], head.shape), head)
                  .astype(np.float32) for head in random]
        # JSON has no infinite score, nor has a network after its sigmoid.
        for head in broken:
            probabilities = head[..., OBJECTNESS:]
            probabilities[np.isinf(probabilities)] = np.nan
        for name, heads in (("random", random), ("ties", ties), ("broken", broken)):
            for number, values in enumerate(({}, {"multi_label": False}, {"max_detections": 5}, {"nms_thresh": 0},
                                             {"nms_thresh": 1}, {"eval_ignore_threshold": 0},
                                             {"eval_ignore_threshold": 0.25}, {"eval_ignore_threshold": 1})):
                mode, image = MODES[number % 2], rng.integers(20, 700, 2).tolist()
                limits = {"nms_thresh": 0.5, **values, "resize_mode": mode}
                cases.append(_detection_case(folder, f"{name}{num_classes}.{number}", heads, image,
                                             export_config(num_classes, **limits)))
    return cases


def _detection_case(folder, name, heads, image_hw, config):
    placement = fit_placement(config.resize_mode, image_hw, CANVAS)
    boxes, scores, classes = detect(*heads, placement, image_hw, config)
    fields = heads[0].shape[-1]
    category_ids = [7 * number + 1 for number in range(fields - FIRST_CLASS)]
    return {"name": name, "fields": fields, "canvas": CANVAS, "image": image_hw, "mode": config.resize_mode,
            "cells": _save(folder, f"{name}.cells.bin", _cells([head[None] for head in heads], 0)),
            "thresholds": {"score": config.eval_ignore_threshold, "nms_iou": config.nms_thresh,
                           "max_detections": config.max_detections, "multi_label": config.multi_label},
            "boxes": boxes.tolist(), "scores": scores.tolist(), "classes": classes.tolist(), "image_id": 17,
            "category_ids": category_ids, "records": coco_results(17, boxes, scores, classes, category_ids)}

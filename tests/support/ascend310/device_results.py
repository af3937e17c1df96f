# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a run of yolo_infer."""
import hashlib
import json

from model_utils.config import get_config
from src.data.categories import Categories
from src.deploy.model_description import describe_model
from tests.support.helpers import CATEGORIES

NAMES = tuple(category["name"] for category in CATEGORIES)
RESULTS = [{"image_id": 1, "category_id": 3, "bbox": [10, 10, 20, 19.5], "score": 0.9},
           {"image_id": 1, "category_id": 1, "bbox": [1.5, 2, 8, 8], "score": 0.4},
           {"image_id": 2, "category_id": 1, "bbox": [30, 20, 25, 21], "score": 0.8}]


def run_json(names=NAMES, **values):
    """A run.json of a model with these classes; their order and ids are those of its own data."""
    names = tuple(reversed(names))
    fields, ids = 5 + len(names), {category["name"]: category["id"] for category in CATEGORIES}
    description = describe_model(get_config(["--testing_shape=64"]), Categories(names, tuple(range(len(names)))),
                                 "m.onnx", b"m", [(1, 2, 2, 3, fields), (1, 4, 4, 3, fields)])
    return {"format": 1, "model_sha256": hashlib.sha256(b"m").hexdigest(), "description": description,
            "category_ids": [ids.get(name, 0) for name in names],
            "images": [{"id": number, "file_name": f"sub/00000{number}.png"} for number in (1, 2, 3)],
            "counts": counts(), "results_sha256": sha256(json.dumps(RESULTS)), "options": {}, **values}


def counts(images=3, skipped=0, not_finite=0, detections=3):
    return {"images": images, "skipped": skipped, "not_finite": not_finite, "detections": detections}


def sha256(text):
    return hashlib.sha256(text.encode()).hexdigest()

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
# http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
# ============================================================================
"""Score what the program in ascend310_infer/ found on the images of an annotation file, and print the COCO table.

    python -m src.postprocess --result_path out/ --ann_file DATA/annotations/instances_val2017.json

The folder holds what that program wrote: results.json, the detections, and run.json, which says by which model. It
receives metrics.json. With `--img_path FOLDER` the images of the annotation file must all be there.
"""
import math
import os
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from model_utils.config import get_config
from model_utils.errors import UsageError, UserError
from src.coco import read_annotation_file
from src.coco_file import read_json
from src.config import check_config
from src.evaluator import score_results
from src.logger import close_logger, get_logger
from src.model_description import check_classes, check_description, type_faults
from src.postprocess import write_json

RESULTS, RUN, METRICS = "results.json", "run.json", "metrics.json"
BOX_SIDES = 4
MOST_FAULTS = 8
# What is read of run.json, see `type_faults`; there is more in it.
RUN_EXAMPLE = {"description": {}, "category_ids": [1], "images": [{"id": 1, "file_name": "000001.jpg"}],
               "counts": {"images": 1, "skipped": 0, "not_finite": 0}}
# What to do about ids of other data.
AGAIN = "run ascend310_infer with this annotation file (--annotations), or score with that of the run"


def main(argv=None):
    """Score as the arguments say; returns the exit code."""
    config = get_config(argv)
    if not config.result_path:
        raise UsageError("result_path is empty: name the folder that ascend310_infer wrote by --result_path FOLDER")
    if not config.ann_file:
        raise UsageError("ann_file is empty: name the annotation file (COCO json) of the images by --ann_file FILE")
    check_config(config)
    folder = Path(config.result_path)
    for name in (RUN, RESULTS):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: no such file; name the folder of a run of ascend310_infer that ended, "
                            f"which writes {RESULTS}, then {RUN}")
    data = read_annotation_file(Path(config.ann_file), Path(config.img_path) if config.img_path else None)
    counts = read_run(folder / RUN, data, config.ann_file)
    results = read_results(folder / RESULTS, data)
    logger = get_logger("", name="postprocess")
    try:
        report(logger, data, counts, config)
        scores = score_results(data.coco, results, data.image_ids, data.categories)
        logger.info("\n%s", scores.table)
        logger.info("AP of each class\n%s", scores.class_table)
        write_json(folder / METRICS, scores.metrics())
        logger.info("%d detections on %d images; figures: %s", len(results), len(data), folder / METRICS)
    finally:
        close_logger(logger)
    return 0


def report(logger, data, counts, config):
    """Say what was wrong with the annotation file, and how many of its images no detection can come from."""
    for line in data.report_lines():
        logger.warning("%s", line)
    if counts["images"] - counts["skipped"] < len(data):
        logger.warning("%s has %d images, the run %d, of which %d could not be read: the others count as images "
                       "without detections", config.ann_file, len(data), counts["images"], counts["skipped"])
    if counts["not_finite"]:
        logger.warning("the network gave NaN or infinity on %d of %d images", counts["not_finite"], counts["images"])


def read_run(path, data, ann_file):
    """Return the counts (dict: images, skipped, not_finite) of a run whose ids are those of the annotation file.

    Args:
        path (Path): the json.
        data (CocoData): the annotation file.
        ann_file (str): its name, for the messages.

    Raises:
        UserError: the file is none of a run, or the run's classes, category ids or image ids are others.
    """
    run = read_json(path)
    faults = list(type_faults(run, RUN_EXAMPLE, takes_others=True))
    if faults:
        raise UserError(f"{path}: not what ascend310_infer writes:\n  " + "\n  ".join(faults[:MOST_FAULTS]))
    check_description(run["description"], f"{path}, description")
    check_classes(run["description"], data.categories, path, ann_file)
    _check_ids(run, data, path, ann_file)
    return run["counts"]


def _check_ids(run, data, path, ann_file):
    """Refuse a run without annotation file, whose ids are its own, or with another one."""
    names = [entry["name"] for entry in run["description"]["classes"]]
    known = set(zip(data.categories.names, data.categories.ids, strict=True))
    ids = run["category_ids"]
    if len(ids) != len(names) or not known.issuperset(zip(names, ids, strict=True)):
        raise UserError(f"{path}: category_ids are {ids!r:.80}, not the ids that {ann_file} gives to the model's "
                        f"classes; {AGAIN}")
    file_names = {image_id: os.path.basename(name) for image_id, name in zip(data.image_ids, data.paths, strict=True)}
    for image in run["images"]:
        expected = file_names.get(image["id"], "no image")
        if expected != os.path.basename(image["file_name"]):
            raise UserError(f"{path}: image {image['file_name']} has the id {image['id']}, which is {expected} in "
                            f"{ann_file}; {AGAIN}")


def read_results(path, data):
    """Return the COCO results of a file: dicts of image_id, category_id, bbox and score.

    Args:
        path (Path): the json.
        data (CocoData): the annotation file, whose ids they must have.

    Raises:
        UserError: names the first entry that is none, what it holds and what is expected.
    """
    results = read_json(path)
    if not isinstance(results, list):
        raise UserError(f"{path}: holds a json {type(results).__name__}; expected a list of COCO results")
    known = {"image_id": set(data.image_ids), "category_id": set(data.categories.ids)}
    for number, result in enumerate(results):
        fault = _fault(result, known)
        if fault:
            raise UserError(f"{path}: entry {number} {fault}; {AGAIN}")
    return results


def _fault(result, known):
    """Return what is wrong with a COCO result, or an empty string."""
    if not isinstance(result, dict):
        return f"is {result!r:.60}, expected an object"
    for name, ids in known.items():
        # True is 1, which may be an id.
        if type(result.get(name)) is not int or result[name] not in ids:
            return f"has {name} {result.get(name)!r:.60}, which the annotation file lacks"
    box = result.get("bbox")
    if not isinstance(box, list) or len(box) != BOX_SIDES or not all(map(_is_number, box)) or min(box[2:]) < 0:
        return f"has bbox {box!r:.80}, expected [x, y, width, height]"
    if not _is_number(result.get("score")):
        return f"has score {result.get('score')!r:.60}, expected a number"
    return ""


def _is_number(value):
    return type(value) in (int, float) and math.isfinite(value)

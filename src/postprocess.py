# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Score the results of ascend310_infer against an annotation file and print the COCO table.

    python -m src.postprocess --result_path out/ --ann_file DATA/annotations/instances_val2017.json

The folder holds what that program wrote: results.json, the detections, and run.json, the record of the run with the
description of the model. It receives metrics.json; one of an earlier run is removed first. With `--img_path FOLDER` the
images of the annotation file must all be in that folder.
"""
import hashlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from model_utils.config import Config, get_config
from model_utils.errors import UsageError, UserError, counted, run_cli
from model_utils.json_file import is_finite_number, parse_json, read_file, read_json, type_faults, write_json
from src.config import check_config
from src.data.coco import CocoData, need_ground_truth, read_annotation_file
from src.data.image_names import base_key
from src.deploy.model_description import check_classes, check_description
from src.evaluation.coco_scores import score_results
from src.logger import TABLE, close_logger, get_logger
from src.network.head_layout import BOX_FIELDS

RESULTS, RUN, METRICS = "results.json", "run.json", "metrics.json"
FORMAT = 1
# The keys of run.json that are read, see `type_faults`; it holds more.
EXAMPLE: dict[str, Any] = {"format": FORMAT, "results_sha256": 64 * "0", "description": {}, "category_ids": [(1, "a")],
           "images": [{"id": (1, "a"), "file_name": "000001.jpg"}],
           "counts": {"images": 1, "skipped": 0, "not_finite": 0, "detections": 1}}
MAX_FAULTS = 8
RUN_AGAIN = "run yolo_infer again"
# The cure for ids of other data.
OTHER_DATA = "run yolo_infer with this annotation file (--annotations), or score with that of the run"


def main(argv: Sequence[str] | None = None) -> int:
    """Score the results that the arguments name; returns the exit code."""
    config = get_config(argv, program="python -m src.postprocess")
    if not config.result_path:
        raise UsageError("result_path is empty: name the folder that ascend310_infer wrote by --result_path FOLDER")
    if not config.ann_file:
        raise UsageError("ann_file is empty: name the annotation file (COCO json) of the images by --ann_file FILE")
    check_config(config)
    folder = Path(config.result_path)
    if any((folder / name).is_file() for name in (RUN, RESULTS)):
        # Figures of an earlier run must not pass for those of one that cannot be scored. Without a run beside them the
        # file is another program's.
        (folder / METRICS).unlink(missing_ok=True)
    for name in (RUN, RESULTS):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: no such file; name the folder of a run of ascend310_infer that ended, "
                            f"which writes {RESULTS}, then {RUN}")
    data = read_annotation_file(Path(config.ann_file), Path(config.img_path) if config.img_path else None,
                                config.max_json_mb)
    need_ground_truth(data, Path(config.ann_file))
    record = read_record(folder / RUN)
    check_data(record, data, folder / RUN, config.ann_file)
    results = read_results(folder / RESULTS, record, data, folder / RUN)
    logger = get_logger("", name="postprocess")
    try:
        report(logger, data, record, config)
        scores = score_results(data, results, config.coco_engine)
        logger.info("\n%s", scores.table, extra=TABLE)
        logger.info("AP of each class\n%s", scores.class_table, extra=TABLE)
        write_json(folder / METRICS, scores.metrics())
        logger.info("%s on %s; figures: %s", counted(len(results), "detections"), counted(len(data), "images"),
                    folder / METRICS)
    finally:
        close_logger(logger)
    return 0


def report(logger: logging.Logger, data: CocoData, record: dict[str, Any], config: Config) -> None:
    """Log the faults of the annotation file and the number of its images that have no detections."""
    counts = record["counts"]
    if record.get("interrupted"):
        logger.warning("the run was interrupted (%s) and left out %s images: these figures are not those of the model",
                       record["interrupted"], counts.get("left_out", "some"))
    for line in data.report_lines():
        logger.warning("%s", line)
    if counts["images"] - counts["skipped"] < len(data):
        logger.warning("%s has %d images, the run %d, of which %d could not be read: the others count as images "
                       "without detections", config.ann_file, len(data), counts["images"], counts["skipped"])
    if counts["not_finite"]:
        logger.warning("the network gave NaN or infinity on %d of %d images", counts["not_finite"], counts["images"])
    if not counts["detections"]:
        logger.warning("the run has no detection at all: its score threshold may be too high, or the model untrained")


def read_results(path: Path, record: dict[str, Any], data: CocoData, record_path: Path) -> list[dict[str, Any]]:
    """Return the COCO results of a run: dicts of image_id, category_id, bbox and score.

    Args:
        path: the json.
        record: of the run, see `read_record`.
        data: the annotation file, whose category ids they must have.
        record_path: of the record, for the messages.

    Raises:
        UserError: the results are those of another run, or an entry is not a COCO result of it.
    """
    content = read_file(path, "list of results")
    found = hashlib.sha256(content).hexdigest()
    if found != record["results_sha256"]:
        raise UserError(f"{path}: its SHA-256 is {found}, but {record_path} is of results of SHA-256 "
                        f"{record['results_sha256']:.64}: one of the two is of another run or was changed; {RUN_AGAIN}")
    results = parse_json(content, path)
    if not isinstance(results, list):
        raise UserError(f"{path}: holds a json {type(results).__name__}; expected a list of COCO results; {RUN_AGAIN}")
    known = {"image_id": {image["id"] for image in record["images"]}, "category_id": set(data.categories.ids)}
    for number, result in enumerate(results):
        fault = _fault(result, known)
        if fault:
            raise UserError(f"{path}: entry {number} {fault}; {RUN_AGAIN}")
    if len(results) != record["counts"]["detections"]:
        raise UserError(f"{path}: has {len(results)} detections, but {record_path} counts "
                        f"{record['counts']['detections']}; {RUN_AGAIN}")
    return results


def _fault(result, known):
    """Return what is wrong with a COCO result, or an empty string."""
    if not isinstance(result, dict):
        return f"is {result!r:.60}, expected an object"
    for name, ids in known.items():
        # True is 1, which may be an id.
        if type(result.get(name)) not in (int, str) or result[name] not in ids:
            return f"has {name} {result.get(name)!r:.60}, expected one of the run"
    box = result.get("bbox")
    if not isinstance(box, list) or len(box) != BOX_FIELDS or not all(map(is_finite_number, box)) or min(box[2:]) < 0:
        return f"has bbox {box!r:.80}, expected [x, y, width, height]"
    score = result.get("score")
    if not is_finite_number(score) or not 0 <= score <= 1:
        return f"has score {score!r:.60}, expected a number from 0 to 1"
    return ""


def read_record(path: Path) -> dict[str, Any]:
    """Return the record (dict, see `EXAMPLE`) of a run.

    Args:
        path: run.json.

    Raises:
        UserError: the file is not the record of a run, is of another version, or contradicts itself.
    """
    record = read_json(path, "record of a run")
    # Another format may have any keys: the number alone is reported.
    if isinstance(record, dict) and record.get("format", FORMAT) != FORMAT:
        raise UserError(f"{path}: format is {record['format']!r:.60}, but this version reads format {FORMAT}; build "
                        f"ascend310_infer of this version and {RUN_AGAIN}")
    faults = list(type_faults(record, EXAMPLE, takes_others=True))
    if not faults:
        check_description(record["description"], f"{path}, description")
        faults = list(_value_faults(record))
    if faults:
        raise UserError(f"{path}: not what ascend310_infer writes; {RUN_AGAIN}:\n  "
                        + "\n  ".join(faults[:MAX_FAULTS]))
    return record


def _value_faults(record):
    """Yield what is wrong in a record whose types are right."""
    counts, model, listed = record["counts"], record["description"]["model"]["sha256"], len(record["images"])
    yield from (f"counts.{name} is {count}; expected at least 0" for name, count in counts.items()
                if name in EXAMPLE["counts"] and count < 0)
    if counts["images"] != listed:
        yield f"counts.images is {counts['images']}, but images lists {listed}; expected the same number"
    for name in ("skipped", "not_finite"):
        if counts[name] > counts["images"]:
            yield f"counts.{name} is {counts[name]}; expected at most counts.images, {counts['images']}"
    if record.get("model_sha256", model) != model:
        yield f"model_sha256 is {record['model_sha256']!r:.70}, but description.model.sha256 is {model!r}"
    ids = [image["id"] for image in record["images"]]
    if len(set(ids)) < len(ids):
        yield "images lists an id more than once"


def check_data(record: dict[str, Any], data: CocoData, path: Path, ann_file: str) -> None:
    """Refuse a run without an annotation file (then its ids are its own) or with another one.

    Args:
        record: of `read_record`.
        data: the annotation file.
        path, ann_file: names of the two, for the messages.

    Raises:
        UserError: the run's classes, category ids or image ids are not those of the annotation file.
    """
    check_classes(record["description"], data.categories, path, ann_file)
    names = [entry["name"] for entry in record["description"]["classes"]]
    known = set(zip(data.categories.names, data.categories.ids, strict=True))
    ids = record["category_ids"]
    if len(ids) != len(names) or not known.issuperset(zip(names, ids, strict=True)):
        raise UserError(f"{path}: category_ids are {ids!r:.80}, not the ids that {ann_file} gives to the model's "
                        f"classes; {OTHER_DATA}")
    file_names = {image_id: os.path.basename(name) for image_id, name in zip(data.image_ids, data.paths, strict=True)}
    for image in record["images"]:
        expected = file_names.get(image["id"], "no image")
        if base_key(expected) != base_key(image["file_name"]):
            raise UserError(f"{path}: image {image['file_name']} has the id {image['id']}, which is {expected} in "
                            f"{ann_file}; {OTHER_DATA}")


if __name__ == "__main__":
    sys.exit(run_cli(main))

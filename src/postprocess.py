# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Score what the program in ascend310_infer/ found on the images of an annotation file, and print the COCO table.

    python -m src.postprocess --result_path out/ --ann_file DATA/annotations/instances_val2017.json

The folder holds what that program wrote: results.json, the detections, and run.json, which says by which model. It
receives metrics.json; one of an earlier run is removed first. With `--img_path FOLDER` the images of the annotation
file must all be there.
"""
import hashlib
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from model_utils.config import get_config
from model_utils.errors import UsageError, UserError
from model_utils.json_file import is_finite_number, parse_json, read_file
from src.coco_file import need_ground_truth
from src.config import check_config
from src.data.coco import read_annotation_file
from src.evaluation.detections import write_json
from src.evaluation.evaluator import score_results
from src.logger import close_logger, get_logger
from src.run_record import RUN_AGAIN, check_data, read_record

RESULTS, RUN, METRICS = "results.json", "run.json", "metrics.json"
BOX_SIDES = 4


def main(argv=None):
    """Score as the arguments say; returns the exit code."""
    config = get_config(argv, program="python -m src.postprocess")
    if not config.result_path:
        raise UsageError("result_path is empty: name the folder that ascend310_infer wrote by --result_path FOLDER")
    if not config.ann_file:
        raise UsageError("ann_file is empty: name the annotation file (COCO json) of the images by --ann_file FILE")
    check_config(config)
    folder = Path(config.result_path)
    if any((folder / name).is_file() for name in (RUN, RESULTS)):
        # Figures of an earlier run must not pass for those of one that cannot be scored. Without a run beside them they
        # are another program's.
        (folder / METRICS).unlink(missing_ok=True)
    for name in (RUN, RESULTS):
        if not (folder / name).is_file():
            raise UserError(f"{folder / name}: no such file; name the folder of a run of ascend310_infer that ended, "
                            f"which writes {RESULTS}, then {RUN}")
    data = read_annotation_file(Path(config.ann_file), Path(config.img_path) if config.img_path else None)
    need_ground_truth(data, Path(config.ann_file))
    record = read_record(folder / RUN)
    check_data(record, data, folder / RUN, config.ann_file)
    results = read_results(folder / RESULTS, record, data, folder / RUN)
    logger = get_logger("", name="postprocess")
    try:
        report(logger, data, record["counts"], config)
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
    if not counts["detections"]:
        logger.warning("the run has no detection at all: its score threshold may be too high, or the model untrained")


def read_results(path, record, data, record_path):
    """Return the COCO results of a run: dicts of image_id, category_id, bbox and score.

    Args:
        path (Path): the json.
        record (dict): of the run, see `src.run_record.read_record`.
        data (CocoData): the annotation file, whose category ids they must have.
        record_path (Path): where the record is from, for the messages.

    Raises:
        UserError: they are those of another run, or names the first entry that is none and what is expected.
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
        if type(result.get(name)) is not int or result[name] not in ids:
            return f"has {name} {result.get(name)!r:.60}, expected one of the run"
    box = result.get("bbox")
    if not isinstance(box, list) or len(box) != BOX_SIDES or not all(map(is_finite_number, box)) or min(box[2:]) < 0:
        return f"has bbox {box!r:.80}, expected [x, y, width, height]"
    score = result.get("score")
    if not is_finite_number(score) or not 0 <= score <= 1:
        return f"has score {score!r:.60}, expected a number from 0 to 1"
    return ""

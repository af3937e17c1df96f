# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The record of a run of ascend310_infer, run.json: sound in itself, and of the data that is scored against.

    record = read_record(Path("out/run.json"))      # its counts, image ids, category ids and the model's description
"""
import os

from model_utils.errors import UserError
from model_utils.json_file import read_json, type_faults
from src.deploy.model_description import check_classes, check_description

FORMAT = 1
# What is read of it, see `type_faults`; there is more in it.
EXAMPLE = {"format": FORMAT, "results_sha256": 64 * "0", "description": {}, "category_ids": [1],
           "images": [{"id": 1, "file_name": "000001.jpg"}],
           "counts": {"images": 1, "skipped": 0, "not_finite": 0, "detections": 1}}
MOST_FAULTS = 8
RUN_AGAIN = "run yolo_infer again"
# What to do about ids of other data.
OTHER_DATA = "run yolo_infer with this annotation file (--annotations), or score with that of the run"


def read_record(path):
    """Return the record (dict, see `EXAMPLE`) of a run.

    Args:
        path (Path): run.json.

    Raises:
        UserError: the file is none of a run, of another version, or contradicts itself.
    """
    record = read_json(path, "record of a run")
    # One of another format may have any keys; that it is one says all.
    if isinstance(record, dict) and record.get("format", FORMAT) != FORMAT:
        raise UserError(f"{path}: format is {record['format']!r:.60}, but this version reads format {FORMAT}; build "
                        f"ascend310_infer of this version and {RUN_AGAIN}")
    faults = list(type_faults(record, EXAMPLE, takes_others=True))
    if not faults:
        check_description(record["description"], f"{path}, description")
        faults = list(_value_faults(record))
    if faults:
        raise UserError(f"{path}: not what ascend310_infer writes; {RUN_AGAIN}:\n  "
                        + "\n  ".join(faults[:MOST_FAULTS]))
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


def check_data(record, data, path, ann_file):
    """Refuse a run without annotation file, whose ids are its own, or with another one.

    Args:
        record (dict): of `read_record`.
        data (CocoData): the annotation file.
        path (Path), ann_file (str): names of the two, for the messages.

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
        if expected != os.path.basename(image["file_name"]):
            raise UserError(f"{path}: image {image['file_name']} has the id {image['id']}, which is {expected} in "
                            f"{ann_file}; {OTHER_DATA}")

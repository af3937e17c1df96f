# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The record of a run of the C++ app: what is refused, and that a sound one is taken."""
import json

import pytest

from model_utils.errors import UserError
from src.data.coco import read_annotation_file
from src.postprocess import check_data, read_record
from tests.support.device_results import counts, run_json
from tests.support.helpers import write_coco


def written(folder, run):
    path = folder / "run.json"
    path.write_text(json.dumps(run))
    return path


def changed_run(**values):
    """A run.json with values replaced; Ellipsis takes the key out."""
    return {key: value for key, value in run_json(**values).items() if value is not ...}


@pytest.mark.parametrize("run, words", [
    (changed_run(format=2), "run.json: format is 2, but this version reads format 1; build ascend310_infer of"),
    (changed_run(format=...), "the file lacks format"), (changed_run(format=True), "format is True; expected a whole"),
    (changed_run(results_sha256=...), "the file lacks results_sha256"),
    (changed_run(results_sha256=5), "results_sha256 is 5; expected text"),
    (changed_run(counts=counts(skipped=-1)), "counts.skipped is -1; expected at least 0"),
    (changed_run(counts=counts(images=2)), "counts.images is 2, but images lists 3"),
    (changed_run(counts=counts(not_finite=4)), "counts.not_finite is 4; expected at most counts.images, 3"),
    (changed_run(model_sha256=64 * "a"), "model_sha256 is 'aaaa"),
    (changed_run(images=3 * run_json()["images"][:1]), "images lists an id more than once"), ([1], "the file is [1]"),
])
def test_a_record_that_is_none_or_contradicts_itself_is_refused(tmp_path, run, words):
    with pytest.raises(UserError) as caught:
        read_record(written(tmp_path, run))
    assert words in str(caught.value) and "run yolo_infer again" in str(caught.value)


def test_a_sound_record_is_returned_whole_also_without_the_models_own_hash(tmp_path):
    for run in (run_json(), changed_run(model_sha256=...)):
        assert read_record(written(tmp_path, run)) == run


def test_a_missing_record_is_named(tmp_path):
    with pytest.raises(UserError, match=r"run\.json: .*record of a run"):
        read_record(tmp_path / "run.json")


def test_the_ids_must_be_those_of_the_annotation_file(tmp_path):
    boxes = [(10, 10, 20, 20, 3)]
    ann_file = write_coco(tmp_path, [{"boxes": boxes} for _ in range(3)], "val")
    data, path = read_annotation_file(ann_file), tmp_path / "run.json"
    check_data(run_json(), data, path, str(ann_file))
    for changed, words in (({"category_ids": [3, 1, 7]}, "category_ids are"),
                           ({"images": [{"id": 1, "file_name": "000002.png"}]}, "has the id 1, which is 000001.png")):
        with pytest.raises(UserError, match=words):
            check_data(run_json(**changed), data, path, str(ann_file))

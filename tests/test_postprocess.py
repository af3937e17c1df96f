# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of `python -m src.postprocess`: the figures of eval.py from the files of ascend310_infer, and all refusals."""
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from model_utils.errors import UserError, run_cli
from src.data.coco import read_annotation_file
from src.evaluation.coco_scores import score_results
from src.postprocess import check_data, main, read_record
from tests.support.ascend310.device_results import RESULTS, counts, run_json, sha256
from tests.support.helpers import write_coco

ROOT = Path(__file__).resolve().parents[1]


def write_run(place, results, **values):
    """Write the two files of a run; results: as json takes them, or the text of the file."""
    text = results if isinstance(results, str) else json.dumps(results)
    (place / "out of it" / "results.json").write_text(text)
    number = len(results) if isinstance(results, list) else 0
    record = run_json(**{"results_sha256": sha256(text), "counts": counts(detections=number), **values})
    (place / "out of it" / "run.json").write_text(json.dumps(record))


@pytest.fixture
def place(tmp_path):
    """A folder with the three images' annotation file, and the two files of a run in its folder `out of it`."""
    boxes = [(10, 10, 20, 20, 3), (30, 20, 25, 20, 1)]
    write_coco(tmp_path, [{"boxes": boxes} for _ in range(3)], "val")
    (tmp_path / "out of it").mkdir()
    write_run(tmp_path, RESULTS)
    return tmp_path


def arguments(place):
    return [f"--result_path={place / 'out of it'}", f"--ann_file={place / 'annotations/instances_val2017.json'}"]


def test_the_table_and_the_figures_are_those_of_the_evaluation(place, capsys):
    assert main([*arguments(place), f"--img_path={place / 'val2017'}"]) == 0
    out = capsys.readouterr().out
    data = read_annotation_file(place / "annotations" / "instances_val2017.json")
    scores = score_results(data, RESULTS)
    assert f"INFO:\n{scores.table}\n" in out and f"INFO:AP of each class\n{scores.class_table}\n" in out
    warnings = [line.rpartition("WARNING:")[2] for line in out.splitlines() if "WARNING" in line]
    assert "3 detections on 3 images" in out and warnings == ["1 category without a box (first: key)"]
    written = place / "out of it" / "metrics.json"
    assert json.loads(written.read_text()) == scores.metrics() and written.stat().st_mode & 0o777 == 0o644
    # Two of the six boxes are found: one of three cups, one of three balls; there is no key.
    assert scores.metrics()["AP50"] == pytest.approx(34 / 101, abs=1e-9)
    assert scores.metrics()["per_class"]["key"] == {"AP": None, "AP50": None}


def test_the_command_runs_in_a_process_of_its_own(place):
    done = subprocess.run([sys.executable, "-m", "src.postprocess", *arguments(place)], cwd=ROOT, text=True,
                          capture_output=True, timeout=120, env={**os.environ, "GLOG_v": "3"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "=============coco eval result=========\n Average Precision  (AP) @[ IoU=0.50:0.95 |" in done.stdout
    done = subprocess.run([sys.executable, "-m", "src.postprocess", "--result_path=/nowhere"], cwd=ROOT, text=True,
                          capture_output=True, timeout=120)
    assert done.returncode == 2 and done.stderr.startswith("error: ann_file is empty") and done.stdout == ""


@pytest.mark.parametrize("values, words", [
    ({"counts": counts(skipped=1)}, "has 3 images, the run 3, of which 1 could not be read"),
    ({"counts": counts(images=2), "images": run_json()["images"][:2]}, "the run 2, of which 0 could not be read"),
    ({"interrupted": "SIGINT", "counts": {**counts(), "left_out": 7}}, "interrupted (SIGINT) and left out 7 images"),
    ({"counts": counts(not_finite=2)}, "the network gave NaN or infinity on 2 of 3 images"),
])
def test_unseen_images_are_reported(place, capsys, values, words):
    write_run(place, RESULTS, **values)
    assert main(arguments(place)) == 0
    # The other one is of the class without a box.
    warnings = [line for line in capsys.readouterr().out.splitlines() if "WARNING" in line]
    assert sum(words in line for line in warnings) == 1 and len(warnings) == 2


def test_no_detection_scores_zero_and_is_reported(place, capsys):
    write_run(place, [])
    assert main(arguments(place)) == 0
    out = capsys.readouterr().out
    assert "mAP: 0.0\n" in out and "WARNING:the run has no detection at all" in out


@pytest.mark.parametrize("boxes, words", [([], "has no annotation"), ([(1, 1, 9, 9, 3, 1)], "has no annotation"),
                                          ([(1, 1, 0, 9, 3)], "1 box of zero or negative size")])
def test_without_an_object_there_is_nothing_to_score_against(place, capsys, boxes, words):
    annotations = write_coco(place, [{"boxes": boxes}, {}, {}], "val")
    error = refused(place, capsys)
    assert f"{annotations}: has no annotation to score against" in error and words in error


def test_figures_of_an_earlier_run_do_not_outlive_a_failure(place, capsys):
    figures = place / "out of it" / "metrics.json"
    for damage in (lambda: (place / "out of it" / "run.json").write_text("{}"), lambda: write_run(place, "["),
                   (place / "annotations" / "instances_val2017.json").unlink):
        figures.write_text("{}")
        damage()
        refused(place, capsys)


def test_help_names_the_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out.startswith("usage: python -m src.postprocess [--option value ...]\n")


def refused(place, capsys, *options, code=1):
    """The words of the error; nothing may have been written."""
    assert run_cli(main, [*arguments(place), *options]) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and "Traceback" not in captured.err and captured.out == ""
    assert not (place / "out of it" / "metrics.json").exists()
    return captured.err


@pytest.mark.parametrize("option, code, words", [
    ("--result_path=", 2, "result_path is empty: name the folder"), ("--ann_file=", 2, "ann_file is empty: name the"),
    ("--result_path=/nowhere", 1, "/nowhere/run.json: no such file; name the folder of a run of ascend310_infer"),
    ("--ann_file=/nowhere/a.json", 1, "/nowhere/a.json"), ("--nms_thresh=7", 2, "nms_thresh is 7"),
    ("--img_path=/nowhere", 1, "/nowhere: 3 of the 3 images named in"),
])
def test_wrong_options(place, capsys, option, code, words):
    assert words in refused(place, capsys, option, code=code)


@pytest.mark.parametrize("name", ["results.json", "run.json"])
def test_missing_and_broken_files(place, capsys, name):
    path = place / "out of it" / name
    other = "holds a json str" if name == "results.json" else "not what ascend310_infer writes"
    for text, words in (("[{", "broken json in line 1, column 3"), ('"text"', other)):
        write_run(place, text)
        path.write_text(text)
        error = refused(place, capsys)
        assert f"{path}: {words}" in error and error.count(" again") == 1
    path.unlink()
    assert f"{path}: no such file" in refused(place, capsys)


@pytest.mark.parametrize("key, value, words", [
    ("image_id", 9, "entry 1 has image_id 9, expected one of the run; run yolo_infer again"),
    ("image_id", "1", "entry 1 has image_id '1'"), ("image_id", True, "entry 1 has image_id True"),
    ("category_id", 0, "entry 1 has category_id 0, expected"), ("category_id", None, "has category_id None"),
    ("bbox", [1, 2, 3], "has bbox [1, 2, 3], expected [x, y, width, height]"), ("bbox", [1, 2, -3, 4], "has bbox"),
    ("bbox", [1, float("nan"), 3, 4], "has bbox [1, nan, 3, 4]"), ("bbox", [1, 2, 3, True], "has bbox"),
    ("bbox", "1 2 3 4", "has bbox"), ("score", float("inf"), "has score inf, expected a number"), ("score", "1", "has"),
    ("score", 2.5, "has score 2.5, expected a number from 0 to 1"), ("score", -0.1, "has score -0.1"),
    ("score", 10**400, "has score 1000"), ("bbox", [1, 2, 3, 10**400], "has bbox"),
])
def test_a_broken_entry_is_named(place, capsys, key, value, words):
    write_run(place, [RESULTS[0], {**RESULTS[1], key: value}, RESULTS[2]])
    error = refused(place, capsys)
    assert words in error and error.endswith("; run yolo_infer again\n") and "annotation file" not in error
    write_run(place, [RESULTS[0], RESULTS[1], 5])
    assert "entry 2 is 5, expected an object" in refused(place, capsys)


def test_results_of_another_run_are_refused(place, capsys):
    path, record = (place / "out of it" / name for name in ("results.json", "run.json"))
    path.write_text(json.dumps(RESULTS[:2]))
    error = refused(place, capsys)
    found, expected = sha256(json.dumps(RESULTS[:2])), sha256(json.dumps(RESULTS))
    assert f"{path}: its SHA-256 is {found}, but {record} is of results of SHA-256 {expected}" in error
    assert "run yolo_infer again" in error
    write_run(place, RESULTS, counts=counts(detections=4))
    assert f"{path}: has 3 detections, but" in refused(place, capsys)
    # Image 3 is in the annotation file, but the run did not see it.
    write_run(place, [{**RESULTS[0], "image_id": 3}], images=run_json()["images"][:2],
              counts=counts(images=2, detections=1))
    assert "entry 0 has image_id 3, expected one of the run" in refused(place, capsys)


@pytest.mark.parametrize("run, words", [
    (run_json(("cup", "ball")), "the model has 2 classes"), ({"counts": {}}, "the file lacks description"),
    (run_json(("cup", "ball", "bowl")), "only in the model: bowl; only in the annotation file: key"),
    (run_json(description={"format": 1}), "run.json, description: format is 1, but this version reads"),
    (run_json(description={}), "run.json, description: not a description that export.py writes"),
    (run_json(counts={"images": 3}), "counts lacks skipped"), (run_json(counts=[3]), "counts is [3]; expected an obj"),
    (run_json(category_ids=[1, 3, 7]), "category_ids are [1, 3, 7], not the ids that"),
    (run_json(category_ids=[7, 1]), "category_ids are [7, 1]"), (run_json(images=[{"id": 1}]), "images[0] lacks file_"),
    (run_json(images=[{"id": 1, "file_name": "2.png"}], counts=counts(1)), "2.png has the id 1, which is 000001.png "),
    (run_json(images=[{"id": 9, "file_name": "2.png"}], counts=counts(1)), "2.png has the id 9, which is no image in"),
])
def test_a_run_of_another_model_or_other_data_is_refused(place, capsys, run, words):
    (place / "out of it" / "run.json").write_text(json.dumps(run))
    assert words in refused(place, capsys)


# The record alone

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
    # The annotation file may name an image in its tool's way, and a run by its file.
    check_data(run_json(images=[{"id": 1, "file_name": "images\\%3000001.PNG"}]), data, path, str(ann_file))
    for changed, words in (({"category_ids": [3, 1, 7]}, "category_ids are"),
                           ({"images": [{"id": 1, "file_name": "000002.png"}]}, "has the id 1, which is 000001.png")):
        with pytest.raises(UserError, match=words):
            check_data(run_json(**changed), data, path, str(ann_file))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The app on MindSpore Lite 2.0.0 itself, by its CPU provider: it finds what eval.py finds."""
import json
import os

import pytest

import mindspore as ms

import eval as eval_program
from src.data.coco import read_annotation_file
from src.evaluation.coco_scores import score_results
from tests.support.ascend310.infer_app import build_folder, export_model, run
from tests.support.ascend310.lite_release import lite_release
from tests.support.ascend310.same_detections import compare
from tests.support.ascend310.trained_model import exported_mindir, trained_model

pytestmark = pytest.mark.slow

OK, USAGE, MODEL = 0, 2, 3


@pytest.fixture(name="app", autouse=True)
def fixture_app():
    """A function that runs the app on the images of the trained network; returns the finished process."""
    if lite_release()[0] is None:
        pytest.skip(lite_release()[1])
    environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}

    def infer(model, output, *options):
        return run(build_folder() / "yolo_infer", "--model", model, "--images", annotations(), "--output", output,
                   "--provider", "cpu", *options, env=environment)

    return infer


def annotations():
    return trained_model()[0] / "annotations" / "instances_val2017.json"


@pytest.fixture(scope="module", name="expected")
def fixture_expected(tmp_path_factory):
    """(The detections of eval.py, its AP)."""
    data, checkpoint = trained_model()
    logs = tmp_path_factory.mktemp("eval")
    with pytest.MonkeyPatch.context() as patch:
        # MindSpore takes a device only before its first operator, and other tests may have run one in this process.
        patch.setattr(eval_program, "setup_device", lambda config: ms.set_context(mode=ms.GRAPH_MODE))
        assert eval_program.main([f"--pretrained={checkpoint}", f"--data_dir={data}", f"--log_path={logs}",
                                  "--device_target=CPU", "--per_batch_size=4"]) == 0
    results = json.loads(next(logs.glob("*/predict_*.json")).read_text())
    return results, json.loads(next(logs.glob("*/metrics.json")).read_text())["AP"]


# Every value, and every pair of values.
@pytest.mark.parametrize("keep_detect, export_input, batch_size", [
    (False, "uint8", 1), (False, "float", 4), (True, "uint8", 4), (True, "float", 1)])
def test_the_detections_and_ap_are_those_of_eval(app, expected, keep_detect, export_input, batch_size, tmp_path):
    done = app(exported_mindir(keep_detect, export_input, batch_size), tmp_path, "--runtime_threads", 1)
    assert done.returncode == OK, done.stderr
    # Only Ascend rounds the boxes.
    assert "note:" not in done.stderr
    found, (results, average_precision) = json.loads((tmp_path / "results.json").read_text()), expected
    agreement = compare(found, results)
    assert min(agreement.clear_counts) > 50 and agreement.unmatched == (0, 0), agreement
    assert agreement.worst_iou >= 0.99 and agreement.worst_score <= 1e-4, agreement
    score = score_results(read_annotation_file(annotations(), None), found).stats[0]
    assert average_precision > 0.01 and abs(score - average_precision) <= 1e-4


def test_a_model_that_it_cannot_read(app, tmp_path):
    checkpoint = trained_model()[1]
    model = export_model(checkpoint, tmp_path / "new.mindir", file_format="MINDIR", mindir_version=3)
    done = app(model, tmp_path / "out")
    error = done.stderr.splitlines()[-1]
    assert done.returncode == MODEL and error.startswith(f"error: {model}: MindSpore Lite cannot build this model")
    assert "the CPU: Common error code" in error and "--mindir_version 1" in error
    assert not (tmp_path / "out" / "results.json").exists()

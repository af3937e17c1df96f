# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The app on a stand-in for MindSpore Lite, for what the library itself does only on Ascend or not on request.

Settings of the device, float16 outputs, AIPP, and failures; test_lite_release.py has the library itself.
"""
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from src.data.image_files import decode_image
from src.data.placement import fit_placement
from src.deploy.model_description import OUTPUT_NAMES
from src.evaluation.detections import coco_results, detect
from tests.support.ascend310.aipp_file import check_aipp, read_aipp
from tests.support.ascend310.fake_model import TYPES, FakeModel
from tests.support.ascend310.infer_app import APP, CATEGORIES, CPP, sanitized_app
from tests.support.ascend310.same_detections import compare
from tests.support.helpers import draw_picture, write_image

pytestmark = pytest.mark.slow

OK, USAGE, MODEL, INPUT, RUNTIME, OUTPUT = 0, 2, 3, 4, 5, 6
# MindSpore Lite 2.0's names of the outputs of a MindIR, which keeps no names.
LITE_NAMES = ("Default/Reshape-op1", "Default/Reshape-op2")


@pytest.fixture(name="images", scope="module")
def fixture_images(tmp_path_factory):
    """Five images of several sizes, named by their ids."""
    folder = tmp_path_factory.mktemp("some images")
    sizes = [(120, 80), (64, 96), (200, 150), (97, 65), (96, 64)]
    paths = [folder / f"{number}.png" for number in range(1, len(sizes) + 1)]
    for number, (path, size) in enumerate(zip(paths, sizes, strict=True)):
        write_image(path, draw_picture(size, [(10, 10, 40, 30, number), (30, 5, 20, 50, 9 - number)], number))
    return paths


def expected_results(model):
    """Python's COCO results of the recorded heads."""
    results = []
    for path, *heads in zip(model.images, *model.heads, strict=True):
        image_hw = decode_image(path).shape[:2]
        placement = fit_placement(model.config.resize_mode, image_hw, model.config.testing_shape)
        found = detect(*heads, placement, image_hw, model.config)
        results += coco_results(int(path.stem), *found, CATEGORIES.ids)
    return results


def check_run(model, *options, padding=0):
    """Run the app: it must find what Python finds; returns the log of the stand-in."""
    done = model.infer(*options)
    assert done.returncode == OK, done.stderr
    expected = expected_results(model)
    agreement = compare(model.results(), expected)
    assert len(expected) > 100 and agreement.counts == (len(expected), len(expected))
    assert agreement.unmatched == (0, 0) and agreement.worst_score <= 1e-5
    log = model.log()
    assert log["unknown_items"] == padding
    assert (log["model_path"], log["model_type"]) == (str(model.path), 0)
    return log


def test_the_detections_are_those_of_python_from_float16(images, tmp_path):
    """Outputs are found by the names of the description, which a MindIR does not keep."""
    log = check_run(FakeModel(tmp_path, images, batch_size=2, output_type="float16"), "--decode_threads", 3, padding=1)
    assert log["calls"] == 3 and log["threads"] == 0
    assert log["devices"] == [{"device_id": 0, "precision": "", "aipp_path": "", "aipp": ""}]


def test_outputs_in_another_order_are_found(images, tmp_path):
    model = FakeModel(tmp_path, images, output_names=LITE_NAMES)
    model.record["outputs"].reverse()
    check_run(model)


def test_the_device_the_precision_and_threads_are_set(images, tmp_path):
    log = check_run(FakeModel(tmp_path, images), "--runtime", "lite", "--device_id", 3, "--precision", "enforce_fp32",
                    "--runtime_threads", 2)
    assert (log["devices"][0]["device_id"], log["devices"][0]["precision"]) == (3, "enforce_fp32")
    assert log["threads"] == 2


@pytest.mark.parametrize("decoded, options, has_note", [
    (True, (), True), (True, ("--precision", "enforce_fp16"), True), (True, ("--precision", "enforce_fp32"), False),
    (False, (), False)])
def test_boxes_in_half_precision_are_noted(images, decoded, options, has_note, tmp_path):
    done = FakeModel(tmp_path, images, keep_detect=decoded).infer(*options)
    assert done.returncode == OK and ("--keep_detect False" in done.stderr) == has_note


def test_aipp_gets_the_mean_and_std_of_the_description(images, tmp_path):
    mean, std = (0.4, 0.5, 0.25), (0.2, 0.25, 1.0)
    model = FakeModel(tmp_path, images, export_input="float", export_normalise="aipp",
                      mean=",".join(map(str, mean)), std=",".join(map(str, std)))
    device = check_run(model)["devices"][0]
    check_aipp(read_aipp(device["aipp"]), mean, std)
    assert not Path(device["aipp_path"]).exists()
    own = tmp_path / "my aipp.cfg"
    shutil.copy(APP / "aipp.cfg", own)
    device = check_run(model, "--aipp_config", own)["devices"][0]
    assert device["aipp_path"] == str(own) and device["aipp"] == own.read_text()


def test_the_file_of_the_app_is_what_the_app_writes(images, tmp_path):
    model = FakeModel(tmp_path, images, export_input="float", export_normalise="aipp")
    written = check_run(model)["devices"][0]["aipp"]
    assert read_aipp(written) == read_aipp((APP / "aipp.cfg").read_text())


def check_refused(model, code, *words):
    """Check that the app ends with a code and an error that has all of these words, and leaves no results."""
    done = model.infer()
    assert done.returncode == code, done.stderr
    *notes, error = done.stderr.splitlines()
    assert error.startswith("error: ") and all(line.startswith("note: ") for line in notes), done.stderr
    for word in (str(model.path), *words):
        assert word in error, error
    assert not (model.folder / "out" / "results.json").exists()


def test_a_model_that_cannot_be_built(images, tmp_path):
    model = FakeModel(tmp_path, images)
    model.record["build"] = "Init ascend failed."
    check_refused(model, MODEL, "cannot build this model for Ascend device 0", "Common error code. Init ascend failed.")


@pytest.mark.parametrize("change, found", [
    ({"name": "x"}, '"x" uint8 [1, 64, 96, 3]'), ({"type": TYPES["float32"]}, '"images" float32 [1, 64, 96, 3]'),
    ({"shape": [1, 3, 64, 96]}, '"images" uint8 [1, 3, 64, 96]'), ({"shape": [2, 64, 96, 3]}, "[2, 64, 96, 3]"),
    ({"type": TYPES["int8"]}, "type 32")])
def test_an_input_that_is_not_the_description_s(images, change, found, tmp_path):
    model = FakeModel(tmp_path, images)
    model.record["inputs"][0].update(change)
    check_refused(model, MODEL, "input is " + found if found.startswith('"') else found,
            'one: "images" uint8 [1, 64, 96, 3]', "export the model again")


def test_a_second_input_is_refused(images, tmp_path):
    model = FakeModel(tmp_path, images)
    model.record["inputs"].append({"name": "scale", "type": TYPES["float32"], "shape": [1]})
    check_refused(model, MODEL, '"scale" float32 [1]')


@pytest.mark.parametrize("change", [
    {"shape": [1, 2, 3, 3, 9]}, {"type": TYPES["int8"]}, {"shape": [1, 4, 6, 3, 8]}, {"name": OUTPUT_NAMES[1]}])
def test_an_output_that_is_not_the_description_s(images, change, tmp_path):
    model = FakeModel(tmp_path, images)
    model.record["outputs"][0].update(change)
    expected = "output_small" if "name" in change else "output_big"
    check_refused(model, MODEL, f"output {expected}", "2 outputs", "float32 or float16 [1, ")


@pytest.mark.parametrize("count", [1, 3])
def test_another_number_of_outputs(images, count, tmp_path):
    model = FakeModel(tmp_path, images)
    model.record["outputs"] = (model.record["outputs"] * 2)[:count]
    check_refused(model, MODEL, "2 outputs")


def test_aipp_that_the_library_did_not_insert(images, tmp_path):
    model = FakeModel(tmp_path, images, export_input="float", export_normalise="aipp")
    model.record["inputs"][0].update(type=TYPES["float32"], shape=[1, 3, 64, 96])
    check_refused(model, MODEL, '"images" float32 [1, 3, 64, 96]', "with AIPP before the network")


@pytest.mark.parametrize("call", [0, 2])
def test_a_failing_inference(images, call, tmp_path):
    model = FakeModel(tmp_path, images)
    model.record.update(predict="the device is lost", predict_at=call)
    check_refused(model, RUNTIME, "inference on Ascend device 0 failed: the device is lost")


@pytest.mark.parametrize("after, words", [
    ({"type": TYPES["float32"], "shape": [1, 2, 3, 3, 9]}, "float32 [1, 2, 3, 3, 9], 648 bytes"),
    ({"type": TYPES["int8"], "shape": [1, 2, 3, 3, 8]}, "type 32 [1, 2, 3, 3, 8]")])
def test_an_inference_that_returns_something_else(images, after, words, tmp_path):
    model = FakeModel(tmp_path, images)
    model.record["outputs"][0]["after"] = after
    check_refused(model, RUNTIME, "output output_big came as", words)


@pytest.mark.parametrize("bad, options, code", [(1, (), OK), (1, ("--strict",), RUNTIME), (5, (), RUNTIME)])
def test_heads_that_are_not_finite_are_reported_and_all_of_them_fail(images, bad, options, code, tmp_path):
    model = FakeModel(tmp_path, images)
    for name in OUTPUT_NAMES:
        record = np.fromfile(tmp_path / f"{name}.bin", np.float32).reshape(len(images), -1)
        record[:bad] = np.nan
        record.tofile(tmp_path / f"{name}.bin")
    done = model.infer(*options)
    assert done.returncode == code, done.stderr
    assert f"NaN or infinity on {bad} of 5 images" in done.stderr
    assert {entry["image_id"] for entry in model.results()} == set(range(bad + 1, 6))


@pytest.mark.parametrize("options, words", [
    (["--precision", "fp32"], "expected one of enforce_fp16"),
    (["--precision", "enforce_fp32", "--provider", "cpu"], "has no precision modes"),
    (["--provider", "gpu"], "gpu")])
def test_options_that_do_not_go_together(images, options, words, tmp_path):
    done = FakeModel(tmp_path, images).infer(*options)
    assert done.returncode == USAGE and words in done.stderr


def test_aipp_wants_an_ascend(images, tmp_path):
    model = FakeModel(tmp_path, images, export_input="float", export_normalise="aipp")
    done = model.infer("--provider", "cpu")
    assert done.returncode == USAGE and "--export_normalise host" in done.stderr


def test_a_file_of_aipp_must_be_there_and_of_use(images, tmp_path):
    model = FakeModel(tmp_path, images)
    done = model.infer("--aipp_config", APP / "aipp.cfg")
    assert done.returncode == USAGE and "takes its input without AIPP" in done.stderr
    model = FakeModel(tmp_path, images, export_input="float", export_normalise="aipp")
    done = model.infer("--aipp_config", tmp_path / "absent.cfg")
    assert done.returncode == INPUT and "absent.cfg: cannot read this AIPP file" in done.stderr
    done = model.infer(TMPDIR=str(tmp_path / "no folder"))
    assert done.returncode == OUTPUT and "TMPDIR" in done.stderr


def test_lite_takes_mindir_only(images, tmp_path):
    model = FakeModel(tmp_path, images)
    model.path = model.path.rename(tmp_path / "model.onnx")
    model.description["model"]["file"] = "model.onnx"
    model.write_description()
    done = model.infer("--runtime", "lite")
    assert done.returncode == USAGE and "MindSpore Lite runs .mindir files" in done.stderr


@pytest.mark.parametrize("layout, words", [("cxx_api", ""), ("other", "not a MindSpore Lite 2.x")])
def test_another_layout_of_the_headers(layout, words, tmp_path):
    """The layout api is that of the build."""
    sanitized_app()
    shutil.copytree(CPP / "fake_lite" / "include" / "api", tmp_path / "include" / layout)
    command = ["g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", str(APP), "-isystem",
               str(tmp_path), "-isystem", "/usr/include/opencv4", str(APP / "src" / "model" / "lite_runtime.cc")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (not words) and words in done.stderr, done.stderr

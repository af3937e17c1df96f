# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""--runtime acl on a stand-in for ACL that runs the ONNX in an .om file: detections, devices, refusals, failures."""
import json
import os
from pathlib import Path

import pytest

from src.deploy.offline_model import describe_offline_model
from tests.support.ascend310 import fake_atc
from tests.support.ascend310.infer_app import APP, CPP, export_onnx, exported_model, infer, run
from tests.support.ascend310.offline_model import offline_model, work_of
from tests.support.ascend310.same_detections import compare
from tests.support.helpers import write_coco
from tests.support.place import ROOT

pytestmark = pytest.mark.slow

OK, USAGE, MODEL, RUNTIME = 0, 2, 3, 5
CHIP = "Ascend310P3"


@pytest.fixture(name="annotations", scope="module")
def fixture_annotations(tmp_path_factory):
    """Nine images of several sizes; returns their annotation file."""
    sizes = [(120 + 30 * number, 100) for number in range(9)]
    return write_coco(tmp_path_factory.mktemp("with space"),
                      [{"size": size, "boxes": [(10, 10, 60, 40, 3), (70, 20, 25, 20, 1)],
                        "file_name": f"{size[0]}.jpg"} for size in sizes], "val",
                      categories=[{"id": 3, "name": "cup"}, {"id": 1, "name": "ball"}, {"id": 7, "name": "key"}])


@pytest.fixture(name="offline", scope="module")
def fixture_offline(tmp_path_factory):
    """A small model for 96 x 64 pixels, float32, batch 1; returns its .om file, beside which the ONNX file lies."""
    return offline_model(tmp_path_factory.mktemp("offline"), CHIP)


@pytest.fixture(name="expected", scope="module")
def fixture_expected(annotations, offline, tmp_path_factory):
    """The results of the small model by OpenCV's runtime."""
    return run_infer(offline.with_suffix(".onnx"), annotations, tmp_path_factory.mktemp("expected"))


def run_infer(model, annotations, output, *options, **environment):
    done = infer(model, annotations, output, *options, FAKE_ACL_CHIP=CHIP, **environment)
    assert done.returncode == OK and "were not freed" not in done.stderr, done.stderr
    return json.loads((output / "results.json").read_text())


@pytest.mark.parametrize("options, atc_options", [
    ({"batch_size": 4}, ["--output_type=FP16"]),
    ({"export_input": "float", "export_normalise": "aipp", "batch_size": 2}, [])], ids=["uint8", "aipp"])
def test_the_detections_of_a_converted_model_are_those_of_opencv(annotations, options, atc_options, tmp_path):
    """test_infer_app.py holds OpenCV's to those of eval.py. The last batch is padded: there are nine images."""
    model, source = tmp_path / "a model.onnx", exported_model()
    export_onnx(source.with_name("best.ckpt"), model, **options)
    tools = fake_atc.install(tmp_path / "tools")
    done = run("bash", ROOT / "scripts" / "convert_om.sh", model, CHIP, *atc_options,
               env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})
    assert done.returncode == 0, done.stdout + done.stderr
    found = run_infer(model.with_suffix(".om"), annotations, tmp_path / "out", "--decode_threads", 3)
    agreement = compare(found, run_infer(source, annotations, tmp_path / "expected"))
    assert agreement.clear_counts[0] == agreement.clear_counts[1] > 9
    # Boxes of nearly the same score may swap in NMS where the heads are float16.
    assert agreement.unmatched_share <= (0.005 if atc_options else 0)


def test_devices_share_the_batches_and_give_the_results_of_one(annotations, offline, expected, tmp_path):
    log = tmp_path / "log.txt"
    one = run_infer(offline, annotations, tmp_path / "one", "--device_id", 1, FAKE_ACL_LOG=str(log))
    assert work_of(log) == 2 * ["load 1"] + 9 * ["run 1"]
    # The stand-in computes by the same library.
    assert one == expected and len(one) > 100
    log.unlink()
    assert run_infer(offline, annotations, tmp_path / "two", "--device_id", "0,1", FAKE_ACL_LOG=str(log)) == one
    lines = work_of(log)
    assert sorted(lines[:4]) == ["load 0", "load 0", "load 1", "load 1"]
    # Which device takes a batch is up to the threads.
    assert len(lines) == 4 + 9 and set(lines[4:]) <= {"run 0", "run 1"}


def test_dvpp_and_the_model_on_the_same_devices(annotations, offline, tmp_path):
    done = infer(offline, annotations, tmp_path, "--preprocess", "dvpp", "--device_id", "0,1", "--decode_threads", 2,
                 FAKE_ACL_CHIP=CHIP)
    assert done.returncode == OK and "were not freed" not in done.stderr, done.stderr
    assert "DVPP" not in done.stdout + done.stderr and json.loads((tmp_path / "results.json").read_text())


def refused(model, annotations, output, code, *options, **environment):
    """Check that the app ends with a code and one line of error, which is returned."""
    done = infer(model, annotations, output, *options, **{"FAKE_ACL_CHIP": CHIP, **environment})
    assert done.returncode == code and "were not freed" not in done.stderr, done.stderr
    assert not (output / "results.json").exists()
    error = done.stderr.splitlines()[-1]
    assert error.startswith("error: "), done.stderr
    return error


@pytest.mark.parametrize("call", [
    "aclInit", "aclrtSetDevice", "aclrtCreateContext", "aclrtCreateStream", "aclrtGetRunMode", "aclmdlCreateDesc",
    "aclmdlGetDesc", "aclmdlGetInputDims", "aclmdlGetOutputDims", "aclrtMalloc", "aclrtMallocHost",
    "aclCreateDataBuffer", "aclmdlCreateDataset", "aclmdlAddDatasetBuffer", "aclrtSetCurrentContext",
    "aclrtMemcpyAsync", "aclmdlExecuteAsync", "aclrtSynchronizeStream"])
def test_a_failing_call_is_reported_with_the_vendor_s_message(annotations, offline, call, tmp_path):
    error = refused(offline, annotations, tmp_path, RUNTIME, FAKE_ACL_FAIL=call)
    assert f"ACL: {call}" in error and f"EZ9999: {call}: FAKE_ACL_FAIL names it" in error


def test_a_model_that_cannot_be_loaded(annotations, offline, tmp_path):
    error = refused(offline, annotations, tmp_path, MODEL, FAKE_ACL_CHIP="Ascend310")
    assert f"{offline}: aclmdlLoadFromFile" in error and f"the model is for {CHIP}" in error
    assert "scripts/convert_om.sh for Ascend310" in error


@pytest.mark.parametrize("place, change, words", [
    (("inputs", 0), {"shape": [1, 3, 96, 64]}, '"images" float32 [1, 3, 96, 64]'),
    (("inputs", 0), {"type": 4}, '"images" uint8'),
    (("inputs", 0), {"bytes": 7}, "7 bytes"), (("outputs", 0), {"shape": [1, 24, 4, 4]}, "output output_big"),
    (("outputs", 0), {"type": 3}, "type 3"), (("outputs", 1), {"bytes": 8}, "output output_small"),
    (("outputs", 1), {"name": "x:0:output_big", "shape": [1, 24, 2, 3], "bytes": 576}, "output output_small")])
def test_what_does_not_fit_the_description_is_refused(annotations, offline, place, change, words, tmp_path):
    content, data = fake_atc.read_om(offline)
    content[place[0]][place[1]].update(change)
    error = refused(rewritten(offline, tmp_path, content, data), annotations, tmp_path / "out", MODEL)
    assert words in error and "convert the exported model again" in error


def rewritten(offline, folder, content, data):
    """An .om file with another content, and the description of the first for it."""
    path = folder / offline.name
    fake_atc.write_om(path, content, data)
    describe_offline_model(offline, path)
    return path


@pytest.mark.parametrize("key", ["inputs", "outputs"])
def test_another_number_of_inputs_or_outputs_is_refused(annotations, offline, key, tmp_path):
    content, data = fake_atc.read_om(offline)
    content[key].append({**content[key][0], "name": "ascend_mbatch_shape_data"})
    error = refused(rewritten(offline, tmp_path, content, data), annotations, tmp_path / "out", MODEL)
    assert "ascend_mbatch_shape_data" in error


def test_outputs_of_other_names_are_found_by_their_shapes(annotations, offline, expected, tmp_path):
    content, data = fake_atc.read_om(offline)
    for place, output in enumerate(content["outputs"]):
        output["name"] = f"Default/Reshape-op{place}:0"
    content["outputs"].reverse()
    assert run_infer(rewritten(offline, tmp_path, content, data), annotations, tmp_path / "out") == expected


def test_acl_takes_om_only(annotations, tmp_path):
    error = refused(exported_model(), annotations, tmp_path, USAGE, "--runtime", "acl")
    assert "ACL runs .om files" in error


def test_the_stand_in_has_the_vendor_s_signatures(tmp_path):
    """A function that the vendor's headers do not declare as it is defined gets a C++ name."""
    vendor = Path(os.environ.get("ASCEND_TOOLKIT_HOME") or "CANN") / "include"
    if not (vendor / "acl" / "ops" / "acl_dvpp.h").is_file():
        pytest.skip("CANN's headers are not here: ASCEND_TOOLKIT_HOME names no folder with include/acl/ops/acl_dvpp.h")
    system = ["-isystem", "/usr/include/opencv4"]
    for source in sorted((CPP / "fake_acl").glob("*.cc")):
        done = run("g++", "-std=c++17", "-c", source, "-o", tmp_path / "it.o", "-I", vendor, *system)
        assert done.returncode == 0, done.stderr
        names = run("nm", "--defined-only", tmp_path / "it.o").stdout.split()
        assert [name for name in names if name.startswith("acl")]
        assert not [name for name in names if name.startswith("_Z") and name[2:].lstrip("0123456789").startswith("acl")]
    for source in ("src/model/acl_runtime.cc", "src/model/acl_session.cc", "src/image/dvpp.cc"):
        done = run("g++", "-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", APP, "-isystem", vendor,
                   *system, APP / source)
        assert done.returncode == 0, done.stderr

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""scripts/run_infer_310.sh and ascend310_infer/build.sh: arguments, paths, logs, exit codes; and a whole run."""
import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from src.deploy.model_description import read_description
from tests.support.ascend310.infer_app import exported_model, host_settings
from tests.support.ascend310.lite_release import lite_release
from tests.support.ascend310.trained_model import exported_mindir, trained_model
from tests.support.helpers import write_coco
from tests.support.place import ROOT

# Environment variables that the scripts read.
SETTINGS = ("LITE_HOME", "ASCEND_TOOLKIT_HOME", "RUNTIME", "BUILD_DIR", "JOBS", "CDPATH")
# Stands for a program: one line with its name, then a line for each argument.
STUB = """#!/usr/bin/env bash
printf '%s\\n' "NAME in $PWD" "$@" >> "$RECORD"
echo "NAME speaks"
echo "and complains" >&2
exit "${EXIT_NAME:-0}"
"""


class Place310:
    """A copy of the scripts and of build.sh, stand-ins for cmake, yolo_infer and Python; every path has a space."""

    def __init__(self, folder):
        self.repo, self.caller, self.record = folder / "my repo", folder / "calling folder", folder / "record"
        self.images, self.lite = self.caller / "my images", folder / "lite home"
        shutil.copytree(ROOT / "scripts", self.repo / "scripts")
        (self.repo / "ascend310_infer").mkdir()
        shutil.copy(ROOT / "ascend310_infer" / "build.sh", self.repo / "ascend310_infer")
        for path in (self.images, self.lite / "runtime"):
            path.mkdir(parents=True)
        self.model, self.annotations = self.caller / "a model.mindir", self.caller / "val.json"
        for path in (self.model, Path(f"{self.model}.json"), self.annotations):
            path.write_text("{}")
        self.bin = folder / "bin"
        for path, name in ((self.bin / "cmake", "cmake"), (self.bin / "my python", "python"),
                           (self.build_folder / "yolo_infer", "yolo_infer")):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(STUB.replace("NAME", name))
            path.chmod(path.stat().st_mode | stat.S_IXUSR)

    @property
    def build_folder(self):
        return self.repo / "ascend310_infer" / "build"

    def run(self, script, *arguments, **extra):
        kept = {name: value for name, value in os.environ.items() if name not in (*SETTINGS, "LD_LIBRARY_PATH")}
        environment = {**kept, "PATH": f"{self.bin}:{kept['PATH']}", "PYTHON": str(self.bin / "my python"),
                       "RECORD": str(self.record), **extra}
        return subprocess.run(["bash", str(self.repo / script), *map(str, arguments)], cwd=self.caller, text=True,
                              env={name: value for name, value in environment.items() if value is not None},
                              capture_output=True, stdin=subprocess.DEVNULL, timeout=60, check=False)

    def run_all(self, *arguments, **extra):
        arguments = arguments or (self.model, self.images, self.annotations)
        return self.run("scripts/run_infer_310.sh", *arguments, **{"LITE_HOME": str(self.lite), "JOBS": "1", **extra})

    def leave_an_earlier_run(self):
        """Write the files of an earlier run; returns the path of its metrics."""
        folder = self.caller / "result_Files"
        folder.mkdir()
        for log in ("build", "infer", "acc"):
            (self.caller / f"{log}.log").write_text(f"old {log}")
        for name in ("results.json", "run.json", "metrics.json"):
            (folder / name).write_text("{}")
        return folder / "metrics.json"

    def lines(self):
        return self.record.read_text().splitlines() if self.record.exists() else []


@pytest.fixture(name="place")
def fixture_place(tmp_path):
    return Place310(tmp_path)


def test_it_builds_infers_and_scores(place):
    done = place.run_all()
    assert done.returncode == 0, done.stderr
    app, results = place.repo / "ascend310_infer", place.caller / "result_Files"
    assert place.lines() == [
        f"python in {place.repo}", "-m", "src.postprocess", "--help",
        f"cmake in {place.caller}", "-S", str(app), "-B", str(place.build_folder), "-U", "LITE_*LIBRARY",
        "-U", "ACL_*", "-U", "OpenVINO_DIR", f"-DLITE_HOME={place.lite}", "-DASCEND_HOME=", "-DOPENVINO_HOME=",
        f"cmake in {place.caller}", "--build", str(place.build_folder), "--parallel", "1",
        f"yolo_infer in {place.caller}", "--model", str(place.model), "--images", str(place.annotations),
        "--image_root", str(place.images), "--output", str(results), "--runtime", "lite",
        f"python in {place.repo}", "-u", "-m", "src.postprocess", "--result_path", str(results), "--ann_file",
        str(place.annotations)]
    assert (place.caller / "acc.log").read_text() == "python speaks\nand complains\n"
    assert (place.caller / "infer.log").read_text() == "yolo_infer speaks\nand complains\n"
    assert "built " in (place.caller / "build.log").read_text()
    assert "yolo_infer speaks" in done.stdout and "python speaks" in done.stdout


def test_the_device_and_options_go_through(place):
    done = place.run_all("a model.mindir", "my images", "val.json", 3, "--precision", "enforce_fp32", "--strict")
    assert done.returncode == 0, done.stderr
    lines = place.lines()
    assert lines[lines.index("--device_id") + 1:][:4] == ["3", "--precision", "enforce_fp32", "--strict"]
    assert lines[lines.index("--model") + 1] == str(place.model)
    assert place.run_all(place.model, place.images, place.annotations, "--draw").returncode == 0
    assert place.lines()[-11:][:3] == ["--runtime", "lite", "--draw"]


def test_on_the_host_without_mindspore_lite(place):
    done = place.run_all(RUNTIME="opencv", LITE_HOME=None, BUILD_DIR=str(place.build_folder))
    assert done.returncode == 0, done.stderr
    lines = place.lines()
    assert "-DLITE_HOME=" in lines and lines[lines.index("--runtime") + 1] == "opencv"
    assert "without MindSpore Lite" in (place.caller / "build.log").read_text()
    count = len(lines)
    done = place.run_all(place.model, place.images, place.annotations, 0, RUNTIME="opencv")
    assert done.returncode == 2 and "DEVICE_ID is for an Ascend" in done.stderr and len(place.lines()) == count


@pytest.mark.parametrize("name, code, ran", [("cmake", 1, 2), ("yolo_infer", 3, 4), ("yolo_infer", 5, 4),
                                             ("yolo_infer", 130, 4), ("python", 77, 5)])
def test_it_stops_at_what_fails_and_ends_with_its_code(place, name, code, ran):
    figures = place.leave_an_earlier_run()
    if name == "python":
        # Scoring is possible, but fails on these results.
        python = place.bin / "my python"
        python.write_text(python.read_text().replace("exit ", '[ "${*: -1}" = --help ] || exit '))
    done = place.run_all(**{f"EXIT_{name}": str(code)})
    assert done.returncode == code
    assert sum(" in /" in line for line in place.lines()) == ran
    assert (place.caller / "acc.log").exists() == (name == "python")
    assert (place.caller / "acc.log.1").read_text() == "old acc" and not figures.exists()
    assert {path.name for path in figures.parent.iterdir()} == {"results.json", "run.json"}


def test_a_python_that_cannot_score_is_found_before_anything_starts(place):
    figures = place.leave_an_earlier_run()
    python = place.bin / "my python"
    python.write_text("#!/usr/bin/env bash\nprintf '%s\n' Traceback 'ModuleNotFoundError: no cv2' >&2\nexit 1\n")
    done = place.run_all()
    assert done.returncode == 1 and not place.lines()
    assert done.stderr == (f"error: {python} cannot score: ModuleNotFoundError: no cv2; expected a Python with the "
                           "packages of requirements.txt, set PYTHON to it\n")
    assert figures.exists() and (place.caller / "acc.log").read_text() == "old acc"


def test_a_python_without_a_package_is_reported_by_the_real_program(place, tmp_path):
    shutil.copytree(ROOT / "src", place.repo / "src")
    shutil.copytree(ROOT / "model_utils", place.repo / "model_utils")
    shutil.copy(ROOT / "default_config.yaml", place.repo)
    (tmp_path / "pycocotools.py").write_text("raise ModuleNotFoundError('no such package here')")
    done = place.run_all(PYTHON=sys.executable, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1 and not place.lines()
    assert f"error: {sys.executable} cannot score: ModuleNotFoundError: no such package here; expected" in done.stderr


def test_earlier_logs_are_kept(place):
    (place.caller / "acc.log").write_text("first")
    assert place.run_all().returncode == place.run_all().returncode == 0
    assert (place.caller / "acc.log.1").read_text() == "first"
    assert (place.caller / "acc.log.2").read_text() == (place.caller / "acc.log").read_text()


@pytest.mark.parametrize("arguments, words, extra", [
    (["a model.mindir", "my images"], "MINDIR, DATA and ANNO are needed", {}),
    (["a model.mindir", "my images", "val.json", "first"], "DEVICE_ID is 'first'", {}),
    (["a model.mindir", "my images", "val.json", "-1"], "DEVICE_ID is '-1'; expected a whole number from 0", {}),
    (["a model.mindir", "my images", "val.json", ""], "DEVICE_ID is ''", {}),
    (["a model.mindir", "my images", "val.json", "0", "--output", "x"], "--output is result_Files here; start", {}),
    (["a model.mindir", "my images", "val.json", "--draw", "--model=x"], "--model is set by this script; expect", {}),
    (["a model.mindir", "my images", "val.json", "--images", "x"], "--images is set by this script", {}),
    (["a model.mindir", "my images", "val.json", "--video", "x"], "--video is set by this script", {}),
    (["a model.mindir", "my images", "val.json", "--image_root=x"], "--image_root is set by this script", {}),
    (["a model.mindir", "my images", "val.json", "--runtime", "lite"], "--runtime is set by this script; set RU", {}),
    (["a model.mindir", "my images", "val.json", "--device_id=1"], "--device_id is set by this script; expected", {}),
    (["a model.mindir", "my images", "val.json", "0", "1"], "unexpected argument '1'", {}),
    (["a model.mindir", "my images", "val.json"], "LITE_HOME is not set", {"LITE_HOME": None}),
    (["a model.mindir", "my images", "val.json"], "RUNTIME is 'cuda'", {"RUNTIME": "cuda"}),
    (["a model.mindir", "my images", "val.json"], "OPENVINO_HOME is not set: name OpenVINO's Python package, or use",
     {"RUNTIME": "openvino"}),
    (["a model.mindir", "my images", "val.json"], "ASCEND_TOOLKIT_HOME is not set", {"RUNTIME": "acl"}),
])
def test_usage_errors(place, arguments, words, extra):
    done = place.run_all(*arguments, **extra)
    assert done.returncode == 2
    assert words in done.stderr and "usage: bash run_infer_310.sh" in done.stderr
    assert not place.lines()


@pytest.mark.parametrize("arguments, words", [
    (["no.mindir", "my images", "val.json"], "no.mindir: no such file"),
    (["val.json", "my images", "val.json"], "val.json.json: no such file; expected the description"),
    (["a model.mindir", "no images", "val.json"], "no images: no such folder"),
    (["a model.mindir", "my images", "no.json"], "no.json: no such file"),
])
def test_missing_paths_are_named_before_anything_starts(place, arguments, words):
    done = place.run_all(*arguments)
    assert done.returncode == 1 and words in done.stderr and not place.lines()


@pytest.mark.parametrize("script", ["scripts/run_infer_310.sh", "ascend310_infer/build.sh"])
def test_help(place, script):
    done = place.run(script, "--help")
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("usage: bash ")
    assert not place.lines()


@pytest.mark.parametrize("arguments, words", [
    (["--lite_home"], "--lite_home needs a folder"), (["--lite"], "unknown option '--lite'"),
    (["one", "two"], "unexpected argument 'two'")])
def test_usage_errors_of_the_build(place, arguments, words):
    done = place.run("ascend310_infer/build.sh", *arguments)
    assert done.returncode == 2 and words in done.stderr and "usage: bash build.sh" in done.stderr
    assert place.run("ascend310_infer/build.sh", JOBS="many").returncode == 2
    assert not place.lines()


def test_paths_of_the_build(place):
    done = place.run("ascend310_infer/build.sh", "--lite_home", "../lite home", "a build", JOBS="3")
    assert done.returncode == 0, done.stderr
    lines = place.lines()
    assert f"-DLITE_HOME={place.caller}/../lite home" in lines and lines[-2:] == ["--parallel", "3"]
    assert lines[lines.index("-B") + 1] == str(place.caller / "a build")
    assert place.run("ascend310_infer/build.sh", ASCEND_TOOLKIT_HOME="/a toolkit").returncode == 0
    assert "-DASCEND_HOME=/a toolkit" in place.lines()
    done = place.run("ascend310_infer/build.sh", "--lite_home=no home")
    assert done.returncode == 1 and "no home/runtime: no such folder" in done.stderr
    (place.bin / "cmake").write_text("#!/usr/bin/env bash\nexit 1\n")
    done = place.run("ascend310_infer/build.sh")
    assert done.returncode == 1 and "apt-get install cmake g++ libopencv-dev" in done.stderr


def whole_run(folder, model, annotations, *options, **environment):
    """Run the script as it is, with the host's build; returns the results that it wrote."""
    environment = {**os.environ, **host_settings(), "PYTHON": sys.executable, **environment}
    environment.pop("LD_LIBRARY_PATH", None)
    done = subprocess.run(["bash", str(ROOT / "scripts" / "run_infer_310.sh"), str(model),
                           str(annotations.parent.parent / "val2017"), str(annotations), *options], cwd=folder,
                          text=True, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    table = (folder / "acc.log").read_text()
    assert "Average Precision  (AP) @[ IoU=0.50:0.95" in table and table in done.stdout
    results, metrics = (json.loads((folder / "result_Files" / name).read_text())
                        for name in ("results.json", "metrics.json"))
    assert results and metrics
    return results


@pytest.mark.slow
@pytest.mark.xdist_group("ascend310")
def test_a_whole_run_on_mindspore_lite(tmp_path):
    home, why = lite_release()
    if home is None:
        pytest.skip(why)
    annotations = trained_model()[0] / "annotations" / "instances_val2017.json"
    results = whole_run(tmp_path, exported_mindir(False, "uint8", 1), annotations, "--provider", "cpu", RUNTIME="lite")
    assert {entry["image_id"] for entry in results} == set(range(1, 19))


@pytest.mark.slow
@pytest.mark.xdist_group("ascend310")
def test_a_whole_run_on_the_host(tmp_path):
    boxes = [(10, 10, 60, 40, 3), (70, 20, 25, 20, 1), (5, 60, 50, 30, 7)]
    annotations = write_coco(tmp_path / "my data", [{"boxes": boxes, "size": (120 + 30 * n, 100)} for n in range(3)],
                             "val")
    assert read_description(exported_model())["decoded"] is False
    results = whole_run(tmp_path, exported_model(), annotations, RUNTIME="opencv")
    assert {entry["image_id"] for entry in results} == {1, 2, 3}

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The C++ app for tests: its two builds, runs of it, and models for it and for `Detector`.

One build has everything: sanitizers, OpenCV, stand-ins for MindSpore Lite and ACL, and the unit tests. The other is
that of build.sh on a host without CANN, with MindSpore Lite itself where its release can be downloaded, and with
OpenVINO where Python has it. Both are unity builds, made once in a process.
YOLO_INFER_BUILD names a folder that keeps them for the next run, which then compiles only what has changed.
"""
import atexit
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest

import mindspore as ms

import export
from model_utils.config import get_config
from src.data.categories import Categories
from src.initializer import initialise_weights
from src.training.train_state import describe_network
from src.weights.checkpoint import save_checkpoint
from src.yolo import build_network
from tests.support.ascend310.lite_release import lite_release

APP = Path(__file__).resolve().parents[3] / "ascend310_infer"
CPP = APP.parent / "tests" / "ascend310" / "cpp"
CATEGORIES = Categories(("cup", "ball", "key"), (3, 1, 7))
# What cmake says where a library or the compiler is missing.
MISSING = re.compile(r'package configuration file provided by "(\w+)"|Could NOT find (\w+)|No (CMAKE_CXX_COMPILER)')
# A unity build compiles each target as one unit, which parses the libraries' headers once.
UNITY = ("-DCMAKE_UNITY_BUILD=ON", "-DCMAKE_UNITY_BUILD_BATCH_SIZE=0")
# With sanitizers, a compiler that optimises takes longer than the tests gain.
SANITIZED = ("-DYOLO_TESTS=ON", "-DYOLO_SANITIZE=ON", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_CXX_FLAGS_DEBUG=-O0")


class SanitizedApp:
    """The build that has everything, and the stand-ins, laid out as the vendors' releases."""

    def __init__(self, root):
        self.lite_home, self.acl_home, self.build = root / "mindspore lite", root / "cann", root / "sanitized"

    def environment(self, **extra):
        return {**os.environ, "LITE_HOME": str(self.lite_home), "ASCEND_TOOLKIT_HOME": str(self.acl_home), **extra}


def sanitized_app():
    """Return the built `SanitizedApp`; without a compiler or a library the test is skipped."""
    return _checked(*_build_sanitized())


def build_folder():
    """Return the folder of the host's build; without a compiler or a library the test is skipped."""
    return _checked(*_build_host())


def host_settings():
    """The environment variables by which the scripts use the host's build as it is."""
    return {**_host_environment(), "BUILD_DIR": str(build_folder())}


def _host_environment():
    package = find_spec("openvino")
    return {"LITE_HOME": str(lite_release()[0] or ""), "ASCEND_TOOLKIT_HOME": "",
            "OPENVINO_HOME": package.submodule_search_locations[0] if package else ""}


def _checked(built, missing, failure):
    if missing:
        pytest.skip(missing)
    assert not failure, failure
    return built


@cache
def _prepare():
    """Return (the folder of the builds, what this machine lacks)."""
    for program in ("cmake", "g++"):
        if shutil.which(program) is None:
            return None, f"{program} is not installed (Debian: apt-get install cmake g++)"
    kept = os.environ.get("YOLO_INFER_BUILD")
    root = Path(kept or tempfile.mkdtemp(prefix="yolo infer "))
    if not kept:
        atexit.register(shutil.rmtree, root, ignore_errors=True)
    # Before the stand-ins are compiled, which include the same libraries.
    probe = run("cmake", "-S", APP, "-B", root / "probe", "-DYOLO_TESTS=ON", "-DLITE_HOME=", "-DASCEND_HOME=")
    missing = MISSING.search(probe.stderr)
    if missing:
        name = missing[1] or missing[2] or missing[3]
        return None, f"cmake does not find {name}; ascend310_infer/README.md names the Debian packages"
    return root, ""


@cache
def _build_host():
    root, missing = _prepare()
    if missing:
        return None, missing, ""
    environment = {**os.environ, **_host_environment()}
    return root / "host", "", _failures(run("cmake", "-S", APP, "-B", root / "host", *UNITY, env=environment),
                                        run("bash", APP / "build.sh", root / "host", env=environment))


@cache
def _build_sanitized():
    root, missing = _prepare()
    if missing:
        return None, missing, ""
    app = SanitizedApp(root)
    return app, "", _failures(
        _make_library(app.lite_home / "runtime", "fake_lite", "lib/libmindspore-lite.so",
                      "lib/libmindspore_core_lite.so"),
        _make_library(app.acl_home, "fake_acl", "lib64/libascendcl.so", "lib64/libacl_dvpp.so"),
        run("cmake", "-S", APP, "-B", app.build, *UNITY, *SANITIZED, env=app.environment()),
        run("bash", APP / "build.sh", app.build, env=app.environment()))


def _failures(*steps):
    """Return the output of the steps that failed."""
    return "\n".join((done.stdout + done.stderr)[-8000:] for done in steps if done.returncode)


def _make_library(home, name, library, copy):
    """Compile a stand-in to the place and with the headers that the vendor's library has."""
    target, sources = home / library, sorted((CPP / name).glob("*.cc"))
    target.parent.mkdir(parents=True, exist_ok=True)
    for link, place in ((home / "include", CPP / name / "include"), (home / copy, target.name)):
        if not link.is_symlink():
            link.symlink_to(place)
    modules = ("core", "imgproc", "imgcodecs", "dnn") if name == "fake_acl" else ()
    return run("g++", "-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-I", home / "include",
               "-I", home, "-isystem", "/usr/include/opencv4", *sources, "-o", target,
               *(f"-lopencv_{module}" for module in modules))


def run(*command, **options):
    """Run a command to its end and return it, with its output as text."""
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace", **options)


def run_app(*options, program="yolo_infer", **environment):
    """Run a program of the sanitized build and return the finished process; no sanitizer may have complained."""
    done = run(sanitized_app().build / program, *options, env={**os.environ, **environment})
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr[-6000:]
    return done


def infer(model, images, output, *options, **environment):
    """Run the sanitized app on images and return the finished process."""
    return run_app("--model", model, "--images", images, "--output", output, *options, **environment)


def write_checkpoint(path, categories, shape="128,96", mode="letterbox"):
    """A checkpoint of random weights and statistics, with which a network finds much at many scores."""
    config = get_config([f"--testing_shape={shape}", f"--resize_mode={mode}", "--device_target=CPU"])
    network = build_network(config, len(categories))
    initialise_weights(network, 1)
    rng = np.random.default_rng(2)
    for parameter in network.get_parameters():
        if parameter.name.endswith(("gamma", "moving_variance")):
            parameter.set_data(ms.Tensor(rng.uniform(0.5, 2, parameter.shape), ms.float32))
        elif parameter.name.endswith(("beta", "moving_mean")):
            parameter.set_data(ms.Tensor(rng.normal(0, 0.3, parameter.shape), ms.float32))
    weights = {parameter.name: parameter for parameter in network.get_parameters()}
    save_checkpoint(path, weights, describe_network(config, categories))
    return path


def export_model(checkpoint, path, **options):
    """Export as options say, on the CPU; returns the path."""
    arguments = [f"--{name}={value}" for name, value in {"device_target": "CPU", **options}.items()]
    # MindSpore takes a device only before its first operator, and other tests may have run one in this process.
    with patch.object(export, "setup_device", lambda config: ms.set_context(mode=ms.GRAPH_MODE)):
        assert export.main([f"--ckpt_file={checkpoint}", f"--file_name={path}", *arguments]) == 0
    return path


def export_onnx(checkpoint, path, **options):
    """Export ONNX, by default raw heads of single images, which OpenCV 4.6 reads; returns the path."""
    return export_model(checkpoint, path, **{"keep_detect": False, "batch_size": 1, "file_format": "ONNX", **options})


@cache
def exported_model():
    """Return the path of an ONNX model of `CATEGORIES` for single images; its checkpoint best.ckpt lies beside it."""
    folder = Path(tempfile.mkdtemp(prefix="yolo model "))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return export_onnx(write_checkpoint(folder / "best.ckpt", CATEGORIES), folder / "my model.onnx")


@cache
def model_file(kind):
    """Return the path of a network of `CATEGORIES` for 64 x 96 pixels: as a ckpt, and exported from it.

    `kind` is ckpt, onnx, mindir, or raw, which is ONNX with raw heads of two images, float32 and normalised.
    """
    if kind == "ckpt":
        folder = Path(tempfile.mkdtemp(prefix="model files "))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return write_checkpoint(folder / "best.ckpt", CATEGORIES, shape="64,96")
    path = model_file("ckpt").with_name(f"{kind}.{'mindir' if kind == 'mindir' else 'onnx'}")
    options = {"keep_detect": False, "batch_size": 2, "export_input": "float"} if kind == "raw" else {}
    return export_model(model_file("ckpt"), path, file_format="MINDIR" if kind == "mindir" else "ONNX", **options)

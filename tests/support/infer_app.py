# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Building and running the C++ app: once in a process, with sanitizers and OpenCV's runtime.

YOLO_INFER_BUILD names a folder that keeps the build for the next run, which then compiles only what has changed.
"""
import atexit
import os
import re
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import mindspore as ms

from model_utils.config import get_config
from src.initializer import initialise_weights
from src.training.train_state import describe_network
from src.weights.checkpoint import save_checkpoint
from src.yolo import build_network

APP = Path(__file__).resolve().parents[2] / "ascend310_infer"
# What cmake says where a library or the compiler is missing.
MISSING = re.compile(r'package configuration file provided by "(\w+)"|Could NOT find (\w+)|No (CMAKE_CXX_COMPILER)')


def build_folder():
    """Return the folder of the built programs; without cmake, a compiler or a library the test is skipped."""
    folder, missing, failure = _build()
    if missing:
        pytest.skip(missing)
    assert not failure, failure
    return folder


@cache
def _build():
    """Return (folder, what this machine lacks, what went wrong); tried once, as it takes minutes."""
    if shutil.which("cmake") is None:
        return None, "cmake is not installed (Debian: apt-get install cmake g++)", ""
    folder = Path(os.environ.get("YOLO_INFER_BUILD") or tempfile.mkdtemp(prefix="yolo_infer_"))
    if not os.environ.get("YOLO_INFER_BUILD"):
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
    configured = _run("cmake", "-S", APP, "-B", folder, "-DYOLO_TESTS=ON", "-DYOLO_SANITIZE=ON", "-DLITE_HOME=",
                      "-DASCEND_HOME=")
    missing = MISSING.search(configured.stderr)
    if missing:
        name = missing[1] or missing[2] or missing[3]
        return None, f"cmake does not find {name}; ascend310_infer/README.md names the Debian packages", ""
    if configured.returncode:
        return None, "", configured.stderr
    built = _run("cmake", "--build", folder, "-j", str(len(os.sched_getaffinity(0))))
    return folder, "", (built.stdout + built.stderr)[-8000:] if built.returncode else ""


def run_app(*options, program="yolo_infer", **environment):
    """Run a built program and return the finished process; no sanitizer may have complained."""
    done = _run(build_folder() / program, *map(str, options), env={**os.environ, **environment})
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr[-6000:]
    return done


def infer(model, images, output, *options):
    """Run the app on images and return the finished process."""
    return run_app("--model", model, "--images", images, "--output", output, *options)


def _run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", **options)


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

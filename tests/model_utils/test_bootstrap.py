# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/bootstrap.py in child processes: environment, version checks, no import of MindSpore."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FAKE_VERSIONS = """
import sys
from importlib import metadata
fakes = {fakes!r}
real = metadata.version
def version(name):
    if name in fakes and fakes[name] is None:
        raise metadata.PackageNotFoundError(name)
    return fakes.get(name) or real(name)
metadata.version = version
sys.version_info = {python!r} or sys.version_info
import model_utils.bootstrap
print("started")
"""


def run_python(code, **environment):
    """Run code in a child that has only these of the variables that bootstrap sets."""
    inherited = {key: value for key, value in os.environ.items() if key not in (
        "ONEDNN_MAX_CPU_ISA", "GLOG_v", "OPENCV_LOG_LEVEL")}
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**inherited, **environment}, text=True,
                          capture_output=True, timeout=120)


def start_with(python=None, **fakes):
    return run_python(FAKE_VERSIONS.format(fakes=fakes, python=python))


SHOW_ENVIRONMENT = """
import os, sys
import model_utils.bootstrap
print(os.environ["ONEDNN_MAX_CPU_ISA"], os.environ["GLOG_v"], "mindspore" in sys.modules, "numpy" in sys.modules,
      os.environ["OPENCV_LOG_LEVEL"])
"""


def test_sets_the_environment_without_importing_mindspore():
    done = run_python(SHOW_ENVIRONMENT)
    assert done.stdout.split() == ["AVX2", "3", "False", "False", "SILENT"]
    assert (done.returncode, done.stderr) == (0, "")


def test_keeps_what_the_user_set():
    done = run_python(SHOW_ENVIRONMENT, ONEDNN_MAX_CPU_ISA="AVX512_CORE", GLOG_v="1")
    assert done.stdout.split()[:2] == ["AVX512_CORE", "1"]


@pytest.mark.parametrize(("fakes", "parts"), [
    ({"mindspore": None}, ["MindSpore is not installed", "requirements.txt"]),
    ({"numpy": None}, ["NumPy is not installed", "requirements.txt"]),
    ({"numpy": "2.0.2"}, ["NumPy 2.0.2", "less than 2.0", "requirements.txt"]),
    ({"numpy": "2.4.6"}, ["NumPy 2.4.6", "requirements.txt"]),
    ({"numpy": "1.24.4"}, ["NumPy 1.24.4", "at least 1.25"]),
    ({"mindspore": "1.10.1"}, ["MindSpore 1.10.1", "at least 2.7"]),
    ({"mindspore": "3.0.0"}, ["MindSpore 3.0.0", "less than 3.0"]),
    ({"python": (3, 9, 18, "final", 0)}, ["Python is 3.9", "3.10 to 3.12", "virtual environment"]),
    ({"python": (3, 13, 1, "final", 0)}, ["Python is 3.13", "3.10 to 3.12"]),
])
def test_an_unsupported_version_is_explained(fakes, parts):
    done = start_with(**fakes)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    for part in parts:
        assert part in done.stderr


@pytest.mark.parametrize("fakes", [
    {"numpy": "1.25.0"}, {"numpy": "1.26.4"}, {"mindspore": "2.10.0"}, {"mindspore": "2.10.0rc1"},
    {"mindspore": "2.7.1.post1"}, {"python": (3, 10, 0, "final", 0)}, {"python": (3, 12, 9, "final", 0)},
])
def test_supported_versions_start(fakes):
    done = start_with(**fakes)
    assert (done.returncode, done.stdout, done.stderr) == (0, "started\n", "")


CONVOLUTION = """
import model_utils.bootstrap
import mindspore as ms, numpy as np
from mindspore import ops
ms.set_device("CPU")
image, weight = np.ones((1, 16, 26, 26), np.float32), np.ones((16, 16, 3, 3), np.float32)
ops.conv2d(ms.Tensor(image), ms.Tensor(weight), pad_mode="same").asnumpy()
"""


def test_convolution_is_not_the_reference_kernel():
    done = run_python(CONVOLUTION, ONEDNN_VERBOSE="1")
    assert done.returncode == 0, done.stderr
    kernels = [line.split(",")[5] for line in done.stdout.splitlines() if ",exec,cpu,convolution," in line]
    assert kernels
    assert not [kernel for kernel in kernels if "ref:" in kernel]

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A model file runs on OpenVINO as its graph says, on the cores of the process, with all instructions of the CPU."""
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper, save

from src.evaluation.openvino_session import OpenVinoSession, has_bfloat16
from tests.support.engines import needs_openvino

pytestmark = needs_openvino

ROOT = Path(__file__).resolve().parents[2]
# Prints the threads of a session, the cap on instruction sets afterwards, and the instruction set of the convolution.
PROFILE = """
import os, sys
import numpy as np
import model_utils.bootstrap
from src.evaluation import openvino_session
os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])
session = openvino_session.OpenVinoSession(sys.argv[1])
session(np.zeros((1, 16, 16, 16), np.float32))
kernels = [node.rt_info["primitiveType"].astype(str) for node in session._model.get_runtime_model().get_ops()
           if node.rt_info["layerType"].astype(str) == "Convolution"]
print(session._model.get_property("INFERENCE_NUM_THREADS"), os.environ["ONEDNN_MAX_CPU_ISA"], *kernels)
"""


@pytest.fixture(scope="module", name="convolution")
def fixture_convolution(tmp_path_factory):
    """The path of a 3x3 convolution of 16 channels, and its weights."""
    weights = np.random.default_rng(0).standard_normal((16, 16, 3, 3), np.float32)
    shape = [1, 16, 16, 16]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("x", "y")]
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])]
    graph = helper.make_graph(nodes, "convolution", values[:1], values[1:], [numpy_helper.from_array(weights, "w")])
    path = tmp_path_factory.mktemp("model") / "convolution.onnx"
    save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)]), path)
    return path


def test_outputs_come_in_the_order_of_the_graph(tmp_path):
    kind = TensorProto.FLOAT
    values = [helper.make_tensor_value_info(name, kind, [2]) for name in ("x", "double", "square")]
    nodes = [helper.make_node("Mul", ["x", "x"], ["square"]), helper.make_node("Add", ["x", "x"], ["double"])]
    model = helper.make_model(helper.make_graph(nodes, "two", values[:1], values[1:]), ir_version=8,
                              opset_imports=[helper.make_opsetid("", 13)])
    save(model, tmp_path / "two.onnx")
    session = OpenVinoSession(tmp_path / "two.onnx")
    double, square = session(np.array([3, -4], np.float32))
    assert double.tolist() == [6, -8] and square.tolist() == [9, 16]
    # Results stay as they are when the next batch is computed.
    session(np.zeros(2, np.float32))
    assert double.tolist() == [6, -8]


def test_threads_share_a_session(convolution):
    session = OpenVinoSession(convolution)
    images = np.random.default_rng(1).standard_normal((20, 1, 16, 16, 16), np.float32)
    expected = [session(image)[0] for image in images]
    with ThreadPoolExecutor(4) as pool:
        for ours, theirs in zip(pool.map(session, images), expected, strict=True):
            np.testing.assert_array_equal(ours[0], theirs)


def test_it_uses_the_cores_of_the_process_and_all_instructions(convolution):
    environment = {name: value for name, value in os.environ.items() if name != "ONEDNN_MAX_CPU_ISA"}
    done = subprocess.run([sys.executable, "-c", PROFILE, convolution], cwd=ROOT, env=environment, text=True,
                          capture_output=True, check=True, timeout=120)
    threads, cap, kernel = done.stdout.split()
    assert (threads, cap) == ("1", "AVX2")
    has_avx512 = " avx512f " in Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").is_file() else False
    assert ("avx512" in kernel) == has_avx512, kernel


def test_bfloat16_rounds_and_float32_does_not(convolution):
    if not has_bfloat16():
        pytest.skip("this CPU has no bfloat16")
    images = np.random.default_rng(2).standard_normal((1, 16, 16, 16), np.float32)
    exact, rounded = (OpenVinoSession(convolution, precision)(images)[0] for precision in ("float32", "bfloat16"))
    difference = np.abs(exact - rounded).max() / np.abs(exact).max()
    # bfloat16 has 8 bits of mantissa.
    assert exact.dtype == rounded.dtype == np.float32 and 1e-4 < difference < 2e-2

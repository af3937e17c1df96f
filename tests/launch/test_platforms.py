# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Evidence for devices that are not here: what MindSpore's documentation says of every primitive of our graphs.

The graphs are those that MindSpore's front end hands to a device's back end, after all its own rewriting.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mindspore as ms
import mindspore.ops.auto_generate as generated
import mindspore.ops.operations as operations

from tests.support.many_ranks import run_ranks

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "tests/support/graphs_program.py"
PLATFORMS = {"Ascend", "GPU"}
# The compiler's own, which are no kernels of a device.
STRUCTURE = {"Depend", "Load", "MakeTuple", "Return", "TensorMove", "TupleGetItem", "UpdateState"}
# Without a text of their own: what the public functions that have one are made of.
PUBLIC = {"AddScalar": "add", "Divs": "div", "EqScalar": "equal", "LessScalar": "less", "Muls": "mul",
          "RemainderTensorScalar": "remainder", "MatMulExt": "matmul", "SplitWithSize": "split", "SumExt": "sum"}
# Gradients have no text either; each belongs to a primitive that has one, and a device that trains has both.
FORWARD = {"AtanGrad": "Atan", "BatchNormGrad": "BatchNorm", "BiasAddGrad": "BiasAdd",
           "Conv2DBackpropFilter": "Conv2D", "Conv2DBackpropInput": "Conv2D", "GatherDGradV2": "GatherD",
           "MaxPoolGrad": "MaxPool", "ReluGrad": "ReLU", "SigmoidGrad": "Sigmoid",
           "StridedSliceGrad": "StridedSlice"}
IMPROVED = ["--config_path", str(ROOT / "configs" / "improved.yaml")]


@pytest.fixture
def saved_graphs(tmp_path, monkeypatch):
    """Have the processes that are started write their graphs down; returns the folder."""
    monkeypatch.setenv("MS_DEV_SAVE_GRAPHS", "1")
    monkeypatch.setenv("MS_DEV_SAVE_GRAPHS_PATH", str(tmp_path / "graphs"))
    return tmp_path / "graphs"


def check_primitives(folder, some):
    """Check that every primitive of the graphs is documented for both platforms, those of `some` among them."""
    found = primitives(folder)
    assert some <= found and len(found) > 15
    unknown = {name: sorted(platforms(name)) for name in sorted(found - STRUCTURE) if not platforms(name) >= PLATFORMS}
    assert not unknown


def primitives(folder):
    """The primitives of graphs as MindSpore writes them down."""
    texts = [path.read_text(errors="replace") for path in folder.rglob("*_validate_*.ir")]
    assert texts
    return {name for text in texts for name in re.findall(r"= (?:PrimFunc_)?([A-Z]\w*)\(", text)}


def platforms(name):
    """The platforms that the documentation of a primitive, or of the function it refers to, names; empty for none."""
    if name in PUBLIC:
        return platforms_of(getattr(ms.ops, PUBLIC[name]).__doc__)
    name = FORWARD.get(name, name)
    for module in (operations, generated):
        text = getattr(getattr(module, name, None), "__doc__", None) or ""
        if platforms_of(text):
            return platforms_of(text)
        reference = re.search(r"Refer to :func:`mindspore\.([\w.]+)`", text)
        if reference:
            found = ms
            for part in reference[1].split("."):
                found = getattr(found, part, None)
            return platforms_of(getattr(found, "__doc__", None) or "")
    return set()


def platforms_of(text):
    """The platforms that a documentation string names."""
    found = re.search(r"Supported Platforms:\s*\n\s*(.*)", text)
    return set(re.findall(r"``(\w+)``", found[1])) if found else set()


@pytest.mark.slow
@pytest.mark.parametrize("arguments, some", [
    (["train"], {"Conv2D", "Conv2DBackpropFilter", "ApplyMomentum", "MaxPoolGrad", "Select"}),
    (["train", *IMPROVED, "--clip_gradient_norm", "10", "--label_smooth", "1"], {"Conv2D", "ApplyMomentum"}),
    (["train", "--amp_level", "O2", "--dynamic_loss_scale", "True"], {"Conv2D", "Cast"}),
    (["inference"], {"Conv2D", "TopK"}),
    (["export"], {"Conv2D", "Sigmoid"}),
], ids=["classic", "improved", "mixed", "inference", "export"])
def test_every_primitive_runs_on_ascend_and_gpu(tmp_path, saved_graphs, arguments, some):
    subprocess.run([sys.executable, ROOT / PROGRAM, *arguments], env={**os.environ, "PYTHONPATH": str(ROOT)},
                   cwd=tmp_path, check=True, capture_output=True, timeout=300)
    check_primitives(saved_graphs, some)


@pytest.mark.slow
def test_what_several_ranks_have_on_top_runs_there_too(tmp_path, saved_graphs):
    run_ranks(2, tmp_path, PROGRAM, "train", *IMPROVED, "--is_distributed", "1")
    check_primitives(saved_graphs, {"AllReduce", "ApplyMomentum"})


def test_the_check_notices_what_a_gpu_has_not():
    assert platforms("LogicalXor") == {"Ascend", "CPU"} and platforms("Conv2D") >= PLATFORMS
    assert platforms("PowTensorScalar") == {"Ascend"}
    assert platforms("Abs") >= PLATFORMS and platforms("NoSuchPrimitive") == set()

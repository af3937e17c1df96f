# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Evidence for devices that are not here: MindSpore's documentation of every primitive of our graphs.

The graphs are those that MindSpore's front end hands to a device's back end, after all its own rewriting.
"""
import re

import pytest

import mindspore as ms
import mindspore.ops.auto_generate as generated
import mindspore.ops.operations as operations

from tests.support.ranks.many_ranks import run_ranks

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


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    """The folder of the graphs of every form, as one process wrote them down."""
    folder = tmp_path_factory.mktemp("graphs")
    run_ranks(1, folder, "tests/support/ranks/graphs_program.py", folder / "graphs")
    return folder / "graphs"


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
@pytest.mark.parametrize("form, some", [
    ("classic", {"Conv2D", "Conv2DBackpropFilter", "ApplyMomentum", "MaxPoolGrad", "Select"}),
    ("improved", {"Conv2D", "Adam", "AllReduce", "TopK", "GatherD"}),
    ("mixed", {"Conv2D", "Cast"}),
    ("inference", {"Conv2D", "TopK"}),
    ("export", {"Conv2D", "Sigmoid"}),
])
def test_every_primitive_runs_on_ascend_and_gpu(graphs, form, some):
    check_primitives(graphs / form, some)


def test_the_check_notices_what_a_gpu_has_not():
    assert platforms("LogicalXor") == {"Ascend", "CPU"} and platforms("Conv2D") >= PLATFORMS
    assert platforms("PowTensorScalar") == {"Ascend"}
    assert platforms("Abs") >= PLATFORMS and platforms("NoSuchPrimitive") == set()

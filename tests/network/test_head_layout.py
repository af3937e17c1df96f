# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The layout of a head: the shapes of a scale, and the order of the fields in Python and in C++."""
import re
import subprocess
import sys
from pathlib import Path

from src.network.head_layout import BOX_FIELDS, FIRST_CLASS, OBJECTNESS, Scale

ROOT = Path(__file__).resolve().parents[2]


def test_shapes_of_a_scale():
    scale = Scale(16, ((10, 14), (23, 27), (37, 58)), 1.2)
    assert (scale.channels(80), scale.channels(1)) == (255, 18)
    assert scale.grid_hw((96, 160)) == (6, 10)


def test_field_order_is_that_of_the_cpp_app():
    (header,) = (ROOT / "ascend310_infer").rglob("decode.h")
    constants = dict(re.findall(r"constexpr size_t (k\w+) = (\d+);", header.read_text()))
    assert [int(constants[name]) for name in ("kBoxFields", "kObjectness", "kFirstClass")] == [
        BOX_FIELDS, OBJECTNESS, FIRST_CLASS] == [4, 4, 5]


def test_imports_neither_mindspore_nor_numpy():
    code = "import sys, src.network.head_layout; print(sorted({'mindspore', 'numpy'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout == "[]\n", done.stderr

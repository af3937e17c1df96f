# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A model file runs on ONNX Runtime as its graph says."""
import numpy as np
from onnx import TensorProto, helper, save

from src.evaluation.onnxruntime_session import OnnxRuntimeSession


def test_outputs_come_in_the_order_of_the_graph(tmp_path):
    kind = TensorProto.FLOAT
    values = [helper.make_tensor_value_info(name, kind, [2]) for name in ("x", "double", "square")]
    nodes = [helper.make_node("Mul", ["x", "x"], ["square"]), helper.make_node("Add", ["x", "x"], ["double"])]
    model = helper.make_model(helper.make_graph(nodes, "two", values[:1], values[1:]), ir_version=8,
                              opset_imports=[helper.make_opsetid("", 13)])
    save(model, tmp_path / "two.onnx")
    double, square = OnnxRuntimeSession(tmp_path / "two.onnx")(np.array([3, -4], np.float32))
    assert double.tolist() == [6, -8] and square.tolist() == [9, 16]

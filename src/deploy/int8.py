# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX models in INT8: convolutions of 8-bit activations and weights of 7 bits, with ranges measured on images.

Quantised by channel, in the QDQ format that ONNX Runtime and OpenVINO read. The first convolution, the last one of each
head and all that is no convolution stay in float32: with them, AP fell by up to 1.4 points more (docs/speed.md).
"""
import logging
from pathlib import Path

import onnx
from onnx import version_converter
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

# The first with scales by channel; MindSpore writes 11.
OPSET = 13


class _Batches(CalibrationDataReader):
    def __init__(self, batches, input_name):
        self._batches, self._input_name = iter(batches), input_name

    def get_next(self):
        """Return the next inputs by name, None after the last."""
        batch = next(self._batches, None)
        return None if batch is None else {self._input_name: batch}


def quantize_model(path, batches):
    """Replace an ONNX file with one input by its INT8 form.

    Args:
        path (Path): the file, of opset 13 or less.
        batches (iterable): inputs of the model to measure the ranges of the activations on.
    """
    path = Path(path)
    model = version_converter.convert_version(onnx.load(path), OPSET)
    input_name = model.graph.input[0].name
    # It advises, through the root logger, to simplify a graph that has nothing to simplify.
    root, silent = logging.getLogger(), logging.NullHandler()
    root.addHandler(silent)
    try:
        quantize_static(model, str(path), _Batches(batches, input_name), quant_format=QuantFormat.QDQ,
                        op_types_to_quantize=["Conv"], nodes_to_exclude=_outer_convolutions(model.graph),
                        per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
                        # CPUs without VNNI add two products in 16 bits, which those of 8-bit weights overflow.
                        reduce_range=True)
    finally:
        root.removeHandler(silent)


def _outer_convolutions(graph):
    """Return the names of the first convolution and of those that the outputs of a graph are computed from."""
    makers = {output: node for node in graph.node for output in node.output}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    found, names = [], [output.name for output in graph.output]
    while names:
        node = makers.get(names.pop())
        if node in convolutions:
            found.append(node.name)
        elif node is not None:
            names += node.input
    return [convolutions[0].name, *dict.fromkeys(found)]

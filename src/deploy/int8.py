# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX models in INT8: convolutions of 8-bit weights and activations, whose ranges are measured on images.

Quantised by channel, in the QDQ format that ONNX Runtime and OpenVINO read. Pooling and the decode stay in float32:
with pooling in INT8, AP on BCCD fell by 0.9 points more, and nothing was faster (docs/speed.md).
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
                        op_types_to_quantize=["Conv"], per_channel=True, activation_type=QuantType.QUInt8,
                        weight_type=QuantType.QInt8)
    finally:
        root.removeHandler(silent)

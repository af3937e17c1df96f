# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Evaluation and prediction on a CPU: the inference network, exported in memory and run by ONNX Runtime.

The graph is the one that export.py writes. MindSpore's convolutions on CPU must not use AVX-512 (see
`model_utils/bootstrap.py`); ONNX Runtime's may, and fuse the activation: the same heads in half the time.
"""
import mindspore as ms

from model_utils.files import mindspore_folder
from src.evaluation.onnx_session import OnnxSession

INPUT_NAME = "images"


def write_onnx(network, images_shape, path):
    """Write a network to an ONNX file; see `OnnxNetwork` for the arguments, `mindspore_folder` for the path."""
    ms.onnx.export(network, ms.ops.zeros(images_shape, ms.uint8), file_name=str(path), input_names=[INPUT_NAME])


class OnnxNetwork:
    """A stand-in for a network: tensors in, tensors out.

    Args:
        network (nn.Cell): a `YOLOv3TinyInference` with its weights; later changes of them have no effect.
        images_shape (tuple): of its input, uint8 [B, H, W, 3]; exported graphs accept no other batch.

    Raises:
        UserError: MindSpore does not accept the name of the folder for temporary files.
    """

    def __init__(self, network, images_shape):
        with mindspore_folder(cure=", or use --cpu_engine mindspore") as folder:
            path = folder / "network.onnx"
            write_onnx(network, images_shape, path)
            self._session = OnnxSession(path)

    def __call__(self, images):
        """Return the network's outputs for images uint8 [B, H, W, 3], as float32 tensors."""
        return tuple(ms.Tensor.from_numpy(output) for output in self._session(images.asnumpy()))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime on a CPU, without MindSpore."""
from pathlib import Path

import numpy as np
import onnxruntime

from model_utils.local_adapter import usable_cores


class OnnxRuntimeSession:
    """A model file in float32: arrays in, arrays out.

    Args:
        model: the path of an ONNX file with one input, or the content of one.
    """

    def __init__(self, model: str | Path | bytes):
        options = onnxruntime.SessionOptions()
        # Its default counts the machine's cores, not those that this process may use.
        options.intra_op_num_threads = usable_cores()
        # Spinning threads would take the cores from those that read and post-process images.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(model if isinstance(model, bytes) else str(model), options,
                                                     providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the outputs of the model for a batch of the shape and type that it was exported with."""
        return self._session.run(None, {self._input: images})

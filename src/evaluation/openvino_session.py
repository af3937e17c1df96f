# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""OpenVINO on a CPU, without MindSpore; an extra (requirements-openvino.txt), imported where it is first used."""
import os
import threading
from functools import cache
from pathlib import Path

import numpy as np

from model_utils.errors import UserError
from model_utils.local_adapter import usable_cores

INSTALL = "pip install -r requirements-openvino.txt"
PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
# What model_utils/bootstrap.py sets for MindSpore. OpenVINO would obey it, too, at half its speed.
CAP = {"ONEDNN_MAX_CPU_ISA": "AVX2"}


class OpenVinoSession:
    """A model file: arrays in, arrays out; any thread may call it.

    Args:
        model: the path of an ONNX file with one input, or the content of one.
        precision: "float32", or "bfloat16" up to the last convolutions; what follows them is computed in float32.

    Raises:
        UserError: OpenVINO cannot be imported.
    """

    def __init__(self, model: str | Path | bytes, precision: str = "float32"):
        options = {"INFERENCE_PRECISION_HINT": PRECISIONS[precision], "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1,
                   "INFERENCE_NUM_THREADS": usable_cores(),
                   # A pinned thread would wait where another one reads or post-processes images on its core.
                   "ENABLE_CPU_PINNING": False}
        network = _core().read_model(model if isinstance(model, bytes) else str(model))
        self._model = _core().compile_model(network, "CPU", options)
        # Of one request, which takes one batch at a time.
        self._lock = threading.Lock()

    def __call__(self, images: np.ndarray) -> list[np.ndarray]:
        """Return the outputs of the model for a batch of the shape and type that it was exported with."""
        with self._lock:
            return list(self._model(images).values())


def has_bfloat16() -> bool:
    """Return whether this CPU has instructions for bfloat16."""
    return "BF16" in _capabilities(_core())


@cache
def _core():
    """Return OpenVINO's `Core`, its plugin for the CPU loaded without the cap."""
    try:
        import openvino
    except ImportError as error:
        raise UserError(f"OpenVINO cannot be loaded ({error}); install it again by {INSTALL}, or use --cpu_engine "
                        "onnxruntime") from error

    capped = {name: value for name, value in CAP.items() if os.environ.get(name) == value}
    for name in capped:
        del os.environ[name]
    try:
        core = openvino.Core()
        # It loads the plugin, which reads the variable once.
        _capabilities(core)
        return core
    finally:
        os.environ.update(capped)


def _capabilities(core):
    return core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")

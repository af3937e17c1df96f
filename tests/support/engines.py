# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The engines of a CPU as parameters of tests; those of OpenVINO skip where it is not installed."""
from importlib.util import find_spec

import pytest

from src.evaluation.openvino_session import INSTALL

needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason=f"OpenVINO is not installed ({INSTALL})")
# Those that run an ONNX file.
SESSION_ENGINES = ["onnxruntime", pytest.param("openvino", marks=needs_openvino)]

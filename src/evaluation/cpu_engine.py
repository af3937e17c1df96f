# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The engine that computes a network, and its precision, by the options; none of this takes MindSpore.

ONNX Runtime and OpenVINO run an ONNX file on a CPU: sessions, arrays in and arrays out, one module for each. MindSpore
runs its own network on any device.
"""
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from model_utils.config import Config
from model_utils.errors import UsageError, UserError
from model_utils.options import AUTO
from src.evaluation import openvino_session

MINDSPORE, ONNXRUNTIME, OPENVINO = "mindspore", "onnxruntime", "openvino"
FLOAT32, BFLOAT16 = "float32", "bfloat16"
# Of an exported network, whatever runs it.
INPUT_NAME = "images"
TITLES = {MINDSPORE: "MindSpore", ONNXRUNTIME: "ONNX Runtime", OPENVINO: "OpenVINO"}

Session = Callable[[np.ndarray], list[np.ndarray]]


@dataclass(frozen=True)
class Engine:
    """What computes a network.

    Attributes:
        name: mindspore, onnxruntime or openvino.
        precision: float32 or bfloat16, on a CPU; empty: that of the device.
        is_int8: whether convolutions of the model file are quantised; the precision is that of all else.
    """
    name: str
    precision: str = ""
    is_int8: bool = False

    def __str__(self) -> str:
        title = f"{TITLES[self.name]} {installed_version(self.name)}".strip()
        return f"{title}, {'INT8 and ' * self.is_int8}{self.precision}" if self.precision else title

    def open(self, model: str | Path | bytes) -> Session:
        """Return the session of an ONNX file with one input, or of the content of one; not for MindSpore."""
        if self.name == OPENVINO:
            return openvino_session.OpenVinoSession(model, self.precision)
        from src.evaluation.onnxruntime_session import OnnxRuntimeSession
        return OnnxRuntimeSession(model)


def choose_engine(config: Config) -> Engine:
    """Return the engine for a network on config.device_target, by cpu_engine and cpu_precision.

    Raises:
        UserError: the engine is not installed, or this CPU or the engine has no bfloat16.
    """
    return _cpu_engine(config) if config.device_target == "CPU" else Engine(MINDSPORE)


def choose_session_engine(config: Config, path: str | Path) -> Engine:
    """Return the engine for an ONNX file, which always runs on the CPU and not in MindSpore; see `choose_engine`."""
    if config.cpu_engine == MINDSPORE:
        raise UsageError(f"cpu_engine is {MINDSPORE} ({config.source('cpu_engine')}), but {path} runs in {ONNXRUNTIME} "
                         f"or {OPENVINO}; leave cpu_engine out, or use the .ckpt or .mindir file")
    return _cpu_engine(config)


def available_engines(config: Config) -> list[Engine]:
    """Return the engines and precisions for a network on config.device_target, fewer where the options name some.

    Raises:
        UserError: see `choose_engine`.
    """
    best = choose_engine(config)
    if config.device_target != "CPU":
        return [best]
    found = [Engine(OPENVINO, FLOAT32), Engine(ONNXRUNTIME, FLOAT32), Engine(MINDSPORE, FLOAT32)]
    if not _has_openvino():
        del found[0]
    elif openvino_session.has_bfloat16():
        found.insert(0, Engine(OPENVINO, BFLOAT16))
    return [engine for engine in found if config.cpu_engine in (AUTO, engine.name)
            and (engine.precision == config.cpu_precision or not config.is_set("cpu_precision"))]


def installed_version(package: str) -> str:
    """Return the version of a package, or nothing where its installation does not name one."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _has_openvino():
    spec = find_spec(OPENVINO)
    # Any folder of that name on the path is a package, too, but one without an origin.
    return spec is not None and spec.origin is not None


def _cpu_engine(config):
    name, precision, is_rounded = config.cpu_engine, config.cpu_precision, config.cpu_precision == BFLOAT16
    if name == AUTO:
        name = OPENVINO if is_rounded or _has_openvino() else ONNXRUNTIME
    asking = "cpu_precision" if is_rounded else "cpu_engine"
    start, end = f"{asking} is {config[asking]} ({config.source(asking)}), but", f"or leave {asking} out"
    if is_rounded and name != OPENVINO:
        raise UsageError(f"{start} {TITLES[name]} does not compute it; use --cpu_engine {OPENVINO}, {end}")
    if name == OPENVINO and not _has_openvino():
        raise UserError(f"{start} OpenVINO is not installed; install it by {openvino_session.INSTALL}, {end}")
    if is_rounded and not openvino_session.has_bfloat16():
        raise UserError(f"{start} this CPU has no instructions for it, so that it would be slow; leave {asking} out")
    return Engine(name, precision)

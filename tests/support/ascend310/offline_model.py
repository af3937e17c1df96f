# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A small .om file for the stand-in for ACL, and what the stand-in says of its work."""
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from src.deploy.model_description import OUTPUT_NAMES
from src.deploy.offline_model import atc_options, describe_offline_model
from tests.support.ascend310 import fake_atc
from tests.support.ascend310.golden_files import describe, export_config
from tests.support.ascend310.infer_app import CATEGORIES


def offline_model(folder, chip, pixels="RGB", **options):
    """Write small.onnx, small.om and their descriptions into a folder; returns the path of small.om.

    Args:
        folder (Path): receives the files.
        chip (str): the one that the .om file is for.
        pixels (str): RGB or NV12, of its AIPP if it has that.
        **options: of export.py, in the place of float32, raw heads and batch 1.
    """
    config = export_config(**{"export_input": "float", "keep_detect": False, "batch_size": 1, **options})
    source, offline = folder / "small.onnx", folder / "small.om"
    onnx.save(pooling_model(config.batch_size, *config.testing_shape), source)
    description = describe(config)
    data = source.read_bytes()
    description["model"] |= {"file": source.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    description["classes"] = [{"name": name, "id": number}
                              for name, number in zip(CATEGORIES.names, CATEGORIES.ids, strict=True)]
    Path(f"{source}.json").write_text(json.dumps(description))
    assert fake_atc.main([*atc_options(source, pixels), f"--output={folder / 'small'}", f"--soc_version={chip}"]) == 0
    describe_offline_model(source, offline, pixels)
    return offline


def pooling_model(batch, height, width):
    """A network (ONNX) whose heads are random sums of the average colour of each cell."""
    weights = np.random.default_rng(1).normal(0, 2, (24, 3, 1, 1)).astype(np.float32)
    nodes, outputs = [], []
    for name, stride in zip(OUTPUT_NAMES, (32, 16), strict=True):
        nodes += [helper.make_node("AveragePool", ["images"], [f"{name}_pool"], kernel_shape=[stride, stride],
                                   strides=[stride, stride]),
                  helper.make_node("Conv", [f"{name}_pool", "weights"], [name], kernel_shape=[1, 1])]
        outputs.append(helper.make_tensor_value_info(name, 1, [batch, 24, height // stride, width // stride]))
    inputs = [helper.make_tensor_value_info("images", 1, [batch, 3, height, width])]
    graph = helper.make_graph(nodes, "pooling", inputs, outputs, [numpy_helper.from_array(weights, "weights")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=7)


def work_of(log, *kinds):
    """Return the lines of the stand-in's log that begin with one of the words, by default load and run."""
    return [line for line in log.read_text().splitlines() if line.startswith(kinds or ("load", "run"))]

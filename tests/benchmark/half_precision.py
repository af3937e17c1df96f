# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The cost of half precision: AP and box errors of a trained network that computes in float16, as on Ascend.

    python -m tests.benchmark.half_precision best.ckpt --data_dir DATA --sizes 256 416

A simulation: every weight and every operator's result is rounded to float16; sums inside a convolution are float32, as
in the matrix units of such devices. The graph is the one that export.py writes, scored as by eval.py. DATA is a data
set in COCO layout. The results are in docs/half_precision.md.
"""
import argparse
import os
import sys
import tempfile
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import mindspore as ms

from model_utils.config import COMMAND_LINE, get_config
from model_utils.device_adapter import setup_device
from model_utils.errors import run_cli
from src.config import detection_scales
from src.data.coco import read_coco
from src.deploy.exporter import example_input, export_network
from src.deploy.model_description import INPUT_NAME
from src.evaluation.evaluator import evaluate
from src.evaluation.inference import folded_network, read_checkpoint
from src.evaluation.nms import broadcast_iou
from src.network.head_layout import OBJECTNESS
from src.yolo import ScaleDecoder

BATCH = 8
# Boxes of cells that score higher are compared; lower scores hardly count.
MIN_SCORE = 0.05
HALF = ":half"


def main(argv=None):
    """Measure by command-line arguments; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="of a trained network")
    parser.add_argument("--data_dir", default="../shared/data/bccd", help="its validation images are scored")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 320, 416, 640], help="of the square input")
    arguments = parser.parse_args(argv)
    config = get_config(["--device_target=CPU", f"--data_dir={arguments.data_dir}", f"--per_batch_size={BATCH}",
                         f"--batch_size={BATCH}", "--file_format=ONNX"])
    setup_device(config)
    checkpoint, config, categories = read_checkpoint(config, arguments.checkpoint)
    data = read_coco(config, "val", training=False)
    print(f"{'size':>4}  {'computed in':<56} {'AP':>7} {'AP50':>7} {'corner off by px: most, 99 %, mean':>36} "
          f"{'IoU < 0.99':>10} {'score':>7}")
    for size in arguments.sizes:
        sized = config.replace(COMMAND_LINE, testing_shape=(size, size))
        reference = None
        for name, network in variants(sized, checkpoint, categories).items():
            result = evaluate(network, data, sized)
            reference = reference or network.heads
            pixels, ious, score = errors(network.heads, reference, size)
            print(f"{size:>4}  {name:<56} {result.ap:7.4f} {result.ap50:7.4f} {pixels.max():22.3f} "
                  f"{np.percentile(pixels, 99):6.3f} {pixels.mean():6.3f} {100 * (ious < 0.99).mean():8.2f} % "
                  f"{score:7.4f}", flush=True)
    return 0


def variants(config, checkpoint, categories):
    """Return the networks to compare, by name, float32 first; they differ in what is rounded and where."""
    decoded = exported(config, checkpoint, categories)
    raw = exported(config.replace(COMMAND_LINE, keep_detect=False), checkpoint, categories)
    decoders = [ScaleDecoder(scale, len(categories), tuple(config.testing_shape))
                for scale in detection_scales(config)[::-1]]
    kept = after_heads(decoded.graph)
    return {
        "float32": Recorder(decoded),
        "float16, decode too": Recorder(in_half_precision(decoded)),
        "float16, decode in float32": Recorder(in_half_precision(decoded, kept)),
        "float16, decode in float32, boxes handed over as float16":
            Recorder(in_half_precision(decoded, kept), lambda heads: [rounded(head) for head in heads]),
        "float16, raw heads, decoded in float32 by the program":
            Recorder(in_half_precision(raw), lambda heads: [decode(ms.Tensor(head)).asnumpy() for decode, head in
                                                            zip(decoders, heads, strict=True)]),
    }


def exported(config, checkpoint, categories):
    """Return the onnx model of a checkpoint as export.py writes it, for batches of config.batch_size."""
    network = folded_network(config, len(categories), checkpoint, decode=config.keep_detect)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        export_network(network, example_input(config), config, categories, path)
        return onnx.load(path)


class Recorder:
    """Takes the place of a network in `evaluate` and keeps the decoded heads (big, small) of each batch.

    Args:
        model (onnx.ModelProto): run without graph optimization, which might remove roundings.
        finish (callable): from the list of the model's outputs to decoded heads.
    """

    def __init__(self, model, finish=list):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), options,
                                                     providers=["CPUExecutionProvider"])
        self._finish, self.heads = finish, []

    def __call__(self, images):
        self.heads.append(self._finish(self._session.run(None, {INPUT_NAME: images.asnumpy()})))
        return [ms.Tensor(head) for head in self.heads[-1]]


def rounded(array):
    """Return float32 values rounded to float16, as float32."""
    return array.astype(np.float16).astype(np.float32)


def in_half_precision(model, kept=()):
    """Return a model that rounds the float weights and the float result of every node to float16.

    Args:
        model (onnx.ModelProto): not changed.
        kept (set): nodes, by their first output, that stay in float32.
    """
    model = onnx.shape_inference.infer_shapes(model)
    graph = model.graph
    floats = {value.name for value in (*graph.value_info, *graph.output)
              if value.type.tensor_type.elem_type == TensorProto.FLOAT}
    # A copy: a node in float32 may share a constant with others.
    halves = [numpy_helper.from_array(rounded(numpy_helper.to_array(tensor)), tensor.name + HALF)
              for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT]
    names = {tensor.name for tensor in halves}
    nodes = []
    for node in graph.node:
        nodes.append(node)
        if node.output[0] in kept:
            continue
        node.input[:] = [name + HALF if name + HALF in names else name for name in node.input]
        for place, name in enumerate(node.output):
            if name in floats:
                node.output[place] = f"{name}:exact"
                nodes.append(helper.make_node("Cast", [f"{name}:exact"], [name + HALF], to=TensorProto.FLOAT16))
                nodes.append(helper.make_node("Cast", [name + HALF], [name], to=TensorProto.FLOAT))
    used = {name for node in nodes for name in node.input}
    constants = [tensor for tensor in (*graph.initializer, *halves) if tensor.name in used]
    del graph.node[:], graph.value_info[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(constants)
    onnx.checker.check_model(model)
    return model


def after_heads(graph):
    """Return the nodes after the last convolutions, by their first output: the decode."""
    needed, decode = set(), set()
    for node in reversed(graph.node):
        if node.op_type == "Conv" or needed.intersection(node.output):
            needed.update(node.input)
        else:
            decode.add(node.output[0])
    return decode


def errors(found, expected, size):
    """Return the distances between the boxes of the same cells, their IoUs, and the largest score difference.

    Args:
        found, expected (list): decoded heads (big, small) of each batch; the cells whose expected score is above
            `MIN_SCORE` are compared.
        size (int): side of the input in pixels.

    Returns:
        Tuple of the distances of corners float32 [n, 4] in pixels of the input, the IoUs float64 [n], and a float.
    """
    sides = [np.concatenate([head.reshape(-1, head.shape[-1]) for heads in batches for head in heads])
             for batches in (found, expected)]
    score, true_score = (cells[:, OBJECTNESS] * cells[:, OBJECTNESS + 1:].max(1) for cells in sides)
    shown = true_score > MIN_SCORE
    corners, true_corners = (np.concatenate((cells[shown, :2] - cells[shown, 2:4] / 2,
                                             cells[shown, :2] + cells[shown, 2:4] / 2), 1) for cells in sides)
    return (np.abs(corners - true_corners) * size,
            broadcast_iou(corners.astype(np.float64), true_corners.astype(np.float64)),
            np.abs(score - true_score)[shown].max())


if __name__ == "__main__":
    sys.exit(run_cli(main))

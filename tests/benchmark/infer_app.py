# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Time outside inference of the C++ app and of eval.py, and the gain of a second decode thread.

    bash ascend310_infer/build.sh
    python tests/benchmark/infer_app.py best.ckpt --data_dir DATA

Outside inference: from the image file to the network's input, and from its heads to COCO results, all on one core. The
app runs as it is, on a network that computes nothing and returns recorded heads. Python runs the functions that eval.py
calls, on heads that its graph has already decoded; the app decodes them itself. The two alternate. DATA is a folder in
COCO layout. ascend310_infer/README.md has the results.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import cv2
import numpy as np
from onnx import TensorProto, helper, numpy_helper

import mindspore as ms

from model_utils.config import get_config
from model_utils.device_adapter import setup_device
from model_utils.errors import UserError, run_cli
from src.data.coco import read_coco
from src.data.image_files import decode_image
from src.data.placement import fit_placement
from src.deploy.exporter import example_input, export_network
from src.deploy.model_description import describe_model, description_path, read_description
from src.evaluation.detections import coco_results, detect
from src.evaluation.inference import folded_network, read_checkpoint
from src.transforms import place

ROOT = Path(__file__).resolve().parents[2]


def main(argv=None):
    """Measure as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoint", help="checkpoint of a trained network")
    parser.add_argument("--data_dir", default="../shared/data/bccd", help="data folder; its validation images are read")
    parser.add_argument("--score_threshold", type=float, help="default: the checkpoint's")
    parser.add_argument("--app", default=ROOT / "ascend310_infer" / "build" / "yolo_infer", help="the built program")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args(argv)
    threshold = [] if arguments.score_threshold is None else [f"--eval_ignore_threshold={arguments.score_threshold}"]
    config = get_config(["--device_target=CPU", f"--data_dir={arguments.data_dir}", "--keep_detect=False",
                         "--file_format=ONNX", "--batch_size=1", *threshold])
    setup_device(config)
    checkpoint, config, categories = read_checkpoint(config, arguments.checkpoint)
    data = read_coco(config, "val", training=False)
    heads = recorded_heads(config, checkpoint, data)
    with tempfile.TemporaryDirectory() as folder:
        app = App(arguments.app, data, Path(folder))
        app.export(config, checkpoint, categories, heads)
        print(f"{len(data)} images, {config.resize_mode} to {config.testing_shape}, {len(categories)} classes, "
              f"{heads.pairs} pairs above {config.eval_ignore_threshold:g} an image; medians of {arguments.rounds}")
        print_outside_inference(app, config, data, heads, arguments.rounds)
        for name, what in (("model", "with the network"), ("recorded", "with recorded heads")):
            print_threads(app, name, what, arguments.rounds)
    return 0


class Heads(NamedTuple):
    """The heads of one image, float32: `raw` [A * (5 + C), g, g] and `decoded` [g, g, A, 5 + C], big first.

    `pairs` is how many (cell, class) pairs score above the threshold.
    """

    raw: list
    decoded: list
    pairs: int


def recorded_heads(config, checkpoint, data):
    """Return the `Heads` of the image that has the median number of pairs."""
    def network(decode):
        return folded_network(config, len(data.categories), checkpoint, decode=decode)

    def heads_of(network, path):
        return [head.asnumpy()[0] for head in network(ms.Tensor(read_image(config, path)[2][None]))]

    decoding = network(True)
    pairs = [sum(int((head[..., 4:5] * head[..., 5:] > config.eval_ignore_threshold).sum())
                 for head in heads_of(decoding, path)) for path in data.paths]
    median = sorted(range(len(pairs)), key=pairs.__getitem__)[len(pairs) // 2]
    path = data.paths[median]
    return Heads(heads_of(network(False), path), heads_of(decoding, path), pairs[median])


class App:
    """The built program, its models in a folder, and its images.

    Raises:
        UserError: there is no program.
    """

    def __init__(self, program, data, folder):
        if not Path(program).is_file():
            raise UserError(f"{program}: no such program; build it by: bash ascend310_infer/build.sh")
        self._program, self._folder, self._count = program, folder, len(data)
        self._list = folder / "images.txt"
        self._list.write_text("".join(f"{Path(path).resolve()}\n" for path in data.paths))

    def export(self, config, checkpoint, categories, heads):
        """Write `model`, as export.py does, and `recorded` with the same input, which returns the `Heads`."""
        path = self._folder / "model.onnx"
        network = folded_network(config, len(categories), checkpoint, decode=False)
        export_network(network, example_input(config), config, categories, path)
        described = read_description(path)
        model = recorded_model(described, heads.raw).SerializeToString()
        shapes = [output["shape"] for output in described["outputs"]]
        path = self._folder / "recorded.onnx"
        path.write_bytes(model)
        description_path(path).write_text(json.dumps(describe_model(config, categories, path.name, model, shapes)))

    def images_per_second(self, name, decode_threads, cores):
        """Return images per second from file to results with one of the models, on `cores`."""
        output = self._folder / "output"
        done = subprocess.run(
            ["taskset", "-c", ",".join(map(str, cores)), self._program, "--model", self._folder / f"{name}.onnx",
             "--images", self._list, "--output", output, "--decode_threads", str(decode_threads),
             "--runtime_threads", str(len(cores)), "--benchmark", str(self._count)], capture_output=True, text=True)
        if done.returncode:
            raise UserError(f"{self._program} ended with {done.returncode}: {done.stderr[-2000:]}")
        return json.loads((output / "benchmark.json").read_text())["images_per_second"]


def recorded_model(described, heads):
    """Return an onnx model with the input and the outputs of a description that returns `heads` for every image."""
    pixels, outputs = described["input"], described["outputs"]
    nodes, constants = [], [numpy_helper.from_array(np.array([1, 2]), "axes"),
                            numpy_helper.from_array(np.array([0, 0]), "start")]
    for output, head in zip(outputs, heads, strict=True):
        name = output["name"]
        corner, planes, values, blank, end, zero, added = (
            f"{name}_{role}" for role in ("corner", "planes", "values", "blank", "end", "zero", "head"))
        # As many pixels of a corner as there are cells, times zero: outputs must depend on the input.
        nodes += [helper.make_node("Slice", [pixels["name"], "start", end, "axes"], [corner]),
                  helper.make_node("Transpose", [corner], [planes], perm=[0, 3, 1, 2]),
                  helper.make_node("Cast", [planes], [values], to=TensorProto.FLOAT),
                  helper.make_node("Conv", [values, zero], [blank], kernel_shape=[1, 1]),
                  helper.make_node("Add", [blank, added], [name])]
        constants += [numpy_helper.from_array(np.array(head.shape[1:]), end),
                      numpy_helper.from_array(np.zeros((len(head), 3, 1, 1), np.float32), zero),
                      numpy_helper.from_array(head[None], added)]
    graph = helper.make_graph(
        nodes, "recorded", [helper.make_tensor_value_info(pixels["name"], TensorProto.UINT8, pixels["shape"])],
        [helper.make_tensor_value_info(output["name"], TensorProto.FLOAT, output["shape"]) for output in outputs],
        constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


def read_image(config, path):
    """Return (placement, height and width of the file, pixels of the input) as eval.py's workers make them."""
    image = decode_image(path)
    placement = fit_placement(config.resize_mode, image.shape[:2], config.testing_shape)
    return placement, image.shape[:2], place(image, placement, config.testing_shape, config.pad_value)


def python_milliseconds(config, data, heads):
    """Return the milliseconds per image of eval.py's functions: (from file to input, from heads to COCO results)."""
    before = after = 0.0
    for path, image_id in zip(data.paths, data.image_ids, strict=True):
        started = time.perf_counter()
        placement, image_hw, _ = read_image(config, path)
        read = time.perf_counter()
        coco_results(image_id, *detect(*heads.decoded, placement, image_hw, config), data.categories.ids)
        after += time.perf_counter() - read
        before += read - started
    return 1000 * before / len(data), 1000 * after / len(data)


def print_outside_inference(app, config, data, heads, rounds):
    """Print the milliseconds per image of both programs on one core, and their ratio."""
    cores = os.sched_getaffinity(0)
    core = [min(cores)]
    app_times, python_times = [], []
    os.sched_setaffinity(0, core)
    cv2.setNumThreads(1)
    for _ in range(rounds):
        app_times.append(1000 / app.images_per_second("recorded", 1, core))
        python_times.append(python_milliseconds(config, data, heads))
    os.sched_setaffinity(0, cores)
    before, after = (statistics.median(times) for times in zip(*python_times, strict=True))
    ours, theirs = statistics.median(app_times), statistics.median(map(sum, python_times))
    print(f"outside inference, on one core: app {ours:.2f} ms per image, eval.py {theirs:.2f} ms ({before:.2f} from "
          f"file to input, {after:.2f} from heads to results): {ours / theirs:.2f} of it")


def print_threads(app, name, what, rounds):
    """Print images per second with one and two decode threads, alternating."""
    rates = {1: [], 2: []}
    for _ in range(rounds):
        for threads, found in rates.items():
            found.append(app.images_per_second(name, threads, sorted(os.sched_getaffinity(0))))
    one, two = (statistics.median(found) for found in rates.values())
    print(f"{what}: {one:.1f} images/s with one decode thread, {two:.1f} with two, {two / one:.2f} times")


if __name__ == "__main__":
    sys.exit(run_cli(main))

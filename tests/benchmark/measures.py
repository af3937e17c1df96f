# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The measurements of `run.py`. Each returns rows, by the name of their ratio, and the settings behind them.

A row holds the median rates `ours` and `theirs` in images a second, their `ratio` (median, min, max over the rounds,
each of which measures both in turn) and `what` was measured.
"""
import os
import statistics
import subprocess
import sys
import time
from functools import partial
from importlib.util import find_spec

import numpy as np

from model_utils.local_adapter import usable_cores
from src.data.categories import COCO
from src.evaluation.cpu_engine import ONNXRUNTIME, OPENVINO
from tests.benchmark import growth as growth_case
from tests.benchmark import pipeline as pipeline_case
from tests.benchmark import postprocess as postprocess_case
from tests.benchmark.workers import REPO, Worker, interleaved, ratio

SIZE = 416
PIPELINE_BATCHES = 32
# Images of training and of evaluation, each against a tenth.
TRAINED, EVALUATED = 10_000, 1000
# Set by our programs; the twin must run as its users run it.
OUR_ENVIRONMENT = ("ONEDNN_MAX_CPU_ISA", "GLOG_v")


def row(what, ours, theirs):
    """Return the row of two lists of rates."""
    return {"what": what, "ours": statistics.median(ours), "theirs": statistics.median(theirs),
            "ratio": ratio(ours, theirs)}


def against_twin(data_dir, folder, rounds, batch, what, steps=1, passes=1):
    """Return (rates by program, settings) of the measurements of both workers whose names begin with `what`.

    A program is "ours" or "twin" and the name of its measurement.

    Raises:
        RuntimeError: their losses in the first steps differ by more than a thousandth.
    """
    case = folder / f"case_{batch}.npz"
    theirs_environment = {key: value for key, value in os.environ.items() if key not in OUR_ENVIRONMENT}
    with (Worker("tests.benchmark.ours", [data_dir, SIZE, batch, case, steps, passes], dict(os.environ)) as ours,
          Worker("tests.benchmark.torch_twin", [case, usable_cores()], theirs_environment) as twin):
        losses = ours.measure("losses"), twin.measure("losses")
        if not np.allclose(*losses, rtol=1e-3, atol=0):
            raise RuntimeError(f"the twin's first losses are {losses[1]}, ours {losses[0]}: not the same program")
        programs = {f"{side} {name}": partial(worker.measure, name) for side, worker in (("ours", ours), ("twin", twin))
                    for name in worker.info["measurements"] if name.startswith(what)}
        interleaved(programs, 2)
        seconds = interleaved(programs, rounds)
        rates = {name: [batch / value for value in seconds[name]] for name in programs}
        return rates, {"ours": ours.info, "twin": twin.info, "losses": losses, "batch": batch, "size": SIZE}


def train(data_dir, folder, rounds):
    """Measure the training step with the real loss."""
    rates, about = against_twin(data_dir, folder, rounds, 8, "train")
    what = f"training step, {SIZE}, batch 8, against PyTorch"
    return {"train_vs_torch": row(what, rates["ours train"], rates["twin train"])}, about


def forward(data_dir, folder, rounds):
    """Measure the forward pass of evaluation and prediction, uint8 images to heads, at batch 8 and 1, by engine.

    All engines, and PyTorch in bfloat16, are compared with PyTorch in float32.
    """
    rows, about = {}, {}
    for batch, passes in ((8, 1), (1, 8)):
        rates, about[f"forward_b{batch}"] = against_twin(data_dir, folder, rounds, batch, "forward", passes=passes)
        theirs = rates.pop("twin forward torch float32")
        for program, ours in rates.items():
            engine, precision = program.split()[-2:]
            rows[f"forward_b{batch}_{engine}_{precision}"] = row(
                f"forward, {SIZE}, batch {batch}, {engine} in {precision}, against PyTorch", ours, theirs)
    return rows, about


def postprocess(data_dir, folder, rounds):
    """Measure post-processing of synthetic heads, on one core."""
    del data_dir, folder
    big, small, threshold = postprocess_case.make_heads()
    expected = postprocess_case.plain_loop(big, small, threshold)
    found = postprocess_case.ours(big, small, threshold)
    postprocess_case.check_same(found[1:], expected[1:4])
    programs = {"ours": lambda: postprocess_case.ours(big, small, threshold)[0],
                "theirs": lambda: postprocess_case.plain_loop(big, small, threshold)[0]}
    seconds = interleaved(programs, rounds)
    rates = [[1 / value for value in seconds[name]] for name in programs]
    about = {"pairs": expected[4], "detections": len(expected[1]), "cores": 1}
    return {"postprocess_vs_loop": row(f"post-processing of {expected[4]} pairs, against a loop", *rates)}, about


def pipeline(data_dir, folder, rounds):
    """Measure the training pipeline, every file decoded every time, against decoding alone in two processes."""
    del folder
    rates, about = pipeline_case.measure(data_dir, rounds, PIPELINE_BATCHES)
    decode = rates.pop("decode")
    what = {"pipeline_classic_vs_decode": "classic samples", "pipeline_mosaic_vs_decode": "samples with mosaic 0.5"}
    return {name: row(f"{what[name]}, {pipeline_case.SIZE}, against decoding files", found, decode)
            for name, found in rates.items()}, about


def evaluation(data_dir, folder, rounds):
    """Measure a whole evaluation, and its parts, against its forward passes alone; the ratios are those of times."""
    del folder
    with Worker("tests.benchmark.evaluation", [data_dir, SIZE, 8], dict(os.environ)) as worker:
        programs = {name: partial(worker.measure, name) for name in worker.info["measurements"]}
        interleaved(programs, 1)
        seconds = interleaved(programs, rounds)
        rates = {name: [worker.info["images"] / value for value in found] for name, found in seconds.items()}
        forward_rates = rates.pop("forward")
        rows = {f"eval_vs_forward{'' if name == 'evaluation' else '_' + name}":
                {**row(f"time of {name} of {worker.info['images']} images, {SIZE}, against the forward passes", found,
                       forward_rates), "ratio": ratio(forward_rates, found)} for name, found in rates.items()}
        return rows, worker.info


def start(data_dir, folder, rounds):
    """Measure one prediction from the command line, by model file, against the imports that it needs.

    The ratios are those of times. A kept network is one in the cache of checkpoints.
    """
    image = min((data_dir / "train2017").iterdir())
    growth_case.in_process(_write_models, folder)
    imports = "import cv2, numpy, onnxruntime"
    predict = [str(REPO / "predict.py"), f"--image={image}", "--device_target=CPU"]
    commands = {"imports": ["-c", imports]}
    for engine in (ONNXRUNTIME, *([OPENVINO] if find_spec(OPENVINO) else [])):
        for name, options in (("onnx", ["--ckpt_file=model.onnx"]), ("kept_ckpt", ["--ckpt_file=model.ckpt"]),
                              ("ckpt", ["--ckpt_file=model.ckpt", "--model_cache=False"])):
            commands[f"{name}_{engine}"] = [*predict, *options, f"--cpu_engine={engine}"]
    programs = {name: partial(_seconds_of_command, folder, command) for name, command in commands.items()}
    # The first prediction of a checkpoint keeps its network.
    interleaved(programs, 1)
    rates = {name: [1 / value for value in found] for name, found in interleaved(programs, rounds).items()}
    base = rates.pop("imports")
    return {f"start_{name}": {**row(f"time of a prediction, {name}, {SIZE}, against '{imports}'", found, base),
                              "ratio": ratio(base, found)} for name, found in rates.items()}, {"rounds": rounds}


def _write_models(folder):
    """Write model.ckpt and model.onnx of random weights; returns {}."""
    # Takes MindSpore, which the measured programs may do without.
    from tests.support.ascend310.infer_app import export_model, write_checkpoint
    checkpoint = write_checkpoint(folder / "model.ckpt", COCO, shape=f"{SIZE},{SIZE}")
    export_model(checkpoint, folder / "model.onnx", file_format="ONNX")
    return {}


def _seconds_of_command(folder, arguments):
    """Return how long Python takes for a command in a folder, which also holds its caches."""
    environment = {**os.environ, "YOLOV3_TINY_CACHE": str(folder / "cache")}
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=folder, env=environment, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - started


def growth(data_dir, folder, rounds):
    """Measure the cost of an image among ten times as many: reading a checked split, and scoring its detections.

    A ratio of 1 is a cost that grows as the images do, 0.1 one that grows with their square.
    """
    del data_dir
    programs = {}
    for images in (TRAINED, TRAINED // 10):
        arguments = [folder / f"coco_{images}", folder / f"runs_{images}", folder / f"cache_{images}"]
        growth_case.write_data(arguments[0], images)
        # The first start checks all images.
        growth_case.in_process(growth_case.start, *arguments)
        programs["read", images] = partial(_seconds, growth_case.start, arguments, ("read_coco_s", "check_images_s"))
    for engine in growth_case.ENGINES:
        for images in (EVALUATED, EVALUATED // 10):
            programs[f"score_{engine}", images] = partial(_seconds, growth_case.evaluation,
                                                          (images, engine, folder, False), ("score_s",))
    seconds = interleaved(programs, rounds)
    rates = {key: [key[1] / value for value in found] for key, found in seconds.items()}
    return {f"growth_{name}": row(f"{name.replace('_', ' by ')}, {images} images, against {images // 10}", found,
                                  rates[name, images // 10])
            for (name, images), found in rates.items() if (name, images // 10) in rates}, {"rounds": rounds}


def _seconds(function, arguments, parts):
    """Return the sum of some parts of what a function measures in a process of its own."""
    found = growth_case.in_process(function, *arguments)
    return sum(found[part] for part in parts)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Measure what a run does besides its steps, by the number of images: time and peak memory should grow no faster.

    python -m tests.benchmark.growth --folder SCRATCH --images 1000 10000 118000 --evaluated 500 5000 --json growth.json

SCRATCH receives data sets of small JPEGs with COCO's classes and number of boxes, 2 GB for 118 000 images; they stay
for the next call. Each row is measured in a process of its own. docs/speed.md explains the figures.
"""
import argparse
import json
import os
import resource
import signal
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, redirect_stdout
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np
import psutil

from src.data.categories import COCO
from tests.benchmark.workers import machine

# COCO has 7.3 boxes an image.
BOXES, SIDE, DETECTIONS = 7, 64, 300
# Different pictures; each of them is many files.
PICTURES = 100
OPTIONS = ["--device_target=CPU", "--training_shape=64", "--per_batch_size=32", "--keep_checkpoint_max=2"]
ENGINES = ("faster-coco-eval", "pycocotools")


def main(argv=None):
    """Measure as the arguments say; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="for data sets and runs")
    parser.add_argument("--images", type=int, nargs="*", default=[1000, 10_000, 118_000], help="of training")
    parser.add_argument("--evaluated", type=int, nargs="*", default=[500, 5000], help="images of evaluation")
    parser.add_argument("--json", type=Path, help="file for all figures")
    arguments = parser.parse_args(argv)
    print(machine())
    rows = []
    for images in arguments.images:
        data = arguments.folder.resolve() / f"coco_{images}"
        write_data(data, images)
        rows.append({"images": images, **training_row(data, arguments.folder.resolve() / f"runs_{images}")})
        print(json.dumps(rows[-1]), flush=True)
    for images in arguments.evaluated:
        for engine in ENGINES:
            rows.append({"evaluated": images, "engine": engine,
                         **in_process(evaluation, images, engine, arguments.folder.resolve())})
            print(json.dumps(rows[-1]), flush=True)
    for kind in ("images", "evaluated"):
        print(table([row for row in rows if kind in row]))
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=1) + "\n")
    return 0


def table(rows):
    """Return rows with the same keys as a table of Markdown, a column for each."""
    return "\n".join(f"| {name} | {' | '.join(str(row[name]) for row in rows)} |" for name in rows[0]) if rows else ""


def in_process(function, *arguments):
    """Return the dict that a function returns in a new process, with its `peak_mb`."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(_with_peak, function, *arguments).result()


def _with_peak(function, *arguments):
    # The programs' own lines are no result.
    with redirect_stdout(sys.stderr):
        found = function(*arguments)
    return {**found, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10}


def seconds_of_process():
    """Return for how many seconds this process has run."""
    return time.time() - psutil.Process().create_time()


def annotations(images, side):
    """Return a COCO dict of so many images, with boxes at random places."""
    rng = np.random.default_rng(images)
    corners = rng.uniform(0, side / 2, (images * BOXES, 2)).round(1)
    sides = rng.uniform(side / 8, side / 2, (images * BOXES, 2)).round(1)
    classes = np.array(COCO.ids)[rng.integers(0, len(COCO), images * BOXES)].tolist()
    boxes = np.concatenate((corners, sides), 1).tolist()
    return {"images": [{"id": number, "file_name": f"{number:012}.jpg", "width": side, "height": side}
                       for number in range(1, images + 1)],
            "annotations": [{"id": number + 1, "image_id": number // BOXES + 1, "category_id": category, "bbox": box,
                             "area": box[2] * box[3], "iscrowd": 0}
                            for number, (category, box) in enumerate(zip(classes, boxes, strict=True))],
            "categories": [{"id": key, "name": name} for key, name in zip(COCO.ids, COCO.names, strict=True)]}


def write_data(folder, images):
    """Write a training split of small JPEGs, unless it is there."""
    json_path, image_folder = folder / "annotations" / "instances_train2017.json", folder / "train2017"
    if json_path.is_file():
        return
    image_folder.mkdir(parents=True, exist_ok=True)
    json_path.parent.mkdir(exist_ok=True)
    rng = np.random.default_rng(1)
    pictures = [cv2.imencode(".jpg", rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8))[1].tobytes()
                for _ in range(PICTURES)]
    content = annotations(images, SIDE)
    for image in content["images"]:
        (image_folder / image["file_name"]).write_bytes(pictures[image["id"] % PICTURES])
    json_path.write_text(json.dumps(content))


def training_row(data, folder):
    """Return the figures of training on a data set; the cache of image checks is empty at first."""
    cache = folder / f"cache_{time.time_ns()}"
    first, again, resumed, epoch = (
        in_process(function, data, folder, cache)
        for function in (start, start, partial(start, resumes=True), one_epoch))
    return {"annotations_mb": round((data / "annotations" / "instances_train2017.json").stat().st_size / 2**20, 1),
            "start_s": first["start_s"], "start_again_s": again["start_s"], "resume_s": resumed["start_s"],
            **{name: again[name] for name in ("read_coco_s", "check_images_s")},
            "first_check_s": first["check_images_s"], "start_peak_mb": again["peak_mb"],
            **{name: epoch[name] for name in epoch if name != "peak_mb"}, "epoch_peak_mb": epoch["peak_mb"]}


class FreeStep:
    """A training step that costs nothing; its class calls `at_step` with the number of steps before it."""

    at_step, compile_seconds = None, {}

    def __init__(self, *_):
        import mindspore as ms

        from src.loss import LOSS_PARTS
        self.results = ms.Tensor(1.0), ms.Tensor(np.ones(len(LOSS_PARTS), np.float32)), ms.Tensor(True)
        self.done = 0

    def __call__(self, *_):
        FreeStep.at_step(self.done)
        self.done += 1
        return self.results


@contextmanager
def free_steps(cache):
    """Let train.py, run as a function, take `FreeStep`s, and keep a cache of its own."""
    import model_utils.bootstrap  # noqa: F401

    from src.training import trainer
    with patch.dict(os.environ, YOLOV3_TINY_CACHE=str(cache)), patch.object(trainer, "TrainStep", FreeStep):
        yield


def start(data, folder, cache, resumes=False):
    """Start a training, new or the newest one again, until its first step; return how long it took, and its parts."""
    found = {}

    def timed(name, function):
        def call(*arguments, **options):
            before = time.perf_counter()
            try:
                return function(*arguments, **options)
            finally:
                found[f"{name}_s"] = round(time.perf_counter() - before, 4)
        return call

    with free_steps(cache):
        import train
        from model_utils.signals import StopRequest
        FreeStep.at_step = lambda _: found.setdefault("start_s", round(seconds_of_process(), 2))
        for name in ("read_coco", "check_images"):
            setattr(train, name, timed(name, getattr(train, name)))
        # As if a signal had come: the run saves its state after the first step, and ends.
        with patch.object(StopRequest, "number", lambda _: signal.SIGTERM):
            train.main([*OPTIONS, f"--data_dir={data}", f"--ckpt_path={folder}", "--max_epoch=2",
                        *(["--resume=auto"] if resumes else [])])
    return found


def one_epoch(data, folder, cache):
    """Train epochs of free steps without reading images; return the times of all steps of one, and of what ends it.

    The first epoch ends with the first report, which draws the labels.
    """
    times = []

    @contextmanager
    def stream(run, first_step, end_step=None, report=None):
        from src.yolo_dataset import training_sampler
        del report
        batch = run.config.per_batch_size
        sampler = training_sampler(run.config, run.data)
        images = np.zeros((batch, SIDE, SIDE, 3), np.uint8)
        boxes = np.full((batch, run.config.max_box, 5), -1, np.float32)
        yield ((images, boxes) for step in range(first_step, run.total_steps if end_step is None else end_step)
               if [sampler[sample] for sample in range(step * batch, (step + 1) * batch)])

    with free_steps(cache):
        import train
        from src.training.run import Run
        FreeStep.at_step = lambda _: times.append(time.perf_counter())
        with patch.object(Run, "stream", stream):
            train.main([*OPTIONS, f"--data_dir={data}", f"--ckpt_path={folder}", "--max_epoch=3"])
    steps = len(times) // 3
    first, second = (round(times[epoch * steps] - times[epoch * steps - 1], 2) for epoch in (1, 2))
    return {"steps": steps, "steps_s": round(times[2 * steps - 1] - times[steps], 2), "end_of_first_epoch_s": first,
            "end_of_epoch_s": second}


def evaluation(images, engine, folder, with_report=True):
    """Score `DETECTIONS` on each of so many images; return the time of each part."""
    import logging

    from model_utils.config import get_config
    from model_utils.json_file import write_json
    from src.data.coco import read_annotation_file
    from src.evaluation.coco_scores import score_results
    from src.evaluation.detections import coco_results
    from src.evaluation.evaluator import EvalResult
    from src.report.report import Report

    path = folder / f"evaluated_{images}.json"
    path.write_text(json.dumps(annotations(images, 640)))
    found, clock = {}, [time.perf_counter()]

    def lap(name):
        found[f"{name}_s"] = round(time.perf_counter() - clock[0], 3)
        found[f"{name}_peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 2**10
        clock[0] = time.perf_counter()

    data = read_annotation_file(path)
    lap("truth")
    rng, results = np.random.default_rng(2), []
    for number, image_id in enumerate(data.image_ids):
        truth = slice(number * BOXES, (number + 1) * BOXES)
        xywh = np.concatenate((data.truth["bbox"][truth] + rng.normal(0, 5, (BOXES, 4)),
                               rng.uniform(20, 300, (DETECTIONS - BOXES, 4))))
        classes = np.concatenate((data.truth["class_index"][truth], rng.integers(0, len(COCO), DETECTIONS - BOXES)))
        corners = np.concatenate((xywh[:, :2], xywh[:, :2] + np.maximum(xywh[:, 2:], 1)), 1)
        results += coco_results(image_id, corners, rng.uniform(0, 1, DETECTIONS), classes, data.categories.ids)
    lap("results")
    write_json(folder / "results.json", results)
    lap("json")
    scores = score_results(data, results, engine)
    lap("score")
    if not with_report:
        return found
    report = Report(get_config([]), folder / "report", logging.getLogger(), data)
    report.add(EvalResult(**vars(scores), results=results, num_images=images, damaged_images=0, images_per_second=1.0,
                          images_per_second_total=1.0, seconds=1.0))
    lap("report")
    report.close("measured")
    lap("page")
    return found


if __name__ == "__main__":
    sys.exit(main())

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Training samples a second of the input pipeline, against decoding the same files and nothing else.

    python -m tests.benchmark.pipeline --data_dir DATA

Every file is read and decoded every time (no cache). The programs take turns, and ratios are taken turn by turn,
because the machine's speed changes.
"""
import argparse
import multiprocessing
import platform
import statistics
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from model_utils.config import get_config
from src.config import check_config, training_config
from src.data.coco import read_coco
from src.yolo_dataset import PREFETCH, train_stream, workers_per_rank
from tests.benchmark.workers import interleaved, ratio

SIZE, BATCH, WORKERS = 640, 8, 2
FILES_AT_ONCE = 4
# The classic recipe, and the same with every second sample a mosaic: 2.5 files an image.
RECIPES = {"pipeline_classic_vs_decode": {}, "pipeline_mosaic_vs_decode": {"mosaic": 0.5}}


def pipeline_config(data_dir, **options):
    """Return the classic recipe's `Config` at 640 pixels, batch 8, two workers and no cache."""
    values = {"device_target": "CPU", "data_dir": data_dir, "training_shape": SIZE, "per_batch_size": BATCH,
              "num_parallel_workers": WORKERS, "image_cache_mb": 0, **options}
    config = training_config(get_config([f"--{key}={value}" for key, value in values.items()]))
    check_config(config)
    return config


def decode_in_processes(paths, repeats=1, processes=WORKERS):
    """Return images a second of processes that together read and decode all of `paths`, `repeats` times.

    Each takes the next few files when it has finished its last, so that none waits for the other. All start together,
    after a warm-up; the time is that from the first start to the last end.
    """
    context = multiprocessing.get_context("spawn")
    barrier, taken, times = context.Barrier(processes), context.Value("l", 0), context.Queue()
    started = [context.Process(target=_decode, args=(list(paths) * repeats, taken, barrier, times))
               for _ in range(processes)]
    for process in started:
        process.start()
    spans = [times.get(timeout=600) for _ in started]
    for process in started:
        process.join()
    return len(paths) * repeats / (max(end for _, end in spans) - min(start for start, _ in spans))


def _decode(paths, taken, barrier, times):
    cv2.setNumThreads(0)
    for path in paths[:8]:
        cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    barrier.wait(120)
    start, first = time.perf_counter(), 0
    while first < len(paths):
        with taken.get_lock():
            first = taken.value
            taken.value += FILES_AT_ONCE
        for path in paths[first:first + FILES_AT_ONCE]:
            cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    times.put((start, time.perf_counter()))


def training_pipeline(config, data, batches, start_step=0):
    """Return images a second over `batches` training batches, consumed as fast as they come, after a warm-up.

    Args:
        config (Config): of `pipeline_config`.
        data (CocoData): of `read_coco(config, "train", training=True)`.
        batches (int): how many are timed.
        start_step (int): the step of the run to start at; it decides which samples come.
    """
    with train_stream(config, data, start_sample=start_step * config.per_batch_size) as stream:
        # As many batches are under way when the clock starts as when it stops.
        for _ in range(PREFETCH + 1):
            next(stream)
        start = time.perf_counter()
        for _ in range(batches):
            next(stream)
        return batches * config.per_batch_size / (time.perf_counter() - start)


def settings(config):
    """Return what the figures depend on, by name."""
    return {"machine": platform.processor() or platform.machine(), "cores": workers_per_rank(10**6),
            "workers": workers_per_rank(config.num_parallel_workers), "batch": config.per_batch_size,
            "shape": list(config.training_shape), "cache_mb": config.image_cache_mb, "prefetched_batches": PREFETCH,
            "opencv": cv2.__version__, "numpy": np.__version__}


def measure(data_dir, rounds, batches):
    """Return (images a second of each program, a list with one figure a round; settings); programs take turns."""
    configs = {name: pipeline_config(data_dir, **options) for name, options in RECIPES.items()}
    data = read_coco(next(iter(configs.values())), "train", training=True)
    repeats = max(1, round(batches * BATCH / len(data)))
    programs = {name: lambda config=config: training_pipeline(config, data, batches)
                for name, config in configs.items()}
    programs["decode"] = lambda: decode_in_processes(data.paths, repeats)
    return interleaved(programs, rounds), settings(configs["pipeline_classic_vs_decode"])


def main(argv=None):
    """Print medians and ratios; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data_dir", type=Path, default=Path("../shared/data/coco128"))
    parser.add_argument("--rounds", type=int, default=7, help="turns of each program")
    parser.add_argument("--batches", type=int, default=32, help="training batches in a turn")
    arguments = parser.parse_args(argv)
    rates, about = measure(arguments.data_dir.resolve(), arguments.rounds, arguments.batches)
    print(", ".join(f"{name}: {value}" for name, value in about.items()))
    print(f"decode: {statistics.median(rates['decode']):.1f} images a second")
    for name in RECIPES:
        found = ratio(rates[name], rates["decode"])
        print(f"{name}: {statistics.median(rates[name]):.1f} images a second, ratio {found['median']:.2f} "
              f"({found['min']:.2f} to {found['max']:.2f})")
    return 0


if __name__ == "__main__":
    sys.exit(main())

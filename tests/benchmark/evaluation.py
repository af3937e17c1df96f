# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A worker of `workers.py`: a whole evaluation, from image files to the COCO table, and each of its parts alone.

    python -m tests.benchmark.evaluation DATA_DIR SIZE BATCH

The weights are random; the score threshold is set so that as many (cell, class) pairs pass as with a trained network.
"""
import sys
import time
from functools import partial
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import numpy as np

import mindspore as ms

from model_utils.device_adapter import setup_device
from src.config import with_categories
from src.data.coco import read_coco
from src.evaluation.coco_scores import score_results
from src.evaluation.cpu_engine import choose_engine
from src.evaluation.evaluator import evaluate, image_results
from src.yolo_dataset import eval_stream
from tests.benchmark.cases import benchmark_config, evaluation_network
from tests.benchmark.workers import serve

# The official network has 2768 pairs above 0.001 on the image of the dog.
PAIRS_AN_IMAGE = 3000


def main(data_dir, size, batch):
    """Serve the measurements of the whole and its parts, seconds for all images."""
    config = benchmark_config(data_dir, int(size), int(batch))
    split = "val" if any((Path(data_dir) / "val2017").glob("*")) else "train"
    setup_device(config)
    data = read_coco(config, split, training=False)
    config = with_categories(config, len(data.categories))
    network = evaluation_network(config, config.per_batch_size)
    with eval_stream(config, data, config.per_batch_size) as stream:
        batches = [(ms.Tensor(images), indices) for images, indices in stream]
    config, pairs = with_threshold(config, network, batches[0][0])
    outputs = forward(network, batches)
    results = postprocessing(outputs, batches, data, config)
    parts = {"evaluation": partial(evaluate, network, data, config), "forward": partial(forward, network, batches),
             "reading": partial(reading, data, config),
             "postprocessing": partial(postprocessing, outputs, batches, data, config),
             "scoring": partial(score_results, data, results, config.coco_engine)}
    serve({"images": len(data), "pairs_an_image": pairs, "engine": str(choose_engine(config)), "size": int(size),
           "batch": int(batch)}, {name: partial(seconds, part) for name, part in parts.items()})


def seconds(function):
    """Return how long a function takes."""
    started = time.perf_counter()
    function()
    return time.perf_counter() - started


def forward(network, batches):
    """Return the heads (big, small) of each batch on the host."""
    return [[output.asnumpy() for output in network(images)[:2]] for images, _ in batches]


def reading(data, config):
    """Read all images."""
    with eval_stream(config, data, config.per_batch_size) as stream:
        for _ in stream:
            pass


def postprocessing(outputs, batches, data, config):
    """Return the COCO results of the heads of all batches."""
    return [result for heads, (_, indices) in zip(outputs, batches, strict=True)
            for position in np.flatnonzero(indices >= 0)
            for result in image_results([head[position] for head in heads], data, int(indices[position]), config)]


def with_threshold(config, network, images):
    """Return the config with the eval_ignore_threshold of about `PAIRS_AN_IMAGE`, and the pairs above it an image."""
    scores = np.concatenate([(head[..., 4:5] * head[..., 5:]).ravel()
                             for head in (output.asnumpy() for output in network(images)[:2])])
    wanted = min(PAIRS_AN_IMAGE * len(images), len(scores) - 1)
    threshold = float(np.partition(scores, -wanted)[-wanted])
    return (config.replace("command line", eval_ignore_threshold=threshold),
            float((scores > threshold).sum() / len(images)))


if __name__ == "__main__":
    main(*sys.argv[1:])

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Speed of a checkpoint by engine, precision, input size and batch size; where there is data, AP and what it finds.

    outputs/RUN/  benchmark.csv  benchmark.json  benchmark.png  benchmark.svg
"""
import csv
import io
import statistics
import time
from collections import defaultdict
from dataclasses import asdict, dataclass

import numpy as np

import mindspore as ms

from model_utils.config import COMMAND_LINE
from model_utils.files import write_all
from model_utils.json_file import write_json
from model_utils.local_adapter import usable_cores
from src.evaluation.cpu_engine import available_engines
from src.evaluation.evaluator import evaluate, fetched
from src.evaluation.inference import fastest_network
from src.evaluation.nms import broadcast_iou
from src.logger import TABLE

# Each engine computes for at least so many seconds in each round, and the engines take turns.
ROUNDS, SECONDS = 5, 0.4
# Two engines find the same if their boxes of one class overlap by more than this.
SAME_IOU = 0.9


@dataclass(frozen=True)
class Measured:
    """A row: images a second from pixels in memory to decoded heads, median, lowest and highest of the rounds.

    AP and AP50 are those of the engine at this size; `same` is the share of the last engine's detections above
    draw_threshold that this one has, too. All are None without data.
    """

    engine: str
    precision: str
    size: int
    batch_size: int
    images_per_second: float
    lowest: float
    highest: float
    AP: float | None = None
    AP50: float | None = None
    same: float | None = None

    @property
    def title(self):
        """The engine with its precision and batch size, as a curve is called."""
        return f"{self.engine} {self.precision}".strip() + f", batch {self.batch_size}"


def run_benchmark(checkpoint, config, num_classes, data, folder, logger):
    """Measure a checkpoint, log the table, and write table and plot to a folder.

    Args:
        checkpoint (Checkpoint): its weights.
        config (Config): benchmark_sizes, benchmark_batch_sizes, cpu_engine, cpu_precision and those of evaluation.
        num_classes (int): C.
        data (CocoData): what AP is measured on; None: speed only.
        folder (Path): of the run.
        logger (Logger): for the table.
    """
    rows = []
    for size in sorted(config.benchmark_sizes):
        logger.info("measuring at %dx%d ...", size, size)
        rows += measure_size(checkpoint, config, num_classes, data, size)
    logger.info("\n%s", table(rows), extra=TABLE)
    write_files(rows, {"checkpoint": str(checkpoint.path), "device": config.device_target, "cores": usable_cores(),
                       "engines": [str(engine) for engine in available_engines(config)], "rounds": ROUNDS,
                       "images": len(data) if data else 0}, folder)
    logger.info("benchmark: %s", folder / "benchmark.csv")


def measure_size(checkpoint, config, num_classes, data, size):
    """Return the rows of all engines and batch sizes at an input of size x size."""
    config = config.replace(COMMAND_LINE, testing_shape=(size, size))
    speeds, scores = {}, {}
    for batch_size in sorted(config.benchmark_batch_sizes):
        networks = {engine: fastest_network(config, num_classes, checkpoint, batch_size, engine, selects=True)
                    for engine in available_engines(config)}
        speeds |= {(engine, batch_size): rates for engine, rates in measure(networks, batch_size, size).items()}
    # The batch size does not change AP; the last networks have the largest.
    results = {engine: evaluate(network, data, config, batch_size) for engine, network in networks.items()
               if data is not None}
    for engine, result in results.items():
        reference = results[list(networks)[-1]].results
        scores[engine] = result.ap, result.ap50, share_found(reference, result.results, config.draw_threshold)
    return [Measured(engine.name, engine.precision, size, batch_size, statistics.median(rates), min(rates), max(rates),
                     *scores.get(engine, ())) for (engine, batch_size), rates in speeds.items()]


def share_found(reference, results, threshold):
    """Return the share of the detections above a score that others have, too; None: there are none.

    Args:
        reference (list): COCO results.
        results (list): others; one above the score of the same image and class may overlap by more than `SAME_IOU`.
        threshold (float): the score.
    """
    wanted, others = _boxes_above(reference, threshold), _boxes_above(results, threshold)
    count = sum(map(len, wanted.values()))
    found = sum((broadcast_iou(boxes[:, None], others[key]).max(1) > SAME_IOU).sum()
                for key, boxes in wanted.items() if key in others)
    return float(found) / count if count else None


def _boxes_above(results, threshold):
    """Return the boxes xyxy float64 [N, 4] of COCO results above a score, by image and class."""
    found = defaultdict(list)
    for result in results:
        if result["score"] > threshold:
            x, y, w, h = result["bbox"]
            found[result["image_id"], result["category_id"]].append((x, y, x + w, y + h))
    return {key: np.array(boxes) for key, boxes in found.items()}


def measure(networks, batch_size, size):
    """Return the images a second of each round, by engine, of networks that take turns."""
    pixels = np.random.default_rng(0).integers(0, 256, (batch_size, size, size, 3), np.uint8)
    images = ms.Tensor(pixels)
    passes, rates = {}, {engine: [] for engine in networks}
    for engine, network in networks.items():
        # The first pass compiles.
        seconds_of(network, images, 1)
        passes[engine] = max(1, round(SECONDS / seconds_of(network, images, 1)))
    for _ in range(ROUNDS):
        for engine, network in networks.items():
            rates[engine].append(passes[engine] * batch_size / seconds_of(network, images, passes[engine]))
    return rates


def seconds_of(network, images, passes):
    """Return the time of passes through a network, with its outputs on the host."""
    started = time.perf_counter()
    for _ in range(passes):
        fetched(network(images))
    return time.perf_counter() - started


def table(rows):
    """Return the rows as text."""
    lines = [f"{'engine':<12} {'precision':<9} {'size':>5} {'batch':>5} {'images/s':>9} {'lowest to highest':>18} "
             f"{'AP':>7} {'AP50':>7} {'same':>7}"]
    for row in rows:
        scores = " ".join(f"{'-' if score is None else f'{score:.4f}':>7}" for score in (row.AP, row.AP50, row.same))
        spread = f"{row.lowest:.1f} to {row.highest:.1f}"
        lines.append(f"{row.engine:<12} {row.precision:<9} {row.size:>5} {row.batch_size:>5} "
                     f"{row.images_per_second:>9.1f} {spread:>18} {scores}")
    return "\n".join(lines)


def write_files(rows, settings, folder):
    """Write the rows as csv and, with the settings, as json, and their plot as PNG and SVG."""
    from src.report.plots import render, speed_accuracy
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(asdict(rows[0])))
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    plot = render("benchmark", "Speed and AP", "", speed_accuracy, rows)
    write_json(folder / "benchmark.json", {**settings, "rows": [asdict(row) for row in rows]})
    write_all({folder / "benchmark.csv": text.getvalue().encode(), folder / "benchmark.png": plot.png,
               folder / "benchmark.svg": plot.svg})

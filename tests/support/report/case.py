# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What the tests of a report share: objects, detections of every kind, a metrics.csv, and a plot without content."""
import csv

from src.loss import LOSS_PARTS
from src.report.plots import Plot
from tests.support.oracle import found

CLASSES = ({"id": 3, "name": "cup"}, {"id": 1, "name": "a ball with <b>a long name</b> & $x_{2$"},
           {"id": 7, "name": "鑰匙"}, {"id": 9, "name": "none"})
CUP, BALL, KEY = 3, 1, 7
SIZE = (400, 300)
# As some tools write them, without a place to break a line.
LONG_NAME = f"_jpg.rf.{'0123456789abcdef' * 4}.png"
BOXES = [(20, 20, 60, 60, CUP), (120, 20, 60, 60, BALL), (220, 20, 60, 60, KEY), (20, 150, 60, 60, CUP),
         (300, 150, 80, 80, CUP, 1)]
EPOCHS = 4


def detections():
    """Return results: in image 1 one of each kind, in image 2 only right ones, in image 3 none, in image 4 strays."""
    first = [found((20, 20, 60, 60), CUP, 0.95), found((22, 22, 60, 60), CUP, 0.9), found((120, 20, 60, 60), CUP, 0.85),
             found((250, 20, 60, 60), KEY, 0.8), found((150, 230, 50, 50), BALL, 0.75),
             found((310, 160, 60, 60), CUP, 0.7), found((20, 150, 60, 60), CUP, 0.01)]
    second = [found(box, category, 0.9, 2) for *box, category in (row[:5] for row in BOXES[:4])]
    return [*first, *second, *(found((x, 200, 30, 30), BALL, 0.3, 4) for x in range(0, 300, 60))]


def empty_plot(name, title, text, *_):
    """Return a plot without content, in place of `src.report.plots.render`."""
    return Plot(name, title, text, b"", b"<svg></svg>")


def write_metrics(folder, epochs=EPOCHS):
    """Write a metrics.csv of a training with validation every second epoch."""
    columns = ("epoch", "step", "lr", "loss", *LOSS_PARTS, "images_per_second", "AP", "AP50")
    with open(folder / "metrics.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for epoch in range(epochs):
            scores = (0.2 + epoch / 10, 0.4 + epoch / 10) if epoch % 2 else ("", "")
            parts = [2 - epoch / 9] * len(LOSS_PARTS)
            writer.writerow((epoch, 5 * epoch, 1e-3, 9 / (epoch + 1), *parts, 30.5, *scores))

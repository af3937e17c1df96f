# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The COCO figures of detections: the 12 numbers, and AP and AP50 of each class."""
import contextlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from model_utils.errors import UserError, printable

try:
    from faster_coco_eval import COCO as FasterCOCO
    from faster_coco_eval import COCOeval_faster as FasterEval
except ImportError:
    FasterCOCO = FasterEval = None

TITLE = "=============coco eval result========="
STAT_NAMES = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100", "AR_small",
              "AR_medium", "AR_large")


@dataclass(frozen=True)
class Scores:
    """The COCO figures of some results.

    `stats` are the 12 figures in pycocotools' order (-1 where nothing could be measured), `lines` its printed table;
    `per_class_ap` and `per_class_ap50` go by class name and hold NaN for a class without a box in the ground truth.
    """

    stats: tuple[float, ...]
    lines: str
    per_class_ap: Mapping[str, float]
    per_class_ap50: Mapping[str, float]

    def metrics(self):
        """Return the figures by name as json holds them: the 12 of COCO, and AP and AP50 of each class (or None)."""
        figures = dict(zip(STAT_NAMES, self.stats, strict=True))
        per_class = {name: {"AP": _or_none(ap), "AP50": _or_none(self.per_class_ap50[name])}
                     for name, ap in self.per_class_ap.items()}
        return {**figures, "per_class": per_class}

    @property
    def table(self):
        """The table as the 2021 version printed it: a title, 12 lines and the mAP."""
        return f"{TITLE}\n{self.lines}\nmAP: {self.stats[0]}"

    @property
    def class_table(self):
        """AP and AP50 of each class, a line each, `-` where there is no ground truth."""
        shown = {name: printable(name).replace("\n", r"\n") for name in self.per_class_ap}
        width = max([len("class"), *map(len, shown.values())])
        lines = [f"{'class':<{width}}  {'AP':>6}  {'AP50':>6}"]
        for name, ap in self.per_class_ap.items():
            figures = ("-" if math.isnan(value) else f"{value:.3f}" for value in (ap, self.per_class_ap50[name]))
            lines.append("  ".join([f"{shown[name]:<{width}}", *(f"{figure:>6}" for figure in figures)]))
        return "\n".join(lines)


def _or_none(value):
    """Return a figure, None for NaN, which json does not know."""
    return None if math.isnan(value) else value


def find_engine(name):
    """Return the classes (COCO, COCOeval) that score: "faster-coco-eval", "pycocotools", or "auto", the faster one.

    Raises:
        UserError: the package is not installed.
    """
    if FasterEval and name != "pycocotools":
        # Its own table goes to a log.
        return FasterCOCO, partial(FasterEval, print_function=print)
    if name == "faster-coco-eval":
        raise UserError("coco_engine is faster-coco-eval, but this package is not installed; install it by pip install "
                        "faster-coco-eval, or use --coco_engine pycocotools, which gives the same figures")
    return COCO, COCOeval


def score_results(data, results, engine="auto"):
    """Return the `Scores` that COCO's rules give to results; no result at all scores 0 and is no error.

    Args:
        data (CocoData): the ground truth; all its images and categories count.
        results (list): dicts of image_id, category_id, bbox (x, y, w, h in pixels) and score; they are not changed.
        engine (str): see `find_engine`; the figures are the same, faster-coco-eval takes an eighth of the time.

    Raises:
        UserError: see `find_engine`.
    """
    make_index, make_judge = find_engine(engine)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        truth, detected = (_indexed(make_index, dataset)
                           for dataset in (data.coco_dataset, _as_dataset(data, results)))
        judge = make_judge(truth, detected, "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    # The engines also print their progress, and faster-coco-eval adds figures after the 12.
    lines = [line for line in printed.getvalue().splitlines() if line.startswith(" Average")]
    # Axes: IoU threshold, recall, category, area, detections an image; -1 marks a category without ground truth.
    precision = np.where(judge.eval["precision"] < 0, np.nan, judge.eval["precision"])[:, :, :, 0, -1]
    per_class_ap, per_class_ap50 = precision.mean((0, 1)).tolist(), precision[0].mean(0).tolist()
    names = data.categories.distinct_names
    return Scores(tuple(float(figure) for figure in judge.stats[:len(STAT_NAMES)]),
                  "\n".join(lines[:len(STAT_NAMES)]), dict(zip(names, per_class_ap, strict=True)),
                  dict(zip(names, per_class_ap50, strict=True)))


def _indexed(make_index, dataset):
    """Return a COCO dict as an engine's COCO object."""
    coco = make_index()
    coco.dataset = dataset
    coco.createIndex()
    return coco


def _as_dataset(data, results):
    """Return results as a COCO dict with the numbers of `data.coco_dataset`.

    Unlike loadRes it takes an empty list, ids that are texts, and leaves the results unchanged.
    """
    images, categories = ({found: number for number, found in enumerate(ids, start=1)}
                          for ids in (data.image_ids, data.categories.ids))
    annotations = [{"image_id": images[result["image_id"]], "category_id": categories[result["category_id"]],
                    "bbox": result["bbox"], "score": result["score"], "id": number,
                    "area": result["bbox"][2] * result["bbox"][3], "iscrowd": 0}
                   for number, result in enumerate(results, start=1)]
    return {**data.coco_dataset, "annotations": annotations}

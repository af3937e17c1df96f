# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The COCO figures of detections: the 12 numbers, and AP and AP50 of each class."""
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from faster_coco_eval import COCO as FastCOCO
from faster_coco_eval import COCOeval_faster

TITLE = "=============coco eval result========="
STAT_NAMES = ("AP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large", "AR_1", "AR_10", "AR_100", "AR_small",
              "AR_medium", "AR_large")


@dataclass(frozen=True)
class Scores:
    """What pycocotools says of some results.

    `stats` are its 12 figures in their usual order (-1 where nothing could be measured), `lines` its printed table;
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
        width = max([len("class"), *map(len, self.per_class_ap)])
        lines = [f"{'class':<{width}}  {'AP':>6}  {'AP50':>6}"]
        for name, ap in self.per_class_ap.items():
            figures = ("-" if math.isnan(value) else f"{value:.3f}" for value in (ap, self.per_class_ap50[name]))
            lines.append("  ".join([f"{name:<{width}}", *(f"{figure:>6}" for figure in figures)]))
        return "\n".join(lines)


def _or_none(value):
    """Return a figure, None for NaN, which json does not know."""
    return None if math.isnan(value) else value


def score_results(coco, results, image_ids, categories):
    """Return the `Scores` that pycocotools gives to COCO results; no result at all scores 0 and is no error.

    Computed by faster-coco-eval, which gives pycocotools' figures in an eighth of its time.

    Args:
        coco (COCO): the ground truth.
        results (list): dicts of image_id, category_id, bbox (x, y, w, h in pixels) and score; they are not changed.
        image_ids (sequence): images to count, also those without results.
        categories (Categories): names and the annotation file's ids of the classes.
    """
    printed = []
    truth, detected = FastCOCO(coco.dataset), FastCOCO(_as_dataset(coco, results))
    judge = COCOeval_faster(truth, detected, "bbox", print_function=printed.append)
    judge.params.imgIds = list(image_ids)
    judge.params.catIds = list(categories.ids)
    judge.evaluate()
    judge.accumulate()
    # What it tells before is not part of the table, and it adds figures behind the 12.
    printed.clear()
    judge.summarize()
    # Axes: IoU threshold, recall, category, area, detections an image; -1 marks a category without ground truth.
    precision = np.where(judge.eval["precision"] < 0, np.nan, judge.eval["precision"])[:, :, :, 0, -1]
    place = {category_id: number for number, category_id in enumerate(judge.params.catIds)}
    order = [place[category_id] for category_id in categories.ids]
    per_class_ap = precision.mean((0, 1))[order].tolist()
    per_class_ap50 = precision[0].mean(0)[order].tolist()
    names = _distinct_names(categories)
    table = "\n".join(printed[:len(STAT_NAMES)])
    return Scores(tuple(float(figure) for figure in judge.stats[:len(STAT_NAMES)]), table,
                  dict(zip(names, per_class_ap, strict=True)), dict(zip(names, per_class_ap50, strict=True)))


def _distinct_names(categories):
    """Return the class names, with the id behind a name that several categories share."""
    return [f"{name} ({category_id})" if categories.names.count(name) > 1 else name
            for name, category_id in zip(categories.names, categories.ids, strict=True)]


def _as_dataset(coco, results):
    """Return results as a COCO data set; unlike loadRes it takes an empty list and leaves the dicts as they are."""
    annotations = [{**result, "id": number, "area": result["bbox"][2] * result["bbox"][3], "iscrowd": 0}
                   for number, result in enumerate(results, start=1)]
    return {"images": coco.dataset["images"], "categories": coco.dataset["categories"], "annotations": annotations}

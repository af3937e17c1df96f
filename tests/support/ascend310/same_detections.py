# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Compare two COCO result files: the same detections except for the last digits?

    python -m tests.support.ascend310.same_detections ONE/results.json OTHER/predict_DATE.json
"""
import json
import sys
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from src.evaluation.nms import broadcast_iou

MIN_IOU = 0.99
MAX_SCORE_DIFFERENCE = 2e-3
# Boxes with lower scores are many and hardly count, and their last digit moves them across the threshold.
SCORE_FROM = 0.05


@dataclass
class Agreement:
    """Counts of boxes, of clear boxes (score above 0.05) and of clear boxes without a partner, each for both sides.

    `worst_iou` and `worst_score` are of the matched boxes.
    """

    counts: tuple[int, int]
    clear_counts: tuple[int, int]
    unmatched: tuple[int, int]
    worst_iou: float
    worst_score: float

    @property
    def unmatched_share(self):
        """The larger share of clear boxes without a partner of the two sides."""
        return max(lone / max(count, 1) for lone, count in zip(self.unmatched, self.clear_counts, strict=True))


def compare(one, other):
    """Match COCO results (lists of dicts) one to one, within images and classes; returns the `Agreement`.

    Partners overlap by at least 0.99 and score within 2e-3 of each other. A clear box may have one below 0.05.
    """
    groups = [defaultdict(list), defaultdict(list)]
    for results, group in zip((one, other), groups, strict=True):
        for entry in results:
            group[entry["image_id"], entry["category_id"]].append((*entry["bbox"], entry["score"]))
    unmatched, clear, worst_iou, worst_score = [0, 0], [0, 0], 1.0, 0.0
    for key in groups[0].keys() | groups[1].keys():
        sides = [np.array(group.get(key, ()), np.float64).reshape(-1, 5) for group in groups]
        rows, columns, overlaps, apart = _partners(*sides)
        for place, (side, partners) in enumerate(zip(sides, (rows, columns), strict=True)):
            is_clear = side[:, 4] > SCORE_FROM
            clear[place] += int(is_clear.sum())
            unmatched[place] += int(is_clear.sum() - is_clear[partners].sum())
        worst_iou, worst_score = min([worst_iou, *overlaps]), max([worst_score, *apart])
    return Agreement((len(one), len(other)), tuple(clear), tuple(unmatched), float(worst_iou), float(worst_score))


def _partners(one, other):
    """Return rows, columns, IoU and difference of scores of the pairs in the largest matching of boxes [n, 5]."""
    corners = [np.concatenate((side[:, :2], side[:, :2] + side[:, 2:4]), 1) for side in (one, other)]
    overlap = broadcast_iou(corners[0][:, None], corners[1])
    # A side that is rounded to nothing leaves no overlap.
    overlap[(one[:, None, :4] == other[:, :4]).all(2)] = 1
    apart = np.abs(one[:, None, 4] - other[:, 4])
    # Every pair that is allowed counts more than any overlap.
    allowed = (overlap >= MIN_IOU) & (apart <= MAX_SCORE_DIFFERENCE)
    rows, columns = linear_sum_assignment(np.where(allowed, 1 + overlap, 0), maximize=True)
    kept = allowed[rows, columns]
    rows, columns = rows[kept], columns[kept]
    return rows, columns, overlap[rows, columns], apart[rows, columns]


def main(paths):
    """Print the agreement of two files; returns 0 where at most 0.5 % of the clear boxes have no partner."""
    contents = []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            contents.append(json.load(file))
    agreement = compare(*contents)
    print(agreement)
    return int(agreement.unmatched_share > 0.005 or len(set(agreement.clear_counts)) > 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:3]))

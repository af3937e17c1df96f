# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Draw detections beside the ground truth and check the AP: the last step of the quick start.

    python tools/quick_start_report.py --data_dir quick_start/data --results RESULTS.json --out detections.png

The exit code is 1 when an average precision is below its limit.
"""
import argparse
import math
import sys
from pathlib import Path

if not __package__:
    # Started as tools/quick_start_report.py: Python looks for packages beside this file.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import numpy as np

from model_utils.config import get_config
from model_utils.errors import UserError, run_cli
from model_utils.json_file import read_json
from src.data.coco import read_coco
from src.data.image_files import decode_image
from src.evaluation.coco_scores import score_results
from src.evaluation.visualize import comparison_sheet, write_image


def draw_comparison(data, results, path, count, threshold):
    """Write an image file that shows the first `count` images with detections above a score beside the true boxes.

    data: CocoData; results: list of COCO detections (image_id, category_id, bbox, score).
    """
    classes = {number: place for place, number in enumerate(data.categories.ids)}
    rows = []
    for index in range(min(count, len(data.image_ids))):
        found = [result for result in results
                 if result["image_id"] == data.image_ids[index] and result["score"] >= threshold]
        xywh = np.array([result["bbox"] for result in found], np.float64).reshape(-1, 4)
        true = data.boxes[index]
        rows.append((decode_image(data.paths[index]),
                     np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1),
                     [classes[result["category_id"]] for result in found],
                     [result["score"] for result in found], true[:, :4], true[:, 4].astype(int)))
    write_image(path, comparison_sheet(rows, data.categories.names))


def below_limits(scores, min_ap50, min_class_ap50):
    """Return a text for each of the Scores below its limit; classes without ground truth are not checked."""
    figures = [("all classes", scores.stats[1], min_ap50)]
    figures += [(name, figure, min_class_ap50) for name, figure in scores.per_class_ap50.items()]
    return [f"{name} {figure:.3f} (expected {limit:.2f})" for name, figure, limit in figures
            if not math.isnan(figure) and figure < limit]


def main(argv=None):
    """Draw the detections, print the scores and compare them with the limits; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python tools/quick_start_report.py", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data_dir", required=True, help="data set in COCO layout; its validation images are used")
    parser.add_argument("--results", required=True, help="detections in COCO's json format, as eval.py writes them")
    parser.add_argument("--out", required=True, help="image file to write, .jpg or .png")
    parser.add_argument("--images", type=int, default=6, help="number of images drawn (default: %(default)s)")
    parser.add_argument("--threshold", type=float, default=0.5, help="lowest score drawn (default: %(default)s)")
    parser.add_argument("--min_ap50", type=float, default=0.0, help="limit of the mean AP50 (default: %(default)s)")
    parser.add_argument("--min_class_ap50", type=float, default=0.0,
                        help="limit of the AP50 of each class (default: %(default)s)")
    args = parser.parse_args(argv)
    results = read_json(Path(args.results), "file of detections, as eval.py writes it")
    data = read_coco(get_config(["--data_dir", args.data_dir]), "val", training=False)
    draw_comparison(data, results, args.out, args.images, args.threshold)
    print(f"{args.out}: detections beside the ground truth")
    scores = score_results(data, results)
    print(f"AP50: {scores.stats[1]:.3f}; each class: "
          + ", ".join(f"{name} {figure:.3f}" for name, figure in scores.per_class_ap50.items()))
    missed = below_limits(scores, args.min_ap50, args.min_class_ap50)
    if missed:
        raise UserError(f"AP50 below its limit: {', '.join(missed)}")
    return 0


if __name__ == "__main__":
    sys.exit(run_cli(main))

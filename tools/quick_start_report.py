# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The last step of the quick start: a picture of detections beside the ground truth, and the check of the AP figures.

    python -m tools.quick_start_report --data_dir quick_start/data --results RESULTS.json --picture detections.png

Exits with 1 when an average precision is below the limit that was asked for.
"""
import argparse
import json
import math
import sys
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import numpy as np

from model_utils.config import get_config
from model_utils.errors import UserError, run_cli
from src.data.coco import read_coco
from src.data.image_files import decode_image
from src.evaluation.coco_scores import score_results
from src.evaluation.visualize import comparison_sheet, write_image


def draw_comparison(data, results, picture, count, threshold):
    """Write a picture of the first `count` images with the detections above a score beside the true boxes.

    data: CocoData; results: list of COCO detections (image_id, category_id, bbox, score).
    """
    classes = {number: place for place, number in enumerate(data.categories.ids)}
    pictures = []
    for index in range(min(count, len(data.image_ids))):
        found = [result for result in results
                 if result["image_id"] == data.image_ids[index] and result["score"] >= threshold]
        xywh = np.array([result["bbox"] for result in found], np.float64).reshape(-1, 4)
        true = data.boxes[index]
        pictures.append((decode_image(data.paths[index]),
                         np.concatenate([xywh[:, :2], xywh[:, :2] + xywh[:, 2:]], axis=1),
                         [classes[result["category_id"]] for result in found],
                         [result["score"] for result in found], true[:, :4], true[:, 4].astype(int)))
    write_image(picture, comparison_sheet(pictures, data.categories.names))


def below_limits(scores, min_ap50, min_class_ap50):
    """What of the Scores is below its limit, each in words; a class without a box in the ground truth is not judged."""
    figures = [("all classes", scores.stats[1], min_ap50)]
    figures += [(name, figure, min_class_ap50) for name, figure in scores.per_class_ap50.items()]
    return [f"{name} {figure:.3f} (expected {limit:.2f})" for name, figure, limit in figures
            if not math.isnan(figure) and figure < limit]


def _read_results(path):
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as json ({error}); name the results that eval.py wrote") from error


def main(argv=None):
    """Command line: draw the picture, print the figures, and compare them with the limits."""
    parser = argparse.ArgumentParser(prog="python -m tools.quick_start_report", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data_dir", required=True, help="data set in COCO layout; its validation images are used")
    parser.add_argument("--results", required=True, help="detections in COCO's json format, as eval.py writes them")
    parser.add_argument("--picture", required=True, help="picture to write, .jpg or .png")
    parser.add_argument("--images", type=int, default=6, help="images in the picture (default: %(default)s)")
    parser.add_argument("--threshold", type=float, default=0.3, help="lowest score drawn (default: %(default)s)")
    parser.add_argument("--min_ap50", type=float, default=0.0, help="limit of the mean AP50 (default: %(default)s)")
    parser.add_argument("--min_class_ap50", type=float, default=0.0,
                        help="limit of the AP50 of each class (default: %(default)s)")
    args = parser.parse_args(argv)
    results = _read_results(args.results)
    data = read_coco(get_config(["--data_dir", args.data_dir]), "val", training=False)
    draw_comparison(data, results, args.picture, args.images, args.threshold)
    print(f"{args.picture}: detections beside the ground truth")
    scores = score_results(data, results)
    print(f"AP50: {scores.stats[1]:.3f}; each class: "
          + ", ".join(f"{name} {figure:.3f}" for name, figure in scores.per_class_ap50.items()))
    missed = below_limits(scores, args.min_ap50, args.min_class_ap50)
    if missed:
        raise UserError(f"AP50 below its limit: {', '.join(missed)}")
    return 0


if __name__ == "__main__":
    sys.exit(run_cli(main))

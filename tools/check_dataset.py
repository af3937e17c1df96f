# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Check a data folder in COCO layout before training: its files, images, boxes, classes, duplicates and anchors.

    python tools/check_dataset.py DATA --json report.json --training_shape 320

Every image is decoded. Options of train.py that decide how the data is used (training_shape, resize_mode, anchors,
exif, ...) may follow. Exit code 0: training can start, whatever the warnings; 1: it would be wrong, or fail.
"""
import argparse
import hashlib
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

if not __package__:
    # Started as tools/check_dataset.py: Python looks for packages beside this file.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import numpy as np
from tqdm import tqdm

from model_utils.comm import Ranks
from model_utils.config import TRAVELLING, get_config
from model_utils.errors import UserError, counted, printable, run_cli
from model_utils.json_file import write_json
from src.config import detection_scales
from src.data.anchors import anchors_by_scale, box_sides, fit_of
from src.data.coco import FINDINGS, for_training, layout, need_ground_truth, read_coco
from src.data.image_check import UNREADABLE, check_images
from src.yolo_dataset import workers_of

SPLITS = ("train", "val")
# Findings after which a network would learn from less, or from something else, than the user means.
WRONG = ("boxes_unknown_image", "boxes_unknown_category", "boxes_absent", "boxes_malformed", "boxes_outside_image",
         "boxes_like_corners", "boxes_like_fractions", "boxes_like_percentages")
# Areas in pixels that COCO calls small and medium; what is larger is large.
SMALL, MEDIUM = 32**2, 96**2
EXAMPLES = 3


def check_split(config, split):
    """Return (CocoData, report) of a split; the report is what json can hold.

    `fault` is why the split is of no use at all, "" where it is of some.

    Raises:
        UserError: the annotation file cannot be used, or images are missing.
    """
    data = read_coco(config, split, training=False)
    images = defaultdict(list)
    for _, kind, text in check_images(data, config, workers_of(config), Ranks()):
        images[kind].append(text)
    fault, (path, _) = "", layout(config.data_dir, split)
    try:
        if split == "train":
            for_training(data, config, path)
        else:
            need_ground_truth(data, path)
    except UserError as error:
        fault = str(error)
    findings = [{"finding": FINDINGS[key], "count": count, "first": data.examples.get(key, ""),
                 "is_wrong": key in WRONG} for key, count in data.report.items()]
    findings += [{"finding": f"images that are {kind}", "count": len(texts), "first": texts[0],
                  "all": texts, "is_wrong": kind == UNREADABLE} for kind, texts in images.items()]
    return data, {"images": len(data), "boxes": int((data.truth["iscrowd"] == 0).sum()),
                  "crowd_regions": int(data.truth["iscrowd"].sum()), "classes": class_table(data), "findings": findings,
                  "fault": fault}


def class_table(data):
    """Return for each class its images and boxes, and its small, medium and large boxes; without crowds.

    By name, with the category id behind one that several classes have.
    """
    truth, table = data.truth, {}
    real = truth["iscrowd"] == 0
    for number, name in enumerate(data.categories.distinct_names):
        rows = real & (truth["class_index"] == number)
        areas = truth["area"][rows]
        small, medium = (areas < SMALL).sum(), ((areas >= SMALL) & (areas < MEDIUM)).sum()
        table[name] = {"images": len(np.unique(truth["image_index"][rows])), "boxes": int(rows.sum()),
                       "small": int(small), "medium": int(medium), "large": int(rows.sum() - small - medium)}
    return table


def duplicates(paths, workers):
    """Return lists of image files, by path, that hold the same bytes; what cannot be read is none of them."""
    def digest(path):
        try:
            return hashlib.sha256(Path(path).read_bytes()).digest()
        except OSError:
            return path

    same = defaultdict(list)
    with ThreadPoolExecutor(workers) as pool:
        for path, found in zip(paths, tqdm(pool.map(digest, paths), "comparing images", len(paths), leave=False,
                                           disable=None), strict=True):
            same[found].append(path)
    return [group for group in same.values() if len(group) > 1]


def anchor_report(data, config):
    """Return how well the anchors fit the boxes as the network sees them, and the anchors that fit best.

    See `src.data.anchors.fit_of`.
    """
    sides = box_sides(data, config)
    if not len(sides):
        return {}
    scales = [scale.anchors for scale in detection_scales(config)]
    anchors = sorted({anchor for scale in scales for anchor in scale}, key=np.prod)
    report = {"anchors": [list(anchor) for anchor in anchors], **fit_of(sides, anchors)}
    if len(np.unique(sides, axis=0)) >= len(anchors):
        found = anchors_by_scale(sides, scales, config.seed)
        report["fitted"] = {"anchors": found, **fit_of(sides, found)}
    return report


def check(config):
    """Return the report of a data folder: by split, duplicates, anchors, and `faults`, texts of what makes it wrong."""
    report, splits, faults = {"splits": {}}, {}, []
    for split in SPLITS:
        try:
            splits[split], report["splits"][split] = check_split(config, split)
        except UserError as error:
            faults.append(str(error))
    for name, found in report["splits"].items():
        faults += [found["fault"]] if found["fault"] else []
        faults += [f"{name}: {counted(entry['count'], entry['finding'])} (first: {entry['first']})"
                   for entry in found["findings"] if entry["is_wrong"]]
    if len(splits) == len(SPLITS) and splits["train"].categories.names != splits["val"].categories.names:
        faults.append(f"the classes of train, {', '.join(splits['train'].categories.names)}, are not those of val, "
                      f"{', '.join(splits['val'].categories.names)}: make them the same, in one order")
    classes = {split: found["classes"] for split, found in report["splits"].items()}
    report["unlearned"] = [name for name, row in classes.get("train", {}).items()
                           if not row["boxes"] and classes.get("val", {}).get(name, {"boxes": 0})["boxes"]]
    root, of_split = Path(config.data_dir), {path: split for split, data in splits.items() for path in data.paths}
    groups = duplicates([path for path in of_split if Path(path).is_file()], workers_of(config))
    report["duplicates"] = [[str(Path(path).relative_to(root)) for path in group] for group in groups]
    report["leakage"] = [names for names, group in zip(report["duplicates"], groups, strict=True)
                         if len({of_split[path] for path in group}) > 1]
    if "train" in splits:
        report["anchors"] = anchor_report(splits["train"], config)
    report["faults"] = faults
    return report


def text_of(report):
    """Return the report for people."""
    lines = []
    for split, found in report["splits"].items():
        lines.append(", ".join([f"{split}: {counted(found['images'], 'images')}", counted(found["boxes"], "boxes"),
                                counted(found["crowd_regions"], "crowd regions")]))
        width = max([len("class"), *map(len, found["classes"])])
        columns = ("images", "boxes", "small", "medium", "large")
        lines.append("  ".join([f"  {'class':<{width}}", *(f"{column:>8}" for column in columns)]))
        lines += ["  ".join([f"  {name:<{width}}", *(f"{row[column]:>8}" for column in columns)])
                  for name, row in found["classes"].items()]
        lines += [f"  {'error' if entry['is_wrong'] else 'warning'}: "
                  f"{counted(entry['count'], entry['finding'])} (first: {entry['first']})"
                  for entry in found["findings"]]
    if report["unlearned"]:
        lines.append(f"warning: {counted(len(report['unlearned']), 'classes')} of val without a box in train, so not "
                     f"learned: {', '.join(report['unlearned'])}")
    for title, groups in (("images of train and val are the same file, so that validation measures what was learned",
                           report["leakage"]), ("groups of images are the same file", report["duplicates"])):
        if groups:
            lines.append(f"warning: {counted(len(groups), title)}: " + "; ".join(map(_same_text, groups[:EXAMPLES])))
    if report.get("anchors"):
        for name, found in (("anchors", report["anchors"]), ("fitted to them", report["anchors"].get("fitted"))):
            if found:
                lines.append(f"{name}: mean IoU {found['mean_iou']:.3f}, best possible recall "
                             f"{found['best_possible_recall']:.3f}: {found['anchors']}")
    lines += [f"error: {fault}" for fault in report["faults"]]
    return "\n".join(lines)


def _same_text(names):
    more = len(names) - EXAMPLES
    return " = ".join(names[:EXAMPLES]) + (f" = {more} more" if more > 0 else "")


def main(argv=None):
    """Check as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python tools/check_dataset.py", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="data folder in COCO layout")
    parser.add_argument("--json", help="file for the whole report")
    arguments, options = parser.parse_known_args(argv)
    config = get_config([*options, f"--data_dir={arguments.data}"], "python tools/check_dataset.py")
    config = config.settled(TRAVELLING)
    layout(config.data_dir, "train")
    report = check(config)
    print(printable(text_of(report)))
    if arguments.json:
        write_json(arguments.json, report)
        print(f"report: {arguments.json}")
    return 1 if report["faults"] else 0


if __name__ == "__main__":
    sys.exit(run_cli(main))

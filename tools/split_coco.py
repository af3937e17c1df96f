# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Split the training images of a COCO data folder in two, to choose hyper-parameters without the validation images.

    python -m tools.split_coco DATA OUT --fraction 0.2 --seed 0

OUT becomes a data folder whose train2017 and val2017 are links to DATA/train2017; its annotation files share the images
of DATA's instances_train2017.json, outlines left out. Images without boxes are drawn like all others.
"""
import argparse
import json
import os
import random
import shutil
import sys
from pathlib import Path

from model_utils.errors import UsageError, UserError, run_cli
from src.data.coco import layout, load_json, read_images, records_of


def draw(ids, fraction, seed):
    """Return (ids to keep, ids to hold out) as two sets; the order of `ids` changes nothing.

    Raises:
        UserError: one of them would be empty.
    """
    order = sorted(ids)
    random.Random(seed).shuffle(order)
    count = round(len(order) * fraction)
    if not 0 < count < len(order):
        raise UserError(f"{fraction:g} of {len(order)} images are {count} held out and {len(order) - count} to train "
                        "on; choose a --fraction that leaves at least one on each side")
    return set(order[count:]), set(order[:count])


def split(data, out, fraction, seed):
    """Make the data folder `out`; returns the numbers of training and held-out images.

    Raises:
        UserError: the training split of `data` is missing or cannot be used, or too small to be split.
    """
    data, out = Path(data).resolve(), Path(out).absolute()
    path, images = layout(str(data), "train")
    content = load_json(path)
    parts = draw(read_images(content, path, images).ids, fraction, seed)
    boxes = records_of(content, "annotations", path)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    try:
        (temporary / "annotations").mkdir(parents=True)
        for name, ids in zip(("train", "val"), parts, strict=True):
            part = {**content, "images": [image for image in content["images"] if image["id"] in ids],
                    "annotations": [box for box in boxes if box.get("image_id") in ids]}
            (temporary / "annotations" / f"instances_{name}2017.json").write_text(json.dumps(part), encoding="utf-8")
            (temporary / f"{name}2017").symlink_to(images, target_is_directory=True)
        os.rename(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return tuple(len(ids) for ids in parts)


def main(argv=None):
    """Split as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="data folder in COCO layout")
    parser.add_argument("out", help="folder to make")
    parser.add_argument("--fraction", type=float, default=0.2, help="share of the images to hold out")
    parser.add_argument("--seed", type=int, default=0, help="another one holds out other images")
    arguments = parser.parse_args(argv)
    if not 0 < arguments.fraction < 1:
        raise UsageError(f"--fraction is {arguments.fraction}: expected more than 0 and less than 1")
    if os.path.lexists(arguments.out):
        raise UsageError(f"{arguments.out} exists: name a folder that does not")
    kept, held_out = split(arguments.data, arguments.out, arguments.fraction, arguments.seed)
    print(f"{arguments.out}: {kept} training images, {held_out} held out")
    return 0


if __name__ == "__main__":
    sys.exit(run_cli(main))

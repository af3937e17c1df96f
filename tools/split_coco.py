# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Split the training images of a COCO data folder in two, to tune hyper-parameters without the validation images.

    python tools/split_coco.py DATA OUT --fraction 0.2 --seed 0

OUT becomes a data folder whose train2017 and val2017 are links to DATA/train2017; its annotation files divide the
images of DATA's instances_train2017.json, without segmentation outlines. Images without boxes are treated like others.
"""
import argparse
import json
import os
import random
import sys
from pathlib import Path

if not __package__:
    # Started as tools/split_coco.py: Python looks for packages beside this file.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from model_utils.errors import UsageError, UserError, printable, run_cli
from model_utils.files import new_folder
from src.data.coco import layout, load_json, read_images, records_of
from src.data.fields import describe, id_key


def draw(ids, fraction, seed, option="--fraction", kind="images"):
    """Return (ids to keep, ids to hold out) as two sets, independent of the order of `ids`.

    Raises:
        UserError: one of the sets would be empty; it names the option of the fraction and the kind of the ids.
    """
    order = sorted(ids)
    random.Random(seed).shuffle(order)
    count = round(len(order) * fraction)
    if not 0 < count < len(order):
        raise UserError(f"{fraction:g} of {len(order)} {kind} are {count} held out and {len(order) - count} to train "
                        f"on; choose a {option} that leaves at least one on each side")
    return set(order[count:]), set(order[:count])


def split(data, out, fraction, seed):
    """Make the data folder `out`; returns the numbers of training and held-out images.

    Raises:
        UserError: the training split of `data` is missing, invalid or too small to be split.
    """
    data, out = Path(data).resolve(), Path(out).absolute()
    path, images = layout(str(data), "train")
    content = load_json(path)
    listed = read_images(content, path, images)
    sides = draw(listed.keys, fraction, seed)
    boxes = records_of(content, "annotations", path)
    report_lost(boxes, set(listed.keys), path)
    with new_folder(out) as folder:
        (folder / "annotations").mkdir()
        for name, ids in zip(("train", "val"), sides, strict=True):
            side = {**content, "images": [image for image in content["images"] if id_key(image["id"]) in ids],
                    "annotations": [box for box in boxes if id_key(box.get("image_id")) in ids]}
            (folder / "annotations" / f"instances_{name}2017.json").write_text(json.dumps(side), encoding="utf-8")
            (folder / f"{name}2017").symlink_to(images, target_is_directory=True)
    return tuple(len(ids) for ids in sides)


def report_lost(boxes, known, path):
    """Report annotations of no image of the file: they go to neither side."""
    lost = [box for box in boxes if id_key(box.get("image_id")) not in known]
    if lost:
        text = (f"warning: {path}: {len(lost)} annotations are of an image that is not in the file, and go to neither "
                f"side (first: annotation {lost[0].get('id')} of image_id {describe(lost[0].get('image_id'))})")
        print(printable(text), file=sys.stderr)


def main(argv=None):
    """Split as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="data folder in COCO layout")
    parser.add_argument("out", help="folder to make; must not exist")
    parser.add_argument("--fraction", type=float, default=0.2, help="share of the images to hold out")
    parser.add_argument("--seed", type=int, default=0, help="decides which images are held out")
    arguments = parser.parse_args(argv)
    if not 0 < arguments.fraction < 1:
        raise UsageError(f"--fraction is {arguments.fraction}: expected more than 0 and less than 1")
    if os.path.lexists(arguments.out):
        raise UsageError(f"{arguments.out} exists: name a new folder")
    kept, held_out = split(arguments.data, arguments.out, arguments.fraction, arguments.seed)
    print(f"{arguments.out}: {kept} training images, {held_out} held out")
    return 0


if __name__ == "__main__":
    sys.exit(run_cli(main))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Which images are for training, for validation and for the test."""
import re
from collections import defaultdict

from model_utils.errors import UsageError, UserError
from tools.split_coco import draw

SPLITS = ("train", "val", "test")
FOLDER = "folder"
# Roboflow writes augmented versions of one image as NAME.rf.HASH.jpg.
VERSIONS = r"(.*)\.rf\.[^./]+\.\w+$"


def divide(reading, fraction, seed, group_by):
    """Return {split: images}; without a validation split, a share of the training images becomes one.

    Args:
        reading (Reading): its images have the split of the source, None where it has none.
        fraction (float): share of the groups that validation gets, from 0 to 1.
        seed (int): decides which.
        group_by (str): "folder", or a regular expression for the path of an image; images whose folder, or first group
            of the expression, is the same are on one side. Empty: each image for itself, except Roboflow's versions.

    Raises:
        UserError: no images remain, or none to train on.
    """
    splits = defaultdict(list)
    for image in reading.images:
        splits[image.split].append(image)
    if None in splits and "train" in splits:
        for image in splits.pop(None):
            reading.leave_out("images outside the folders or lists of the splits", reading.relative(image.path))
    _note_shared(reading, splits)
    if not splits:
        reading.refuse_empty("images")
    if len(splits) == 1 and splits.keys() & {"val", "test"}:
        split, images = splits.popitem()
        for image in images:
            reading.note(f"images of the only split, {split}, are used for training", reading.relative(image.path))
        splits["train"] = images
    training = splits.pop(None, []) or splits.pop("train", [])
    if not training:
        found = " and ".join(f"{len(images)} for {split}" for split, images in splits.items())
        raise UserError(f"{reading.root}: no images to train on, only {found}, by their folders, lists or annotation "
                        "files; rename those that are for training to train, or name one of the files in place of the "
                        f"folder{reading.reasons()}")
    if "val" not in splits:
        groups = _groups(reading, training, group_by)
        try:
            _, held_out = draw(groups, fraction, seed, "--val_fraction", "groups of images" if group_by else "images")
        except UserError as error:
            raise UserError(f"{error}{reading.reasons()}") from error
        splits["val"] = [image for name in sorted(held_out) for image in groups[name]]
        for image in splits["val"]:
            reading.note("training images are taken for validation, by --val_fraction and --seed",
                         reading.relative(image.path))
        training = [image for name in sorted(groups.keys() - held_out) for image in groups[name]]
    return {split: images for split in SPLITS for images in ({**splits, "train": training}.get(split),) if images}


def _note_shared(reading, splits):
    split_of = {}
    for split, images in splits.items():
        for image in images:
            if split_of.setdefault(image.path, split) != split:
                reading.note("images are in several splits", f"{reading.relative(image.path)}, {split_of[image.path]} "
                             f"and {split}")


def _groups(reading, images, group_by):
    try:
        pattern = re.compile(group_by or VERSIONS)
    except re.error as error:
        raise UsageError(f"--group_by {group_by!r} is no regular expression: {error}") from error
    groups, unmatched = defaultdict(list), 0
    for image in images:
        name = reading.relative(image.path)
        match = pattern.search(name)
        if group_by == FOLDER:
            name = name.rpartition("/")[0]
        elif match:
            name = match[1] if pattern.groups else match[0]
        else:
            unmatched += 1
        groups[name].append(image)
    if group_by and group_by != FOLDER and unmatched == len(images):
        raise UsageError(f"--group_by {group_by!r} fits none of the {len(images)} images, such as "
                         f"{reading.relative(images[0].path)}; it is searched for in the path of an image")
    return groups

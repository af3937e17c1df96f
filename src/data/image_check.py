# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The check of all images of a split before the first is used: what cannot be read is listed, what can is counted.

Each image is decoded once. The result is kept in ~/.cache/yolov3_tiny, or the folder that YOLOV3_TINY_CACHE names, and
holds as long as no file's name, size or time of change is another one.
"""
import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from model_utils.errors import UserError
from model_utils.files import write_atomically
from src.data.image_files import CUT_SHORT, DAMAGED, DARK, decode_reduced

# What makes an image unusable, beside the kinds of `src.data.image_files.Fault`.
UNREADABLE = "unreadable"
VERSION = 1


def check_images(data, config, workers, ranks):
    """Return [(number of an image, kind, text)] of all images of a split that are not sound; collective.

    Args:
        data (CocoData): the images and their sizes.
        config (Config): `exif`.
        workers (int): number of threads.
        ranks (Ranks): the processes that share the work.
    """
    # Each rank may have a disk of its own.
    path = _cache_path(ranks.all_gather(_digest(data, config.exif)))
    found = ranks.broadcast(_read_cache(path) if ranks.is_first else None)
    if found is None:
        share = ranks.share(len(data))
        with ThreadPoolExecutor(workers) as pool:
            checked = pool.map(lambda index: _check_image(data, index, config.exif), share)
            faults = [fault for fault in tqdm(checked, "checking images", len(share), leave=False, unit="image",
                                              disable=None) if fault]
        found = sorted(fault for part in ranks.all_gather(faults) for fault in part)
        if ranks.is_first:
            _write_cache(path, found)
    return [tuple(fault) for fault in found]


def _check_image(data, index, exif):
    """Return [number, kind, text] of an image that is not sound, None for any other."""
    path, (width, height) = data.paths[index], data.sizes[index]
    try:
        decoded = decode_reduced(path, 1, exif, (width, height))
    except UserError as error:
        return [index, UNREADABLE, str(error)]
    if decoded.image_hw != (height, width):
        found = f"{decoded.image_hw[1]}x{decoded.image_hw[0]}"
        hint = ": exchanged?" if decoded.image_hw == (width, height) else ""
        return [index, UNREADABLE, f"{path}: the image is {found}, its annotation file says {width}x{height} (width x "
                                   f"height{hint}, exif is {exif}); correct the annotation file or restore the image"]
    return [index, decoded.fault.kind, f"{path}: {decoded.fault.text}"] if decoded.fault else None


def usable(data, found, config, training):
    """Return the data whose images are used, with the others in its report.

    What is cut short or nearly black is used and reported; damaged images too, but not in training, which would learn
    from made-up pixels.

    Args:
        data (CocoData): a split.
        found (list): of `check_images`.
        config (Config): `strict_images`.
        training (bool): whether to train on the images.

    Raises:
        UserError: images that cannot be read, or with `strict_images` any that is cut short or damaged; all are named.
    """
    refused = (UNREADABLE, CUT_SHORT, DAMAGED) if config.strict_images else (UNREADABLE,)
    bad = [text for _, kind, text in found if kind in refused]
    if bad:
        hint = "; leave --strict_images out to use what can be read of them" if len(refused) > 1 else ""
        raise UserError(f"{len(bad)} of the {len(data)} images cannot be used; restore them, or take them out of the "
                        f"annotation file{hint}:\n  " + "\n  ".join(bad))
    names = {CUT_SHORT: "images_cut_short", DARK: "images_dark",
             DAMAGED: "images_damaged_left_out" if training else "images_damaged"}
    for kind, name in names.items():
        texts = [text for _, found_kind, text in found if found_kind == kind]
        if texts:
            data.report[name], data.examples[name] = len(texts), texts[0]
    damaged = {index for index, kind, _ in found if kind == DAMAGED}
    return data.without(damaged) if training and damaged else data


def _digest(data, exif):
    """Return a hash (text) of the names, sizes and times of all images, and of what decides how they are read."""
    facts = hashlib.sha256(f"{VERSION} {exif}".encode())
    for path, size in zip(data.paths, data.sizes, strict=True):
        try:
            status = os.stat(path)
            facts.update(f"{os.path.abspath(path)}\0{size}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        except OSError:
            facts.update(f"{os.path.abspath(path)}\0gone\0".encode())
    return facts.hexdigest()


def _cache_path(digests):
    """Return the file that holds the result for the images that all ranks see."""
    folder = os.environ.get("YOLOV3_TINY_CACHE") or Path.home() / ".cache" / "yolov3_tiny"
    return Path(folder) / f"images_{hashlib.sha256(' '.join(digests).encode()).hexdigest()[:32]}.json"


def _read_cache(path):
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None


def _write_cache(path, found):
    try:
        write_atomically(path, json.dumps(found).encode())
    except OSError:
        # A cache only saves time: without a folder for it, the next run checks again.
        return

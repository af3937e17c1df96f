# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Images that cannot be used: those found by the check of a whole split at the start, and those that break later.

The check decodes each image once: what cannot be read is listed, what can is counted. The result is kept in
the cache folder, ~/.cache/yolov3_tiny or that of YOLOV3_TINY_CACHE, and holds as long as no file's name, size or time
of change is another one. The results that were used last are kept, up to 100 and 64 MiB.
"""
import hashlib
import json
import os
from collections import deque
from contextlib import suppress

from tqdm import tqdm

from model_utils.errors import UserError, counted
from model_utils.files import cache_folder, limit_folder, write_atomically
from src.data.image_files import CUT_SHORT, DAMAGED, DARK, decode_reduced
from src.data.orientation import unconfirmed
from src.data.read_workers import Workers

# What makes an image unusable, beside the kinds of `src.data.image_files.Fault`.
UNREADABLE = "unreadable"
VERSION = 2
MAX_ENTRIES, MAX_BYTES = 100, 2**26
# The share of the training images that may break while a run trains on them.
MAX_BAD = 0.01
LISTED = 20


def check_images(data, config, workers, ranks):
    """Return [(number of an image, kind, text)] of all images of a split that are not sound; collective.

    Args:
        data (CocoData): the images and their sizes.
        config (Config): `exif`, `max_image_pixels`, `read_wait_seconds`.
        workers (int): number of threads.
        ranks (Ranks): the processes that share the work.

    Raises:
        HungRead: a read took longer than `read_wait_seconds`.
    """
    # Each rank may have a disk of its own.
    path = _cache_path(ranks.all_gather(_digest(data, config)))
    found = ranks.broadcast(_read_cache(path, len(data)) if ranks.is_first else None)
    if found is None:
        share = ranks.share(len(data))
        with Workers(workers, config.read_wait_seconds) as pool:
            checked = pool.map(lambda index: _check_image(data, index, config), share)
            faults = [fault for fault in tqdm(checked, "checking images", len(share), leave=False, unit="image",
                                              disable=None) if fault]
        found = sorted(fault for part in ranks.all_gather(faults) for fault in part)
        if ranks.is_first:
            _write_cache(path, found)
    return [tuple(fault) for fault in found]


def turned_images(data, config):
    """Return `unconfirmed`, the numbers of images that are turned although their size does not say so, of a split.

    It opens each image, so that its result is kept in the same way.

    Raises:
        HungRead: a read took longer than `config.read_wait_seconds`.
    """
    path = _cache_path([_digest(data, config)], "turned")
    found = _read_cache(path, len(data))
    if found is None:
        found = [[index, "turned", ""] for index in unconfirmed(data.paths, data.sizes, config.read_wait_seconds)]
        _write_cache(path, found)
    return [index for index, *_ in found]


def _check_image(data, index, config):
    """Return [number, kind, text] of an image that is not sound, None for any other."""
    path, (width, height) = data.paths[index], data.sizes[index]
    try:
        decoded = decode_reduced(path, 1, config.exif, (width, height), config.max_image_pixels)
    except UserError as error:
        return [index, UNREADABLE, str(error)]
    if decoded.image_hw != (height, width):
        found = f"{decoded.image_hw[1]}x{decoded.image_hw[0]}"
        hint = ": exchanged?" if decoded.image_hw == (width, height) else ""
        return [index, UNREADABLE, f"{path}: the image is {found}, its annotation file says {width}x{height} (width x "
                                   f"height{hint}, exif is {config.exif}); correct the annotation file or restore the "
                                   "image"]
    return [index, decoded.fault.kind, f"{path}: {decoded.fault.text}"] if decoded.fault else None


def usable(data, found, config, training, left_out=None):
    """Return the data whose images are used, with the others in its report.

    What is cut short or nearly black is used and reported; damaged images too, but not in training, which would learn
    from made-up pixels.

    Args:
        data (CocoData): a split.
        found (list): of `check_images`.
        config (Config): `strict_images`, `bad_images`.
        training (bool): whether to train on the images.
        left_out (list): `left_out` of the data of a run that is resumed, which gets the same images again; what broke
            since is replaced as that run would have done. None: a new run.

    Raises:
        UserError: images that cannot be read, or with `strict_images` any that is cut short or damaged; all are named.
    """
    if left_out is not None:
        data, found = _resumed(data, found, config, set(left_out))
    refused = (UNREADABLE, CUT_SHORT, DAMAGED) if config.strict_images else (UNREADABLE,)
    bad = [text for _, kind, text in found if kind in refused]
    if bad:
        _refuse(bad, data, "; leave --strict_images out to use what can be read of them" if len(refused) > 1 else "")
    names = {CUT_SHORT: "images_cut_short", DARK: "images_dark",
             DAMAGED: "images_damaged_left_out" if training else "images_damaged"}
    for kind, name in names.items():
        texts = [text for _, found_kind, text in found if found_kind == kind]
        if texts:
            data.report[name], data.examples[name] = len(texts), texts[0]
    damaged = {index for index, kind, _ in found if kind == DAMAGED}
    return _without(data, damaged) if training and damaged else data


def _refuse(texts, data, hint=""):
    raise UserError(f"{len(texts)} of the {counted(len(data), 'images')} cannot be used; restore them, or take them "
                    f"out of the annotation file{hint}:\n  " + "\n  ".join(texts))


def _without(data, indices):
    """Return the data without the images of these numbers, which it then names as left out."""
    kept = data.without(indices)
    kept.left_out = [data.image_ids[index] for index in sorted(indices)]
    return kept


def _resumed(data, found, config, left_out):
    """Return the images of a run to be resumed, and what was found in them beside those that broke since it began."""
    numbers = {index for index, image_id in enumerate(data.image_ids) if image_id in left_out}
    bad = {index: text for index, kind, text in found if kind in bad_kinds(config) and index not in numbers}
    if len(bad) > max_bad(len(data), config):
        _refuse(bad.values(), data)
    if bad:
        data.report["images_broken"], data.examples["images_broken"] = len(bad), next(iter(bad.values()))
    return _without(data, numbers), [fault for fault in found if fault[0] not in numbers.union(bad)]


def bad_kinds(config):
    """Return the kinds of faults by which an image is not trained on."""
    return (UNREADABLE, DAMAGED, CUT_SHORT) if config.strict_images else (UNREADABLE, DAMAGED)


def max_bad(num_images, config):
    """Return how many of a run's training images may break before it ends."""
    return 0 if config.bad_images == "stop" else int(MAX_BAD * num_images)


def bad_reason(config):
    """Return why more images than `max_bad` end a run, for messages."""
    return "and bad_images is stop" if config.bad_images == "stop" else f"more than {MAX_BAD:.0%}"


class BadImages:
    """The images that broke while a run trains on them: each is reported once, and too many end the run.

    Args:
        num_images (int): of the training split.
        config (Config): `bad_images`.
        ranks (Ranks): the processes that train together; each sees other images.
        logger (logging.Logger): of the run.
    """

    def __init__(self, num_images, config, ranks, logger):
        self._num_images, self._config, self._ranks, self._logger = num_images, config, ranks, logger
        # Of this rank, one list for each replaced sample, until the ranks exchange them.
        self._found, self._text_of = deque(), {}

    def add(self, found):
        """Note the bad images of one sample, [[number, text], ...]; from any thread."""
        self._found.append(found)

    def exchange(self, error=None):
        """Return how many samples were replaced since the last call, on all ranks; logs their images; collective.

        Args:
            error (UserError): by which this rank has no further batch, if so; all ranks end with it.

        Raises:
            UnusableData: a rank has no further batch, or more images are bad than the limit; on all ranks.
            UserError: a rank did not come to the exchange.
        """
        if isinstance(error, TooManyBadImages):
            self.add(error.found)
        found = [self._found.popleft() for _ in range(len(self._found))]
        gathered = self._ranks.all_gather([found, str(error) if error else ""])
        for number, text in (image for samples, _ in gathered for sample in samples for image in sample):
            if number not in self._text_of:
                self._text_of[number] = text
                self._logger.warning("%s (its samples are replaced by the next ones)", text)
        if len(self._text_of) > max_bad(self._num_images, self._config):
            raise TooManyBadImages(self._text_of.items(), self._num_images, bad_reason(self._config))
        errors = [f"rank {rank}: {text}" if self._ranks.size > 1 else text
                  for rank, (_, text) in enumerate(gathered) if text]
        if errors:
            raise UnusableData("; ".join(errors))
        return sum(len(samples) for samples, _ in gathered)


class UnusableData(UserError):
    """Training data that end a run."""


class TooManyBadImages(UnusableData):
    """More images broke during training than a run replaces; `found` holds [number, text] of each."""

    def __init__(self, found, num_images, reason):
        self.found = [list(image) for image in found]
        texts = [text for _, text in self.found]
        more = [f"and {len(texts) - LISTED} more"] if len(texts) > LISTED else []
        super().__init__("\n  ".join((f"{len(texts)} of the {num_images} training images can no longer be used, "
                                      f"{reason}; restore them:", *texts[:LISTED], *more)))


def _digest(data, config):
    """Return a hash (text) of the names, sizes and times of all images, and of what decides how they are read."""
    facts = hashlib.sha256(f"{VERSION} {config.exif} {config.max_image_pixels}".encode())
    for path, size in zip(data.paths, data.sizes, strict=True):
        try:
            status = os.stat(path)
            facts.update(f"{os.path.abspath(path)}\0{size}\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
        except OSError:
            facts.update(f"{os.path.abspath(path)}\0gone\0".encode())
    return facts.hexdigest()


def _cache_path(digests, name="images"):
    """Return the file that holds the result for the images that all ranks see."""
    return cache_folder() / "images" / f"{name}_{hashlib.sha256(' '.join(digests).encode()).hexdigest()[:32]}.json"


def _read_cache(path, num_images):
    """Return what `_write_cache` wrote for so many images; None where there is no file, or another one."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    # What was used last stays longest; in a folder that is only read, all stays.
    with suppress(OSError):
        os.utime(path)
    is_ours = isinstance(found, list) and all(
        isinstance(fault, list) and [type(value) for value in fault] == [int, str, str] and 0 <= fault[0] < num_images
        for fault in found)
    return found if is_ours else None


def _write_cache(path, found):
    try:
        write_atomically(path, json.dumps(found).encode())
    except OSError:
        # A cache only saves time: without a folder for it, the next run checks again.
        return
    limit_folder(path.parent, MAX_ENTRIES, MAX_BYTES)

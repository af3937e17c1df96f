# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The end of a training run: the commands that follow, and what its figures suggest to change."""
import contextlib
import math
from pathlib import Path

from model_utils.errors import UserError
from model_utils.files import command_of
from src.config import detection_scales
from src.data.anchors import GOOD_RECALL, augmented_sides, fit_of
from src.report.report import read_metrics
from src.weights.checkpoint_folder import BEST

# A last fifth of the run that brought so large a share of the AP ends too early.
LAST_SHARE, STILL_RISING = 0.2, 0.1
# An AP so far below the best one has passed its best epoch; one so far below that of training images is learned by
# heart.
FALLEN, BY_HEART = 0.02, 0.2
# A step that waits so large a share of its time for its images.
WAITING = 0.3
# Training images that are scored for that.
SCORED_IMAGES = 200


def last_lines(run, validation):
    """Return the lines for the log of a run that is done: `hints`, and the commands that follow; none but on rank 0.

    Args:
        run (Run): with metrics.csv and best.ckpt in its folder.
        validation (Validation): of the run.
    """
    if not run.ranks.is_first:
        return []
    train_ap = None
    if run.config.eval_interval:
        # Evenly over the split, whose order may be that of the classes.
        chosen = set(range(0, len(run.data), -(-len(run.data) // SCORED_IMAGES)))
        # An image that breaks now costs a hint.
        with contextlib.suppress(UserError):
            train_ap = validation.score(run.data.without(set(range(len(run.data))) - chosen)).ap
    return [*hints(run.config, run.data, read_metrics(run.folder / "metrics.csv"), train_ap),
            next_commands(run.config, run.checkpoints / BEST)]


def next_commands(config, checkpoint):
    """Return the commands that evaluate, use and export a checkpoint, one a line.

    Args:
        config (Config): of the run.
        checkpoint (Path): best.ckpt.
    """
    device = ("--device_target", config.device_target)
    return "\n  ".join((
        "next:", command_of("eval.py", "--data_dir", Path(config.data_dir), "--pretrained", checkpoint, *device),
        command_of("predict.py", "--ckpt_file", checkpoint, "--image", "IMAGE_OR_FOLDER", *device),
        command_of("export.py", "--ckpt_file", checkpoint, "--file_name yolov3_tiny --file_format ONNX", *device)))


def hints(config, data, metrics, train_ap=None):
    """Return what the figures of a finished run suggest, a line each.

    Args:
        config (Config): of the run.
        data (CocoData): its training split.
        metrics (dict): of `read_metrics`.
        train_ap (float): AP of the last weights on training images; None: not known.
    """
    found = [*_of_accuracy(config, metrics, train_ap), *_of_anchors(config, data), *_of_speed(metrics)]
    return [f"hint: {text}" for text in found]


def _of_accuracy(config, metrics, train_ap):
    scored = [(int(epoch), ap) for epoch, ap in zip(metrics["epoch"], metrics.get("AP", ()), strict=False)
              if math.isfinite(ap)]
    if not scored:
        yield "nothing was validated; --eval_interval 5 shows how the AP develops and keeps the best epoch"
        return
    (best_epoch, best), (last_epoch, last) = max(scored, key=lambda pair: pair[1]), scored[-1]
    before = [score for epoch, score in scored if epoch < (1 - LAST_SHARE) * config.max_epoch]
    if before and last == best and last - max(before) > STILL_RISING * last:
        yield (f"the AP still rose, from {max(before):.3f} to {last:.3f} in the last {LAST_SHARE:.0%} of the run: "
               f"train again with more epochs, such as --max_epoch {2 * config.max_epoch}")
    if last < best - FALLEN:
        yield (f"the AP was {best:.3f} after epoch {best_epoch} and is {last:.3f} after epoch {last_epoch}: train for "
               f"fewer epochs, or augment more{_augmentation(config)}")
    elif train_ap is not None and train_ap - last > BY_HEART:
        yield (f"the AP is {train_ap:.3f} on training images and {last:.3f} on validation images, which the network "
               f"does not know: augment more{_augmentation(config)}, or label more images")


def _augmentation(config):
    return "" if config.mosaic else " (--mosaic 0.5, or --config_path improved)"


def _of_anchors(config, data):
    sides = augmented_sides(data, config)
    anchors = [anchor for scale in detection_scales(config) for anchor in scale.anchors]
    recall = fit_of(sides, anchors)["best_possible_recall"] if len(sides) else 1
    if recall < GOOD_RECALL and config.source("anchors") == "default":
        yield (f"{1 - recall:.0%} of the boxes have no anchor of a similar shape (an IoU of 0.5): --anchors auto fits "
               "anchors to them")


def _of_speed(metrics):
    waited, computed = (sum(metrics.get(name, ())) for name in ("data_time", "step_time"))
    if waited > WAITING * (waited + computed):
        yield (f"{waited / (waited + computed):.0%} of the time was spent waiting for images: raise "
               "num_parallel_workers or image_cache_mb, or put the images on a faster disk")

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A network that was trained, for a few seconds, and finds the objects of its images; its exported models."""
import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from tests.support.ascend310.infer_app import export_model
from tests.support.helpers import CATEGORIES, write_coco
from tests.support.training_runs import run

# Two dozen steps that learn these very images by heart.
TRAINING = ("--training_shape", "64,96", "--resize_mode", "letterbox", "--per_batch_size", 8, "--max_epoch", 12,
            "--anchors", "[[17,17],[22,22],[28,28],[34,34],[43,43],[58,58]]", "--lr", 0.01, "--warmup_epochs", 1,
            "--weight_decay", 0.0005, "--coord_scale", 1, "--large_scale", 1, "--loss_scale", 1,
            "--clip_gradient_norm", 20, "--jitter", 0, "--min_scale", 1, "--max_scale", 1, "--flip_probability", 0,
            "--hue", 0, "--saturation", 1, "--value", 0)


@cache
def trained_model():
    """Return (the data folder, its checkpoint): 18 images of several sizes, the same for training and validation."""
    folder = Path(tempfile.mkdtemp(prefix="yolo trained "))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    rng, images = np.random.default_rng(3), []
    for _ in range(18):
        width, height = rng.integers(90, 170, 2).tolist()
        kinds = rng.permutation([category["id"] for category in CATEGORIES])[:rng.integers(1, 4)].tolist()
        sides = rng.integers(18, 48, (len(kinds), 2)).tolist()
        images.append({"size": (width, height), "boxes": [
            (int(rng.integers(width - w)), int(rng.integers(height - h)), w, h, kind)
            for kind, (w, h) in zip(kinds, sides, strict=True)]})
    for split in ("train", "val"):
        write_coco(folder / "my data", images, split)
    checkpoints, _ = run(folder / "run", folder / "my data", *TRAINING)
    return folder / "my data", checkpoints / "best.ckpt"


@cache
def exported_mindir(keep_detect, export_input, batch_size):
    """Return the path of the trained network's MindIR in a form of export.py."""
    checkpoint = trained_model()[1]
    path = checkpoint.with_name(f"{keep_detect} {export_input} {batch_size}.mindir")
    return export_model(checkpoint, path, keep_detect=keep_detect, export_input=export_input, batch_size=batch_size,
                        file_format="MINDIR")

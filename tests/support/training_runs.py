# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Small training runs on a CPU: their data and forms, one in this process, and waits for one in another."""
import re
import time

import numpy as np

import train
from model_utils.comm import Ranks
from model_utils.config import DERIVED, get_config
from model_utils.files import ROOT
from src.initializer import initialise_weights
from src.training.ema import WeightAverage
from src.training.optimizer import build_loss_scaler, build_optimizer
from src.training.run import Run
from src.training.train_state import TrainState
from src.yolo import build_network
from tests.support.helpers import write_coco
from tests.support.shared_graphs import shared_graphs
from tools.faults.small_run import CPU

ANCHORS = "[[8.0, 8.0], [12.0, 12.0], [16.0, 16.0], [20.0, 20.0], [24.0, 24.0], [30.0, 30.0]]"
# The form that most runs of the tests share: five steps an epoch, averaged weights, anchors that are not the default.
SMALL = ["--per_batch_size", "2", "--ema_decay", "0.6", "--anchors", ANCHORS]
VALIDATED = [*SMALL, "--max_epoch", "3", "--log_interval", "2", "--keep_checkpoint_max", "2", "--eval_interval", "2"]
FINISHED = [*SMALL, "--max_epoch", "3", "--ckpt_interval", "3", "--log_interval", "1"]
# Runs a program of the repository, named after it, with a training step that compiles no graph.
QUICK_STEP = ROOT / "tests" / "support" / "ranks" / "quick_step_program.py"
STATE = ["--device_target=CPU", "--training_shape=64", "--per_batch_size=2", "--dynamic_loss_scale=True"]


def training_data(folder, train_images=10, val_images=5):
    """Write a data set of noisy images with two boxes each, of three classes, and return its folder."""
    rng = np.random.default_rng(3)
    for split, count in (("train", train_images), ("val", val_images)):
        images = [{"size": (72, 64), "boxes": [(*rng.uniform(0, 30, 2), *rng.uniform(14, 30, 2), int(category))
                                               for category in rng.choice([3, 1, 7], 2)]} for _ in range(count)]
        write_coco(folder, images, split)
    return folder


def run(folder, data, *arguments):
    """Train in this process; return (folder of the checkpoints, text of the log)."""
    with shared_graphs():
        train.main([*CPU, "--data_dir", str(data), "--ckpt_path", str(folder), *map(str, arguments)])
    (run_folder,) = folder.iterdir()
    return run_folder / "ckpt_0", (run_folder / "train_rank_0.log").read_text()


def wait_for_text(folder, text, process, seconds=300):
    """Wait until the log of the run below `folder` has a text."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if any(text in path.read_text() for path in folder.glob("*/train_rank_0.log")):
            return
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"no {text!r} in the log: {process.communicate()[1].decode()}")


def wait_for_step(folder, step, process, seconds=180):
    """Return the newest last.ckpt as soon as a numbered checkpoint of at least this step exists."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        steps = [int(re.search(r"_(\d+)\.ckpt", path.name)[1]) for path in folder.glob("*/ckpt_0/yolov3_tiny-*.ckpt")]
        if steps and max(steps) >= step:
            return next(folder.glob("*/ckpt_0/last.ckpt"))
        time.sleep(0.02)
    raise AssertionError(f"no checkpoint of step {step}: {process.stderr.read().decode()}")


def random_state(split, seed, folder, ranks=None, arguments=(), logger=None):
    """Return a `Run` on a training split and a `TrainState` with weights, average and moments from a seed."""
    config = get_config([*STATE, *arguments]).replace(DERIVED, num_classes=len(split.categories))
    network, averaged = build_network(config, config.num_classes), build_network(config, config.num_classes)
    initialise_weights(network, seed)
    average, optimizer = WeightAverage(network, averaged, 0.9), build_optimizer(network, config)
    initialise_weights(averaged, seed + 100)
    for moment in optimizer.moments:
        moment.set_data(moment + float(np.random.default_rng(seed).uniform(1, 2)))
    run = Run(config, split, ranks or Ranks(), folder, logger)
    return run, TrainState(network, optimizer, average, build_loss_scaler(config))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run by tests/launch/test_platforms.py, which has MindSpore write down every graph: compiles those that devices run.

    python tests/support/graphs_program.py train|inference|export [--option value ...]
"""
import sys
import tempfile
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import numpy as np

import mindspore as ms

from model_utils.config import DERIVED, get_config
from model_utils.device_adapter import setup_device, start_ranks
from src.evaluation.topk_candidates import CandidateSelector
from src.initializer import initialise_weights
from src.training import optimizer as optimizer_module
from src.training.ema import WeightAverage
from src.training.optimizer import build_loss_scaler, build_optimizer
from src.training.train_step import TrainStep, mixed_precision
from src.yolo import build_inference_network, build_network

CLASSES, SIZE = 3, 64


def train(config):
    """Compile the training step in the form of devices, and run it."""
    optimizer_module.branches_in_graph = lambda device_target: False
    network = build_network(config, CLASSES)
    initialise_weights(network, 1)
    average = WeightAverage(network, build_network(config, CLASSES), 0.9)
    network.set_train(True)
    step = TrainStep(mixed_precision(network, config.amp_level), build_optimizer(network, config), config, CLASSES,
                     average, build_loss_scaler(config))
    step(ms.Tensor(np.zeros((2, SIZE, SIZE, 3), np.uint8)), ms.Tensor(np.zeros((2, 6, 5), np.float32)), 1e-4, 0.5)


def inference(config):
    """Compile what evaluation and prediction run on devices, with both ways to select candidates."""
    for multi_label in (True, False):
        network = build_inference_network(config, CLASSES, build_network(config, CLASSES),
                                          select=CandidateSelector(20, multi_label))
        network(ms.Tensor(np.zeros((2, SIZE, SIZE, 3), np.uint8)))


def export(config):
    """Write a MindIR of the folded network."""
    network = build_inference_network(config, CLASSES, build_network(config, CLASSES, folded=True))
    with tempfile.TemporaryDirectory() as folder:
        ms.export(network, ms.Tensor(np.zeros((2, SIZE, SIZE, 3), np.uint8)), file_name=str(Path(folder) / "network"),
                  file_format="MINDIR")


if __name__ == "__main__":
    options = ["--device_target", "CPU", "--training_shape", str(SIZE), "--testing_shape", str(SIZE),
               "--per_batch_size", "2", "--max_box", "6", *sys.argv[2:]]
    resolved = get_config(options)
    setup_device(resolved)
    resolved = resolved.replace(DERIVED, group_size=start_ranks(resolved).size)
    {"train": train, "inference": inference, "export": export}[sys.argv[1]](resolved)

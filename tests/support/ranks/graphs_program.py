# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run by tests/launch/test_platforms.py, which makes MindSpore dump every graph: compiles those that devices run.

    python -m scripts.launch.launch run rank tests/support/ranks/graphs_program.py --device_num=1 -- FOLDER

The graphs of each form are written to FOLDER/<form>.
"""
import os
import sys
import tempfile
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import numpy as np

import mindspore as ms

from model_utils.config import DERIVED, get_config
from model_utils.device_adapter import setup_device, start_ranks
from model_utils.errors import run_cli
from src.evaluation.topk_candidates import CandidateSelector
from src.initializer import initialise_weights
from src.training import optimizer as optimizer_module
from src.training.ema import WeightAverage
from src.training.optimizer import build_loss_scaler, build_optimizer
from src.training.train_step import TrainStep, mixed_precision
from src.yolo import build_inference_network, build_network

CLASSES, SIZE = 3, 64
OPTIONS = ["--device_target", "CPU", "--training_shape", str(SIZE), "--testing_shape", str(SIZE), "--per_batch_size",
           "2", "--max_box", "6", "--is_distributed", "1"]
IMPROVED = ["--config_path", str(Path(__file__).resolve().parents[3] / "configs" / "improved.yaml"),
            "--optimizer", "adamw"]


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


def train_as_rank(config):
    """Do the same as one of two ranks; this process stands for both."""
    train(config.replace(DERIVED, group_size=2))


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


FORMS = {
    "classic": (train, []),
    # With what several ranks have on top.
    "improved": (train_as_rank, [*IMPROVED, "--clip_gradient_norm", "10", "--label_smooth", "1"]),
    "mixed": (train, ["--amp_level", "O2", "--dynamic_loss_scale", "True"]),
    "inference": (inference, []),
    "export": (export, []),
}


def main(folder):
    """Write the graphs of all forms."""
    config = get_config(OPTIONS)
    setup_device(config)
    start_ranks(config)
    os.environ.update(MS_DEV_SAVE_GRAPHS="1", MS_DEV_DUMP_IR_PASSES="validate")
    for name, (function, options) in FORMS.items():
        os.environ["MS_DEV_SAVE_GRAPHS_PATH"] = str(Path(folder) / name)
        function(get_config([*OPTIONS, *options]).settled())


if __name__ == "__main__":
    # As the programs do: the exit code is what main ended with, whatever the way out makes of it.
    sys.exit(run_cli(lambda argv: main(sys.argv[1])))

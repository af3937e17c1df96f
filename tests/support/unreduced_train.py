# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run by tests/launch/test_distributed.py: train.py without the averaging of gradients, to see that its absence is
noticed."""
import sys

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import train
from model_utils.errors import run_cli
from src.training import train_step


class Unreduced:
    """Takes the place of the reducer and leaves each rank its own gradients."""

    def __init__(self, parameters, mean, degree):
        del parameters, mean, degree

    def __call__(self, gradients):
        return gradients


if __name__ == "__main__":
    train_step.nn.DistributedGradReducer = Unreduced
    sys.exit(run_cli(train.main))

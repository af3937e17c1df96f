# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a program of the repository that trains, with a training step that compiles nothing.

    python tests/support/ranks/quick_step_program.py train.py --data_dir DATA --ckpt_path OUT
"""
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
sys.path[0] = str(ROOT)

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from model_utils.signals import listen


def main(program):
    """Run a program, by its path below the root, with the arguments that follow it."""
    # As in train.py, where the bootstrap does it: before MindSpore is imported, and has threads.
    listen()
    from src.training import trainer
    from tests.support.ranks.quick_step import QuickStep

    trainer.TrainStep = QuickStep
    del sys.argv[0]
    runpy.run_path(str(ROOT / program), run_name="__main__")


if __name__ == "__main__":
    main(sys.argv[1])

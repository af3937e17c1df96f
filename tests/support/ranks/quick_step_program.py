# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Runs a program of the repository that trains, with a training step that compiles nothing.

    python tests/support/ranks/quick_step_program.py train.py --data_dir DATA --ckpt_path OUT
"""
import runpy
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]

if __name__ == "__main__":
    # Python looks for packages beside this file.
    sys.path[0] = str(ROOT)
    import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

    from model_utils.signals import listen

    # As the bootstrap lets train.py do: before MindSpore is imported, and has threads.
    listen()
    from src.training import trainer
    from tests.support.ranks.quick_step import QuickStep

    trainer.TrainStep = QuickStep
    del sys.argv[0]
    runpy.run_path(str(ROOT / sys.argv[0]), run_name="__main__")

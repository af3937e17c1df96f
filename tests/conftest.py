# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What every test needs before MindSpore is imported: the environment, and the repository on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import model_utils.bootstrap  # noqa: F401  (after the path, before any MindSpore)

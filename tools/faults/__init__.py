# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The faults of tools/torture.py: a module for each kind; tests/faults/ runs short forms of them."""

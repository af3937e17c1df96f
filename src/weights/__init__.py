# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoint files, Darknet files and the folding of batch norm."""

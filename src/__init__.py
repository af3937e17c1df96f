# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Data, network, loss, training and evaluation of YOLOv3-Tiny."""

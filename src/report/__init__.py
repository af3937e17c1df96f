# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a training or an evaluation: statistics of its detections, plots, a page, and TensorBoard."""

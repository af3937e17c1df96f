# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A network over a data set: NMS, detections, COCO figures and drawings."""

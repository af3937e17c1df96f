# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Head layout, pixel normalisation, grids, the IoU family and the assigner of ground truth to anchors."""

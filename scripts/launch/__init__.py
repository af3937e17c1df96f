# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Jobs of several processes by msrun: their plan, their start, their end."""

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Readers of annotation formats, for tools/convert_dataset.py; each returns a `tools.convert.reading.Reading`."""

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Helpers for messages."""


def first_names(names, most=5):
    """Return the first names as text, "..." for the others; "none" if there are none."""
    names = list(names)
    return (", ".join(names[:most]) + (", ..." if len(names) > most else "")) or "none"

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Decoded images kept in memory, so that training decodes a file once instead of once an epoch."""
import threading
from collections.abc import Callable

import numpy as np

MB = 2**20


class ImageCache:
    """Keeps the first images that come, as many as fit; safe to call from threads.

    Training takes every image about equally often, in an order that is new in each epoch: to throw out an old one for a
    new one would only cost time. An image kept whole does not serve where a reduced one is asked for: what a sample
    looks like must not depend on what is kept.

    Args:
        limit_mb: how much to keep, in MB of 2**20 bytes; 0: nothing.
    """

    def __init__(self, limit_mb: int):
        self._free = limit_mb * MB
        self._kept = {}
        self._lock = threading.Lock()

    def get(self, index: int, reduction: int,
            decode: Callable[[], tuple[np.ndarray, int]]) -> tuple[np.ndarray, int]:
        """The image of an index at a reduction, kept or fresh from `decode`, and by how much it is reduced in fact.

        An image that is kept can no longer be written to, because all later samples will see it.
        """
        kept = self._kept.get((index, reduction))
        if kept is not None:
            return kept
        image, by = decode()
        with self._lock:
            if (index, reduction) not in self._kept and image.nbytes <= self._free:
                self._free -= image.nbytes
                image.flags.writeable = False
                self._kept[index, reduction] = image, by
        return image, by

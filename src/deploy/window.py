# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A window that shows drawn images, where OpenCV and the machine have windows."""
import os
import re

import cv2
import numpy as np

from model_utils.errors import UsageError

TITLE = "detections"
QUIT_KEYS = (ord("q"), 27)


class Window:
    """A window; raises a UsageError that says what is missing for it."""

    def __init__(self):
        if re.search(r"^\s*GUI:\s+NONE", cv2.getBuildInformation(), re.MULTILINE):
            raise UsageError(f"show: this OpenCV {cv2.__version__} has no windows; replace opencv-python-headless by "
                             "opencv-python of the same version (pip), or open the drawn files")
        # Without one, Qt ends the process.
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            raise UsageError("show: there is no display (DISPLAY is not set); use `ssh -X`, or open the drawn files")
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL)

    def show(self, image: np.ndarray, waits: bool) -> bool:
        """Show an image, uint8 RGB [H, W, 3], and return whether the user wants to see more (any key but q, Escape).

        Args:
            image: what to show.
            waits: whether to wait for a key, as for single images.
        """
        cv2.imshow(TITLE, image[:, :, ::-1])
        return cv2.waitKey(0 if waits else 1) & 0xFF not in QUIT_KEYS

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The window: what it shows and which keys end it, and what is said where there can be none."""
import cv2
import numpy as np
import pytest

from model_utils.errors import UsageError
from src.deploy.window import Window


@pytest.mark.parametrize(("gui", "display", "words"), [
    ("NONE", ":0", "has no windows; replace opencv-python-headless by opencv-python"),
    ("QT5", "", "there is no display")])
def test_what_is_missing_is_said(monkeypatch, gui, display, words):
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: f"General\n  GUI:                {gui}\n")
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(UsageError, match=words):
        Window()


def test_keys_end_the_view(monkeypatch):
    shown, waits, keys = [], [], iter([-1, ord("n"), ord("q"), 27])
    monkeypatch.setattr(cv2, "getBuildInformation", lambda: "  GUI:           QT5")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(cv2, "namedWindow", lambda *arguments: None)
    monkeypatch.setattr(cv2, "imshow", lambda title, image: shown.append(image[0, 0].tolist()))
    monkeypatch.setattr(cv2, "waitKey", lambda milliseconds: waits.append(milliseconds) or next(keys))
    window = Window()
    image = np.full((2, 2, 3), (1, 2, 3), np.uint8)
    assert [window.show(image, waits=still) for still in (False, True, True, False)] == [True, True, False, False]
    assert shown == [[3, 2, 1]] * 4 and waits == [1, 0, 0, 1]

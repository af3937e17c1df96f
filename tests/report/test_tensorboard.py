# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What TensorBoard reads: scalars by epoch, precision-recall curves, images."""
import struct

import cv2
import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from src.report.report import read_metrics
from src.report.tensorboard import Board
from tests.support.report.case import EPOCHS, write_metrics


def values_of(folder):
    """Return (step, value) pairs of an event file by tag; its records are a length, a checksum, data, a checksum."""
    (path,) = folder.glob("events.out.tfevents.*")
    data, found = path.read_bytes(), {}
    while data:
        (length,) = struct.unpack("<Q", data[:8])
        event = Event.FromString(data[12:12 + length])
        for value in event.summary.value:
            found.setdefault(value.tag, []).append((event.step, value))
        data = data[16 + length:]
    return found


def test_scalars_curves_and_images(written, result):
    found = values_of(written / "tensorboard")
    assert [(step, value.simple_value) for step, value in found["loss"]] == [
        (epoch, pytest.approx(9 / (epoch + 1))) for epoch in range(EPOCHS)]
    assert [(step, value.simple_value) for step, value in found["AP"]] == [
        (1, pytest.approx(0.3)), (3, pytest.approx(0.5))]
    assert {"lr", "box32", "images_per_second", "AP50"} < set(found) and "step" not in found
    # Without a class that has no object.
    assert len([tag for tag in found if tag.startswith("precision_recall/")]) == 3
    ((step, curve),) = found["precision_recall/cup"]
    table = np.array(curve.tensor.float_val).reshape(6, -1)
    # Rows: right, wrong, rejected, missed, precision, recall; of eight cups four are found with a score from 0.01.
    assert step == EPOCHS - 1 and table[:, 1].tolist() == pytest.approx([4, 2, 0, 4, 2 / 3, 1 / 2])
    images = [cv2.imdecode(np.frombuffer(found[f"largest_errors/0_{kind}"][0][1].image.encoded_image_string, np.uint8),
                           cv2.IMREAD_COLOR) for kind in ("detections", "objects")]
    assert [image.shape for image in images] == [(300, 400, 3)] * 2 and (images[0] != images[1]).any()


def test_epochs_are_added_once(tmp_path):
    board = Board(tmp_path / "board")
    for epochs in (2, 2, 3):
        write_metrics(tmp_path, epochs)
        board.add_metrics(read_metrics(tmp_path / "metrics.csv"))
    board.close()
    assert [step for step, _ in values_of(tmp_path / "board")["loss"]] == [0, 1, 2]

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Scalars, precision-recall curves and images of a run for TensorBoard; tensorboardX writes the files.

    pip install tensorboard && tensorboard --logdir outputs
"""
import cv2
import numpy as np
from tensorboardX import SummaryWriter
from tensorboardX.proto.summary_pb2 import Summary

# Columns of metrics.csv that are no curve.
NO_SCALARS = ("epoch", "step")
# TensorBoard shows at most 127 thresholds.
EVERY = 10


class Board:
    """The event file of a run; steps are epochs, from 0.

    Args:
        folder (Path): receives the file.
    """

    def __init__(self, folder):
        self._writer, self._epochs = SummaryWriter(str(folder), flush_secs=5), 0

    def add_metrics(self, metrics):
        """Add the epochs of a metrics.csv (columns by name) that were not added yet."""
        epochs = metrics["epoch"].astype(int).tolist()
        for row in range(self._epochs, len(epochs)):
            for name, values in metrics.items():
                if name not in NO_SCALARS and np.isfinite(values[row]):
                    self._writer.add_scalar(name, values[row], epochs[row])
        self._epochs = len(epochs)
        self._writer.flush()

    def add_detections(self, epoch, names, found, examples):
        """Add the precision-recall curves of the classes (`Curves`), and the `Example`s."""
        for row, number in enumerate(found.classes.tolist()):
            right, wrong, precision, recall = (curve[row, ::EVERY] for curve in (found.right, found.wrong,
                                                                                  found.precision, found.recall))
            self._writer.add_pr_curve_raw(f"precision_recall/{names[number]}", right, wrong, np.zeros_like(right),
                                          found.objects[row] - right, np.nan_to_num(precision, nan=1.0), recall, epoch,
                                          len(right))
        images = {f"largest_errors/{place}_{kind}": getattr(example, kind)
                  for place, example in enumerate(examples) for kind in ("detections", "objects")}
        # As they are: the writer's own add_image would make PNGs of them, which takes a second.
        self._writer.file_writer.add_summary(Summary(value=[Summary.Value(tag=tag, image=_image(data))
                                                            for tag, data in images.items()]), epoch)
        self._writer.flush()

    def close(self):
        """Write what is left."""
        self._writer.close()


def _image(jpeg):
    """Return a JPEG as TensorBoard's message."""
    height, width, channels = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR).shape
    return Summary.Image(height=height, width=width, colorspace=channels, encoded_image_string=jpeg)

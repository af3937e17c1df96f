# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A data set with detections of every kind, and the report of a training on it."""
import logging

import numpy as np
import pytest

from model_utils.config import COMMAND_LINE
from src.data.coco import read_coco
from src.evaluation.coco_scores import score_results
from src.evaluation.evaluator import EvalResult
from src.evaluation.visualize import write_batch_sheet
from src.report.report import Report
from tests.support.helpers import data_config, write_coco
from tests.support.report.case import BOXES, CLASSES, EPOCHS, LONG_NAME, SIZE, detections, write_metrics


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    """Four images with the same objects, one of which is a crowd region."""
    folder = tmp_path_factory.mktemp("data")
    images = [{"size": SIZE, "boxes": BOXES, "file_name": f"{number}{LONG_NAME}"} for number in range(4)]
    write_coco(folder, images, "val", CLASSES)
    return read_coco(data_config(folder), "val", training=False)


@pytest.fixture(scope="session")
def result(data):
    """The `EvalResult` of `detections`."""
    results = detections()
    return EvalResult(**vars(score_results(data, results)), results=results, num_images=4, damaged_images=0,
                      images_per_second=10.0, images_per_second_total=8.0, seconds=0.5)


@pytest.fixture(scope="session")
def report_of(data):
    """Return a function that gives the `Report` of a training in a folder, with the options by name."""

    def make(folder, logger=None, **options):
        folder.mkdir(exist_ok=True)
        config = data_config(**options).replace(COMMAND_LINE, max_epoch=EPOCHS)
        return Report(config, folder, logger or logging.getLogger("report"), data, data)

    return make


@pytest.fixture(scope="session")
def written(tmp_path_factory, data, result, report_of):
    """The folder of a finished training, with its report."""
    folder = tmp_path_factory.mktemp("run")
    write_metrics(folder)
    for name in ("first_batch.jpg", "report/batch_2.jpg"):
        write_batch_sheet(folder / name, np.full((6, 96, 96, 3), 90, np.uint8),
                          np.tile([[[0.5, 0.5, 0.4, 0.4, 0]]], (6, 1, 1)), data.categories.names)
    report = report_of(folder, tensorboard=True)
    report.add(result, EPOCHS - 1)
    report.after_epoch()
    report.close("finished")
    return folder

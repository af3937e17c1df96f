# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The report of a training or an evaluation, on one page; matplotlib and Jinja are imported when it is written.

    outputs/RUN/  report.html  report/NAME.png  report/NAME.svg  tensorboard/
"""
import csv
import time
from functools import wraps
from pathlib import Path

import cv2
import numpy as np

from model_utils.config import DERIVED
from model_utils.errors import UserError, error_text
from model_utils.files import write_all
from src.report.statistics import curves, errors, match

# What goes wrong where a library is missing or of another version, a disk is full, or data has an extreme: a training
# is worth more than its plots.
FAILURES = (UserError, OSError, ImportError, MemoryError, RuntimeError, ValueError, TypeError, LookupError,
            AttributeError, ArithmeticError, cv2.error)
# Without validation, reports take at most this share of the time.
MAX_SHARE = 0.02


def only_warns(method):
    """Let a method of a `Report` end in a warning where the report cannot be written; the same one is logged once."""
    @wraps(method)
    def guarded(self, *arguments):
        try:
            method(self, *arguments)
        except FAILURES as error:
            if error_text(error) != self.failure:
                self.failure = error_text(error)
                self.logger.warning("the report cannot be written: %s", self.failure)
    return guarded


class Report:
    """The report of a run, in its folder: the page with config.report, TensorBoard's file with config.tensorboard.

    Args:
        config (Config): the resolved configuration.
        folder (Path): of the run.
        logger (Logger): for what cannot be drawn.
        evaluated (CocoData): the images that results are about; None: there are none.
        trained (CocoData): the images of training; None: no training.
    """

    def __init__(self, config, folder, logger, evaluated, trained=None):
        self.config, self.folder, self.logger = config, Path(folder), logger
        self.evaluated, self.trained = evaluated, trained
        self._board, self._labels, self._detections, self._scores, self._is_new = None, None, [], None, False
        self._cost, self._written, self.failure = 0.0, time.monotonic(), ""

    @only_warns
    def add(self, result, epoch=0):
        """Take in an `EvalResult`; the result is not kept."""
        from src.report.examples import worst_examples
        if not (self.config.report or self.config.tensorboard):
            return
        data = self.evaluated
        matches = match(data, result.results)
        found = curves(matches)
        wrong = errors(matches, found.best_threshold)
        examples = worst_examples(data, matches, wrong, self.config)
        if self.config.tensorboard:
            self._open_board().add_detections(epoch, tuple(result.per_class_ap), found, examples)
        if self.config.report:
            from src.report.page import detection_sections
            self._detections = detection_sections(data, result, matches, found, wrong, examples)
            self._scores = result.ap, result.ap50, len(data), len(matches.truth_label)
        self._is_new = True

    @only_warns
    def after_epoch(self):
        """Write the report after an epoch; after one without validation, seldom enough to take little time."""
        if self._is_new or time.monotonic() - self._written >= self._cost / MAX_SHARE:
            self._write("running")

    @only_warns
    def close(self, status):
        """Write the report at the end of a run; `status` says how it ended."""
        self._write(status)
        if self._board:
            self._board.close()

    def _write(self, status):
        started = time.monotonic()
        metrics = read_metrics(self.folder / "metrics.csv")
        if self.config.tensorboard:
            self._open_board().add_metrics(metrics)
        if self.config.report:
            self._write_page(status, metrics)
        self._is_new, self._written = False, time.monotonic()
        self._cost = self._written - started

    def _open_board(self):
        from src.report.tensorboard import Board
        self._board = self._board or Board(self.folder / "tensorboard")
        return self._board

    def _write_page(self, status, metrics):
        from src.report.page import render_page, training_section
        training = [training_section(metrics)] if len(metrics["epoch"]) else []
        self._labels = self._labels or self._draw_labels()
        sections = [*training, *self._detections, *self._labels]
        files = {self.folder / "report" / f"{plot.name}.{kind}": getattr(plot, kind)
                 for section in sections for plot in section.plots for kind in ("png", "svg")}
        title = f"{'Training' if self.trained else 'Evaluation'} {self.folder.name}"
        status = f"{status}; written {time.strftime('%Y-%m-%d %H:%M:%S')}"
        files[self.folder / "report.html"] = render_page(title, status, self._facts(metrics), sections)
        write_all(files)

    def _draw_labels(self):
        """Return the sections that stay the same: labels, and the first batches of a training."""
        from src.report.examples import small_sheet
        from src.report.page import Section, label_section
        if not self.trained:
            config = self.config.replace(DERIVED, training_shape=self.config.testing_shape)
            return [label_section(self.evaluated, config, "Labels")]
        paths = [self.folder / "first_batch.jpg", *sorted(self.folder.glob("report/batch_*.jpg"))]
        sheets = ((f"Batch {number}", small_sheet(path)) for number, path in enumerate(paths, 1))
        return [label_section(self.trained, self.config, "Training labels"),
                Section("First training batches", "As the network gets them, after augmentation.",
                        sheets=tuple(sheet for sheet in sheets if sheet[1]))]

    def _facts(self, metrics):
        """Return what stands at the top of the page, pairs of a name and a value."""
        facts = []
        if self.trained:
            facts.append(("epochs", f"{len(metrics['epoch'])} of {self.config.max_epoch}"))
        if len(metrics["epoch"]):
            facts += [("loss", f"{metrics['loss'][-1]:.4g}"),
                      ("images a second", f"{metrics['images_per_second'][-1]:.1f}")]
            if np.isfinite(metrics["AP"]).any():
                facts.append(("best AP", f"{np.nanmax(metrics['AP']):.4f}"))
        if self._scores:
            ap, ap50, images, objects = self._scores
            facts += [("AP", f"{ap:.4f}"), ("AP50", f"{ap50:.4f}"), ("evaluated images", images), ("objects", objects)]
        return facts


def read_metrics(path):
    """Return the columns of a metrics.csv by name, float64 [n], NaN for an empty field; "epoch" is empty without it."""
    if not path.is_file():
        return {"epoch": np.empty(0)}
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = [[float(value or "nan") for value in row.values()] for row in reader]
    return dict(zip(reader.fieldnames or ["epoch"], np.array(rows).reshape(len(rows), -1).T, strict=True))

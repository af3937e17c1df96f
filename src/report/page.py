# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The page of a report: its sections, and the HTML of them in one file (page.html is its template)."""
import base64
import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path

import jinja2
import numpy as np

from model_utils.errors import counted
from src.data.anchors import box_sides
from src.loss import LOSS_PARTS
from src.report import plots
from src.report.plots import INK, PAPER, Plot, render, short
from src.report.statistics import THRESHOLDS

MAX_ROWS = 200
KINDS = ("Doubled: a better detection has the object. Wrong class: on an object of another class (IoU 0.50). Loose: "
         "IoU of 0.10 to 0.50 with an object of its class. Background: none of these. Missed: no detection explains "
         "the object.")
# Bytes of all photos of a page; in base64 they take a third more.
MAX_PHOTO_BYTES = 1_600_000
THEMES = (f"<style>svg {{--ink: {INK}; --paper: {PAPER}}} "
          "@media (prefers-color-scheme: dark) {svg {--ink: #e4e6e8; --paper: #191c20}}</style>")


@dataclass(frozen=True)
class Section:
    """A section of a page: a title, a note, and what there is of plots, a table, sheets of images and examples.

    `sheets` are pairs of a title and a JPEG, `examples` pairs of a file's name and an `Example`.
    """

    title: str
    note: str = ""
    plots: tuple[Plot, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple = ()
    sheets: tuple = ()
    examples: tuple = field(default=(), repr=False)


def training_section(metrics):
    """Return the section of the curves over the epochs; `metrics` has the columns of metrics.csv, float64 [n]."""
    epochs = metrics["epoch"].astype(int)
    drawn = [
        render("loss", "Loss", "Mean of each epoch.", plots.epoch_curves, epochs, {"loss": metrics["loss"]}, "loss",
               True),
        render("loss_terms", "Terms of the loss", "Of the scales at stride 32 and 16.", plots.epoch_curves, epochs,
               {name: metrics[name] for name in LOSS_PARTS}, "loss", True),
        render("learning_rate", "Learning rate", "At the last step of each epoch.", plots.epoch_curves, epochs,
               {"lr": metrics["lr"]}, "learning rate"),
        render("speed", "Speed", "Without validation and saving.", plots.epoch_curves, epochs,
               {"speed": metrics["images_per_second"]}, "images a second")]
    if np.isfinite(metrics["AP"]).any():
        drawn.insert(0, render("ap", "Average precision", "On the validation images.", plots.epoch_curves, epochs,
                               {name: metrics[name] for name in ("AP", "AP50")}, "AP"))
    return Section("Training", plots=tuple(drawn))


def detection_sections(data, scores, matches, found, errors, examples):
    """Return the sections of evaluated detections: scores, classes and errors.

    Args:
        data (CocoData): the images, with their objects.
        scores (Scores): of the detections.
        matches, found, errors (Matches, Curves, Errors): of the detections.
        examples (sequence): the `Example`s to show.
    """
    names = tuple(scores.per_class_ap)
    at = f"At a score of {errors.threshold:.3f}, where the mean F1 is highest."
    shown = sorted(found.classes.tolist(), key=lambda number: -matches.objects[number])[:plots.MAX_BARS]
    by_class = [scores.per_class_ap[names[number]] for number in shown]
    by_size = dict(zip(("small, below 32² pixels", "medium", "large, from 96² pixels"), scores.stats[3:6], strict=True))
    counts = errors.counts()
    drawn = (
        render("precision_recall", "Precision over recall", "IoU 0.50; the numbers are AP50.", plots.precision_recall,
               found, names),
        render("f1", "F1 over the score", "The dotted line is the highest mean.", plots.over_score, found, names,
               found.f1, "F1"),
        render("precision", "Precision over the score", "The dotted line is the highest mean F1.", plots.over_score,
               found, names, found.precision, "precision"),
        render("ap_by_class", "AP by class", _of_most(len(found.classes), len(shown)), plots.bars,
               [short(names[number]) for number in shown], by_class, [f"{ap:.3f}" for ap in by_class], "AP", 1.12),
        render("ap_by_size", "AP by size", "Area in the image; a dash: no such object.", plots.bars, list(by_size),
               [max(ap, 0) for ap in by_size.values()], [f"{ap:.3f}" if ap >= 0 else "–" for ap in by_size.values()],
               "AP", 1.12),
        render("errors", "Kinds of detections", at, plots.bars, [str(kind) for kind in counts], list(counts.values()),
               [str(count) for count in counts.values()], "detections, or missed objects"),
        render("confusion", "Confusion of classes", "Each row adds up to 1; the last one has the detections at "
               f"no object. {at}", plots.confusion_matrix, errors.confusion, names))
    file_names = [os.path.basename(data.paths[example.index]) for example in examples]
    return [Section("Detections", plots=drawn),
            Section("Classes", at, columns=("class", "objects", "AP", "AP50", "preci\xadsion", "recall"),
                    rows=tuple(_class_rows(scores, matches, found, errors.threshold))),
            Section("Largest errors", f"Detections, then objects. {KINDS} {at}" if examples else "No error.",
                    examples=tuple(zip(file_names, examples, strict=True)))]


def _of_most(count, shown):
    return f"The {shown} classes with the most objects, of {count}." if shown < count else "IoU 0.50 to 0.95."


def _class_rows(scores, matches, found, threshold):
    """Yield the rows of the table of classes, those with the most objects first."""
    names, place = tuple(scores.per_class_ap), int(np.abs(THRESHOLDS - threshold).argmin())
    rows = {number: row for row, number in enumerate(found.classes.tolist())}
    for number in np.argsort(-matches.objects, kind="stable")[:MAX_ROWS].tolist():
        figures = ["–"] * 4
        if number in rows:
            row, name = rows[number], names[number]
            figures = [f"{value:.3f}" if np.isfinite(value) else "–" for value in
                       (scores.per_class_ap[name], scores.per_class_ap50[name],
                        *(curve[row, place] for curve in (found.precision, found.recall)))]
        yield short(names[number], 40), int(matches.objects[number]), *figures


def label_section(data, config, title):
    """Return the section of the labels of a data set.

    Args:
        data (CocoData): images with their objects.
        config (Config): training_shape, resize_mode and anchors are read.
        title (str): of the section.
    """
    truth, names = data.truth, data.categories.names
    objects = truth["iscrowd"] == 0
    boxes, sizes = truth["bbox"][objects], np.array(data.sizes, np.float64)[truth["image_index"][objects]]
    counts = np.bincount(truth["class_index"][objects], minlength=len(names))
    shown = np.argsort(-counts, kind="stable")[:plots.MAX_BARS]
    x, y = ((boxes[:, :2] + boxes[:, 2:] / 2) / sizes).T
    width, height = box_sides(data, config).T
    text = f"The {len(shown)} largest of {len(names)} classes." if len(shown) < len(names) else ""
    drawn = [render("boxes_by_class", "Boxes by class", text, plots.bars, [short(names[number]) for number in shown],
                    counts[shown], [str(count) for count in counts[shown]], "boxes"),
             render("box_centres", "Centres of the boxes", "In the image; the stronger the colour, the more boxes.",
                    plots.heat, x, y, "x", "y")]
    if len(width):
        side = "{}x{}".format(*config.training_shape)
        drawn.append(render("box_sizes", "Sizes of the boxes", f"In pixels of the input, {side}, beside the anchors.",
                            plots.heat, width, height, "width", "height", True, config.anchors))
    return Section(title, f"{counted(len(data), 'images')}, {counted(len(boxes), 'boxes')}, "
                          f"{counted(len(names), 'classes')}.", tuple(drawn))


def render_page(title, status, facts, sections):
    """Return a page as bytes of HTML; photos beyond `MAX_PHOTO_BYTES` are left out."""
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True,
                                     loader=jinja2.FileSystemLoader(Path(__file__).parent))
    environment.filters |= {"plot_uri": _plot_uri, "jpeg_uri": lambda data: _uri("image/jpeg", data)}
    page = environment.get_template("page.html").render(title=title, status=status, facts=facts,
                                                        sections=_within_limit(sections))
    return page.encode()


def _within_limit(sections):
    """Return the sections without the photos that would make the page too large."""
    left, kept = MAX_PHOTO_BYTES, []
    for section in sections:
        photos = []
        for entry in (*section.sheets, *section.examples):
            size = len(entry[1]) if section.sheets else len(entry[1].detections) + len(entry[1].objects)
            if size <= left:
                photos.append(entry)
                left -= size
        kept.append(replace(section, **{"sheets" if section.sheets else "examples": tuple(photos)}))
    return kept


def _uri(kind, data):
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _plot_uri(plot):
    """Return the SVG of a plot as a URI, in colours that follow those of the page."""
    text = plot.svg[plot.svg.index(b"<svg"):].decode().replace(INK, "var(--ink)").replace(PAPER, "var(--paper)")
    return _uri("image/svg+xml", re.sub("<svg[^>]*>", rf"\g<0>{THEMES}", text, count=1).encode())

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Plots of a report: curves of a training, detections, labels. Each function draws a figure; `render` makes its files.

Colours are those of Okabe and Ito, which colour-blind people can tell apart; line styles repeat what they say. A page
replaces `INK` and `PAPER` by the colours of its theme.
"""
import io
import warnings
from contextlib import contextmanager
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator, PercentFormatter

from model_utils.errors import printable
from src.report.statistics import RECALLS, THRESHOLDS

INK, PAPER = "#1a1b1c", "#fefdfc"
BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY = COLOURS = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LINES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
# Transparent to blue, so that empty cells have the colour of the page.
SHADES = ListedColormap(np.column_stack((np.tile(matplotlib.colors.to_rgb(BLUE), (256, 1)), np.linspace(0, 1, 256))))
# Inches: legible at the width of a phone, where a point is about a pixel.
WIDTH, HEIGHT = 4.4, 3.2
PNG_DPI = 130
# Classes that have a colour of their own in a plot of curves, that have a bar, and whose names fit beside a matrix.
MAX_COLOURS, MAX_BARS, MAX_CELLS, MAX_MATRIX = len(COLOURS), 30, 12, 40
MAX_LETTERS = 18
STYLE = {
    "font.size": 9, "font.family": "sans-serif", "svg.fonttype": "none", "svg.hashsalt": "report",
    "text.parse_math": False, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.facecolor": "none", "figure.facecolor": PAPER, "savefig.facecolor": "auto",
    "legend.frameon": False, "legend.labelcolor": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.grid": True, "grid.color": INK, "grid.alpha": 0.15, "lines.linewidth": 1.6,
    "figure.constrained_layout.use": True,
}


@dataclass(frozen=True)
class Plot:
    """A figure as the bytes of a PNG and an SVG; `name` is that of its files, `text` says what it shows.

    `is_wide` is whether it needs more than the width of a phone.
    """

    name: str
    title: str
    text: str
    png: bytes
    svg: bytes
    is_wide: bool = False


def render(name, title, text, draw, *arguments):
    """Return the `Plot` of a function that draws on matplotlib's `Figure`."""
    with _style():
        figure = Figure(figsize=(WIDTH, HEIGHT))
        draw(figure, *arguments)
        png, svg = io.BytesIO(), io.BytesIO()
        figure.savefig(svg, format="svg", metadata={"Date": None})
        # The layout is done.
        figure.set_layout_engine("none")
        figure.savefig(png, format="png", dpi=PNG_DPI)
    return Plot(name, title, text, png.getvalue(), svg.getvalue(), figure.get_figwidth() > WIDTH)


@contextmanager
def _style():
    """Let matplotlib draw in this style, whatever its user's matplotlibrc has, during the block."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcParams.update({name: value for name, value in matplotlib.rcParamsDefault.items()
                                    if name not in ("backend", "toolbar", "interactive")} | STYLE)
        # A browser has the letters that the font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing")
        yield


def short(name, letters=MAX_LETTERS):
    """Return a class name on one line, cut to so many letters."""
    text = " ".join(printable(name).split()) or "(no name)"
    text = text if len(text) <= letters else f"{text[:letters - 1]}…"
    # matplotlib leaves a name that begins with an underscore out of legends.
    return f" {text}" if text.startswith("_") else text


def epoch_curves(figure, epochs, curves, label, is_log=False):
    """Draw curves over the epochs.

    Args:
        figure (Figure): to draw on.
        epochs (sequence): int [n], from 0.
        curves (dict): values [n] by name, NaN where there is none.
        label (str): of the vertical axis.
        is_log (bool): logarithmic where all values allow it.
    """
    axes = figure.subplots()
    values = np.array(list(curves.values()), np.float64)
    marker = "o" if np.isfinite(values).sum(1).max(initial=0) < 30 else ""
    for (name, curve), colour, line in zip(curves.items(), COLOURS, LINES, strict=False):
        there = np.isfinite(curve)
        axes.plot(np.asarray(epochs)[there] + 1, np.asarray(curve)[there], color=colour, linestyle=line, label=name,
                  marker=marker, markersize=3)
    if is_log and np.isfinite(values).any() and (values[np.isfinite(values)] > 0).all():
        _logarithmic(axes.yaxis, "y")
    else:
        axes.set_ylim(bottom=0)
    axes.set(xlabel="epoch", ylabel=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(curves) > 1:
        _legend(figure)


def _logarithmic(axis, name):
    """Make an axis logarithmic, with plain numbers."""
    getattr(axis.axes, f"set_{name}scale")("log")
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter("{x:g}")


def precision_recall(figure, curves, names):
    """Draw precision over recall at an IoU of 0.50, by class, with AP50 in the legend."""
    labels = [f"{short(names[number], 12)} {ap:.2f}" for number, ap in zip(curves.classes, curves.ap50, strict=True)]
    _class_curves(figure, RECALLS, curves.precision_at_recall, labels,
                  f"mean {curves.ap50.mean():.3f}" if len(curves.classes) else "", "recall", "precision")


def over_score(figure, curves, names, values, label):
    """Draw values [K, 1001] of the classes over the score threshold, and the threshold of the highest mean F1."""
    axes = _class_curves(figure, THRESHOLDS, values, [short(names[number]) for number in curves.classes], "mean",
                         "score threshold", label)
    axes.axvline(curves.best_threshold, color=INK, linewidth=0.8, linestyle=":")


def _class_curves(figure, places, values, labels, mean_label, xlabel, ylabel):
    """Draw a curve of each class, in grey where there are too many for colours, and their mean; return the axes."""
    axes = figure.subplots()
    is_coloured = len(values) <= MAX_COLOURS
    for number, curve in enumerate(values):
        look = ({"color": COLOURS[number], "linestyle": LINES[number], "label": labels[number]} if is_coloured
                else {"color": INK, "alpha": 0.25, "linewidth": 0.7})
        axes.plot(places, curve, **look)
    there = np.isfinite(values)
    count = there.sum(0)
    if len(values) != 1 and count.any():
        mean = np.divide(np.where(there, values, 0).sum(0), count, out=np.full(len(places), np.nan), where=count > 0)
        axes.plot(places, mean, color=INK, linewidth=2.2, label=mean_label)
    axes.set(xlabel=xlabel, ylabel=ylabel, xlim=(0, 1), ylim=(0, 1.02))
    if count.any():
        _legend(figure)
    return axes


def _legend(figure):
    """Draw a legend below the axes, in rows of the same length where that is possible."""
    entries = len(figure.axes[0].get_legend_handles_labels()[0])
    figure.legend(loc="outside lower center", ncols=entries if entries < 4 else min(3, -(-entries // 2)))


def bars(figure, labels, values, texts, xlabel, limit=None):
    """Draw horizontal bars, the first on top; `texts` stand beside them."""
    figure.set_size_inches(WIDTH, max(1.6, 0.6 + 0.24 * len(labels)))
    axes = figure.subplots()
    values = np.asarray(values, np.float64)
    places = np.arange(len(labels))
    drawn = axes.barh(places, np.nan_to_num(values), color=BLUE, height=0.7)
    axes.bar_label(drawn, texts, padding=3)
    axes.set_yticks(places, labels)
    axes.set(xlabel=xlabel, ylim=(len(labels) - 0.4, -0.6))
    axes.grid(axis="y", visible=False)
    axes.set_xlim(0, limit or max(np.nan_to_num(values).max(initial=0) * 1.2, 1e-9))


def confusion_matrix(figure, confusion, names):
    """Draw a confusion matrix, each row divided by its sum: the object's class, and the class of the detection there.

    Of more than `MAX_MATRIX` classes those with the most objects are drawn.

    Args:
        figure (Figure): to draw on.
        confusion (np.ndarray): counts [C + 1, C + 1], background last, see `Errors`.
        names (sequence): of the classes.
    """
    sums = confusion.sum(1, keepdims=True)
    shares = np.divide(confusion, sums, out=np.zeros(confusion.shape), where=sums > 0)
    kept = np.r_[np.sort(np.argsort(-sums[:-1, 0], kind="stable")[:MAX_MATRIX]), len(names)]
    shares, labels = shares[np.ix_(kept, kept)], [short(name, 12) for name in (*names, "background")]
    labels = [labels[number] for number in kept]
    side = len(labels)
    has_numbers = side <= MAX_CELLS
    inches = max(WIDTH, 0.17 * side + 1.4) if side > MAX_CELLS else WIDTH
    figure.set_size_inches(inches, inches * 0.95)
    axes = figure.subplots()
    axes.pcolormesh(shares, cmap=SHADES, vmin=0, vmax=1, rasterized=not has_numbers, edgecolors="none")
    if has_numbers:
        for (row, column), share in np.ndenumerate(shares):
            if share:
                axes.text(column + 0.5, row + 0.5, f"{share:.2f}", ha="center", va="center",
                          color="white" if share > 0.85 else INK, fontsize=8 if side > 8 else 9)
    places = np.arange(side) + 0.5
    axes.set_xticks(places, labels, rotation=90 if side > 5 else 30, ha="center" if side > 5 else "right",
                    rotation_mode="default" if side > 5 else "anchor")
    axes.set_yticks(places, labels)
    axes.set(xlabel="class of the detection", ylabel="class of the object", ylim=(side, 0))
    axes.grid(visible=False)
    axes.tick_params(labelsize=9 if side <= MAX_CELLS else 7)


def heat(figure, x_values, y_values, xlabel, ylabel, is_log=False, marks=None):
    """Draw how many points there are in each cell of a grid: on the unit square, or on logarithmic axes.

    Args:
        figure (Figure): to draw on.
        x_values, y_values (np.ndarray): [n].
        xlabel, ylabel (str): of the axes.
        is_log (bool): logarithmic axes, from the smallest value to the largest, of the points and marks.
        marks (np.ndarray): [k, 2] points to mark, such as anchors.
    """
    figure.set_size_inches(WIDTH, WIDTH)
    axes = figure.subplots()
    cells = int(np.clip(np.sqrt(len(x_values)) / 1.5, 10, 40))
    edges = [np.linspace(0, 1, cells + 1)] * 2
    if is_log:
        others = np.empty((0, 2)) if marks is None else np.asarray(marks, np.float64)
        edges = [np.geomspace(found.min() / 1.1, found.max() * 1.1, cells + 1) for found in
                 (np.r_[x_values, others[:, 0]], np.r_[y_values, others[:, 1]])]
        _logarithmic(axes.xaxis, "x")
        _logarithmic(axes.yaxis, "y")
    counts, *_ = np.histogram2d(x_values, y_values, edges)
    # A root: one cell with most of the boxes would make all others pale.
    axes.pcolormesh(*edges, np.sqrt(counts.T), cmap=SHADES, rasterized=True)
    if marks is not None:
        axes.plot(*others.T, "X", color=VERMILLION, markersize=8, markeredgecolor=PAPER, label="anchors")
        _legend(figure)
    if not is_log:
        axes.xaxis.set_major_formatter(PercentFormatter(1))
        axes.yaxis.set_major_formatter(PercentFormatter(1))
        axes.invert_yaxis()
    axes.set(xlabel=xlabel, ylabel=ylabel)


def speed_accuracy(figure, rows):
    """Draw AP over images a second, or images a second over the size where no row has an AP; see `Measured`.

    A curve for each engine, precision and batch size, with the spread of the rounds; its points are the input sizes.
    """
    axes = figure.subplots()
    has_scores = rows[0].AP is not None
    titles = list(dict.fromkeys(row.title for row in rows))
    engines = list(dict.fromkeys((row.engine, row.precision) for row in rows))
    batch_sizes = list(dict.fromkeys(row.batch_size for row in rows))
    for title in titles:
        curve = [row for row in rows if row.title == title]
        rates = [row.images_per_second for row in curve]
        spread = np.abs([[row.lowest, row.highest] for row in curve] - np.array(rates)[:, None]).T
        look = {"color": COLOURS[engines.index((curve[0].engine, curve[0].precision)) % len(COLOURS)],
                "linestyle": LINES[batch_sizes.index(curve[0].batch_size) % len(LINES)], "marker": "o", "markersize": 3,
                "elinewidth": 1, "label": title}
        if has_scores:
            axes.errorbar(rates, [row.AP for row in curve], xerr=spread, **look)
        else:
            axes.errorbar([row.size for row in curve], rates, yerr=spread, **look)
    rate, score, size = "images a second", "AP", "input size, pixels"
    if has_scores:
        _logarithmic(axes.xaxis, "x")
        fastest = {row.size: row for row in sorted(rows, key=lambda row: row.images_per_second)}
        for row in fastest.values():
            axes.annotate(f"{row.size}", (row.images_per_second, row.AP), xytext=(5, 3), textcoords="offset points")
    else:
        _logarithmic(axes.yaxis, "y")
        axes.set_xticks(sorted({row.size for row in rows}))
    axes.set(xlabel=rate if has_scores else size, ylabel=score if has_scores else rate)
    figure.set_size_inches(WIDTH * 1.5, HEIGHT + 0.2 * len(titles))
    figure.legend(loc="outside lower center", ncols=2)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Plots: what they show, with any class names, and any number of classes and values."""
import re
from xml.etree import ElementTree

import cv2
import matplotlib
import numpy as np
import pytest

from src.report import plots
from src.report.statistics import RECALLS, THRESHOLDS, Curves

NAMES = ("_cup", "<b>$x_{2$", "鑰匙\n\x1b[2J", "a name that is much longer than a plot has room for")


def svg_texts(plot):
    """Return the texts of a plot's SVG, which must be sound XML."""
    return [element.text for element in ElementTree.fromstring(plot.svg).iter("{http://www.w3.org/2000/svg}text")]


def png_size(plot):
    return cv2.imdecode(np.frombuffer(plot.png, np.uint8), cv2.IMREAD_COLOR).shape[:2]


def curves_of(count):
    rising = np.tile(np.arange(len(THRESHOLDS))[::-1], (count, 1))
    return Curves(np.arange(count), np.tile(1 - RECALLS / 2, (count, 1)), rising, np.ones_like(rising),
                  np.full(count, len(THRESHOLDS)))


@pytest.mark.filterwarnings("error")
def test_class_names_of_any_letters_are_shown():
    plot = plots.render("pr", "", "", plots.precision_recall, curves_of(4), NAMES)
    shown = {" _cup 0.75", "<b>$x_{2$ 0.75", "鑰匙 \\x1b[2J 0.75", "a name that… 0.75", "mean 0.750"}
    assert shown <= set(svg_texts(plot))


def test_more_classes_than_colours_are_grey_with_their_mean():
    plot = plots.render("f1", "", "", plots.over_score, curves_of(80), ["class"] * 80, curves_of(80).f1, "F1")
    assert "mean" in svg_texts(plot) and "class" not in svg_texts(plot)
    assert not any(colour.lower() in plot.svg.decode() for colour in plots.COLOURS)


def test_a_loss_is_logarithmic_with_plain_numbers_and_a_zero_is_not():
    curve = {"loss": np.array([300.0, 20.0, np.nan, 1.0])}
    texts = svg_texts(plots.render("loss", "", "", plots.epoch_curves, range(4), curve, "loss", True))
    assert {"1", "10", "100", "epoch"} <= set(texts) and not any("math" in text for text in texts)
    flat = svg_texts(plots.render("loss", "", "", plots.epoch_curves, range(4), {"loss": np.zeros(4)}, "loss", True))
    assert "10" not in flat
    nothing = plots.render("loss", "", "", plots.epoch_curves, range(1), {"loss": np.array([np.nan])}, "loss", True)
    assert "epoch" in svg_texts(nothing)


def test_a_confusion_matrix_has_shares_of_rows():
    confusion = np.array([[3, 1, 0], [0, 0, 0], [1, 1, 0]])
    texts = svg_texts(plots.render("confusion", "", "", plots.confusion_matrix, confusion, ("cup", "ball")))
    shares = [text for text in texts if re.fullmatch(r"\d\.\d\d", text)]
    assert sorted(shares) == ["0.25", "0.50", "0.50", "0.75"] and texts.count("background") == 2


def test_a_large_confusion_matrix_is_wide_and_has_the_classes_with_the_most_objects():
    confusion = np.diag(np.arange(1, 202))
    plot = plots.render("confusion", "", "", plots.confusion_matrix, confusion, [f"class {n}" for n in range(200)])
    names = {text for text in svg_texts(plot) if text.startswith("class ")} - {"class of the object",
                                                                             "class of the detection"}
    assert names == {f"class {number}" for number in range(200 - plots.MAX_MATRIX, 200)} and plot.is_wide


def test_bars_grow_with_their_number_and_stand_at_their_values():
    small, large = (plots.render("bars", "", "", plots.bars, list("abc") * k, [1, 2, 3] * k, ["1", "2", "3"] * k, "n")
                    for k in (1, 5))
    assert png_size(large)[0] > 2 * png_size(small)[0] and not small.is_wide
    assert {"a", "b", "c", "1", "2", "3"} <= set(svg_texts(small))


@pytest.mark.parametrize("count", [0, 1, 5000])
def test_heat_of_any_number_of_points(count):
    values = np.random.default_rng(1).uniform(0.01, 0.99, count)
    plot = plots.render("heat", "", "", plots.heat, values, values, "x", "y")
    shown = cv2.imdecode(np.frombuffer(plot.png, np.uint8), cv2.IMREAD_COLOR).astype(int)
    # Blue minus red, in BGR.
    assert (shown[..., 0] - shown[..., 2] > 60).any() == bool(count)


def test_sizes_are_shown_beside_the_anchors():
    sides = np.array([10.0, 20.0, 400.0])
    plot = plots.render("sizes", "", "", plots.heat, sides, sides, "width", "height", True, [[1.5, 900.0]])
    texts = svg_texts(plot)
    assert "anchors" in texts and texts.count("10") == 2 and "500" in texts and "2" in texts
    assert plots.VERMILLION.lower() in plot.svg.decode()


def test_the_settings_of_a_user_change_nothing_and_stay():
    arguments = "pr", "", "", plots.precision_recall, curves_of(2), NAMES
    before = plots.render(*arguments)
    with matplotlib.rc_context({"text.usetex": True, "font.size": 30, "axes.facecolor": "red"}):
        assert plots.render(*arguments) == before
        assert matplotlib.rcParams["font.size"] == 30 and matplotlib.rcParams["text.usetex"]

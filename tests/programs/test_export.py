# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What export.py refuses: options, file names, classes and weights."""
import os
from pathlib import Path

import numpy as np
import pytest

import export
from model_utils.config import get_config
from model_utils.errors import UserError, run_cli
from src.data.categories import Categories
from src.weights.checkpoint import load_checkpoint, save_checkpoint
from tests.support.ascend310.infer_app import write_checkpoint

CPU = ["--device_target", "CPU"]
CLASSES = Categories(("a", "b", "c"), (1, 5, 9))


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("export") / "best.ckpt", CLASSES, shape="64,96")


# Options

@pytest.mark.parametrize("arguments, code, words", [
    (["--ckpt_file="], 2, "ckpt_file is empty"), (["--ckpt_file=/nowhere/a.ckpt"], 1, "/nowhere/a.ckpt: no such file"),
    (["--testing_shape=100"], 2, "testing_shape is '100'"), (["--num_classes=5"], 1, "num_classes is 5"),
    (["--file_format=PTH"], 2, "file_format is 'PTH'"), (["--image=/nowhere/a.jpg"], 1, "/nowhere/a.jpg: cannot read"),
])
def test_wrong_input_is_reported_and_nothing_is_written(checkpoint, tmp_path, capsys, arguments, code, words):
    common = [*CPU, f"--ckpt_file={checkpoint}", f"--file_name={tmp_path / 'm'}"]
    assert run_cli(export.main, [*common, *arguments]) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ") and words in error and "Traceback" not in error
    assert os.listdir(tmp_path) == []


# Weights

@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("name, message", [
    ("head1.bias", "head1.bias holds NaN or infinity, 1 of 24 values; parameters that hold some: 1 of "),
    ("conv2.bn.moving_mean", r"conv2.bn.beta \(its batch-norm folded in\) holds NaN or infinity, 1 of 64 values"),
    ("conv2.bn.gamma", r"conv2.conv.weight \(its batch-norm folded in\) .* 288 of 18432 values; .* some: 2 of "),
])
def test_weights_with_nan_or_infinity_are_refused(checkpoint, tmp_path, name, message, value):
    loaded = load_checkpoint(checkpoint)
    loaded.weights[name] = loaded.weights[name].copy()
    loaded.weights[name][0] = value
    broken = tmp_path / "broken.ckpt"
    save_checkpoint(broken, loaded.weights, loaded.meta)
    with pytest.raises(UserError, match=rf"^{broken}: {message}.*; take an earlier checkpoint"):
        export.main([*CPU, "--ckpt_file", str(broken), "--file_name", str(tmp_path / "m"), "--file_format", "MINDIR"])
    assert os.listdir(tmp_path) == ["broken.ckpt"]


# File names

@pytest.mark.parametrize("name, file_format, expected", [
    ("m", "MINDIR", "m.mindir"), ("m.mindir", "MINDIR", "m.mindir"), ("a.onnx/m.v2", "MINDIR", "a.onnx/m.v2.mindir"),
    (".m", "ONNX", ".m.onnx")])
def test_the_suffix_of_the_format_is_appended_once(name, file_format, expected):
    assert export.model_path(get_config(["--file_name", name, "--file_format", file_format])) == Path(expected)


@pytest.mark.parametrize("name, words", [
    ("", "file_name is '': expected the name of a file"), ("dir/", "file_name is 'dir/': expected the name of a file"),
    ("dir/.mindir", "'dir/.mindir': expected the name"), ("..", "file_name is '..'"),
    ("x.onnx", "file_format MINDIR ends in .mindir: expected x or x.mindir, or another file_format"),
    ("x.air", "expected x or x.mindir"), ("x.MINDIR", "expected x or x.mindir")])
def test_a_file_name_without_a_stem_or_of_another_format_is_refused(checkpoint, capsys, name, words):
    arguments = [*CPU, f"--ckpt_file={checkpoint}", f"--file_name={name}", "--file_format=MINDIR"]
    assert run_cli(export.main, arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: file_name is ") and words in error


@pytest.mark.parametrize("categories, words", [
    (Categories(("a", "b"), (3, 3)), "the classes a, b have the same category id 3"),
    (Categories(("a", ""), (1, 3)), "the class of id 3 has no name")])
def test_classes_that_cannot_be_told_apart_are_refused_as_such(categories, words):
    with pytest.raises(UserError, match=f"^best.ckpt: {words}.*; correct the annotation file"):
        export.refuse_faulty_classes(categories, "best.ckpt")
    for categories in (CLASSES, Categories(("a", "a"), (1, 3))):
        export.refuse_faulty_classes(categories, "best.ckpt")

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/options.py: types, shapes, lists, choices, limits, and reading YAML."""

import numpy as np
import pytest

from model_utils.errors import UsageError, nearest, quoted
from model_utils.options import Limits, Option, read_options, read_yaml, show


def parse(default, raw, name="key", choices=()):
    return Option(name, default, "help", choices).parse(raw, "here")


@pytest.mark.parametrize(("default", "raw", "expected"), [
    (0.1, "1e-3", 0.001), (0.1, 3, 3.0), (0.1, "-2", -2.0), (0.1, np.float32(0.5), 0.5),
    (5, "12", 12), (5, "-1", -1), (5, np.int64(7), 7), (5, 96.0, 96), (5, "96.0", 96), (5, "1e2", 100),
    ((1, 2), [96.0, "32.0"], (96, 32)), ((1, 2), np.array([96.0, 32.0]), (96, 32)),
    ("a", "12", "12"), ("a", "", ""), ("a", "naïve 日本 a: b # c", "naïve 日本 a: b # c"),
    (True, "False", False), (True, "0", False), (False, "1", True), (False, "TRUE", True), (False, 1, True),
    (False, True, True), ((1, 2), "220,250", (220, 250)), ((1, 2), "220, 250", (220, 250)), ((1, 2), "7", (7,)),
    ((1, 2), 7, (7,)), ((1, 2), "[1, 2, 3]", (1, 2, 3)), ((1, 2), "1 2 3", (1, 2, 3)), ((1, 2), [], ()),
    ((0.5, 1.0), "1 2e-1", (1.0, 0.2)), ((0.5, 1.0), "[1, 2e-1]", (1.0, 0.2)), ((0.5,), np.ones(2), (1.0, 1.0)),
    (((0, 1), (2, 3)), "[[1,2,3],[3,4,5]]", ((1, 2, 3), (3, 4, 5))),
    (((0, 1), (2, 3)), [[1], [2]], ((1,), (2,))), ((), "[[320, 320]]", ((320.0, 320.0),)),
])
def test_a_value_has_the_type_of_the_default(default, raw, expected):
    value = parse(default, raw)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(("default", "raw", "words"), [
    (5, "1.5", "a whole number"), (5, 1.5, "a whole number"), (5, True, "a whole number"), (5, None, "a whole number"),
    (5, "x", "a whole number"), (5, "1e400", "finite"), (5, float("nan"), "finite"),
    (0.1, "x", "a number"), (0.1, True, "a number"), (0.1, "nan", "finite"),
    (0.1, float("inf"), "finite"), (0.1, [1], "a number"), (True, "maybe", "True or False"), (True, 2, "True or False"),
    (True, 1.0, "True or False"), ("a", 12, "quotes"), ("a", None, '""'), ("a", ["b"], "text"),
    ((1, 2), "1,x", "a list such as [1, 2]"), ((1, 2), "[1", "brackets"), ((1, 2), "1.5", "a list such as"),
    ((1, 2), {"a": 1}, "a list such as"), ((1, 2), [[1]], "a list such as"), ((1, 2), None, "a list such as"),
    ((), "[[[320]]]", "a list of numbers, or of such lists"), ((), [1] * 101, "it has 101 entries, the longest"),
    ("a", "x" * 4097, "it has 4097 characters, the longest has 4096"), ("a", "\0", "that no path can have"),
    (((0, 1),), "1,2", "list"), (((0, 1),), "[1, 2]", "list"), (((0, 1),), [["x"]], "[[0, 1]]"),
])
def test_a_wrong_type_names_key_value_place_and_what_is_allowed(default, raw, words):
    with pytest.raises(UsageError) as caught:
        parse(default, raw)
    text = str(caught.value)
    assert text.startswith(f"key is {quoted(raw)} (here): expected ")
    assert words in text


@pytest.mark.parametrize(("raw", "expected"), [
    ("320", (320, 320)), (320, (320, 320)), ([320], (320, 320)), ("320,416", (320, 416)), ("320 416", (320, 416)),
    ("[320, 416]", (320, 416)), ([320, 416], (320, 416)), ((32, 64), (32, 64)), ("[[", None), ("320x416", None),
    ("0", None), ("-32", None), ("300", None), ("320,300", None), ("320,320,320", None), ("", None), ("320.5", None),
    ("320.0", (320, 320)),
])
def test_a_shape_is_height_and_width_or_one_number_for_a_square(raw, expected):
    if expected:
        assert parse((640, 640), raw, name="training_shape") == expected
    else:
        with pytest.raises(UsageError, match="training_shape is .*multiples of 32"):
            parse((640, 640), raw, name="training_shape")


def test_a_default_shape_may_be_one_number(tmp_path):
    options = read_options(write(tmp_path, "a_shape: 416\n---\na_shape: text" + 4 * "\n---\n{}"))
    assert options["a_shape"].default == (416, 416)
    assert options["a_shape"].parse("320 64", "here") == (320, 64)


def test_a_wrong_shape_names_the_nearest_right_one():
    with pytest.raises(UsageError, match=r"the nearest is \[288, 448\]"):
        parse((640, 640), "300,440", name="testing_shape")


def test_a_value_outside_the_choices_names_them_and_the_nearest():
    assert parse("CPU", "GPU", choices=("GPU", "CPU")) == "GPU"
    with pytest.raises(UsageError, match=r"'cpu' \(here\): expected one of Ascend, CPU; did you mean CPU\?"):
        parse("CPU", "cpu", choices=("Ascend", "CPU"))
    with pytest.raises(UsageError, match="expected one of 0, 1$"):
        parse(0, "2", choices=(0, 1))


@pytest.mark.parametrize(("limits", "good", "bad", "words"), [
    (Limits(min=1), (1, 9), (0, 0.9), "at least 1"), (Limits(above=0), (1e-9, 9), (0, -1), "more than 0"),
    (Limits(max=1), (-9, 1), (1.1,), "at most 1"), (Limits(below=1), (-9, 0.99), (1,), "less than 1"),
    (Limits(min=0, max=0.5), (0, 0.5), (-0.1, 0.6), "from 0 to 0.5"),
    (Limits(min=0, below=1), (0, 0.99), (-0.1, 1), "at least 0 and less than 1"),
], ids=str)
def test_limits(limits, good, bad, words):
    assert str(limits) == words
    assert all(map(limits.allow, good)) and not any(map(limits.allow, bad))
    assert limits.allow(good) and not limits.allow([good, bad])
    option = Option("key", 0.5, "help", limits=limits)
    assert all(option.parse(value, "here") == value for value in good)
    for value in bad:
        with pytest.raises(UsageError) as caught:
            option.parse(value, "here")
        assert str(caught.value) == f"key is {float(value)!r} (here): expected {words}"


def test_limits_of_a_list_hold_for_each_number():
    option = Option("key", ((1.0, 2.0),), "help", limits=Limits(above=0))
    assert option.parse("[[3, 4], [5, 6]]", "here") == ((3, 4), (5, 6))
    with pytest.raises(UsageError, match=r"key is \[\[3.0, 0.0\]\] \(here\): expected each number more than 0$"):
        option.parse("[[3, 0]]", "here")


def test_nearest_name():
    assert nearest("data-dirr", ["data_dir", "lr"]) == "; did you mean data_dir?"
    assert nearest("zzzz", ["data_dir", "lr"]) == ""


@pytest.mark.parametrize(("value", "text"), [
    ("", '""'), ("a b", "a b"), (((1, 2), (3,)), "[[1, 2], [3]]"), (0.5, "0.5"),
])
def test_show(value, text):
    assert show(value) == text


def write(tmp_path, text):
    path = tmp_path / "file.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_numbers_in_yaml(tmp_path):
    path = write(tmp_path, "a: 1e-3\nb: -2E5\nc: 1.5e+3\nd: 7\ne: 1e-3x\nf: [1e2, 1]\ng: '1e-3'\nh: 2e\n")
    assert read_yaml(path) == [
        {"a": 0.001, "b": -200000.0, "c": 1500.0, "d": 7, "e": "1e-3x", "f": [100.0, 1], "g": "1e-3", "h": "2e"}
    ]


def test_empty_yaml(tmp_path):
    assert read_yaml(write(tmp_path, "")) == []
    assert read_yaml(write(tmp_path, "# nothing\n---\na: 1\n---\n")) == [{"a": 1}, {}]


@pytest.mark.parametrize(("text", "words"), [
    ("a: 1\nb: [1, 2\nc: 3\n", "line 3: not valid YAML"),
    ("a: 1\nb: 2\na: 3\n", "line 3: not valid YAML: the key 'a' is given twice"),
    ("a: 1\n\tb: 2\n", "line 2"),
    ("- 1\n- 2\n", "expected 'key: value' lines, found list"),
    ("just text\n", "expected 'key: value' lines, found str"),
    ("a: !!python/object/apply:os.system ['echo gotcha']\n", "line 1: not valid YAML"),
    ("? [a]\n: 1\n", "line 1: not valid YAML"),
    ("a: 2020-13-45\n", "not valid YAML"),
    (b"a: \xff\xfe\n", "UTF-8"),
    (b"a: \x00\n", "not valid YAML"),
])
def test_broken_yaml_names_the_file_and_the_line(tmp_path, text, words, capfd):
    path = write(tmp_path, text)
    with pytest.raises(UsageError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(str(path))
    assert words in str(caught.value)
    assert "gotcha" not in capfd.readouterr().out


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(UsageError, match="nowhere.yaml: no such configuration file"):
        read_yaml(tmp_path / "nowhere.yaml")
    with pytest.raises(UsageError, match="cannot read"):
        read_yaml(tmp_path)


@pytest.mark.parametrize(("text", "words"), [
    ("a: 1\n---\na: text\n", "found 4 YAML documents, expected six"),
    ("a: 1\n---\n{}\n---\n{}\n---\n{}\n", "a has no help text"),
    ("a: 1\n---\na: text\nb: text\n---\n{}\n---\n{}\n", "b has a help text, choices or limits, is decisive"),
    ("a: 1\n---\na: text\n---\nb: [1]\n---\n{}\n", "b has a help text, choices or limits, is decisive"),
    ("a: 1\n---\na: text\n---\n{}\n---\nb: {min: 1}\n", "b has a help text, choices or limits, is decisive"),
    ("a: 1\n---\na: text\n---\na: [2, 3]\n---\n{}\n", "expected one of 2, 3"),
    ("a: 1\n---\na: text\n---\n{}\n---\na: {min: 2}\n", "a is 1 .*expected at least 2"),
    ("a: 1\n---\na: text\n---\n{}\n---\na: {least: 2}\n", "the limits of a are {'least': 2}: expected some of min"),
    ("a: 1\n---\na: text\n---\n{}\n---\na: 2\n", "the limits of a are 2: expected some of min"),
    ("a:\n---\na: text\n---\n{}\n---\n{}\n", "expected a number, True, False, text or a list"),
    ("a_shape: 300\n---\na_shape: text\n---\n{}\n---\n{}\n", "multiples of 32"),
    ("a: 1\n---\na: text\n---\n{}\n---\n{}\n", "d has a help text, choices or limits, is decisive"),
    ("a: 1\n---\na: text\n---\n{}\n---\n{}\n", "c has a help text, choices or limits, is decisive"),
])
def test_a_broken_default_configuration_is_explained(tmp_path, text, words):
    decisive = "decisive: [c]\n" if words.startswith("c ") else "{}\n"
    programs = "train: [d]\n" if words.startswith("d ") else "{}"
    with pytest.raises(UsageError, match=words):
        read_options(write(tmp_path, f"{text}---\n{decisive}---\n{programs}"))

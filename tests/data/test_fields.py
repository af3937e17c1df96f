# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Values of annotation files: what counts as a whole number, a number, an id or a crowd flag; how they are shown."""
import math

import pytest

from src.data.fields import crowd_flag, describe, finite_number, id_key, missing_field, whole_number


@pytest.mark.parametrize(("value", "expected"), [
    (96, 96), (96.0, 96), ("96", 96), ("96.0", 96), (" 96 ", 96), ("-3", -3), (2**63 - 1, 2**63 - 1),
    ("9007199254740993", 2**53 + 1), ("1e2", None), ("1_0", None), ("9" * 5000, None), (2**63, None), (96.5, None),
    ("96.5", None), ("", None), ("x", None), (True, None), (None, None), ([96], None), (math.nan, None),
    (math.inf, None), ("inf", None), (10**400, None)])
def test_whole_numbers(value, expected):
    assert whole_number(value) == expected


@pytest.mark.parametrize(("value", "expected"), [
    (1, 1.0), (1.5, 1.5), ("1.5", 1.5), (" -2e3 ", -2000.0), (True, None), (None, None), ("nan", None), (10**400, None),
    ([1], None), ("1,5", None), ("1_5", None)])
def test_numbers(value, expected):
    found = finite_number(value)
    assert math.isnan(found) if expected is None else found == expected


@pytest.mark.parametrize("same", [(7, 7.0, "7", "007", " 7 ", "7.0"), ("a1", " a1 "), (None, "", "  ", 1.5, True, [7])])
def test_ids_that_mean_the_same(same):
    assert len({id_key(value) for value in same}) == 1


def test_ids_that_differ():
    assert len({id_key(value) for value in (7, 8, 70, "a", "A", "7a", "7_0", "7e1", None)}) == 9


@pytest.mark.parametrize(("value", "expected"), [
    (0, 0), (1, 1), (None, 0), (False, 0), (True, 1), (0.0, 0), ("0", 0), (" True ", 1), ("null", 0), (2, None),
    ("yes", None), ({}, None)])
def test_crowd_flags(value, expected):
    assert crowd_flag(value) == expected


def test_messages_show_value_type_and_the_nearest_field():
    assert [describe(value) for value in (None, 1.5, "1.5", True, [1, 2])] == [
        "null", "1.5 (number)", "'1.5' (text)", "True (true or false)", "[1, 2]"]
    assert missing_field({"filename": "a.jpg"}, "file_name") == 'has no "file_name"; did you mean filename?'
    assert missing_field({}, "width") == 'has no "width"'

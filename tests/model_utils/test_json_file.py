# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/json_file.py: errors for unreadable files, broken json and values of a wrong type."""
import json
import os
from pathlib import Path

import pytest

from model_utils.errors import UserError
from model_utils.files import write_atomically
from model_utils.json_file import MB, is_finite_number, parse_json, read_file, read_json, type_faults, write_json

EXAMPLE = {"name": "text", "scores": [0.5], "size": {"width": 1, "whole": True}}
SOUND = {"name": "", "scores": [], "size": {"width": -3, "whole": False}}


def test_the_error_of_an_unreadable_file_names_the_remedy(tmp_path):
    with pytest.raises(UserError, match="a.json: cannot read this record: No such file or directory; check the path a"):
        read_json(tmp_path / "a.json", "record")
    (tmp_path / "a.json").write_text("9" * 5000)
    with pytest.raises(UserError, match="a.json: no json that can be read: .*; make or copy the file again"):
        read_json(tmp_path / "a.json", "record")


def test_only_regular_files_of_at_most_the_limit_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(UserError, match=r"pipe.json: cannot read this record: it is a FIFO, not a regular file"):
        read_json(tmp_path / "pipe.json", "record")
    path = tmp_path / "a.json"
    with path.open("wb") as file:
        # A hole: it takes no space.
        file.truncate(3 * MB + 1)
    with pytest.raises(UserError, match="a.json: this annotation file has 3.0 MB, more than 3; .*raise --max_json_mb"):
        read_json(path, "annotation file", max_mb=3)
    path.write_bytes(b" " * (MB - 1) + b"7")
    assert read_json(path, max_mb=1) == 7


@pytest.mark.parametrize(("data", "words"), [
    (b"", "broken json in line 1, column 1: "), (b'{"a": [],\n "b": [}', "broken json in line 2, column 8: "),
    (b'"\xff', "broken json in line 1, column 1: "), (100_000 * b"[", "no json that can be read: "),
])
def test_broken_json_is_located(data, words):
    with pytest.raises(UserError, match=f"^a.json: {words}.*; make or copy the file again"):
        parse_json(data, Path("a.json"))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"])
def test_every_encoding_of_tools_is_read(encoding):
    assert parse_json('{"name": "Größe"}'.encode(encoding), Path("a.json")) == {"name": "Größe"}


def test_content_is_returned_through_the_hook(tmp_path):
    path = tmp_path / "a.json"
    path.write_bytes(b'\xef\xbb\xbf{"a": [{"b": 1}, null]}')
    assert read_file(path) == path.read_bytes()
    assert read_json(path) == {"a": [{"b": 1}, None]}
    assert read_json(path, object_hook=list) == ["a"]


# Types

def test_values_like_their_examples_have_no_fault():
    for found in (SOUND, {**SOUND, "scores": [1, 0.25]}):
        assert list(type_faults(found, EXAMPLE)) == []


@pytest.mark.parametrize(("values", "faults"), [
    ({"name": 5}, ["name is 5; expected text"]), ({"name": None}, ["name is None; expected text"]),
    ({"scores": {}}, ["scores is {}; expected a list"]), ({"size": [1]}, ["size is [1]; expected an object"]),
    ({"scores": [1, True, "a"]}, ["scores[1] is True; expected a number", "scores[2] is 'a'; expected a number"]),
    ({"scores": [float("nan")]}, ["scores[0] is nan; expected a number"]),
    ({"size": {"width": 1.0, "whole": 1}},
     ["size.width is 1.0; expected a whole number", "size.whole is 1; expected true or false"]),
    ({"size": {"width": True}}, ["size lacks whole", "size.width is True; expected a whole number"]),
])
def test_every_value_of_another_type_is_reported_with_its_place(values, faults):
    assert list(type_faults({**SOUND, **values}, EXAMPLE)) == faults


def test_a_file_of_another_type_and_further_keys():
    assert list(type_faults([1], EXAMPLE)) == ["the file is [1]; expected an object"]
    found = {**SOUND, "size": {**SOUND["size"], "depth": 1}}
    assert list(type_faults(found, EXAMPLE)) == ["size has 'depth', which nothing reads"]
    assert list(type_faults(found, EXAMPLE, takes_others=True)) == []
    assert list(type_faults({"options": {"any": 1}}, {"options": {}})) == []
    assert [list(type_faults(value, (1, "a"))) for value in (7, "x", 1.5)] == [
        [], [], ["the file is 1.5; expected a whole number or text"]]


@pytest.mark.parametrize(("text", "is_finite"), [
    ("0", True), ("-2.5", True), ("1e308", True), ("1e309", False), ("NaN", False), ("-Infinity", False),
    ("1" + 400 * "0", False), ("true", False), ('"1"', False), ("null", False), ("[1]", False),
])
def test_a_finite_number_is_one_that_a_float_can_hold(text, is_finite):
    assert is_finite_number(json.loads(text)) is is_finite


def test_writing_replaces_the_file_whole_or_not_at_all(tmp_path):
    path = tmp_path / "new" / "results.json"
    write_json(path, [{"image_id": 1}])
    assert json.loads(path.read_text()) == [{"image_id": 1}]
    with pytest.raises(ValueError):
        write_json(path, [float("nan")])
    with pytest.raises(TypeError):
        write_atomically(path, "no bytes")
    assert json.loads(path.read_text()) == [{"image_id": 1}]
    assert [entry.name for entry in path.parent.iterdir()] == ["results.json"]
    assert path.stat().st_mode & 0o777 == 0o644

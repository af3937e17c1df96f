# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Input that asks for all memory or time, or that no parser expects: each ends with a short error of ours."""
import json

import numpy as np
import pytest

from model_utils.config import get_config
from model_utils.errors import UsageError, UserError
from model_utils.rank_table import read_rank_table
from src.weights.checkpoint import META_KEY, load_checkpoint, save_checkpoint
from tools.faults.sound_input import head_biases, run_meta, write_data

MAX_MESSAGE = 3000


# Command line and configuration file

@pytest.mark.parametrize(("arguments", "words"), [
    (["--anchors=# ["], "expected a list"), (["--" + "x" * 100_000, "1"], "unknown option --xxx"),
    (["x" * 100_000], "unexpected argument 'xxx"),
], ids=lambda value: value[0][:20] if isinstance(value, list) else "")
def test_an_argument_out_of_all_bounds(arguments, words):
    with pytest.raises(UsageError, match=words) as caught:
        get_config(arguments)
    assert len(str(caught.value)) < MAX_MESSAGE


def laughs(form):
    """Return YAML in which each of twelve lines repeats the one before nine times."""
    return "".join(form.format(name=chr(98 + line), items=",".join([f"*{chr(97 + line)}"] * 9)) for line in range(12))


@pytest.mark.parametrize(("text", "words"), [
    ("a: &a {k: 1}\n" + laughs("{name}: &{name}\n  <<: [{items}]\n"), "more than 10000 values, with those"),
    ("".join(f"k{i}: 1\n" for i in range(20_000)), "than 10000"),
    ("anchors: " + "[" * 100_000, "line 1: not valid YAML: lists in lists, more than 20 deep"),
    ("- " * 100_000, "more than 20 deep"),
    ("".join(f"k{i}: 1\n" for i in range(1000)), "unknown key k0.*; and 990 more"), ("x: " + "a" * 200_000, "key x"),
    (f"seed: 0x{'f' * 5000}", "seed is a number of 20000 bits"), (f"? 0x{'f' * 5000}\n: 1", "unknown key a number of"),
    ("lr: !!timestamp x", "line 1: not valid YAML: 'x' is no valid timestamp"), ("lr: !!int ''", "'' is no valid int"),
    (f"lr: {'1:' * 500}1.5", "'1:1:.* is no valid float"), ("lr: !!bool x", "'x' is no valid bool"),
    ("lr: !!set [a]", "expected a mapping node"),
    ('data_dir: "\\ud800"', "characters that no path can have"),
], ids=range(14))
def test_a_configuration_file_out_of_all_bounds(tmp_path, text, words):
    path = tmp_path / "config.yaml"
    path.write_text(text)
    with pytest.raises(UsageError, match=f"(?s){words}") as caught:
        get_config([f"--config_path={path}"])
    assert str(path) in str(caught.value) and len(str(caught.value)) < MAX_MESSAGE


# Rank tables

def table(**values):
    server = {"server_id": "a", "device": [{"rank_id": "0", "device_id": "0"}]}
    return {"version": "1.0", "server_list": [{**server, **values}]}


@pytest.mark.parametrize(("content", "words"), [
    ({"version": "x" * 10**6, "server_list": []}, "version is 'xxx"), ({"version": [[[[[[]]]]]]}, "version is "),
    (table(server_id="x" * 10**6), r"server_list\[0\].server_id is 'x"), (table(host_ip="x" * 300), "host_ip is 'xxx"),
    (table(device=[{"rank_id": "9" * 5000, "device_id": "0"}]), "rank_id is '999.*; expected a whole number"),
    (table(device=[{"rank_id": "0", "device_id": "²"}]), "device_id is '²'; expected a whole number"),
    (table(device=["x" * 10**6]), r"device\[0\] is 'x"), ({**table(), "server_count": "x" * 10**6}, "server_count is"),
    (table(device=[[]] * 200_000), "with 200004 opening brackets; expected at most .* with 131072 brackets"),
    (" " * 2**24 + "{}", "this rank table has 16.0 MB, more than 16; check the path"),
    ("[" * 10**5, "no json that can be"),
], ids=range(11))
def test_a_rank_table_out_of_all_bounds(tmp_path, content, words):
    path = tmp_path / "rank_table.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(UserError, match=words) as caught:
        read_rank_table(path)
    assert str(path) in str(caught.value) and len(str(caught.value)) < MAX_MESSAGE


# Checkpoints

@pytest.fixture(scope="module")
def meta(tmp_path_factory):
    write_data(tmp_path_factory.getbasetemp() / "sound data")
    return run_meta(tmp_path_factory.getbasetemp() / "sound data")


@pytest.mark.parametrize(("change", "words"), [
    ({META_KEY: "[1]"}, r"its meta data is not what training writes.*\n  it is \[1\]; expected an object"),
    ({META_KEY: "{"}, "meta data: broken json in line 1"), ({META_KEY: 7}, "meta data|cannot be read"),
    ({"head1.bias": np.float32(1)}, "'head1.bias' has the shape"),
    ({"head1.bias": np.zeros(99, np.float32)}, r"head1.bias has the shape \(99,\), but its meta data, with 2 classes"),
])
def test_a_file_with_a_right_checksum_and_wrong_content(tmp_path, meta, change, words, monkeypatch):
    path, weights = tmp_path / "a.ckpt", head_biases(meta)
    text = change.get(META_KEY)
    if text is not None:
        monkeypatch.setattr("src.weights.checkpoint.json.dumps", lambda meta: text)
    save_checkpoint(path, {**weights, **{name: value for name, value in change.items() if name != META_KEY}}, meta)
    with pytest.raises(UserError, match=f"(?s)^checkpoint {path}.*{words}"):
        load_checkpoint(path)

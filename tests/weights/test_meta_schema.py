# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The schema of meta data: what training writes passes as it is, everything else is named with what is expected."""
import json
import math
from dataclasses import asdict

import numpy as np
import pytest

from model_utils.config import TRAVELLING, get_config
from model_utils.errors import UserError
from model_utils.json_file import MAX_OWN_BYTES
from src.config import training_config
from src.loss import LOSS_PARTS
from src.training.train_state import Progress, describe_network
from src.weights.meta_schema import PROGRESS, check_heads, checked_meta
from tests.support.small_networks import IDS, NAMES, Categories
from tools.faults.sound_input import head_biases


@pytest.fixture
def meta():
    """Meta data as a run writes it, at step 7 of 10, and as json gives it back."""
    config = training_config(get_config(["--max_epoch=2", "--data_dir=secret", "--training_shape=64"]))
    progress = Progress(step=7, epoch_loss=1.5, epoch_steps=2, epoch_parts=[0.5] * len(LOSS_PARTS))
    return json.loads(json.dumps({**describe_network(config, Categories(NAMES, IDS)), "config": config.to_dict(),
                                  "steps_per_epoch": 5, "progress": asdict(progress)}))


def check(meta):
    return checked_meta(json.dumps(meta), "last.ckpt")


def test_what_training_writes_passes_without_its_paths(meta):
    assert meta["progress"]["best_score"] == -math.inf
    found = check(meta)
    config = found.pop("config")
    assert found == {key: value for key, value in meta.items() if key != "config"}
    assert config.items() <= meta["config"].items() and "data_dir" not in config and config["device_target"] == "Ascend"
    # Tests of the options say which texts are left out.
    assert len(config) > 70


def test_every_field_of_the_progress_has_a_rule():
    assert list(PROGRESS) == list(asdict(Progress()))


@pytest.mark.parametrize("keys", [(), TRAVELLING, ("class_names", "category_ids"), ("progress",), (*TRAVELLING, "x")])
def test_keys_may_be_missing_and_unknown_ones_are_left_out(meta, keys):
    meta["x"] = {"a": [1]}
    known = {key: meta[key] for key in keys if key in meta}
    assert check(known) == {key: value for key, value in known.items() if key != "x"}


def test_an_option_that_no_longer_exists_is_left_out(meta):
    meta["config"]["anchor_scales"] = [[10, 13]]
    assert "anchor_scales" not in check(meta)["config"]


@pytest.mark.parametrize(("path", "value", "words"), [
    ((), [1], r"it is \[1\]; expected an object"),
    (("testing_shape",), [320_000, 320_000], r"testing_shape is \[320000, 320000\] .*each number at most 8192"),
    (("testing_shape",), "wide", "testing_shape is 'wide' .checkpoint.: expected .height, width."),
    (("anchors",), [[1, 2]] * 3_000, r"anchors is \[\[1, 2\], .*it has 3000 entries, the longest has 100"),
    (("anchors",), [[1, 2]], r"anchor_masks is .* .checkpoint.: expected numbers from 0 to 0"),
    (("mean",), [0.5], "mean is .0.5. .checkpoint.: expected three numbers"),
    (("resize_mode",), "warp", "resize_mode is 'warp' .checkpoint.: expected one of stretch, letterbox"),
    (("class_names",), "cup", "class_names is 'cup'; expected a list"),
    (("class_names", 0), 5, "the name of class 0 is 5; expected a text"),
    (("class_names", 1), "x" * 10**7, "the name of class 1 has 10000000 characters; expected at most 200"),
    (("class_names", 1), "\ud800", r"the name of class 1 is '\\ud800'; expected a text"),
    (("class_names",), ["a"] * 20_000, "class_names has 20000 entries; expected from 1 to 10000"),
    (("class_names",), ["a"], "class_names has 1 entries and category_ids 3; expected as many"),
    (("category_ids", 0), 2**63, "the id of class 0 is 9223372036854775808; expected a text or a whole number of 64"),
    (("category_ids", 0), 1.5, "the id of class 0 is 1.5; expected a text or a whole number"),
    (("steps_per_epoch",), 0, "steps_per_epoch is 0 .checkpoint.: expected from 1 to 1000000000"),
    (("progress",), None, "progress is None; expected an object"),
    (("progress", "step"), 10**18, "progress.step is 1000000000000000000 .checkpoint.: expected from 0 to"),
    (("progress", "step"), 11, "progress.step is 11; expected at most 10, as a run of 5 steps an epoch has 2 epochs"),
    (("progress", "step"), True, "progress.step is True .checkpoint.: expected a whole number"),
    (("progress", "epoch_steps"), 6, "progress.epoch_steps is 6; expected at most 5"),
    (("progress", "epoch_parts"), [1.0], "progress.epoch_parts is .1.0.; expected none or 6 numbers"),
    (("progress", "epoch_loss"), math.nan, "progress.epoch_loss is nan .checkpoint.: expected a number .it must be"),
    (("config",), 3, "config is 3; expected an object"),
    (("config", "max_epoch"), 1e11, "max_epoch is 100000000000 .checkpoint, config.: expected from 1 to 100000"),
    (("config", "group_size"), ..., "lacks config.group_size"), (("steps_per_epoch",), ..., "lacks steps_per_epoch"),
], ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else None)
def test_values_that_training_never_writes_are_named(meta, path, value, words):
    place = meta
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    elif path:
        place[path[-1]] = value
    with pytest.raises(UserError, match=f"(?s)^checkpoint last.ckpt: its meta data is .*\n  {words}") as caught:
        check(meta if path else value)
    assert caught.value.exit_code == 1 and len(str(caught.value)) < 2000


@pytest.mark.parametrize(("text", "words"), [
    ("{", "broken json in line 1, column 2"), ("[" * 100_000, "no json that can be read"),
    (f'{{"step": {"9" * 5000}}}', "no json that can be read"), (f'["{"x" * MAX_OWN_BYTES}"]', "at most 16777216"),
    ("[" + "[]," * 200_000 + "[]]", "with 131072 brackets")])
def test_json_that_cannot_be_read_or_is_too_large_is_named(text, words):
    with pytest.raises(UserError, match=f"^checkpoint last.ckpt, meta data: .*{words}"):
        checked_meta(text, "last.ckpt")


def test_heads_must_fit_before_a_network_of_their_size_is_built(meta):
    weights = head_biases(meta)
    check_heads(weights, check(meta), "a.ckpt")
    check_heads({"conv0.conv.weight": np.zeros(3)}, check(meta), "a.ckpt")
    check_heads({**weights, "head1.bias": np.zeros(5)}, {}, "a.ckpt")
    with pytest.raises(UserError, match=r"^checkpoint a.ckpt: head1.bias has the shape \(5,\), but its meta data, with "
                                        r"3 classes and 3 anchors a scale, needs \(24,\)"):
        check_heads({**weights, "head1.bias": np.zeros(5)}, check(meta), "a.ckpt")

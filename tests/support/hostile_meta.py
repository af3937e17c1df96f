# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Meta data of checkpoints as an attacker, a damaged disk or another tool might write it, and what programs do with it.

    text = mutated(meta, np.random.default_rng(1))
    use(text, data)                 # a UserError, or nothing
"""
import json
import math

import numpy as np

from model_utils.config import default_options, get_config
from src.config import check_config, resumed_config, training_config
from src.evaluation.inference import check_categories, checkpoint_categories
from src.network.head_layout import FIRST_CLASS
from src.training.train_state import Progress, accept_changes
from src.weights.checkpoint import Checkpoint
from src.weights.meta_schema import check_heads, checked_meta

PATH = "hostile.ckpt"
# Characters of a value that is repeated: three times 300 of a large one would fill the memory here.
MAX_REPEATED = 100


def nested(depth):
    """Return a list in a list in a list, and so on."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


HOSTILE = (
    None, True, False, 0, 1, -1, 32, 0.5, 10**18, -10**18, 10**400, 1e308, math.nan, math.inf, -math.inf, "", "auto",
    "7", "1e-3", "\ud800", "\0", "\x1b[2J", "../../etc/passwd", "[[1, 2], [3, 4]]", "[" * 1000, 100_000 * "x", [], {},
    [[]], [{}], nested(50), nested(900), [0], [1, 2], [None] * 3, [[1, 2]] * 20_000, ["a"] * 20_000,
    [320_000, 320_000], {"a": {"b": []}},
)


def places(value, path=()):
    """Yield the paths of all values in json, keys of objects and numbers of lists."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(item, (*path, key))


def mutated(meta, rng):
    """Return the json text of meta data in which one to three values are replaced, removed, repeated or added.

    Args:
        meta (dict): sound meta data; is not changed.
        rng (np.random.Generator): decides on what changes.
    """
    text = json.dumps(meta)
    for _ in range(rng.integers(1, 4)):
        # Read again: entries of a list that are one object would all change.
        meta = json.loads(text)
        *parents, key = (paths := list(places(meta)))[rng.integers(len(paths))]
        place = meta
        for parent in parents:
            place = place[parent]
        kind = rng.integers(8)
        if kind == 0:
            del place[key]
        elif kind == 1 and isinstance(place, list) and len(json.dumps(place[key])) < MAX_REPEATED:
            place[key:key] = [place[key]] * int(rng.integers(1, 300))
        elif kind == 2 and isinstance(place, dict):
            place[f"{key}_"] = place.pop(key)
        elif kind == 3 and isinstance(place[key], int | float):
            place[key] = place[key] * float(rng.choice([-1, 0, 1.5, 1e3, 1e9, 1e18]))
        else:
            place[key] = HOSTILE[rng.integers(len(HOSTILE))]
        text = json.dumps(meta)
    if rng.integers(10) == 0:
        start = int(rng.integers(len(text)))
        text = text[:start] + text[start + int(rng.integers(1, 20)):]
    return text


def weights_for(meta):
    """Return the biases of heads that fit meta data with three anchors on each scale."""
    rows = 3 * (FIRST_CLASS + len(meta["class_names"]))
    return {f"{head}.bias": np.zeros(rows, np.float32) for head in ("head1", "head2")}


def use(text, data, weights):
    """Do with meta data what evaluation, fine-tuning and a resumed run do with it before they build a network.

    Args:
        text (str): json.
        data (CocoData): training split of the run.
        weights (dict): name to array, of the same file.

    Raises:
        UserError: it cannot be used; any other exception is a fault of the programs.
    """
    meta = checked_meta(text, PATH)
    check_heads(weights, meta, PATH)
    checkpoint = Checkpoint(PATH, weights, {"conv0.conv.weight": np.zeros(1)}, meta)
    config = get_config([]).with_checkpoint(meta)
    check_config(config)
    checkpoint_categories(checkpoint, config)
    user = get_config(["--resume=mine.ckpt", "--ckpt_path=mine", "--data_dir=my data"])
    resumed = training_config(resumed_config(user, checkpoint))
    texts = [name for name, option in default_options().items() if option.is_free_text]
    assert [resumed[name] for name in texts] == [user[name] for name in texts], "a path came from a checkpoint"
    check_config(resumed)
    accept_changes(checkpoint, resumed, data)
    Progress(**meta["progress"])
    check_categories(checkpoint, data.categories)

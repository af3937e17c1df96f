# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The schema of a checkpoint's meta data: what each key may hold, checked before anything uses it.

    meta = checked_meta('{"class_names": ["cup"], "category_ids": [3], ...}', "last.ckpt")

Values have the types and limits of the options that they are, or those written here. Nothing of it is a path: the free
texts of the saved config are left out, as are keys that this version does not know.
"""
import math

from model_utils.config import TRAVELLING, default_options, get_config
from model_utils.errors import UserError, quoted
from model_utils.json_file import listed, parse_own_json, type_faults
from model_utils.options import Limits, Option, plain
from src.config import check_config
from src.data.categories import class_faults
from src.initializer import HEAD_SCALES
from src.loss import LOSS_PARTS
from src.network.head_layout import FIRST_CLASS

MAX_STEPS_PER_EPOCH, MAX_STEPS = 10**9, 10**14
# What the meta data of a run has besides its config, and what that must hold.
RUN_KEYS = ("progress", "steps_per_epoch", "class_names")
CONFIG_KEYS = ("group_size", "eval_interval", "max_epoch")
STEPS_PER_EPOCH = Option("steps_per_epoch", 1, "", limits=Limits(min=1, max=MAX_STEPS_PER_EPOCH))
# The fields of `Progress`.
PROGRESS = {name: Option(f"progress.{name}", default, "", limits=limits) for name, default, limits in (
    ("step", 0, Limits(min=0, max=MAX_STEPS)),
    ("epoch_loss", 0.0, None),
    ("epoch_steps", 0, Limits(min=0, max=MAX_STEPS_PER_EPOCH)),
    ("epoch_parts", (0.0,), None),
    ("epoch_replaced", 0, Limits(min=0, max=MAX_STEPS)),
    ("best_score", 0.0, None),
    ("skipped_steps", 0, Limits(min=0, max=MAX_STEPS)),
    ("bad_steps_in_row", 0, Limits(min=0, max=MAX_STEPS)),
    ("validations_without_gain", 0, Limits(min=0, max=MAX_STEPS)),
    ("loss_scale", 0.0, Limits(min=0, max=1e38)),
    ("good_steps", 0, Limits(min=0, max=2**31 - 1)),
    ("lowest_loss", 0.0, None),
    ("diverged", False, None),
)}
# No epoch has been scored yet.
BEFORE_THE_FIRST = (("best_score", -math.inf), ("lowest_loss", math.inf))
# Further keys of a run: what a resumed one must find again, and the ids of damaged images.
OTHERS = {"data": {"images": 0, "boxes": 0, "sha256": ""}, "left_out": [(0, "")]}


def checked_meta(text, path):
    """Return the meta data (dict) of a checkpoint from its json text; lists stay lists, keys may be missing.

    Raises:
        UserError: names the checkpoint and each key at fault, what was found and what is expected.
    """
    found = parse_own_json(text.encode("utf-8", "surrogatepass"), f"checkpoint {path}, meta data")
    faults = []
    meta = _read(_entries(found, "it", faults), faults)
    faults = faults or list(_contradictions(meta))
    if faults:
        raise UserError(f"checkpoint {path}: its meta data is not what training writes; it was damaged or changed, so "
                        f"take another copy or an earlier checkpoint:\n  {listed(faults)}")
    return meta


def check_heads(weights, meta, path):
    """Check that the heads have the rows that the classes and anchors of the meta data need, before a network is built.

    Raises:
        UserError: names the head and both sizes.
    """
    if "class_names" not in meta or "anchor_masks" not in meta:
        return
    for head, scale in HEAD_SCALES.items():
        anchors, classes = len(meta["anchor_masks"][scale]), len(meta["class_names"])
        rows, name = anchors * (FIRST_CLASS + classes), f"{head}.bias"
        if name in weights and weights[name].shape != (rows,):
            raise UserError(f"checkpoint {path}: {name} has the shape {weights[name].shape}, but its meta data, with "
                            f"{classes} classes and {anchors} anchors a scale, needs ({rows},); take another copy or "
                            "an earlier checkpoint")


def _read(found, faults):
    """Return the known keys of meta data with values of the right type, and append to `faults` what has none."""
    options = default_options()
    meta = _parsed(found, {key: options[key] for key in TRAVELLING} | {"steps_per_epoch": STEPS_PER_EPOCH},
                   "checkpoint", faults)
    for key in ("class_names", "category_ids"):
        if key in found:
            meta[key] = _entries(found[key], key, faults, list)
    if len(meta.get("class_names", ())) <= options["num_classes"].limits.max:
        faults += class_faults(meta.get("class_names", ()), meta.get("category_ids", ()))
    if "config" in found:
        config = _entries(found["config"], "config", faults)
        meta["config"] = _parsed(config, {name: option for name, option in options.items() if not option.is_free_text},
                                 "checkpoint, config", faults)
        faults += [f"lacks {key}" for key in RUN_KEYS if key not in found]
        faults += [f"lacks config.{key}" for key in CONFIG_KEYS if key not in config]
    if "progress" in found:
        progress = _entries(found["progress"], "progress", faults)
        finite = {name: value for name, value in progress.items() if (name, value) not in BEFORE_THE_FIRST}
        meta["progress"] = {**progress, **_parsed(finite, PROGRESS, "checkpoint", faults)}
    for key, example in OTHERS.items():
        if key in found:
            meta[key] = found[key]
            faults += type_faults(found[key], example, key)
    return meta


def _entries(value, name, faults, kind=dict):
    """Return an object or a list as it is; append a fault and return an empty one for anything else."""
    if isinstance(value, kind):
        return value
    faults.append(f"{name} is {quoted(value)}; expected {'an object' if kind is dict else 'a list'}")
    return kind()


def _parsed(found, options, where, faults):
    """Return the values of `found` that are options, typed; append what is wrong with them to `faults`."""
    values = {}
    for name, option in options.items():
        if name in found:
            try:
                values[name] = plain(option.parse(found[name], where))
            except UserError as error:
                faults.append(str(error))
    return values


def _contradictions(meta):
    """Yield where meta data of the right types contradicts itself."""
    names, ids, limits = meta.get("class_names"), meta.get("category_ids"), default_options()["num_classes"].limits
    if names is not None and not limits.allow(len(names)):
        yield f"class_names has {len(names)} entries; expected {limits}"
    if (names is None) != (ids is None) or names is not None and len(names) != len(ids):
        yield (f"class_names has {len(names or ())} entries and category_ids {len(ids or ())}; expected as many")
    try:
        check_config(get_config([]).with_checkpoint(meta))
    except UserError as error:
        yield from map(str.strip, str(error).splitlines())
    progress, steps = meta.get("progress", {}), meta.get("steps_per_epoch")
    if len(progress.get("epoch_parts", ())) not in (0, len(LOSS_PARTS)):
        yield f"progress.epoch_parts is {quoted(progress['epoch_parts'])}; expected none or {len(LOSS_PARTS)} numbers"
    if "config" in meta:
        for name, most in (("step", steps * meta["config"]["max_epoch"]), ("epoch_steps", steps)):
            if progress.get(name, 0) > most:
                yield (f"progress.{name} is {progress[name]}; expected at most {most}, as a run of {steps} steps an "
                       f"epoch has {meta['config']['max_epoch']} epochs")

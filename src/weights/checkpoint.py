# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints: written atomically with a checksum, read strictly, in our names or those of the 2021 version.

A file holds tensors by name (weights; in `last.ckpt` also `moments.<weight>` and, where weights are averaged,
`ema.<weight>`) and one json text, the meta data: what the network needs to run (classes, anchors, how an image is
resized, ...) and the progress of the run.
"""
import json
import logging
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import mindspore as ms

from model_utils.errors import MAX_SHOWN, UserError, quoted
from model_utils.files import file_fault, replacing
from model_utils.json_file import listed
from src.weights.checkpoint_list import check_listed
from src.weights.meta_schema import check_heads, checked_meta

# MindSpore reads no file whose name ends otherwise.
SUFFIX = ".ckpt"
META_KEY = "yolov3_tiny_meta"
MOMENTS_PREFIX, AVERAGE_PREFIX = "moments.", "ema."
# What the 2021 version saved beside weights and moments.
OPTIMIZER_STATE = ("learning_rate", "global_step", "momentum")
NUM_CONV_BLOCKS = 11
# Names that do not fit which a message lists: those of two networks.
MAX_PROBLEMS = 200
BATCH_NORM_FIELDS = ("gamma", "beta", "moving_mean", "moving_variance")


@dataclass
class Checkpoint:
    """The content of a file: weights by our names, moments and averages by the weight's name, and the meta data."""

    path: str
    weights: dict
    moments: dict = field(default_factory=dict)
    meta: dict = field(default_factory=dict)
    averages: dict = field(default_factory=dict)

    def best_weights(self):
        """Return the weights that a network should run with: the averaged ones where there are some."""
        return self.averages or self.weights


def legacy_names():
    """Return the rename table of the 2021 version: its full names, and those of its backbone files, to ours."""
    table = {}
    for prefix in ("yolo_network.feature_map.backbone.", "backbone."):
        for i in range(NUM_CONV_BLOCKS):
            table[f"{prefix}conv{i}.0.weight"] = f"conv{i}.conv.weight"
            for name in BATCH_NORM_FIELDS:
                table[f"{prefix}conv{i}.1.{name}"] = f"conv{i}.bn.{name}"
    for head in ("head1", "head2"):
        for name in ("weight", "bias"):
            table[f"yolo_network.feature_map.{head}.{name}"] = f"{head}.{name}"
    return table


def save_checkpoint(path, weights, meta, moments=None, averages=None):
    """Write a checkpoint so that `path` always is either the old file or the whole new one.

    Args:
        path (str or Path): file to write; its folder must exist.
        weights (dict): name to Parameter, Tensor or array.
        meta (dict): what json can hold.
        moments, averages (dict): optional, like `weights`, by the weight's name.
    """
    with replacing(path) as temporary:
        write_checkpoint(temporary, weights, meta, moments, averages)


def write_checkpoint(path, weights, meta, moments=None, averages=None):
    """Write a checkpoint to a new file in a folder that has no other one; see `save_checkpoint`.

    MindSpore writes a file of another name first, removes an old one, and leaves files that only their owner can read.
    """
    tensors = dict(weights)
    for prefix, values in ((MOMENTS_PREFIX, moments), (AVERAGE_PREFIX, averages)):
        tensors.update({prefix + name: value for name, value in (values or {}).items()})
    # Copies: the next step must not change what is saved.
    entries = [{"name": name, "data": ms.Tensor(_to_numpy(value))} for name, value in tensors.items()]
    with _no_log_lines():
        ms.save_checkpoint(entries, str(path), append_dict={META_KEY: json.dumps(meta)}, crc_check=True)


def load_checkpoint(path):
    """Read a checkpoint of this project or of the 2021 version.

    Raises:
        UserError: the file is missing, is not a checkpoint, is damaged (its checksum does not fit, or its SHA-256 is
            not that of the list of its folder), or its meta data is not as in `meta_schema`.
    """
    fault = file_fault(path)
    if fault:
        raise UserError(f"checkpoint {path}: {fault}; check the path (a run writes into outputs/RUN/ckpt_0/)")
    check_listed(path)
    try:
        loaded = _load(path)
        if META_KEY not in loaded and not set(legacy_names().values()).isdisjoint(loaded):
            # A file cut between two entries has lost its checksum too; the missing meta data, saved last, reveals it.
            raise ValueError("it ends before its meta data")
        text = _text(loaded.pop(META_KEY, "{}"))
        parts = _parts(loaded)
    except (ValueError, RuntimeError, TypeError, KeyError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UserError(f"checkpoint {path}: cannot be read, the file is truncated, damaged or not a MindSpore "
                        f"checkpoint ({reason}); take another copy or an earlier checkpoint; Darknet weights are "
                        "converted by convert_weight.py") from error
    meta = checked_meta(text, path)
    check_heads(parts[""], meta, path)
    return Checkpoint(str(path), parts[""], parts[MOMENTS_PREFIX], meta, parts[AVERAGE_PREFIX])


def _load(path):
    """Return what MindSpore reads from a file, {name: value}; the file may have any name, such as model.ckpt-1_2."""
    if str(path).endswith(SUFFIX):
        return ms.load_checkpoint(str(path), crc_check=True)
    with TemporaryDirectory(prefix="yolov3_tiny_") as folder:
        link = Path(folder) / f"checkpoint{SUFFIX}"
        link.symlink_to(Path(path).resolve())
        return ms.load_checkpoint(str(link), crc_check=True)


def _parts(loaded):
    """Return the arrays of a file by prefix (none, moments, averages) and name; a ValueError names what is no array."""
    parts = {"": {}, MOMENTS_PREFIX: {}, AVERAGE_PREFIX: {}}
    renames = legacy_names()
    for name, value in loaded.items():
        if isinstance(value, ms.Tensor) and name not in OPTIMIZER_STATE:
            prefix = next((prefix for prefix in (MOMENTS_PREFIX, AVERAGE_PREFIX) if name.startswith(prefix)), "")
            weight, array = name.removeprefix(prefix), value.asnumpy()
            # Moments may be single numbers, as those of AdamW are.
            if array.dtype.kind not in "fiu" or not (array.ndim or prefix == MOMENTS_PREFIX):
                raise ValueError(f"{quoted(name)} has the shape {array.shape} and the type {array.dtype}")
            parts[prefix][renames.get(weight, weight)] = array
    return parts


def load_weights(network, checkpoint):
    """Copy the best weights of a checkpoint into a network; every name must be in both, with one shape.

    Raises:
        UserError: names that are missing or unexpected, or shapes that differ (all are listed); nothing is copied.
    """
    parameters = {parameter.name: parameter for parameter in network.get_parameters()}
    copy_strictly(parameters, checkpoint.best_weights(), checkpoint.path)


def copy_strictly(parameters, arrays, path):
    """Assign arrays to parameters of the same names; see `load_weights` for what is refused."""
    problems = [f"missing: {name}" for name in parameters if name not in arrays]
    problems += [f"unexpected: {name:.{MAX_SHOWN}}" for name in arrays if name not in parameters]
    problems += [f"{name}: shape {tuple(arrays[name].shape)}, the network has {tuple(parameters[name].shape)}"
                 for name in parameters if name in arrays and arrays[name].shape != tuple(parameters[name].shape)]
    if problems:
        hint = _class_count_hint(arrays)
        raise UserError(f"checkpoint {path}: does not fit the network{hint}; take one that was trained on these "
                        f"classes and anchors:\n  {listed(problems, MAX_PROBLEMS)}")
    for name, parameter in parameters.items():
        parameter.set_data(ms.Tensor(np.asarray(arrays[name], np.float32)))


@contextmanager
def _no_log_lines():
    """Keep MindSpore from logging an error that is raised as well."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _class_count_hint(arrays):
    heads = {name: len(arrays[name]) for name in ("head1.bias", "head2.bias")
             if name in arrays and arrays[name].ndim}
    channels = ", ".join(f"{name} has {count} channels" for name, count in heads.items())
    return f" ({channels}: 3 * (5 + classes))" if channels else ""


def _to_numpy(value):
    return np.array(value.asnumpy() if isinstance(value, ms.Tensor) else value)


def _text(value):
    """Return a loaded string entry as str; MindSpore may wrap it in a tensor."""
    return value if isinstance(value, str) else str(value.asnumpy() if isinstance(value, ms.Tensor) else value)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Any model file, .ckpt, .mindir or .onnx, as one function of images.

MindSpore is imported for .mindir, and for a .ckpt whose network is not in the `model_cache`.
"""
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from model_utils.config import CHECKPOINT, DERIVED, Config
from model_utils.errors import UsageError, UserError, counted
from model_utils.options import AUTO, show
from src.config import check_config, with_categories
from src.data.categories import Categories, unnamed_categories
from src.data.coco import load_json, read_categories
from src.deploy.model_cache import Entry, open_cache
from src.deploy.model_description import THRESHOLDS, check_classes, read_description
from src.evaluation.cpu_engine import FLOAT32, MINDSPORE, Engine, choose_engine, choose_session_engine
from src.evaluation.raw_heads import decode_head
from src.network.head_layout import Scale

# What export.py writes and this machine runs.
EXPORTED = (".onnx", ".mindir")
# Model files that something else runs or reads, and what.
ELSEWHERE = {".om": "runs on an Ascend device: use ascend310_infer", ".air": "runs on an Ascend device: convert it by "
             "scripts/convert_om.sh, then use ascend310_infer", ".weights": "is a file of Darknet: convert it by "
             "convert_weight.py", ".pt": "is a file of PyTorch: train or convert a model of this project",
             ".json": "describes a model: name the model file beside it"}


@dataclass(frozen=True)
class Model:
    """A loaded model file.

    Attributes:
        heads: a batch of network inputs, uint8 RGB [batch_size, H, W, 3], to the decoded heads (big, small), float32
            [batch_size, g, g, A, 5 + C].
        batch_size: images in each batch.
        config: the options, completed by what the file holds.
        categories: the classes.
        engine: what computes the heads.
    """
    heads: Callable[[np.ndarray], Sequence[np.ndarray]]
    batch_size: int
    config: Config
    categories: Categories
    engine: Engine


def load_model(path: str | os.PathLike, config: Config) -> Model:
    """Return the model of a file, ready to run on config.device_target; ONNX runs on the CPU.

    Raises:
        UserError: the file or its description is missing, damaged or of another kind, or does not fit the options.
    """
    config = device_config(path, config)
    loaders = {".onnx": _load_onnx, ".mindir": _load_mindir}
    return loaders.get(Path(path).suffix.lower(), _load_checkpoint)(path, config)


def device_config(path: str | os.PathLike, config: Config) -> Config:
    """Return a config with the device that a model file runs on, by its name: config.device_target, or CPU for ONNX.

    Raises:
        UserError: the file is of a kind that does not run here, or not on the device that the user named.
    """
    suffix = Path(path).suffix.lower()
    if suffix in ELSEWHERE:
        raise UserError(f"{path}: {suffix} {ELSEWHERE[suffix]}; expected a .ckpt, .mindir or .onnx file")
    if suffix != ".onnx":
        return config
    if config.is_set("device_target") and config.device_target != "CPU":
        raise UsageError(f"device_target is {config.device_target} ({config.source('device_target')}), but {path} runs "
                         "on a CPU; use --device_target CPU, or the .ckpt or .mindir file")
    return config if config.is_set("device_target") else config.replace(DERIVED, device_target="CPU")


def _load_checkpoint(path, config):
    cache = open_cache(path, config)
    kept = cache.read() if cache else None
    if not kept:
        return _built_model(path, config, cache)
    config = config.with_checkpoint(kept.meta)
    check_config(config)
    config = with_categories(config, len(kept.categories))
    engine, categories = choose_engine(config), named_categories(kept.categories, config)
    return Model(engine.open(kept.network), config.batch_size, config, categories, engine)


def _built_model(path, config, cache):
    """Return the `Model` of a checkpoint, built by MindSpore; its graph is added to the cache, where there is one."""
    # First: it sets what MindSpore reads when it is imported.
    import model_utils.bootstrap  # noqa: F401

    import mindspore as ms

    from model_utils import device_adapter
    from src.evaluation import inference

    engine = choose_engine(config)
    device_adapter.setup_device(config)
    checkpoint, config, categories = inference.read_checkpoint(config, str(path))
    named = named_categories(categories, config)
    if not cache:
        network = inference.fastest_network(config, len(categories), checkpoint, config.batch_size, engine)
        return Model(lambda images: tuple(head.asnumpy() for head in network(ms.Tensor(images))), config.batch_size,
                     config, named, engine)
    network = inference.folded_network(config, len(categories), checkpoint)
    exported = inference.exported(network, (config.batch_size, *config.testing_shape, 3))
    cache.write(Entry(exported, checkpoint.meta, categories))
    return Model(engine.open(exported), config.batch_size, config, named, engine)


def _load_onnx(path, config):
    description, engine = read_description(path), choose_session_engine(config, path)
    data = Path(path).read_bytes()
    # Only quantised graphs have this operator, whose name is stored as text.
    engine = replace(engine, is_int8=b"DequantizeLinear" in data)
    return _described_model(engine.open(data), engine, description, path, config)


def _load_mindir(path, config):
    for name, own in (("cpu_engine", (AUTO, MINDSPORE)), ("cpu_precision", (FLOAT32,))):
        if config.device_target == "CPU" and config[name] not in own:
            raise UsageError(f"{name} is {config[name]} ({config.source(name)}), but {path} runs in MindSpore; leave "
                             f"{name} out, or use the .ckpt or .onnx file")
    description = read_description(path)
    import model_utils.bootstrap  # noqa: F401

    import mindspore as ms
    from mindspore import nn

    from model_utils import device_adapter

    device_adapter.setup_device(config)
    network = nn.GraphCell(ms.load(str(path)))
    engine = Engine(MINDSPORE, FLOAT32 if config.device_target == "CPU" else "")
    return _described_model(lambda images: [output.asnumpy() for output in network(ms.Tensor(images))], engine,
                            description, path, config)


def _described_model(run, engine, description, path, config):
    """Return the `Model` of a function that computes the outputs of a described model from its input."""
    entry = description["input"]
    takes_floats = entry["type"] == "float32"
    input_hw = tuple(entry["shape"][2:] if takes_floats else entry["shape"][1:3])
    config = _described_config(config, description, input_hw, path)
    classes = description["classes"]
    categories = Categories(tuple(one["name"] for one in classes), tuple(one["id"] for one in classes))
    if config.ann_file:
        categories = _annotated(categories, description, config, path)
    scales = [Scale(output["stride"], tuple(map(tuple, output["anchors"])), output["scale_x_y"])
              for output in description["outputs"]]

    def heads(images):
        outputs = run(normalised(images, config) if takes_floats else images)
        if description["decoded"]:
            return tuple(outputs)
        return tuple(decode_head(head, scale, input_hw) for head, scale in zip(outputs, scales, strict=True))

    return Model(heads, entry["shape"][0], config, categories, engine)


def normalised(images: np.ndarray, config: Config) -> np.ndarray:
    """Return images uint8 [B, H, W, 3] as a model with `export_input float` takes them, float32 [B, 3, H, W]."""
    pixels = (images.astype(np.float32) / 255 - np.array(config.mean)) / np.array(config.std)
    return np.ascontiguousarray(pixels.transpose(0, 3, 1, 2), np.float32)


def _described_config(config, description, input_hw, path):
    """Return a config with the values of a description; the user's own count where the graph leaves them open."""
    fixed = {"testing_shape": input_hw, "batch_size": description["input"]["shape"][0],
             "num_classes": len(description["classes"]), "mean": tuple(description["mean"]),
             "std": tuple(description["std"])}
    for name, value in fixed.items():
        if config.is_set(name) and config[name] != value:
            raise UsageError(f"{name} is {show(config[name])} ({config.source(name)}), but {path} was exported with "
                             f"{show(value)}; leave {name} out, or export again")
    open_values = {name: description[name] for name in ("resize_mode", "pad_value", "exif")}
    open_values |= {option: description["thresholds"][name] for name, option in THRESHOLDS.items()}
    open_values["multi_label"] = description["thresholds"]["multi_label"]
    return config.replace(CHECKPOINT, **fixed, **{name: value for name, value in open_values.items()
                                                  if not config.is_set(name)})


def named_categories(categories, config):
    """Return the classes, with the names and ids of config.ann_file where it is set: a 2021 checkpoint has none.

    Raises:
        UserError: the number of classes or their names differ from the checkpoint's.
    """
    if not config.ann_file:
        return categories
    path = Path(config.ann_file)
    annotated = Categories(*read_categories(load_json(path, max_mb=config.max_json_mb), path))
    is_named = categories.names != unnamed_categories(len(categories)).names
    if len(annotated) != len(categories) or is_named and annotated.names != categories.names:
        found, expected = (f"has the {counted(len(one), 'classes')} {', '.join(one.names):.100}"
                           for one in (annotated, categories))
        raise UserError(f"{path}: {found}, but the checkpoint {expected}; use the annotation file of the "
                        "data that it was trained on")
    return annotated


def _annotated(categories, description, config, path):
    """Return the classes with the category ids of config.ann_file, which must have the same names."""
    ann_file = Path(config.ann_file)
    annotated = Categories(*read_categories(load_json(ann_file, max_mb=config.max_json_mb), ann_file))
    check_classes(description, annotated, path, ann_file)
    ids = dict(zip(annotated.names, annotated.ids, strict=True))
    if len(ids) < len(categories):
        # Of classes that share a name, only their own ids tell which is which.
        return categories
    return Categories(categories.names, tuple(ids[name] for name in categories.names))

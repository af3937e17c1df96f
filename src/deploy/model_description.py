# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The json beside an exported model: everything that the model file itself does not hold.

    read_description("yolov3_tiny.onnx")        # reads yolov3_tiny.onnx.json and checks that the two belong together

`export.py` writes it. `predict.py` and `ascend310_infer` read it; the latter copies it into the run.json of its
results, which `src/postprocess.py` reads.
"""
import hashlib
from collections import Counter
from pathlib import Path

from model_utils.config import default_options
from model_utils.errors import MAX_SHOWN, UserError, counted, quoted
from model_utils.files import file_fault
from model_utils.json_file import listed, read_own_json, type_faults
from model_utils.options import MAX_ITEMS, SHAPE_MULTIPLE
from src.config import detection_scales
from src.data.categories import class_faults
from src.evaluation.cpu_engine import INPUT_NAME
from src.network.head_layout import FIRST_CLASS
from src.util import first_names

# 2: model.exported_as.
FORMAT = 2
# What descriptions of earlier versions mean, which do not have it.
DEFAULTS = {"exif": "auto"}
# Coarsest first: stride 32, then 16.
OUTPUT_NAMES = ("output_big", "output_small")
# The valid (layout, type, normalise): the graph, the program or the device's AIPP unit normalises.
INPUT_FORMS = (("NHWC", "uint8", "graph"), ("NCHW", "float32", "host"), ("NCHW", "float32", "aipp"))
CHANNELS = 3
# What the program hands over. NV12, which only AIPP takes, has the colour at half the resolution, as DVPP decodes it.
PIXELS = ("RGB", "NV12")
# What export.py wrote: file_format, and mindir_version where it has one. A file converted from it keeps this.
EXPORTED_AS = ("MINDIR 1", "MINDIR 3", "ONNX", "AIR")
# The thresholds of a description, and the options that they are.
THRESHOLDS = {"score": "eval_ignore_threshold", "nms_iou": "nms_thresh", "max_detections": "max_detections"}
# The type of every value, see `type_faults`.
EXAMPLE = {
    "format": FORMAT,
    "model": {"file": "yolov3_tiny.onnx", "exported_as": "ONNX", "bytes": 35000000, "sha256": 64 * "0"},
    "input": {"name": INPUT_NAME, "layout": "NHWC", "type": "uint8", "shape": [1, 416, 416, 3], "channels": "RGB",
              "normalise": "graph"},
    "resize_mode": "letterbox", "pad_value": 128, "exif": "auto", "mean": [0.485], "std": [0.229],
    "decoded": True,
    "outputs": [{"name": "output_big", "shape": [1, 13, 13, 3, 85], "stride": 32, "anchors": [[81.0, 82.0]],
                 "anchor_mask": [3], "scale_x_y": 1.1}],
    "classes": [{"name": "person", "id": (1, "a")}],
    "thresholds": {"score": 0.001, "nms_iou": 0.5, "max_detections": 300, "multi_label": True},
}


def describe_model(config, categories, model_name, model_data, output_shapes):
    """Return the description of an exported model.

    Args:
        config (Config): what it was exported with.
        categories (Categories): its classes.
        model_name (str): name of its file.
        model_data (bytes): content of its file.
        output_shapes (sequence): shapes of its outputs, big first.

    Raises:
        UserError: the shapes are not those of the config and the classes.
    """
    is_float = config.export_input == "float"
    layout, kind, normalise = next(
        form for form in INPUT_FORMS if form[2] == (config.export_normalise if is_float else "graph"))
    height, width = config.testing_shape
    shape = (CHANNELS, height, width) if is_float else (height, width, CHANNELS)
    outputs = [{"name": name, "shape": list(output_shape), "stride": scale.stride,
                "anchors": [list(anchor) for anchor in scale.anchors], "anchor_mask": list(mask),
                "scale_x_y": scale.scale_x_y}
               for name, output_shape, scale, mask in zip(OUTPUT_NAMES, output_shapes, detection_scales(config)[::-1],
                                                          config.anchor_masks[::-1], strict=True)]
    exported_as = f"MINDIR {config.mindir_version}" if config.file_format == "MINDIR" else config.file_format
    description = {
        "format": FORMAT,
        "model": {"file": model_name, "exported_as": exported_as, "bytes": len(model_data),
                  "sha256": hashlib.sha256(model_data).hexdigest()},
        "input": {"name": INPUT_NAME, "layout": layout, "type": kind, "shape": [config.batch_size, *shape],
                  "channels": "RGB", "normalise": normalise},
        "resize_mode": config.resize_mode, "pad_value": config.pad_value, "exif": config.exif,
        "mean": list(config.mean), "std": list(config.std), "decoded": config.keep_detect, "outputs": outputs,
        "classes": [{"name": name, "id": number}
                    for name, number in zip(categories.names, categories.ids, strict=True)],
        "thresholds": {**{name: config[option] for name, option in THRESHOLDS.items()},
                       "multi_label": config.multi_label},
    }
    check_description(description, description_path(model_name))
    return description


def description_path(model_path):
    """Return the path of a model's description."""
    return Path(f"{model_path}.json")


def read_description(model_path):
    """Return the description (dict) of a model file, checked to be valid and of this very file.

    Raises:
        UserError: one of the two files is missing, the description is not one, or the model is another one.
    """
    path = description_path(model_path)
    for file in (Path(model_path), path):
        fault = file_fault(file)
        if fault:
            raise UserError(f"{file}: {fault}; export.py writes a model and its description {path.name}, keep "
                            "them together")
    description = read_own_json(path, "description of a model")
    check_description(description, path)
    data, expected = Path(model_path).read_bytes(), description["model"]
    found = {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    for key, value in found.items():
        if value != expected[key]:
            raise UserError(f"{model_path}: {key} is {value}, but {path} describes a model of {key} {expected[key]}: "
                            "the file was changed, cut short or mixed up with another; copy or export both again")
    return description


def check_description(description, source):
    """Check a description from json: exactly the expected keys, with values of the right types that are consistent.

    Args:
        description (object): what json gave.
        source (str or Path): where it is from, for the messages.

    Raises:
        UserError: names every fault, what was found and what is expected.
    """
    # Another format may have any keys: the number alone is reported.
    if isinstance(description, dict) and description.get("format", FORMAT) != FORMAT:
        raise UserError(f"{source}: format is {quoted(description['format'])}, but this version reads format {FORMAT}; "
                        "export the model with this version")
    if isinstance(description, dict):
        description = {**DEFAULTS, **description}
    faults = listed(type_faults(description, EXAMPLE)) or listed(_value_faults(description))
    if faults:
        raise UserError(f"{source}: not a description that export.py writes; export the model again:\n  {faults}")


def check_classes(description, categories, source, ann_file):
    """Check that a model has exactly the classes of an annotation file by name; order and ids may differ.

    Raises:
        UserError: names the classes that only one of the two has.
    """
    names, annotated = [entry["name"] for entry in description["classes"]], categories.names
    unknown, foreign = Counter(annotated) - Counter(names), Counter(names) - Counter(annotated)
    if unknown or foreign:
        raise UserError(f"{source}: the model has {counted(len(names), 'classes')}, {ann_file} has "
                        f"{len(annotated)}; only in the model: {first_names(foreign.elements())}; only in "
                        f"the annotation file: {first_names(unknown.elements())}. Use the annotation file of the "
                        "model's data; export a model without class names with --ann_file")


def class_fault(names, ids):
    """Return what is wrong with the names and category ids of classes, or an empty string.

    Classes may share a name, as they may in training: their order and ids distinguish them.
    """
    if not names:
        return "there is none; expected one class or more"
    limits = default_options()["num_classes"].limits
    if not limits.allow(len(names)):
        return f"it has {len(names)} entries; expected {limits}"
    fault = next(class_faults(names, ids), "")
    if fault:
        return fault
    nameless = [number for number, name in zip(ids, names, strict=True) if not name.strip()]
    if nameless:
        return f"the class of id {nameless[0]} has no name"
    twice = next((number for number, count in Counter(ids).items() if count > 1), None)
    if twice is not None:
        sharing = [name for name, number in zip(names, ids, strict=True) if number == twice]
        return f"the classes {', '.join(sharing):.60} have the same category id {twice}; expected one each"
    return ""


def _value_faults(description):
    """Yield what is wrong in a description whose types are right."""
    kind, sha256, form = description["input"], description["model"]["sha256"], ("layout", "type", "normalise")
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        yield f"model.sha256 is {quoted(sha256)}; expected 64 hexadecimal digits in lower case"
    if description["model"]["exported_as"] not in EXPORTED_AS:
        yield (f"model.exported_as is {quoted(description['model']['exported_as'])}; expected one of "
               f"{', '.join(EXPORTED_AS)}")
    if description["model"]["bytes"] < 1:
        yield f"model.bytes is {description['model']['bytes']}; expected at least 1"
    found = tuple(kind[key] for key in form)
    if found not in INPUT_FORMS:
        yield f"input is {', '.join(found):.{MAX_SHOWN}} ({', '.join(form)}); expected one of {INPUT_FORMS}"
        return
    allowed = PIXELS if kind["normalise"] == "aipp" else PIXELS[:1]
    if kind["channels"] not in allowed:
        yield f"input.channels is {quoted(kind['channels'])}; expected {' or '.join(allowed)}"
    shape, channel_axis = kind["shape"], 3 if found[0] == "NHWC" else 1
    sides = [side for axis, side in enumerate(shape[1:], 1) if axis != channel_axis]
    limits = [default_options()[name].limits for name in ("batch_size", "testing_shape")]
    if (len(shape) != 4 or not limits[0].allow(shape[0]) or shape[channel_axis] != CHANNELS
            or not limits[1].allow(sides) or any(side < 1 or side % SHAPE_MULTIPLE for side in sides)):
        yield (f"input.shape is {quoted(shape)}; expected {found[0]} with {CHANNELS} channels, multiples of "
               f"{SHAPE_MULTIPLE} {limits[1]}, and a batch {limits[0]}")
        return
    yield from _preprocessing_faults(description)
    yield from _output_faults(description, shape[0], sides)
    fault = class_fault(*([entry[key] for entry in description["classes"]] for key in ("name", "id")))
    if fault:
        yield f"classes: {fault}"


def _preprocessing_faults(description):
    for name in ("mean", "std"):
        values, limits = description[name], default_options()[name].limits
        if len(values) != CHANNELS or not limits.allow(values):
            yield f"{name} is {quoted(values)}; expected {CHANNELS} fractions of 255, {limits}"
    places = {name: (name, description[name]) for name in ("resize_mode", "exif", "pad_value")}
    places |= {option: (f"thresholds.{name}", description["thresholds"][name]) for name, option in THRESHOLDS.items()}
    for name, (place, value) in places.items():
        if not default_options()[name].allows(value):
            yield f"{place} is {quoted(value)}; expected {default_options()[name].allowed()}"


def _output_faults(description, batch, sides):
    outputs, fields = description["outputs"], FIRST_CLASS + len(description["classes"])
    found = [(output["name"], output["stride"]) for output in outputs]
    expected = list(zip(OUTPUT_NAMES, (32, 16), strict=True))
    if found != expected:
        yield f"outputs are {quoted(found)} (name, stride); expected {expected}"
        return
    for output in outputs:
        name, anchors, mask = output["name"], output["anchors"], output["anchor_mask"]
        if min(mask, default=0) < 0 or len(set(mask)) < len(mask):
            yield f"{name}: anchor_mask is {quoted(mask)}; expected the numbers of different anchors, from 0"
        options = default_options()
        if (not 0 < len(anchors) == len(mask) <= MAX_ITEMS or any(len(anchor) != 2 for anchor in anchors)
                or not options["anchors"].allows(anchors)):
            yield (f"{name}: anchors are {quoted(anchors)}; expected [width, height] {options['anchors'].limits} for "
                   f"each of anchor_mask, at most {MAX_ITEMS}")
        if not options["scale_x_y"].allows(output["scale_x_y"]):
            yield f"{name}: scale_x_y is {quoted(output['scale_x_y'])}; expected {options['scale_x_y'].limits}"
        grid = [side // output["stride"] for side in sides]
        shape = ([batch, *grid, len(anchors), fields] if description["decoded"]
                 else [batch, len(anchors) * fields, *grid])
        if output["shape"] != shape:
            yield f"{name}: shape is {quoted(output['shape'])}; input, anchors and classes give {shape}"
    # Scales may share anchors, but a number stands for one anchor.
    numbered = {}
    for output in outputs:
        for number, anchor in zip(output["anchor_mask"], output["anchors"], strict=False):
            if numbered.setdefault(number, anchor) != anchor:
                yield (f"{output['name']}: anchor {quoted(number)} is {quoted(anchor)}, but "
                       f"{quoted(numbered[number])} on the scale before")

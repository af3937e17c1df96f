# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Network to file: MindIR, ONNX or AIR and its description, both or none, and only a file that computes the same."""
import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime

import mindspore as ms
import mindspore.nn as nn

from model_utils.errors import UserError
from model_utils.files import mindspore_folder, refuse_folders, remove_strays, write_all
from src.data.image_files import decode_image
from src.data.placement import fit_placement
from src.deploy.int8 import quantize_model
from src.deploy.mindir import lower_mindir
from src.deploy.model_description import INPUT_NAME, OUTPUT_NAMES, describe_model, description_path
from src.deploy.model_files import normalised
from src.evaluation.sources import find_sources
from src.transforms import place
from src.weights.folding import check_finite

SUFFIXES = {"MINDIR": ".mindir", "ONNX": ".onnx", "AIR": ".air"}
# Above this, a file does not compute what the network does.
MAX_DIFFERENCE = 1e-3
MAX_CALIBRATION_IMAGES = 128


def example_input(config, image_path=""):
    """Return one batch for an exported network: an image, resized by the config, in the layout of export_input.

    uint8: [B, H, W, 3] RGB; float: float32 [B, 3, H, W], normalised. Without `image_path` the image is made of smooth
    random blobs, from a seed.
    """
    pixels = _network_pixels(config, image_path) if image_path else _blobs(*config.testing_shape)
    return _network_input(config, [pixels] * config.batch_size)


def calibration_images(config):
    """Return the paths of the images of the folder config.quantize, at most `MAX_CALIBRATION_IMAGES`.

    Raises:
        UserError: there is no such folder, or no image in it.
    """
    if not Path(config.quantize).is_dir():
        raise UserError(f"quantize is {config.quantize} ({config.source('quantize')}): no such folder; name one of "
                        "images like those of training, such as DATA/train2017")
    paths = [source.place for source in find_sources(config.quantize) if not source.is_video]
    if not paths:
        raise UserError(f"quantize is {config.quantize} ({config.source('quantize')}): only videos are in this folder; "
                        "name one of images like those of training, such as DATA/train2017")
    # From the whole folder: neighbours may be frames of one video.
    return paths[::-(-len(paths) // MAX_CALIBRATION_IMAGES)]


def calibration_batches(config):
    """Yield the `calibration_images` in batches, as of `example_input`; a UserError reports one that cannot be read."""
    paths = calibration_images(config)
    for start in range(0, len(paths), config.batch_size):
        batch = [_network_pixels(config, path) for path in paths[start:start + config.batch_size]]
        # Exported graphs accept no smaller batch.
        yield _network_input(config, batch + [batch[-1]] * (config.batch_size - len(batch)))


def _network_pixels(config, image_path):
    """Return an image as the network gets it, uint8 RGB [H, W, 3] of config.testing_shape."""
    image = decode_image(image_path, config.exif, config.max_image_pixels)
    placement = fit_placement(config.resize_mode, image.shape[:2], config.testing_shape)
    return place(image, placement, config.testing_shape, config.pad_value)


def _network_input(config, images):
    batch = np.stack(images)
    return normalised(batch, config) if config.export_input == "float" else batch


def export_network(network, batch, config, categories, path):
    """Write a network to `path` and its description beside it, once the file, loaded again, computes the same.

    Args:
        network (nn.Cell): a `YOLOv3TinyInference`.
        batch (ndarray): as `example_input` returns it; gives the shape and type of the input.
        config (Config): file_format, mindir_version, quantize, and the options that the description holds.
        categories (Categories): the network's classes.
        path (str or Path): with the suffix of the format; an existing model and description are replaced.

    Returns:
        The `largest_difference` of the outputs on `batch`, which has no limit in INT8; None for AIR, which only Ascend
        runs.

    Raises:
        UserError: this machine cannot write the format, mindir_version 1 has no form of a primitive, a weight or an
            output is NaN or infinite, or the difference exceeds 1e-3; no file is changed.
        OSError: a file cannot be written, which it names; no file is changed.
    """
    path = Path(path)
    refuse_folders([path, description_path(path)])
    remove_strays([path.parent])
    if config.file_format == "AIR" and ms.get_context("device_target") != "Ascend":
        raise UserError(f"file_format AIR: MindSpore writes it only on an Ascend device, this run is on "
                        f"{ms.get_context('device_target')}; use MINDIR or ONNX here")
    check_finite(network, config.ckpt_file)
    expected = [output.asnumpy() for output in network(ms.Tensor(batch))]
    if not all(np.isfinite(output).all() for output in expected):
        raise UserError(f"{path}: not written, the network's outputs on {config.image or 'a generated image'} hold "
                        f"NaN or infinity; take an earlier checkpoint than {config.ckpt_file or 'this'}")
    # MindSpore refuses paths with a space, so the draft is made elsewhere.
    with mindspore_folder() as folder:
        draft = folder / f"draft{SUFFIXES[config.file_format]}"
        _write_draft(network, batch, config.file_format, draft)
        if config.file_format == "MINDIR" and config.mindir_version == 1:
            lowered = lower_mindir(draft.read_bytes())
            # MindSpore makes its file read-only.
            draft.unlink()
            draft.write_bytes(lowered)
        difference = largest_difference(run_exported(draft, config.file_format, batch), expected)
        if difference is not None and not difference <= MAX_DIFFERENCE:
            raise UserError(f"{path}: not written, its outputs would differ from the network's by up to "
                            f"{difference:.3g}, more than {MAX_DIFFERENCE:g}; a device other than the CPU may "
                            "compute in a coarser format: export with --device_target CPU")
        if config.quantize:
            quantize_model(draft, calibration_batches(config))
            difference = largest_difference(run_exported(draft, config.file_format, batch), expected)
            if not np.isfinite(difference):
                raise UserError(f"{path}: not written, its outputs in INT8 hold NaN or infinity; leave quantize out")
        model = draft.read_bytes()
    shapes = [output.shape for output in expected]
    description = json.dumps(describe_model(config, categories, path.name, model, shapes), indent=1) + "\n"
    write_all({path: model, description_path(path): description.encode()})
    return difference


def run_exported(path, file_format, batch):
    """Run an exported file and return its two outputs as arrays; None for AIR, which only Ascend runs.

    ONNX runs on the CPU, MindIR on the device that was set.
    """
    if file_format == "AIR":
        return None
    if file_format == "ONNX":
        session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
        return session.run(list(OUTPUT_NAMES), {INPUT_NAME: batch})
    return [output.asnumpy() for output in nn.GraphCell(ms.load(str(path)))(ms.Tensor(batch))]


def largest_difference(found, expected):
    """Return the largest difference between two lists of arrays; None if there are none to compare.

    It is absolute for values up to 1, such as scores and the boxes of an image, and relative for larger ones: the side
    of a box where there is no object may be a hundred times that of the image.
    """
    if found is None:
        return None
    # Python's max would ignore a NaN.
    return float(np.max([(np.abs(a - b) / np.maximum(np.abs(b), 1)).max()
                         for a, b in zip(found, expected, strict=True)]))


def _write_draft(network, batch, file_format, draft):
    """Let MindSpore write a network to a file."""
    if file_format == "ONNX":
        ms.onnx.export(network, ms.Tensor(batch), file_name=str(draft), input_names=[INPUT_NAME])
        _need_draft(draft)
        _name_outputs(draft)
    else:
        ms.export(network, ms.Tensor(batch), file_name=str(draft), file_format=file_format)
    _need_draft(draft)


def _need_draft(draft):
    """Refuse a missing draft: MindSpore does not report a full disk."""
    if not draft.is_file():
        raise UserError(f"{draft.parent}: MindSpore wrote no model into this temporary folder; make room there, or set "
                        "TMPDIR to a folder with room")


def _name_outputs(path):
    """Rename the graph's outputs: MindSpore 2.10 gives names to a tuple of outputs without connecting them."""
    model = onnx.load(path)
    names = dict(zip([output.name for output in model.graph.output], OUTPUT_NAMES, strict=True))
    for node in model.graph.node:
        node.output[:] = [names.get(name, name) for name in node.output]
        node.input[:] = [names.get(name, name) for name in node.input]
    for output in model.graph.output:
        output.name = names[output.name]
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _blobs(height, width, seed=1):
    """Return an image uint8 [H, W, 3] of smooth random blobs."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 32 + 2, width // 32 + 2, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Export a checkpoint to a model file, load the file again and compare it with the network on an image.

    python export.py --ckpt_file outputs/RUN/ckpt_0/best.ckpt --file_name yolov3_tiny --file_format MINDIR \\
        --device_target CPU

Input: uint8 [batch_size, height, width, 3] RGB, normalised in the model; with --export_input float, float32
[batch_size, 3, height, width], normalised already, as in the 2021 version. Outputs: output_big (stride 32) and
output_small (stride 16), decoded, [batch_size, g, g, 3, 5 + classes]; with --keep_detect False the raw heads,
[batch_size, 3 * (5 + classes), g, g], for the calling program to decode, which is more accurate where the device
computes in half precision (docs/half_precision.md). Batch norm is folded into the convolutions. A MindIR is of version
1, which MindSpore Lite 2.0 reads, unless --mindir_version 3 keeps MindSpore's own. --file_format ONNX --quantize FOLDER
writes convolutions in INT8, measured on the images of a folder. FILE.json beside the model holds classes, anchors and
preprocessing.
"""
import os
import sys
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from model_utils.config import get_config
from model_utils.device_adapter import setup_device
from model_utils.errors import UsageError, UserError, run_cli
from model_utils.modelarts_job import modelarts_job
from src.deploy.exporter import SUFFIXES, calibration_images, example_input, export_network
from src.deploy.model_description import class_fault, description_path
from src.deploy.model_files import named_categories
from src.evaluation.inference import load_inference_network


def main(argv=None):
    """Export a checkpoint by command-line arguments; return the exit code."""
    return modelarts_job(export, get_config(argv, "python export.py"))


def export(config):
    """Export a checkpoint by a config; return the exit code."""
    if not config.ckpt_file:
        raise UsageError("ckpt_file is empty: name the checkpoint to export by --ckpt_file FILE")
    path = model_path(config)
    if config.quantize:
        # Refused before the network is built.
        calibration_images(config)
    setup_device(config)
    network, config, categories = load_inference_network(config, config.ckpt_file, decode=config.keep_detect,
                                                         float_input=config.export_input == "float")
    categories = named_categories(categories, config)
    refuse_faulty_classes(categories, config.ann_file or config.ckpt_file)
    batch = example_input(config, config.image)
    difference = export_network(network, batch, config, categories, path)
    print(f"{path}: {path.stat().st_size} bytes, input {config.export_input} {list(batch.shape)}")
    print(f"{description_path(path)}: what it needs to run; keep the two files together")
    if config.file_format == "ONNX" and config.keep_detect:
        print("OpenCV DNN reads decoded boxes from 4.7 on; for 4.6 (Debian 12, Ubuntu 24.04), export raw heads: "
              "--keep_detect False")
    if config.quantize:
        print(f"convolutions in INT8, their ranges from images of {config.quantize}; check the detections on others")
    if difference is None:
        print("not compared with the network: AIR files run on Ascend only")
    else:
        print(f"loaded again and compared with the network on {config.image or 'a generated image'}: "
              f"largest difference {difference:.3g}")
    return 0


def model_path(config):
    """Return the path of the model: file_name, with the suffix of file_format appended where it is missing.

    Raises:
        UsageError: there is no name before the suffix, or the suffix is that of another format.
    """
    suffix, name = SUFFIXES[config.file_format], os.path.basename(config.file_name)
    stem, ending = os.path.splitext(name)
    if not name.removesuffix(suffix).strip("."):
        raise UsageError(f"file_name is {config.file_name!r}: expected the name of a file, as in yolov3_tiny or "
                         "folder/yolov3_tiny")
    if ending.lower() in SUFFIXES.values() and ending != suffix:
        raise UsageError(f"file_name is {config.file_name!r}, but file_format {config.file_format} ends in {suffix}: "
                         f"expected {stem} or {stem}{suffix}, or another file_format")
    return Path(config.file_name if ending == suffix else config.file_name + suffix)


def refuse_faulty_classes(categories, path):
    """Refuse classes that share a category id or have no name: their detections would be ambiguous.

    Raises:
        UserError: names the file that defines the classes, and the first fault.
    """
    fault = class_fault(categories.names, categories.ids)
    if fault:
        raise UserError(f"{path}: {fault}; correct the annotation file, then train with it or, where only ids are at "
                        "fault, export with --ann_file FILE")


if __name__ == "__main__":
    sys.exit(run_cli(main))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""An exported model for CANN's atc, which converts it to an .om file; scripts/convert_om.sh runs both.

    python -m src.deploy.offline_model yolov3_tiny.onnx                  # prints atc's options for it, one a line
    python -m src.deploy.offline_model yolov3_tiny.onnx yolov3_tiny.om   # writes yolov3_tiny.om.json

--aipp=nv12 before them lets AIPP take NV12, as DVPP decodes it, in the place of RGB.
"""
import argparse
import hashlib
import json
import math
import sys
from pathlib import Path

from model_utils.errors import UserError, run_cli
from model_utils.files import write_atomically
from src.deploy.model_description import PIXELS, check_description, description_path, read_description

# atc's numbers of the formats that export.py writes and atc reads.
FRAMEWORKS = {".air": 1, ".onnx": 5}
# JPEG's Y, U and V, which fill 0..255, to RGB in parts of 256, as CANN documents it; ITU-R BT.601 without its head- and
# footroom.
MATRIX = ((256, 0, 359), (256, -88, -183), (256, 454, 0))
BIAS = (0, 128, 128)


def main(argv=None):
    """Print atc's options for a model, or describe what atc made of it; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m src.deploy.offline_model")
    parser.add_argument("--aipp", choices=[name.lower() for name in PIXELS], default="rgb")
    parser.add_argument("model", type=Path)
    parser.add_argument("offline_model", type=Path, nargs="?")
    arguments = parser.parse_args(argv)
    if arguments.offline_model is None:
        print("\n".join(atc_options(arguments.model, arguments.aipp.upper())))
    else:
        describe_offline_model(arguments.model, arguments.offline_model, arguments.aipp.upper())
    return 0


def atc_options(model_path, pixels="RGB"):
    """Return the options of atc that a model needs, without output and chip.

    A model whose input AIPP normalises gets the static AIPP of its description, in MODEL.aipp.cfg, which is written; it
    takes `pixels`, RGB or NV12.

    Raises:
        UserError: the model is not one that atc reads, does not match its description, or has no AIPP for NV12.
    """
    framework = FRAMEWORKS.get(model_path.suffix)
    if framework is None:
        raise UserError(f"{model_path}: atc reads the .onnx and .air files of export.py; export with --file_format "
                        "ONNX")
    description = _with_pixels(read_description(model_path), model_path, pixels)
    options = [f"--framework={framework}", f"--model={model_path}"]
    if description["input"]["normalise"] == "aipp":
        config_path = Path(f"{model_path}.aipp.cfg")
        write_atomically(config_path, aipp_config(description).encode())
        options.append(f"--insert_op_conf={config_path}")
    elif description["input"]["layout"] == "NHWC" and framework == FRAMEWORKS[".onnx"]:
        # By default atc takes the four axes of an ONNX input for NCHW.
        options.append("--input_format=ND")
    if description["decoded"]:
        print("note: the graph decodes the boxes, and atc lets it compute in float16, which moves them by up to half a "
              "pixel; export with --keep_detect False (docs/half_precision.md)", file=sys.stderr)
    return options


def aipp_config(description):
    """Return static AIPP (text) that normalises pixels uint8, NHWC RGB or NV12, by a description's mean and std.

    `AippConfig` of ascend310_infer/src/model/aipp.cc is its twin for RGB and says how the mean is split.
    """
    is_nv12 = description["input"]["channels"] == "NV12"
    lines = ["aipp_mode: static", "related_input_rank: 0",
             f"input_format: {'YUV420SP_U8' if is_nv12 else 'RGB888_U8'}", f"csc_switch: {str(is_nv12).lower()}",
             "rbuv_swap_switch: false"]
    if is_nv12:
        lines += [f"matrix_r{row}c{column}: {MATRIX[row][column]}" for row in range(3) for column in range(3)]
        lines += [f"input_bias_{row}: {BIAS[row]}" for row in range(3)]
    for channel, (mean, std) in enumerate(zip(description["mean"], description["std"], strict=True)):
        whole = math.floor(255 * mean)
        lines += [f"mean_chn_{channel}: {whole}", f"min_chn_{channel}: {255 * mean - whole:.10f}",
                  f"var_reci_chn_{channel}: {1 / (255 * std):.10f}"]
    return "aipp_op {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def describe_offline_model(model_path, offline_path, pixels="RGB"):
    """Write the description of an .om file beside it: that of the model that it was made of, for this file.

    `pixels`, RGB or NV12, is what its AIPP takes.

    Raises:
        UserError: the model does not match its description, or there is no .om file or an empty one.
    """
    description = _with_pixels(read_description(model_path), model_path, pixels)
    data = offline_path.read_bytes()
    description["model"] |= {"file": offline_path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    path = description_path(offline_path)
    check_description(description, path)
    write_atomically(path, (json.dumps(description, indent=1) + "\n").encode())


def _with_pixels(description, model_path, pixels):
    if pixels != "RGB" and description["input"]["normalise"] != "aipp":
        raise UserError(f"{model_path}: --aipp={pixels.lower()} is for a model whose input AIPP normalises; export it "
                        "with --export_input float --export_normalise aipp")
    description["input"]["channels"] = pixels
    return description


if __name__ == "__main__":
    sys.exit(run_cli(main))

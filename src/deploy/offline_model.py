# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""An exported model for CANN's atc, which converts it to an .om file; scripts/convert_om.sh runs both.

    python -m src.deploy.offline_model yolov3_tiny.onnx                  # prints atc's options for it, one a line
    python -m src.deploy.offline_model yolov3_tiny.onnx yolov3_tiny.om   # writes yolov3_tiny.om.json
"""
import hashlib
import json
import math
import sys
from pathlib import Path

from model_utils.errors import UsageError, UserError, run_cli
from model_utils.files import write_atomically
from src.deploy.model_description import check_description, description_path, read_description

# atc's numbers of the formats that export.py writes and atc reads.
FRAMEWORKS = {".air": 1, ".onnx": 5}


def main(argv=None):
    """Print atc's options for a model, or describe what atc made of it; returns the exit code."""
    paths = [Path(path) for path in (sys.argv[1:] if argv is None else argv)]
    if len(paths) not in (1, 2):
        raise UsageError("expected MODEL, or MODEL and the .om file that atc made of it")
    if len(paths) == 1:
        print("\n".join(atc_options(paths[0])))
    else:
        describe_offline_model(*paths)
    return 0


def atc_options(model_path):
    """Return the options of atc that a model needs, without output and chip.

    A model whose input AIPP normalises gets the static AIPP of its description, in MODEL.aipp.cfg, which is written.

    Raises:
        UserError: the model is not one that atc reads, or does not match its description.
    """
    framework = FRAMEWORKS.get(model_path.suffix)
    if framework is None:
        raise UserError(f"{model_path}: atc reads the .onnx and .air files of export.py; export with --file_format "
                        "ONNX")
    description = read_description(model_path)
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
    """Return static AIPP (text) that normalises pixels uint8 NHWC RGB by a description's mean and std.

    `AippConfig` of ascend310_infer/src/model/aipp.cc is its twin and says how the mean is split.
    """
    lines = ["aipp_mode: static", "related_input_rank: 0", "input_format: RGB888_U8", "csc_switch: false",
             "rbuv_swap_switch: false"]
    for channel, (mean, std) in enumerate(zip(description["mean"], description["std"], strict=True)):
        whole = math.floor(255 * mean)
        lines += [f"mean_chn_{channel}: {whole}", f"min_chn_{channel}: {255 * mean - whole:.10f}",
                  f"var_reci_chn_{channel}: {1 / (255 * std):.10f}"]
    return "aipp_op {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def describe_offline_model(model_path, offline_path):
    """Write the description of an .om file beside it: that of the model that it was made of, for this file.

    Raises:
        UserError: the model does not match its description, or there is no .om file or an empty one.
    """
    description = read_description(model_path)
    data = offline_path.read_bytes()
    description["model"] |= {"file": offline_path.name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    path = description_path(offline_path)
    check_description(description, path)
    write_atomically(path, (json.dumps(description, indent=1) + "\n").encode())


if __name__ == "__main__":
    sys.exit(run_cli(main))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for CANN's atc: an .om file that the stand-in for ACL runs (tests/ascend310/cpp/fake_acl/model.cc).

    python -m tests.support.ascend310.fake_atc --framework=5 --model=a.onnx --output=a --soc_version=Ascend310
"""
import json
import math
import re
import sys
from pathlib import Path

import onnx

from tests.support.ascend310.aipp_file import read_aipp
from tests.support.place import ROOT

# Numbers of ACL's aclDataType, by those of ONNX: float, uint8.
TYPES, HALF, BYTES = {1: 0, 2: 4}, 1, {0: 4, 1: 2, 4: 1}


def install(folder):
    """Write the program `atc` into a folder, for PATH."""
    folder.mkdir()
    program = folder / "atc"
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -m {__spec__.name} "$@"\n')
    program.chmod(0o755)
    return folder


def main(arguments):
    """Convert as atc's arguments say."""
    options = dict(argument.removeprefix("--").split("=", 1) for argument in arguments)
    known = {"framework", "model", "output", "soc_version", "insert_op_conf", "input_format", "output_type"}
    paths = " ".join(options[name] for name in ("model", "output"))
    if set(options) - known or options["framework"] != "5" or re.search(r"[^\w./ -]", paths) or paths.count(" ") > 1:
        print(f"ATC run failed: E10001: {arguments}")
        return 255
    model = onnx.load(options["model"])
    graph = model.graph
    is_half = options.get("output_type") == "FP16"
    content = {
        "chip": options["soc_version"], "aipp": None,
        "inputs": [tensor(graph.input[0], graph.input[0].name, TYPES[graph.input[0].type.tensor_type.elem_type])],
        "outputs": [{**tensor(output, f"Conv_{place}:0:{output.name}", HALF if is_half else 0), "onnx": output.name}
                    for place, output in enumerate(graph.output)]}
    if "insert_op_conf" in options:
        aipp = read_aipp(Path(options["insert_op_conf"]).read_text())
        (batch, channels, *sides), name = content["inputs"][0]["shape"], content["inputs"][0]["name"]
        is_nv12 = aipp["input_format"] == "YUV420SP_U8"
        assert (aipp["csc_switch"] == "true") == is_nv12
        three = range(3)
        csc = is_nv12 and {
            "matrix": [[int(aipp[f"matrix_r{row}c{column}"]) for column in three] for row in three],
            "bias": [int(aipp[f"input_bias_{row}"]) for row in three]}
        content["aipp"] = {"csc": csc or None, "mean": [aipp[f"mean_chn_{k}"] + aipp[f"min_chn_{k}"] for k in range(3)],
                           "gain": [aipp[f"var_reci_chn_{k}"] for k in range(3)]}
        shape = [batch, *sides, channels]
        content["inputs"] = [{"name": name, "type": 4, "shape": shape,
                              "bytes": math.prod(shape) // (2 if is_nv12 else 1)}]
    # As atc does, in the calling folder.
    Path("fusion_result.json").write_text("{}")
    write_om(f"{options['output']}.om", content, model.SerializeToString())
    return 0


def tensor(value, name, kind):
    shape = [side.dim_value for side in value.type.tensor_type.shape.dim]
    return {"name": name, "type": kind, "shape": shape, "bytes": math.prod(shape) * BYTES[kind]}


def write_om(path, content, data):
    """Write an .om file of the stand-in: its json and the bytes of the ONNX file."""
    Path(path).write_bytes(json.dumps(content).encode() + b"\n" + data)


def read_om(path):
    """Return the json and the ONNX file (bytes) of an .om file."""
    line, data = Path(path).read_bytes().split(b"\n", 1)
    return json.loads(line), data


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What atc needs of an exported model, and the description of the file that it makes."""
import json

import cv2
import numpy as np
import pytest

from model_utils.errors import UserError
from src.deploy.model_description import read_description
from src.deploy.offline_model import aipp_config, atc_options, describe_offline_model, main
from tests.support.ascend310.aipp_file import check_aipp, read_aipp
from tests.support.ascend310.golden_files import describe, export_config
from tests.support.ascend310.infer_app import APP

AIPP = {"export_input": "float", "export_normalise": "aipp"}


def written(folder, name="m.onnx", **options):
    """A model that export.py might have written, with its description."""
    path = folder / name
    path.write_bytes(b"model")
    (folder / f"{name}.json").write_text(json.dumps(describe(export_config(**options))))
    return path


@pytest.mark.parametrize("name, options, expected", [
    ("m.onnx", {"export_input": "float"}, ["--framework=5"]),
    ("m.onnx", {}, ["--framework=5", "--input_format=ND"]), ("m.air", {}, ["--framework=1"]),
    ("m.onnx", AIPP, ["--framework=5", "--insert_op_conf={0}.aipp.cfg"])])
def test_the_options_follow_from_the_model(name, options, expected, tmp_path, capsys):
    path = written(tmp_path, name, keep_detect=False, **options)
    assert main([str(path)]) == 0
    printed = capsys.readouterr()
    assert sorted(printed.out.split()) == sorted([f"--model={path}", *(text.format(path) for text in expected)])
    assert (tmp_path / f"{name}.aipp.cfg").exists() == (options == AIPP) and not printed.err


def test_decoded_boxes_are_noted(tmp_path, capsys):
    atc_options(written(tmp_path))
    assert "--keep_detect False" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["m.mindir", "m.om"])
def test_other_models_are_refused(name, tmp_path):
    with pytest.raises(UserError, match="--file_format ONNX"):
        atc_options(written(tmp_path, name))


def test_aipp_has_the_mean_and_std_of_the_description():
    assert read_aipp(aipp_config(describe(export_config(**AIPP)))) == read_aipp((APP / "aipp.cfg").read_text())
    mean, std = [0.4, 0.0, 1.0], [0.2, 0.25, 1.0]
    description = describe(export_config(mean="0.4,0,1", std="0.2,0.25,1", **AIPP))
    assert (description["mean"], description["std"]) == (mean, std)
    check_aipp(read_aipp(aipp_config(description)), mean, std)


def test_nv12_becomes_the_rgb_of_opencv(tmp_path):
    """OpenCV's YUV2RGB_NV12 is for video, whose Y begins at 16 and ends at 235: of a JPEG it makes other colours."""
    path = written(tmp_path, keep_detect=False, **AIPP)
    assert main(["--aipp=nv12", str(path)]) == 0
    values = read_aipp((tmp_path / "m.onnx.aipp.cfg").read_text())
    check_aipp(values, *(describe(export_config())[name] for name in ("mean", "std")), "YUV420SP_U8")
    matrix = np.array([[values[f"matrix_r{row}c{column}"] for column in range(3)] for row in range(3)], int)
    bias = np.array([values[f"input_bias_{row}"] for row in range(3)], int)
    # Every colour, in steps.
    yuv = np.stack(np.meshgrid(*3 * [np.arange(0, 256, 3)], indexing="ij"), -1).reshape(-1, 1, 3)
    found = ((yuv - bias) @ matrix.T >> 8).clip(0, 255)
    expected = cv2.cvtColor(yuv[..., [0, 2, 1]].astype(np.uint8), cv2.COLOR_YCrCb2RGB).astype(int)
    assert np.abs(found - expected).max() == 1
    # One colour for each four pixels.
    y, u, v = (np.full((2, 2), level, np.uint8) for level in (81, 90, 200))
    nv12 = np.concatenate([y, np.stack([u[0], v[0]], -1)[:1].reshape(1, 2)])
    video = cv2.cvtColor(nv12, cv2.COLOR_YUV2RGB_NV12)[0, 0].astype(int)
    assert np.abs(video - ((np.array([81, 90, 200]) - bias) @ matrix.T >> 8)).max() > 5


def test_nv12_is_for_aipp(tmp_path):
    path = written(tmp_path, export_input="float")
    for call in (lambda: atc_options(path, "NV12"), lambda: describe_offline_model(path, tmp_path / "m.om", "NV12")):
        with pytest.raises(UserError, match="--aipp=nv12 is for a model .* --export_normalise aipp"):
            call()
    source, offline = written(tmp_path, **AIPP), tmp_path / "other.om"
    offline.write_bytes(b"converted")
    assert main(["--aipp=nv12", str(source), str(offline)]) == 0
    assert read_description(offline)["input"]["channels"] == "NV12"


def test_the_description_is_that_of_the_model_for_another_file(tmp_path):
    source, offline = written(tmp_path), tmp_path / "other.om"
    offline.write_bytes(b"converted")
    describe_offline_model(source, offline)
    found, expected = read_description(offline), read_description(source)
    assert found.pop("model")["file"] == "other.om" and expected.pop("model")["file"] == "m.onnx"
    assert found == expected


def test_a_model_that_does_not_match_its_description_is_refused(tmp_path):
    source = written(tmp_path)
    source.write_bytes(b"other")
    with pytest.raises(UserError, match="sha256"):
        describe_offline_model(source, source)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Warnings about the software of a device: none where it fits."""
import json

import pytest

from model_utils.toolkit_versions import device_warnings


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_cpu_needs_nothing():
    assert device_warnings("CPU", {}) == []


@pytest.mark.parametrize("version, message", [
    ("8.2.RC1", None), ("9.1.0", None),
    ("7.0.1", "this is CANN 7.0, but MindSpore 2.10 was built for 8.2, 8.3, 8.5, 9.0 or 9.1"),
    ("", "no version of CANN found there"),
])
def test_cann(tmp_path, version, message):
    write(tmp_path / "compiler" / "version.info", f"Name=x\nVersion={version}\n" if version else "nothing")
    found = device_warnings("Ascend", {"ASCEND_HOME_PATH": str(tmp_path)})
    assert len(found) == (message is not None) and all(message in text for text in found)


def test_without_cann_the_warning_names_the_cure():
    (text,) = device_warnings("Ascend", {})
    assert "ASCEND_HOME_PATH is not set" in text and "set_env.sh" in text


@pytest.mark.parametrize("name, text, message", [
    ("version.json", json.dumps({"cuda": {"version": "11.6.124"}}), None),
    ("version.txt", "CUDA Version 11.1.105\n", None),
    ("version.json", json.dumps({"cuda": {"version": "13.0.1"}}), "this is CUDA 13.0, but MindSpore 2.10 was"),
    ("version.json", "{", "no version of CUDA found there; MindSpore 2.10 needs 11.1 or 11.6"),
    ("other.txt", "", "no version of CUDA found there"),
])
def test_cuda(tmp_path, name, text, message):
    write(tmp_path / name, text)
    found = device_warnings("GPU", {"CUDA_HOME": str(tmp_path)})
    assert len(found) == (message is not None) and all(message in sentence for sentence in found)

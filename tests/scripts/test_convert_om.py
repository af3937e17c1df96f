# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""scripts/convert_om.sh: arguments, paths, what atc receives and leaves, and the commands where there is none."""
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from src.deploy.model_description import read_description
from tests.support.ascend310.golden_files import describe, export_config
from tests.support.place import ROOT

# Stands for atc: it records its arguments and the AIPP that it gets, and litters the calling folder.
ATC = """#!/usr/bin/env bash
printf '%s\\n' "$@" > "$RECORD"
touch fusion_result.json
for argument in "$@"; do
    case "$argument" in
        --output=*) printf converted > "${argument#*=}.om" ;;
        --insert_op_conf=*) cat "${argument#*=}" >> "$RECORD" ;;
    esac
done
exit "${EXIT_ATC:-0}"
"""
AIPP = {"export_input": "float", "export_normalise": "aipp"}


class Place:
    """A model in a folder with a space, and a stand-in for atc that is used where `with_atc`."""

    def __init__(self, folder, **options):
        self.folder, self.bin, self.record = folder / "my models", folder / "bin", folder / "record"
        for path in (self.folder, self.bin):
            path.mkdir()
        self.model = self.folder / "a model.onnx"
        self.model.write_bytes(b"model")
        description = describe(export_config(keep_detect=False, **options))
        Path(f"{self.model}.json").write_text(json.dumps(description))
        (self.bin / "atc").write_text(ATC)
        (self.bin / "atc").chmod(0o755)

    def run(self, *arguments, with_atc=True, **environment):
        folders = [folder for folder in os.environ["PATH"].split(":") if not (Path(folder) / "atc").exists()]
        return subprocess.run(["bash", ROOT / "scripts" / "convert_om.sh", *arguments], cwd=self.folder, text=True,
                              capture_output=True, check=False,
                              env={**os.environ, "PATH": ":".join([str(self.bin)] * with_atc + folders),
                                   "PYTHON": sys.executable, "RECORD": str(self.record), **environment})

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())


def test_the_model_and_its_description(tmp_path):
    place = Place(tmp_path)
    done = place.run("a model.onnx", "Ascend310P3", "--precision_mode=force_fp32")
    assert done.returncode == 0, done.stderr
    assert place.files() == ["a model.om", "a model.om.json", "a model.onnx", "a model.onnx.json"]
    description = read_description(place.folder / "a model.om")
    assert {**description, "model": 0} == {**read_description(place.model), "model": 0}
    received = place.record.read_text().split("\n")
    assert {"--framework=5", "--soc_version=Ascend310P3", "--precision_mode=force_fp32"} < set(received)
    assert not any(" " in argument for argument in received), "atc takes no path with a space"


def test_a_model_of_aipp_gets_that_of_its_description(tmp_path):
    place = Place(tmp_path, **AIPP, mean="0.4,0.5,0.25")
    assert place.run(place.model, "Ascend310").returncode == 0
    written = (place.folder / "a model.onnx.aipp.cfg").read_text()
    assert written in place.record.read_text() and "mean_chn_0: 102\n" in written


def test_a_model_can_take_nv12(tmp_path):
    place = Place(tmp_path, **AIPP)
    assert place.run(place.model, "Ascend310", "--aipp=nv12", "--log=error").returncode == 0
    received = place.record.read_text()
    assert "--aipp" not in received and "--log=error\n" in received and "input_format: YUV420SP_U8\n" in received
    assert read_description(place.folder / "a model.om")["input"]["channels"] == "NV12"
    convert, describing = place.run(place.model, "Ascend310", "--aipp=nv12", with_atc=False).stdout.splitlines()
    assert "--aipp" not in convert and "--aipp=nv12" in describing


def test_a_failing_atc_leaves_the_model_of_before(tmp_path):
    place = Place(tmp_path)
    assert place.run(place.model, "Ascend310").returncode == 0
    before = {path: path.read_bytes() for path in place.folder.iterdir()}
    done = place.run(place.model, "Ascend310", EXIT_ATC="3")
    assert done.returncode == 1 and "atc failed" in done.stderr
    assert {path: path.read_bytes() for path in place.folder.iterdir()} == before


def test_without_atc_the_commands_are_printed(tmp_path):
    """They work where atc is, but for the space in the names."""
    place = Place(tmp_path, **AIPP)
    done = place.run(place.model, "Ascend310B4", with_atc=False)
    assert done.returncode == 127 and "atc is not installed here" in done.stderr
    assert "a model.om" not in place.files()
    convert, describing = done.stdout.splitlines()
    stem = place.model.with_suffix("")
    assert shlex.split(convert) == [
        "atc", "--framework=5", f"--model={place.model}", f"--insert_op_conf={place.model}.aipp.cfg",
        "--soc_version=Ascend310B4", f"--output={stem}"]
    Path(f"{stem}.om").write_bytes(b"converted")
    subprocess.run(["bash", "-c", describing], check=True)
    assert read_description(f"{stem}.om")["model"]["bytes"] == len(b"converted")


@pytest.mark.parametrize("arguments, words", [
    (["a model.onnx"], "MODEL and SOC_VERSION are needed"), (["a model.onnx", "310P3"], "SOC_VERSION is '310P3'"),
    (["a model.onnx", "Ascend310", "--aipp=yuv"], "--aipp=yuv; expected --aipp=rgb or --aipp=nv12"),
    (["a model.onnx", "Ascend310", "--output=x"], "--output is set by this script"),
    (["a model.onnx", "Ascend310", "--log", "debug"], "unexpected argument '--log'")])
def test_wrong_arguments(arguments, words, tmp_path):
    place = Place(tmp_path)
    done = place.run(*arguments)
    assert done.returncode == 2 and words in done.stderr and "usage: bash convert_om.sh" in done.stderr
    assert not place.record.exists()


def test_a_model_that_is_not_there_or_not_for_atc(tmp_path):
    place = Place(tmp_path)
    done = place.run("absent.onnx", "Ascend310")
    assert done.returncode == 1 and "absent.onnx: no such file" in done.stderr
    done = place.run(place.model.rename(place.folder / "m.mindir"), "Ascend310")
    assert done.returncode == 1 and "export with --file_format ONNX" in done.stderr

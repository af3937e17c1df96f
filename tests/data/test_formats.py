# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What a folder looks like, and the command in the message where it is no data folder."""
import os
import re
import shlex

import pytest

import eval as eval_program
import train
from model_utils.config import get_config
from model_utils.errors import run_cli
from src.data.formats import conversion_hint, formats_of
from tests.support import tool_exports
from tests.support.helpers import write_coco
from tests.support.tool_exports import EXPORTS
from tools import check_dataset, convert_dataset, split_coco


@pytest.mark.parametrize("program, arguments", [
    (train.main, ["--data_dir={}", "--device_target=CPU"]), (check_dataset.main, ["{}"]),
    (split_coco.main, ["{}", "{}_split"]),
    (lambda arguments: eval_program.evaluation_files(get_config(arguments)), ["--data_dir={}"])])
def test_programs_name_the_command_that_converts_a_folder(tmp_path, monkeypatch, capfd, program, arguments):
    source = tmp_path / "my export"
    tool_exports.labelme(source)
    monkeypatch.chdir(tmp_path)
    assert run_cli(program, [argument.format("my export") for argument in arguments]) == 1
    captured = capfd.readouterr()
    command, = re.findall(r"this makes a data folder of it: (python .*tools/convert_dataset.py .*)", captured.err)
    assert "seems to hold files of labelme" in captured.err and not (tmp_path / "outputs").exists()
    # The very command works.
    assert run_cli(convert_dataset.main, shlex.split(command)[2:]) == 0
    assert (tmp_path / "my export_coco" / "annotations" / "instances_val2017.json").is_file()
    assert conversion_hint(source) == f". It is in {source}_coco: --data_dir '{source}_coco'"


@pytest.mark.parametrize("name", EXPORTS)
def test_the_hint_names_the_format(tmp_path, name):
    write, kind, _ = EXPORTS[name]
    write(tmp_path / "source")
    assert convert_dataset.FORMATS[kind] in conversion_hint(tmp_path / "source")


@pytest.mark.parametrize("name, text, words", [
    ("project.json", '[{"annotations": [{"result": [{"from_name": "label"}]}]}]', "Label Studio's own json"),
    ("min.json", '[{"image": "a.jpg", "label": [{"rectanglelabels": ["cup"], "original_width": 64}]}]', "JSON-MIN"),
    ("via.json", '{"project": {"data_format_version": "3.1.1"}, "metadata": {}}', "a project of VIA 3"),
    ("_annotations.createml.json", '[{"image": "a.jpg", "annotations": [{"coordinates": {}}]}]', "CreateML's json"),
    ("_annotations.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n", "TensorFlow's csv"),
    ("a.jpg.json", '{"objects": [{"classTitle": "cup", "geometryType": "rectangle"}]}', "Supervisely's json"),
    ("annotations.xml", "<annotations><version>1.1</version><meta></meta></annotations>", "CVAT's own xml")])
def test_exports_that_are_not_read_are_named_with_what_to_export_instead(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    hint = conversion_hint(tmp_path)
    assert words in hint and "COCO" in hint


@pytest.mark.parametrize("files", [
    {"a.txt": "0 0.5 0.5 0.25 0.5"}, {"a.txt": "0\t0.5\t0.5\t0.25\t0.5\n"}, {"a.txt": "\ufeff0 .5 .5 .25 .5\r\n"},
    {**{f"{number:03}.txt": "" for number in range(30)}, "a.txt": "0 0.5 0.5 0.25 0.5\n"}, {"classes.txt": "cup\n"},
    {"_darknet.labels": "cup"}, {"obj.names": "cup"}])
def test_labels_of_yolo_are_recognised_without_a_data_yaml(tmp_path, files):
    (tmp_path / "real").mkdir()
    (tmp_path / "linked").mkdir()
    for name, text in files.items():
        (tmp_path / "real" / name).write_text(text, encoding="utf-8")
    (tmp_path / "linked" / "labels").symlink_to(tmp_path / "real")
    # A loop has an end.
    (tmp_path / "real" / "again").symlink_to(tmp_path / "real")
    assert list(formats_of(tmp_path / "linked")) == ["yolo"]
    # Names of classes are of other tools, too.
    (tmp_path / "real" / "a.xml").write_text("<annotation></annotation>")
    assert ("yolo" in formats_of(tmp_path / "real")) == ("a.txt" in files)


def test_a_choice_of_formats_and_other_folders(tmp_path):
    tool_exports.labelme(tmp_path / "two")
    tool_exports.voc(tmp_path / "two")
    assert conversion_hint(tmp_path / "two").endswith("--format labelme")
    write_coco(tmp_path / "ours", [{}])
    write_coco(tmp_path / "ours", [{}], "val")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("0 0.5 0.5")
    (tmp_path / "other" / "settings.json").write_text('{"images": 3}')
    (tmp_path / "other" / "broken.json").write_bytes(b"\xff\xfe\x00{")
    assert [conversion_hint(tmp_path / name) for name in ("ours", "other", "nowhere")] == ["", "", ""]
    assert list(formats_of(tmp_path / "ours")) == ["layout"]


def test_a_data_folder_one_level_away_is_named(tmp_path):
    write_coco(tmp_path / "parent" / "my data", [{}])
    write_coco(tmp_path / "parent" / "my data", [{}], "val")
    data = tmp_path / "parent" / "my data"
    for folder in (data.parent, data / "annotations", data / "train2017"):
        assert conversion_hint(folder) == f". It is in {data}: --data_dir '{data}'"


def test_a_file_in_utf16_is_recognised(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"images": [], "annotations": [], "categories": []}', encoding="utf-16")
    assert formats_of(path) == {"coco": path}


def test_a_large_file_is_recognised_by_its_ends(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text('{"images": [' + "1, " * 100_000 + '1], "categories": []}')
    assert formats_of(path) == {"coco": path}


def test_a_file_in_place_of_the_data_folder_is_called_so(tmp_path, capsys):
    tool_exports.yolo(tmp_path)
    assert run_cli(train.main, [f"--data_dir={tmp_path / 'data.yaml'}", "--device_target=CPU"]) == 1
    error = capsys.readouterr().err
    assert "data.yaml: is a file; expected the data folder. The folder seems to hold YOLO labels" in error


def test_a_folder_that_cannot_be_entered_does_not_hide_the_hint(tmp_path, monkeypatch):
    tool_exports.labelme(tmp_path)
    (tmp_path / "closed").mkdir()
    stat = os.stat

    def refused(path, *arguments, **options):
        if "closed/" in os.fspath(path):
            raise PermissionError(13, "Permission denied", path)
        return stat(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", refused)
    assert "files of labelme" in conversion_hint(tmp_path)

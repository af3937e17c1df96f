# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Model files of every kind: what they hold, what the user may change, and files that are none."""
import json
import shutil

import pytest

from model_utils.config import get_config
from model_utils.errors import UserError
from src.data.categories import Categories, unnamed_categories
from src.deploy.model_description import description_path
from src.deploy.model_files import load_model, named_categories
from tests.support.ascend310.infer_app import CATEGORIES, model_file
from tests.support.helpers import write_coco

pytestmark = pytest.mark.xdist_group("model_files")


def options(*arguments):
    return get_config([*arguments], "python predict.py")


@pytest.mark.parametrize(("kind", "batch_size"), [("onnx", 1), ("raw", 2)])
def test_a_described_file_needs_no_options(kind, batch_size):
    model = load_model(model_file(kind), options())
    assert (model.batch_size, model.config.testing_shape, model.config.resize_mode) == (batch_size, (64, 96),
                                                                                        "letterbox")
    assert model.categories == CATEGORIES
    assert (model.config.nms_thresh, model.config.max_detections, model.config.multi_label) == (0.5, 300, True)


def test_the_user_decides_what_the_graph_leaves_open():
    config = load_model(model_file("onnx"), options("--nms_thresh=0.3", "--exif=ignore", "--resize_mode=stretch",
                                                    "--testing_shape=64,96", "--batch_size=1")).config
    assert (config.nms_thresh, config.exif, config.resize_mode) == (0.3, "ignore", "stretch")


@pytest.mark.parametrize("option", ["testing_shape=128", "batch_size=4", "num_classes=80", "mean=0,0,0"])
def test_what_the_graph_fixes_is_refused(option):
    with pytest.raises(UserError, match=rf"{option.partition('=')[0]} is .* \(command line\), but .*onnx.onnx was "
                       "exported with"):
        load_model(model_file("onnx"), options(f"--{option}"))


def test_onnx_runs_on_a_cpu():
    with pytest.raises(UserError, match=r"device_target is GPU \(command line\), but .*onnx.onnx runs on a CPU"):
        load_model(model_file("onnx"), options("--device_target=GPU"))


@pytest.mark.parametrize(("kind", "option", "words"), [
    ("onnx", "cpu_engine=mindspore", "runs in onnxruntime or openvino; leave cpu_engine out"),
    ("mindir", "cpu_engine=openvino", "runs in MindSpore; leave cpu_engine out, or use the .ckpt or .onnx file"),
    ("mindir", "cpu_precision=bfloat16", "runs in MindSpore; leave cpu_precision out")])
def test_an_engine_that_does_not_run_the_file_is_refused(kind, option, words):
    with pytest.raises(UserError, match=words):
        load_model(model_file(kind), options("--device_target=CPU", f"--{option}"))


@pytest.mark.parametrize(("name", "words"), [
    ("a.om", "ascend310_infer"), ("a.AIR", "convert_om.sh"), ("a.weights", "convert_weight.py"), ("a.pt", "PyTorch"),
    ("a.onnx.json", "name the model file"), ("a.onnx", "no such file"), ("a.mindir", "no such file"),
    ("a.ckpt", "no such file")])
def test_other_files_are_explained(tmp_path, name, words):
    with pytest.raises(UserError, match=words):
        load_model(tmp_path / name, options("--device_target=CPU"))


def test_a_file_that_is_not_the_described_one_is_refused(tmp_path):
    path = shutil.copy(model_file("onnx"), tmp_path)
    with pytest.raises(UserError, match="onnx.onnx.json: no such file"):
        load_model(path, options())
    description = json.loads(description_path(model_file("onnx")).read_text())
    description["model"]["sha256"] = 64 * "0"
    description_path(path).write_text(json.dumps(description))
    with pytest.raises(UserError, match="sha256 is"):
        load_model(path, options())


def test_category_ids_are_those_of_the_annotation_file(tmp_path):
    listed = [{"id": number, "name": name} for number, name in ((20, "key"), (21, "cup"), (22, "ball"))]
    path = write_coco(tmp_path, [{}], "val", listed)
    categories = load_model(model_file("onnx"), options(f"--ann_file={path}")).categories
    assert categories.names == CATEGORIES.names and categories.ids == (21, 22, 20)
    path = write_coco(tmp_path, [{}], "val", [*listed[:2], {"id": 3, "name": "bull"}])
    with pytest.raises(UserError, match="only in the model: ball; only in the annotation file: bull"):
        load_model(model_file("onnx"), options(f"--ann_file={path}"))


def test_an_annotation_file_names_the_classes_of_a_checkpoint(tmp_path):
    path = write_coco(tmp_path, [{}], "val", [{"id": 4, "name": "a"}, {"id": 2, "name": "b"}])
    config = get_config(["--ann_file", str(path)])
    for categories in (unnamed_categories(2), Categories(("a", "b"), (1, 2))):
        assert named_categories(categories, config) == Categories(("a", "b"), (4, 2))
        assert named_categories(categories, get_config([])) is categories
    for categories in (unnamed_categories(3), Categories(("a", "c"), (1, 2)), Categories(("b", "a"), (1, 2))):
        with pytest.raises(UserError, match=f"{path}: has the 2 classes a, b, but"):
            named_categories(categories, config)

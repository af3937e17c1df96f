# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Exported files: contract of inputs and outputs, the network's outputs in other runtimes, and refusals."""
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

import mindspore as ms
from mindspore.train.mind_ir_pb2 import AttributeProto, ModelProto, PrimitiveProto

import export
from model_utils.config import get_config
from model_utils.errors import UserError
from src.config import detection_scales
from src.data.categories import Categories
from src.deploy import exporter
from src.deploy.exporter import (
    OUTPUT_NAMES,
    SUFFIXES,
    example_input,
    export_network,
    largest_difference,
    run_exported,
)
from src.deploy.model_description import description_path, read_description
from src.evaluation.nms import broadcast_iou, detections_from_heads
from src.weights.checkpoint import load_checkpoint, load_weights
from src.yolo import ScaleDecoder, build_inference_network, build_network
from tests.support.ascend310.infer_app import export_model, write_checkpoint
from tests.support.helpers import draw_picture, real_data, write_image

CPU = ["--device_target", "CPU"]
SHAPE = ["--testing_shape", "64,96"]
CLASSES = Categories(("a", "b", "c"), (1, 5, 9))
# Not Muls or Divs, for one, which a Python number beside a tensor makes and MindSpore Lite 2.0 refuses.
LITE_PRIMITIVES = {"Add", "BiasAdd", "Cast", "Concat", "Conv2D", "Depend", "Div", "Exp", "ExpandDims", "Load",
                   "MakeTuple", "MaxPool", "Maximum", "Minimum", "Mul", "Reshape", "Sigmoid", "StridedSlice", "Sub",
                   "Transpose", "UpdateState"}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("export") / "best.ckpt", CLASSES, shape="64,96")


@pytest.fixture
def image_path(tmp_path):
    path = tmp_path / "image with space.png"
    write_image(path, draw_picture((120, 70), [(10, 10, 60, 40, 1)], 3))
    return path


def run(checkpoint, folder, file_format, **options):
    path = folder / "new folder" / f"model{SUFFIXES[file_format]}"
    export_model(checkpoint, path.with_suffix(""), file_format=file_format, **options)
    assert sorted(os.listdir(path.parent)) == [path.name, f"{path.name}.json"]
    return path


# What runs an exported file computes what the network does

class Case(NamedTuple):
    """What is exported: the options of export.py."""

    file_format: str
    export_input: str
    keep_detect: str
    batch_size: str

    def options(self):
        return {name: value for name, value in self._asdict().items() if name != "file_format"}

    def config(self, resize_mode="letterbox"):
        options = {"resize_mode": resize_mode, **self.options()}
        return get_config([*CPU, *SHAPE, *(f"--{name}={value}" for name, value in options.items())])


# Every pair of values occurs.
BATCH_SIZES = {("uint8", "True"): "1", ("uint8", "False"): "4", ("float", "True"): "4", ("float", "False"): "1"}
CASES = [Case(file_format, *form, size) for file_format in ("MINDIR", "ONNX") for form, size in BATCH_SIZES.items()]
every_case = pytest.mark.parametrize("case", CASES, ids="-".join)
every_mindir = pytest.mark.parametrize("case", [case for case in CASES if case.file_format == "MINDIR"], ids="-".join)


@pytest.fixture(scope="module")
def exported(checkpoint):
    """A function from a case to the file that export.py writes, once for all tests."""
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        def path_of(case):
            if case not in files:
                files[case] = run(checkpoint, Path(folder) / "_".join(case), case.file_format, **case.options())
            return files[case]
        yield path_of


@pytest.fixture(scope="module")
def trained(checkpoint):
    """A function from a case and a batch to the outputs of the network as it was trained, which is not folded."""
    networks = {}

    def outputs(case, batch):
        key = case.export_input, case.keep_detect
        if key not in networks:
            networks[key] = build_inference_network(
                case.config(), 3, build_network(case.config(), 3), float_input=case.export_input == "float",
                decode=case.keep_detect == "True")
            load_weights(networks[key], load_checkpoint(checkpoint))
        return [output.asnumpy() for output in networks[key](ms.Tensor(batch))]
    return outputs


def outputs_of_runtimes(path, case, batch):
    """By name of the runtime the outputs of a file."""
    if case.file_format == "MINDIR":
        return {"MindSpore": run_exported(path, "MINDIR", batch)}
    opencv = cv2.dnn.readNetFromONNX(str(path))
    opencv.setInput(batch.astype(np.float32))
    return {"onnxruntime": run_exported(path, "ONNX", batch), "OpenCV": opencv.forward(list(OUTPUT_NAMES))}


@cache
def decoders():
    """The network's own decode of raw heads, big first."""
    return [ScaleDecoder(scale, 3, (64, 96)) for scale in detection_scales(get_config([]))[::-1]]


def detections(case, outputs):
    """The detections (boxes, scores, classes) of each image of a batch."""
    if case.keep_detect == "False":
        outputs = [decode(ms.Tensor(head)).asnumpy() for decode, head in zip(decoders(), outputs, strict=True)]
    return [detections_from_heads(*heads, score_threshold=0.001, nms_threshold=0.5, max_detections=300)
            for heads in zip(*outputs, strict=True)]


def assert_same_detections(found, expected):
    """Each expected detection has one of its own among those found, and none is left."""
    (boxes, scores, classes), free = found, list(range(len(found[0])))
    assert len(boxes) == len(expected[0]) >= 20
    for box, score, class_number in zip(*expected, strict=True):
        match = next((i for i in free if classes[i] == class_number and abs(scores[i] - score) < 1e-3
                      and broadcast_iou(boxes[i].astype(np.float64), box.astype(np.float64)) > 0.99), None)
        assert match is not None, (box, score, class_number)
        free.remove(match)


def assert_agrees(path, case, batch, expected):
    for name, outputs in outputs_of_runtimes(path, case, batch).items():
        assert largest_difference(outputs, expected) <= 1e-3, name
        for ours, theirs in zip(detections(case, outputs), detections(case, expected), strict=True):
            assert_same_detections(ours, theirs)


@pytest.mark.slow
@every_case
def test_contract_and_the_generated_image(exported, trained, case):
    path, count = exported(case), int(case.batch_size)
    batch = example_input(case.config())
    assert batch.shape == ((count, 64, 96, 3) if case.export_input == "uint8" else (count, 3, 64, 96))
    big, small = expected = trained(case, batch)
    if case.keep_detect == "True":
        assert big.shape == (count, 2, 3, 3, 8) and small.shape == (count, 4, 6, 3, 8)
        assert ((big[..., 4:] > 0) & (big[..., 4:] < 1)).all()
    else:
        assert big.shape == (count, 24, 2, 3) and small.shape == (count, 24, 4, 6)
    assert_agrees(path, case, batch, expected)
    description = read_description(path)
    assert description["input"]["shape"] == list(batch.shape) and description["input"]["type"] == batch.dtype.name
    assert [output["shape"] for output in description["outputs"]] == [list(big.shape), list(small.shape)]
    if case.file_format == "ONNX":
        session = onnxruntime.InferenceSession(str(path))
        assert [node.name for node in session.get_inputs()] == [description["input"]["name"]]
        assert [node.name for node in session.get_outputs()] == [node["name"] for node in description["outputs"]]
        kinds = [node.op_type for node in onnx.load(path).graph.node]
        assert kinds.count("Conv") == 13 and "BatchNormalization" not in kinds


def lowered_nodes(path):
    """The nodes of a MindIR whose primitive had constants for attributes: (kind, number of inputs, attributes)."""
    model = ModelProto.FromString(path.read_bytes())
    primitives = {f"REF::{primitive.name}": primitive for primitive in model.primitives}
    for node in model.graph.node:
        primitive = primitives.get(node.op_type)
        if primitive is not None and primitive.op_type in ("BiasAdd", "Concat", "StridedSlice"):
            yield primitive.op_type, len(node.input), {
                attribute.name: attribute.s.decode() or attribute.i for attribute in primitive.attribute
                if attribute.type in (AttributeProto.INT64, AttributeProto.STRING)}


@pytest.mark.slow
@every_mindir
def test_a_mindir_is_of_the_version_that_mindspore_lite_2_0_reads(exported, case):
    model = ModelProto.FromString(exported(case).read_bytes())
    assert model.mind_ir_version == 1
    assert {primitive.prim_type for primitive in model.primitives} == {PrimitiveProto.PRIMITIVE}
    assert {"Conv2D", "MaxPool"} <= {primitive.op_type for primitive in model.primitives} <= LITE_PRIMITIVES
    used = {name for node in model.graph.node for name in node.input}
    assert used >= {node.output[0] for node in model.graph.node if node.op_type == "Constant"}
    nodes, decoded = list(lowered_nodes(exported(case))), case.keep_detect == "True"
    assert [node for node in nodes if node[0] == "BiasAdd"] == 13 * [("BiasAdd", 2, {"format": "NCHW"})]
    concats = [(inputs, *attributes.items()) for kind, inputs, attributes in nodes if kind == "Concat"]
    axes = (2, 4, 3, 1, 2) if decoded else (4, 3, 1)
    assert concats == [(1, ("axis", axis)) for axis in axes]
    slices = [(inputs, attributes) for kind, inputs, attributes in nodes if kind == "StridedSlice"]
    masks = {"begin_mask": 3, "end_mask": 3, "ellipsis_mask": 0, "new_axis_mask": 0, "shrink_axis_mask": 4}
    one_scale = [*4 * [(4, masks)], (4, {**masks, "end_mask": 7, "shrink_axis_mask": 0})]
    assert slices == (2 * one_scale if decoded else [])


@pytest.mark.slow
def test_both_versions_of_a_mindir_have_equal_heads(exported, checkpoint, tmp_path):
    case, = (case for case in CASES if case == ("MINDIR", "uint8", "True", "1"))
    old, new = exported(case), run(checkpoint, tmp_path, mindir_version=3, **case._asdict())
    assert ModelProto.FromString(new.read_bytes()).mind_ir_version == 3
    assert [read_description(path)["model"]["exported_as"] for path in (old, new)] == ["MINDIR 1", "MINDIR 3"]
    batch = example_input(case.config())
    assert largest_difference(run_exported(old, "MINDIR", batch), run_exported(new, "MINDIR", batch)) == 0


@pytest.mark.slow
@every_case
def test_real_images(exported, trained, case):
    batches = [example_input(case.config(resize_mode), min((real_data(name) / "val2017").glob("*.jpg")))[:1]
                for name, resize_mode in (("bccd", "letterbox"), ("coco128", "stretch"))]
    for batch in batches if case.batch_size == "1" else [np.concatenate(2 * batches)]:
        assert_agrees(exported(case), case, batch, trained(case, batch))


def test_the_output_of_the_program(checkpoint, image_path, tmp_path, capsys):
    path = run(checkpoint, tmp_path, "ONNX", image=image_path)
    out = capsys.readouterr().out
    assert f"{path}: {path.stat().st_size} bytes, input uint8 [1, 64, 96, 3]" in out
    assert f"{path}.json: what it needs" in out and f"on {image_path}: largest difference" in out
    description = read_description(path)
    assert description["model"]["file"] == "model.onnx" and description["resize_mode"] == "letterbox"
    assert description["classes"] == [{"name": "a", "id": 1}, {"name": "b", "id": 5}, {"name": "c", "id": 9}]


def test_float_input_is_the_normalised_image(image_path):
    arguments = [*CPU, "--testing_shape", "64,96"]
    pixels = example_input(get_config(arguments), str(image_path))[0]
    floats = example_input(get_config([*arguments, "--export_input", "float"]), str(image_path))[0]
    expected = (pixels / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    np.testing.assert_allclose(floats.transpose(1, 2, 0), expected, atol=1e-5)


def test_air_needs_ascend(checkpoint, tmp_path):
    with pytest.raises(UserError, match="only on an Ascend device"):
        export.main([*CPU, "--ckpt_file", str(checkpoint), "--file_name", str(tmp_path / "m"), "--file_format", "AIR"])
    assert os.listdir(tmp_path) == []


# Both files or none

def test_a_nan_in_either_output_is_a_difference():
    right = [np.zeros((1, 2, 2, 3, 7)), np.zeros((1, 4, 4, 3, 7))]
    assert largest_difference(right, right) == 0 and largest_difference(None, right) is None
    for number in (0, 1):
        wrong = [output.copy() for output in right]
        wrong[number][0, 0, 0, 0, 0] = np.nan
        assert np.isnan(largest_difference(wrong, right))


def test_a_difference_is_relative_where_a_value_is_large():
    # A network that 40 epochs on 131 images trained, on a generated image: objectness 0, and this width.
    assert largest_difference([np.float32([357.31522])], [np.float32([357.3166])]) < 5e-6
    assert largest_difference([np.float32([-3.0, 0.5])], [np.float32([-2.0, 0.25])]) == 0.5
    assert largest_difference([np.float32([0.252])], [np.float32([0.25])]) == pytest.approx(0.002, rel=1e-3)


@pytest.fixture(scope="module")
def network():
    """A small random network, its config and its classes; compiled once."""
    config = get_config([*CPU, "--testing_shape", "64"])
    return build_inference_network(config, 2), config, Categories(("a", "b"), (1, 2))


def test_a_file_that_computes_something_else_is_not_kept(network, tmp_path, monkeypatch):
    cell, config, categories = network
    monkeypatch.setattr(exporter, "run_exported", lambda *a: [output + 0.002 for output in run_exported(*a)])
    for name in ("m.mindir", "m.mindir.json"):
        (tmp_path / name).write_text("old")
    with pytest.raises(UserError, match="not written, .* by up to 0.002, more than 0.001; .* --device_target CPU$"):
        export_network(cell, example_input(config), config, categories, tmp_path / "m.mindir")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"m.mindir": "old", "m.mindir.json": "old"}


@pytest.mark.parametrize("in_the_way", ["m.mindir", "m.mindir.json"])
def test_a_folder_in_the_place_of_a_file_leaves_an_earlier_export_as_it_is(network, tmp_path, in_the_way):
    cell, config, categories = network
    other, = {"m.mindir", "m.mindir.json"} - {in_the_way}
    (tmp_path / in_the_way).mkdir()
    (tmp_path / other).write_text("old")
    with pytest.raises(UserError, match=f"{in_the_way}: is a folder, but a file of this name is to be written"):
        export_network(cell, example_input(config), config, categories, tmp_path / "m.mindir")
    assert sorted(os.listdir(tmp_path)) == ["m.mindir", "m.mindir.json"]
    assert (tmp_path / other).read_text() == "old" and os.listdir(tmp_path / in_the_way) == []


def test_outputs_that_are_no_numbers_are_refused(network, tmp_path):
    cell, config, categories = network

    def overflowing(images):
        big, small = cell(images)
        return big, small / 0

    overflowing.get_parameters = cell.get_parameters
    with pytest.raises(UserError, match="m.mindir: not written, the network's outputs on a generated image hold NaN"):
        export_network(overflowing, example_input(config), config, categories, tmp_path / "m.mindir")
    assert os.listdir(tmp_path) == []


def test_a_temporary_folder_that_mindspore_refuses_is_reported(network, tmp_path, monkeypatch):
    cell, config, categories = network
    (tmp_path / "a b").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "a b"))
    with pytest.raises(UserError, match="TMPDIR: MindSpore cannot write to .*a b"):
        export_network(cell, example_input(config), config, categories, tmp_path / "m.mindir")
    assert os.listdir(tmp_path) == ["a b"] and os.listdir(tmp_path / "a b") == []


def test_an_export_replaces_both_files_and_their_permissions_are_ordinary(network, tmp_path):
    cell, config, categories = network
    path = tmp_path / "m.mindir"
    for name in (path, description_path(path)):
        name.write_text("old")
        name.chmod(0o400)
    assert export_network(cell, example_input(config), config, categories, path) < 1e-5
    assert [entry["name"] for entry in read_description(path)["classes"]] == ["a", "b"]
    assert {name.stat().st_mode & 0o777 for name in (path, description_path(path))} == {0o644}
    assert len(os.listdir(tmp_path)) == 2


@pytest.mark.parametrize("file_format, module", [("ONNX", ms.onnx), ("MINDIR", ms)])
def test_a_model_that_mindspore_did_not_write_is_reported(file_format, module, monkeypatch, tmp_path):
    monkeypatch.setattr(module, "export", lambda *network, **options: None)
    with pytest.raises(UserError, match=f"^{tmp_path}: MindSpore wrote no model.* TMPDIR"):
        exporter._write_draft(None, np.zeros((1, 2), np.uint8), file_format, tmp_path / "draft")

"""Exported files: contract of inputs and outputs, agreement with the network in other runtimes, and refusals."""
import os

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

import mindspore as ms

import export
from model_utils.config import get_config
from model_utils.errors import UserError, run_cli
from src import exporter
from src.checkpoint import load_checkpoint, load_weights, save_checkpoint
from src.exporter import OUTPUT_NAMES, example_input, export_network
from src.initializer import initialise_weights
from src.run_state import describe_network
from src.yolo import build_inference_network, build_network
from src.yolo_dataset import Categories
from tests.helpers import draw_picture, write_image

CPU = ["--device_target", "CPU"]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """A checkpoint of a network with random weights and statistics, for 64 x 96 inputs and three classes."""
    config = get_config([*CPU, "--testing_shape", "64,96", "--resize_mode", "letterbox"])
    network = build_network(config, 3)
    initialise_weights(network, 1)
    rng = np.random.default_rng(2)
    for parameter in network.get_parameters():
        if parameter.name.endswith(("gamma", "moving_variance")):
            parameter.set_data(ms.Tensor(rng.uniform(0.5, 2, parameter.shape), ms.float32))
        elif parameter.name.endswith(("beta", "moving_mean")):
            parameter.set_data(ms.Tensor(rng.normal(0, 0.3, parameter.shape), ms.float32))
    path = tmp_path_factory.mktemp("export") / "best.ckpt"
    meta = describe_network(config, Categories(("a", "b", "c"), (1, 5, 9)))
    save_checkpoint(path, {parameter.name: parameter for parameter in network.get_parameters()}, meta)
    return path


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "picture with space.png"
    write_image(path, draw_picture((120, 70), [(10, 10, 60, 40, 1)], 3))
    return path


def run(checkpoint, folder, file_format, *arguments):
    name = folder / "new folder" / "model"
    export.main([*CPU, "--ckpt_file", str(checkpoint), "--file_name", str(name), "--file_format", file_format,
                 *arguments])
    (written,) = os.listdir(name.parent)
    return name.parent / written


@pytest.mark.parametrize("file_format", ["MINDIR", "ONNX"])
@pytest.mark.parametrize("export_input", ["uint8", "float"])
@pytest.mark.parametrize("keep_detect", ["True", "False"])
def test_contract(checkpoint, picture, tmp_path, capsys, file_format, export_input, keep_detect):
    path = run(checkpoint, tmp_path, file_format, "--export_input", export_input, "--keep_detect", keep_detect,
               "--image", str(picture), "--batch_size", "2")
    assert path.name == "model" + {"MINDIR": ".mindir", "ONNX": ".onnx"}[file_format]
    assert f"on {picture}: largest difference" in capsys.readouterr().out
    config = get_config([*CPU, "--testing_shape", "64,96", "--resize_mode", "letterbox", "--batch_size", "2",
                         "--export_input", export_input])
    batch = example_input(config, str(picture))
    assert batch.shape == ((2, 64, 96, 3) if export_input == "uint8" else (2, 3, 64, 96))
    big, small = exporter.run_exported(path, file_format, batch)
    if file_format == "MINDIR":
        # The file is folded; the network that was trained is not.
        trained = build_inference_network(config, 3, build_network(config, 3), float_input=export_input == "float",
                                          decode=keep_detect == "True")
        load_weights(trained, load_checkpoint(checkpoint))
        for found, expected in zip((big, small), trained(ms.Tensor(batch)), strict=True):
            np.testing.assert_allclose(found, expected.asnumpy(), atol=1e-4)
    if keep_detect == "True":
        assert big.shape == (2, 2, 3, 3, 8) and small.shape == (2, 4, 6, 3, 8)
        assert ((big[..., 4:] > 0) & (big[..., 4:] < 1)).all()
    else:
        assert big.shape == (2, 24, 2, 3) and small.shape == (2, 24, 4, 6)
    if file_format == "ONNX":
        session = onnxruntime.InferenceSession(str(path))
        assert [output.name for output in session.get_outputs()] == list(OUTPUT_NAMES)
        kinds = [node.op_type for node in onnx.load(path).graph.node]
        assert kinds.count("Conv") == 13 and "BatchNormalization" not in kinds
        judge = cv2.dnn.readNetFromONNX(str(path))
        judge.setInput(batch.astype(np.float32))
        for found, expected in zip(judge.forward(list(OUTPUT_NAMES)), (big, small), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-4)


def test_float_input_is_the_normalised_picture(picture):
    arguments = [*CPU, "--testing_shape", "64,96"]
    pixels = example_input(get_config(arguments), str(picture))[0]
    floats = example_input(get_config([*arguments, "--export_input", "float"]), str(picture))[0]
    expected = (pixels / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    np.testing.assert_allclose(floats.transpose(1, 2, 0), expected, atol=1e-5)


def test_air_needs_ascend(checkpoint, tmp_path):
    with pytest.raises(UserError, match="only on an Ascend device"):
        export.main([*CPU, "--ckpt_file", str(checkpoint), "--file_name", str(tmp_path / "m"), "--file_format", "AIR"])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("arguments, code, words", [
    (["--ckpt_file="], 2, "ckpt_file is empty"), (["--ckpt_file=/nowhere/a.ckpt"], 1, "/nowhere/a.ckpt: no such file"),
    (["--testing_shape=100"], 2, "testing_shape is '100'"), (["--num_classes=5"], 1, "num_classes is 5"),
    (["--file_format=PTH"], 2, "file_format is 'PTH'"), (["--image=/nowhere/a.jpg"], 1, "/nowhere/a.jpg: cannot read"),
])
def test_wrong_input_is_told_and_nothing_is_written(checkpoint, tmp_path, capsys, arguments, code, words):
    common = [*CPU, f"--ckpt_file={checkpoint}", f"--file_name={tmp_path / 'm'}"]
    assert run_cli(export.main, [*common, *arguments]) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ") and words in error and "Traceback" not in error
    assert os.listdir(tmp_path) == []


def test_a_nan_in_either_output_is_a_difference(monkeypatch):
    network = build_inference_network(get_config([*CPU, "--testing_shape", "64"]), 2)
    batch = np.zeros((1, 64, 64, 3), np.uint8)
    right = [output.asnumpy() for output in network(ms.Tensor(batch))]
    for number in (0, 1):
        wrong = [output.copy() for output in right]
        wrong[number][0, 0, 0, 0, 0] = np.nan
        monkeypatch.setattr(exporter, "run_exported", lambda *a, wrong=wrong: wrong)
        assert np.isnan(exporter.largest_difference(network, "m.mindir", "MINDIR", batch))


def test_a_file_that_computes_something_else_is_not_kept(tmp_path, monkeypatch):
    config = get_config([*CPU, "--testing_shape", "64"])
    network = build_inference_network(config, 2)
    right = exporter.run_exported
    monkeypatch.setattr(exporter, "run_exported", lambda *a: [output + 0.002 for output in right(*a)])
    with pytest.raises(UserError, match="not written"):
        export_network(network, example_input(config), "MINDIR", tmp_path / "m.mindir")
    assert os.listdir(tmp_path) == []


def test_ordinary_permissions(checkpoint, tmp_path):
    path = run(checkpoint, tmp_path, "MINDIR")
    plain = path.with_name("plain")
    plain.touch()
    assert path.stat().st_mode == plain.stat().st_mode

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Exports in INT8: a quarter of the size, the same detections but for rounding, from images of a folder."""
import logging

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import export
from model_utils.config import get_config
from model_utils.errors import UserError
from src.deploy import exporter
from src.deploy.exporter import calibration_batches
from src.deploy.int8 import quantize_model
from src.deploy.model_files import load_model
from src.evaluation.cpu_engine import FLOAT32, Engine
from tests.support.ascend310.infer_app import CATEGORIES, export_model, write_checkpoint
from tests.support.engines import SESSION_ENGINES
from tests.support.helpers import draw_picture, write_image

SHAPE = "64,96"


@pytest.fixture(scope="module", name="photos")
def fixture_photos(tmp_path_factory):
    """A folder of five drawn images of different sizes."""
    folder = tmp_path_factory.mktemp("photos")
    for number in range(5):
        size = 90 + 10 * number, 60
        write_image(folder / f"{number}.png", draw_picture(size, [(10, 10, 50, 40, number % 3 + 1)], number))
    return folder


def write_network(path):
    """Write a network of three convolutions and a pooling; return the weights of the middle one."""
    rng = np.random.default_rng(0)
    weights = [numpy_helper.from_array(rng.standard_normal((4, 4, 3, 3), np.float32), f"w{number}")
               for number in range(3)]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
              for name, shape in (("x", [1, 4, 8, 8]), ("y", [1, 4, 4, 4]))]
    nodes = [helper.make_node("Conv", [before, f"w{number}"], [after], pads=[1, 1, 1, 1], name=f"conv{number}")
             for number, (before, after) in enumerate((("x", "a"), ("a", "b"), ("b", "c")))]
    nodes.append(helper.make_node("MaxPool", ["c"], ["y"], kernel_shape=[2, 2], strides=[2, 2], name="pool"))
    graph = helper.make_graph(nodes, "network", values[:1], values[1:], weights)
    onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 11)]), path)
    return numpy_helper.to_array(weights[1])


@pytest.mark.parametrize("engine", SESSION_ENGINES)
def test_inner_convolutions_are_quantised_by_channel(tmp_path, engine, caplog):
    path = tmp_path / "network.onnx"
    weights = write_network(path)
    images = np.random.default_rng(1).uniform(-1, 3, (6, 1, 4, 8, 8)).astype(np.float32)
    expected = [Engine(engine, FLOAT32).open(path)(image)[0] for image in images]
    handlers = list(logging.getLogger().handlers)
    with caplog.at_level(logging.ERROR):
        quantize_model(path, images)
    assert logging.getLogger().handlers == handlers and not caplog.messages
    model = onnx.load(path)
    assert [node.op_type for node in model.graph.node if "Linear" not in node.op_type] == [*3 * ["Conv"], "MaxPool"]
    stored = {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}
    assert {name for name in stored if name.endswith("_quantized")} == {"w1_quantized"}
    assert stored["w1_quantized"].dtype == np.int8
    np.testing.assert_allclose(stored["w1_scale"], np.abs(weights).max((1, 2, 3)) / 64, rtol=0.01)
    assert np.abs(stored["w1_quantized"].astype(int)).max() <= 64
    session = Engine(engine, FLOAT32).open(path)
    for image, exact in zip(images, expected, strict=True):
        rounded = session(image)[0]
        assert 0 < np.abs(rounded - exact).max() < 0.03 * np.abs(exact).max()


@pytest.mark.slow
def test_an_export_in_int8_computes_nearly_the_same(photos, tmp_path, capsys):
    checkpoint = write_checkpoint(tmp_path / "best.ckpt", CATEGORIES, shape=SHAPE)
    options = {"file_format": "ONNX", "testing_shape": SHAPE, "batch_size": "2"}
    export_model(checkpoint, tmp_path / "plain", **options)
    export_model(checkpoint, tmp_path / "int8", **options, quantize=str(photos))
    assert f"convolutions in INT8, their ranges from images of {photos}" in capsys.readouterr().out
    plain, int8 = tmp_path / "plain.onnx", tmp_path / "int8.onnx"
    assert int8.stat().st_size < 0.27 * plain.stat().st_size
    batch = next(calibration_batches(config_of(photos)))
    exact, rounded = (Engine("onnxruntime", FLOAT32).open(path)(batch) for path in (plain, int8))
    for one, other in zip(exact, rounded, strict=True):
        assert 0 < np.abs(one - other)[..., 4:].max() < 0.1
    engines = [str(load_model(path, get_config(["--cpu_engine=onnxruntime"])).engine) for path in (plain, int8)]
    assert engines[0].endswith(", float32") and engines[1].endswith(", INT8 and float32")


def config_of(folder, *options):
    return get_config([f"--quantize={folder}", f"--testing_shape={SHAPE}", "--batch_size=2", *options])


def test_calibration_takes_images_from_the_whole_folder_in_full_batches(photos, monkeypatch):
    batches = list(calibration_batches(config_of(photos)))
    assert [batch.shape for batch in batches] == [(2, 64, 96, 3)] * 3
    # The last image fills the last batch.
    np.testing.assert_array_equal(batches[2][0], batches[2][1])
    monkeypatch.setattr(exporter, "MAX_CALIBRATION_IMAGES", 3)
    few = list(calibration_batches(config_of(photos, "--export_input=float")))
    assert [batch.shape for batch in few] == [(2, 3, 64, 96)] * 2 and few[0].dtype == np.float32
    config = config_of(photos)
    pixels = (batches[1][0] / 255 - config.mean) / config.std
    np.testing.assert_allclose(few[0][1], pixels.transpose(2, 0, 1), rtol=1e-4, atol=1e-4)


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"quantize is .*nowhere \(command line\): no such folder; name one of images"):
        next(calibration_batches(config_of(tmp_path / "nowhere")))
    with pytest.raises(UserError, match="no image among the 0 files"):
        next(calibration_batches(config_of(tmp_path)))
    (tmp_path / "a.mp4").touch()
    with pytest.raises(UserError, match=r"quantize is .*: only videos are in this folder; name one of images"):
        export.export(config_of(tmp_path, "--ckpt_file=none.ckpt"))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The simulation of half precision: what it rounds, what it keeps, and the errors that it reports."""
import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import mindspore as ms

from model_utils.config import get_config
from src.data.categories import Categories
from src.initializer import initialise_weights
from src.training.train_state import describe_network
from src.weights.checkpoint import load_checkpoint, save_checkpoint
from src.yolo import build_network
from tests.benchmark import half_precision
from tests.benchmark.half_precision import Recorder, after_heads, errors, in_half_precision, main, rounded, variants
from tests.support.helpers import write_coco

CLASSES = Categories(("cup", "ball", "key"), (3, 1, 7))
OPTIONS = ["--device_target=CPU", "--testing_shape=64", "--batch_size=2", "--file_format=ONNX"]


def one_third_model():
    """x float32 [3] to x / 3 + 1 by two nodes."""
    third, one = (numpy_helper.from_array(np.float32(value), name) for value, name in ((1 / 3, "third"), (1, "one")))
    nodes = [helper.make_node("Mul", [half_precision.INPUT_NAME, "third"], ["product"]),
             helper.make_node("Add", ["product", "one"], ["sum"])]
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in (half_precision.INPUT_NAME, "sum")]
    graph = helper.make_graph(nodes, "third", value[:1], value[1:], [third, one])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 11)], ir_version=6)


def test_every_constant_and_every_result_is_rounded():
    x = np.array([0.1, 3, 1e5], np.float32)
    model = one_third_model()
    [exact] = Recorder(model)(ms.Tensor(x))
    np.testing.assert_allclose(exact.asnumpy(), x.astype(np.float64) / 3 + 1, rtol=1e-6)
    # NumPy rounds each float16 result once, as a device does; its numbers near 33333 are 32 apart.
    product = (x * np.float32(np.float16(1 / 3))).astype(np.float16)
    [half] = Recorder(in_half_precision(model))(ms.Tensor(x))
    np.testing.assert_array_equal(half.asnumpy(), (product + np.float16(1)).astype(np.float32))
    assert half.asnumpy()[2] == 33312
    [kept] = Recorder(in_half_precision(model, {"sum"}))(ms.Tensor(x))
    np.testing.assert_array_equal(kept.asnumpy(), product.astype(np.float32) + np.float32(1))
    # The given model is unchanged.
    assert len(model.graph.node) == 2 and model.graph.initializer[0].name == "third"


@pytest.fixture(scope="module", autouse=True)
def fixture_export():
    """Export the network once with its decode and once without; the command's batches are as small as the test's."""
    models, export = {}, half_precision.exported

    def exported(config, checkpoint, categories):
        key = config.keep_detect, config.batch_size, config.testing_shape
        if key not in models:
            models[key] = export(config, checkpoint, categories)
        return models[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(half_precision, "exported", exported)
        patch.setattr(half_precision, "BATCH", 2)
        yield


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    config = get_config(OPTIONS)
    network = build_network(config, 3)
    initialise_weights(network, 1)
    path = tmp_path_factory.mktemp("half") / "best.ckpt"
    save_checkpoint(path, {parameter.name: parameter for parameter in network.get_parameters()},
                    describe_network(config, CLASSES))
    return path


@pytest.mark.slow
def test_the_variants_of_the_real_graph(checkpoint):
    config = get_config(OPTIONS)
    images = ms.Tensor(np.random.default_rng(1).integers(0, 256, (2, 64, 64, 3), np.uint8))
    found = {name: [head.asnumpy() for head in network(images)]
             for name, network in variants(config, load_checkpoint(checkpoint), CLASSES).items()}
    exact, decode_too, decode_in_float, handed_over, raw = found.values()
    assert [head.shape for head in exact] == [(2, 2, 2, 3, 8), (2, 4, 4, 3, 8)]
    for number in (0, 1):
        for half in (decode_too, decode_in_float, handed_over):
            assert 1e-5 < np.abs(half[number] - exact[number]).max() < 0.02
        for half in (decode_too, handed_over):
            np.testing.assert_array_equal(half[number], rounded(half[number]))
        assert (decode_in_float[number] != rounded(decode_in_float[number])).mean() > 0.5
        # The same roundings in the network, and one decode.
        np.testing.assert_allclose(raw[number], decode_in_float[number], atol=1e-6)
        np.testing.assert_array_equal(handed_over[number], rounded(decode_in_float[number]))


def test_the_nodes_after_the_heads_are_the_decode(checkpoint):
    graph = half_precision.exported(get_config(OPTIONS), load_checkpoint(checkpoint), CLASSES).graph
    decode = after_heads(graph)
    kinds = [node.op_type for node in graph.node if node.output[0] in decode]
    assert kinds.count("Exp") == 4 and kinds.count("Sigmoid") == 6
    assert not {"Conv", "MaxPool", "Max"}.intersection(kinds)
    assert "Transpose" in [node.op_type for node in graph.node if node.output[0] not in decode]


def test_errors_are_in_pixels_of_cells_that_count():
    expected = np.array([[0.5, 0.5, 0.2, 0.4, 0.9, 0.5, 0.8], [0.1, 0.1, 0.2, 0.2, 0.05, 0.9, 0.1]], np.float32)
    found = expected + np.float32([[0.01, 0, 0.02, 0, 0, 0, -0.1], [0.5, 0.5, 0, 0, 0, 0, 0]])
    batches = [[[each[:1].reshape(1, 1, 1, 1, 7), each[1:].reshape(1, 1, 1, 1, 7)]] for each in (found, expected)]
    pixels, ious, score = errors(*batches, size=100)
    np.testing.assert_allclose(pixels, [[0, 0, 2, 0]], atol=1e-4)
    np.testing.assert_allclose(ious, [20 / 22], atol=1e-6)
    assert score == pytest.approx(0.09, abs=1e-6)


@pytest.mark.slow
def test_the_command_prints_a_line_for_each_variant(checkpoint, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(half_precision, "setup_device", lambda config: ms.set_context(mode=ms.GRAPH_MODE))
    monkeypatch.setattr(half_precision, "MIN_SCORE", 0.0)
    write_coco(tmp_path, [{"boxes": [(4, 4, 20, 20, 3)]}], "val")
    assert main([str(checkpoint), "--data_dir", str(tmp_path), "--sizes", "64"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["size", *["64"] * 5]
    assert lines[1].split()[-6:] == ["0.000", "0.000", "0.000", "0.00", "%", "0.0000"]
    assert all(float(line.split()[-6]) > 0 for line in lines[2:])

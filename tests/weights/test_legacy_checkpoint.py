# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Checkpoints of the 2021 version through every program: each tensor arrives, and the outputs are those of 2021.

The files are written here by the names and shapes of that version, not by the loader's own rename table, with all that
its optimizer left in them; the outputs are held against its network in plain NumPy.
"""
import json

import cv2
import numpy as np
import pytest

import mindspore as ms

import eval as evaluation
import export
import predict
import train
from model_utils.config import get_config
from model_utils.errors import UserError
from src.data.coco import read_coco
from src.deploy.exporter import run_exported
from src.evaluation import inference
from src.evaluation.evaluator import image_results
from src.evaluation.inference import load_inference_network
from src.weights.checkpoint import load_checkpoint
from src.weights.folding import fold_batch_norm
from src.weights.start_weights import start_weights
from src.yolo import build_network
from tests.support import reference
from tests.support.helpers import CATEGORIES, write_coco

# In and out channels and kernel of the 11 convolutions of 2021.
CONVOLUTIONS = ((3, 16, 3), (16, 32, 3), (32, 64, 3), (64, 128, 3), (128, 256, 3), (256, 512, 3), (512, 1024, 3),
                (1024, 256, 1), (256, 512, 3), (256, 128, 1), (384, 256, 3))
HEADS = {"head1": 512, "head2": 256}
PREFIX = "yolo_network.feature_map."
HEIGHT, WIDTH = 64, 96
STATISTICS = ("moving_mean", "moving_variance")
CPU = ("--device_target=CPU", f"--testing_shape={HEIGHT},{WIDTH}", "--num_parallel_workers=1")


def legacy_shapes(num_classes):
    """Every weight of 2021: (its name then, its name now, its shape), in the order of the network."""
    for i, (channels_in, channels_out, kernel) in enumerate(CONVOLUTIONS):
        yield f"backbone.conv{i}.0.weight", f"conv{i}.conv.weight", (channels_out, channels_in, kernel, kernel)
        for field in ("gamma", "beta", "moving_mean", "moving_variance"):
            yield f"backbone.conv{i}.1.{field}", f"conv{i}.bn.{field}", (channels_out,)
    for head, channels in HEADS.items():
        outputs = 3 * (5 + num_classes)
        yield f"{head}.weight", f"{head}.weight", (outputs, channels, 1, 1)
        yield f"{head}.bias", f"{head}.bias", (outputs,)


def write_legacy(path, num_classes, without=()):
    """Write a checkpoint as the 2021 version did; returns the values by our names.

    They keep the signal alive through the network, and its raw heads at a size of about one.
    """
    rng = np.random.default_rng(num_classes)
    entries, values = [], {}
    for old, new, shape in legacy_shapes(num_classes):
        spread = (2 / np.prod(shape[1:])) ** 0.5 if len(shape) == 4 else 0.3
        value = rng.normal(0, spread / 8 if old.startswith("head") else spread, shape)
        if old.endswith(("gamma", "moving_variance")):
            value = rng.uniform(0.5, 1.5, shape)
        values[new] = value.astype(np.float32)
        if old not in without:
            entries.append({"name": PREFIX + old, "data": ms.Tensor(values[new])})
    # Its optimizer's state: moments far from any that a new run could have, its learning rate, steps and momentum.
    entries += [{"name": f"moments.{entry['name']}", "data": ms.Tensor(np.full(entry["data"].shape, 1e6, np.float32))}
                for entry in entries if not entry["name"].endswith(STATISTICS)]
    rest = {"learning_rate": np.full(300, 1e-3, np.float32), "global_step": np.full(1, 1_099_200, np.int32),
            "momentum": np.float32(0.9)}
    entries += [{"name": name, "data": ms.Tensor(value)} for name, value in rest.items()]
    ms.save_checkpoint(entries, str(path))
    return values


@pytest.fixture(scope="module")
def legacy_files(tmp_path_factory):
    """By number of classes: (path, values by our names, number of classes) of a checkpoint of 2021."""
    files = {}
    for num_classes in (3, 80):
        path = tmp_path_factory.mktemp("legacy") / "yolov3_tiny-300_1099200.ckpt"
        files[num_classes] = path, write_legacy(path, num_classes), num_classes
    return files


@pytest.fixture(params=[3, 80])
def legacy(request, legacy_files):
    return legacy_files[request.param]


@pytest.fixture
def three_classes(legacy_files):
    """For the programs, which are the same for any number of classes."""
    return legacy_files[3]


@pytest.fixture(scope="module", name="data")
def fixture_data(tmp_path_factory):
    """A data folder of three classes, 4 images to train on and 3 to validate on."""
    folder = tmp_path_factory.mktemp("data")
    boxes = [(4, 6, 30, 24, CATEGORIES[0]["id"]), (30, 10, 26, 30, CATEGORIES[-1]["id"])]
    for split, count in (("train", 4), ("val", 3)):
        write_coco(folder, [{"size": (64 + 10 * i, 48), "boxes": boxes} for i in range(count)], split)
    return folder


def watch(monkeypatch, module, name):
    """Let a function of a program run as it is, and note its results."""
    noted, original = [], getattr(module, name)

    def watched(*args, **options):
        noted.append(original(*args, **options))
        return noted[-1]

    monkeypatch.setattr(module, name, watched)
    return noted


def assert_same_tensors(network, values, folded=True):
    """Every tensor of the network is the file's, bit by bit, folded or as it is, and there is no other."""
    found = {parameter.name: parameter.asnumpy() for parameter in network.get_parameters()}
    assert len(values) == 59
    values = fold_batch_norm(values) if folded else values
    assert set(found) == set(values)
    for name, value in values.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


# The network of 2021 in NumPy, float64.

def convolve(x, weight):
    """Stride 1, zero padding that keeps the size; x [C, H, W]."""
    margin = weight.shape[-1] // 2
    padded = np.pad(x, ((0, 0), (margin, margin), (margin, margin)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, weight.shape[2:], (1, 2))
    return np.einsum("chwij,ocij->ohw", windows, weight, optimize=True)


def block(x, values, i):
    """Convolution, batch norm (eps 1e-5), leaky ReLU (0.1)."""
    gamma, beta, mean, variance = (values[f"conv{i}.bn.{field}"][:, None, None].astype(np.float64)
                                   for field in ("gamma", "beta", "moving_mean", "moving_variance"))
    x = (convolve(x, values[f"conv{i}.conv.weight"]) - mean) / np.sqrt(variance + 1e-5) * gamma + beta
    return np.where(x > 0, x, 0.1 * x)


def halve(x):
    return x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2).max((2, 4))


def legacy_decode(x, values, head, scale):
    """Decoded head [g, g, 3, 5 + C]: box normalised to the input, objectness and classes after the sigmoid."""
    raw = convolve(x, values[f"{head}.weight"]) + values[f"{head}.bias"][:, None, None]
    raw = raw.reshape(3, -1, *raw.shape[1:]).transpose(2, 3, 0, 1)
    decoded, setup = reference.sigmoid(raw), reference.Setup((HEIGHT, WIDTH), raw.shape[-1] - 5)
    for row, column, slot in np.ndindex(raw.shape[:3]):
        decoded[row, column, slot, :4] = reference.decode(raw[row, column, slot], row, column, scale, slot, setup)
    return decoded


def legacy_outputs(x, values):
    """(big, small) of one normalised image [3, H, W]."""
    for i in range(4):
        x = halve(block(x, values, i))
    route = block(x, values, 4)
    x = block(halve(route), values, 5)
    # Pooling at stride 1 keeps the size: a row below and a column to the right are added.
    x = np.pad(x, ((0, 0), (0, 1), (0, 1)), constant_values=-np.inf)
    x = np.maximum(np.maximum(x[:, :-1, :-1], x[:, 1:, :-1]), np.maximum(x[:, :-1, 1:], x[:, 1:, 1:]))
    neck = block(block(x, values, 6), values, 7)
    doubled = block(neck, values, 9).repeat(2, 1).repeat(2, 2)
    merged = np.concatenate((doubled, route))
    # Scales are counted finest first.
    return (legacy_decode(block(neck, values, 8), values, "head1", 1),
            legacy_decode(block(merged, values, 10), values, "head2", 0))


def normalised(canvas):
    return ((canvas / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)).transpose(2, 0, 1)


def test_the_80_class_file_has_the_figures_of_2021(legacy_files):
    path, values, _ = legacy_files[80]
    sizes = {name: value.size for name, value in values.items()}
    trained = [size for name, size in sizes.items() if not name.endswith(STATISTICS)]
    assert (len(trained), sum(trained), sum(sizes.values())) == (37, 8_852_366, 8_858_734)
    assert sum(size for name, size in sizes.items() if name.endswith("conv.weight")) == 8_649_648
    assert sum(size for name, size in sizes.items() if name.endswith(("gamma", "beta"))) == 6_368
    assert [sizes[f"{head}.weight"] + sizes[f"{head}.bias"] for head in HEADS] == [130_815, 65_535]
    # 70,851,902 bytes then; the length of the array of learning rates differs from run to run.
    assert path.stat().st_size == pytest.approx(70_851_902, abs=5_000)


def test_loaded_for_inference(legacy):
    path, values, num_classes = legacy
    network, config, categories = load_inference_network(get_config(CPU), str(path))
    assert_same_tensors(network, values)
    assert config.num_classes == num_classes
    assert categories.names == tuple(f"class_{number}" for number in range(num_classes))
    canvas = np.random.default_rng(1).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    outputs = network(ms.Tensor(canvas[None]))
    for found, expected in zip(outputs, legacy_outputs(normalised(canvas), values), strict=True):
        # Scores and boxes that differ from cell to cell, or the comparison would say little.
        assert expected.shape[-1] == 5 + num_classes and expected.std((0, 1)).min() > 0.005
        np.testing.assert_allclose(found.asnumpy()[0], expected, rtol=1e-3, atol=1e-5)


def test_loaded_as_the_start_of_training(legacy):
    path, values, num_classes = legacy
    config = get_config([*CPU, f"--resume_yolo={path}"])
    network = build_network(config, num_classes)
    report = start_weights(network, config)
    assert_same_tensors(network, values, folded=False)
    assert f"resume_yolo {path}: filled all tensors; the optimizer starts from scratch" in report


def test_a_file_that_lacks_a_tensor_is_refused(tmp_path):
    write_legacy(tmp_path / "cut.ckpt", 3, without=("backbone.conv3.1.moving_variance",))
    with pytest.raises(UserError, match=r"cut\.ckpt: does not fit the network[\s\S]*missing: conv3.bn.moving_variance"):
        load_inference_network(get_config(CPU), str(tmp_path / "cut.ckpt"))


# The programs from end to end

@pytest.mark.parametrize("num_classes, export_input", [(3, "uint8"), (80, "float")])
def test_exported(legacy_files, tmp_path, monkeypatch, num_classes, export_input):
    path, values, _ = legacy_files[num_classes]
    loaded = watch(monkeypatch, export, "load_inference_network")
    assert export.main([*CPU, f"--ckpt_file={path}", f"--file_name={tmp_path / 'model'}", "--file_format=MINDIR",
                        f"--export_input={export_input}"]) == 0
    [(network, _, _)] = loaded
    assert_same_tensors(network, values)
    canvas = np.random.default_rng(2).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    batch = canvas[None] if export_input == "uint8" else normalised(canvas)[None].astype(np.float32)
    outputs = run_exported(tmp_path / "model.mindir", "MINDIR", batch)
    assert [output.shape for output in outputs] == [(1, 2, 3, 3, 5 + num_classes), (1, 4, 6, 3, 5 + num_classes)]
    true_outputs = legacy_outputs(normalised(canvas), values)
    for found, own, expected in zip(outputs, network(ms.Tensor(batch)), true_outputs, strict=True):
        np.testing.assert_allclose(found, own.asnumpy(), atol=1e-6)
        np.testing.assert_allclose(found[0], expected, rtol=1e-3, atol=1e-5)


# One class a box: the order of the best does not hang on the last digit of thousands of scores.
FEW = ("--eval_ignore_threshold=0.05", "--draw_threshold=0.05", "--multi_label=False")


def expected_results(folder, values):
    """COCO results of the validation images, stretched to the input, by the network of 2021 in NumPy."""
    config = get_config([*CPU, *FEW, f"--data_dir={folder}"])
    data, results = read_coco(config, "val", training=False), []
    for index, path in enumerate(data.paths):
        canvas = cv2.cvtColor(cv2.resize(cv2.imread(path), (WIDTH, HEIGHT)), cv2.COLOR_BGR2RGB)
        results += image_results(legacy_outputs(normalised(canvas), values), data, index, config)
    return results, data.categories.ids


def assert_same_detections(found, expected, keys):
    """The same boxes in the same order, up to the rounding of float32 and of the file."""
    assert len(found) == len(expected) > 10
    assert [[entry[key] for key in keys] for entry in found] == [[entry[key] for key in keys] for entry in expected]
    np.testing.assert_allclose([entry["score"] for entry in found], [entry["score"] for entry in expected], atol=1e-4)
    np.testing.assert_allclose([entry["bbox"] for entry in found], [entry["bbox"] for entry in expected], atol=0.03)


@pytest.mark.parametrize("engine", ["onnxruntime", "mindspore"])
def test_evaluated(three_classes, data, tmp_path, monkeypatch, capsys, engine):
    path, values, _ = three_classes
    built, ran = watch(monkeypatch, inference, "build_inference_network"), watch(monkeypatch, evaluation, "evaluate")
    assert evaluation.main([*CPU, *FEW, f"--data_dir={data}", "--per_batch_size=2", f"--cpu_engine={engine}",
                            f"--pretrained={path}", f"--log_path={tmp_path}"]) == 0
    assert_same_tensors(built[0], values)
    assert len(ran[0].stats) == 12 and np.isfinite(ran[0].stats).all() and ran[0].damaged_images == 0
    assert f"mAP: {ran[0].ap}" in capsys.readouterr().out
    [results_path] = tmp_path.glob("*/predict_*.json")
    assert_same_detections(json.loads(results_path.read_text()), expected_results(data, values)[0],
                           ("image_id", "category_id"))


@pytest.mark.parametrize("engine", ["onnxruntime", "mindspore"])
def test_predicted(three_classes, data, tmp_path, monkeypatch, engine):
    path, values, _ = three_classes
    built = watch(monkeypatch, inference, "build_inference_network")
    assert predict.main([*CPU, *FEW, f"--ckpt_file={path}", f"--image={data / 'val2017'}", f"--cpu_engine={engine}",
                         f"--output_dir={tmp_path / 'out'}"]) == 0
    assert_same_tensors(built[0], values)
    records = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert len(list((tmp_path / "out").glob("*.png"))) == len(records) == 3
    # The file has no names: its classes are numbered, and so are their ids; the data's order is that of the classes.
    expected, ids = expected_results(data, values)
    expected = [entry | {"class_name": f"class_{ids.index(entry['category_id'])}"} for entry in expected]
    assert_same_detections([entry for record in records for entry in record["detections"]], expected, ("class_name",))


@pytest.mark.slow
def test_trained_on(three_classes, data, tmp_path):
    path, values, _ = three_classes
    # So small a rate changes no float32 weight: what the run saves must be what it was given, moments excepted.
    assert train.main(["--device_target=CPU", f"--training_shape={HEIGHT},{WIDTH}", f"--data_dir={data}",
                       f"--ckpt_path={tmp_path}", f"--resume_yolo={path}", "--per_batch_size=2", "--max_epoch=1",
                       "--warmup_epochs=0", "--lr=1e-30", "--clip_gradient_norm=1.0", "--max_box=8",
                       "--report=False"]) == 0
    [log_path] = tmp_path.glob("*/train_rank_0.log")
    assert f"resume_yolo {path}: filled all tensors" in log_path.read_text()
    assert "done after 2 steps, 0 of them skipped" in log_path.read_text()
    last = load_checkpoint(log_path.parent / "ckpt_0" / "last.ckpt")
    assert last.meta["progress"]["step"] == 2 and len(last.moments) == 37
    for name, value in values.items():
        if name.endswith(STATISTICS):
            assert np.isfinite(last.weights[name]).all() and not np.array_equal(last.weights[name], value)
            continue
        np.testing.assert_array_equal(last.weights[name], value, err_msg=name)
        # Two clipped gradients and the decay of two steps; the moments in the file are a million.
        assert 0 < np.abs(last.moments[name]).max() < 3

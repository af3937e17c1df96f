# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""convert_weight.py: its checkpoint holds all that inference needs, and its errors name what cannot be converted."""
import numpy as np
import pytest

import convert_weight
from model_utils.config import get_config
from model_utils.errors import run_cli
from src.data.categories import COCO, Categories
from src.evaluation.inference import check_categories, load_inference_network
from src.weights.checkpoint import load_checkpoint, save_checkpoint
from src.weights.darknet import file_sizes
from src.weights.folding import fold_batch_norm
from tests.support.small_networks import random_weights, write_darknet


@pytest.fixture(scope="module")
def darknet_files(tmp_path_factory):
    """Weights by number of classes, and the folder of their files, N.weights."""
    folder, weights = tmp_path_factory.mktemp("darknet"), {count: random_weights(count) for count in (2, 80)}
    for count, arrays in weights.items():
        write_darknet(folder / f"{count}.weights", arrays, 32_013_312)
    return weights, folder


def convert(source, target, *arguments):
    return run_cli(convert_weight.main, [f"--input_file={source}", f"--output_file={target}", *arguments])


def test_a_coco_checkpoint_needs_no_flags(darknet_files, tmp_path, capsys):
    weights, folder = darknet_files
    assert convert(folder / "80.weights", tmp_path / "new" / "tiny.ckpt") == 0
    out = capsys.readouterr().out
    assert "trained on 32013312 images, 80 classes (those of COCO), 3 anchors a scale" in out
    assert "59 tensors, 8858734 numbers; runs at 416x416, letterbox" in out
    network, config, categories = load_inference_network(get_config([]), str(tmp_path / "new" / "tiny.ckpt"))
    assert categories == COCO
    assert config.anchor_masks == ((1, 2, 3), (3, 4, 5)) and config.scale_x_y == (1.0, 1.0)
    assert config.anchors == ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319))
    assert (config.testing_shape, config.resize_mode, config.pad_value) == ((416, 416), "letterbox", 128)
    assert (config.mean, config.std) == ((0, 0, 0), (1, 1, 1))
    expected = fold_batch_norm(weights[80])
    for parameter in network.get_parameters():
        np.testing.assert_array_equal(parameter.asnumpy(), expected[parameter.name])


def test_other_class_counts_have_no_names_and_fit_any(darknet_files, tmp_path, capsys):
    assert convert(darknet_files[1] / "2.weights", tmp_path / "tiny.ckpt", "--num_classes=2") == 0
    assert "2 classes (without names)" in capsys.readouterr().out
    _, _, categories = load_inference_network(get_config([]), str(tmp_path / "tiny.ckpt"))
    assert categories == Categories(("class_0", "class_1"), (0, 1))
    names = load_checkpoint(tmp_path / "tiny.ckpt").meta.get("class_names")
    check_categories("tiny.ckpt", names, Categories(("cup", "key"), (5, 9)))


def test_what_the_user_sets_wins(darknet_files, tmp_path):
    assert convert(darknet_files[1] / "2.weights", tmp_path / "tiny.ckpt", "--testing_shape=320,608",
                   "--anchor_masks=[[0,1,2],[3,4,5]]") == 0
    meta = load_checkpoint(tmp_path / "tiny.ckpt").meta
    assert meta["testing_shape"] == [320, 608] and meta["anchor_masks"] == [[0, 1, 2], [3, 4, 5]]
    assert meta["mean"] == [0, 0, 0]


def test_a_partial_file_and_wrong_class_counts_are_refused(darknet_files, tmp_path, capsys):
    part, target = tmp_path / "tiny.conv.15", tmp_path / "tiny.ckpt"
    part.write_bytes((darknet_files[1] / "80.weights").read_bytes()[:file_sizes(255)[8]])
    assert convert(part, target) == 1
    error = capsys.readouterr().err
    assert f"ends after 9 of 13 convolutions ({file_sizes(255)[8]} bytes; the whole network with 255 rows " \
           "in its heads, 3 anchors of 80 classes, ..., has 35434956)" in error and "--pretrained_backbone" in error
    assert convert(darknet_files[1] / "2.weights", target, "--num_classes=80") == 1
    assert "num_classes is 80 (command line), with 3 anchors a scale, but its heads have 21 rows, which are 3 " \
           "anchors of 2 classes, 1 anchor of 16 classes: correct it, or" in capsys.readouterr().err
    assert not target.exists()


def test_a_file_that_several_numbers_of_classes_fit_asks(darknet_files, tmp_path, capsys):
    source, target, names = darknet_files[1] / "2.weights", tmp_path / "tiny.ckpt", tmp_path / "obj.names"
    assert convert(source, target) == 1
    assert "3 anchors of 2 classes, 1 anchor of 16 classes; the file does not say which. Name the classes by " \
           "--names_file obj.names, or give --num_classes N" in capsys.readouterr().err
    names.write_text("cup\nkey\nplate\n", encoding="utf-8")
    assert convert(source, target, f"--names_file={names}") == 1
    assert f"{names} has 3 names, with 3 anchors a scale, but its heads have 21 rows" in capsys.readouterr().err
    assert not target.exists()
    names.write_bytes("Schlüssel\r\n cup \r\n\r\n".encode("utf-16"))
    assert convert(source, target, f"--names_file={names}") == 0
    assert f"2 classes (named in {names})" in capsys.readouterr().out
    _, _, categories = load_inference_network(get_config([]), str(target))
    assert categories == Categories(("Schlüssel", "cup"), (0, 1))


def test_anchors_of_its_cfg_decide_the_classes(tmp_path, capsys):
    write_darknet(tmp_path / "a.weights", random_weights(20, num_anchors=2))
    assert convert(tmp_path / "a.weights", tmp_path / "a.ckpt", "--num_classes=20") == 1
    assert "num_classes is 20 (command line), with 3 anchors a scale, but its heads have 50 rows, which are 2 " \
           "anchors of 20 classes, 1 anchor of 45 classes, 5 anchors of 5 classes" in capsys.readouterr().err
    assert convert(tmp_path / "a.weights", tmp_path / "a.ckpt", "--anchor_masks=[[0,1],[2,3]]",
                   "--anchors=[[10,14],[23,27],[81,82],[135,169]]") == 0
    _, config, categories = load_inference_network(get_config([]), str(tmp_path / "a.ckpt"))
    assert len(categories) == 20 and config.anchor_masks == ((0, 1), (2, 3))


def test_other_mistakes_are_reported(darknet_files, tmp_path, capsys):
    save_checkpoint(tmp_path / "a.ckpt", {"head1.bias": np.zeros(3, np.float32)}, {})
    source = darknet_files[1] / "2.weights"
    before = source.read_bytes()
    for arguments, code, words in [
        (("", tmp_path / "b.ckpt"), 2, "input_file is empty"),
        ((source, ""), 2, "output_file is empty"),
        ((source, source.parent / ".." / source.parent.name / "2.weights"), 2, "would overwrite input_file"),
        ((tmp_path / "none.weights", tmp_path / "b.ckpt"), 1, "none.weights: no such file"),
        ((tmp_path / "a.ckpt", tmp_path / "b.ckpt"), 1, "not a Darknet weights file"),
        ((source, tmp_path / "b.ckpt", "--pad_value=300"), 2, "pad_value is 300"),
    ]:
        assert convert(*arguments) == code
        assert words in capsys.readouterr().err
    assert source.read_bytes() == before and not (tmp_path / "b.ckpt").exists()

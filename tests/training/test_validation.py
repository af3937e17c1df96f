# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Validation during training: when, of which weights and classes; which epoch is the best, and when a run stops."""
from types import SimpleNamespace

import numpy as np
import pytest

from model_utils.comm import Ranks
from model_utils.config import get_config
from model_utils.errors import UserError
from src.data.coco import read_coco
from src.evaluation.cpu_engine import Engine
from src.evaluation.evaluator import evaluate
from src.initializer import initialise_weights
from src.training import validation as validation_module
from src.training.train_state import Progress, TrainState
from src.training.validation import Validation, build_validation
from src.yolo import build_inference_network, build_network
from tests.support.engines import SESSION_ENGINES
from tests.support.helpers import CATEGORIES, write_coco

OPTIONS = ["--device_target=CPU", "--testing_shape=64", "--per_batch_size=2", "--eval_interval=1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for split in ("train", "val"):
        write_coco(folder, [{"boxes": [(10, 10, 30, 30, 3)]} for _ in range(3)], split)
    return folder


def test_nothing_is_read_and_nothing_is_due_when_it_is_off(tmp_path):
    config = get_config([f"--data_dir={tmp_path}"])
    validation = build_validation(config, None, None, Ranks())
    assert not any(validation.is_due(epoch) for epoch in range(config.max_epoch))


def test_each_validation_sees_the_weights_of_its_time(data):
    config = get_config([*OPTIONS, f"--data_dir={data}"])
    split = read_coco(config, "val", training=False)
    network = build_network(config, 3)
    initialise_weights(network, 1)
    network.set_train(False)
    validation = build_validation(config, TrainState(network, None, None, None), split.categories, Ranks())
    assert validation.report == ["2 categories without a box (first: ball)"]
    found = [validation.validate()]
    assert network.training
    network.head1.bias.set_data(network.head1.bias + 3.0)
    found.append(validation.validate())
    assert all(result.num_images == 3 and result.results for result in found)
    assert found[0].results != found[1].results
    assert found[1].results == evaluate(build_inference_network(config, 3, network), split, config).results


@pytest.mark.slow
@pytest.mark.parametrize("engine", SESSION_ENGINES)
def test_the_engine_that_is_named_validates(data, engine):
    config = get_config([*OPTIONS, f"--data_dir={data}", f"--cpu_engine={engine}", "--eval_ignore_threshold=0.01"])
    network = build_network(config, 3)
    initialise_weights(network, 1)
    categories = read_coco(config, "val", training=False).categories
    validation = build_validation(config, TrainState(network, None, None, None), categories, Ranks())
    assert validation.engine == Engine(engine, 'float32')
    for bias in (0.0, 3.0):
        network.head1.bias.set_data(network.head1.bias + bias)
        found = validation.validate()
        expected = evaluate(build_inference_network(config, 3, network.set_train(False)), validation.data, config)
        assert len(found.results) == len(expected.results) > 0
        for key, tolerance in (("score", 2e-5), ("bbox", 0.02)):
            np.testing.assert_allclose([one[key] for one in found.results], [one[key] for one in expected.results],
                                       atol=tolerance)
    network.head1.bias.set_data(network.head1.bias * float("nan"))
    assert validation.validate().damaged_images == 3


def test_many_images_are_validated_in_a_faster_engine(data, monkeypatch):
    config = get_config([*OPTIONS, f"--data_dir={data}"])
    state = TrainState(build_network(config, 3), None, None, None)
    categories = read_coco(config, "val", training=False).categories
    assert build_validation(config, state, categories, Ranks()).engine == Engine("mindspore", "float32")
    monkeypatch.setattr(validation_module, "MIN_EXPORTED_IMAGES", 3)
    assert build_validation(config, state, categories, Ranks()).engine.name in ("onnxruntime", "openvino")


def test_other_classes_than_those_of_training_are_refused(data, tmp_path):
    train = read_coco(get_config([f"--data_dir={data}"]), "train", training=True).categories
    write_coco(tmp_path, [{"boxes": [(10, 10, 30, 30, 3)]}], "val", categories=CATEGORIES[::-1])
    with pytest.raises(UserError, match="instances_val2017.json has the classes key, ball, cup, but instances_train2017"
                                        ".json has cup, ball, key; make them the same, in one order"):
        build_validation(get_config([*OPTIONS, f"--data_dir={tmp_path}"]), None, train, Ranks())


def test_a_split_without_an_object_is_refused_before_training(data, tmp_path):
    train = read_coco(get_config([f"--data_dir={data}"]), "train", training=True).categories
    write_coco(tmp_path, [{"boxes": []}], "val")
    with pytest.raises(UserError, match="instances_val2017.json: has no annotation to score against"):
        build_validation(get_config([*OPTIONS, f"--data_dir={tmp_path}"]), None, train, Ranks())


def policy(*arguments, **progress):
    """A `Validation` without a network."""
    return Validation(get_config(["--max_epoch=7", *arguments]), SimpleNamespace(progress=Progress(**progress)))


def test_validation_is_due_every_eval_interval_epochs_and_after_the_last_one():
    validation = policy("--eval_interval=3")
    assert [epoch for epoch in range(7) if validation.is_due(epoch)] == [2, 5, 6]


def test_the_best_epoch_has_the_highest_ap_and_patience_counts_the_others():
    validation = policy("--eval_interval=1", "--patience=2")
    rows = [{"AP": 0.2}, {"AP": 0.2}, {"AP": 0.3}, {"loss": 1.0}, {"AP": 0.1}, {"AP": 0.3}]
    found = [(validation.update_best(row), validation.is_out_of_patience()) for row in rows]
    # An epoch without validation counts for nothing.
    assert found == [(True, False), (False, False), (True, False), (False, False), (False, False), (False, True)]
    assert validation.state.progress.best_score == 0.3


def test_without_validation_the_best_epoch_has_the_lowest_loss():
    validation = policy()
    losses = [5.0, 6.0, float("nan"), 4.0]
    assert [validation.update_best({"loss": loss}) for loss in losses] == [True, False, False, True]
    progress = validation.state.progress
    assert (progress.best_score, progress.validations_without_gain, validation.is_out_of_patience()) == (-4.0, 0, False)


@pytest.mark.parametrize("before, now, kept", [(0, 2, False), (2, 0, False), (2, 1, True), (0, 0, True)])
def test_a_best_score_of_another_kind_is_forgotten(before, now, kept):
    validation = policy(f"--eval_interval={now}", best_score=0.25, validations_without_gain=1)
    validation.resume(SimpleNamespace(meta={"config": {"eval_interval": before}}))
    expected = Progress(best_score=0.25, validations_without_gain=1) if kept else Progress()
    assert validation.state.progress == expected

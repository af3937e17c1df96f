# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Validation during training: the network as it then is, on the classes of training only."""
import pytest

from model_utils.comm import Ranks
from model_utils.config import get_config
from model_utils.errors import UserError
from src.data.coco import read_coco
from src.evaluation.evaluator import evaluate
from src.initializer import initialise_weights
from src.training.validation import build_validation
from src.yolo import build_inference_network, build_network
from tests.support.helpers import CATEGORIES, write_coco

OPTIONS = ["--device_target=CPU", "--testing_shape=64", "--per_batch_size=2", "--eval_interval=1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for split in ("train", "val"):
        write_coco(folder, [{"boxes": [(10, 10, 30, 30, 3)]} for _ in range(3)], split)
    return folder


def test_nothing_is_read_when_it_is_off(tmp_path):
    assert build_validation(None, get_config([f"--data_dir={tmp_path}"]), None, Ranks()) is None


def test_each_validation_sees_the_weights_of_its_time(data):
    config = get_config([*OPTIONS, f"--data_dir={data}"])
    split = read_coco(config, "val", training=False)
    network = build_network(config, 3)
    initialise_weights(network, 1)
    network.set_train(False)
    validate = build_validation(network, config, split.categories, Ranks())
    found = [validate()]
    network.head1.bias.set_data(network.head1.bias + 3.0)
    found.append(validate())
    assert all(result.num_images == 3 and result.results for result in found)
    assert found[0].results != found[1].results
    assert found[1].results == evaluate(build_inference_network(config, 3, network), split, config).results


def test_other_classes_than_those_of_training_are_refused(data, tmp_path):
    train = read_coco(get_config([f"--data_dir={data}"]), "train", training=True).categories
    write_coco(tmp_path, [{"boxes": [(10, 10, 30, 30, 3)]}], "val", categories=CATEGORIES[::-1])
    with pytest.raises(UserError, match="instances_val2017.json has the classes key, ball, cup, but instances_train2017"
                                        ".json has cup, ball, key; make them the same, in one order"):
        build_validation(None, get_config([*OPTIONS, f"--data_dir={tmp_path}"]), train, Ranks())


def test_a_split_without_an_object_is_refused_before_training(data, tmp_path):
    train = read_coco(get_config([f"--data_dir={data}"]), "train", training=True).categories
    write_coco(tmp_path, [{"boxes": []}], "val")
    with pytest.raises(UserError, match="instances_val2017.json: has no annotation to score against"):
        build_validation(None, get_config([*OPTIONS, f"--data_dir={tmp_path}"]), train, Ranks())

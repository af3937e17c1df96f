# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Programs run as functions in the process of the tests, with one checkpoint and one compiled network of each form."""
import pytest

import mindspore as ms

from model_utils import device_adapter
from src.evaluation import inference
from tests.support.small_networks import write_checkpoint


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    return write_checkpoint(tmp_path_factory.mktemp("checkpoint") / "best.ckpt")


@pytest.fixture(scope="module")
def compiled_networks():
    return {}


@pytest.fixture
def run_in_process(monkeypatch, compiled_networks):
    """Return a function that prepares a program, given as a module, to run in this process."""

    def prepare(program):
        compile_network = inference.fastest_network

        def fastest_network(config, num_classes, checkpoint, batch_size, engine, **options):
            key = (checkpoint.path, engine, config.testing_shape, batch_size, inference.candidate_selector)
            if key not in compiled_networks:
                compiled_networks[key] = compile_network(config, num_classes, checkpoint, batch_size, engine, **options)
            return compiled_networks[key]

        # MindSpore takes a device only before its first operator, and other tests may have run one in this process.
        for module in (program, device_adapter):
            monkeypatch.setattr(module, "setup_device", lambda config: ms.set_context(mode=ms.GRAPH_MODE),
                                raising=module is not program)
        for module in (program, inference):
            monkeypatch.setattr(module, "fastest_network", fastest_network, raising=module is not program)

    return prepare

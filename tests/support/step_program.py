# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run by tests/launch/test_distributed.py: some training steps on fixed samples, batch norm in inference mode, one
json line.

    python tests/support/step_program.py SAMPLES STEPS OUT.npz

The samples are shared among the ranks; alone, one process takes them all. Rank 0 writes its weights to OUT.npz.
"""
import json
import sys

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import numpy as np

import mindspore as ms

from model_utils.config import DERIVED, get_config
from model_utils.device_adapter import setup_device, start_ranks
from src.initializer import initialise_weights
from src.training.optimizer import build_optimizer
from src.training.train_step import TrainStep
from src.yolo import build_network


def samples(count):
    """Return images uint8 [count, 64, 64, 3] and boxes float32 [count, 6, 5]."""
    rng = np.random.default_rng(7)
    boxes = np.zeros((count, 6, 5), np.float32)
    boxes[:, :2, :4] = rng.uniform(0.3, 0.6, (count, 2, 4))
    return rng.integers(0, 256, (count, 64, 64, 3), np.uint8), boxes


def main(count, steps, path):
    """Train and print the losses; write the weights."""
    is_alone = "--alone" in sys.argv
    config = get_config(["--is_distributed", "0" if is_alone else "1", "--device_target", "CPU"])
    setup_device(config)
    ranks = start_ranks(config)
    config = config.replace(DERIVED, group_size=ranks.size, per_batch_size=int(count) // ranks.size)
    network = build_network(config, 3, decomposed_activation=True)
    initialise_weights(network, 1)
    network.set_train(False)
    step = TrainStep(network, build_optimizer(network, config), config, 3, ranks=ranks)
    batch = [ms.Tensor(array[ranks.rank::ranks.size]) for array in samples(int(count))]
    losses = [[float(value.asnumpy()) for value in step(*batch, 1e-3)[:1]] for _ in range(int(steps))]
    if ranks.is_first:
        np.savez(path, **{parameter.name: parameter.asnumpy() for parameter in network.get_parameters()})
    print("found " + json.dumps(losses), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])

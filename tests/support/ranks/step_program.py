# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run by tests/launch/test_distributed.py in several processes: training steps on fixed samples, as one json line.

    python tests/support/ranks/step_program.py OUT.npz

The samples are shared among the ranks; batch norm is in inference mode. Rank 0 writes its weights to OUT.npz. The steps
are repeated without the averaging of gradients, to see that its absence is noticed.
"""
import hashlib
import json
import sys

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import numpy as np

import mindspore as ms

from model_utils.config import DERIVED, get_config
from model_utils.device_adapter import setup_device, start_ranks
from model_utils.errors import run_cli
from src.initializer import initialise_weights
from src.training import train_step
from src.training.optimizer import build_optimizer
from tests.support.small_networks import ThreeBlocks

COUNT, STEPS = 8, 3


class Unreduced:
    """Takes the place of the reducer and leaves each rank its own gradients."""

    def __init__(self, parameters, mean, degree):
        del parameters, mean, degree

    def __call__(self, gradients):
        return gradients


def samples():
    """Return images uint8 [COUNT, 64, 64, 3] and boxes float32 [COUNT, 6, 5]."""
    rng = np.random.default_rng(7)
    boxes = np.zeros((COUNT, 6, 5), np.float32)
    boxes[:, :2, :4] = rng.uniform(0.3, 0.6, (COUNT, 2, 4))
    return rng.integers(0, 256, (COUNT, 64, 64, 3), np.uint8), boxes


def train_steps(ranks):
    """Return the losses of some steps on this rank's share of the samples, and the weights after them, by name."""
    config = get_config(["--device_target", "CPU"])
    setup_device(config)
    config = config.replace(DERIVED, group_size=ranks.size, per_batch_size=COUNT // ranks.size)
    network = ThreeBlocks(config, 3)
    initialise_weights(network, 1)
    network.set_train(False)
    step = train_step.TrainStep(network, build_optimizer(network, config), config, 3, ranks=ranks)
    batch = [ms.Tensor(array[ranks.rank::ranks.size]) for array in samples()]
    losses = [float(step(*batch, 1e-3)[0].asnumpy()) for _ in range(STEPS)]
    return losses, {parameter.name: parameter.asnumpy() for parameter in network.get_parameters()}


def weights_hash(weights):
    """Return a hash of arrays by name."""
    return hashlib.sha256(b"".join(array.tobytes() for array in weights.values())).hexdigest()


def main(path):
    """Train, write the weights and print the rest."""
    config = get_config(["--is_distributed", "1", "--device_target", "CPU"])
    setup_device(config)
    ranks = start_ranks(config)
    losses, weights = train_steps(ranks)
    if ranks.is_first:
        np.savez(path, **weights)
    train_step.nn.DistributedGradReducer = Unreduced
    print("found " + json.dumps({"losses": losses, "hash": weights_hash(weights),
                                 "hash without averaging": weights_hash(train_steps(ranks)[1])}), flush=True)


if __name__ == "__main__":
    # As the programs do: the exit code is what main ended with, whatever the way out makes of it.
    sys.exit(run_cli(lambda argv: main(sys.argv[1])))

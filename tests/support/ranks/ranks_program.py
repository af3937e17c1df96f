# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run by tests/model_utils/test_comm.py in three processes: what ranks exchange, as one json line; then rank 2 stays
away from a meeting of all."""
import json
import sys
import time

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import numpy as np

import mindspore as ms

from model_utils.config import get_config
from model_utils.device_adapter import setup_device, start_ranks
from model_utils.errors import UserError, run_cli

LIMIT_S = 5
LARGEST = float(np.finfo(np.float64).max)


def value_of(rank):
    """Return something of another size on each rank, with floats that need all their bits."""
    noise = np.random.default_rng(rank).integers(0, 256, 100_000 * rank, np.uint8).tobytes().hex()
    return {"rank": rank, "numbers": [rank / 3, LARGEST, -0.0], "text": "ä" + noise}


def statistics_of(rank):
    """Return the parameters of a rank: two batch norms of 3 and 2 channels, and a weight that is none of theirs."""
    rng = np.random.default_rng(rank)
    arrays = {"a.moving_mean": rng.normal(size=3), "a.moving_variance": rng.uniform(1, 2, 3), "w": np.full(4, rank),
              "b.moving_mean": rng.normal(100, 1, 2), "b.moving_variance": rng.uniform(1, 2, 2)}
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def main():
    """Print what this rank received, and wait for all ranks."""
    config = get_config(["--is_distributed", "1", "--device_target", "CPU"])
    setup_device(config)
    ranks = start_ranks(config)
    parameters = {name: ms.Parameter(array, name=name) for name, array in statistics_of(ranks.rank).items()}
    ranks.average_statistics(parameters)
    unlike = ""
    try:
        ranks.check_alike({"classes": 2, "images": 3 + ranks.rank % 2})
    except UserError as error:
        unlike = str(error)
    found = {"rank": ranks.rank, "size": ranks.size, "gathered": ranks.all_gather(value_of(ranks.rank)),
             "first": ranks.broadcast(f"of {ranks.rank}"), "nothing": ranks.all_gather(None), "unlike": unlike,
             "total": ranks.all_reduce(np.float32([ranks.rank, 0.5])).tolist(), "share": list(ranks.share(7)),
             "alone": ranks.all_gather(ranks.rank, only_first=True),
             "statistics": {name: parameter.asnumpy().tolist() for name, parameter in parameters.items()}}
    print("found " + json.dumps(found), flush=True)
    # Together once more, so that the short limit counts the absence of one rank only.
    ranks.wait()
    ranks.limit_s = LIMIT_S
    if ranks.rank == 2:
        time.sleep(300)
    ranks.wait("the end of the test")


if __name__ == "__main__":
    sys.exit(run_cli(lambda argv: main()))

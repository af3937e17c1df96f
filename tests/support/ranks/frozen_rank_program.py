# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run in two processes, which lose each other: by SIGSTOP to rank 1, or, with the argument "cable", when that is cut.

With SIGSTOP, rank 0 is in a collective, as in the middle of a training step.
"""
import os
import signal
import sys

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import numpy as np

import mindspore as ms
import mindspore.ops as ops

from model_utils.config import get_config
from model_utils.device_adapter import setup_device, start_ranks
from model_utils.errors import run_cli

# Seconds of a wait, and of a collective, of which the first come when one rank may still be busy with its start.
LIMIT_S, COLLECTIVE_S = 5, 8


def main(has_cable):
    """Enter a collective that rank 1 does not come to, or exchange values until the cable is cut."""
    config = get_config(["--is_distributed", "1", "--device_target", "CPU"])
    os.environ["MS_CPU_COMM_OP_TIMEOUT"] = str(COLLECTIVE_S)
    setup_device(config)
    ranks = start_ranks(config)
    ranks.wait()
    ranks.limit_s = LIMIT_S
    print("connected", flush=True)
    while has_cable:
        ranks.all_gather(ranks.rank)
    if ranks.rank == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    try:
        print(ops.AllReduce()(ms.Tensor(np.ones(4, np.float32))).asnumpy())
    except RuntimeError as error:
        print("MindSpore:", error)
        ranks.name_missing(error)


if __name__ == "__main__":
    sys.exit(run_cli(lambda argv: main(sys.argv[1:] == ["cable"])))

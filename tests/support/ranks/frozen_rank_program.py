# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run by tests/faults/test_stopped_programs.py in two processes: rank 1 stops, by SIGSTOP, where rank 0 waits for it in a
collective, as in the middle of a training step."""
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

LIMIT_S = 5


def main():
    """Enter a collective that rank 1 does not come to."""
    config = get_config(["--is_distributed", "1", "--device_target", "CPU"])
    os.environ["MS_CPU_COMM_OP_TIMEOUT"] = str(LIMIT_S)
    setup_device(config)
    ranks = start_ranks(config)
    ranks.wait()
    ranks.limit_s = LIMIT_S
    if ranks.rank == 1:
        os.kill(os.getpid(), signal.SIGSTOP)
    try:
        print(ops.AllReduce()(ms.Tensor(np.ones(4, np.float32))).asnumpy())
    except RuntimeError as error:
        print("MindSpore:", error)
        ranks.name_missing(error)


if __name__ == "__main__":
    sys.exit(run_cli(lambda argv: main()))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Devices: how Ascend, GPU and CPU are selected, how their processes are joined, and what each prefers."""
import os
import sys

import mindspore as ms
from mindspore import communication
from mindspore.profiler import ProfilerActivity

from model_utils.comm import Ranks
from model_utils.errors import UserError
from model_utils.local_adapter import read_launch
from model_utils.toolkit_versions import device_warnings


def setup_device(config):
    """Select, in graph mode, config.device_target with the device that the launcher gave this rank or config.device_id.

    Raises:
        UserError: this MindSpore or this machine has no such device.
    """
    device_id = read_launch().device_id if config.is_distributed else config.device_id
    for text in device_warnings(config.device_target):
        print(f"warning: {text}", file=sys.stderr)
    try:
        if config.device_target == "CPU":
            # Selecting it again after an operator has run would be refused.
            if ms.get_context("device_target") != "CPU":
                ms.set_device("CPU")
        else:
            ms.set_device(config.device_target, device_id)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"device_target {config.device_target}, device_id {device_id}: this device cannot be "
                        f"used here ({reason}); on a machine without it, use --device_target CPU") from error
    ms.set_context(mode=ms.GRAPH_MODE)


def start_ranks(config):
    """Join the processes of a distributed run, by the library that suits the device; returns their `Ranks`.

    To be called after `setup_device`. Without config.is_distributed this process is the only rank.

    Raises:
        UserError: this process was not started as one of several, or was but does not know, or the others cannot be
            reached.
    """
    launch = read_launch()
    if not config.is_distributed:
        if launch.role or launch.rank_size > 1:
            raise UserError(f"is_distributed is 0, but this process was started as one of {launch.rank_size}, by msrun "
                            "or with RANK_SIZE set: each would work alone; add --is_distributed 1, or unset RANK_SIZE")
        return Ranks()
    # MindSpore's collectives on a CPU fail after 30 s by default, which a busy machine needs for less than a step.
    os.environ.setdefault("MS_CPU_COMM_OP_TIMEOUT", str(config.rank_wait_seconds))
    try:
        communication.init()
    except (RuntimeError, ValueError, TypeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(f"is_distributed is 1, but the processes of this run cannot be joined ({reason}); start them "
                        "by scripts/run_distribute_train.sh (or by msrun), or leave is_distributed out") from error
    return Ranks(communication.get_rank(), communication.get_group_size(), config.rank_wait_seconds)


def prefers_decomposed_activation(device_target):
    """Return whether training is faster with LeakyReLU as slope*x + (1 - slope)*relu(x): on CPU, by a fifth.

    The forms of the pooling that suit a CPU come with it, see `src.tiny`.
    """
    return device_target == "CPU"


def waits_for_each_step(device_target):
    """Return whether the loop waits for a step before it queues the next.

    On CPU the threads that wait for a queued step spin, and take the cores from the step that runs: measured on two
    cores, 0.66 s a step with a queue and 0.25 s without. Devices of their own work through a queue.
    """
    return device_target == "CPU"


def branches_in_graph(device_target):
    """Return whether the graph branches around the update of a bad step, instead of making it an update by nothing.

    On CPU a graph with a branch runs twice as fast (256 x 256, batch 8, two cores: 0.7 s a step against 1.5 s). On a
    device of its own, the host would have to read the condition of the branch, and so to wait for each step.
    """
    return device_target == "CPU"


def has_short_collectives(device_target):
    """Return whether a collective fails where one rank comes much later than another: on CPU, after a fixed time."""
    return device_target == "CPU"


def profiler_activities(device_target):
    """Return what MindSpore's profiler records: the host's work, and that of a device."""
    devices = {"Ascend": [ProfilerActivity.NPU], "GPU": [ProfilerActivity.GPU]}
    return [ProfilerActivity.CPU, *devices.get(device_target, [])]


def selects_on_device(device_target):
    """Return whether candidates are selected in the graph: where heads would have to travel to the host."""
    return device_target != "CPU"

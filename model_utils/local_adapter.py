# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The environment that the launcher of this process (msrun, ModelArts or the user) set, read and checked.

    launch = read_launch()
    launch.rank_id, launch.rank_size, launch.device_id      # 0, 1, 0 without a launcher
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from model_utils.errors import UserError

# The names of each value; the first that is set counts: that of the 2021 version, then that of msrun or ModelArts.
DEVICE_ID = ("DEVICE_ID",)
RANK_SIZE = ("RANK_SIZE", "MS_WORKER_NUM")
RANK_ID = ("RANK_ID", "MS_NODE_ID")
NODE_NUM = ("NODE_NUM", "MA_NUM_HOSTS")


@dataclass(frozen=True)
class Launch:
    """The place of this process in its job. Ranks are numbered machine by machine, as many on each, as msrun does."""

    device_id: int = 0
    rank_size: int = 1
    rank_id: int = 0
    node_num: int = 1
    # What msrun started this process as, MS_WORKER or MS_SCHED; empty without msrun.
    role: str = ""

    @property
    def local_size(self) -> int:
        """How many ranks this machine has."""
        return self.rank_size // self.node_num

    @property
    def local_rank(self) -> int:
        """Number of this rank among those of this machine, from 0."""
        return self.rank_id % self.local_size

    @property
    def node_rank(self) -> int:
        """Number of this machine in the job, from 0."""
        return self.rank_id // self.local_size

    @property
    def is_scheduler(self) -> bool:
        """Whether this is msrun's scheduler, which runs the same program as the ranks but is none of them."""
        return self.role == "MS_SCHED"

    @property
    def leads_node(self) -> bool:
        """Whether this is rank 0 of its machine."""
        return self.local_rank == 0 and not self.is_scheduler


def usable_cores() -> int:
    """Return how many cores this process may use, which is fewer than the machine has under taskset or in a job."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def read_launch(environment: Mapping[str, str] | None = None) -> Launch:
    """Return where the environment places this process; without a launcher device 0, rank 0 of 1.

    Args:
        environment: variables by name; None: those of the process.

    Raises:
        UserError: a value that is no whole number or out of range, ranks that the machines cannot share equally, or
            msrun on several machines without --node_rank, where no rank is known yet.
    """
    environment = os.environ if environment is None else environment
    role = environment.get("MS_ROLE", "")
    device_id, _ = _read(environment, DEVICE_ID, 0, least=0)
    rank_size, size_name = _read(environment, RANK_SIZE, 1, least=1)
    node_num, node_name = _read(environment, NODE_NUM, 1, least=1)
    if role == "MS_WORKER" and not environment.get("MS_NODE_ID"):
        raise UserError("MS_NODE_ID is not set in the environment, though msrun started this process (MS_ROLE is "
                        "MS_WORKER): on several machines give msrun --node_rank, the number of this machine")
    rank_id, rank_name = _read(environment, RANK_ID, 0, least=0)
    if rank_id >= rank_size:
        raise UserError(f"{rank_name} is {rank_id} in the environment, but {size_name} is {rank_size}: expected a rank "
                        f"from 0 to {rank_size - 1}; set both, or neither")
    if rank_size % node_num:
        raise UserError(f"{node_name} is {node_num} in the environment, but {size_name} is {rank_size}: expected the "
                        "same number of ranks on each machine; start one rank for each device of all machines")
    return Launch(device_id, rank_size, rank_id, node_num, role)


def _read(environment: Mapping[str, str], names: tuple[str, ...], default: int, least: int) -> tuple[int, str]:
    """Return the value of the first of the names that is set and not empty, and that name; else the default."""
    name = next((name for name in names if environment.get(name)), "")
    if not name:
        return default, names[0]
    text = environment[name]
    if not (text.isascii() and text.isdecimal()) or int(text) < least:
        raise UserError(f"{name} is {text!r} in the environment: expected a whole number of at least {least}; "
                        f"launchers set it, so without one unset {name}")
    return int(text), name

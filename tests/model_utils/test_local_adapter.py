# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What a launcher sets in the environment, mistakes in it, and the place of a process on its machine."""
import pytest

from model_utils.errors import UserError
from model_utils.local_adapter import Launch, read_launch

# What msrun sets for local worker 1 of the second of two machines with 2 workers each.
MSRUN = {"RANK_SIZE": "4", "RANK_ID": "3", "DEVICE_ID": "1", "MS_ROLE": "MS_WORKER", "MS_NODE_ID": "3",
         "MS_WORKER_NUM": "4", "NODE_NUM": "2"}


def test_without_a_launcher_device_0_is_rank_0_of_1(monkeypatch):
    for name in MSRUN:
        monkeypatch.delenv(name, raising=False)
    launch = read_launch()
    assert launch == Launch(device_id=0, rank_size=1, rank_id=0, node_num=1, role="")
    assert (launch.local_size, launch.local_rank, launch.node_rank) == (1, 0, 0)
    assert launch.leads_node and not launch.is_scheduler


def test_the_names_of_2021_are_read_from_the_process(monkeypatch):
    for name, value in {"DEVICE_ID": "5", "RANK_SIZE": "8", "RANK_ID": "6"}.items():
        monkeypatch.setenv(name, value)
    launch = read_launch()
    assert (launch.device_id, launch.rank_size, launch.rank_id) == (5, 8, 6)
    assert (launch.local_size, launch.local_rank, launch.leads_node) == (8, 6, False)


def test_ranks_are_numbered_machine_by_machine():
    launch = read_launch(MSRUN)
    assert (launch.node_num, launch.local_size, launch.local_rank, launch.node_rank) == (2, 2, 1, 1)
    leads = [read_launch({**MSRUN, "RANK_ID": str(rank)}).leads_node for rank in range(4)]
    assert leads == [True, False, True, False]


def test_msruns_own_names_do_where_the_others_are_missing():
    launch = read_launch({"MS_ROLE": "MS_WORKER", "MS_WORKER_NUM": "4", "MS_NODE_ID": "2", "RANK_SIZE": ""})
    assert (launch.rank_size, launch.rank_id, launch.device_id) == (4, 2, 0)


def test_modelarts_sets_how_many_machines_there_are():
    assert read_launch({"RANK_SIZE": "16", "RANK_ID": "9", "MA_NUM_HOSTS": "2"}).node_rank == 1


def test_the_scheduler_of_msrun_leads_no_machine():
    scheduler = read_launch({"RANK_SIZE": "4", "RANK_ID": "0", "MS_ROLE": "MS_SCHED"})
    assert scheduler.is_scheduler and not scheduler.leads_node
    assert not read_launch({**MSRUN, "RANK_ID": "0", "MS_NODE_ID": "0"}).is_scheduler


@pytest.mark.parametrize(("environment", "message"), [
    ({"RANK_SIZE": "eight"}, "RANK_SIZE is 'eight' in the environment: expected a whole number of at least 1"),
    ({"RANK_SIZE": "0"}, "RANK_SIZE is '0'"),
    ({"RANK_ID": "-1"}, "RANK_ID is '-1'"),
    ({"DEVICE_ID": "1.0"}, "DEVICE_ID is '1.0'"),
    ({"MS_WORKER_NUM": "²"}, "MS_WORKER_NUM is '²'"),
    ({"RANK_ID": "1"}, "RANK_ID is 1 in the environment, but RANK_SIZE is 1: expected a rank from 0 to 0"),
    ({"RANK_SIZE": "2", "MS_NODE_ID": "2"}, "MS_NODE_ID is 2 in the environment, but RANK_SIZE is 2"),
    ({"RANK_SIZE": "8", "MA_NUM_HOSTS": "3"}, "MA_NUM_HOSTS is 3 in the environment, but RANK_SIZE is 8: expected the "
                                              "same number of ranks on each machine"),
    ({"RANK_SIZE": "1", "NODE_NUM": "2"}, "NODE_NUM is 2 in the environment, but RANK_SIZE is 1"),
    # msrun on several machines without --node_rank: RANK_ID is what its scheduler left, the same in all workers.
    ({"RANK_SIZE": "4", "RANK_ID": "0", "MS_ROLE": "MS_WORKER"}, "MS_NODE_ID is not set.*--node_rank"),
])
def test_mistakes_are_reported(environment, message):
    with pytest.raises(UserError, match=message):
        read_launch(environment)

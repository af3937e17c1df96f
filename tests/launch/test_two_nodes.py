# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Two machines, as two network namespaces of this one with a cable between them: one job, until the cable is cut."""
import os
import re
import shutil
import subprocess

import pytest

from tests.support.ranks.job_place import wait_until
from tests.support.ranks.many_ranks import ROOT, free_port, job_command, job_environment
from tests.support.ranks.rank_training import check_ranks_are_alike, run_of

ADDRESSES = ("10.213.0.1", "10.213.0.2")


def ip(*arguments, check=True):
    """Run the program ip, which sets up networks."""
    return subprocess.run(["ip", *arguments], check=check, capture_output=True, text=True)


@pytest.fixture(name="nodes")
def fixture_nodes():
    """The command before the launcher on each of two nodes, and the address of node 0.

    The nodes are two network namespaces that can reach each other and nothing else; where none can be made (that needs
    the program ip, Debian package iproute2, and root), both nodes are in the network of this machine.
    """
    names = [f"yolo{os.getpid()}n{number}" for number in range(2)]
    cables = [f"yv{os.getpid()}n{number}" for number in range(2)]
    if not shutil.which("ip") or os.geteuid() or ip("netns", "add", names[0], check=False).returncode:
        yield [[], []], "127.0.0.1"
        return
    try:
        ip("netns", "add", names[1])
        ip("link", "add", cables[0], "netns", names[0], "type", "veth", "peer", "name", cables[1], "netns", names[1])
        for name, cable, address in zip(names, cables, ADDRESSES, strict=True):
            for arguments in (("addr", "add", f"{address}/24", "dev", cable), ("link", "set", cable, "up"),
                              ("link", "set", "lo", "up")):
                ip("-n", name, *arguments)
        yield [["ip", "netns", "exec", name] for name in names], ADDRESSES[0]
    finally:
        for name in names:
            ip("netns", "del", name, check=False)


@pytest.mark.slow
def test_two_nodes_train_as_one_job(tmp_path, data, nodes):
    prefixes, address = nodes
    jobs, port = [], str(free_port())
    for node, prefix in enumerate(prefixes):
        folder = tmp_path / f"node{node}"
        folder.mkdir()
        environment = {**os.environ, "DEVICE_TARGET": "CPU", "WAIT": "1", "NODE_NUM": "2", "NODE_RANK": str(node),
                       "MASTER_ADDR": address, "MASTER_PORT": port, "OMP_NUM_THREADS": "1"}
        launcher = ROOT / "scripts" / "run_distribute_train_gpu.sh"
        command = [*prefix, "bash", launcher, data, "1", "1", "--training_shape", "64", "--per_batch_size", "2",
                   "--max_epoch", "2", "--warmup_epochs", "1", "--debug_log", "True", "--ckpt_path", tmp_path / "out"]
        jobs.append(subprocess.Popen(list(map(str, command)), cwd=folder, env=environment, text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    outputs = [job.communicate(timeout=600)[0] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0], "\n".join(output[-3000:] for output in outputs)
    check_ranks_are_alike(*run_of(tmp_path, 2), batch=2, epochs=2)
    assert sorted(path.name for path in (tmp_path / "node1").iterdir()) == ["train_parallel1", "train_parallel_node1"]


@pytest.mark.slow
def test_a_node_that_is_out_of_reach_ends_the_job_on_both(tmp_path, nodes):
    prefixes, address = nodes
    if not prefixes[0]:
        pytest.skip("no network namespace can be made here, so no cable can be cut")
    jobs, logs, port = [], [tmp_path / f"node{node}" / f"rank{node}" / "log.txt" for node in range(2)], str(free_port())
    for node, prefix in enumerate(prefixes):
        (tmp_path / f"node{node}").mkdir()
        command = [*prefix, *job_command(1, "tests/support/ranks/frozen_rank_program.py", "cable")]
        environment = job_environment(NODE_NUM="2", NODE_RANK=str(node), MASTER_ADDR=address, MASTER_PORT=port)
        jobs.append(subprocess.Popen(command, cwd=tmp_path / f"node{node}", env=environment, text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    wait_until(lambda: all(log.exists() and "connected" in log.read_text() for log in logs), seconds=300)
    name = prefixes[0][-1]
    ip("-n", name, "link", "set", name.replace("yolo", "yv"), "down")
    outputs = [job.communicate(timeout=300)[0] for job in jobs]
    assert [job.returncode for job in jobs] == [1, 1], "\n".join(outputs)
    for node, log in enumerate(logs):
        # Before a transfer or in it.
        missing = rf"error: rank {1 - node} (did not come to .* within 5 s of rank {node}|ended, or sent nothing for 5)"
        assert re.search(missing, log.read_text()), log.read_text()

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The launchers of many processes: what would run, in full, and every mistake reported before anything starts."""
import os
import re
import socket
import subprocess
import sys
from string import Template

import pytest

from scripts.launch.msrun_job import share_cores
from tests.support.place import ROOT
from tests.support.ranks.job_place import JobPlace, on_one_core, one_core, rank_table

LAUNCHERS = ["run_distribute_train.sh", "run_distribute_train_gpu.sh"]
FILES = [*LAUNCHERS, "distribute.sh"]
MSRUN = """node $node of $nodes, 8 of $size ranks, on $target

msrun, its log $caller/train_parallel_node$node/log.txt
    $python -m mindspore.parallel.cluster.run --worker_num=$size --local_worker_num=8 --master_addr=$address \
--master_port=$port$more '--log_dir=$caller/train_parallel_node$node' --join=True --tail_worker_log=$size \
python3 '$repo/scripts/launch/one_rank.py' '$caller/train_parallel_node$node/plan.json'
"""
SCHEDULER = """
scheduler, on the cores $core, its log $caller/train_parallel_node0/scheduler.log
    cd '$caller/train_parallel_node0'
    export NODE_NUM=$nodes OMP_NUM_THREADS=1
    $program
"""
RANK = """
rank $rank, on the cores $core, its log $caller/train_parallel$rank/log.txt
    cd '$caller/train_parallel$rank'
    export RANK_ID=$rank RANK_SIZE=$size NODE_NUM=$nodes DEVICE_ID=$device$table OMP_NUM_THREADS=1
    $program
"""


@pytest.fixture
def place(tmp_path):
    return JobPlace(tmp_path)


def expected_text(place, target, *, node=0, nodes=1, address="127.0.0.1", devices=range(8), table=None, options=""):
    """Return what DRY_RUN prints on one core."""
    more = f" --node_rank={node}" if nodes > 1 else ""
    values = {
        "node": node, "nodes": nodes, "size": 8 * nodes, "target": target, "address": address, "port": place.port,
        "caller": place.caller, "repo": place.repo, "python": sys.executable, "core": one_core(),
        "more": more + (f" '--rank_table_file={table}'" if table else ""),
        "table": f" RANK_TABLE_FILE='{table}'" if table else "",
        "program": f"{sys.executable} -u '{place.repo}/train.py' --is_distributed 1 --device_target {target} "
                   f"--data_dir '{place.data}'{options}"}
    text = MSRUN + ("" if node else SCHEDULER)
    ranks = [Template(RANK).substitute(values, rank=8 * node + number, device=device)
             for number, device in enumerate(devices)]
    return Template(text).substitute(values) + "".join(ranks)


def dry_run(place, *places, **extra):
    with on_one_core():
        result = place.train(*places, DRY_RUN="1", **extra)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


def test_dry_run_of_8_devices(place):
    table = rank_table(place.caller / "rank_table_8p.json", [("10.0.0.1", 8)])
    text = dry_run(place, table.name, "--lr", "0.1", "--text=two words", DEVICE_TARGET="")
    assert text == expected_text(place, "Ascend", table=table, options=" --lr 0.1 '--text=two words'")
    assert sorted(path.name for path in place.caller.iterdir()) == ["a model.ckpt", "my data", "rank_table_8p.json"]


@pytest.mark.parametrize("script, target", [("run_eval.sh", "Ascend"), ("run_eval_gpu.sh", "GPU")])
def test_dry_run_of_an_evaluation_on_two_devices(place, script, target):
    result = place.run(script, place.data, place.checkpoint, "2", "--nms_thresh", "0.6", wait=None, DRY_RUN="1",
                       DEVICE_TARGET="")
    assert (result.returncode, result.stderr) == (0, "")
    command = (f"{sys.executable} -u '{place.repo}/eval.py' --is_distributed 1 --device_target {target} --data_dir "
               f"'{place.data}' --pretrained '{place.checkpoint}' --nms_thresh 0.6")
    assert result.stdout.count(command) == 3 and f"cd '{place.caller}/eval_parallel1'" in result.stdout


@pytest.mark.parametrize("choice", ["SERVER_ID", "NODE_RANK"])
def test_dry_run_of_2_times_8_devices(place, choice):
    servers = ["10.0.0.1", "10.0.0.2"]
    table = rank_table(place.caller / "rank_table_16p.json", [(name, 8) for name in servers], first_device=8)
    for node in range(2):
        chosen = {choice: servers[node] if choice == "SERVER_ID" else str(node)}
        assert dry_run(place, table.name, DEVICE_TARGET="", **chosen) == expected_text(
            place, "Ascend", node=node, nodes=2, address="10.0.0.1", devices=range(8, 16), table=table)


def test_dry_run_of_8_gpus_on_each_of_2_nodes(place):
    for node in range(2):
        nodes = {"NODE_NUM": "2", "NODE_RANK": str(node), "MASTER_ADDR": "gpu-0", "DEVICE_TARGET": ""}
        with on_one_core():
            result = place.train("8", "1", DRY_RUN="1", **nodes)
        assert result.returncode == 0
        assert result.stderr == ("CPUS_PER_RANK=1: 8 ranks would need 8 cores, and 1 can be used here, which they "
                                 "share\n")
        assert result.stdout == expected_text(place, "GPU", node=node, nodes=2, address="gpu-0")


def test_addresses_that_are_chosen(place):
    table = rank_table(place.caller / "t.json", [("first", 1), ("second", 1)])
    assert "--master_addr=10.9.8.7 " in dry_run(place, table.name, SERVER_ID="second", MASTER_ADDR="10.9.8.7")
    table.write_text(table.read_text().replace('"server_id": "first"', '"server_id": "first", "host_ip": "10.1.1.1"'))
    assert "--master_addr=10.1.1.1 " in dry_run(place, table.name, SERVER_ID="second", NODE_NUM="2")


@pytest.mark.parametrize("cores, ranks, wanted, shares", [
    (range(8), 2, 0, [(0, 1, 2, 3), (4, 5, 6, 7)]),
    (range(8), 2, 3, [(0, 1, 2), (3, 4, 5)]),
    ([3, 5, 7], 2, 0, [(3,), (5, 7)]),
    ([0, 1, 2, 3], 2, 9, [(0, 1), (2, 3)]),
    ([4, 6], 5, 0, [(4,), (6,), (4,), (6,), (4,)]),
    ([4, 6], 3, 2, [(4,), (6,), (4,)]),
    ([1], 1, 1, [(1,)]),
])
def test_shares_of_cores(cores, ranks, wanted, shares):
    assert list(share_cores(list(cores), ranks, wanted)) == shares


def check_error(place, result, code, message):
    """Check that the error is one line, or has the usage text behind it, and that nothing ran or was written."""
    assert result.returncode == code, result.stdout + result.stderr
    assert message in result.stderr and result.stderr.startswith("error: ")
    assert result.stdout == "" and ("\n\nusage: " in result.stderr or result.stderr.count("\n") == 1)
    assert not list(place.caller.glob("train_parallel*"))


@pytest.mark.parametrize("places, values, code, message", [
    (("two", "1"), {}, 2, "DEVICE_NUM is 'two'; expected a whole number of at least 1"),
    (("0", "1"), {}, 2, "DEVICE_NUM is '0'"),
    (("1.5", "1"), {}, 2, "DEVICE_NUM is '1.5'"),
    (("", "1"), {}, 2, "DEVICE_NUM is ''"),
    (("2", "0"), {}, 2, "CPUS_PER_RANK is '0'; expected a whole number of at least 1"),
    (("2", ""), {}, 2, "CPUS_PER_RANK is ''"),
    (("2", "many"), {}, 2, "CPUS_PER_RANK is 'many'"),
    (("2", "1"), {"MASTER_PORT": "http"}, 2, "MASTER_PORT is 'http'; expected a whole number from 1024 to 65535"),
    (("2", "1"), {"MASTER_PORT": "80"}, 2, "MASTER_PORT is '80'"),
    (("2", "1"), {"MASTER_ADDR": "192.0.2.1"}, 1, "MASTER_ADDR=192.0.2.1, MASTER_PORT="),
    (("2", "1"), {"MASTER_ADDR": "no.such.host.invalid"}, 1, "MASTER_ADDR=no.such.host.invalid: no such host"),
    (("2", "1"), {"NODE_NUM": "2"}, 2, "NODE_RANK is not set; with NODE_NUM=2 it says which node this is: 0 to 1"),
    (("2", "1"), {"NODE_NUM": "2", "NODE_RANK": "1"}, 2, "MASTER_ADDR is not set; with 2 nodes"),
    (("2", "1"), {"NODE_NUM": "2", "NODE_RANK": "2"}, 2, "NODE_RANK is '2'; expected a whole number from 0 to 1"),
    (("2", "1"), {"NODE_NUM": "none"}, 2, "NODE_NUM is 'none'"),
    (("2", "1"), {"DEVICE_TARGET": "TPU"}, 2, "DEVICE_TARGET is 'TPU'; expected one of Ascend, GPU, CPU"),
    (("3", "1"), {"DEVICE_TARGET": "GPU", "CUDA_VISIBLE_DEVICES": "0,5"}, 1,
     "3 ranks are asked for on this machine, but it has 2 GPU devices (says CUDA_VISIBLE_DEVICES)"),
    (("none.json",), {}, 1, "none.json: cannot read this rank table: No such file or directory"),
    (("two.json",), {}, 1, "two.json: there are 2 servers; say which of them this machine is"),
    (("two.json",), {"SERVER_ID": "c"}, 1, "no server_id is 'c'; SERVER_ID must be one of a, b"),
    (("two.json",), {"NODE_RANK": "2"}, 2, "NODE_RANK is '2'; expected a whole number from 0 to 1"),
    (("two.json",), {"NODE_RANK": "1", "SERVER_ID": "a"}, 2, "NODE_RANK is 1, but SERVER_ID=a is another server"),
    (("two.json",), {"SERVER_ID": "a"}, 2, "MASTER_ADDR is not set; with 2 nodes"),
    (("two.json",), {"SERVER_ID": "a", "NODE_NUM": "3"}, 2, "NODE_NUM is 3, but"),
    (("two.json",), {"SERVER_ID": "a", "MASTER_ADDR": "127.0.0.1", "DEVICE_TARGET": "Ascend",
                     "ASCEND_RT_VISIBLE_DEVICES": "3"}, 1, "but it has 1 Ascend devices (says ASCEND_RT_VISIBLE_DEV"),
])
def test_mistakes_are_reported_before_anything_starts(place, places, values, code, message):
    rank_table(place.caller / "two.json", [("a", 2), ("b", 2)])
    check_error(place, place.train(*places, **values), code, message)


@pytest.mark.parametrize("wait", ["0", "1"])
def test_a_port_that_is_taken(place, wait):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", place.port))
        listener.listen()
        check_error(place, place.train(wait=wait), 1, f"port {place.port} of 127.0.0.1 is taken")


@pytest.mark.parametrize("listed, code", [("GPU 0: A (UUID: GPU-1)\nGPU 1: B (UUID: GPU-2)", 0), ("", 1)])
def test_gpus_that_nvidia_smi_lists(place, listed, code):
    tools = place.folder / "tools"
    tools.mkdir()
    (tools / "nvidia-smi").write_text(f"#!/bin/sh\necho '{listed}'\nexit {code}\n")
    (tools / "nvidia-smi").chmod(0o755)
    values = {"PATH": f"{tools}:{os.environ['PATH']}", "DEVICE_TARGET": "GPU"}
    if code:
        # A tool that fails knows nothing.
        assert place.train("3", "1", **values).returncode == 0
    else:
        check_error(place, place.train("3", "1", **values), 1, "it has 2 GPU devices (says nvidia-smi -L)")


@pytest.mark.parametrize("script, arguments, message", [
    ("run_distribute_train.sh", [], "DATA and RANK_TABLE are needed"),
    ("run_distribute_train.sh", ["my data"], "DATA and RANK_TABLE are needed"),
    ("run_distribute_train.sh", ["my data", "--lr", "0.1"], "DATA and RANK_TABLE are needed"),
    ("run_distribute_train.sh", ["my data", "t.json", "8"], "unexpected argument '8'"),
    ("run_distribute_train_gpu.sh", ["my data", "8"], "DATA, DEVICE_NUM and CPUS_PER_RANK are needed"),
    ("run_distribute_train_gpu.sh", ["my data", "8", "--lr"], "DATA, DEVICE_NUM and CPUS_PER_RANK are needed"),
    ("run_distribute_train_gpu.sh", ["my data", "8", "2", "0"], "unexpected argument '0'"),
])
def test_usage_errors_end_with_2_and_the_usage_text(place, script, arguments, message):
    result = place.run(script, *arguments)
    check_error(place, result, 2, message)
    assert "usage: bash " + script in result.stderr


@pytest.mark.parametrize("script", LAUNCHERS)
def test_help_and_missing_places(place, script):
    result = place.run(script, "--help")
    assert (result.returncode, result.stderr) == (0, "") and result.stdout.startswith("usage: bash " + script)
    for name in ("WAIT", "DRY_RUN", "DEVICE_TARGET", "MASTER_ADDR", "MASTER_PORT", "NODE_RANK", "NODE_NUM"):
        assert re.search(rf"^  {name}\b", result.stdout, re.MULTILINE), name
    check_error(place, place.run(script, "no data", "2", "1"[: script.count("gpu")] or "--lr=1"), 1,
                "no data: no such folder; expected a data set in COCO layout")


@pytest.mark.parametrize("name", FILES)
def test_scripts_are_sound(name):
    path = ROOT / "scripts" / name
    subprocess.run(["bash", "-n", str(path)], check=True)
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"--(lr|per_batch_size|weight_decay|warmup_epochs|loss_scale)\b", text)
    assert "env >" not in text and "rm -rf" not in text

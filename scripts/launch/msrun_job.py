# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The plan of a job of many processes: its nodes, and of each rank the device, the cores, the environment, the command.

A plan is made from the arguments of a launcher and the environment variables that choose the nodes and the rank
table alone. `check_machine` checks what depends on this machine: a free port and enough devices.
"""
import errno
import ipaddress
import os
import shlex
import shutil
import socket
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from model_utils.errors import UsageError, UserError
from model_utils.rank_table import choose_server, read_rank_table

# The defaults of msrun.
MASTER_ADDR, MASTER_PORT = "127.0.0.1", 8118
ONE_RANK = Path(__file__).resolve().with_name("one_rank.py")


@dataclass(frozen=True)
class Nodes:
    """The number of this machine among all of the job, and the address of the scheduler."""

    rank: int
    count: int
    address: str
    port: int


@dataclass(frozen=True)
class Job:
    """The processes of a job on one machine, in folders NAME0, NAME1, ... of the folder `caller`, numbered by rank."""

    name: str
    caller: Path
    command: tuple[str, ...]
    target: str
    nodes: Nodes
    device_ids: tuple[int, ...]
    rank_table: str
    cores: tuple[tuple[int, ...], ...]

    @property
    def folder(self):
        """The folder of what belongs to no rank: the plan, the exit codes, and the logs of msrun and its scheduler."""
        return self.caller / f"{self.name}_node{self.nodes.rank}"

    @property
    def log(self):
        """The log of msrun and the launcher."""
        return self.folder / "log.txt"

    @property
    def size(self):
        """The number of ranks on all nodes."""
        return len(self.device_ids) * self.nodes.count

    @cached_property
    def ranks(self):
        """The plan of each rank of this node: {"rank_0": {...}, ...}."""
        first = self.nodes.rank * len(self.device_ids)
        return {f"rank_{first + place}": self._process(first + place, device_id, list(cores))
                for place, (device_id, cores) in enumerate(zip(self.device_ids, self.cores, strict=True))}

    @property
    def processes(self):
        """The plan of all processes: the ranks, and on node 0 the scheduler, which runs the program up to its start."""
        if self.nodes.rank:
            return self.ranks
        cores = sorted({core for cores in self.cores for core in cores})
        return {"scheduler": {"folder": str(self.folder), "log": str(self.folder / "scheduler.log"), "cores": cores,
                              "environment": {"NODE_NUM": str(self.nodes.count), "OMP_NUM_THREADS": "1"},
                              "command": self.command}, **self.ranks}

    def _process(self, rank, device_id, cores):
        folder = self.caller / f"{self.name}{rank}"
        environment = {"RANK_ID": str(rank), "RANK_SIZE": str(self.size), "NODE_NUM": str(self.nodes.count),
                       "DEVICE_ID": str(device_id)}
        if self.rank_table:
            environment["RANK_TABLE_FILE"] = self.rank_table
        environment["OMP_NUM_THREADS"] = os.environ.get("OMP_NUM_THREADS") or str(len(cores))
        return {"folder": str(folder), "log": str(folder / "log.txt"), "cores": cores, "environment": environment,
                "command": self.command}

    @property
    def msrun_command(self):
        """The command that starts this node's ranks; `-m` is what the program msrun calls, with the chosen Python."""
        nodes = self.nodes
        node_rank = [f"--node_rank={nodes.rank}"] if nodes.count > 1 else []
        table = [f"--rank_table_file={self.rank_table}"] if self.rank_table else []
        # No rank has this number: msrun follows the log of each rank by a program that outlives it.
        return [sys.executable, "-m", "mindspore.parallel.cluster.run", f"--worker_num={self.size}",
                f"--local_worker_num={len(self.device_ids)}", f"--master_addr={nodes.address}",
                f"--master_port={nodes.port}", *node_rank, *table, f"--log_dir={self.folder}", "--join=True",
                f"--tail_worker_log={self.size}", "python3", str(ONE_RANK), str(self.folder / "plan.json")]

    def text(self):
        """Return the plan as text, with commands for a shell."""
        lines = [f"node {self.nodes.rank} of {self.nodes.count}, {len(self.ranks)} of {self.size} ranks, on "
                 f"{self.target}", "", f"msrun, its log {self.log}", f"    {shlex.join(self.msrun_command)}"]
        for name, process in self.processes.items():
            cores = ",".join(map(str, process["cores"]))
            variables = [f"{key}={shlex.quote(value)}" for key, value in process["environment"].items()]
            lines += ["", f"{name.replace('_', ' ')}, on the cores {cores}, its log {process['log']}",
                      f"    cd {shlex.quote(process['folder'])}", f"    export {' '.join(variables)}",
                      f"    {shlex.join(process['command'])}"]
        return "\n".join(lines)


def share_cores(cores, ranks, wanted=0):
    """Return the cores of each rank: `wanted` neighbours, or an even share where 0 or more than there are is wanted.

    With fewer cores than ranks, each rank has one core, in turn.
    """
    total = len(cores)
    if wanted and wanted * ranks <= total:
        return tuple(tuple(cores[rank * wanted:(rank + 1) * wanted]) for rank in range(ranks))
    if total < ranks:
        return tuple((cores[rank % total],) for rank in range(ranks))
    return tuple(tuple(cores[rank * total // ranks:(rank + 1) * total // ranks]) for rank in range(ranks))


def whole_number(text, name, low, high=None):
    """Return `text` as a whole number.

    Raises:
        UsageError: it is none, or below `low`, or above `high`; `name` is what it is called.
    """
    if not (text.isascii() and text.isdecimal()) or int(text) < low or (high is not None and int(text) > high):
        limits = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise UsageError(f"{name} is {text!r}; expected a whole number {limits}")
    return int(text)


def table_nodes(path, environment):
    """Return (nodes, device ids of this machine) by a rank table; SERVER_ID or NODE_RANK says which server this is.

    Raises:
        UserError: the table cannot be used; a UsageError: the environment and the table do not fit.
    """
    servers = read_rank_table(path)
    count, server_id, node_rank = len(servers), environment.get("SERVER_ID", ""), environment.get("NODE_RANK", "")
    if node_rank:
        chosen = whole_number(node_rank, "NODE_RANK", 0, count - 1)
        if server_id and chosen != choose_server(servers, server_id, path):
            raise UsageError(f"NODE_RANK is {chosen}, but SERVER_ID={server_id} is another server of {path}; set one "
                             "of them only")
    else:
        chosen = choose_server(servers, server_id, path)
    if environment.get("NODE_NUM") and whole_number(environment["NODE_NUM"], "NODE_NUM", 1) != count:
        raise UsageError(f"NODE_NUM is {environment['NODE_NUM']}, but {path} has {count} servers; leave NODE_NUM out")
    first = servers[0]
    address = first.host_ip or (first.server_id if is_address(first.server_id) else "")
    return make_nodes(chosen, count, environment, address), servers[chosen].device_ids


def environment_nodes(environment):
    """Return the nodes that NODE_NUM, NODE_RANK, MASTER_ADDR and MASTER_PORT describe.

    Raises:
        UsageError: one of them is missing or wrong.
    """
    count = whole_number(environment.get("NODE_NUM") or "1", "NODE_NUM", 1)
    node_rank = environment.get("NODE_RANK") or ("0" if count == 1 else "")
    if not node_rank:
        raise UsageError(f"NODE_RANK is not set; with NODE_NUM={count} it says which node this is: 0 to {count - 1}")
    return make_nodes(whole_number(node_rank, "NODE_RANK", 0, count - 1), count, environment, "")


def make_nodes(rank, count, environment, address):
    """Return the nodes; the scheduler is at MASTER_ADDR, else at `address`, else, for one node, on this machine.

    Raises:
        UsageError: MASTER_PORT is no port, or the address of the first of several nodes is not known.
    """
    port = whole_number(environment.get("MASTER_PORT") or str(MASTER_PORT), "MASTER_PORT", 1024, 65535)
    chosen = environment.get("MASTER_ADDR") or (MASTER_ADDR if count == 1 else address)
    if not chosen:
        raise UsageError(f"MASTER_ADDR is not set; with {count} nodes it is the address of node 0, as all nodes see it")
    return Nodes(rank, count, chosen, port)


def is_address(text):
    """Return whether a text is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def check_machine(job):
    """Check that the job can start on this machine now.

    Raises:
        UserError: the scheduler's port is taken or not here, or there are fewer devices than ranks.
    """
    known, source = count_devices(job.target)
    if known is not None and len(job.device_ids) > known:
        raise UserError(f"{len(job.device_ids)} ranks are asked for on this machine, but it has {known} {job.target} "
                        f"devices (says {source}); ask for as many or fewer")
    nodes = job.nodes
    try:
        family, kind, _, _, address = socket.getaddrinfo(nodes.address, nodes.port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise UserError(f"MASTER_ADDR={nodes.address}: no such host ({error.strerror}); expected the address of node "
                        "0") from error
    if nodes.rank:
        return
    with socket.socket(family, kind) as probe:
        # A port whose last connections have only just been closed is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise UserError(f"port {nodes.port} of {nodes.address} is taken, by another job perhaps; set "
                                "MASTER_PORT to a free one, the same on all nodes") from error
            raise UserError(f"MASTER_ADDR={nodes.address}, MASTER_PORT={nodes.port}: node 0 cannot listen there "
                            f"({error.strerror}); expected an address of this machine") from error


def count_devices(target):
    """Return (number of devices of this machine, how that is known); the number is None where it cannot be known."""
    variable = {"GPU": "CUDA_VISIBLE_DEVICES", "Ascend": "ASCEND_RT_VISIBLE_DEVICES"}.get(target)
    if variable and variable in os.environ:
        return len([name for name in os.environ[variable].split(",") if name.strip() not in ("", "-1")]), variable
    if target == "Ascend":
        return len(list(Path("/dev").glob("davinci[0-9]*"))) or None, "/dev/davinci*"
    if target == "GPU" and shutil.which("nvidia-smi"):
        try:
            listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return None, ""
        return listed.stdout.count("GPU ") if listed.returncode == 0 else None, "nvidia-smi -L"
    return None, ""

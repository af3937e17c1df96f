# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Communication between the processes of a distributed run; with one process, every call returns at once.

Every method is collective: all ranks must call it, in the same order. Values travel over connections to rank 0, not
through MindSpore's collectives: on a CPU those fail after a short time, and their error does not name the late rank.
"""
import contextlib
import json
import os
import re
import socket
import time
from multiprocessing.connection import Connection

import numpy as np

import mindspore as ms
import mindspore.ops as ops

from model_utils.errors import UserError

MEAN, VARIANCE = ".moving_mean", ".moving_variance"
# Room for the longest host name (253) and a port.
ADDRESS_BYTES = 260
# Seconds between the failures of a collective on two ranks, and what MindSpore says then.
MISSING_S, COLLECTIVE = 30, re.compile(r"all_?reduce|reduce wait|collective|[hn]ccl", re.I)
# Seconds that a verdict of rank 0 may take to arrive.
TRANSIT_S = 10


class Ranks:
    """The ranks of a run, seen from one of them.

    Args:
        rank (int): this process, 0 .. size - 1.
        size (int): number of processes; with more than one, MindSpore's communication must have been started.
        limit_s (float): longest wait of the ranks for each other.
    """

    def __init__(self, rank=0, size=1, limit_s=600):
        self.rank, self.size, self.limit_s = rank, size, limit_s
        # To every other rank on rank 0, to rank 0 on the others.
        self._connections = _connect(rank, size) if size > 1 else {}

    @property
    def is_first(self):
        """Whether this is rank 0."""
        return self.rank == 0

    def wait(self, point="the next exchange of values"):
        """Wait until all ranks are at the same point of the run.

        Raises:
            UserError: names the ranks that did not come there within the limit.
        """
        for connection in self._connections.values():
            _send(connection, b"")
        deadline = time.monotonic() + self.limit_s
        late = [rank for rank, connection in self._connections.items()
                if _receive(connection, deadline - time.monotonic()) is None]
        if self.is_first:
            for connection in self._connections.values():
                _send(connection, json.dumps(late).encode())
        elif not late:
            verdict = _receive(self._connections[0], self.limit_s + TRANSIT_S)
            late = [0] if verdict is None else json.loads(verdict)
        if late:
            ranks = ("rank " if len(late) == 1 else "ranks ") + ", ".join(map(str, late))
            raise UserError(f"{ranks} did not come to {point} within {self.limit_s:g} s of rank {self.rank}; see in "
                            "its log what a late rank was doing; if it was only slow, raise rank_wait_seconds")

    def name_missing(self, error):
        """After an error of MindSpore, name the ranks that took no part in the collective that failed, if one did.

        Raises:
            UserError: names the ranks that are not there within `MISSING_S`.
        """
        if self.size > 1 and COLLECTIVE.search(str(error)):
            # All that take part fail at about the same time.
            self.limit_s = min(self.limit_s, MISSING_S)
            self.wait("the exchange of gradients")

    def all_gather(self, value, only_first=False):
        """Return the values of all ranks, by rank; a value is anything that json can hold, floats to the last bit.

        With `only_first` the other ranks get None, and are spared the transfer.

        Raises:
            UserError: see `wait`.
        """
        if self.size == 1:
            return [value]
        # All are there before much is sent, so that no rank blocks in a transfer.
        self.wait()
        data = json.dumps(value).encode()
        if self.is_first:
            data = b"[" + b",".join([data, *map(self._expect, self._connections)]) + b"]"
            for connection in self._connections.values() if not only_first else ():
                _send(connection, data)
        else:
            _send(self._connections[0], data)
            data = b"null" if only_first else self._expect(0)
        return json.loads(data)

    def _expect(self, rank):
        """Return the next message of a rank that has come to `wait`."""
        message = _receive(self._connections[rank], self.limit_s)
        if message is None:
            raise UserError(f"rank {rank} ended, or sent nothing for {self.limit_s:g} s, in an exchange of values; see "
                            "its log")
        return message

    def broadcast(self, value):
        """Return the value that rank 0 has; what the other ranks pass does not matter."""
        return self.all_gather(value if self.is_first else None)[0]

    def all_reduce(self, values):
        """Return the sum over all ranks, element by element, of an array float32."""
        return np.sum(np.array(self.all_gather(values.tolist()), np.float32), axis=0)

    def check_alike(self, facts):
        """Check that all ranks start from the same; otherwise they would block each other or diverge.

        Args:
            facts (dict): values by name, such as {"training images": 292}.

        Raises:
            UserError: names the first that differs, the rank, and both values.
        """
        found = self.all_gather(facts)
        for name in facts:
            for rank, other in enumerate(found):
                if other[name] != found[0][name]:
                    raise UserError(f"rank {rank} has {other[name]} {name}, rank 0 has {found[0][name]}: give all "
                                    "ranks the same data, checkpoint and options")

    def share(self, count):
        """Return the numbers of 0 .. count - 1 that are this rank's: every size-th, so that all shares are alike."""
        return range(self.rank, count, self.size)

    def average_statistics(self, parameters):
        """Replace batch-norm statistics by those of all ranks together.

        The mean is the mean of the means; the variance is the mean of the variances and the variance of the means,
        which together are those of the images of all ranks.

        Args:
            parameters (dict): parameters by name; those that end in .moving_mean and .moving_variance come in pairs.
        """
        if self.size == 1:
            return
        names = [name.removesuffix(MEAN) for name in parameters if name.endswith(MEAN)]
        means = np.concatenate([parameters[name + MEAN].asnumpy() for name in names])
        variances = np.concatenate([parameters[name + VARIANCE].asnumpy() for name in names])
        mean = self.all_reduce(means) / self.size
        # By differences from the common mean, because a difference of squares would cancel digits.
        variance = self.all_reduce(variances + (means - mean) ** 2) / self.size
        ends = np.cumsum([parameters[name + MEAN].size for name in names])[:-1]
        for name, *values in zip(names, np.split(mean, ends), np.split(variance, ends), strict=True):
            for suffix, value in zip((MEAN, VARIANCE), values, strict=True):
                ops.assign(parameters[name + suffix], ms.Tensor(value.astype(np.float32)))


def _connect(rank, size):
    """Return the connections of a rank, by the rank at the other end: on rank 0 all others, on the others rank 0."""
    if rank:
        host, port = _share_address("")
        try:
            peer = _connection(socket.create_connection((host, port)))
        except OSError as error:
            raise UserError(f"rank {rank} cannot reach rank 0 at {host}, port {port} ({error}); the machines of a run "
                            "must let each other through on every port") from error
        peer.send_bytes(str(rank).encode())
        return {0: peer}
    # The address of the scheduler, which msrun starts on this machine; without msrun, that of this machine's name.
    host = os.environ.get("MS_SCHED_HOST") or socket.gethostbyname(socket.gethostname())
    family = socket.getaddrinfo(host, None)[0][0]
    with socket.create_server((host, 0), family=family, backlog=size) as server:
        _share_address(f"{server.getsockname()[1]} {host}")
        peers = [_connection(server.accept()[0]) for _ in range(size - 1)]
    return dict(sorted((int(peer.recv_bytes()), peer) for peer in peers))


def _share_address(text):
    """Return (host, port) of rank 0, which passes the text "PORT HOST"; the others pass ""."""
    numbers = np.frombuffer(text.encode().ljust(ADDRESS_BYTES), np.uint8).astype(np.float32)
    # Zeros from all other ranks.
    total = ops.AllReduce()(ms.Tensor(numbers if text else 0 * numbers)).asnumpy()
    port, host = total.astype(np.uint8).tobytes().decode().split()
    return host, int(port)


def _connection(peer):
    """Return the `Connection` of a connected socket; each message leaves at once, and waits for no acknowledgement."""
    peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Connection(peer.detach())


def _send(connection, message):
    """Send a message; that the other end is gone, `_receive` notices."""
    with contextlib.suppress(OSError):
        connection.send_bytes(message)


def _receive(connection, seconds):
    """Return the next message, None where none came in time.

    Where the process at the other end is gone, the rest of the time is waited too: the launcher ends this process
    meanwhile, and names the rank that ended first.
    """
    try:
        return connection.recv_bytes() if connection.poll(max(0, seconds)) else None
    except (EOFError, OSError):
        time.sleep(max(0, seconds))
        return None

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What the processes of a distributed run have to tell each other; with one process, nothing.

Every method is collective: all ranks must call it, in the same order.
"""
import json
import zlib

import numpy as np

import mindspore as ms
import mindspore.ops as ops

from model_utils.errors import UserError

MEAN, VARIANCE = ".moving_mean", ".moving_variance"
# One more than the largest number of 16 bits.
BASE = 2**16


class Ranks:
    """The ranks of a run, seen from one of them.

    Args:
        rank (int): this process, 0 .. size - 1.
        size (int): number of processes; with more than one, MindSpore's communication must have been started.
    """

    def __init__(self, rank=0, size=1):
        self.rank, self.size = rank, size
        self._sum = ops.AllReduce(ops.ReduceOp.SUM) if size > 1 else None

    @property
    def is_first(self):
        """Whether this is rank 0."""
        return self.rank == 0

    def total(self, values):
        """Return the sum over all ranks, element by element, of an array float32."""
        return self._sum(ms.Tensor(values)).asnumpy() if self._sum else values

    def gather(self, value, only_first=False):
        """Return the values of all ranks, by rank; a value is anything that json can hold, floats to the last bit.

        With `only_first` the other ranks are spared the unpacking: they get None.
        """
        if not self._sum:
            return [value]
        data = zlib.compress(json.dumps(value).encode())
        words = np.frombuffer(data + bytes(len(data) % 2), np.uint16)
        # Small whole numbers, each added to zeros only: exact in float32, the one type that every backend adds.
        lengths = self._table(np.array(divmod(len(data), BASE), np.float32)).astype(np.int64) @ (BASE, 1)
        table = self._table(np.pad(words, (0, int(lengths.max() + 1) // 2 - len(words)))).astype(np.uint16)
        if only_first and not self.is_first:
            return None
        return [json.loads(zlib.decompress(row.tobytes()[:length]))
                for row, length in zip(table, lengths.tolist(), strict=True)]

    def _table(self, values):
        """Return the arrays [n] of all ranks as float32 [size, n]."""
        table = np.zeros((self.size, len(values)), np.float32)
        table[self.rank] = values
        return self.total(table)

    def first(self, value):
        """Return the value that rank 0 has; what the other ranks pass does not matter."""
        return self.gather(value if self.is_first else None)[0]

    def check_alike(self, facts):
        """Check that all ranks start from the same; otherwise they would wait for each other for ever, or part.

        Args:
            facts (dict): values by what they are called, such as {"training images": 292}.

        Raises:
            UserError: names the first that differs, the rank, and both values.
        """
        found = self.gather(facts)
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

        The mean is the mean of the means; the variance is the mean of the variances and the variance of the means, so
        that they are those of all ranks' images in one.

        Args:
            parameters (dict): parameters by name; those that end in .moving_mean and .moving_variance come in pairs.
        """
        if not self._sum:
            return
        names = [name.removesuffix(MEAN) for name in parameters if name.endswith(MEAN)]
        means = np.concatenate([parameters[name + MEAN].asnumpy() for name in names])
        variances = np.concatenate([parameters[name + VARIANCE].asnumpy() for name in names])
        mean = self.total(means) / self.size
        # By differences from the common mean, because a difference of squares would cancel digits.
        variance = self.total(variances + (means - mean) ** 2) / self.size
        ends = np.cumsum([parameters[name + MEAN].size for name in names])[:-1]
        for name, *values in zip(names, np.split(mean, ends), np.split(variance, ends), strict=True):
            for suffix, value in zip((MEAN, VARIANCE), values, strict=True):
                ops.assign(parameters[name + suffix], ms.Tensor(value.astype(np.float32)))

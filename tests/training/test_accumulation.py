# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Sums over micro-batches; test_train_step.py has a whole step of them."""
import numpy as np

import mindspore as ms

from src.training.accumulation import Accumulation


def test_means_over_a_step_and_a_new_start():
    weight = ms.Parameter(ms.Tensor([1.0, 2.0], ms.float32), name="weight")
    mean = ms.Parameter(ms.Tensor([5.0], ms.float32), name="bn.moving_mean")
    sums = Accumulation((weight,), [mean], 3)
    rows = np.arange(9, dtype=np.float32).reshape(3, 3)
    for statistic in (5.0, 7.0):
        mean.set_data(ms.Tensor([statistic], ms.float32))
        sums.start()
        for row in rows[:2]:
            sums.add([ms.Tensor(row[:2])], ms.Tensor(row[2]), ms.Tensor(np.full(6, row[2])))
            mean.set_data(ms.Tensor([9.0], ms.float32))
        (gradient,), loss, parts = sums.mean([ms.Tensor(rows[2, :2])], ms.Tensor(rows[2, 2]),
                                             ms.Tensor(np.full(6, rows[2, 2])))
        np.testing.assert_allclose(gradient.asnumpy(), rows[:, :2].mean(axis=0))
        np.testing.assert_allclose(parts.asnumpy(), np.full(6, rows[:, 2].mean()))
        assert loss.asnumpy() == rows[:, 2].mean()
        # The statistics from before the first forward pass of the step.
        assert sums.before[0].asnumpy() == statistic

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The backbone: shapes, the two forms of its activation, and the conventions of batch norm."""
import numpy as np
import pytest

import mindspore as ms
import mindspore.nn as nn

from src.tiny import ConvBlock, DarknetTiny, PoolByTwo, leaky_relu


@pytest.mark.parametrize("height, width", [(64, 64), (96, 160)])
def test_strides_and_channels(height, width):
    stride16, stride32 = DarknetTiny()(ms.Tensor(np.zeros((2, 3, height, width), np.float32)))
    assert stride16.shape == (2, 256, height // 16, width // 16)
    assert stride32.shape == (2, 1024, height // 32, width // 32)


def test_both_forms_of_leaky_relu_are_one_function():
    x = np.linspace(-5, 5, 101, dtype=np.float32)
    expected = np.where(x > 0, x, 0.1 * x)
    for decomposed in (False, True):
        np.testing.assert_allclose(leaky_relu(decomposed)(ms.Tensor(x)).asnumpy(), expected, atol=1e-6)


def test_running_statistics_move_by_a_tenth_of_the_batch():
    block = ConvBlock(2, 4, 3)
    block.set_train(True)
    x = np.random.default_rng(1).normal(1, 2, (8, 2, 6, 6)).astype(np.float32)
    y = block.conv(ms.Tensor(x)).asnumpy()
    block(ms.Tensor(x))
    np.testing.assert_allclose(block.bn.moving_mean.asnumpy(), 0.1 * y.mean((0, 2, 3)), rtol=1e-4, atol=1e-6)
    unbiased = y.var((0, 2, 3), ddof=1)
    np.testing.assert_allclose(block.bn.moving_variance.asnumpy(), 0.9 + 0.1 * unbiased, rtol=1e-4)
    assert block.bn.eps == 1e-5


def test_pooling_by_two_is_max_pooling_in_value_and_gradient_also_where_pixels_are_equal():
    rng = np.random.default_rng(2)
    x = np.round(rng.normal(0, 2, (2, 5, 8, 12))).astype(np.float32)
    x[0, 0], x[0, 1, 0], x[0, 2] = 0, -0.0, -np.inf
    gradient = ms.Tensor(rng.normal(0, 1, (2, 5, 4, 6)), ms.float32)
    found, expected = [], []
    for pool, results in ((PoolByTwo().set_train(), found), (nn.MaxPool2d(2, 2), expected)):
        pooled_gradient = ms.grad(lambda x, pool=pool: (pool(x) * gradient).sum())
        results += pool(ms.Tensor(x)).asnumpy(), pooled_gradient(ms.Tensor(x)).asnumpy()
    assert len(np.unique(x)) < 20
    # MaxPool2d has no infinity.
    np.testing.assert_array_equal(np.maximum(found[0], np.finfo(np.float32).min), expected[0])
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_array_equal(PoolByTwo().set_train(False)(ms.Tensor(x)).asnumpy(), expected[0])


def test_pooling_by_two_hides_no_channel_that_is_not_finite():
    # Batch norm, which comes before it, spreads a bad value over its channel; the step must see it in the loss.
    x = np.zeros((1, 3, 4, 4), np.float32)
    x[:, 0], x[:, 1, 1, 0] = np.nan, np.inf
    y = PoolByTwo().set_train()(ms.Tensor(x)).asnumpy()
    assert np.isnan(y[:, 0]).all() and y[0, 1, 0, 0] == np.inf and not y[:, 2].any()

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The backbone: shapes, the two forms of its activation, and the conventions of batch norm."""
import numpy as np
import pytest

import mindspore as ms

from src.tiny import ConvBlock, DarknetTiny, leaky_relu, max_pool


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


@pytest.mark.parametrize("stride", [1, 2])
def test_both_forms_of_pooling_have_the_same_values_and_gradients_also_where_pixels_are_equal(stride):
    rng = np.random.default_rng(2)
    x = np.round(rng.normal(0, 2, (2, 5, 8, 12))).astype(np.float32)
    x[0, 0], x[0, 1, 0], x[0, 2] = 0, -0.0, -3e38
    gradient = ms.Tensor(rng.normal(0, 1, (2, 5, 8 // stride, 12 // stride)), ms.float32)
    plain, adaptive = ([], [])
    for decomposed, results in ((False, plain), (True, adaptive)):
        pool = max_pool(stride, decomposed).set_train()
        backward = ms.ops.GradOperation(sens_param=True)(pool)
        results += pool(ms.Tensor(x)).asnumpy(), backward(ms.Tensor(x), gradient).asnumpy()
    assert len(np.unique(x)) < 20
    np.testing.assert_array_equal(adaptive[0], plain[0])
    np.testing.assert_allclose(adaptive[1], plain[1], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(max_pool(stride, True).set_train(False)(ms.Tensor(x)).asnumpy(), plain[0])


def test_pooling_hides_no_channel_that_is_not_finite():
    # Batch norm, which comes before it, spreads a bad value over its channel; the step must see it in the loss.
    x = np.zeros((1, 3, 4, 4), np.float32)
    x[:, 0], x[:, 1, 1, 0] = np.nan, np.inf
    for stride in (1, 2):
        y = max_pool(stride, decomposed=True).set_train()(ms.Tensor(x)).asnumpy()
        assert np.isnan(y[:, 0]).all() and y[0, 1, 0, 0] == np.inf and not y[:, 2].any()

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Pixel normalisation in the graph: values and layout."""
import numpy as np

import mindspore as ms

from src.network.normalize import Normalize

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def test_values_and_layout():
    images = np.random.default_rng(1).integers(0, 256, (2, 4, 6, 3), np.uint8)
    expected = ((images / 255 - MEAN) / STD).transpose(0, 3, 1, 2)
    found = Normalize(MEAN, STD)(ms.Tensor(images))
    assert found.dtype == ms.float32
    np.testing.assert_allclose(found.asnumpy(), expected, atol=1e-5)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Selection of the device: CPU works twice, a missing device is refused."""
import pytest

import mindspore as ms

from model_utils.config import get_config
from model_utils.device_adapter import (
    prefers_decomposed_activation,
    selects_on_device,
    setup_device,
    waits_for_each_step,
)
from model_utils.errors import UserError


def test_cpu_can_be_selected_after_an_operator_ran():
    for _ in range(2):
        setup_device(get_config(["--device_target", "CPU"]))
        assert (ms.Tensor([1.0]) + 1).asnumpy()[0] == 2
    assert ms.get_context("device_target") == "CPU" and ms.get_context("mode") == ms.GRAPH_MODE


@pytest.mark.parametrize("target", ["GPU", "Ascend"])
def test_a_missing_device_is_refused(target):
    with pytest.raises(UserError, match=f"device_target {target}.*--device_target CPU"):
        setup_device(get_config(["--device_target", target]))


def test_what_a_cpu_prefers():
    assert prefers_decomposed_activation("CPU") and not prefers_decomposed_activation("Ascend")
    assert waits_for_each_step("CPU") and not waits_for_each_step("GPU")
    assert not selects_on_device("CPU") and selects_on_device("Ascend")

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""ascend310_infer/aipp.cfg holds the default mean and std."""


from model_utils.config import get_config
from tests.support.ascend310.aipp_file import check_aipp, read_aipp
from tests.support.ascend310.infer_app import APP


def test_the_file_holds_the_default_mean_and_std():
    config = get_config([])
    values = read_aipp((APP / "aipp.cfg").read_text())
    check_aipp(values, config.mean, config.std)
    # The 2021 version rounded the means: up to 0.47 of a level is 0.008 after the normalisation.
    assert [values[f"min_chn_{channel}"] for channel in range(3)] == [0.675, 0.28, 0.53]

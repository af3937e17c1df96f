# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The AIPP configuration, read and checked."""
import re

import numpy as np
import pytest


def read_aipp(text):
    """Return the values of an AIPP configuration by name, numbers as float; comments are left out."""
    lines = [line.split("#")[0] for line in text.splitlines()]
    pairs = re.findall(r"(\w+)\s*:\s*(\S+)", "\n".join(lines))
    assert len(dict(pairs)) == len(pairs)
    return {name: float(value) if re.fullmatch(r"-?[\d.]+", value) else value for name, value in pairs}


def check_aipp(values, mean, std, input_format="RGB888_U8"):
    """Check that (pixel - mean_chn - min_chn) * var_reci_chn is (pixel / 255 - mean) / std, also in float16."""
    has_matrix = str(input_format != "RGB888_U8").lower()
    assert {name: values[name] for name in ("aipp_mode", "input_format", "csc_switch", "rbuv_swap_switch")} == {
        "aipp_mode": "static", "input_format": input_format, "csc_switch": has_matrix, "rbuv_swap_switch": "false"}
    for channel in range(3):
        integer, fraction, gain = (values[f"{name}_chn_{channel}"] for name in ("mean", "min", "var_reci"))
        # AIPP takes 8-bit integers for mean_chn, float16 for the others.
        assert integer == int(integer) and 0 <= integer <= 255 and 0 <= fraction < 1
        assert integer + fraction == pytest.approx(255 * mean[channel], abs=1e-9)
        assert gain == pytest.approx(1 / (255 * std[channel]), abs=1e-9)
        pixels = np.arange(256)
        half = (np.float16(pixels - integer) - np.float16(fraction)) * np.float16(gain)
        expected = (pixels / 255 - mean[channel]) / std[channel]
        # float16 has 11 bits: of values up to 2.7, the last bit is 0.002.
        assert np.abs(half - expected).max() < 0.003

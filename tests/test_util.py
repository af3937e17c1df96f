# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Lists of names in messages; parameter groups with the counts of the 2021 version."""
import pytest

from src.training.optimizer import parameter_groups
from src.util import first_names
from tests.support.small_networks import small_network


def test_groups_at_80_classes():
    plain, decayed = parameter_groups(small_network(80), 0.016)
    assert (len(plain["params"]), sum(p.size for p in plain["params"]), plain["weight_decay"]) == (24, 6_878, 0.0)
    assert (len(decayed["params"]), sum(p.size for p in decayed["params"])) == (13, 8_845_488)
    assert decayed["weight_decay"] == 0.016


@pytest.mark.parametrize(("names", "text"), [
    ((), "none"), (("cup",), "cup"), ("abcde", "a, b, c, d, e"), (iter("abcdef"), "a, b, c, d, e, ..."),
])
def test_a_long_list_of_names_is_cut_short(names, text):
    assert first_names(names) == text

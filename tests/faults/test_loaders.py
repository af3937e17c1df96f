# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Some hundred inputs of tools/faults/loaders.py, and that it finds loaders with faults."""
import itertools
import re
import time

import pytest
from hypothesis import strategies as st

from model_utils.errors import UserError
from tools.faults import loaders
from tools.faults.loaders import LOADERS, Loader, run, try_loader

EACH = 25


@pytest.mark.slow
def test_no_loader_has_a_fault_of_another_kind(tmp_path):
    outcomes = list(run(tmp_path, EACH * len(LOADERS)))
    assert [outcome.fault for outcome in outcomes] == [loader.name for loader in LOADERS]
    assert not [failure for outcome in outcomes for failure in outcome.failures]
    assert {outcome.tried for outcome in outcomes} == {EACH}
    refused = [int(outcome.lost.split()[0]) for outcome in outcomes]
    assert EACH * len(LOADERS) / 2 < sum(refused) < EACH * len(LOADERS)


def burn(value, folder):
    end = time.process_time() + 0.02 * value
    while time.process_time() < end:
        pass


def refuse(value, folder):
    raise UserError(1500 * value * "x")


@pytest.mark.parametrize("load, words", [
    (lambda value, folder: 1 // (2 - value), r"2: ZeroDivisionError: .* \(test_loaders.py, line \d+\)"),
    (refuse, "3: a message of 4500 characters: xxx"), (burn, "3: took 0.1 s")])
def test_a_fault_is_found(tmp_path, monkeypatch, load, words):
    monkeypatch.setattr(loaders, "MAX_SECONDS", 0.05)
    found = try_loader(Loader("a loader", lambda folder: st.sampled_from([1, 2, 3]), load), tmp_path, 50, 1)
    assert found.tried == 3 and found.survived == 2
    assert re.match(f"a loader: {words}", found.failures[0])


def test_a_loader_that_takes_much_memory_is_found(tmp_path, monkeypatch):
    monkeypatch.setattr(loaders, "peak_bytes", itertools.count(2**30, 2**20).__next__)
    found = try_loader(Loader("a loader", lambda folder: st.just(1), lambda value, folder: None), tmp_path, 1, 1)
    assert found.failures == ("a loader: 1: took 1025 MB",)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What ranks exchange, in one process and in three, and that a rank that never comes is named."""
import json
import re

import numpy as np
import pytest

import mindspore as ms

from model_utils.comm import Ranks
from tests.support.ranks.many_ranks import run_ranks
from tests.support.ranks.ranks_program import LIMIT_S, statistics_of, value_of


def test_one_process_gets_its_own_values():
    ranks, value = Ranks(), {"a": object()}
    assert ranks.is_first and ranks.all_gather(value) == [value] and ranks.broadcast(value) is value
    assert list(ranks.share(3)) == [0, 1, 2]
    ranks.check_alike({"images": 3})
    ranks.wait()
    assert ranks.all_reduce(np.float32([1, 2.5])).tolist() == [1, 2.5]
    statistic = {"a.moving_mean": ms.Parameter(np.float32([1, 2]), name="a")}
    ranks.average_statistics(statistic)
    assert statistic["a.moving_mean"].asnumpy().tolist() == [1, 2]


# Started by several processes, as those of tests/launch: with pytest-xdist never beside them.
pytestmark = pytest.mark.xdist_group("ranks")


@pytest.fixture(scope="module", name="logs")
def fixture_logs(tmp_path_factory):
    return run_ranks(3, tmp_path_factory.mktemp("ranks"), "tests/support/ranks/ranks_program.py", expected=1)


@pytest.mark.slow
def test_a_rank_that_never_comes_is_named_after_the_limit(logs):
    errors = [error for log in logs for error in re.findall(r"^error: (.*)", log, re.MULTILINE)]
    assert errors, "\n".join(logs)
    for error in errors:
        assert re.match(rf"rank 2 did not come to the end of the test within {LIMIT_S} s of rank [01];", error)
        assert "rank_wait_seconds" in error


@pytest.mark.slow
def test_three_processes_exchange_everything(logs):
    found = [json.loads(line.removeprefix("found "))
             for log in logs for line in log.splitlines() if line.startswith("found ")]
    assert [each["rank"] for each in found] == [0, 1, 2] and {each["size"] for each in found} == {3}
    for each in found:
        assert each["gathered"] == [value_of(rank) for rank in range(3)]
        assert each["unlike"] == ("rank 1 has 4 images, rank 0 has 3: give all ranks the same data, checkpoint and "
                                  "options")
        assert (each["first"], each["nothing"], each["total"]) == ("of 0", [None] * 3, [3.0, 1.5])
    assert [each["alone"] for each in found] == [[0, 1, 2], None, None]
    assert sorted(number for each in found for number in each["share"]) == list(range(7))
    parts = [statistics_of(rank) for rank in range(3)]
    for each in found:
        for name, values in each["statistics"].items():
            if name == "w":
                assert values == [each["rank"]] * 4
                continue
            means = np.float64([part[name.replace("variance", "mean")] for part in parts])
            expected = means.mean(0) if "mean" in name else (
                np.float64([part[name] for part in parts]).mean(0) + means.var(0))
            np.testing.assert_allclose(values, expected, rtol=1e-6)
    assert found[0]["statistics"]["b.moving_mean"] == found[2]["statistics"]["b.moving_mean"]

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Training and evaluation in several processes, against each other and against one process."""
import json
import re

import numpy as np
import pytest

import eval as eval_program
from model_utils.comm import Ranks
from tests.support.ranks.many_ranks import run_ranks
from tests.support.ranks.rank_training import check_ranks_are_alike, metrics
from tests.support.ranks.step_program import train_steps


@pytest.mark.slow
def test_after_twenty_steps_all_ranks_hold_the_same(unbroken):
    folder, logs, _ = unbroken
    check_ranks_are_alike(folder, logs, batch=2, epochs=4)
    assert [bool(row["AP"]) for row in metrics(folder)] == [False, True, False, True]


@pytest.mark.slow
def test_two_processes_with_half_the_batch_train_as_one_does(tmp_path):
    outputs = run_ranks(2, tmp_path, "tests/support/ranks/step_program.py", tmp_path / "two.npz")
    found = [json.loads(re.search(r"found (.*)", output)[1]) for output in outputs]
    losses, one = train_steps(Ranks())
    np.testing.assert_allclose(found[0]["losses"], losses, rtol=1e-5)
    assert found[0]["losses"] == found[1]["losses"] and losses[2] != losses[0]
    two = np.load(tmp_path / "two.npz")
    assert sorted(two.files) == sorted(one)
    for name in one:
        np.testing.assert_allclose(two[name], one[name], atol=1e-5, rtol=0, err_msg=name)
    # That the ranks hold the same is the work of the averaged gradients: without, they diverge.
    assert found[0]["hash"] == found[1]["hash"]
    assert found[0]["hash without averaging"] != found[1]["hash without averaging"]


@pytest.mark.slow
def test_evaluation_in_two_processes_is_that_of_one(tmp_path, data, unbroken):
    arguments = ["--device_target", "CPU", "--data_dir", str(data), "--per_batch_size", "2", "--eval_ignore_threshold",
                 "0.01", "--pretrained", str(unbroken[0] / "ckpt_0" / "last.ckpt"), "--report", "False"]
    eval_program.main([*arguments, "--log_path", str(tmp_path / "one")])
    run_ranks(2, tmp_path, "eval.py", "--is_distributed", 1, *arguments, "--log_path", tmp_path / "two")
    found = []
    for name in ("one", "two"):
        (run_folder,) = (tmp_path / name).iterdir()
        (results,) = run_folder.glob("predict_*.json")
        table = (run_folder / "eval_rank_0.log").read_text().split("coco eval result")[1].split("detections;")[0]
        found.append((json.loads(results.read_text()), json.loads((run_folder / "metrics.json").read_text()),
                      re.sub(r"\d{4}-\d\d-\d\d .*?:INFO:", "", table)))
    assert len(found[0][0]) > 100 and found[0] == found[1]

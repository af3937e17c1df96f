# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What a scheduler starts again: the newest whole state continues exactly; a finished or changed run trains nothing."""
import os
import re
import shutil

import pytest

from model_utils.errors import UserError
from src.weights.checkpoint import load_checkpoint
from src.weights.checkpoint_list import read_list
from tools.faults.small_run import digest


@pytest.fixture
def broken(runs, tmp_path):
    """The ckpt_path of a run that a loss of power ended after step 8, of 15."""
    shutil.copytree(runs[1], tmp_path / "out")
    return tmp_path / "out"


def only_run(folder, *others):
    (run,) = (path for path in folder.iterdir() if path.name not in others)
    return run, (run / "train_rank_0.log").read_text()


def damage(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


@pytest.mark.slow
def test_auto_starts_a_run_and_after_a_loss_of_power_it_continues_exactly(runs, broken, train_here):
    whole, log = only_run(runs[0])
    assert f"resume auto: no whole state below {runs[0]}; a new run starts" in log
    # A rate that is given again is no change.
    assert train_here(broken, "--resume=auto", "--num_parallel_workers=1", "--ckpt_interval=7") == 0
    resumed, log = only_run(broken, "run")
    assert f"resume {broken / 'run' / 'ckpt_0' / 'last.ckpt'}: continues at step 8" in log and "WARNING" not in log
    assert digest(resumed / "ckpt_0" / "last.ckpt") == digest(whole / "ckpt_0" / "last.ckpt")


def test_a_damaged_last_checkpoint_costs_one_interval(runs, broken, train_here, tmp_path):
    checkpoints = broken / "run" / "ckpt_0"
    for name in ("last.ckpt", "yolov3_tiny-1_8.ckpt"):
        damage(checkpoints / name)
    assert train_here(tmp_path / "again", f"--resume={broken / 'run'}", "--ckpt_interval=9") == 0
    resumed, log = only_run(tmp_path / "again")
    assert f"resume {checkpoints / 'yolov3_tiny-1_6.ckpt'}: continues at step 6" in log
    for name in ("last.ckpt", "yolov3_tiny-1_8.ckpt"):
        assert re.search(rf"WARNING:checkpoint {checkpoints / name}: cannot be read, the file is truncated, damaged or "
                         "another one than was written .* looking for an earlier state", log)
    assert digest(resumed / "ckpt_0" / "last.ckpt") == digest(only_run(runs[0])[0] / "ckpt_0" / "last.ckpt")


def test_a_finished_run_says_so_and_nothing_is_written(runs, train_here, capsys):
    whole, _ = runs
    before = sorted((path, os.stat(path).st_mtime_ns) for path in whole.rglob("*"))
    assert train_here(whole, "--resume=auto") == 0
    assert re.search(r"the run of \S+last.ckpt is finished after 15 steps: nothing is trained or written; to train on, "
                     r"raise max_epoch above 3, or start a new run from its weights by --resume_yolo\n",
                     capsys.readouterr().out)
    # What decides the result is not passed over because nothing is left to train.
    with pytest.raises(UserError, match=r"(?s)the result of that run would be another one by\n  training_shape: \[64, "
                                        r"64\] then, \[96, 96\] now\n.*--resume_yolo, or .*--allow_change training_sh"):
        train_here(whole, "--resume=auto", "--training_shape=96")
    assert sorted((path, os.stat(path).st_mtime_ns) for path in whole.rglob("*")) == before


def test_a_run_that_diverges_warns_and_keeps_its_good_states(tmp_path, train_here):
    # From the third epoch on the rate is a million times too high.
    assert train_here(tmp_path, "--ckpt_interval=-1", "--max_epoch=5", "--keep_checkpoint_max=2",
                      "--lr_scheduler=exponential", "--lr_epochs=2", "--lr_gamma=1e6") == 0
    run, log = only_run(tmp_path)
    warning = re.search(r"WARNING:epoch\[2\] mean loss:(\S+), (\d+) times that of the best epoch: the run diverges; .* "
                        r"Continue from that one with a lower lr or clip_gradient_norm \(--resume", log)
    assert float(warning[1]) > 1000 and int(warning[2]) >= 100
    assert [entry["step"] for name, entry in read_list(run / "ckpt_0").items()
            if entry["kind"] == "state" and not entry["diverged"] and name.startswith("yolov3")] == [10]
    good = load_checkpoint(run / "ckpt_0" / "yolov3_tiny-1_10.ckpt")
    assert good.moments and not good.meta["progress"]["diverged"]
    assert load_checkpoint(run / "ckpt_0" / "best.ckpt").meta["progress"]["step"] <= 10

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The bench, with stand-ins for train.py, eval.py and the peer."""
import csv
import shlex
import signal
import sys

import pytest

from model_utils.errors import run_cli
from tests.support.experiment_place import ExperimentPlace
from tests.support.helpers import write_coco
from tools import bench, run_experiments

# Scores better with a higher seed.
PEER = """
import sys
print("called with", *sys.argv[1:])
seed = int(sys.argv[sys.argv.index("--seed") + 1])
if seed == 9:
    sys.exit(3)
print(f"PEER: AP 0.{seed}000 AP50 0.{seed}500 in 3 s")
"""


@pytest.fixture
def place(tmp_path):
    place = ExperimentPlace(tmp_path)
    (place.repo / "configs").mkdir()
    (place.repo / "configs" / "improved.yaml").write_text("lr: 0.002\n")
    (tmp_path / "peer.py").write_text(PEER)
    for split, count in (("train", 70), ("val", 2)):
        write_coco(tmp_path / "blood", [{"boxes": [(20, 10, 16, 12, 1)]}] * count, split)
    return place


@pytest.fixture
def run(place, tmp_path, monkeypatch, capsys):
    """Return a function that runs the bench in this process; it returns the exit code and the output."""
    for module in (bench, run_experiments):
        monkeypatch.setattr(module, "ROOT", place.repo)
    handler = signal.getsignal(signal.SIGTERM)

    def start(*arguments):
        code = run_cli(bench.main, [f"--bccd={tmp_path / 'blood'}", f"--work={place.work}", *arguments])
        return code, "".join(capsys.readouterr())

    yield start
    signal.signal(signal.SIGTERM, handler)


def rows(place, name):
    with (place.work / f"{name}.csv").open(newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_ours_and_the_peer_on_each_set_with_each_seed(place, run, tmp_path):
    peer = f"--peer={shlex.join([sys.executable, str(tmp_path / 'peer.py')])}"
    code, out = run("--sets", "bccd", "few", "coco100", "--seeds", "2", "4", peer, "--lr=0.01", "--mosaic=0")
    assert code == 0, out
    assert out[out.index("| set"):].splitlines() == [
        "| set | ours AP | AP50 | peer AP | AP50 |", "|---|---|---|---|---|",
        "| bccd | 25.0 (25.0 to 25.0) | 50.0 (50.0 to 50.0) | 30.0 (20.0 to 40.0) | 35.0 (25.0 to 45.0) |",
        "| few | 25.0 (25.0 to 25.0) | 50.0 (50.0 to 50.0) | 30.0 (20.0 to 40.0) | 35.0 (25.0 to 45.0) |",
        "| mean | 25.0 | 50.0 | 30.0 | 35.0 |"]
    assert list(rows(place, "ours")) == list(rows(place, "peer")) == ["bccd-2", "bccd-4", "few-2", "few-4"]
    log = (place.work / "ours" / "few-4" / "log.txt").read_text()
    for option in ("training_shape=160", "max_epoch=60", "per_batch_size=8", "seed=4", "lr=0.01", "mosaic=0.0",
                   f"config_path={place.repo}/configs/improved.yaml", f"data_dir={place.work}/data/few"):
        assert f"--{option} " in log
    log = (place.work / "peer" / "few-4" / "log.txt").read_text()
    assert (f"called with {place.work}/data/few --imgsz 160 --epochs 60 --batch 8 --seed 4 --work "
            f"{place.work}/peer/few-4\n") in log
    before = (place.work / "peer.csv").read_text()
    assert run("--sets", "bccd", "few", "--seeds", "2", "4", peer, "--lr=0.01", "--mosaic=0")[0] == 0
    assert (place.work / "peer.csv").read_text() == before
    code, out = run("--sets", "bccd", "--seeds", "2", "--lr=0.01", "--mosaic_scale=1,2")
    assert code == 1 and (f"{place.work}/ours.csv: bccd-2 was trained with other options (mosaic, mosaic_scale): give "
                          "this recipe another --name") in out


def test_a_peer_that_fails_is_named_and_the_rest_continues(place, run, tmp_path):
    peer = f"--peer={shlex.join([sys.executable, str(tmp_path / 'peer.py')])}"
    code, out = run("--sets", "bccd", "--seeds", "9", "5", peer, "--name", "other", "--hold_out")
    assert code == 1 and "bccd-9: failed: " in out and "ended with exit code 3 and no scores" in out
    assert list(rows(place, "other_held_out")) == ["bccd-9", "bccd-5"]
    assert list(rows(place, "peer_held_out")) == ["bccd-5"]
    assert f"--data_dir={place.work}/data/bccd_split " in (
        place.work / "other_held_out" / "bccd-5" / "log.txt").read_text()


@pytest.mark.parametrize("arguments, expected", [
    (["--sets", "toy"], "none of the sets toy has a source"),
    (["--sets", "bccd", "--lr", "fast"], "lr is 'fast' (command line)"),
    (["--sets", "bccd", "--max_epochs", "3"], "unknown option --max_epochs; did you mean --max_epoch?")])
def test_mistakes(run, arguments, expected):
    code, out = run(*arguments)
    assert code == 2 and expected in out

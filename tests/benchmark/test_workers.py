# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark: its turns, its arithmetic, and the programs that ours is compared with."""
import importlib.util
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.benchmark import growth, measures, postprocess
from tests.benchmark.run import main
from tests.benchmark.workers import REPO, Worker, interleaved, ratio
from tests.support.helpers import write_coco


def test_programs_take_turns_and_every_second_round_is_reversed():
    calls = []
    programs = {name: lambda name=name: calls.append(name) or len(calls) for name in "ab"}
    assert interleaved(programs, 3) == {"a": [1, 4, 5], "b": [2, 3, 6]}
    assert "".join(calls) == "abbaab"


def test_ratio_is_taken_round_by_round():
    # The ratio of the medians would be 2 / 2 = 1.
    assert ratio([1.0, 2.0, 8.0], [4.0, 2.0, 2.0]) == {"median": 1.0, "min": 0.25, "max": 4.0, "rounds": 3}


def test_a_worker_answers_and_its_own_output_does_not_interfere(tmp_path):
    (tmp_path / "echo.py").write_text(
        "from tests.benchmark.workers import serve\n"
        "def seven():\n    print('noise')\n    return 7\n"
        "print('early noise', file=__import__('sys').stderr)\n"
        "serve({'ready': True}, {'seven': seven})\n")
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join([str(tmp_path), str(REPO)]))
    with Worker("echo", [], environment) as worker:
        assert worker.info == {"ready": True, "measurements": ["seven"]}
        assert [worker.measure("seven"), worker.measure("seven")] == [7, 7]


def test_a_worker_that_fails_is_an_error(tmp_path):
    (tmp_path / "broken.py").write_text("raise SystemExit(3)\n")
    with pytest.raises(RuntimeError, match="exit code 3"):
        Worker("broken", [], dict(os.environ, PYTHONPATH=str(tmp_path)))


def test_post_processing_gives_what_the_plain_loop_gives():
    big, small, threshold = postprocess.make_heads()
    _, *expected, pairs = postprocess.plain_loop(big, small, threshold)
    _, *found = postprocess.ours(big, small, threshold)
    assert pairs == 45_000 and len(expected[0]) == 300
    postprocess.check_same(found, expected)
    found[2][7] += 1
    with pytest.raises(RuntimeError, match="do not give the same"):
        postprocess.check_same(found, expected)


def test_the_command_writes_ratios_and_their_spread(tmp_path, capsys):
    write_coco(tmp_path / "data", [{"boxes": [(4, 4, 20, 20, 3)]}])
    assert main(["postprocess", "--data_dir", str(tmp_path / "data"), "--rounds", "1",
                 "--json", str(tmp_path / "speed.json")]) == 0
    report = json.loads((tmp_path / "speed.json").read_text())
    found = report["rows"]["postprocess_vs_loop"]
    assert report["ratios"]["postprocess_vs_loop"] == found["ratio"]["median"] == found["ours"] / found["theirs"]
    assert report["spread"]["postprocess_vs_loop"] == [found["ratio"]["median"]] * 2
    assert "postprocess_vs_loop" in capsys.readouterr().out


def test_growth_is_the_cost_of_an_image_among_ten_times_as_many(tmp_path, capsys, monkeypatch):
    """Here reading grows as the images do, scoring with their square; it takes no data."""
    costs = {growth.start: lambda data, *_: {"read_coco_s": int(data.name[5:]) / 100, "check_images_s": 0},
             growth.evaluation: lambda images, *_: {"score_s": images ** 2}}
    monkeypatch.setattr(growth, "in_process", lambda function, *arguments: costs[function](*arguments))
    monkeypatch.setattr(growth, "write_data", lambda *_: None)
    assert main(["growth", "postprocess", "--data_dir", "nowhere", "--rounds", "1",
                 "--json", str(tmp_path / "speed.json")]) == 0
    found = json.loads((tmp_path / "speed.json").read_text())["ratios"]
    assert list(found)[-1] == "postprocess_vs_loop"
    assert found["growth_read"] == pytest.approx(1) and found["growth_score_pycocotools"] == pytest.approx(0.1)


def test_an_evaluation_is_timed_in_its_parts(tmp_path):
    found = growth.evaluation(2, "faster-coco-eval", tmp_path)
    assert len(json.loads((tmp_path / "results.json").read_text())) == 2 * growth.DETECTIONS
    assert (tmp_path / "report" / "report.html").stat().st_size > 10_000
    parts = ("truth", "results", "json", "score", "report", "page")
    assert list(found) == [f"{part}_{value}" for part in parts for value in ("s", "peak_mb")]
    assert all(found[f"{part}_s"] > 0 for part in ("score", "report", "page"))


def test_starts_are_compared_with_imports(tmp_path, monkeypatch):
    """Here a prediction takes as many seconds as its command has words, the imports one."""
    write_coco(tmp_path / "data", [{"boxes": [(4, 4, 20, 20, 3)]}])
    monkeypatch.setattr(growth, "in_process", lambda *_: {})
    monkeypatch.setattr(measures, "_seconds_of_command", lambda _, command: 1 if command[0] == "-c" else len(command))
    assert main(["start", "--data_dir", str(tmp_path / "data"), "--rounds", "1",
                 "--json", str(tmp_path / "speed.json")]) == 0
    found = json.loads((tmp_path / "speed.json").read_text())["ratios"]
    assert (found["start_onnx_onnxruntime"], found["start_ckpt_onnxruntime"]) == (5, 6)


def test_a_folder_without_data_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["pipeline", "--data_dir", str(tmp_path)])
    assert stop.value.code == 2
    assert f"{tmp_path}: no data folder" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None,
                    reason="PyTorch is not installed (pip install -r tests/benchmark/requirements.txt)")
def test_the_pytorch_twin_computes_our_loss_and_our_heads(tmp_path):
    boxes = [(4, 4, 30, 20, 3), (40, 10, 20, 30, 1), (42, 12, 18, 30, 7)]
    write_coco(tmp_path / "data", [{"size": (96, 64), "boxes": boxes}] * 4)
    command = [sys.executable, "-c", TWIN_CASE, str(tmp_path)]
    lines = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True).stdout.splitlines()
    losses = json.loads(lines[-1])
    np.testing.assert_allclose(losses["ours"], losses["twin"], rtol=1e-4)
    # The steps move the weights so far that a wrong gradient or optimizer shows.
    assert abs(losses["ours"][-1] - losses["ours"][0]) > 0.05 * losses["ours"][0]


TWIN_CASE = """
import json, os, sys
folder = sys.argv[1]
from tests.benchmark.workers import Worker
with Worker("tests.benchmark.ours", [f"{folder}/data", 64, 2, f"{folder}/case.npz", 1, 1], dict(os.environ)) as ours, \\
        Worker("tests.benchmark.torch_twin", [f"{folder}/case.npz", 1], dict(os.environ)) as twin:
    print(json.dumps({name: worker.measure("losses") for name, worker in (("ours", ours), ("twin", twin))}))
"""

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The benchmark of a checkpoint: turns, rates and AP by engine and size, and its files."""
import csv
import json
import logging
from importlib.machinery import ModuleSpec

import cv2
import pytest

from model_utils.config import COMMAND_LINE, get_config
from src.data.coco import read_coco
from src.evaluation import cpu_engine, openvino_session
from src.evaluation.cpu_engine import Engine, available_engines, choose_engine
from src.evaluation.evaluator import evaluate
from src.evaluation.inference import fastest_network, read_checkpoint
from src.report import benchmark
from tests.support.helpers import write_coco
from tests.support.small_networks import write_checkpoint

OPTIONS = ["--device_target=CPU", "--cpu_engine=onnxruntime", "--benchmark_sizes=96,64", "--benchmark_batch_sizes=3,1"]


@pytest.fixture(scope="module", name="case")
def fixture_case(tmp_path_factory):
    """(checkpoint, config, images) of a small network."""
    folder = tmp_path_factory.mktemp("data")
    write_coco(folder, [{"boxes": [(10, 10, 20, 20, 3), (30, 20, 25, 20, 1)], "size": (64, 48)}] * 4, "val")
    path = write_checkpoint(folder / "best.ckpt")
    checkpoint, config, _ = read_checkpoint(get_config([*OPTIONS, f"--data_dir={folder}"]), str(path))
    return checkpoint, config, read_coco(config, "val", training=False)


@pytest.fixture(autouse=True)
def fixture_short(monkeypatch):
    monkeypatch.setattr(benchmark, "ROUNDS", 3)
    monkeypatch.setattr(benchmark, "SECONDS", 0.01)


def run(case, folder, data):
    checkpoint, config, _ = case
    benchmark.run_benchmark(checkpoint, config, 3, data, folder, logging.getLogger("benchmark"))
    with open(folder / "benchmark.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_each_size_and_batch_size_has_a_row_with_its_ap(case, tmp_path, caplog):
    checkpoint, config, data = case
    with caplog.at_level(logging.INFO):
        rows = run(case, tmp_path, data)
    assert [(row["size"], row["batch_size"]) for row in rows] == [("64", "1"), ("64", "3"), ("96", "1"), ("96", "3")]
    assert {row["engine"] for row in rows} == {"onnxruntime"}
    assert all(0 < float(row["lowest"]) <= float(row["images_per_second"]) <= float(row["highest"]) for row in rows)
    sized = config.replace(COMMAND_LINE, testing_shape=96)
    expected = evaluate(fastest_network(sized, 3, checkpoint, 2, choose_engine(sized)), data, sized, 2)
    assert [float(row["AP"]) for row in rows[2:]] == [expected.ap] * 2
    assert [float(row["AP50"]) for row in rows[2:]] == [expected.ap50] * 2
    report = json.loads((tmp_path / "benchmark.json").read_text())
    assert (report["images"], report["rounds"], len(report["rows"])) == (4, 3, 4)
    assert report["engines"] == [str(Engine("onnxruntime", "float32"))]
    assert cv2.imread(str(tmp_path / "benchmark.png")).shape[1] > 500
    svg = (tmp_path / "benchmark.svg").read_text()
    assert all(text in svg for text in (">AP<", ">images a second<", ">onnxruntime float32, batch 3<", ">96<"))
    lines = next(text for text in caplog.messages if "lowest to highest" in text).splitlines()
    assert len(lines) == 6 and lines[-1].split()[-2] == f"{expected.ap50:.4f}"


@pytest.mark.slow
def test_without_data_there_is_speed_only(case, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        rows = run(case, tmp_path, None)
    assert {(row["AP"], row["AP50"]) for row in rows} == {("", "")} and len(rows) == 4
    assert json.loads((tmp_path / "benchmark.json").read_text())["rows"][0]["AP"] is None
    svg = (tmp_path / "benchmark.svg").read_text()
    assert ">AP<" not in svg and ">input size, pixels<" in svg
    assert any(line.endswith("-       -       -") for line in caplog.text.splitlines())


def test_the_share_of_the_detections_that_another_engine_has():
    def result(score, x, category=1, image=1):
        return {"image_id": image, "category_id": category, "bbox": [x, 0, 100, 100], "score": score}

    reference = [result(0.9, 0), result(0.8, 500), result(0.7, 0, 2), result(0.6, 0, image=2), result(0.2, 800)]
    assert benchmark.share_found(reference, reference, 0.25) == 1
    # Moved by 4 % of its side (IoU 0.92) and by 6 % (0.89); below the score; of another class.
    others = [result(0.9, 4), result(0.8, 506), result(0.24, 0, 2), result(0.6, 0, 2, image=2)]
    assert benchmark.share_found(reference, others, 0.25) == 0.25
    assert benchmark.share_found(reference, [], 0.25) == 0 and benchmark.share_found([], others, 0.25) is None


def test_engines_take_turns_and_each_computes_for_its_time(monkeypatch):
    calls, clock = [], [0.0]

    def network(name, seconds):
        def compute(images):
            assert images.shape == (2, 64, 64, 3)
            calls.append(name)
            clock[0] += seconds
            return ()
        return compute

    monkeypatch.setattr(benchmark, "fetched", lambda outputs: outputs)
    monkeypatch.setattr(benchmark.time, "perf_counter", lambda: clock[0])
    rates = benchmark.measure({"a": network("a", 0.005), "b": network("b", 0.5)}, 2, 64)
    # Two passes before, then rounds of 0.01 s or one pass.
    assert "".join(calls) == "aabb" + 3 * "aab"
    assert rates == {"a": pytest.approx([400.0] * 3), "b": pytest.approx([4.0] * 3)}


def test_engines_are_those_of_the_options(monkeypatch):
    monkeypatch.setattr(cpu_engine, "find_spec", lambda name: None)
    f32 = [Engine("onnxruntime", "float32"), Engine("mindspore", "float32")]
    assert available_engines(get_config(["--device_target=CPU"])) == f32
    assert available_engines(get_config(["--device_target=CPU", "--cpu_engine=mindspore"])) == f32[1:]
    assert available_engines(get_config(["--device_target=Ascend"])) == [Engine("mindspore")]
    monkeypatch.setattr(cpu_engine, "find_spec", lambda name: ModuleSpec(name, None, origin="__init__.py"))
    monkeypatch.setattr(openvino_session, "has_bfloat16", lambda: True)
    of_openvino = [Engine("openvino", "bfloat16"), Engine("openvino", "float32")]
    for options, expected in (([], of_openvino + f32), (["--cpu_precision=float32"], of_openvino[1:] + f32),
                              (["--cpu_precision=bfloat16"], of_openvino[:1])):
        assert available_engines(get_config(["--device_target=CPU", *options])) == expected

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of eval.py: a run from checkpoint to table, and checkpoints that do not fit the data."""
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

import eval as program
from eval import main
from model_utils.config import get_config
from model_utils.errors import UsageError, UserError, run_cli
from src.data.categories import Categories
from src.deploy.model_description import description_path
from src.evaluation import inference
from src.evaluation.cpu_engine import Engine
from src.evaluation.inference import check_categories
from src.evaluation.topk_candidates import CandidateSelector
from src.report import benchmark
from src.training.train_state import describe_network
from src.weights.checkpoint import save_checkpoint
from src.yolo import build_network
from tests.support.ascend310.infer_app import model_file
from tests.support.engines import SESSION_ENGINES
from tests.support.helpers import write_coco
from tests.support.small_networks import IDS, NAMES, write_checkpoint


@pytest.fixture(autouse=True)
def fixture_program(run_in_process):
    run_in_process(program)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_val(tmp_path_factory.mktemp("data"))


def write_val(folder, count=5):
    boxes = [(10, 10, 20, 20, 3), (30, 20, 25, 20, 1)]
    write_coco(folder, [{"boxes": boxes, "size": (64 + 8 * i, 48)} for i in range(count)], "val")
    return folder


def test_a_run_writes_table_results_log_and_config(checkpoint, data, tmp_path, capsys):
    assert main([f"--pretrained={checkpoint}", f"--data_dir={data}", "--device_target=CPU", "--per_batch_size=2",
                 f"--log_path={tmp_path / 'logs'}", "--eval_ignore_threshold=0.0001"]) == 0
    out = capsys.readouterr().out
    assert "=============coco eval result=========\n Average Precision  (AP) @[ IoU=0.50:0.95 |" in out
    assert "5 images" in out and "at 64x96" in out
    for expected in (r"\nmAP: [0-9.]+\n", r"\ncup +[0-9.]+ +[0-9.]+\n", r"\nkey +- +-\n",
                     r"testing cost time \d+\.\d\dh", r"imgs/sec of inference"):
        assert re.search(expected, out), expected
    [folder] = (tmp_path / "logs").iterdir()
    names = sorted(path.name for path in folder.iterdir())
    assert names[:3] == ["config.yaml", "eval_rank_0.log", "metrics.json"]
    assert re.fullmatch(r"predict_\d{4}(_\d\d){5}\.json", names[3]) and names[4:] == ["report", "report.html"]
    page = (folder / "report.html").read_text()
    assert f"{checkpoint} on {data}; written" in page and "cannot be written" not in out
    figures = json.loads((folder / names[2]).read_text())
    assert f"\nmAP: {figures['AP']}\n" in out and f"all | maxDets=100 ] = {figures['AP50']:.3f}" in out
    assert list(figures["per_class"]) == ["cup", "ball", "key"]
    assert figures["per_class"]["key"] == {"AP": None, "AP50": None}
    results = json.loads((folder / names[3]).read_text())
    assert results and {result["category_id"] for result in results} <= set(IDS)
    assert {result["image_id"] for result in results} <= {1, 2, 3, 4, 5}
    assert 'resize_mode: "letterbox"  # checkpoint' in (folder / "config.yaml").read_text()
    assert "mAP:" in (folder / "eval_rank_0.log").read_text()


def test_another_annotation_file_is_scored_as_the_data_folder_is(checkpoint, data, tmp_path):
    moved = tmp_path / "export" / "test"
    shutil.copytree(data / "val2017", moved)
    json_path = shutil.copy(data / "annotations" / "instances_val2017.json", moved / "_annotations.coco.json")
    figures = []
    for name, arguments in (("usual", [f"--data_dir={data}"]), ("beside", [f"--ann_file={json_path}"]),
                            ("named", [f"--ann_file={json_path}", f"--image_dir={data / 'val2017'}"])):
        assert main([*arguments, f"--pretrained={checkpoint}", "--device_target=CPU", "--per_batch_size=5",
                     "--report=False", f"--log_path={tmp_path / name}", "--eval_ignore_threshold=0.0001"]) == 0
        figures.append(json.loads(next((tmp_path / name).glob("*/metrics.json")).read_text()))
    assert figures[0] == figures[1] == figures[2]


@pytest.mark.slow
def test_candidates_from_the_device_give_the_same_files(checkpoint, data, tmp_path, monkeypatch, capsys):
    """As on Ascend and GPU; the 40 of the second run are too few for some images, whose whole heads are used."""
    found = []
    for number, count in enumerate((0, 40, 4000)):
        if count:
            selector = CandidateSelector(count, True)
            monkeypatch.setattr(inference, "candidate_selector", lambda _, selector=selector: selector)
        assert main([f"--pretrained={checkpoint}", f"--data_dir={data}", "--device_target=CPU", "--per_batch_size=2",
                     f"--log_path={tmp_path / str(number)}", "--max_detections=30", "--cpu_engine=mindspore",
                     "--report=False"]) == 0
        [folder] = (tmp_path / str(number)).iterdir()
        [path] = folder.glob("predict_*.json")
        found.append([path.read_text(), (folder / "metrics.json").read_text()])
        reported = "needed more candidates" in capsys.readouterr().out
        assert reported == (count == 40)
    assert found[1] == found[0] and found[2] == found[0] and len(json.loads(found[0][0])) == 5 * 30


@pytest.mark.parametrize("value", [np.nan, 1e12])
def test_damaged_weights_are_named_not_hidden(tmp_path, capsys, value):
    path, data = tmp_path / "nan.ckpt", write_val(tmp_path / "data", 2)
    categories = Categories(NAMES, IDS)
    config = get_config(["--testing_shape=64"])
    weights = {parameter.name: np.full(parameter.shape, value, np.float32)
               for parameter in build_network(config, 3).get_parameters()}
    save_checkpoint(path, weights, describe_network(config, categories))
    code = run_cli(main, [f"--pretrained={path}", f"--data_dir={data}", "--device_target=CPU",
                          f"--log_path={tmp_path / 'logs'}"])
    out, error = capsys.readouterr()
    if np.isfinite(value):
        assert code == 0 and "mAP: 0.0" in out
        assert "WARNING:the network gave NaN or infinity on 2 of 2 images" in out
    else:
        assert code == 1 and not (tmp_path / "logs").exists()
        assert error.startswith(f"error: {path}: conv0.conv.weight (its batch-norm folded in) holds NaN or infinity")


def test_a_missing_data_folder_and_a_wrong_shape_leave_nothing_behind(checkpoint, data, tmp_path, capsys):
    common = [f"--pretrained={checkpoint}", "--device_target=CPU", f"--log_path={tmp_path / 'logs'}"]
    assert run_cli(main, [*common, "--data_dir=/nowhere"]) == 1
    assert run_cli(main, [*common, f"--data_dir={data}", "--testing_shape=100"]) == 2
    assert run_cli(main, [*common, f"--data_dir={data}", "--num_classes=5"]) == 1
    write_coco(tmp_path / "empty", [{"boxes": []}], "val")
    assert run_cli(main, [*common, f"--data_dir={tmp_path / 'empty'}"]) == 1
    errors = capsys.readouterr().err.splitlines()
    assert "instances_val2017.json: has no annotation to score against" in errors[3]
    assert "/nowhere" in errors[0] and "100" in errors[1] and "32" in errors[1] and "num_classes" in errors[2]
    assert not (tmp_path / "logs").exists()


def test_a_benchmark_takes_no_data(checkpoint, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(benchmark, "SECONDS", 0.01)
    assert main([f"--pretrained={checkpoint}", "--device_target=CPU", "--cpu_engine=onnxruntime", "--benchmark=True",
                 "--benchmark_sizes=64", "--benchmark_batch_sizes=2", f"--log_path={tmp_path}"]) == 0
    [folder] = tmp_path.iterdir()
    assert {path.name for path in folder.iterdir()} == {"benchmark.csv", "benchmark.json", "benchmark.png",
                                                        "benchmark.svg", "config.yaml", "eval_rank_0.log"}
    assert re.search(r"onnxruntime +float32 +64 +2 +[0-9.]+ +[0-9.]+ to [0-9.]+ +- +- +-\n", capsys.readouterr().out)


@pytest.mark.xdist_group("model_files")
@pytest.mark.parametrize("kind", ["onnx", "raw", pytest.param("mindir", marks=pytest.mark.slow)])
def test_an_exported_model_scores_as_its_checkpoint(kind, data, tmp_path, capsys):
    found = []
    for model in (model_file("ckpt"), model_file(kind)):
        device = [] if model.suffix == ".onnx" else ["--device_target=CPU"]
        assert main([f"--pretrained={model}", f"--data_dir={data}", *device, f"--log_path={tmp_path / model.name}",
                     "--report=False", "--max_detections=20"]) == 0
        [path] = (tmp_path / model.name).glob("*/predict_*.json")
        found.append(json.loads(path.read_text()))
    expected, exported = ([[result[key] for key in ("image_id", "category_id")] for result in one] for one in found)
    assert exported == expected and len(expected) == 5 * 20
    for key, tolerance in (("bbox", 0.02), ("score", 2e-5)):
        ours, theirs = ([result[key] for result in one] for one in found)
        np.testing.assert_allclose(theirs, ours, atol=tolerance)
    engine = "MindSpore 2." if kind == "mindir" else "float32"
    assert re.search(rf"{kind}\.\w+ runs in .*{engine}", capsys.readouterr().out)


@pytest.mark.xdist_group("model_files")
def test_an_exported_model_without_names_takes_its_batch_and_device_from_the_file(data, tmp_path):
    model = Path(shutil.copy(model_file("onnx"), tmp_path))
    description = json.loads(description_path(model_file("onnx")).read_text())
    for number, entry in enumerate(description["classes"]):
        entry["name"] = f"class_{number}"
    description_path(model).write_text(json.dumps(description))
    (tmp_path / "overlay.yaml").write_text("per_batch_size: 16\n")
    assert main([f"--pretrained={model}", f"--ann_file={data / 'annotations' / 'instances_val2017.json'}",
                 f"--image_dir={data / 'val2017'}", f"--config_path={tmp_path / 'overlay.yaml'}", "--report=False",
                 f"--log_path={tmp_path / 'logs'}"]) == 0
    [path] = (tmp_path / "logs").glob("*/predict_*.json")
    assert {result["category_id"] for result in json.loads(path.read_text())} == set(IDS)
    text = (path.parent / "config.yaml").read_text()
    for line in ('device_target: "CPU"  # derived', "per_batch_size: 1  # checkpoint",
                 f'ann_file: "{data}/annotations/instances_val2017.json"  # command line'):
        assert f"\n{line}\n" in text


@pytest.mark.xdist_group("model_files")
def test_what_does_not_fit_an_exported_model_is_refused(data, tmp_path, capsys):
    model = model_file("onnx")
    for option, words in (("--benchmark=True", "benchmark is True, but .* has one input size and batch size"),
                          ("--per_batch_size=4", "per_batch_size is 4, but .* was exported with 1")):
        assert run_cli(main, [f"--pretrained={model}", f"--data_dir={data}", option, f"--log_path={tmp_path}"]) == 2
        assert re.search(words, capsys.readouterr().err)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "code", "words"), [
    ("a.onnx", 2, r"device_target is GPU \(command line\), but a.onnx runs on a CPU; use --device_target CPU"),
    ("a.om", 1, "runs on an Ascend device: use ascend310_infer"), ("a.pt", 1, "is a file of PyTorch")])
def test_what_does_not_run_here_is_refused_before_the_device_is_selected(name, code, words, data, monkeypatch, capsys):
    monkeypatch.setattr(program, "setup_device", lambda config: pytest.fail("it selects a device"))
    assert run_cli(main, [f"--pretrained={name}", f"--data_dir={data}", "--device_target=GPU"]) == code
    assert re.search(words, capsys.readouterr().err)


def test_categories_of_checkpoint_and_data_must_match_by_name_and_order():
    categories = Categories(NAMES, (30, 10, 70))
    for names in (NAMES, None, ("class_0", "class_1", "class_2")):
        check_categories("best.ckpt", names, categories)
    with pytest.raises(UserError, match=r"best\.ckpt: trained on 2 classes \(cup, ball\).* has 3 \(cup, ball, key\)"):
        check_categories("best.ckpt", NAMES[:2], categories)
    with pytest.raises(UserError, match="class 1 is 'key' in the model, but 'ball' in the annotation file"):
        check_categories("best.ckpt", ("cup", "key", "ball"), categories)
    assert not issubclass(UserError, UsageError)


def test_other_ids_with_the_same_names_are_those_of_the_file(data, tmp_path):
    checkpoint = write_checkpoint(tmp_path / "best.ckpt", Categories(NAMES, (0, 1, 2)))
    main([f"--pretrained={checkpoint}", f"--data_dir={data}", "--device_target=CPU", f"--log_path={tmp_path / 'logs'}",
          "--eval_ignore_threshold=0.0001", "--report=False"])
    [path] = (tmp_path / "logs").glob("*/predict_*.json")
    assert {result["category_id"] for result in json.loads(path.read_text())} == set(IDS)


def test_a_checkpoint_of_another_class_count_without_names_is_refused(data, tmp_path, capsys):
    """As from the 2021 version, whose checkpoints hold weights only."""
    config, path = get_config(["--testing_shape=64"]), tmp_path / "old.ckpt"
    save_checkpoint(path, {parameter.name: parameter for parameter in build_network(config, 80).get_parameters()}, {})
    assert run_cli(main, [f"--pretrained={path}", f"--data_dir={data}", "--device_target=CPU",
                          f"--log_path={tmp_path / 'logs'}"]) == 1
    error = capsys.readouterr().err
    assert "old.ckpt" in error and "head1.weight" in error and "255" in error


@pytest.mark.parametrize("other", SESSION_ENGINES)
def test_engines_of_the_cpu_find_the_same(checkpoint, data, tmp_path, capsys, other):
    """The same network in MindSpore and in another engine: same boxes, up to the rounding of the file."""
    found = {}
    for engine in (other, "mindspore"):
        assert main([f"--pretrained={checkpoint}", f"--data_dir={data}", "--device_target=CPU", "--per_batch_size=2",
                     f"--log_path={tmp_path / engine}", f"--cpu_engine={engine}", "--multi_label=False",
                     "--max_detections=10", "--report=False"]) == 0
        [path] = (tmp_path / engine).glob("*/predict_*.json")
        found[engine] = json.loads(path.read_text())
        assert f"{checkpoint} runs in {Engine(engine, 'float32')}" in capsys.readouterr().out
    ours, theirs = found.values()
    assert len(ours) == len(theirs) == 50
    for key, tolerance in (("image_id", 0), ("category_id", 0), ("score", 2e-5), ("bbox", 0.02)):
        np.testing.assert_allclose([entry[key] for entry in ours], [entry[key] for entry in theirs], atol=tolerance)

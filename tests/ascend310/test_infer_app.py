# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The C++ app with OpenCV's runtime: its detections against those of eval.py, what it writes, what it refuses."""
import hashlib
import json
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

import mindspore as ms

import eval as eval_program
from src.data.coco import read_annotation_file, read_coco
from src.data.image_files import decode_image
from src.evaluation.coco_scores import score_results
from src.postprocess import main as postprocess
from src.postprocess import read_record
from tests.support.ascend310.infer_app import (
    build_folder,
    export_onnx,
    exported_model,
    infer,
    run,
    run_app,
    write_checkpoint,
)
from tests.support.ascend310.same_detections import compare
from tests.support.engines import needs_openvino
from tests.support.helpers import data_config, real_data, write_coco, write_image
from tests.support.samples import turned

pytestmark = pytest.mark.slow

USAGE, MODEL, INPUT, OUTPUT = 2, 3, 4, 6


@pytest.fixture(scope="module", name="data")
def fixture_data(tmp_path_factory):
    """Six images of several sizes in COCO layout, in a folder with a space."""
    root = tmp_path_factory.mktemp("with space")
    boxes = [(10, 10, 60, 40, 3), (70, 20, 25, 20, 1), (5, 60, 50, 30, 7)]
    write_coco(root, [{"boxes": boxes, "size": (120 + 30 * number, 100), "id": 90 - number} for number in range(6)],
               "val")
    return root


@pytest.fixture(name="model", scope="module")
def fixture_model():
    return exported_model()


def annotations(data):
    return data / "annotations" / "instances_val2017.json"


def results(folder):
    return json.loads((folder / "results.json").read_text())


def best_boxes_as_truth(path, results, written, count=20):
    """Write and read annotations of each image's best boxes: random weights find none of the real objects."""
    content, kept = json.loads(path.read_text()), {}
    for entry in sorted(results, key=lambda entry: -entry["score"]):
        kept.setdefault(entry["image_id"], []).append(entry)
    content["annotations"] = [
        {"id": number, "image_id": entry["image_id"], "category_id": entry["category_id"], "bbox": entry["bbox"],
         "area": entry["bbox"][2] * entry["bbox"][3], "iscrowd": 0}
        for number, entry in enumerate((entry for entries in kept.values() for entry in entries[:count]), start=1)]
    written.write_text(json.dumps(content))
    return read_annotation_file(written, None)


@pytest.mark.parametrize("name, mode", [("bccd", "stretch"), ("coco128", "letterbox")])
def test_the_detections_and_ap_are_those_of_eval(name, mode, tmp_path, monkeypatch):
    # MindSpore takes a device only before its first operator, and other tests may have run one in this process.
    monkeypatch.setattr(eval_program, "setup_device", lambda config: ms.set_context(mode=ms.GRAPH_MODE))
    data = real_data(name)
    truth = read_coco(data_config(data), "val", training=False)
    checkpoint = write_checkpoint(tmp_path / "best.ckpt", truth.categories, mode=mode)
    assert eval_program.main([f"--pretrained={checkpoint}", f"--data_dir={data}", f"--log_path={tmp_path / 'eval'}",
                              "--device_target=CPU", "--per_batch_size=4"]) == 0
    expected = json.loads(next((tmp_path / "eval").glob("*/predict_*.json")).read_text())
    model = export_onnx(checkpoint, tmp_path / "model.onnx")
    done = infer(model, annotations(data), tmp_path / "app")
    assert done.returncode == 0, done.stderr
    found = results(tmp_path / "app")
    agreement = compare(found, expected)
    assert agreement.clear_counts[0] == agreement.clear_counts[1] > len(truth)
    assert agreement.unmatched_share <= 0.005
    truth = best_boxes_as_truth(annotations(data), expected, tmp_path / "truth.json")
    scores = [score_results(truth, side).stats[0]
              for side in (found, expected)]
    assert abs(scores[0] - scores[1]) <= 1e-3 and scores[1] > 0.5


@pytest.mark.parametrize("options", [
    {"batch_size": 4}, {"batch_size": 4, "export_input": "float"},
    {"export_input": "float", "resize_mode": "stretch"}])
def test_batches_and_inputs_give_the_same(data, model, options, tmp_path):
    """The last batch of four is padded: there are six images."""
    checkpoint = model.with_name("best.ckpt")
    expected = model
    if "resize_mode" in options:
        expected = export_onnx(checkpoint, tmp_path / "expected.onnx", resize_mode=options["resize_mode"])
    other = export_onnx(checkpoint, tmp_path / "other.onnx", **options)
    for path, output, threads in ((expected, "expected", 1), (other, "other", 3)):
        done = infer(path, annotations(data), tmp_path / output, "--decode_threads", threads,
                     "--postprocess_threads", threads)
        assert done.returncode == 0, done.stderr
    agreement = compare(*(results(tmp_path / output) for output in ("expected", "other")))
    assert agreement.clear_counts[0] == agreement.clear_counts[1] > 6 and agreement.unmatched == (0, 0)
    run = json.loads((tmp_path / "other" / "run.json").read_text())
    assert run["counts"]["images"] == 6 and run["counts"]["detections"] == agreement.counts[1]


def test_a_folder_and_a_list_give_what_the_annotation_file_gives(data, model, tmp_path):
    listed = tmp_path / "list.txt"
    listed.write_text("".join(f"{number:06}.png\n" for number in range(1, 7)))
    infer(model, annotations(data), tmp_path / "json")
    infer(model, data / "val2017", tmp_path / "folder", "--annotations", annotations(data))
    infer(model, listed, tmp_path / "list", "--annotations", annotations(data), "--image_root", data / "val2017")
    expected = sorted(results(tmp_path / "json"), key=str)
    assert expected
    assert expected == sorted(results(tmp_path / "folder"), key=str) == sorted(results(tmp_path / "list"), key=str)
    infer(model, data / "val2017", tmp_path / "numbered")
    assert {entry["image_id"] for entry in results(tmp_path / "numbered")} <= set(range(1, 7))


def test_thresholds_of_the_command_line_win(data, model, tmp_path):
    done = infer(model, annotations(data), tmp_path, "--score_threshold", 0.2, "--max_detections", 3)
    assert done.returncode == 0
    found = results(tmp_path)
    assert found and min(entry["score"] for entry in found) > 0.2
    counts = np.unique([entry["image_id"] for entry in found], return_counts=True)[1]
    assert counts.max() == 3
    assert json.loads((tmp_path / "run.json").read_text())["thresholds"]["max_detections"] == 3


def test_drawings_and_benchmark(data, model, tmp_path):
    done = infer(model, annotations(data), tmp_path, "--draw", "--benchmark", 8)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == [f"{n:06}.png.jpg" for n in range(1, 7)]
    report = json.loads((tmp_path / "benchmark.json").read_text())
    assert report["images"] == report["preprocess_ms"]["count"] == report["inference_ms"]["count"] == 8
    assert 0 < report["inference_ms"]["p50"] <= report["inference_ms"]["p90"] <= report["inference_ms"]["p99"]
    text = (tmp_path / "time_Result" / "test_perform_static.txt").read_text()
    assert re.match(r"NN inference cost average time: [0-9.]+ ms of infer_count 8\n", text)
    assert "images/s end to end" in done.stdout


def test_a_bad_image_stops_an_evaluation_and_is_skipped_in_a_folder(data, model, tmp_path):
    infer(model, data / "val2017", tmp_path / "whole")
    broken = tmp_path / "data"
    shutil.copytree(data, broken)
    image = broken / "val2017" / "000002.png"
    image.write_bytes(image.read_bytes()[:300])
    (broken / "val2017" / "000005.png").write_bytes(b"")
    for options, code in (((), 0), (("--strict",), INPUT)):
        done = infer(model, broken / "val2017", tmp_path / "broken", *options)
        assert done.returncode == code
        assert "000002.png: this image file is cut short" in done.stderr and "000005.png: this image" in done.stderr
        assert "4 of 6 images" in done.stdout and "2 images skipped" in done.stdout
        assert results(tmp_path / "broken") == [e for e in results(tmp_path / "whole") if e["image_id"] not in (2, 5)]
        run = json.loads((tmp_path / "broken" / "run.json").read_text())
        assert {entry["image_id"] for entry in run["skipped"]} == {2, 5}
    done = infer(model, annotations(broken), tmp_path / "broken")
    assert done.returncode == INPUT and "error: 2 of the 6 images cannot be used; restore them" in done.stderr
    assert "000002.png: this image file is cut short" in done.stderr and "000005.png: this image" in done.stderr
    assert not (tmp_path / "broken" / "results.json").exists()
    shutil.rmtree(broken / "val2017")
    (broken / "val2017").mkdir()
    done = infer(model, annotations(broken), tmp_path / "broken")
    assert done.returncode == INPUT and "6 of the 6 images named in" in done.stderr


def test_photos_of_each_orientation_have_the_detections_of_the_upright_image(data, model, tmp_path):
    """PNG is without loss; blocks of JPEG that were turned decode a little differently."""
    upright, folder = decode_image(next((data / "val2017").iterdir()))[:96, :112], tmp_path / "phone"
    folder.mkdir()
    for suffix in ("png", "jpg"):
        for orientation in range(1, 9):
            (folder / f"{orientation}{suffix}.{suffix}").write_bytes(turned(suffix, upright, orientation))
    done = infer(model, folder, tmp_path / "out", "--score_threshold", 0.05, "--draw")
    assert done.returncode == 0, done.stderr
    # By name: 1jpg.jpg, 1png.png, 2jpg.jpg, ...
    found = [[{**entry, "image_id": 1} for entry in results(tmp_path / "out") if entry["image_id"] == number]
             for number in range(1, 17)]
    assert len(found[1]) > 5 and all(entries == found[1] for entries in found[1::2])
    for entries in found[::2]:
        assert compare(entries, found[0]).unmatched_share <= 0.02
    assert {cv2.imread(str(path)).shape for path in (tmp_path / "out" / "drawn").iterdir()} == {(96, 112, 3)}
    infer(model, folder, tmp_path / "ignore", "--score_threshold", 0.05, "--exif", "ignore")
    assert [entry for entry in results(tmp_path / "ignore") if entry["image_id"] == 4] != found[3]


def test_an_annotation_file_as_tools_write_it_is_run_and_scored(data, model, tmp_path, capsys):
    content = json.loads(annotations(data).read_text())
    for image in content["images"]:
        image |= {"id": f"i{image['id']}", "file_name": "images\\" + image["file_name"].upper().replace("0", "%30"),
                  "width": float(image["width"]), "height": str(image["height"])}
    for annotation in content["annotations"]:
        annotation["image_id"] = f"i{annotation['image_id']}"
    for category in content["categories"]:
        category["id"] = f"{category['id']}.0"
    truth = tmp_path / "truth.json"
    truth.write_bytes(json.dumps(content).encode("utf-16"))
    done = infer(model, truth, tmp_path / "tools", "--image_root", data / "val2017")
    assert done.returncode == 0, done.stderr
    assert "warning: 6 images found under another name than the file's" in done.stderr
    infer(model, annotations(data), tmp_path / "plain")
    changed = [{**entry, "image_id": f"i{entry['image_id']}", "category_id": f"{entry['category_id']}.0"}
               for entry in results(tmp_path / "plain")]
    assert sorted(results(tmp_path / "tools"), key=str) == sorted(changed, key=str) != []
    metrics = []
    for name, ann_file in (("tools", truth), ("plain", annotations(data))):
        assert postprocess([f"--result_path={tmp_path / name}", f"--ann_file={ann_file}"]) == 0
        metrics.append(json.loads((tmp_path / name / "metrics.json").read_text()))
    assert metrics[0] == metrics[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_run_with_the_results_of_what_was_done(data, model, number, tmp_path):
    listed, output = tmp_path / "list.txt", tmp_path / "out"
    listed.write_text(50000 * "000001.png\n")
    process = subprocess.Popen([build_folder() / "yolo_infer", "--model", model, "--images", listed, "--image_root",
                                data / "val2017", "--output", output, "--draw"], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (output / "drawn").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(number)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 128 + number, errors
    record = read_record(output / "run.json")
    counts = record["counts"]
    assert record["interrupted"] == number.name
    assert 0 < counts["images"] < 50000 == counts["images"] + counts["left_out"]
    assert f"interrupted by {number.name}: {counts['left_out']} of 50000 images were left out" in errors
    assert len(list((output / "drawn").iterdir())) == counts["images"]
    content = (output / "results.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == record["results_sha256"]
    assert len(json.loads(content)) == counts["detections"] > 0


def test_damaged_and_huge_images_are_named_and_counted(data, model, tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    write_image(folder / "damaged.jpg", np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8))
    whole = (folder / "damaged.jpg").read_bytes()
    (folder / "damaged.jpg").write_bytes(whole[:len(whole) // 2] + b"\xff\xd9")
    (folder / "rows.jpg").write_bytes(whole[:-100])
    write_image(folder / "huge.png", np.zeros((101, 110, 3), np.uint8))
    done = infer(model, folder, tmp_path / "out", "--max_pixels", 11000)
    assert done.returncode == 0, done.stderr
    assert "huge.png: the image is 110x101 by its header, more than 11000 pixels" in done.stderr
    lines = [line for line in done.stderr.splitlines() if "what can be read of it is used" in line]
    assert sorted(line[:line.index("% of its") if "% of its" in line else None] for line in lines) == [
        f"warning: {folder / 'damaged.jpg'}: damaged, libjpeg reports: Corrupt JPEG data: premature end of data "
        "segment; what can be read of it is used", f"warning: {folder / 'rows.jpg'}: cut short, 99"]
    counts = json.loads((tmp_path / "out" / "run.json").read_text())["counts"]
    assert (counts["warned"], counts["skipped"], counts["images"]) == (2, 1, 3)
    done = infer(model, folder, tmp_path / "out", "--strict")
    assert done.returncode == INPUT and "1 of 3 images" in done.stdout and "leave --strict out" in done.stderr


def test_a_run_that_fails_early_leaves_nothing_of_an_earlier_one(data, model, tmp_path):
    assert infer(model, annotations(data), tmp_path, "--benchmark", 2).returncode == 0
    written = [tmp_path / name for name in ("results.json", "run.json", "benchmark.json",
                                            "time_Result/test_perform_static.txt")]
    assert all(path.exists() for path in written)
    written.append(tmp_path / "metrics.json")
    written[-1].write_text("{}")
    assert infer(tmp_path / "absent.onnx", annotations(data), tmp_path).returncode == MODEL
    assert not any(path.exists() for path in written)
    # Figures without results are those of eval.py.
    written[-1].write_text("{}")
    assert infer(tmp_path / "absent.onnx", annotations(data), tmp_path).returncode == MODEL
    assert written[-1].exists()


def test_an_image_that_cannot_be_drawn_keeps_its_detections(data, model, tmp_path):
    folder = tmp_path / "images"
    shutil.copytree(data / "val2017", folder)
    write_image(folder / "wide.png", np.full((2, 66000, 3), 128, np.uint8))
    for options, code in (((), 0), (("--strict",), OUTPUT)):
        done = infer(model, folder, tmp_path / "out", "--draw", *options)
        assert done.returncode == code, done.stderr
        assert "wide.png: the image is 66000x2" in done.stderr and "1 not drawn" in done.stdout
        assert len(results(tmp_path / "out")) > 7
        assert len(list((tmp_path / "out" / "drawn").iterdir())) == 6


def test_each_kind_of_failure_has_its_exit_code(data, model, tmp_path):
    truth = annotations(data)
    assert run_app("--help").returncode == 0
    assert run_app().returncode == USAGE
    assert infer(model, truth, tmp_path, "--decode_threads", 0).returncode == USAGE
    done = infer(model, truth, tmp_path, "--precision", "enforce_fp32")
    assert done.returncode == USAGE and "--precision is for --runtime lite" in done.stderr
    assert infer(tmp_path / "absent.onnx", truth, tmp_path).returncode == MODEL
    changed = tmp_path / "changed.onnx"
    changed.write_bytes(model.read_bytes()[:-1] + b"x")
    shutil.copy(f"{model}.json", f"{changed}.json")
    done = infer(changed, truth, tmp_path)
    assert done.returncode == MODEL and "not the model" in done.stderr
    renamed = tmp_path / "renamed.onnx"
    shutil.copy(model, renamed)
    Path(f"{renamed}.json").write_text(Path(f"{model}.json").read_text().replace('"output_big"', '"heads"'))
    assert infer(renamed, truth, tmp_path).returncode == MODEL
    aipp = export_onnx(model.with_name("best.ckpt"), tmp_path / "aipp.onnx", export_input="float",
                       export_normalise="aipp")
    done = infer(aipp, truth, tmp_path)
    assert done.returncode == MODEL and "AIPP" in done.stderr
    assert infer(model, tmp_path / "absent.json", tmp_path).returncode == INPUT
    done = infer(model, truth, model / "no folder")
    assert done.returncode == OUTPUT and "no folder" in done.stderr


@needs_openvino
def test_openvino_finds_what_opencv_finds(data, model, tmp_path):
    found = []
    for runtime in ("opencv", "openvino"):
        done = run(build_folder() / "yolo_infer", "--model", model, "--images", annotations(data), "--output",
                   tmp_path / runtime, "--runtime", runtime)
        assert done.returncode == 0, done.stderr
        found.append(results(tmp_path / runtime))
    agreement = compare(*found)
    assert agreement.unmatched == (0, 0) and min(agreement.clear_counts) > 20 and agreement.worst_score < 1e-4
    path = tmp_path / "model.onnx"
    shutil.copy(model, path)
    description = json.loads(Path(f"{model}.json").read_text())
    description["outputs"][0]["name"] = "absent"
    Path(f"{path}.json").write_text(json.dumps(description))
    done = run(build_folder() / "yolo_infer", "--model", path, "--images", annotations(data), "--output", tmp_path,
               "--runtime", "openvino")
    assert done.returncode == MODEL and "OpenVINO cannot run this model" in done.stderr and "absent" in done.stderr


@pytest.mark.parametrize("option, words", [(("--runtime", "acl"), "this program was built with"),
                                           (("--preprocess", "dvpp"), "built without it")])
def test_what_was_not_built_is_refused(data, model, option, words, tmp_path):
    done = run(build_folder() / "yolo_infer", "--model", model, "--images", annotations(data), "--output", tmp_path,
               *option)
    assert done.returncode == USAGE and words in done.stderr

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""predict.py: images and videos, from every model file, to drawings and files, and inputs that cannot be used."""
import json
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

import predict
from model_utils.errors import run_cli
from src.data import image_files
from src.evaluation.detections import as_text
from src.evaluation.sources import output_names
from tests.support.ascend310.infer_app import model_file
from tests.support.helpers import RATE, photos, real_data, write_coco, write_video
from tests.support.small_networks import IDS, NAMES

pytestmark = pytest.mark.xdist_group("model_files")

# Some detections of the network on each image have a higher score.
THRESHOLD = 0.3


@pytest.fixture
def run(run_in_process, checkpoint, tmp_path):
    """Return a function that runs predict.py on an image with random weights, which find something everywhere."""
    run_in_process(predict)

    def run(image, *arguments):
        return run_cli(predict.main, [f"--ckpt_file={checkpoint}", f"--image={image}", "--device_target=CPU",
                                      f"--log_path={tmp_path / 'logs'}", "--draw_threshold=0.05", *arguments])

    return run


def write_image(path, width=80, height=60):
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(width).integers(0, 255, (height, width, 3), np.uint8)
    assert cv2.imwrite(str(path), pixels)
    return path


def test_a_folder_gives_a_drawn_image_each_and_one_json(run, tmp_path, capsys):
    images = tmp_path / "images"
    for name, width in (("b.PNG", 80), ("a.jpg", 100), ("c.jpeg", 60)):
        write_image(images / name, width)
    (images / "notes.txt").write_text("no image")
    before = {path.name: path.read_bytes() for path in images.iterdir()}
    assert run(images, f"--output_dir={tmp_path / 'out'}") == 0
    assert {path.name: path.read_bytes() for path in images.iterdir()} == before
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.jpg", "b.PNG", "c.jpeg", "detections.json"]
    records = json.loads((tmp_path / "out" / "detections.json").read_text())
    assert [(Path(record["file"]).name, record["width"], record["height"]) for record in records] == [
        ("a.jpg", 100, 60), ("b.PNG", 80, 60), ("c.jpeg", 60, 60)]
    detections = [entry for record in records for entry in record["detections"]]
    assert detections
    for record in records:
        scores = [entry["score"] for entry in record["detections"]]
        assert scores == sorted(scores, reverse=True)
        for entry in record["detections"]:
            assert entry["category_id"] == dict(zip(NAMES, IDS, strict=True))[entry["class_name"]]
            assert entry["score"] > 0.05
            x, y, w, h = entry["bbox"]
            assert x >= 0 and y >= 0 and w > 0 and h > 0
            assert x + w <= record["width"] + 0.011 and y + h <= record["height"] + 0.011
    assert (cv2.imread(str(tmp_path / "out" / "b.PNG")) != cv2.imread(str(images / "b.PNG"))).any()
    output = capsys.readouterr().out
    assert f"{len(detections)} detections on 3 images" in output
    assert re.search(r"best.ckpt runs in (OpenVINO|ONNX Runtime) [0-9.]+, float32\n", output)


def test_one_image_goes_to_a_new_folder_below_log_path(run, tmp_path):
    assert run(write_image(tmp_path / "one.png"), "--draw_threshold=0.999") == 0
    [folder] = (tmp_path / "logs").iterdir()
    assert sorted(path.name for path in folder.iterdir()) == ["detections.json", "one.png"]
    assert json.loads((folder / "detections.json").read_text()) == [
        {"file": str(tmp_path / "one.png"), "width": 80, "height": 60, "detections": []}]
    np.testing.assert_array_equal(cv2.imread(str(folder / "one.png")), cv2.imread(str(tmp_path / "one.png")))


def test_what_is_no_regular_file_or_too_large_is_skipped_and_named(run, tmp_path, capsys):
    image = write_image(tmp_path / "images" / "b.jpg")
    write_image(tmp_path / "images" / "c.png", width=81)
    os.mkfifo(tmp_path / "images" / "a.jpg")
    os.mkfifo(tmp_path / "images" / "pipe")
    assert run(image.parent, f"--output_dir={tmp_path / 'out'}", "--max_image_pixels=4800") == 0
    output = capsys.readouterr()
    assert "a.jpg: cannot read this image file (it is a FIFO, not a regular file)" in output.out
    assert "c.png: this image has 4860 pixels, more than max_image_pixels, 4800; make it smaller, or" in output.out
    assert "1 entries are no images, or hidden, and left out: pipe" in output.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.jpg", "detections.json"]


def test_an_unreadable_image_is_skipped_named_and_counted(run, tmp_path, capsys):
    image, broken = write_image(tmp_path / "images" / "b.jpg"), tmp_path / "images" / "a.jpg"
    broken.write_bytes(b"\xff\xd8 no jpeg")
    assert run(image.parent, f"--output_dir={tmp_path / 'out'}") == 0
    output = capsys.readouterr().out
    assert f"skipped: {broken}: " in output and "1 of 2 images cannot be read" in output
    assert [record["file"] for record in json.loads((tmp_path / "out" / "detections.json").read_text())] == [str(image)]


@pytest.mark.parametrize(("name", "options"), [("", ["--strict_images=True"]), ("a.jpg", [])])
def test_an_unreadable_image_ends_a_strict_run_and_one_of_its_own(run, tmp_path, capsys, name, options):
    write_image(tmp_path / "images" / "b.jpg")
    (tmp_path / "images" / "a.jpg").write_bytes(b"\xff\xd8 no jpeg")
    assert run(tmp_path / "images" / name, f"--output_dir={tmp_path / 'out'}", *options) == 1
    error = capsys.readouterr().err
    assert "a.jpg" in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("link", [False, True])
def test_no_input_is_overwritten(run, tmp_path, capsys, link):
    image = write_image(tmp_path / "images" / "a.png")
    target = image.parent
    if link:
        target = tmp_path / "link"
        target.symlink_to(image.parent)
    before = image.read_bytes()
    assert run(image, f"--output_dir={target}") == 2
    assert "overwrite" in capsys.readouterr().err
    assert image.read_bytes() == before


@pytest.mark.parametrize("image, code, words", [
    ("", 2, "--image has no value"), ("/nowhere/a.jpg", 1, "/nowhere/a.jpg: no such file; name an image or"),
    (".", 1, ": no image among"),
])
def test_missing_images_are_errors(tmp_path, capsys, monkeypatch, image, code, words):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(predict, "Detector", None)
    arguments = ["--ckpt_file=x.ckpt", "--device_target=CPU", "--image", *([image] if image else [])]
    assert run_cli(predict.main, arguments) == code
    assert words in capsys.readouterr().err


def test_images_with_an_unknown_suffix_are_written_as_png():
    paths = [Path("in/a.ppm"), Path("in/b.JPG"), Path("in/sub/c.jfif")]
    assert output_names(paths, "") == ["a.ppm.png", "b.JPG", "sub/c.jfif.png"]


def test_drawings_of_an_earlier_run_are_no_inputs(run, tmp_path):
    folder = write_image(tmp_path / "images" / "a.jpg").parent
    for _ in range(2):
        assert run(folder, f"--output_dir={folder / 'drawn'}") == 0
        records = json.loads((folder / "drawn" / "detections.json").read_text())
        assert [record["file"] for record in records] == [str(folder / "a.jpg")]


def test_a_folder_is_read_by_content_with_its_folders_and_the_rest_is_reported(run, tmp_path, capsys):
    folder = tmp_path / "images"
    image = write_image(folder / "a.jpg")
    for name in ("b.jfif", "c.jpe", "sub/d", "e.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(image.read_bytes())
    for name in ("notes.txt", "sub/labels.json"):
        (folder / name).write_text("{}")
    # A link leads to another folder, another in a circle, a third nowhere; what is hidden is the system's.
    elsewhere = tmp_path / "elsewhere"
    write_image(elsewhere / "f.png")
    for name, target in (("link", elsewhere), ("sub/circle", folder), ("lost", tmp_path / "nowhere")):
        (folder / name).symlink_to(target)
    for name in ("._a.jpg", ".thumbnails/a.jpg"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(image.read_bytes())
    assert run(folder, f"--output_dir={tmp_path / 'out'}") == 0
    records = json.loads((tmp_path / "out" / "detections.json").read_text())
    names = ["a.jpg", "b.jfif", "c.jpe", "e.txt", "link/f.png", "sub/d"]
    assert [record["file"] for record in records] == [str(folder / name) for name in names]
    drawn = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert drawn == {"a.jpg", "b.jfif.png", "c.jpe", "e.txt.png", "link/f.png", "sub/d.png", "detections.json"}
    assert capsys.readouterr().err.startswith(
        f"warning: {folder}: 5 entries are no images, or hidden, and left out: ._a.jpg, .thumbnails, lost, notes.txt, "
        "sub/labels.json\n")


def test_detections_as_text():
    found = [{"class_name": name, "score": score} for name, score in (("dog", 0.875), ("car", 0.5), ("cup", 0.1))]
    assert as_text(found) == "dog 0.88, car 0.50, cup 0.10"
    assert as_text(found, most=1) == "dog 0.88, and 2 more"
    assert as_text([]) == "nothing found"


def predicted(output, *arguments):
    """Run predict.py with exit code 0 and return the records of its json."""
    assert predict.main([f"--output_dir={output}", *map(str, arguments)]) == 0
    return json.loads((output / "detections.json").read_text())


@pytest.mark.slow
def test_a_video_has_the_same_boxes_from_every_model_file(run_in_process, tmp_path):
    run_in_process(predict)
    video = write_video(tmp_path / "a video.avi", photos(20, real_data("coco128") / "val2017"))
    options = (f"--image={video}", f"--draw_threshold={THRESHOLD}", "--device_target=CPU")
    found = {kind: predicted(tmp_path / kind, f"--ckpt_file={model_file(kind)}", *options)
             for kind in ("ckpt", "mindir", "onnx")}
    assert found["ckpt"] == found["onnx"]
    assert [(record["frame"], record["time"]) for record in found["onnx"]] == [(n, n / RATE) for n in range(20)]
    assert sum(len(record["detections"]) for record in found["onnx"]) > 100
    for one, other in zip(found["mindir"], found["onnx"], strict=True):
        assert [entry["class_name"] for entry in one["detections"]] == [entry["class_name"]
                                                                        for entry in other["detections"]]
        for ours, theirs in zip(one["detections"], other["detections"], strict=True):
            assert [*ours["bbox"], ours["score"]] == pytest.approx([*theirs["bbox"], theirs["score"]], abs=0.02)
    # Images of the same pixels have the same boxes as the frames.
    capture, images = cv2.VideoCapture(str(video)), tmp_path / "images"
    images.mkdir()
    for number in range(20):
        assert cv2.imwrite(str(images / f"{number:02}.png"), capture.read()[1])
    records = predicted(tmp_path / "of images", f"--ckpt_file={model_file('onnx')}", f"--image={images}",
                        f"--draw_threshold={THRESHOLD}")
    assert [record["detections"] for record in records] == [record["detections"] for record in found["onnx"]]


def test_options_of_the_command_line(tmp_path, monkeypatch):
    for number, image in enumerate(photos(4)):
        path = tmp_path / "in" / ("sub" if number > 2 else "") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), image)
    (tmp_path / "list.txt").write_text("in/2.png\nin/0.png\n")
    reads, read = [], image_files._read
    monkeypatch.setattr(image_files, "_read", lambda path: reads.append(Path(path).name) or read(path))
    model = (f"--ckpt_file={model_file('onnx')}", "--draw_threshold=0.2")
    records = predicted(tmp_path / "a", *model, f"--image={tmp_path / 'in'}", "--result_formats=json,coco,csv")
    # Once each, though all of them are drawn.
    assert sorted(reads) == ["0.png", "1.png", "2.png", "3.png"]
    coco = json.loads((tmp_path / "a" / "coco_results.json").read_text())
    flat = [(int(Path(record["file"]).stem), entry) for record in records for entry in record["detections"]]
    assert [(one["image_id"], one["category_id"], one["bbox"], one["score"]) for one in coco] == [
        (image_id, entry["category_id"], entry["bbox"], entry["score"]) for image_id, entry in flat]
    assert len((tmp_path / "a" / "detections.csv").read_text().splitlines()) == len(flat) + 1
    top = predicted(tmp_path / "b", *model, f"--image={tmp_path / 'in'}", "--recursive=False", "--draw=False")
    assert top == records[:3] and [path.name for path in (tmp_path / "b").iterdir()] == ["detections.json"]
    listed = predicted(tmp_path / "c", *model, f"--image={tmp_path / 'list.txt'}", "--class_filter=ball,7")
    for record, whole in zip(listed, (records[2], records[0]), strict=True):
        assert record["detections"] == [entry for entry in whole["detections"]
                                        if entry["class_name"] in ("ball", "key")]
        assert 0 < len(record["detections"]) < len(whole["detections"])
    assert predicted(tmp_path / "d", *model, f"--image={tmp_path / 'in' / '*.png'}") == top


def test_the_annotation_file_gives_the_ids_of_coco_results(tmp_path, capsys):
    image = write_image(tmp_path / "in" / "b.png")
    ann_file = write_coco(tmp_path, [{"file_name": "b.png", "id": 77, "write": False}], "val")
    options = (f"--ckpt_file={model_file('onnx')}", "--draw_threshold=0.2", f"--ann_file={ann_file}", "--draw=False")
    predicted(tmp_path / "a", *options, f"--image={image}", "--result_formats=json,coco")
    coco = json.loads((tmp_path / "a" / "coco_results.json").read_text())
    assert {entry["image_id"] for entry in coco} == {77}
    # Other images have no ids in it, and need none without COCO results.
    other = write_image(tmp_path / "in" / "c.png")
    assert predicted(tmp_path / "b", *options, f"--image={other}")[0]["detections"]
    assert run_cli(predict.main, [*options, f"--image={other}", "--result_formats=coco"]) == 1
    assert "does not name the image" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "words"), [
    (["--show=True"], "show: "), (["--result_formats=xml"], "xml is none of json, csv, coco, yolo"),
    (["--image=rtsp:/camera"], "expected rtsp:// and the host"), (["--batch_size=3"], "was exported with 1"),
    (["--conf=0.5"], "did you mean --draw_threshold"), (["--classes=0"], "did you mean --class_filter"),
    (["--source=a.jpg"], "did you mean --image"), (["--strict=True"], "did you mean --strict_images"),
    (["--per_batch_size=3"], "did you mean --batch_size")])
def test_mistakes_of_the_command_line(tmp_path, capsys, monkeypatch, options, words):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    image = write_image(tmp_path / "a.png")
    assert run_cli(predict.main, [f"--ckpt_file={model_file('onnx')}", f"--image={image}", *options]) == 2
    assert words in capsys.readouterr().err

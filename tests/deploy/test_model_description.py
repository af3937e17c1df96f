# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The description of a model: its content, and the refusal of everything that does not fit."""
import copy
import hashlib
import json

import pytest

from model_utils.config import get_config
from model_utils.errors import UserError
from src.data.categories import Categories
from src.deploy.model_description import (
    DEFAULTS,
    EXAMPLE,
    check_classes,
    check_description,
    describe_model,
    description_path,
    read_description,
)

CATEGORIES = Categories(("cup", "ball"), (3, 1))
OPTIONS = ["--testing_shape", "64,96", "--batch_size", "2", "--resize_mode", "letterbox", "--pad_value", "114",
           "--file_format", "ONNX"]
DECODED, RAW = [(2, 2, 3, 3, 7), (2, 4, 6, 3, 7)], [(2, 21, 2, 3), (2, 21, 4, 6)]


def described(*options, shapes=DECODED, data=b"model"):
    return describe_model(get_config([*OPTIONS, *options]), CATEGORIES, "m.onnx", data, shapes)


def test_every_value_of_the_description():
    assert described() == {
        "format": 2,
        "model": {"file": "m.onnx", "exported_as": "ONNX", "bytes": 5, "sha256": hashlib.sha256(b"model").hexdigest()},
        "input": {"name": "images", "layout": "NHWC", "type": "uint8", "shape": [2, 64, 96, 3], "channels": "RGB",
                  "normalise": "graph"},
        "resize_mode": "letterbox", "pad_value": 114, "exif": "auto", "mean": [0.485, 0.456, 0.406],
        "std": [0.229, 0.224, 0.225], "decoded": True,
        "outputs": [
            {"name": "output_big", "shape": [2, 2, 3, 3, 7], "stride": 32,
             "anchors": [[81, 82], [135, 169], [344, 319]], "anchor_mask": [3, 4, 5], "scale_x_y": 1.1},
            {"name": "output_small", "shape": [2, 4, 6, 3, 7], "stride": 16,
             "anchors": [[10, 14], [23, 27], [37, 58]], "anchor_mask": [0, 1, 2], "scale_x_y": 1.2}],
        "classes": [{"name": "cup", "id": 3}, {"name": "ball", "id": 1}],
        "thresholds": {"score": 0.001, "nms_iou": 0.5, "max_detections": 300, "multi_label": True}}


@pytest.mark.parametrize(("options", "expected"), [
    ([], "MINDIR 1"), (["--mindir_version", "3"], "MINDIR 3"), (["--file_format", "AIR"], "AIR")])
def test_the_format_and_its_version(options, expected):
    assert described("--file_format", "MINDIR", *options)["model"]["exported_as"] == expected


@pytest.mark.parametrize(("normalise", "options"), [("host", []), ("aipp", ["--export_normalise", "aipp"])])
def test_a_float_input_says_who_normalises(normalise, options):
    described_input = described("--export_input", "float", *options)["input"]
    assert described_input == {"name": "images", "layout": "NCHW", "type": "float32", "shape": [2, 3, 64, 96],
                               "channels": "RGB", "normalise": normalise}


def test_raw_heads_and_other_options():
    found = described("--keep_detect", "False", "--anchor_masks", "[[1,2,3],[3,4,5]]", "--scale_x_y", "1,1",
                      "--nms_thresh", "0.6", "--eval_ignore_threshold", "0.01", "--multi_label", "False",
                      "--max_detections", "7", shapes=RAW)
    assert not found["decoded"] and [output["shape"] for output in found["outputs"]] == [list(shape) for shape in RAW]
    assert found["outputs"][1]["anchors"] == [[23, 27], [37, 58], [81, 82]]
    assert found["outputs"][1]["anchor_mask"] == [1, 2, 3] and found["outputs"][1]["scale_x_y"] == 1
    assert found["thresholds"] == {"score": 0.01, "nms_iou": 0.6, "max_detections": 7, "multi_label": False}


def test_shapes_that_the_network_should_not_have_are_refused():
    with pytest.raises(UserError, match=r"output_small: shape is \[2, 6, 4, 3, 7\]; .* give \[2, 4, 6, 3, 7\]"):
        described(shapes=[DECODED[0], (2, 6, 4, 3, 7)])


# Reading

@pytest.fixture
def model(tmp_path):
    path = tmp_path / "m.onnx"
    path.write_bytes(b"model")
    description_path(path).write_text(json.dumps(described()))
    return path


def test_it_is_read_back(model):
    assert read_description(model) == described()
    assert read_description(str(model)) == described()


@pytest.mark.parametrize(("content", "words"), [
    (b"mod", "bytes is 3, but .*m.onnx.json describes a model of bytes 5: the file was changed, cut short or mixed"),
    (b"nodel", "sha256 is [0-9a-f]{64}, but .* describes a model of sha256 [0-9a-f]{64}"), (None, "m.onnx: no such fil")
])
def test_another_model_is_refused(model, content, words):
    if content is None:
        model.unlink()
    else:
        model.write_bytes(content)
    with pytest.raises(UserError, match=words):
        read_description(model)


@pytest.mark.parametrize(("text", "words"), [
    (None, "m.onnx.json: no such file; export.py writes a model and its description"),
    ("{", "m.onnx.json: broken json in line 1, column 2"), ("[1]", r"the file is \[1\]; expected an object"),
    ('{"format": 1}', "m.onnx.json: format is 1, but this version reads format 2"),
    ('{"format": "2"}', "format is '2', but this version reads format 2"), ("{}", "the file lacks thresholds"),
])
def test_a_file_that_is_no_description_is_refused(model, text, words):
    if text is None:
        description_path(model).unlink()
    else:
        description_path(model).write_text(text)
    with pytest.raises(UserError, match=words):
        read_description(model)


def changed(path, value):
    """A description with one value replaced; the path is keys and numbers; Ellipsis takes the key out."""
    description = copy.deepcopy(described())
    place = description
    for key in path[:-1]:
        place = place[key]
    if value is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return description


def leaves(value, path=()):
    """The paths of all values of a description that are no object or list."""
    if not isinstance(value, dict | list):
        yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from leaves(item, (*path, key))


@pytest.mark.parametrize("path", [path for path in leaves(described()) if path != ("format",)],
                         ids=lambda path: ".".join(map(str, path)))
def test_every_value_has_its_type(path):
    words = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in path)[1:]
    for wrong in (None, {"a": 1}, float("nan")):
        with pytest.raises(UserError) as caught:
            check_description(changed(path, wrong), "m.json")
        assert f"\n  {words} is {wrong!r}; expected " in str(caught.value)
    if isinstance(path[-1], str) and path[-1] not in DEFAULTS:
        with pytest.raises(UserError, match=rf"m\.json: .*\n  .* lacks {path[-1]}$"):
            check_description(changed(path, ...), "m.json")


def test_the_example_has_the_keys_of_a_description():
    check_description(described(), "m.json")
    assert list(EXAMPLE) == list(described())
    with pytest.raises(UserError, match="input has 'colour', which nothing reads"):
        check_description(changed(("input", "colour"), 1), "m.json")


@pytest.mark.parametrize(("path", "value", "words"), [
    (("model", "sha256"), "ab", "model.sha256 is 'ab'; expected 64 hexadecimal digits"),
    (("model", "sha256"), 64 * "A", "expected 64 hexadecimal digits in lower case"),
    (("input", "normalise"), "aipp", "input is NHWC, uint8, aipp"), (("input", "layout"), "NCHW", "input is NCHW, uin"),
    (("input", "type"), "float16", "input is NHWC, float16, graph"), (("input", "channels"), "BGR", "is 'BGR'; expec"),
    (("input", "channels"), "NV12", "input.channels is 'NV12'; expected RGB$"),
    (("input", "shape"), [2, 64, 100, 3], r"input.shape is \[2, 64, 100, 3\]; expected NHWC with 3 channels"),
    (("input", "shape"), [2, 3, 64, 96], "input.shape"), (("input", "shape"), [0, 64, 96, 3], "input.shape"),
    (("input", "shape"), [2, 64, 96, 3, 1], "input.shape"), (("input", "shape"), [2, 64], "input.shape"),
    (("input", "shape"), [2, 96, 64, 3], "output_big: shape is .* give"),
    (("input", "shape"), [1, 64, 96, 3], "output_big: shape is .* give"),
    (("exif",), "turn", "exif is 'turn'; expected one of auto, ignore"),
    (("resize_mode",), "crop", "resize_mode is 'crop'"),
    (("pad_value",), 256, "pad_value is 256; expected from 0 to 255"),
    (("input", "shape"), [2, 320_000, 320_000, 3], "at most 8192, and a batch from 1 to 1024"),
    (("input", "shape"), [2000, 64, 96, 3], "at most 8192, and a batch from 1 to 1024"),
    (("outputs", 0, "anchors"), [[1, 1]] * 200_000, r"anchors are \[\[1, 1\], .*\.\.\.\]; expected .*, at most 100"),
    (("classes",), [{"name": "a", "id": number} for number in range(10_001)], "has 10001 entries; expected from 1 to"),
    (("classes", 0, "name"), "x" * 10**6, "the name of class 0 has 1000000 characters; expected at most 200"),
    (("mean",), [0.5, 0.5], "mean is"), (("std",), [0.2, 0, 0.2], "3 fractions of 255, from 1e-05 to 1"),
    (("mean", 0), 123.7, r"mean is \[123.7, "), (("decoded",), False, r"shape is .* give \[2, 21, 2, 3\]"),
    (("outputs",), [], "outputs are"), (("outputs", 0, "name"), "boxes", "outputs are"),
    (("outputs", 1, "stride"), 8, "outputs are"), (("outputs", 0, "anchors", 1), [3], "anchors are"),
    (("outputs", 0, "anchors", 1, 0), 0, "anchors are"), (("outputs", 0, "anchor_mask"), [3, 4], "anchors are"),
    (("outputs", 0, "scale_x_y"), 0.9, "scale_x_y is 0.9"), (("classes",), [], "expected one class or more"),
    (("classes", 1, "id"), 3, "classes: the classes cup, ball have the same category id 3; expected one each"),
    (("classes", 1, "name"), " ", "classes: the class of id 1 has no name"),
    (("model", "exported_as"), "MINDIR 2", "exported_as is 'MINDIR 2'; expected one of MINDIR 1, MINDIR 3, ONNX, AIR"),
    (("model", "bytes"), -1, "model.bytes is -1; expected at least 1"), (("std", 1), 9e-6, r"std is \[0.229, 9e-06, "),
    (("outputs", 0, "anchor_mask"), [-1, 4, 99], r"output_big: anchor_mask is \[-1, 4, 99\]; expected the numbers of"),
    (("outputs", 0, "anchor_mask"), [3, 3, 5], r"anchor_mask is \[3, 3, 5\]"),
    (("outputs", 1, "anchor_mask"), [3, 4, 5], r"output_small: anchor 3 is \[10.0, 14.0\], but \[81.0, "),
    (("thresholds", "score"), 1.5, "thresholds.score is 1.5"),
    (("thresholds", "nms_iou"), -0.1, "thresholds.nms_iou"),
    (("thresholds", "max_detections"), 0, "max_detections is 0; expected from 1 to"),
])
def test_values_that_cannot_be_are_refused(path, value, words):
    with pytest.raises(UserError, match=words):
        check_description(changed(path, value), "m.json")


def test_a_description_of_an_earlier_version_and_ids_that_are_texts_are_read():
    description = described("--exif", "ignore")
    assert description.pop("exif") == "ignore"
    description["classes"][1]["id"] = "b7"
    check_description(description, "m.json")


# Classes

def test_classes_are_the_annotation_files_by_name():
    check_classes(described(), Categories(("ball", "cup"), (7, 8)), "run.json", "a.json")
    with pytest.raises(UserError, match=r"run.json: the model has 2 classes, a.json has 3; only in the model: none; "
                                        r"only in the annotation file: key\."):
        check_classes(described(), Categories(("cup", "ball", "key"), (1, 2, 3)), "run.json", "a.json")
    with pytest.raises(UserError, match="only in the model: ball; only in the annotation file: cup, bowl"):
        check_classes(described(), Categories(("cup", "bowl", "cup"), (1, 2, 3)), "run.json", "a.json")

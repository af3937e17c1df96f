# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The sample data set: its boxes, classes, sizes and files."""
import json
import math

import cv2
import numpy as np
import pytest

from model_utils.errors import UserError, run_cli
from tools.sample_data import (
    CATEGORY_IDS,
    MAX_HIDDEN,
    MIN_SIDE,
    SETTINGS_FILE,
    Settings,
    draw_sample,
    draw_shape,
    main,
    make_sample_data,
)

SMALL = Settings(train=6, val=3, seed=5, size=96)


def files_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample data") / "set"
    make_sample_data(folder, SMALL)
    return folder


def annotations_of(folder, split):
    return json.loads((folder / "annotations" / f"instances_{split}2017.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name, radius, rotation, stretch, width_height", [
    ("disk", 20, 0, 1.0, (40, 40)),
    ("disk", 20, 0, 1.44, (48, 40 / 1.2)),
    ("ring", 15.5, 33, 1.0, (31, 31)),
    ("square", 20, 0, 1.0, (36, 36)),
    ("square", 20, 20, 1.0, (36 * (math.cos(math.pi / 9) + math.sin(math.pi / 9)),) * 2),
    ("triangle", 20, 0, 1.0, (40, 36)),
    ("cross", 20, 0, 1.0, (40, 40)),
    ("star", 20, 0, 1.0, (40 * math.cos(math.pi / 10), 20 * (1 + math.cos(math.pi / 5)))),
    ("arrow", 20, 0, 1.0, (40, 34)),
    ("arrow", 20, 90, 1.0, (34, 40)),
])
def test_box_has_the_size_of_the_formula(name, radius, rotation, stretch, width_height):
    x1, y1, x2, y2 = draw_shape(name, (60.3, 51.8), radius, rotation, stretch, 112).box_xyxy_pixels
    np.testing.assert_allclose((x2 - x1, y2 - y1), width_height, atol=0.51)


def test_box_is_tight_and_the_area_that_of_the_circle():
    shape = draw_shape("disk", (40.0, 50.0), 16, 0, 1.0, 96)
    np.testing.assert_allclose(shape.box_xyxy_pixels, (24, 34, 56, 66), atol=0.26)
    assert shape.coverage.sum() == pytest.approx(math.pi * 16 ** 2, rel=0.02)
    rows, columns = np.nonzero(shape.coverage)
    assert (columns.min(), rows.min()) == tuple(np.floor(shape.box_xyxy_pixels[:2]).astype(int))
    assert (columns.max() + 1, rows.max() + 1) == tuple(np.ceil(shape.box_xyxy_pixels[2:]).astype(int))


def test_rotation_turns_clockwise_and_a_ring_has_a_hole():
    arrow = draw_shape("arrow", (48, 48), 30, 90, 1.0, 96)
    assert arrow.coverage[70, 30] == 0 and arrow.coverage[52, 30] == 1, "the head points down, the wide part is below"
    assert arrow.coverage[24, 48] == 1 and arrow.coverage[24, 30] == 0
    ring = draw_shape("ring", (48, 48), 30, 0, 1.0, 96)
    assert ring.coverage[48, 48] == 0 and ring.coverage[48, 24] == 1


def test_classes_are_distinguishable_at_the_smallest_size():
    drawn = {name: cv2.resize(draw_shape(name, (32, 32), 7.5, 0, 1.0, 64).coverage[22:42, 22:42], (40, 40))
             for name in CATEGORY_IDS}
    names = list(drawn)
    closest = min(np.abs(drawn[first] - drawn[second]).sum() / np.maximum(drawn[first], drawn[second]).sum()
                  for number, first in enumerate(names) for second in names[:number])
    assert closest > 0.15


def test_at_least_eight_classes_with_gaps_between_their_ids():
    numbers = list(CATEGORY_IDS.values())
    assert len(set(numbers)) >= 8
    assert numbers != list(range(1, len(numbers) + 1))


def test_shapes_respect_the_limits_of_size_place_and_overlap():
    settings = Settings(size=128, seed=3)
    seen = set()
    for index in range(25):
        image, shapes = draw_sample(settings, "train", index)
        assert image.shape == (128, 128, 3) and image.dtype == np.uint8
        assert 1 <= len(shapes) <= 8
        for number, shape in enumerate(shapes):
            x1, y1, x2, y2 = shape.box_xyxy_pixels
            assert min(x2 - x1, y2 - y1) >= MIN_SIDE
            assert max(x2 - x1, y2 - y1) <= 0.65 * 128
            assert min(x1, y1) >= 0 and max(x2, y2) <= 128
            visible = shape.coverage.copy()
            for above in shapes[number + 1:]:
                visible *= 1 - above.coverage
            assert visible.sum() >= (1 - MAX_HIDDEN) * shape.coverage.sum() - 1e-3
            seen.add(shape.name)
    assert seen == set(CATEGORY_IDS)


def test_every_image_is_a_function_of_seed_split_and_index():
    settings = Settings(size=96, seed=3)
    first, _ = draw_sample(settings, "train", 7)
    draw_sample(settings, "train", 1)
    np.testing.assert_array_equal(draw_sample(settings, "train", 7)[0], first)
    for other in (draw_sample(settings, "val", 7), draw_sample(settings, "train", 8),
                  draw_sample(Settings(size=96, seed=4), "train", 7)):
        assert np.abs(other[0].astype(int) - first).mean() > 5


def test_files_are_in_coco_layout(sample):
    (sample.parent / "ordinary").mkdir()
    assert sample.stat().st_mode == (sample.parent / "ordinary").stat().st_mode, "others may read it as usual"
    for split, count in (("train", 6), ("val", 3)):
        content = annotations_of(sample, split)
        assert [category["id"] for category in content["categories"]] == list(CATEGORY_IDS.values())
        assert len(content["images"]) == len(list((sample / f"{split}2017").iterdir())) == count
        for image in content["images"]:
            pixels = cv2.imread(str(sample / f"{split}2017" / image["file_name"]))
            assert pixels.shape == (image["height"], image["width"], 3) == (96, 96, 3)
        assert len({record["id"] for record in content["annotations"]}) == len(content["annotations"])
        for record in content["annotations"]:
            x, y, width, height = record["bbox"]
            assert record["iscrowd"] == 0 and record["category_id"] in CATEGORY_IDS.values()
            assert min(x, y) >= 0 and max(x + width, y + height) <= 96
            assert 0 < record["area"] <= width * height + 1e-6


def test_box_lies_on_the_object_in_the_written_image(sample):
    differences = []
    for split in ("train", "val"):
        content = annotations_of(sample, split)
        for image in content["images"]:
            pixels = cv2.imread(str(sample / f"{split}2017" / image["file_name"]))[..., ::-1].astype(float)
            drawn, shapes = draw_sample(SMALL, split, image["id"] - 1)
            assert np.abs(pixels - drawn).mean() < 8
            boxes = [record["bbox"] for record in content["annotations"] if record["image_id"] == image["id"]]
            assert boxes == [[float(v) for v in (*s.box_xyxy_pixels[:2],
                                                 *(s.box_xyxy_pixels[2:] - s.box_xyxy_pixels[:2]))] for s in shapes]
            top = shapes[-1]
            outside = cv2.dilate((top.coverage > 0).astype(np.uint8), np.ones((7, 7))) - (top.coverage > 0)
            differences.append(np.abs(drawn[top.coverage == 1].mean(0) - drawn[outside == 1].mean(0)).max())
    assert min(differences) > 20, "a shape is lost in its background"


def test_same_settings_give_the_same_bytes_and_are_reused(sample, tmp_path):
    make_sample_data(tmp_path / "again", SMALL)
    assert files_of(tmp_path / "again") == files_of(sample)
    before = (sample / SETTINGS_FILE).stat().st_mtime_ns
    assert make_sample_data(sample, SMALL) is None
    assert (sample / SETTINGS_FILE).stat().st_mtime_ns == before


@pytest.mark.parametrize("change, words", [
    (lambda folder: (folder / "val2017" / "000002.jpg").unlink(), "incomplete: 2 of 3 images in val2017"),
    (lambda folder: (folder / "annotations" / "instances_train2017.json").unlink(), "incomplete"),
    (lambda folder: (folder / SETTINGS_FILE).unlink(), "is not a sample data set"),
    (lambda folder: (folder / SETTINGS_FILE).write_text("{"), "is not a sample data set"),
    (lambda folder: (folder / SETTINGS_FILE).write_text('{"version": 0}'), "of other settings"),
])
def test_a_damaged_or_different_data_set_is_an_error_and_stays(tmp_path, change, words):
    folder = tmp_path / "set"
    settings = Settings(train=1, val=3, seed=0, size=64)
    make_sample_data(folder, settings)
    change(folder)
    before = files_of(folder)
    with pytest.raises(UserError, match=words):
        make_sample_data(folder, settings)
    assert files_of(folder) == before


def test_a_failure_leaves_nothing_half_written(tmp_path, monkeypatch):
    calls = []

    def full_disk(*_):
        calls.append(1)
        return len(calls) < 4

    monkeypatch.setattr(cv2, "imwrite", full_disk)
    with pytest.raises(UserError, match="cannot be written"):
        make_sample_data(tmp_path / "set", SMALL)
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_is_filled_and_a_foreign_one_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    assert make_sample_data(tmp_path / "empty", Settings(1, 1, 0, 64))["train"] >= 1
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "thesis.txt").write_text("ten years of work")
    with pytest.raises(UserError, match="not a sample data set"):
        make_sample_data(tmp_path / "foreign", Settings(1, 1, 0, 64))
    assert (tmp_path / "foreign" / "thesis.txt").read_text() == "ten years of work"


@pytest.mark.parametrize("options, words", [
    (["--train", "0"], "--train: found 0, expected a whole number of at least 1"),
    (["--val", "-3"], "--val: found -3"),
    (["--seed", "-1"], "--seed: found -1"),
    (["--size", "32"], "--size: found 32, expected a whole number of at least 64"),
])
def test_bad_options_are_named(tmp_path, capsys, options, words):
    assert run_cli(main, ["--out", str(tmp_path / "set"), *options]) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "set").exists()


def test_command_line_writes_and_then_reuses(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["--out", "a b/set", "--train", "2", "--val", "1", "--size", "64"]
    assert run_cli(main, arguments) == 0
    assert "2 training images" in capsys.readouterr().out
    assert run_cli(main, arguments) == 0
    assert "complete already" in capsys.readouterr().out
    assert run_cli(main, [*arguments, "--seed", "9"]) == 1
    assert "other settings" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "a b").iterdir()] == ["set"]

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The check of all images before the first is used: what is refused, what is used and reported, and its cache."""
import json
import logging
import os
import shutil

import cv2
import numpy as np
import pytest

from model_utils.comm import Ranks
from model_utils.errors import UserError
from src.data import image_check
from src.data.coco import read_coco
from src.data.image_check import BadImages, TooManyBadImages, check_images, usable
from tests.support.helpers import data_config, write_coco
from tests.support.samples import smooth_image

WHOLE, SHORT, DAMAGED, DARK, NONE, OTHER_SIZE = range(6)


@pytest.fixture(autouse=True)
def fixture_cache(tmp_path, monkeypatch):
    """Keep the results of this test apart."""
    monkeypatch.setenv("YOLOV3_TINY_CACHE", str(tmp_path / "cache"))


def split_of(root, kinds):
    """Write a training split of images of these kinds; return its config and data."""
    write_coco(root, [{"size": (640, 480), "file_name": f"{number}.{'png' if kind == DARK else 'jpg'}",
                       "boxes": [(8, 4, 24, 12, 3)], "listed_size": (48, 64) if kind == OTHER_SIZE else (640, 480),
                       "pixels": smooth_image(480, 640)} for number, kind in enumerate(kinds)])
    for number, kind in enumerate(kinds):
        path = root / "train2017" / f"{number}.jpg"
        data = bytearray(path.read_bytes()) if path.exists() else b""
        if kind == SHORT:
            path.write_bytes(data[:-20])
        elif kind == NONE:
            path.write_bytes(data[:len(data) // 4])
        elif kind == DAMAGED:
            data[len(data) // 2:len(data) // 2 + 200] = bytes((i * 37 + 11) % 255 for i in range(200))
            path.write_bytes(data)
        elif kind == DARK:
            cv2.imwrite(str(path.with_suffix(".png")), smooth_image(480, 640).astype(np.uint16) << 4)
    config = data_config(root)
    return config, read_coco(config, "train", training=True)


def test_what_can_be_used_is_used_and_reported(tmp_path):
    config, data = split_of(tmp_path, [WHOLE, SHORT, DAMAGED, DARK, WHOLE])
    found = check_images(data, config, 2, Ranks())
    assert [(index, kind) for index, kind, _ in found] == [(1, "cut short"), (2, "damaged"), (3, "nearly black")]
    evaluated = usable(data, found, config, training=False)
    assert len(evaluated) == 5 and {name: count for name, count in evaluated.report.items() if "images" in name} == {
        "images_cut_short": 1, "images_damaged": 1, "images_dark": 1}
    assert str(tmp_path / "train2017" / "2.jpg") in "\n".join(evaluated.report_lines())
    config, data = config, read_coco(config, "train", training=True)
    trained = usable(data, found, config, training=True)
    assert [path[-5] for path in trained.paths] == ["0", "1", "3", "4"] and len(trained.boxes) == 4
    assert trained.report["images_damaged_left_out"] == 1


def test_all_that_cannot_be_read_is_listed(tmp_path):
    config, data = split_of(tmp_path, [NONE, WHOLE, SHORT, NONE, OTHER_SIZE])
    with pytest.raises(UserError, match="3 of the 5 images cannot be used; .* annotation file:\n") as error:
        usable(data, check_images(data, config, 1, Ranks()), config, training=True)
    lines = str(error.value).splitlines()[1:]
    assert [words in line for words, line in zip(("0.jpg", "3.jpg", "4.jpg"), lines, strict=True)] == [True] * 3
    assert "the image is 640x480, its annotation file says 48x64" in lines[2]


@pytest.mark.parametrize("kind", [SHORT, DAMAGED])
def test_strict_images_refuses_what_is_not_sound(tmp_path, kind):
    config, data = split_of(tmp_path, [WHOLE, kind])
    config = data_config(tmp_path, strict_images=True)
    with pytest.raises(UserError, match="1 of the 2 images cannot be used; .*; leave --strict_images out"):
        usable(data, check_images(data, config, 1, Ranks()), config, training=False)


def test_the_result_is_kept_until_a_file_changes(tmp_path, monkeypatch):
    config, data = split_of(tmp_path, [WHOLE, SHORT])
    decoded, decode = [], image_check.decode_reduced
    monkeypatch.setattr(image_check, "decode_reduced", lambda path, *rest: decoded.append(path) or decode(path, *rest))
    first = check_images(data, config, 2, Ranks())
    assert check_images(data, config, 2, Ranks()) == first and len(decoded) == 2
    (tmp_path / "train2017" / "1.jpg").write_bytes((tmp_path / "train2017" / "0.jpg").read_bytes())
    assert check_images(data, config, 2, Ranks()) == [] and len(decoded) == 4
    assert check_images(data, data_config(tmp_path, exif="ignore"), 2, Ranks()) == [] and len(decoded) == 6


def test_orientations_are_read_once(tmp_path, monkeypatch):
    config, data = split_of(tmp_path, [WHOLE, WHOLE, WHOLE])
    asked = []
    monkeypatch.setattr(image_check, "unconfirmed", lambda paths, *_: asked.append(list(paths)) or [2])
    path = tmp_path / "train2017" / "1.jpg"
    path.write_bytes(path.read_bytes() + b" ")
    for _ in range(2):
        data = read_coco(config, "train", training=True)
        assert (data.report["images_turned"], data.examples["images_turned"]) == (1, "2.jpg")
    assert asked == [data.paths]
    assert "images_turned" not in read_coco(data_config(tmp_path, exif="ignore"), "train", training=True).report


def test_a_cache_folder_that_cannot_be_written_costs_only_time(tmp_path, monkeypatch):
    config, data = split_of(tmp_path, [SHORT])
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("YOLOV3_TINY_CACHE", str(tmp_path / "file"))
    assert [kind for _, kind, _ in check_images(data, config, 1, Ranks())] == ["cut short"]


@pytest.mark.parametrize("text", ["", "[", "5", "[5]", '[[0, "cut short"]]', '[[1, "cut short", "a"]]', "[" * 100_000])
def test_a_damaged_result_is_not_used(tmp_path, text):
    config, data = split_of(tmp_path, [SHORT])
    first = check_images(data, config, 1, Ranks())
    (path,) = (tmp_path / "cache" / "images").glob("images_*")
    path.write_text(text)
    assert check_images(data, config, 1, Ranks()) == first and json.loads(path.read_text()) == [list(first[0])]


def test_the_results_that_were_used_last_are_kept(tmp_path, monkeypatch):
    _, data = split_of(tmp_path, [WHOLE])
    shutil.rmtree(tmp_path / "cache")
    monkeypatch.setattr(image_check, "MAX_ENTRIES", 2)
    used, folder = [], tmp_path / "cache" / "images"
    for limit in (1000, 1001, 1000, 1002):
        check_images(data, data_config(tmp_path, max_image_pixels=limit), 1, Ranks())
        used.append(max(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns))
        # The order of use, as times far in the past.
        os.utime(used[-1], (len(used), len(used)))
    assert used[2] == used[0] and set(folder.iterdir()) == {used[0], used[3]}


def test_what_is_no_regular_file_or_has_too_many_pixels_is_listed(tmp_path):
    config, data = split_of(tmp_path, [WHOLE, WHOLE, WHOLE])
    (tmp_path / "train2017" / "1.jpg").unlink()
    os.mkfifo(tmp_path / "train2017" / "1.jpg")
    (_, kind, text), = check_images(data, config, 2, Ranks())
    assert kind == "unreadable" and "1.jpg: cannot read this image file (it is a FIFO, not a regular file)" in text
    # The result is not that of another limit.
    found = check_images(data, data_config(tmp_path, max_image_pixels=640 * 480 - 1), 2, Ranks())
    words = "307200 pixels, more than max_image_pixels, 307199"
    assert [words in text for _, _, text in found] == [True, False, True]


def test_a_resumed_run_has_the_images_of_the_one_that_began(tmp_path, monkeypatch):
    monkeypatch.setattr(image_check, "MAX_BAD", 0.25)
    config, data = split_of(tmp_path, [DAMAGED, WHOLE, SHORT, DAMAGED, *[WHOLE] * 4])
    began = usable(data, check_images(data, config, 2, Ranks()), config, training=True)
    assert began.left_out == [1, 4] and len(began) == 6
    # One of the damaged images is restored, one more breaks.
    (tmp_path / "train2017" / "0.jpg").write_bytes((tmp_path / "train2017" / "1.jpg").read_bytes())
    (tmp_path / "train2017" / "5.jpg").write_bytes(b"")
    data = read_coco(config, "train", training=True)
    found = check_images(data, config, 2, Ranks())
    resumed = usable(data, found, config, training=True, left_out=began.left_out)
    assert resumed.image_ids == began.image_ids and resumed.left_out == began.left_out
    assert resumed.report["images_broken"] == 1 and "5.jpg" in resumed.examples["images_broken"]
    assert "images_damaged_left_out" not in resumed.report
    with pytest.raises(UserError, match="1 of the 8 images cannot be used"):
        usable(data, found, data_config(tmp_path, bad_images="stop"), training=True, left_out=began.left_out)
    with pytest.raises(UserError, match="1 of the 8 images cannot be used"):
        usable(data, found, config, training=True)
    for number in (1, 4):
        (tmp_path / "train2017" / f"{number}.jpg").unlink()
    found = check_images(data, config, 2, Ranks())
    with pytest.raises(UserError, match="3 of the 8 images cannot be used"):
        usable(data, found, config, training=True, left_out=began.left_out)


class TwoRanks:
    """Two ranks that exchange values in one process: each call of one is paired with what the other brings."""
    size = 2

    def __init__(self):
        self.other = [[], ""]

    def all_gather(self, own):
        return [own, self.other]


def test_ranks_exchange_what_is_bad_and_end_together(tmp_path, caplog):
    ranks = TwoRanks()
    bad = BadImages(200, data_config(), ranks, logging.getLogger("bad images"))
    assert bad.exchange() == 0
    bad.add([[4, "4.jpg: gone"], [5, "5.jpg: gone"]])
    assert bad.exchange() == 1
    # Each image once, whoever found it.
    bad.add([[4, "4.jpg: gone"]])
    ranks.other = [[[[5, "5.jpg: gone"]], [[4, "4.jpg: gone"]]], ""]
    assert bad.exchange() == 3
    assert [record.message for record in caplog.records] == [
        f"{number}.jpg: gone (its samples are replaced by the next ones)" for number in (4, 5)]
    ranks.other = [[], "a.jpg: reading this file has not returned for 60 s"]
    with pytest.raises(UserError, match="^rank 1: a.jpg: reading this file has not returned for 60 s$"):
        bad.exchange()
    ranks.other = [[[[number, f"{number}.jpg: gone"]] for number in range(4, 30)], ""]
    with pytest.raises(TooManyBadImages) as error:
        bad.exchange()
    lines = str(error.value).splitlines()
    assert lines[0] == "26 of the 200 training images can no longer be used, more than 1%; restore them:"
    assert len(lines) == 22 and lines[1] == "  4.jpg: gone" and lines[-1] == "  and 6 more"


def test_the_bad_images_of_a_sample_that_cannot_be_replaced_are_listed_with_the_others():
    bad = BadImages(100, data_config(), Ranks(), logging.getLogger("bad images"))
    bad.add([[1, "1.jpg: gone"]])
    with pytest.raises(TooManyBadImages, match="^3 of the 100 .*, more than 1%; .*\n  1.jpg: gone\n  2.jpg: .*\n  3"):
        bad.exchange(TooManyBadImages([(2, "2.jpg: gone"), (3, "3.jpg: gone")], 100, "more than 1%"))

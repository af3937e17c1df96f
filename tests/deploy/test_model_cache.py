# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The cache of exported networks: the same detections with it and without, and entries that cannot be used."""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_utils.config import get_config
from model_utils.errors import UserError
from model_utils.files import LOCK, WRITING
from src.deploy import model_cache, model_files
from src.deploy.detector import Detector
from src.deploy.model_cache import Entry, ModelCache, open_cache
from src.weights.checkpoint_list import WEIGHTS, entry_of, write_list
from tests.support.ascend310.infer_app import CATEGORIES, model_file
from tests.support.helpers import full_disk, photos, write_coco

pytestmark = pytest.mark.xdist_group("model_files")

ROOT = Path(__file__).resolve().parents[2]
META = {"anchors": [[1, 2]], "testing_shape": [64, 96], "steps_per_epoch": 7}
HIT = """
import sys
from src.deploy.detector import Detector
found = Detector(sys.argv[1], draw_threshold=0.3)(sys.argv[2])
assert "mindspore" not in sys.modules
print(*found.scores.tolist())
"""
# Reads, writes and removes an entry that another process treats in the same way.
CONTENTION = """
import sys
from model_utils.config import get_config
from src.data.categories import Categories
from src.deploy.model_cache import Entry, ModelCache
cache = ModelCache(sys.argv[1], get_config([]))
for number in range(100):
    entry = cache.read()
    if entry is None or number % 4 == 0:
        cache.write(Entry(bytes([number]) * 10**6, {}, Categories(("a",), (1,))))
    else:
        assert len(entry.network) == 10**6
        number % 3 or cache.path.unlink(missing_ok=True)
"""


@pytest.fixture(autouse=True)
def fixture_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("YOLOV3_TINY_CACHE", str(tmp_path / "cache"))


def options(*arguments):
    return get_config(["--device_target=CPU", *arguments], "python predict.py")


def entries():
    folder = model_cache.cache_folder() / "models"
    return sorted(folder.iterdir()) if folder.is_dir() else []


def fill(tmp_path, name="a.ckpt", size=100, **changes):
    """Write the entry of a file that stands for a checkpoint, and return its cache."""
    (tmp_path / name).write_text(name)
    cache = ModelCache(tmp_path / name, options(*(f"--{key}={value}" for key, value in changes.items())))
    cache.write(Entry(size * b"x", META, CATEGORIES))
    return cache


def start(code, *arguments):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_an_entry_finds_the_same_without_mindspore(tmp_path, capsys):
    [image] = photos(1)
    detectors = [Detector(model_file("ckpt"), draw_threshold=0.3, **option)
                 for option in ({"model_cache": False}, {}, {})]
    assert len(entries()) == 1 and capsys.readouterr().err == ""
    found = [detector(image) for detector in detectors]
    assert len(found[0]) > 5
    for other in found[1:]:
        np.testing.assert_array_equal(other.boxes, found[0].boxes)
        np.testing.assert_array_equal(other.scores, found[0].scores)
        np.testing.assert_array_equal(other.classes, found[0].classes)
    # All options, but for where they come from, are those of a checkpoint that was read.
    assert len({repr(detector.config.replace("derived", model_cache=True)) for detector in detectors}) == 1
    np.save(tmp_path / "image.npy", image)
    code = HIT.replace("(sys.argv[2])", "(__import__('numpy').load(sys.argv[2]))")
    hit = start(code, model_file("ckpt"), tmp_path / "image.npy")
    out, err = hit.communicate()
    assert hit.returncode == 0, err
    np.testing.assert_array_equal(np.array(out.split(), np.float32), found[0].scores)


def test_options_and_classes_count_as_they_do_without_an_entry(tmp_path):
    model_files.load_model(model_file("ckpt"), options())
    listed = [{"id": number, "name": name} for number, name in ((20, "cup"), (21, "ball"), (22, "key"))]
    path = write_coco(tmp_path, [{}], "val", listed)
    model = model_files.load_model(model_file("ckpt"), options(f"--ann_file={path}", "--pad_value=7", "--exif=ignore",
                                                               "--nms_thresh=0.3"))
    assert model.categories.ids == (20, 21, 22)
    assert (model.config.pad_value, model.config.exif, model.config.nms_thresh) == (7, "ignore", 0.3)
    assert model.config.resize_mode == "letterbox" and model.config.num_classes == 3
    assert len(entries()) == 1
    write_coco(tmp_path, [{}], "val", listed[:1])
    with pytest.raises(UserError, match="has the 1 class cup, but the checkpoint has the 3 classes cup, ball, key"):
        model_files.load_model(model_file("ckpt"), options(f"--ann_file={path}"))
    with pytest.raises(UserError, match="num_classes is 4"):
        model_files.load_model(model_file("ckpt"), options("--num_classes=4"))


def test_what_was_kept_is_read(tmp_path):
    entry = fill(tmp_path).read()
    assert entry.network == 100 * b"x" and entry.categories == CATEGORIES
    assert entry.meta == {"anchors": [[1, 2]], "testing_shape": [64, 96]}


def test_the_key_depends_on_content_options_and_source(tmp_path, monkeypatch):
    keys = [fill(tmp_path).path, fill(tmp_path, "b.ckpt").path, fill(tmp_path, batch_size=2).path,
            fill(tmp_path, testing_shape=64).path, fill(tmp_path, num_classes=80).path,
            fill(tmp_path, mean="0,0,0").path]
    for name, value in (("_source_sha256", "another"), ("installed_version", "9")):
        monkeypatch.setattr(f"src.deploy.model_cache.{name}", lambda *_, value=value: value)
        keys.append(fill(tmp_path).path)
    assert len(set(keys)) == len(keys) == len(entries())
    keys = {fill(tmp_path, **changes).path for changes in ({}, {"nms_thresh": 0.2}, {"exif": "ignore"})}
    # The path is not of the content.
    (tmp_path / "copy.ckpt").write_text("a.ckpt")
    assert keys == {ModelCache(tmp_path / "copy.ckpt", options()).path}


@pytest.mark.parametrize("damaged", [
    lambda data: data[:-1] + b"y", lambda data: data[:-1], lambda data: data[:64], lambda data: b"",
    lambda data: data.replace(b"[1, 2]", b"[1, 3]"), lambda data: data.replace(b"\n", b" ")])
def test_a_damaged_entry_is_made_again(damaged, tmp_path, capsys):
    cache = fill(tmp_path)
    [path] = entries()
    path.write_bytes(damaged(path.read_bytes()))
    assert cache.read() is None
    assert f"warning: {path}: this entry of the model cache is damaged, and is made again" in capsys.readouterr().err
    assert entries() == [] and cache.read() is None
    assert fill(tmp_path).read() is not None and capsys.readouterr().err == ""


def test_a_damaged_network_is_exported_again(capsys):
    [image] = photos(1)
    expected = Detector(model_file("ckpt"), draw_threshold=0.3)(image)
    [path] = entries()
    with open(path, "r+b") as file:
        file.seek(10**6)
        file.write(b"broken")
    found = Detector(model_file("ckpt"), draw_threshold=0.3)(image)
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    assert "is damaged" in capsys.readouterr().err
    assert open_cache(model_file("ckpt"), options()).read() is not None


@pytest.mark.parametrize(("limit", "value"), [("MAX_ENTRIES", 3), ("MAX_BYTES", 3500)])
def test_what_was_not_used_for_longest_goes(limit, value, tmp_path, monkeypatch):
    monkeypatch.setattr(model_cache, limit, value)
    caches = []
    for number in range(3):
        caches.append(fill(tmp_path, f"{number}.ckpt", size=700))
        os.utime(caches[-1].path, (number, number))
    assert caches[0].read() is not None
    caches.append(fill(tmp_path, "3.ckpt", size=700))
    assert [cache.read() is not None for cache in caches] == [True, False, True, True]


def test_what_a_killed_process_was_writing_goes(tmp_path):
    cache = fill(tmp_path)
    stray = cache.path.parent / f".{cache.path.name}.1{WRITING}"
    stray.mkdir()
    (stray / LOCK).touch()
    (stray / cache.path.name).write_bytes(b"half")
    cache = fill(tmp_path, "other.ckpt")
    assert not stray.exists() and cache.read() is not None


def test_without_room_or_folder_prediction_works(tmp_path, monkeypatch, capsys):
    with full_disk():
        cache = fill(tmp_path, size=10**6)
    assert cache.read() is None and entries() == []
    assert "the network is not kept for the next prediction (File too large" in capsys.readouterr().err
    monkeypatch.setenv("YOLOV3_TINY_CACHE", str(tmp_path / "a.ckpt"))
    assert len(Detector(model_file("ckpt"), draw_threshold=0.3)(photos(1)[0])) > 5
    err = capsys.readouterr().err
    assert "is not kept for the next prediction (File exists)" in err and "--model_cache False" in err


def test_a_user_without_a_home(monkeypatch):
    def home():
        raise RuntimeError("Could not determine home directory.")
    monkeypatch.delenv("YOLOV3_TINY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert model_cache.cache_folder() == Path("/caches/yolov3_tiny")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", home)
    assert open_cache(model_file("ckpt"), options()).read() is None


def test_processes_share_the_cache(tmp_path):
    (tmp_path / "a.ckpt").write_text("checkpoint")
    processes = [start(CONTENTION, tmp_path / "a.ckpt") for _ in range(2)]
    assert [process.communicate() for process in processes] == [("", ""), ("", "")]
    assert [process.returncode for process in processes] == [0, 0]


@pytest.mark.parametrize("arguments", ["--model_cache=False", "--cpu_engine=mindspore", "--device_target=GPU"])
def test_no_entry_is_used(arguments):
    assert open_cache(model_file("ckpt"), options(arguments)) is None


def test_a_checkpoint_that_its_folder_does_not_list_is_refused_as_before(tmp_path):
    cache = fill(tmp_path)
    entry = entry_of(tmp_path / "a.ckpt", {}, WEIGHTS)
    write_list(tmp_path, {"a.ckpt": entry})
    assert cache.read() is not None
    write_list(tmp_path, {"a.ckpt": {**entry, "sha256": 64 * "0"}})
    with pytest.raises(UserError, match="a.ckpt: cannot be read"):
        cache.read()

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Parts of the C++ app: unit tests with golden files of Python, readers of files, style."""
import json
import os
import re
import shutil
import subprocess
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest

from tests.support.golden_files import describe, export_config, picture_files, write_golden
from tests.support.helpers import write_coco
from tests.support.infer_app import APP, MISSING, build_folder, run_app

TESTS = APP.parent / "tests" / "ascend310" / "cpp"


@pytest.mark.slow
def test_the_unit_tests_agree_with_files_of_python(tmp_path):
    write_golden(tmp_path)
    done = run_app(program="yolo_tests", YOLO_GOLDEN=str(tmp_path))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]


def mutated(data, rng):
    """Return bytes with a few changes: other bytes, bytes twice, bytes away, an end."""
    data = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        start, count = int(rng.integers(len(data))), int(rng.integers(1, 20))
        match rng.integers(5):
            case 0:
                data[start] = rng.integers(256)
            case 1:
                data[start:start] = data[start:start + count]
            case 2 if len(data) > count:
                del data[start:start + count]
            case 3:
                data[start] = int(rng.choice(list(b'{}[]",:-0159eE\\\x00\xff')))
            case 4 if rng.random() < 0.2:
                del data[start + 1:]
    return bytes(data)


@pytest.mark.slow
def test_mutated_files_are_taken_or_refused_and_nothing_else(tmp_path):
    rng = np.random.default_rng(5)
    pictures = [data for name, data in picture_files().items() if name not in ("photo.jpg", "tall.png")]
    truth = write_coco(tmp_path / "data", [{}, {"boxes": [(1, 2, 30, 20, 3)]}], "val",
                       categories=[{"id": 3, "name": "cup"}, {"id": 1, "name": "ball"}, {"id": 7, "name": "key"}])
    texts = [truth.read_bytes(), json.dumps(describe(export_config())).encode()]
    folder = tmp_path / "mutated"
    folder.mkdir()
    for number in range(700):
        (folder / f"{number}.image").write_bytes(mutated(pictures[number % len(pictures)], rng))
    for number in range(600):
        (folder / f"{number}.json").write_bytes(mutated(texts[number % 2], rng))
    for number in range(50):
        (folder / f"{number}.txt").write_bytes(mutated(b"a.jpg\nsub/b.png\n\nc d.jpg\n", rng))
    done = run_app(folder, program="yolo_read_files")
    assert done.returncode == 0, done.stderr[-4000:]
    found = {name: (int(taken), int(refused))
             for name, taken, refused in re.findall(r"(\w+) (\d+) taken (\d+) refused", done.stdout)}
    assert {name: sum(counts) for name, counts in found.items()} == {
        "descriptions": 600, "annotations": 600, "lists": 50, "images": 700}
    assert found["images"][0] > 50 and found["images"][1] > 50
    assert found["descriptions"][0] > 5 and found["annotations"][0] > 5


def need_tool(name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name})")


def test_the_format_is_that_of_clang_format():
    need_tool("clang-format")
    ours = [*(APP / "inc").rglob("*.h"), *(APP / "src").rglob("*.cc"), *TESTS.rglob("*.h"), *TESTS.rglob("*.cc")]
    assert len(ours) > 30
    done = subprocess.run(["clang-format", "--dry-run", "-Werror", *ours], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[:3000]


def test_a_place_of_cann_without_its_libraries_is_told(tmp_path):
    need_tool("cmake")
    done = subprocess.run(["cmake", "-S", APP, "-B", tmp_path / "build", "-DLITE_HOME=", f"-DASCEND_HOME={tmp_path}"],
                          capture_output=True, text=True)
    if MISSING.search(done.stderr):
        pytest.skip("cmake does not find a library; ascend310_infer/README.md names the Debian packages")
    words = " ".join(done.stderr.split())
    assert done.returncode == 0 and f"without --preprocess dvpp: in ASCEND_HOME, {tmp_path}, one of" in words, words


@pytest.mark.slow
def test_clang_tidy_is_quiet():
    need_tool("clang-tidy")
    commands = json.loads((build_folder() / "compile_commands.json").read_text())
    files = sorted({command["file"] for command in commands})
    assert len(files) > 25
    # What is built by the vendor's releases alone, against the stand-ins for them.
    options = ["--", "-std=c++17", f"-I{APP}", *(f"-isystem{folder}" for folder in (
        TESTS / "fake_lite", TESTS / "fake_acl" / "include", "/usr/include/opencv4"))]
    runs = [(file, "-p", build_folder()) for file in files]
    runs += [(APP / "src" / f"{name}.cc", *options) for name in ("model/lite_runtime", "image/dvpp")]
    with ThreadPool(len(os.sched_getaffinity(0))) as pool:
        complaints = pool.starmap(tidy, runs)
    assert not any(complaints), "\n".join(filter(None, complaints))[:6000]


def tidy(file, *options):
    """Return what clang-tidy has to say of a file."""
    done = subprocess.run(["clang-tidy", "--quiet", file, *options], capture_output=True, text=True)
    return done.stdout or (done.stderr if done.returncode else "")

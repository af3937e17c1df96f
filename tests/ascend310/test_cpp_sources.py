# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The C++ sources: unit tests with golden files of Python, mutated files, configuration, format and lint."""
import json
import os
import re
import shutil
from multiprocessing.pool import ThreadPool

import numpy as np
import pytest

from tests.support.ascend310.golden_files import MODEL, describe, export_config, image_files, write_golden
from tests.support.ascend310.infer_app import APP, CPP, MISSING, run, run_app, sanitized_app
from tests.support.helpers import write_coco


@pytest.mark.slow
def test_the_unit_tests_pass_on_golden_files_of_python(tmp_path):
    write_golden(tmp_path)
    done = run_app(program="yolo_tests", YOLO_GOLDEN=str(tmp_path))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]


@pytest.mark.slow
def test_the_threads_race_for_nothing():
    app = sanitized_app()
    done = run("cmake", "--build", app.build, "--target", "yolo_thread_tests", env=app.environment())
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]
    done = run_app(program="yolo_thread_tests")
    assert done.returncode == 0, (done.stdout + done.stderr)[-6000:]


def mutated(data, rng):
    """Return bytes with a few changes: replaced, repeated or removed bytes, an early end."""
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
def test_mutated_files_are_accepted_or_refused_and_nothing_else(tmp_path):
    rng = np.random.default_rng(5)
    images = [data for name, data in image_files().items() if name not in ("photo.jpg", "tall.png")]
    truth = write_coco(tmp_path / "data", [{}, {"boxes": [(1, 2, 30, 20, 3)]}], "val",
                       categories=[{"id": 3, "name": "cup"}, {"id": 1, "name": "ball"}, {"id": 7, "name": "key"}])
    texts = [truth.read_bytes(), json.dumps(describe(export_config())).encode()]
    folder = tmp_path / "mutated"
    folder.mkdir()
    for number in range(700):
        (folder / f"{number}.image").write_bytes(mutated(images[number % len(images)], rng))
    for number in range(300):
        (folder / f"{number}.json").write_bytes(mutated(texts[0], rng))
        (folder / f"{number}.om.json").write_bytes(mutated(texts[1], rng))
        (folder / f"{number}.om").write_bytes(mutated(MODEL, rng) if number % 2 else MODEL)
    for number in range(50):
        (folder / f"{number}.txt").write_bytes(mutated(b"a.jpg\nsub/b.png\n\nc d.jpg\n", rng))
    done = run_app(folder, program="yolo_read_files")
    assert done.returncode == 0, done.stderr[-4000:]
    found = {name: (int(accepted), int(refused))
             for name, accepted, refused in re.findall(r"(\w+) (\d+) accepted (\d+) refused", done.stdout)}
    assert {name: sum(counts) for name, counts in found.items()} == {
        "descriptions": 600, "annotations": 600, "models": 300, "lists": 50, "images": 700}
    assert found["images"][0] > 50 and found["images"][1] > 50
    assert found["descriptions"][0] > 5 and found["annotations"][0] > 5
    # A description that was changed where it does no harm, beside a model that was not changed.
    assert 0 < found["models"][0] <= found["descriptions"][0] and found["models"][1] > 150


def need_tool(name):
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install {name})")


def test_the_format_is_that_of_clang_format():
    need_tool("clang-format")
    ours = [*(APP / "inc").rglob("*.h"), *(APP / "src").rglob("*.cc"), *CPP.rglob("*.h"), *CPP.rglob("*.cc")]
    assert len(ours) > 30
    done = run("clang-format", "--dry-run", "-Werror", *ours)
    assert done.returncode == 0, done.stderr[:3000]


def test_a_folder_of_cann_without_its_libraries_is_reported(tmp_path):
    need_tool("cmake")
    done = run("cmake", "-S", APP, "-B", tmp_path / "build", "-DLITE_HOME=", f"-DASCEND_HOME={tmp_path}")
    if MISSING.search(done.stderr):
        pytest.skip("cmake does not find a library; ascend310_infer/README.md names the Debian packages")
    text = " ".join(done.stderr.split())
    assert done.returncode == 0 and f"and --preprocess dvpp: in ASCEND_HOME, {tmp_path}, one of" in text, text


@pytest.mark.slow
def test_clang_tidy_is_quiet(tmp_path):
    """Each file on its own, which also shows a missing include that the unity builds of the tests hide."""
    need_tool("clang-tidy")
    app = sanitized_app()
    done = run("cmake", "-S", APP, "-B", tmp_path, "-DYOLO_TESTS=ON", f"-DLITE_HOME={app.lite_home}",
               f"-DASCEND_HOME={app.acl_home}")
    assert done.returncode == 0, done.stderr
    files = sorted({command["file"] for command in json.loads((tmp_path / "compile_commands.json").read_text())})
    assert len(files) > 30
    with ThreadPool(len(os.sched_getaffinity(0))) as pool:
        checked = pool.map(lambda file: run("clang-tidy", "--quiet", "-p", tmp_path, file), files)
    complaints = [done.stdout or done.stderr for done in checked if done.stdout or done.returncode]
    assert not complaints, "\n".join(complaints)[:6000]

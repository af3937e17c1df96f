# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The C++ app with its parts for the device, built by build.sh against stand-ins for MindSpore Lite and ACL.

The stand-in for MindSpore Lite (tests/ascend310/cpp/fake_lite) returns recorded heads; that for ACL
(tests/ascend310/cpp/fake_acl) decodes
and resizes by OpenCV.
"""
import atexit
import json
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from model_utils.config import get_config
from src.data.categories import Categories
from src.data.image_files import decode_image
from src.data.placement import fit_placement
from src.deploy.model_description import OUTPUT_NAMES, describe_model
from src.transforms import place
from tests.support.infer_app import APP, MISSING

CPP = Path(__file__).resolve().parents[1] / "ascend310" / "cpp"
CATEGORIES = Categories(("cup", "ball", "key"), (3, 1, 7))
# Numbers of mindspore::DataType.
TYPES = {"int8": 32, "uint8": 37, "float16": 42, "float32": 43}
SANITIZE = "-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"


class DeviceApp:
    """Folders of the two stand-ins, laid out as the vendor's releases, and of the build."""

    def __init__(self, root):
        self.lite_home, self.acl_home, self.build = root / "mindspore lite", root / "cann", root / "build"

    def environment(self, **extra):
        return {**os.environ, "LITE_HOME": str(self.lite_home), "ASCEND_TOOLKIT_HOME": str(self.acl_home), **extra}


def device_app():
    """Return the built `DeviceApp`; without a compiler or a library the test is skipped."""
    app, missing, failure = _build()
    if missing:
        pytest.skip(missing)
    assert not failure, failure
    return app


@cache
def _build():
    """Return (app, what this machine lacks, what went wrong); tried once, as it takes minutes."""
    for program in ("cmake", "g++"):
        if shutil.which(program) is None:
            return None, f"{program} is not installed (Debian: apt-get install cmake g++)", ""
    root = Path(tempfile.mkdtemp(prefix="device app "))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    app = DeviceApp(root)
    # Before the stand-ins: what they include, cmake looks for.
    prepared = _run("cmake", "-S", APP, "-B", root / "probe")
    missing = MISSING.search(prepared.stderr)
    if missing:
        return None, f"cmake does not find {missing[1] or missing[2] or missing[3]}", ""
    made = [_make_library(app.lite_home / "runtime", "fake_lite", "include", "lib/libmindspore-lite.so",
                          "lib/libmindspore_core_lite.so"),
            _make_library(app.acl_home, "fake_acl", "include", "lib64/libascendcl.so", "lib64/libacl_dvpp.so")]
    made.append(_run("bash", APP / "build.sh", app.build, env=app.environment(CXXFLAGS=SANITIZE, LDFLAGS=SANITIZE)))
    return app, "", "\n".join((done.stdout + done.stderr)[-8000:] for done in made if done.returncode)


def _make_library(home, name, include, library, *copies):
    """Compile a stand-in to the place and with the headers that the vendor's library has."""
    (home / library).parent.mkdir(parents=True)
    (home / include).symlink_to(CPP / name / "include")
    flags = ["-std=c++17", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    libraries = ["-lopencv_core", "-lopencv_imgproc", "-lopencv_imgcodecs"] if name == "fake_acl" else []
    done = _run("g++", *flags, "-I", home / include, "-I", home, "-isystem", "/usr/include/opencv4",
                CPP / name / f"{name}.cc", "-o", home / library, *libraries)
    for copy in copies:
        (home / copy).symlink_to((home / library).name)
    return done


def _run(*command, **options):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, errors="replace", **options)


class FakeModel:
    """A .mindir that only the stand-in knows, its description, recorded inputs and heads.

    Args:
        folder (Path): receives the files.
        images (list): paths; item k of the record is what the app makes of image k.
        output_type (str): float32 or float16, the type of the outputs.
        output_names (tuple): as MindSpore Lite calls the outputs.
        **options: of export.py, with small values in the place of the defaults.
    """

    def __init__(self, folder, images, output_type="float32", output_names=OUTPUT_NAMES, **options):
        options = {"testing_shape": "64,96", "resize_mode": "letterbox", "batch_size": 1, "device_target": "CPU",
                   **options}
        self.config = get_config([f"--{name}={value}" for name, value in options.items()])
        self.folder, self.images, self.path = folder, images, folder / "a model.mindir"
        (height, width), batch = self.config.testing_shape, self.config.batch_size
        self.path.write_bytes(b"known to the stand-in only")
        fields = 5 + len(CATEGORIES)
        grids = [(height // stride, width // stride) for stride in (32, 16)]
        shapes = [(batch, *grid, 3, fields) if self.config.keep_detect else (batch, 3 * fields, *grid)
                  for grid in grids]
        record = decoded_heads if self.config.keep_detect else raw_heads
        self.heads = [record((len(images), *shape[1:]), seed).astype(output_type).astype(np.float32)
                      for seed, shape in enumerate(shapes, start=5)]
        self.description = describe_model(self.config, CATEGORIES, self.path.name, self.path.read_bytes(), shapes)
        self.write_description()
        self.inputs = np.stack([self.network_input(path) for path in images])
        self.inputs.tofile(folder / "inputs.bin")
        for head, name in zip(self.heads, OUTPUT_NAMES, strict=True):
            head.astype(output_type).tofile(folder / f"{name}.bin")
        self.told = {
            "inputs": [{"name": "images", "type": TYPES[str(self.inputs.dtype)],
                        "shape": [batch, *self.inputs.shape[1:]]}],
            "outputs": [{"name": told, "type": TYPES[output_type], "shape": list(shape), "record": f"{name}.bin"}
                        for told, name, shape in zip(output_names, OUTPUT_NAMES, shapes, strict=True)],
            "record": "inputs.bin", "log": "log.json"}

    def write_description(self):
        Path(f"{self.path}.json").write_text(json.dumps(self.description))

    def network_input(self, path):
        """What the app should hand to the network for an image: with AIPP and in uint8 the pixels."""
        canvas_hw = self.config.testing_shape
        image = decode_image(path)
        canvas = place(image, fit_placement(self.config.resize_mode, image.shape[:2], canvas_hw), canvas_hw,
                       self.config.pad_value)
        if self.config.export_input == "uint8" or self.config.export_normalise == "aipp":
            return canvas
        pixels = (canvas / 255 - np.array(self.config.mean)) / np.array(self.config.std)
        return np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32)

    def infer(self, *options, **environment):
        """Run the app on the images of the folder images/; returns the finished process."""
        app = device_app()
        (self.folder / "fake.json").write_text(json.dumps(self.told))
        done = _run(app.build / "yolo_infer", "--model", self.path, "--images", self.images[0].parent, "--output",
                    self.folder / "out", *options,
                    env=app.environment(FAKE_LITE_MODEL=str(self.folder / "fake.json"), **environment))
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr[-6000:]
        return done

    def results(self):
        return json.loads((self.folder / "out" / "results.json").read_text())

    def log(self):
        """What the stand-in was told."""
        return json.loads((self.folder / "log.json").read_text())


def decoded_heads(shape, seed):
    """Decoded heads float32 [N, gh, gw, A, 5 + C] as a network might give them: few objects, many weak boxes."""
    heads = np.random.default_rng(seed).random(shape)
    heads[..., 2:4] = 0.05 + 0.4 * heads[..., 2:4]
    heads[..., 4] **= 4
    return heads.astype(np.float32)


def raw_heads(shape, seed):
    """Raw heads float32 [N, A * (5 + C), gh, gw]."""
    return np.random.default_rng(seed).normal(0, 1, shape).astype(np.float32)

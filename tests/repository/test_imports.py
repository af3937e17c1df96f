# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Importing a module does nothing, and every entry point prepares the environment before MindSpore."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMPORT_ALL = """
import importlib, logging, os, random, sys
before = dict(os.environ)
import model_utils.bootstrap
added = set(os.environ) - set(before)
assert added <= {"ONEDNN_MAX_CPU_ISA", "GLOG_v"}, added
# Third-party packages may change it (OpenCV sets LD_LIBRARY_PATH); the check covers what is imported after them.
import cv2, mindspore, mindspore.dataset, numpy, pycocotools.cocoeval, tensorboardX, tqdm
handlers, environment = list(logging.getLogger().handlers), dict(os.environ)
states = random.getstate(), numpy.random.get_state()[1].tolist()
for name in MODULES:
    importlib.import_module(name)
assert logging.getLogger().handlers == handlers, "logging was set up"
assert (random.getstate(), numpy.random.get_state()[1].tolist()) == states, "random numbers were drawn"
assert dict(os.environ) == environment, "the environment was changed"
"""


def module_names():
    files = [*ROOT.glob("*.py"), *(ROOT / "src").rglob("*.py"), *(ROOT / "model_utils").rglob("*.py")]
    names = [path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in sorted(files)]
    return [name.removesuffix(".__init__") for name in names]


def test_importing_every_module_does_nothing(tmp_path):
    code = IMPORT_ALL.replace("MODULES", repr(module_names()))
    hostile = ["--help", "--config_path", "/nowhere.yaml", "--no_such_option", "stray"]
    done = subprocess.run([sys.executable, "-c", code, *hostile], cwd=tmp_path, text=True, capture_output=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def imported_modules(path):
    """Return the modules that a file imports at its top level, in order."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found.extend(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.append(node.module)
    return found


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.py")), ids=lambda path: path.name)
def test_an_entry_point_imports_bootstrap_first(path):
    foreign = [name for name in imported_modules(path) if name.split(".")[0] not in sys.stdlib_module_names]
    assert foreign[0] == "model_utils.bootstrap"


TOOLS = sorted(path for path in (ROOT / "tools").glob("*.py") if "__main__" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", TOOLS, ids=lambda path: path.name)
def test_a_tool_starts_in_any_folder_as_a_file_and_as_a_module(tmp_path, path):
    # The folder of a user, whose names must not stand in for ours.
    (tmp_path / "src").mkdir()
    environment = {**os.environ, "PYTHONPATH": ""}
    outputs = [subprocess.run([sys.executable, *start, "--help"], cwd=folder, text=True, capture_output=True,
                              env=environment, timeout=120, check=True).stdout
               for start, folder in (([path], tmp_path), (["-m", f"tools.{path.stem}"], ROOT))]
    assert outputs[0] == outputs[1] and f"python tools/{path.name}" in outputs[0]

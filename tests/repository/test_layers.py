# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Imports run downwards, without a circle (the contracts are in pyproject.toml), and no folder is crowded."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("model_utils", "src", "scripts", "tools")
MAX_MODULES, MAX_SRC_ENTRIES = 15, 19
NO_MODULES = {"__init__.py", "__pycache__", "build", "outputs", "node_modules"}


def lint_imports(root):
    command = [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=120,
                          env={**os.environ, "PYTHONPATH": str(root)})


def test_imports_run_downwards():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file, line, broken", [
    ("src/weights/folding.py", "from src.training import ema", "src.weights is not allowed to import src.training"),
    ("src/data/augment.py", "from src import transforms", "src.data is not allowed to import src.transforms"),
    ("model_utils/files.py", "from src.util import first_names", "model_utils is not allowed to import src.util"),
    ("model_utils/files.py", "from model_utils import json_file", "No circle BROKEN"),
])
def test_an_upward_import_and_a_circle_are_found(tmp_path, file, line, broken):
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    with (tmp_path / file).open("a") as module:
        module.write(f"{line}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1 and broken in done.stdout, done.stdout + done.stderr


def test_no_folder_has_more_than_fifteen_modules():
    crowded = {}
    for folder in (ROOT, *(path for path in ROOT.rglob("*") if path.is_dir())):
        if any(part.startswith(".") or part in NO_MODULES for part in folder.relative_to(ROOT).parts):
            continue
        modules = [path for path in folder.iterdir() if path.suffix in (".py", ".cc") and path.name != "__init__.py"]
        if len(modules) > MAX_MODULES:
            crowded[str(folder.relative_to(ROOT))] = len(modules)
    assert not crowded, crowded


def test_the_root_of_src_holds_little_more_than_the_names_that_users_know():
    entries = [path.name for path in (ROOT / "src").iterdir() if path.name not in NO_MODULES]
    assert len(entries) <= MAX_SRC_ENTRIES, sorted(entries)

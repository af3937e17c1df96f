# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Process setup before MindSpore is imported. The only module that acts at import, so it is imported first.

oneDNN's AVX-512 kernels of MindSpore's CPU convolution fall back to a reference implementation that is 60 to 150
times slower; capping the instruction set at AVX2 avoids it. Values that the user set are kept. In a program of the
repository's root, signals are listened for from here on.
"""

# Lets old versions of Python reach the check below.
from __future__ import annotations

import os
import sys
import warnings
from importlib import metadata
from pathlib import Path

PYTHON_VERSIONS = ((3, 10), (3, 12))
MINDSPORE_VERSIONS = ((2, 7), (3, 0))
NUMPY_VERSIONS = ((1, 25), (2, 0))
INSTALL = "install the tested set: pip install -r requirements.txt"


def set_environment() -> None:
    """Set the variables that MindSpore, oneDNN and OpenCV read at start, unless the user set them."""
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
    # 3: errors only; at level info the compiler prints thousands of lines.
    os.environ.setdefault("GLOG_v", "3")
    # What OpenCV and Pillow say of an image has no name in it; the programs report the file themselves.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    warnings.filterwarnings("ignore", category=UserWarning, module="PIL")


def open_standard_streams() -> None:
    """Open the null device in place of standard streams that are closed: files would get their numbers, and output."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(number, "w" if number else "r", encoding="utf-8", closefd=False))


def is_program() -> bool:
    """Return whether the program that runs is a file of the repository's root, such as train.py."""
    main = getattr(sys.modules["__main__"], "__file__", None)
    return bool(main) and Path(main).resolve().parent == Path(__file__).resolve().parents[1]


def folder_problem() -> str:
    """Return a message where the working folder has been deleted, or an empty string."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return "the working folder has been deleted; change to one that exists"
    return ""


def version_problem() -> str:
    """Return a message about an unsupported version of Python, NumPy or MindSpore, or an empty string."""
    python = sys.version_info[:2]
    low, high = PYTHON_VERSIONS
    if not low <= python <= high:
        return (
            f"Python is {python[0]}.{python[1]}, but MindSpore 2.10 needs Python {low[0]}.{low[1]} to "
            f"{high[0]}.{high[1]}: make a virtual environment with one of them"
        )
    for name, versions in (("MindSpore", MINDSPORE_VERSIONS), ("NumPy", NUMPY_VERSIONS)):
        problem = _package_problem(name, *versions)
        if problem:
            return problem
    return ""


def _package_problem(name: str, low: tuple[int, int], below: tuple[int, int]) -> str:
    try:
        version = metadata.version(name.lower())
    except metadata.PackageNotFoundError:
        return f"{name} is not installed in {sys.prefix}; {INSTALL}"
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if low <= numbers < below:
        return ""
    return (
        f"{name} {version} is installed, but this program needs at least {low[0]}.{low[1]} and less than "
        f"{below[0]}.{below[1]}; {INSTALL}"
    )


open_standard_streams()
set_environment()
_problem = folder_problem() or version_problem()
if _problem:
    sys.exit(f"error: {_problem}")
if is_program():
    # Here, for Python's own version is known to be one that can read it.
    from model_utils.signals import listen

    listen()

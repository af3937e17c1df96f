# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Process setup before MindSpore is imported. The only module that acts at import, so it is imported first.

oneDNN's AVX-512 kernels of MindSpore's CPU convolution fall back to a reference implementation that is 60 to 150
times slower; capping the instruction set at AVX2 avoids it. Values that the user set are kept.
"""

# Lets old versions of Python reach the check below.
from __future__ import annotations

import os
import sys
from importlib import metadata

PYTHON_VERSIONS = ((3, 10), (3, 12))
MINDSPORE_VERSIONS = ((2, 7), (3, 0))
NUMPY_VERSIONS = ((1, 25), (2, 0))
INSTALL = "install the tested set: pip install -r requirements.txt"


def set_environment() -> None:
    """Set the variables that MindSpore and oneDNN read at start, unless the user set them."""
    os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")
    # 3: errors only; at level info the compiler prints thousands of lines.
    os.environ.setdefault("GLOG_v", "3")


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


set_environment()
_problem = version_problem()
if _problem:
    sys.exit(f"error: {_problem}")

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Versions of CANN and CUDA: those that MindSpore 2.10 was built for, and the one of this machine.

MindSpore reports a mismatch at its import, as a warning among thousands of lines.
"""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

# From MindSpore 2.10's own run_check/_check_version.py and from the plugins in its wheel.
CANN_VERSIONS = ("8.2", "8.3", "8.5", "9.0", "9.1")
CUDA_VERSIONS = ("11.1", "11.6")


def device_warnings(device_target: str, environment: Mapping[str, str] | None = None) -> list[str]:
    """Return warnings about what may keep a device from working here; none for a CPU.

    Args:
        device_target: Ascend, GPU or CPU.
        environment: variables by name; None: those of the process.
    """
    environment = os.environ if environment is None else environment
    if device_target == "Ascend":
        return _cann_warnings(environment.get("ASCEND_HOME_PATH", ""))
    if device_target == "GPU":
        return _cuda_warnings(Path(environment.get("CUDA_HOME") or "/usr/local/cuda"))
    return []


def _cann_warnings(home):
    if not home:
        return ["ASCEND_HOME_PATH is not set, so no CANN will be found: source the set_env.sh of CANN "
                f"({_either(CANN_VERSIONS)}) first"]
    file = Path(home) / "compiler" / "version.info"
    found = re.search(r"^Version=(\d+\.\d+)", _text(file), re.MULTILINE)
    if not found:
        return [f"{file}: no version of CANN found there; MindSpore 2.10 needs {_either(CANN_VERSIONS)}"]
    return _mismatch("CANN", found[1], CANN_VERSIONS, file)


def _cuda_warnings(home):
    for file, pattern in ((home / "version.json", r"^(\d+\.\d+)"), (home / "version.txt", r"CUDA Version (\d+\.\d+)")):
        text = _text(file)
        if file.suffix == ".json" and text:
            try:
                text = json.loads(text)["cuda"]["version"]
            except (ValueError, KeyError, TypeError):
                continue
        found = re.search(pattern, text)
        if found:
            return _mismatch("CUDA", found[1], CUDA_VERSIONS, file)
    return [f"{home}: no version of CUDA found there; MindSpore 2.10 needs {_either(CUDA_VERSIONS)} (set CUDA_HOME if "
            "it is elsewhere)"]


def _mismatch(what, found, expected, file):
    if found in expected:
        return []
    return [f"{file}: this is {what} {found}, but MindSpore 2.10 was built for {_either(expected)}"]


def _text(file):
    """Return the text of a file, nothing where it cannot be read."""
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _either(versions):
    return f"{', '.join(versions[:-1])} or {versions[-1]}"

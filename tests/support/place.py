# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A copy of the scripts in a place full of spaces, and a stand-in for Python that writes down its calls."""
import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STUB = """#!/usr/bin/env bash
# Stands for Python: one json record of a call a line.
{
    printf '{"cwd": "%s", "stdin": "%s", "arguments": [' "$PWD" "$(readlink /proc/self/fd/0)"
    separator=''
    for argument in "$@"; do printf '%s"%s"' "$separator" "${argument//\\"/}"; separator=', '; done
    printf ']}\\n'
} >> "$STUB_RECORD"
echo "the program speaks"
echo "and complains" >&2
sleep "${STUB_SLEEP:-0}"
exit "${STUB_EXIT:-0}"
"""


class Place:
    """A copy of the scripts in a repository, a calling folder, data and a checkpoint; every path has a space in it."""

    def __init__(self, folder):
        self.repo, self.caller = folder / "my repo", folder / "calling folder"
        self.data, self.checkpoint = self.caller / "my data", self.caller / "a model.ckpt"
        self.record = folder / "record.json"
        self.stub = folder / "my python"
        self.data.mkdir(parents=True)
        self.checkpoint.write_text("weights")
        shutil.copytree(ROOT / "scripts", self.repo / "scripts")
        self.stub.write_text(STUB)
        self.stub.chmod(self.stub.stat().st_mode | stat.S_IXUSR)

    def environment(self, **extra):
        kept = {name: value for name, value in os.environ.items()
                if name not in ("DEVICE_TARGET", "WAIT", "VIRTUAL_ENV", "CONDA_PREFIX", "CDPATH", "QUICK_START_SHORT")}
        return {**kept, "PYTHON": str(self.stub), "STUB_RECORD": str(self.record), **extra}

    def run(self, script, *arguments, cwd=None, wait="1", **extra):
        extra = {"WAIT": wait, **extra} if wait else extra
        return subprocess.run(["bash", str(self.repo / "scripts" / script), *map(str, arguments)], text=True,
                              cwd=cwd or self.caller, env=self.environment(**extra), capture_output=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)

    def calls(self):
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        return [json.loads(line) for line in lines]

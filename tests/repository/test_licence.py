# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Every source file begins with the two lines of the licence, and LICENSE is Apache 2.0."""
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUFFIXES = {".py", ".sh", ".cc", ".h"}
HEADER = re.compile(r"(#!.*\n)?(#|//) Copyright 2026 The YOLOv3-Tiny on MindSpore Authors\n"
                    r"\2 SPDX-License-Identifier: Apache-2\.0\n")


def test_every_source_file_begins_with_the_licence():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no git checkout: the files of the project are not known")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    sources = [path for path in paths if path.is_file() and (path.suffix in SUFFIXES or path.name == "CMakeLists.txt")]
    assert len(sources) > 200
    without = [str(path.relative_to(ROOT)) for path in sources
               if not HEADER.match(path.read_text(encoding="utf-8"))]
    assert not without, without


def test_the_licence_is_apache_2():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text[:200] and "Version 2.0, January 2004" in text and "END OF TERMS" in text

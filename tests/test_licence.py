# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
#
# Licensed under the Apache License, Version 2.0 (the "License");
# you may not use this file except in compliance with the License.
# You may obtain a copy of the License at
#
# http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS,
# WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
# See the License for the specific language governing permissions and
# limitations under the License.
# ============================================================================
"""Every source file names its licence."""
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = {".py", ".sh", ".cc", ".h"}
WORDS = ("Copyright 2026 The YOLOv3-Tiny on MindSpore Authors", "Licensed under the Apache License, Version 2.0",
         "http://www.apache.org/licenses/LICENSE-2.0", "limitations under the License.")


def test_every_source_file_begins_with_the_licence():
    listed = subprocess.run(["git", "-C", ROOT, "ls-files", "-z"], capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("no git checkout: which files are the project's is not known")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    sources = [path for path in paths if path.is_file() and (path.suffix in SUFFIXES or path.name == "CMakeLists.txt")]
    assert len(sources) > 200
    without = [str(path.relative_to(ROOT)) for path in sources
               if not all(word in path.read_text(encoding="utf-8")[:900] for word in WORDS)]
    assert not without, without


def test_the_licence_is_apache_2():
    words = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in words[:200] and "Version 2.0, January 2004" in words and "END OF TERMS" in words

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""MindSpore Lite itself, as its vendor publishes it: the wheel of release 2.0.0, laid out as the release for C++.

The wheel is for Python 3.7 on x86-64, but holds headers and libraries for C++. They stay in pytest's cache (340 MB).
"""
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path

REQUIREMENT = Path(__file__).with_name("lite_release.txt")
CACHE = Path(__file__).resolve().parents[3] / ".pytest_cache" / "d" / "mindspore lite"
LIBRARY = "libmindspore-extendrt_python.so"
# Where the release for C++ has libraries that lie side by side in the wheel.
PLACES = {"third_party/dnnl": ("libdnnl.*",), "third_party/glog": ("libmindspore_glog.*",),
          "../tools/converter/lib": ("libmindspore_converter.*", "libmslite_converter_plugin.*", "libopencv_*")}
# Plugins for GPUs and for Ascend, half of the bytes, which a CPU does not load.
OTHER_DEVICES = ("transformer", "tensorrt", "ascend")


@cache
def lite_release():
    """Return (the folder for LITE_HOME or None, why there is none)."""
    home = CACHE / REQUIREMENT.read_text().split()[0]
    if home.is_dir():
        return home, ""
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        done = subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--python-version=3.7",
                               "--only-binary=:all:", "--require-hashes", "--timeout=20", "--retries=2",
                               f"--dest={folder}", f"--requirement={REQUIREMENT}"], capture_output=True, text=True,
                              check=False)
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            return None, f"MindSpore Lite cannot be downloaded: {lines[-1] if lines else 'pip fails'}"
        _lay_out(next(Path(folder).glob("*.whl")), Path(folder, "home"))
        Path(folder, "home").rename(home)
    return home, ""


def _lay_out(wheel, home):
    """Unpack headers and libraries to the places that they have in the release for C++."""
    unpacked, runtime = home / "unpacked", home / "runtime"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(unpacked, [name for name in archive.namelist() if name.split("/")[1] in ("include", "lib")
                                      and not any(device in name for device in OTHER_DEVICES)])
    (unpacked / "mindspore_lite").rename(runtime)
    unpacked.rmdir()
    for place, names in PLACES.items():
        (runtime / place).mkdir(parents=True)
        for library in [path for name in names for path in (runtime / "lib").glob(name)]:
            library.rename(runtime / place / library.name)
    (runtime / "lib" / "libmindspore-lite.so").symlink_to(LIBRARY)

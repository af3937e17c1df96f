# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A stand-in for the package `moxing` of ModelArts, and helpers for tests of jobs.

It has the functions that this project calls, with moxing's argument names. Buckets are folders: s3://bucket/key and
obs://bucket/key are the file bucket/key below a root. As in moxing, a path without :// is local.
"""
import shutil
import sys
from pathlib import Path
from types import ModuleType

from model_utils.modelarts_job import Limits

# Every wait ends by an event, long before its limit, also on a busy machine.
FAST = Limits(copy=60, finish=60, upload=60, poll=0.01)


class Boom(Exception):
    """A failure of a run."""


class Storage(ModuleType):
    """moxing.file, with a list `calls` of (function, source, target), and a dict `errors` of what a function raises."""

    def __init__(self, root):
        super().__init__("moxing.file")
        self.root, self.calls, self.errors = Path(root), [], {}

    def exists(self, url):
        """Whether there is a file or folder."""
        return self.path(url).exists()

    def is_directory(self, url):
        """Whether there is a folder."""
        return self.path(url).is_dir()

    def make_dirs(self, url):
        """Make a folder and those above it."""
        self._called("make_dirs", url, "")
        self.path(url).mkdir(parents=True)

    def copy(self, src_url, dst_url):
        """Copy a file to a file."""
        self._called("copy", src_url, dst_url)
        self.path(dst_url).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self.path(src_url), self.path(dst_url))

    def copy_parallel(self, src_url, dst_url, file_list=None, threads=16, is_processing=True, use_queue=True):
        """Copy the content of a folder into another one."""
        self._called("copy_parallel", src_url, dst_url)
        if not self.path(src_url).is_dir():
            raise ValueError("No files to copy")
        shutil.copytree(self.path(src_url), self.path(dst_url), dirs_exist_ok=True)

    def path(self, url):
        """Return where a url is."""
        scheme, separator, key = str(url).partition("://")
        assert not separator or scheme in ("s3", "obs"), url
        return self.root / key if separator else Path(url)

    def _called(self, function, source, target):
        self.calls.append((function, str(source), str(target)))
        if function in self.errors:
            raise self.errors[function]


def install(root):
    """Put a `moxing` whose buckets are below a folder into sys.modules; returns its `file`."""
    package = ModuleType("moxing")
    package.file = sys.modules["moxing.file"] = Storage(root)
    sys.modules["moxing"] = package
    return package.file


def write_result(config, name="result.txt"):
    """A run that writes a file below ckpt_path; returns 7."""
    folder = Path(config.ckpt_path) / "RUN"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("result")
    return 7


def names(folder):
    """Return the paths of all files below a folder, relative to it."""
    return sorted(path.relative_to(folder).as_posix() for path in Path(folder).rglob("*") if path.is_file())

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""All images of a folder and its sub-folders, found by what the files hold."""
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from model_utils.errors import UserError
from src.data.image_files import is_image
from src.util import first_names

# Suffixes of the formats that OpenCV writes.
WRITABLE = (".bmp", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def image_paths(path: str | os.PathLike, output_dir: str = "") -> list[Path]:
    """Return the image itself, or all images in a folder and its sub-folders, by suffix or content, sorted by path.

    Files that are no images are reported on standard error. What an earlier run drew, in `output_dir`, is no input.

    Raises:
        UserError: there is no such file or folder, or the folder holds no image.
    """
    path = Path(path)
    if not path.is_dir():
        if not path.is_file():
            raise UserError(f"{path}: no such image or folder; check --image")
        return [path]
    drawn = Path(output_dir).resolve() if output_dir else None
    files = sorted(entry for entry in files_below(path)
                   if not (drawn and drawn != path.resolve() and drawn in entry.resolve().parents))
    # One that is called an image but is none is reported by its decoder; hidden ones are the system's.
    paths = [entry for entry in files if not entry.name.startswith(".")
             and (entry.suffix.lower() in WRITABLE or is_image(entry))]
    if not paths:
        raise UserError(f"{path}: no image among the {len(files)} files of this folder and its sub-folders; expected "
                        "JPEG, PNG or another format that OpenCV or Pillow reads")
    if len(paths) < len(files):
        others = [str(entry.relative_to(path)) for entry in sorted(set(files).difference(paths))]
        print(f"warning: {path}: {len(others)} entries are no images, or hidden, and left out: {first_names(others)}",
              file=sys.stderr)
    return paths


def files_below(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its sub-folders, also those that are links, each folder once.

    Links to nothing and hidden folders are yielded like files: they are reported with those that are no images.
    """
    seen = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        if os.path.realpath(parent) in seen:
            folders.clear()
            continue
        seen.add(os.path.realpath(parent))
        hidden = [name for name in folders if name.startswith(".")]
        folders[:] = sorted(set(folders).difference(hidden))
        yield from (Path(parent, name) for name in (*files, *hidden))

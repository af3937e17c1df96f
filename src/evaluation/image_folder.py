# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""All images and videos of a folder and its sub-folders, found by what the files hold."""
import os
import sys
from pathlib import Path

from model_utils.errors import UserError, counted, printable
from model_utils.files import file_fault, walk
from src.data.image_files import is_image
from src.util import first_names

# Suffixes of the formats that OpenCV writes.
WRITABLE = (".bmp", ".jpe", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
VIDEOS = (".avi", ".flv", ".m4v", ".mjpeg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv")


def image_paths(path: str | os.PathLike, output_dir: str = "", recursive: bool = True) -> list[Path]:
    """Return the file itself, or the images and videos in a folder and, if `recursive`, below it, sorted by path.

    Images are found by suffix or content, videos by suffix. Other files, and what is hidden, are reported on standard
    error. What an earlier run drew, in `output_dir`, is no input.

    Raises:
        UserError: there is no such file or folder, or the folder holds no image.
    """
    path = Path(path)
    if not path.is_dir():
        fault = file_fault(path)
        if fault:
            raise UserError(f"{path}: {fault}; name an image or a folder of images by --image PATH")
        return [path]
    drawn = Path(output_dir).resolve() if output_dir else None
    paths, others = [], []
    for parent, names, hidden in walk(path):
        if drawn and drawn != path.resolve() and drawn in (parent.resolve(), *parent.resolve().parents):
            continue
        # One that is called an image but is none is reported by its decoder; hidden ones are the system's.
        for file in (parent / name for name in names):
            (paths if file.suffix.lower() in (*WRITABLE, *VIDEOS) or is_image(file) else others).append(file)
        others += [parent / name for name in hidden]
        if not recursive:
            break
    if not paths:
        where = "this folder and its sub-folders" if recursive else "this folder"
        raise UserError(f"{path}: no image among the {counted(len(others), 'files')} of {where}; expected "
                        "JPEG, PNG or another format that OpenCV or Pillow reads")
    if others:
        names = [str(entry.relative_to(path)) for entry in sorted(others)]
        text = f"{path}: {len(others)} entries are no images, or hidden, and left out: {first_names(names)}"
        print(f"warning: {printable(text)}", file=sys.stderr)
    return sorted(paths)

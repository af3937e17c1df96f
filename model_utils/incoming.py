# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Files arrive whole: in a folder of their own first, then by a rename, so that nothing in place is half-written."""

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model_utils.rank_board import is_alive, process_name

PREFIX = ".incoming-"


@contextmanager
def incoming(folder: str | os.PathLike) -> Iterator[Path]:
    """Yield an empty folder inside `folder`; when the block ends well, what is in it moves to `folder`.

    An entry (file or folder) that is there already is replaced as a whole, not merged. When the block fails, nothing
    moves. What a killed process left behind goes first.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    # Of this machine only: whether a process of another one lives cannot be seen from here.
    for left_behind in folder.glob(f"{PREFIX}{socket.gethostname()}-*"):
        if not is_alive(left_behind.name.removeprefix(PREFIX)):
            shutil.rmtree(left_behind)
    staging = folder / (PREFIX + process_name())
    new, old = staging / "new", staging / "old"
    try:
        new.mkdir(parents=True)
        old.mkdir()
        yield new
        for entry in sorted(new.iterdir()):
            target = folder / entry.name
            if os.path.lexists(target):
                target.rename(old / entry.name)
            entry.rename(target)
    finally:
        shutil.rmtree(staging)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The folder that a run writes to, one for all ranks."""
import time
from pathlib import Path

from model_utils.files import make_folder, remove_strays


def make_run_folder(root):
    """Make and return a new folder `<root>/<YYYY-mm-dd_time_HH_MM_SS>`; a second run in the same second gets `_2`.

    What killed runs below `root` were writing is removed.
    """
    stem = Path(root) / time.strftime("%Y-%m-%d_time_%H_%M_%S")
    # Not in the loop: what stands in the way of the root itself, such as a file of its name, would never end it.
    make_folder(stem.parent)
    remove_strays([stem.parent, *stem.parent.glob("*/"), *stem.parent.glob("*/ckpt_*/")])
    attempt = 1
    while True:
        folder = stem if attempt == 1 else stem.with_name(f"{stem.name}_{attempt}")
        try:
            folder.mkdir()
            return folder
        except FileExistsError:
            attempt += 1


def common_run_folder(root, ranks):
    """Return the new run folder below rank 0's `root`, for all ranks; made also where a rank has its own disk."""
    if ranks.size == 1:
        return make_run_folder(root)
    # Each rank has a working folder of its own.
    folder = Path(ranks.broadcast(str(make_run_folder(root).resolve()) if ranks.is_first else None))
    folder.mkdir(parents=True, exist_ok=True)
    return folder

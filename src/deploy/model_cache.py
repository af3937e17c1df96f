# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Exported networks of checkpoints, kept for the next prediction, which then needs neither MindSpore nor its compiler.

A file of ~/.cache/yolov3_tiny/models holds a checksum, the meta data of the checkpoint and the network in ONNX. It is
named by a hash of the checkpoint and of all that shapes the graph, so no entry is out of date. What was used last is
kept, up to ten entries and 1 GiB.
"""
import hashlib
import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from model_utils.config import DEFAULT, TRAVELLING, Config
from model_utils.files import cache_folder, file_fault, limit_folder, write_atomically
from model_utils.options import plain
from src.data.categories import Categories
from src.evaluation.cpu_engine import installed_version
from src.weights.checkpoint_list import check_listed, sha256_of

MAX_ENTRIES, MAX_BYTES = 10, 2**30
# Options that shape the graph; the others that travel in a checkpoint concern images.
GRAPH_OPTIONS = ("anchors", "anchor_masks", "scale_x_y", "mean", "std", "testing_shape", "num_classes", "batch_size")
SOURCE = Path(__file__).resolve().parents[1]


class Entry(NamedTuple):
    """A kept network in ONNX, the meta data of its checkpoint, and the classes."""
    network: bytes
    meta: dict[str, Any]
    categories: Categories


class ModelCache:
    """The place of one checkpoint's network, for one set of options.

    Args:
        path: of the checkpoint.
        config: of the prediction, before the checkpoint has completed it.
    """

    def __init__(self, path: str | os.PathLike, config: Config):
        self._checkpoint, self._sha256 = path, sha256_of(path)
        facts = [self._sha256, _source_sha256(), installed_version("mindspore"),
                 *([name, plain(config[name]), config.source(name) == DEFAULT] for name in GRAPH_OPTIONS)]
        self.path = cache_folder() / "models" / hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:32]

    def read(self) -> Entry | None:
        """Return the entry; None where there is none, or a damaged one, which is reported and removed.

        Raises:
            UserError: the checkpoint is another one than the list of its folder says.
        """
        try:
            data = self.path.read_bytes()
        except OSError:
            return None
        check_listed(self._checkpoint, self._sha256)
        # The one that was used last stays longest; in a folder that is only read, none goes.
        with suppress(OSError):
            os.utime(self.path)
        checksum, _, content = data.partition(b"\n")
        if checksum != _checksum(content):
            _warn(f"{self.path}: this entry of the model cache is damaged, and is made again")
            with suppress(OSError):
                self.path.unlink()
            return None
        text, _, network = content.partition(b"\n")
        meta = json.loads(text)
        categories = Categories(tuple(meta.pop("class_names")), tuple(meta.pop("category_ids")))
        return Entry(network, meta, categories)

    def write(self, entry: Entry) -> None:
        """Keep a network; where that is impossible, say so, for it only saves time."""
        meta = {key: entry.meta[key] for key in TRAVELLING if key in entry.meta}
        meta |= {"class_names": list(entry.categories.names), "category_ids": list(entry.categories.ids)}
        content = json.dumps(meta).encode() + b"\n" + entry.network
        try:
            write_atomically(self.path, _checksum(content) + b"\n" + content)
        except OSError as error:
            _warn(f"{error.filename}: the network is not kept for the next prediction ({error.strerror}); make room "
                  "there, set YOLOV3_TINY_CACHE to another folder, or use --model_cache False")
        limit_folder(self.path.parent, MAX_ENTRIES, MAX_BYTES)


def open_cache(path: str | os.PathLike, config: Config) -> ModelCache | None:
    """Return the place of a checkpoint's network, or None where none is used: it holds graphs for a CPU's engines."""
    used = config.model_cache and config.device_target == "CPU" and config.cpu_engine != "mindspore"
    return None if not used or file_fault(path) else ModelCache(path, config)


def _source_sha256():
    """Return a hash of the project's source, any of which may shape a graph."""
    found = hashlib.sha256()
    for file in sorted(SOURCE.rglob("*.py")):
        found.update(file.read_bytes())
    return found.hexdigest()


def _checksum(content):
    return hashlib.sha256(content).hexdigest().encode()


def _warn(text):
    print(f"warning: {text}", file=sys.stderr)

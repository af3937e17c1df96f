# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The image files that an annotation file names, also where a tool wrote the names in its own way.

A name is looked up as it is. Where there is no such file, it may differ from the file's own path by the folders before
it, by back-slashes, percent codes, letter case and Unicode form, provided that exactly one file matches.
"""
import difflib
import os
import unicodedata
from collections import defaultdict
from pathlib import Path
from urllib.parse import unquote

from model_utils.errors import UserError, counted

MAX_COMPARED = 10_000


class ImageFolder:
    """The files of an image folder, listed folder by folder as names ask for them.

    Args:
        folder (Path): the image folder; names do not lead out of it.
        source (Path): the annotation file, for messages.
    """

    def __init__(self, folder, source):
        self.folder, self.source = folder, source
        self._listings = {}
        self._by_key = None

    def find(self, names, may_be_lost=False):
        """Return (the path of each image, the pairs (name, path) of those that were found under another name).

        With `may_be_lost` a missing file has the path that it had when there was one.

        Raises:
            UserError: files are missing, or a name fits several of them; it names the first, and the nearest file.
        """
        paths, renamed, missing = [], [], []
        for name in names:
            path = self._exact(name)
            if path is None:
                path = self._near(name)
                if path is None and may_be_lost and self._inside(name):
                    path = os.path.join(self.folder, self._inside(name))
                else:
                    (missing if path is None else renamed).append((name, path))
            paths.append(path)
        if missing:
            raise UserError(f"{self.folder}: {len(missing)} of the {counted(len(names), 'images')} named in "
                            f"{self.source} are missing, the first is {missing[0][0]}{self._nearest(missing[0][0])}; "
                            "copy them there or take them out of the file")
        self._refuse_shared_files(names, paths, renamed)
        return paths, renamed

    def _refuse_shared_files(self, names, paths, renamed):
        """Refuse two names that only lead to one file because one of them was not found as it is."""
        near = {path for _, path in renamed}
        name_of = {}
        for name, path in zip(names, paths, strict=True):
            if path in near and name_of.setdefault(path, name) != name:
                raise UserError(f"{self.source}: the images {name_of[path]} and {name} would both be the file {path}; "
                                "copy the missing one into the image folder, or correct the names")

    def _exact(self, name):
        """Return the path of the file of this very name, None where there is none inside the folder."""
        inside = self._inside(name)
        if inside is None:
            return None
        parent, base = os.path.split(inside)
        if parent not in self._listings:
            # One listing per folder shows which files exist, instead of one query for each image.
            self._listings[parent] = _file_names(self.folder / parent)
        return os.path.join(self.folder, inside) if base in self._listings[parent] else None

    def _inside(self, name):
        """Return a name as a path that does not lead out of the folder, None where it does."""
        # Only the name is checked: links that the user made inside the folder are the user's business.
        inside = os.path.normpath(name)
        return None if os.path.isabs(inside) or inside.split(os.sep)[0] == os.pardir else inside

    def _near(self, name):
        """Return the path of the one file that fits a name, None for none; see the module's docstring."""
        parts = [part for part in name_key(name).split("/") if part not in ("", ".", "..")]
        for start in range(len(parts)):
            found = self._keys().get("/".join(parts[start:]), ())
            if len(found) > 1:
                raise UserError(f"{self.source}: the image {name} may be {found[0]} or {found[1]} of {self.folder}; "
                                "correct the name, or leave one of the files")
            if found:
                return os.path.join(self.folder, found[0])
        return None

    def _keys(self):
        """Return the paths of all files, relative to the folder, by what `_near` compares; listed at first use."""
        if self._by_key is None:
            self._by_key = defaultdict(list)
            for parent, _, files in os.walk(self.folder):
                inside = os.path.relpath(parent, self.folder)
                for file in sorted(files):
                    path = os.path.normpath(os.path.join(inside, file))
                    self._by_key[name_key(path)].append(path)
        return self._by_key

    def _nearest(self, name):
        keys, wanted = self._keys(), name_key(name)
        namesakes = [key for key in keys if key.rpartition("/")[2] == wanted.rpartition("/")[2]]
        # The first ones of a large folder will do: comparing all takes minutes.
        close = namesakes or difflib.get_close_matches(wanted, list(keys)[:MAX_COMPARED], 1)
        return f" (the nearest file there is {keys[close[0]][0]})" if close else ""


def name_key(name):
    """Return a name without what tools change: separators, percent codes, letter case, Unicode form, blanks around."""
    return unicodedata.normalize("NFC", unquote(name.replace("\\", "/"))).casefold().strip()


def base_key(name: str) -> str:
    """Return what the names of one file have in common, without folders."""
    return name_key(name).rpartition("/")[2]


def _file_names(folder: Path):
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries if not entry.is_dir()}
    except (OSError, ValueError):
        return set()

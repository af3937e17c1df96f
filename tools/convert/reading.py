# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""What every reader returns: images with their boxes and classes, and a count of what was left out, by reason."""
import math
import mimetypes
import os
import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath, PureWindowsPath

from model_utils.errors import UserError
from model_utils.files import walk
from model_utils.json_file import decode_text, read_file
from src.data.fields import finite_number, whole_number
from src.data.image_files import is_image
from src.data.image_names import base_key, name_key

SPLIT_WORDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test",
               "testing": "test"}
# What else the name of a folder of one split may hold.
OTHER_WORDS = {"annotations", "data", "dataset", "images", "imgs", "labels", "set", "split"}
# Folders of images beside those of their labels.
IMAGE_FOLDERS = ("images", "Images", "JPEGImages", "imgs", "image")
# What Label Studio takes out of the name of an uploaded file, once blanks are underscores.
NOT_IN_UPLOADS = re.compile(r"[^-\w.]")
NOT_THERE = "images that are listed, but not there"
# No image has such a name: it need not be opened to find out.
TEXT_SUFFIXES = (".txt", ".json", ".xml", ".yaml", ".yml", ".csv", ".names", ".data", ".md")


@dataclass
class SourceImage:
    """One image: its file, or the json that it is embedded in; its split, None where the source has none.

    `annotations` are records of COCO (bbox in pixels) without image_id. `size` is (width, height) by the source, None
    where it has none. `identity` is the image's id, None where it has none.
    """
    path: Path
    split: str | None
    annotations: list[dict] = field(default_factory=list)
    size: tuple[int, int] | None = None
    identity: int | str | None = None
    is_embedded: bool = False


class Reading:
    """What a reader has found below a folder: images, categories as (id, name), and what was left out or noted.

    `has_fractions` says that boxes are fractions of their images rather than pixels; `findings` are lines about boxes;
    `file_of_split` has the annotation file of each split, for messages about boxes.

    Args:
        source (Path): the folder, or an annotation file in it.
        image_root (Path): where images are looked for; the folder if left out.
    """

    def __init__(self, source, image_root=None):
        self.source, self.root = source, source.parent if source.is_file() else source
        self.image_root = image_root or self.root
        self.images, self.categories = [], []
        self.left_out, self.notes, self.findings, self.has_fractions = {}, {}, [], False
        self.file_of_split, self._category_ids, self._taken = {}, {}, {}

    def files(self, *suffixes):
        """Return the annotation files with one of these suffixes, or the file that is the source; sorted."""
        return [self.source] if self.source.is_file() else self.files_below(*suffixes)

    def files_below(self, *suffixes):
        """Return the files of the folder with one of these suffixes, sorted."""
        return [path for path in self._all_files if path.name.lower().endswith(suffixes)]

    def leave_out(self, reason, example):
        """Count what is left out, by reason, with a first example."""
        _count(self.left_out, reason, example)

    def note(self, remark, example):
        """Count what is used, but not as it stands."""
        _count(self.notes, remark, example)

    def category(self, name):
        """Return the id of a class by its name; new names are numbered from 1."""
        if name not in self._category_ids:
            self._category_ids[name] = len(self.categories) + 1
            self.categories.append((self._category_ids[name], name))
        return self._category_ids[name]

    def take(self, path, place, is_exact=False):
        """Return an image file that a place, such as a name in an annotation file, is of.

        Args:
            path (Path): the image file.
            place (str): where it stands.
            is_exact (bool): the place has the name of this very file, so that another one may have it, too.

        Raises:
            UserError: it is of another place, too: one of the two must be of an image that is not there.
        """
        first, was_exact = self._taken.setdefault(path, (place, is_exact))
        if first != place and not (is_exact and was_exact):
            raise UserError(f"{self.root}: {first} and {place} would both be of the image {self.relative(path)}; "
                            "add the missing image, correct the name, or take one of the two out")
        return path

    def locate(self, names, folders=(), place=None, uploads=()):
        """Return the image file (Path) of the first name that fits one, None for none.

        Args:
            names (list): names of one image, the one that the source has first.
            folders (iterable): where to look first, before the whole `image_root`.
            place (str): where the name stands, see `take`; the name itself if left out.
            uploads (iterable): those names that Label Studio has changed.

        Raises:
            UserError: a name fits several files, or two names one file.
        """
        place = place or names[0]
        for name in filter(None, names):
            found = next((folder / name for folder in (*folders, self.image_root) if _is_file(folder / name)), None)
            if found:
                return self.take(Path(os.path.abspath(found)), place, is_exact=name == names[0])
        for name in filter(None, names):
            near = self._by_name.get(base_key(name)) or (name in uploads and self._by_upload.get(base_key(name))) or ()
            # The file that shares most of its folders with the name, letter case included if that decides.
            shared = [tuple(_shared_parts(key(str(path)), key(name)) for key in (name_key, str)) for path in near]
            best = [path for path, count in zip(near, shared, strict=True) if count == max(shared)]
            if len(best) > 1:
                raise UserError(f"{self.root}: the image {name} may be {self.relative(best[0])} or "
                                f"{self.relative(best[1])}; correct the name, or leave one of the files")
            if best:
                return self.take(best[0], place)
        return None

    @cached_property
    def image_files(self):
        """The image files below `image_root`, sorted."""
        return images_of(self._files)

    @cached_property
    def _all_files(self):
        return files_of(self.root)

    @cached_property
    def _files(self):
        files = self._all_files if self.image_root == self.root else files_of(self.image_root)
        return [path for path in files if not path.name.lower().endswith(TEXT_SUFFIXES)]

    @cached_property
    def _by_name(self):
        return _grouped(self._files, lambda path: name_key(path.name))

    @cached_property
    def _by_upload(self):
        return _grouped(self._files, lambda path: name_key(NOT_IN_UPLOADS.sub("", path.name.replace(" ", "_"))))

    @cached_property
    def _stems(self):
        return _grouped(self.image_files, lambda path: path.with_suffix(""))

    def beside(self, path, name=""):
        """Return the image with the stem of a label file: in its own folder, or one of `IMAGE_FOLDERS` in its place.

        Args:
            path (Path): the label file.
            name (str): decides between several images of the stem.

        Raises:
            UserError: there are several, and none of them has the name.
        """
        stem = path.with_suffix("")
        inside = stem.relative_to(self.root).parts if stem.is_relative_to(self.root) else stem.parts
        candidates = [stem, *(self.root.joinpath(*inside[:place], folder, *inside[place + 1:])
                              for place in range(len(inside) - 1) for folder in IMAGE_FOLDERS),
                      self.image_root.joinpath(*inside), self.image_root / stem.name]
        found = next((self._stems[stem] for stem in candidates if stem in self._stems), [])
        found = [image for image in found if image.name == PureWindowsPath(name).name] or found
        if len(found) > 1:
            raise UserError(f"{self.root}: {self.relative(path)} may be of {self.relative(found[0])} or "
                            f"{self.relative(found[1])}; leave one of them")
        return found[0] if found else None

    def refuse_empty(self, kind):
        """Raise a `UserError` that says why nothing of a kind, images or boxes, is left."""
        cure = "; name the folder of the images by --image_dir" if NOT_THERE in self.left_out else ""
        raise UserError(f"{self.root}: no {kind} to train on are left{self.reasons() or '; none were found'}{cure}")

    def reasons(self):
        """Return what a message says of what was left out, nothing for nothing."""
        lines = [f"{count} {reason} (first: {example})" for reason, (count, example) in self.left_out.items()]
        return "\n  ".join(["; left out were:", *lines, *self.findings]) if lines or self.findings else ""

    def relative(self, path):
        """Return a path as messages show it."""
        return os.path.relpath(path, self.root)


def _count(counts, reason, example):
    number, first = counts.get(reason, (0, example))
    counts[reason] = number + 1, first


def _grouped(paths, key):
    groups = defaultdict(list)
    for path in paths:
        groups[key(path)].append(path)
    return groups


def _shared_parts(path, name):
    return len(os.path.commonprefix([path.split("/")[::-1], name.split("/")[::-1]]))


def images_of(paths):
    """Return those of some files that are images, by name or content."""
    return [path for path in paths if (mimetypes.guess_type(path.name)[0] or "").startswith("image/")
            or not path.name.lower().endswith(TEXT_SUFFIXES) and is_image(path)]


def files_of(folder):
    """Return the files below a folder, links to folders included, hidden ones left out; sorted."""
    return sorted(parent / name for parent, names, _ in walk(folder, _refuse) for name in names)


def _refuse(error):
    raise error


def _is_file(path):
    try:
        return path.is_file()
    except (OSError, ValueError):
        # No name of a file: too long, or with a zero.
        return False


def in_any_case(folder, inside):
    """Return the file or folder of a path below a folder, also in another letter case if only one fits; or None."""
    for part in PurePath(inside).parts:
        found = folder / part
        if not found.exists():
            names = os.listdir(folder) if folder.is_dir() else ()
            near = [folder / name for name in names if name.casefold() == part.casefold()]
            found = near[0] if len(near) == 1 else None
        if found is None or not (found.is_dir() or found.is_file()):
            return None
        folder = found
    return folder


def read_text(path):
    """Return the text of a file, see `decode_text`.

    Raises:
        UserError: the file cannot be read.
    """
    return decode_text(read_file(path, "text file"))


def class_name(value):
    """Return the name of a class, which may be a number; None for no name."""
    value = str(whole_number(value)) if not isinstance(value, str) and whole_number(value) is not None else value
    return value.strip() or None if isinstance(value, str) else None


def split_of(folder, root):
    """Return the split that the innermost telling name among the folders from `root` to `folder` means, or None."""
    for part in reversed(Path(os.path.relpath(folder, root)).parts):
        words = set(re.findall("[a-z]+", part.lower())) - OTHER_WORDS
        if len(words) == 1 and words <= SPLIT_WORDS.keys():
            return SPLIT_WORDS[words.pop()]
    return None


def split_of_name(name):
    """Return the split that a word of a file's name means, such as train in instances_train2017.json, or None."""
    words = re.findall("[a-z]+", name.lower())
    return next((SPLIT_WORDS[word] for word in reversed(words) if word in SPLIT_WORDS), None)


def box_of_points(points):
    """Return the box x, y, width, height around points [[x, y], ...], None where they are no such list."""
    try:
        xs, ys = zip(*points, strict=True)
        values = [list(map(finite_number, side)) for side in (xs, ys)]
    except (TypeError, ValueError):
        return None
    if not all(map(math.isfinite, values[0] + values[1])):
        return None
    return box_of_corners(min(values[0]), min(values[1]), max(values[0]), max(values[1]))


def box_of_corners(x1, y1, x2, y2):
    """Return the box x, y, width, height between two corners, given in any order."""
    return [min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1)]

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Class names and category ids: those of a data set, and COCO's own."""
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from model_utils.errors import UserError, quoted
from model_utils.json_file import decode_text, read_file
from src.data.fields import id_key

CROWD_CLASS = -1
# Characters of a class name, or of an id that is a text.
MAX_NAME = 200


@dataclass(frozen=True)
class Categories:
    """Class names and the data set's category ids, both in the annotation file's order: index = class number."""
    names: tuple[str, ...]
    ids: tuple[int | str, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def distinct_names(self) -> list[str]:
        """The class names, with the id after a name that several categories have."""
        counts = Counter(self.names)
        return [f"{name} ({category_id})" if counts[name] > 1 else name
                for name, category_id in zip(self.names, self.ids, strict=True)]


def unnamed_categories(num_classes):
    """Return the classes of a checkpoint without names: class_0, class_1, ... with ids from 0."""
    return Categories(tuple(f"class_{number}" for number in range(num_classes)), tuple(range(num_classes)))


def class_faults(names: Iterable, ids: Iterable = ()) -> Iterator[str]:
    """Yield what is wrong with each class name and category id, of any type, by itself."""
    for what, values in (("name", names), ("id", ids)):
        for number, value in enumerate(values):
            if isinstance(value, str) and len(value) > MAX_NAME:
                yield f"the {what} of class {number} has {len(value)} characters; expected at most {MAX_NAME}"
            elif not (isinstance(value, str) and _is_unicode(value) or what == "id" and type(value) is int and
                      id_key(value) is not None):
                yield (f"the {what} of class {number} is {quoted(value)}; expected a text"
                       f"{' or a whole number of 64 bits at most' * (what == 'id')}")


def _is_unicode(text: str) -> bool:
    """Return whether a text can be written: json can hold halves of characters."""
    return not any("\ud800" <= character <= "\udfff" for character in text)


def read_names(path: Path) -> tuple[str, ...]:
    """Return the class names of a text file that has one in each line, such as Darknet's obj.names.

    Raises:
        UserError: the file cannot be read, holds no name, or has an empty line between names.
    """
    names = [line.strip() for line in decode_text(read_file(path, "file of class names")).strip().splitlines()]
    if not names or not all(names):
        fault = "an empty line between names" if any(names) else "no name"
        raise UserError(f"{path}: has {fault}; expected the name of a class in each line, in the order of the network")
    for fault in class_faults(names):
        raise UserError(f"{path}: {fault}; shorten or correct it")
    return tuple(names)


_COCO_NAMES = """person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light, fire hydrant,
    stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant, bear, zebra, giraffe, backpack,
    umbrella, handbag, tie, suitcase, frisbee, skis, snowboard, sports ball, kite, baseball bat, baseball glove,
    skateboard, surfboard, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich,
    orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv,
    laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator, book, clock, vase,
    scissors, teddy bear, hair drier, toothbrush"""
# Category ids from 1 to 90 that the published data sets do not use.
_COCO_UNUSED_IDS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
COCO = Categories(tuple(" ".join(name.split()) for name in _COCO_NAMES.split(",")),
                  tuple(number for number in range(1, 91) if number not in _COCO_UNUSED_IDS))

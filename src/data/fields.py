# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Values of an annotation file as tools write them: what is certain is read, the rest is described for a message.

Spreadsheets turn 96 into 96.0, converters turn it into "96", and booleans appear as numbers or texts.
"""
import math
import re

from model_utils.errors import nearest

# The largest number that an int64 array holds.
MAX_NUMBER = 2**63 - 1
# At most 20 digits: longer ones are no number of 64 bits. Not "1e5" or "1_0", which are names rather than numbers.
WHOLE_TEXT = re.compile(r"\s*([+-]?\d{1,20})(?:\.0*)?\s*", re.ASCII)
# True and 1.0 are keys too: they equal 1.
CROWD_FLAGS = {None: 0, 0: 0, 1: 1, "": 0, "0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1, "null": 0,
               "none": 0}


def whole_number(value: object) -> int | None:
    """Return 96, 96.0, "96" or "96.0" as 96; None for anything else, and for more than 64 bits."""
    if isinstance(value, str):
        text = WHOLE_TEXT.fullmatch(value)
        value = int(text[1]) if text else None
    elif isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and abs(value) <= MAX_NUMBER else None


def finite_number(value: object) -> float:
    """Return a number, or the text of one, as a finite float; NaN for anything else."""
    # Python reads 1_0 as 10.
    if isinstance(value, bool) or not isinstance(value, int | float | str) or (isinstance(value, str) and "_" in value):
        return math.nan
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return math.nan
    return found if math.isfinite(found) else math.nan


def id_key(value: object) -> int | str | None:
    """Return what two ids have in common that mean the same, such as 7, 7.0, "7" and "007"; None for no id."""
    found = whole_number(value)
    if found is not None:
        return found
    return value.strip() or None if isinstance(value, str) else None


def crowd_flag(value: object) -> int | None:
    """Return an `iscrowd` as 0 or 1, missing meaning 0; None for anything else."""
    try:
        return CROWD_FLAGS.get(value.strip().lower() if isinstance(value, str) else value)
    except TypeError:
        return None


def describe(value: object) -> str:
    """Return a json value and its type as text, such as '1.5 (text)', for a message."""
    if value is None:
        return "null"
    kinds = {bool: " (true or false)", int: " (number)", float: " (number)", str: " (text)"}
    return f"{value!r:.60}{kinds.get(type(value), '')}"


def missing_field(record: dict, name: str) -> str:
    """Return what a message says of a field that is not there, with the nearest one that is."""
    return f'has no "{name}"{nearest(name, record)}'

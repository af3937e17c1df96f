# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Json files, read, checked and written: faults become a `UserError`, not an exception of the parser.

    content = read_json(path, "record of a run")
    faults = list(type_faults(content, {"name": "text", "scores": [0.5]}))
"""
import gc
import json
import math
from collections.abc import Callable
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeGuard

from model_utils.errors import UserError, quoted
from model_utils.files import check_regular, write_atomically

MB = 2**20

# Bytes, and opening brackets of lists and objects, of the json that `read_own_json` reads.
MAX_OWN_BYTES, MAX_OWN_LISTS = 2**24, 2**17
# Faults of one file that a message lists.
MAX_FAULTS = 20


def read_json(path: Path, kind: str = "json file", object_hook: Callable[[dict], object] | None = None,
              max_mb: int | None = None) -> Any:
    """Return the content of a json file; a `UserError` names line and column of broken json.

    A file larger than `max_mb` (the option max_json_mb; None: any size) is not read: it takes many times its size.
    """
    return parse_json(read_file(path, kind, max_mb), path, object_hook)


def read_own_json(path: Path, kind: str) -> object:
    """Return what `read_json` does for a json file that this project writes or is started with, of bounded size."""
    return parse_own_json(read_file(path, kind, MAX_OWN_BYTES / MB, "check the path"), path)


def parse_own_json(data: bytes, path: Path) -> object:
    """Return what `parse_json` does; a `UserError` where it would take much memory or time."""
    lists = data.count(b"[") + data.count(b"{")
    if len(data) > MAX_OWN_BYTES or lists > MAX_OWN_LISTS:
        raise UserError(f"{path}: has {len(data)} bytes of json with {lists} opening brackets; expected at most "
                        f"{MAX_OWN_BYTES} bytes with {MAX_OWN_LISTS} brackets; make or copy the file again")
    return parse_json(data, path)


def read_file(path: Path, kind: str = "json file", max_mb: float | None = None,
              cure: str = "if it is meant to be so large, raise --max_json_mb") -> bytes:
    """Return the bytes of a regular file; a `UserError` where it cannot be read, or, with a cure, exceeds `max_mb`."""
    try:
        size = check_regular(path).st_size
        if max_mb is not None and size > max_mb * MB:
            raise UserError(f"{path}: this {kind} has {size / MB:.1f} MB, more than {max_mb:g}; {cure}")
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot read this {kind}: {error.strerror}; check the path and its permissions"
                        ) from error


def decode_text(data: bytes) -> str:
    """Return text that is UTF-8, UTF-16 or UTF-32, with or without a byte order mark, or else Latin-1."""
    try:
        return data.decode(json.detect_encoding(data), "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def parse_json(data: bytes, path: Path, object_hook: Callable[[dict], object] | None = None) -> Any:
    """Return the content of json text read from `path`; a `UserError` names line and column of broken json.

    The text is UTF-8, UTF-16 or UTF-32, with or without a byte order mark, or else Latin-1, as old tools write it.
    """
    try:
        with _no_collection():
            return json.loads(decode_text(data), object_hook=object_hook)
    except json.JSONDecodeError as error:
        raise UserError(f"{path}: broken json in line {error.lineno}, column {error.colno}: {error.msg}; "
                        "make or copy the file again") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: no json that can be read: {error}; make or copy the file again") from error


@contextmanager
def _no_collection():
    """Pause the search for cycles, which json has none of: it takes half of the time of a large file."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def type_faults(found, example, where="", takes_others=False):
    """Yield a text for each entry of a json value whose type is not that of its example.

    Args:
        found (object): the parsed value.
        example (object): an object has these keys, an empty one any; a list has any number of items like the first; a
            number with a fraction stands for whole ones too; a tuple has a number or a text for either.
        where (str): path of the value in its file, such as runs[0].name.
        takes_others (bool): objects may have further keys.
    """
    if isinstance(example, dict) and isinstance(found, dict):
        yield from (f"{where or 'the file'} lacks {key}" for key in example if key not in found)
        if example and not takes_others:
            yield from (f"{where or 'the file'} has {quoted(key)}, which nothing reads" for key in found
                        if key not in example)
        for key in example:
            if key in found:
                yield from type_faults(found[key], example[key], f"{where}.{key}" if where else key, takes_others)
    elif isinstance(example, list) and isinstance(found, list):
        for number, item in enumerate(found):
            yield from type_faults(item, example[0], f"{where}[{number}]", takes_others)
    elif not any(_is_like(found, one) for one in (example if isinstance(example, tuple) else (example,))):
        expected = {dict: "an object", list: "a list", bool: "true or false", int: "a whole number",
                    float: "a number", str: "text", tuple: "a whole number or text"}[type(example)]
        yield f"{where or 'the file'} is {quoted(found)}; expected {expected}"


def listed(faults, most=MAX_FAULTS):
    """Return faults as the lines of a message, the first of them."""
    faults = list(islice(faults, most + 1))
    return "\n  ".join(faults[:most] + ["and more"] * (len(faults) > most))


def _is_like(found, example):
    return is_finite_number(found) if isinstance(example, float) else type(found) is type(example)


def is_finite_number(value: object) -> TypeGuard[float]:
    """Return whether a json value is a number that a float can hold: Python's json also has NaN and Infinity."""
    try:
        return type(value) in (int, float) and math.isfinite(value)
    except OverflowError:
        return False


def write_json(path, value):
    """Write a value as a json file, atomically."""
    write_atomically(path, json.dumps(value, allow_nan=False).encode())

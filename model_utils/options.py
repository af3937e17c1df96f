# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""An option: its default, help text, choices and limits, and the parser of its values.

The type of an option is the type of its default: bool, int, float, str, a list of numbers or a list of such lists.
Lists become tuples, so that a value cannot be changed once it is read. An option of another type than text may have the
value "auto" as well, where its choices list it: what it then becomes follows from the data.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from numbers import Real
from typing import Any

import yaml

from model_utils.errors import UsageError, nearest, quoted
from model_utils.files import check_regular

SHAPE_MULTIPLE = 32
AUTO = "auto"
# What a configuration file may hold: bytes, values in it (with those that aliases repeat), lists in lists.
MAX_YAML_BYTES, MAX_YAML_VALUES, MAX_YAML_DEPTH = 2**18, 10_000, 20
# Entries of a list and characters of a text in one option.
MAX_ITEMS, MAX_TEXT = 100, 4096
BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_FLOAT_TAG = "tag:yaml.org,2002:float"
_FLOAT_WITHOUT_DOT = re.compile(r"[-+]?\d+[eE][-+]?\d+$")


def _resolvers() -> dict[str, list]:
    """Return PyYAML's rules by first character, and one more for numbers such as 1e-3."""
    rules = {first: list(known) for first, known in yaml.SafeLoader.yaml_implicit_resolvers.items()}
    for first in "-+0123456789":
        rules.setdefault(first, []).append((_FLOAT_TAG, _FLOAT_WITHOUT_DOT))
    return rules


class TextLoader(yaml.BaseLoader):
    """YAML of bounded size whose values are all texts: a class may be called yes or 1.0."""

    def __init__(self, stream):
        super().__init__(stream)
        self._values, self._depth = 0, 0

    def compose_node(self, parent, index):
        """Return the next node, of whose `values`, its own and those inside it, a file may have only so many."""
        is_alias, mark, before = self.check_event(yaml.AliasEvent), self.peek_event().start_mark, self._values
        self._depth += 1
        if self._depth > MAX_YAML_DEPTH:
            raise yaml.composer.ComposerError(None, None, f"lists in lists, more than {MAX_YAML_DEPTH} deep", mark)
        node: Any = super().compose_node(parent, index)
        self._depth -= 1
        # A node without a count is not complete: the alias stands inside what it repeats.
        self._values += getattr(node, "values", MAX_YAML_VALUES) if is_alias else 1
        if self._values > MAX_YAML_VALUES:
            raise yaml.composer.ComposerError(None, None, f"more than {MAX_YAML_VALUES} values, with those that "
                                              "aliases repeat", mark)
        node.values = self._values - before
        return node


class _Loader(TextLoader, yaml.SafeLoader):
    """Safe YAML of bounded size that rejects duplicate keys and reads 1e-3 as a number; YAML 1.1 reads it as text."""

    yaml_implicit_resolvers = _resolvers()

    def construct_object(self, node, deep=False):
        """Return the value of a node; PyYAML has exceptions of many kinds for text that is not what its tag says."""
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, ValueError):
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(None, None, f"{quoted(node.value)} is no valid {kind}",
                                                    node.start_mark) from None

    def construct_mapping(self, node, deep=False):
        seen = set()
        # A sequence may be tagged as a set; the call below refuses it.
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if not isinstance(key_node, yaml.ScalarNode):
                continue
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {quoted(key_node.value)} is given twice; keep one of them",
                    key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep)


def _load_all(text: str) -> list:
    """Return the YAML documents of a text."""
    return list(yaml.load_all(text, _Loader))


def read_yaml(path: str | os.PathLike) -> list[dict[str, Any]]:
    """Return the YAML documents of a file, each a mapping; an empty document is an empty mapping.

    Raises:
        UsageError: the file is missing, unreadable, too large, not YAML, or holds something other than mappings.
    """
    try:
        check_regular(path)
        with open(path, "rb") as file:
            content = file.read(MAX_YAML_BYTES + 1)
        if len(content) > MAX_YAML_BYTES:
            raise UsageError(f"{path}: has more than {MAX_YAML_BYTES} bytes; expected a configuration file, of some "
                             "'key: value' lines")
        documents = _load_all(content.decode("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"{path}: no such configuration file; check the path") from None
    except OSError as error:
        raise UsageError(f"{path}: cannot read this configuration file: {error.strerror}; expected a text file of "
                         "'key: value' lines") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path}: not a text file in UTF-8; expected YAML with 'key: value' lines") from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f", line {mark.line + 1}" if mark else ""
        raise UsageError(f"{path}{line}: not valid YAML: {error.problem or error.context}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{path}: not valid YAML: {error}") from None
    for document in documents:
        if not isinstance(document, dict | None):
            raise UsageError(f"{path}: expected 'key: value' lines, found {type(document).__name__} "
                             f"{quoted(document)}")
    return [document or {} for document in documents]


@dataclass(frozen=True)
class Limits:
    """The range of a number, or of each number of a list; None: open on that side."""

    min: float | None = None
    above: float | None = None
    max: float | None = None
    below: float | None = None

    def __str__(self) -> str:
        if self.min is not None and self.max is not None:
            return f"from {self.min} to {self.max}"
        bounds = {"at least": self.min, "more than": self.above, "at most": self.max, "less than": self.below}
        return " and ".join(f"{words} {bound}" for words, bound in bounds.items() if bound is not None)

    def allow(self, value: Any) -> bool:
        """Return whether a number, or each number of a list, is in the range."""
        if isinstance(value, list | tuple):
            return all(map(self.allow, value))
        return ((self.min is None or value >= self.min) and (self.above is None or value > self.above)
                and (self.max is None or value <= self.max) and (self.below is None or value < self.below))


@dataclass(frozen=True)
class Option:
    """One option: its name, default, help text, choices (empty: any value of the type) and limits (None: none).

    A decisive one changes what training results in; `section` is its topic, `programs` are its users, with its place.
    """

    name: str
    default: Any
    help: str
    choices: tuple = ()
    limits: Limits | None = None
    allows_auto: bool = False
    is_decisive: bool = False
    section: str = ""
    programs: Mapping[str, int] = field(default_factory=dict)

    @property
    def can_be_auto(self) -> bool:
        """Whether the value may be auto in place of a default of another kind."""
        return self.default != AUTO and (self.allows_auto or AUTO in self.choices)

    @property
    def is_list(self) -> bool:
        """Whether values are lists."""
        return isinstance(self.default, list | tuple)

    @property
    def is_shape(self) -> bool:
        """Whether values are [height, width] in pixels."""
        return self.name.endswith("_shape")

    @property
    def is_free_text(self) -> bool:
        """Whether values are any text, such as a path, which only the user may give: no checkpoint decides on it."""
        return isinstance(self.default, str) and not self.choices

    def parse(self, raw: Any, where: str) -> Any:
        """Return a raw value as one of this option's type.

        Args:
            raw: text of the command line, or a value of YAML, JSON or Python.
            where: where the value comes from, for the error message.

        Raises:
            UsageError: wrong type, outside the choices or limits, or no valid shape.
        """
        if self.allows_auto and raw == AUTO:
            return AUTO
        try:
            value = self._parse_shape(raw) if self.is_shape else _convert(raw, self.default)
        except ValueError as error:
            detail = f" ({error})" if str(error) else ""
            raise UsageError(f"{self.name} is {quoted(raw)} ({where}): expected {self.expected()}{detail}") from None
        if not self.allows(value):
            hint = nearest(str(value), self.choices)
            raise UsageError(f"{self.name} is {quoted(plain(value))} ({where}): expected {self.allowed()}{hint}")
        return value

    def allows(self, value: Any) -> bool:
        """Return whether a value of the right type is one of the choices and within the limits."""
        return (not self.choices or value in self.choices) and (self.limits is None or self.limits.allow(value))

    def allowed(self) -> str:
        """Return the choices or limits as text, such as "one of 0, 1" or "at least 1"; empty where there are none."""
        if self.choices:
            return "one of " + ", ".join(map(str, self.choices))
        allowed = ""
        if self.limits:
            allowed = f"each number {self.limits}" if self.is_list else str(self.limits)
        return ", ".join(filter(None, [allowed, f"or {AUTO}" if self.allows_auto else ""]))

    def expected(self) -> str:
        """Return the type, or the choices, as text."""
        if self.choices:
            return self.allowed()
        if self.is_shape:
            return f"[height, width] or one number for a square, positive multiples of {SHAPE_MULTIPLE}"
        if self.is_list:
            expected = f"a list such as {show(self.default)}" if self.default else "a list of numbers, or of such lists"
        else:
            expected = {bool: "True or False", int: "a whole number", float: "a number", str: "text"}[
                type(self.default)]
        return f"{expected}, or {AUTO}" if self.allows_auto else expected

    def _parse_shape(self, raw: Any) -> tuple[int, ...]:
        shape = _convert_list(raw, (SHAPE_MULTIPLE,))
        shape = shape * 2 if len(shape) == 1 else shape
        if len(shape) != 2:
            raise ValueError(f"found {len(shape)} numbers")
        if any(side <= 0 or side % SHAPE_MULTIPLE for side in shape):
            near = tuple(max(SHAPE_MULTIPLE, round(side / SHAPE_MULTIPLE) * SHAPE_MULTIPLE) for side in shape)
            raise ValueError(f"the nearest is {show(near)}")
        return shape


def read_options(path: str | os.PathLike) -> dict[str, Option]:
    """Return the options that a default configuration declares, in its six documents.

    Raises:
        UsageError: documents that do not fit each other, or a default outside its choices or limits.
    """
    documents = read_yaml(path)
    if len(documents) != 6:
        raise UsageError(f"{path}: found {len(documents)} YAML documents, expected six: values, help, choices, "
                         "limits, decisive options, and those of each program")
    values, helps, choices, limits, decisive, programs = documents
    decisive, sections = decisive.get("decisive", []), _sections(path)
    for name in chain(helps, choices, limits, decisive, *programs.values()):
        if name not in values and name not in sections.values():
            raise UsageError(f"{path}: {name} has a help text, choices or limits, is decisive or of a program, but has "
                             "no value in the first document")
    options = {}
    for name, default in values.items():
        if name not in helps:
            raise UsageError(f"{path}: {name} has no help text in the second document")
        if not isinstance(default, bool | int | float | str | list):
            raise UsageError(f"{path}: {name} is {default!r}: expected a number, True, False, text or a list")
        allowed = tuple(choices.get(name, ()))
        allows_auto = not isinstance(default, str) and AUTO in allowed
        allowed = tuple(value for value in allowed if not allows_auto or value != AUTO)
        users = {program: place for program, used in programs.items() for place, entry in enumerate(used)
                 if entry in (name, sections.get(name))}
        option = Option(name, default, helps[name], allowed, _read_limits(path, name, limits), allows_auto,
                        name in decisive, sections.get(name, ""), users)
        options[name] = replace(option, default=option.parse(default, str(path)))
    return options


def _sections(path: str | os.PathLike) -> dict[str, str]:
    """Return the section of each option of a default configuration, the comment above it; General before the first."""
    with open(path, encoding="utf-8") as file:
        values, _, _ = file.read().partition("\n---\n")
    sections, title = {}, "General"
    # The header of the file ends at the first empty line.
    for line in values.partition("\n\n")[2].splitlines():
        if line.startswith("# "):
            title = line.removeprefix("# ")
        elif line:
            sections[line.partition(":")[0]] = title
    return sections


def _read_limits(path: str | os.PathLike, name: str, limits: dict[str, Any]) -> Limits | None:
    if name not in limits:
        return None
    try:
        return Limits(**limits[name])
    except TypeError:
        raise UsageError(f"{path}: the limits of {name} are {limits[name]!r}: expected some of min, above, max and "
                         "below, such as {min: 0, below: 1}") from None


def show(value: Any) -> str:
    """Return a value as it is written in YAML and on the command line."""
    if isinstance(value, str):
        return value or '""'
    return repr(plain(value))


def plain(value: Any) -> Any:
    """Return a value with its tuples as lists, as JSON and YAML know them."""
    return [plain(item) for item in value] if isinstance(value, tuple | list) else value


def _convert(raw: Any, like: Any) -> Any:
    """Return raw converted to the type of like; raise a ValueError, with a reason or empty, where that fails."""
    if isinstance(like, list | tuple):
        return _convert_list(raw, like)
    if isinstance(like, bool):
        key = raw.lower() if isinstance(raw, str) else str(int(raw)) if isinstance(raw, bool | int) else ""
        if key not in BOOLEANS:
            raise ValueError
        return BOOLEANS[key]
    if isinstance(like, str):
        if not isinstance(raw, str | os.PathLike):
            raise ValueError("put it in quotes" if raw is not None else 'write "" for none')
        return _checked_text(os.fspath(raw))
    return _convert_number(raw, type(like))


def _checked_text(text: str) -> str:
    """Return a text that can be a path."""
    if len(text) > MAX_TEXT:
        raise ValueError(f"it has {len(text)} characters, the longest has {MAX_TEXT}")
    try:
        if b"\0" not in os.fsencode(text):
            return text
    except UnicodeEncodeError:
        pass
    raise ValueError("it has characters that no path can have")


def _convert_number(raw: Any, kind: type) -> int | float:
    """Return raw as an int or a float; an int may be written 96.0, as spreadsheets and NumPy do."""
    if isinstance(raw, bool) or not isinstance(raw, Real | str):
        raise ValueError
    try:
        number = float(raw)
    except (ValueError, OverflowError):
        raise ValueError from None
    if not math.isfinite(number):
        raise ValueError("it must be finite")
    if kind is int:
        if not number.is_integer():
            raise ValueError
        return int(number)
    return number


def _convert_list(raw: Any, like: list | tuple) -> tuple:
    items = _split(raw) if isinstance(raw, str) else raw
    items = items.tolist() if hasattr(items, "tolist") else items
    if isinstance(items, Real):
        items = [items]
    if not isinstance(items, list | tuple):
        raise ValueError
    if len(items) > MAX_ITEMS:
        raise ValueError(f"it has {len(items)} entries, the longest has {MAX_ITEMS}")
    if not like:
        return tuple(_convert_list(item, (0.0,)) if isinstance(item, list | tuple) else _convert_number(item, float)
                     for item in items)
    inner = like[0]
    if not isinstance(inner, list | tuple):
        whole = all(isinstance(number, int) for number in like)
        inner = 0 if whole else 0.0
    elif not all(isinstance(item, list | tuple) for item in items):
        raise ValueError("not a list of lists")
    return tuple(_convert(item, inner) for item in items)


def _split(text: str) -> list:
    """Return the items of a list written as "[1, 2]", "1,2" or "1 2"."""
    if "[" not in text:
        return text.replace(",", " ").split()
    if text.count("[") > MAX_ITEMS + 1:
        raise ValueError(f"it has {text.count('[')} lists, the longest has {MAX_ITEMS}")
    try:
        [items] = _load_all(text)
    except (yaml.YAMLError, ValueError):
        raise ValueError("brackets or commas are missing") from None
    return items

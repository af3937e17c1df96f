# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Input as an attacker, a damaged disk or another tool might write it: strategies of Hypothesis."""
import json
import math

from hypothesis import strategies as st

# Characters of a value that is repeated: three times 300 of a large one would fill the memory here.
MAX_REPEATED = 100
# Characters that mean something in yaml, json, xml, csv and paths.
SYNTAX = "[]{}()<>:;,.&*!?|%@#=+-_/\\\"'`~^$ \n\t\r\0aeN019\u00e9\u0416\ud800\x1b"


def nested(depth):
    """Return a list in a list in a list, and so on."""
    value = []
    for _ in range(depth):
        value = [value]
    return value


HOSTILE = (
    None, True, False, 0, 1, -1, 32, 0.5, 10**18, -10**18, 10**400, 1e308, math.nan, math.inf, -math.inf, "", "auto",
    "7", "1e-3", "\ud800", "\0", "\x1b[2J", "../../etc/passwd", "[[1, 2], [3, 4]]", "[" * 1000, 100_000 * "x", [], {},
    [[]], [{}], nested(50), nested(900), [0], [1, 2], [None] * 3, [[1, 2]] * 20_000, ["a"] * 20_000,
    [320_000, 320_000], {"a": {"b": []}},
)


def texts():
    """Return a strategy of short texts of characters with a meaning, and of any."""
    return st.one_of(st.text(st.sampled_from(SYNTAX), max_size=40), st.text(max_size=20),
                     st.sampled_from([value for value in HOSTILE if isinstance(value, str)]))


def places(value, path=()):
    """Yield the paths of all values in json, keys of objects and numbers of lists."""
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield (*path, key)
        yield from places(item, (*path, key))


@st.composite
def mutated_json(draw, sound):
    """Draw the text of json in which one to three values are replaced, removed, repeated or renamed."""
    text = json.dumps(sound)
    for _ in range(draw(st.integers(1, 3))):
        # Read again: entries of a list that are one object would all change.
        value = json.loads(text)
        paths = list(places(value))
        if not paths:
            break
        *parents, key = draw(st.sampled_from(paths))
        place = value
        for parent in parents:
            place = place[parent]
        _change(draw, place, key)
        text = json.dumps(value)
    if draw(st.integers(0, 9)) == 0:
        start = draw(st.integers(0, len(text)))
        text = text[:start] + text[start + draw(st.integers(1, 20)):]
    return text


def _change(draw, place, key):
    """Change the entry of a list or an object."""
    kind = draw(st.integers(0, 7))
    if kind == 0:
        del place[key]
    elif kind == 1 and isinstance(place, list) and len(json.dumps(place[key])) < MAX_REPEATED:
        place[key:key] = [place[key]] * draw(st.integers(1, 300))
    elif kind == 2 and isinstance(place, dict):
        place[f"{key}_"] = place.pop(key)
    elif kind == 3 and isinstance(place[key], int | float):
        place[key] = place[key] * draw(st.sampled_from([-1.0, 0.0, 1.5, 1e3, 1e9, 1e18])) if (
            abs(place[key]) < 1e200) else -1
    elif kind == 4:
        place[key] = draw(texts())
    else:
        place[key] = draw(st.sampled_from(HOSTILE))


@st.composite
def mutated_bytes(draw, sound):
    """Draw bytes of which some are changed, removed, repeated or inserted, or the end is missing."""
    data = bytearray(sound)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        length = draw(st.integers(1, 16))
        kind = draw(st.integers(0, 5))
        if kind == 0:
            data[start:start + length] = draw(st.binary(min_size=1, max_size=16))
        elif kind == 1:
            del data[start:start + length]
        elif kind == 2:
            data[start:start] = data[start:start + length] * draw(st.integers(1, 50))
        elif kind == 3:
            del data[start:]
        elif start < len(data):
            data[start] = draw(st.sampled_from([0, 255, data[start] ^ 1 << draw(st.integers(0, 7))]))
    return bytes(data)


def mutated_texts(sound):
    """Return a strategy of the bytes of a text file: mostly mutations of a sound one."""
    return _mostly(mutated_bytes(sound.encode()), st.one_of(texts().map(_encoded), st.binary(max_size=60)))


def mutated_objects(sound):
    """Return a strategy of the bytes of a json file: mostly mutations of a sound one by value."""
    whole = st.sampled_from([*(_encoded(json.dumps(value)) for value in HOSTILE), b"[" * 100_000, b'{"a":' * 100_000,
                             b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0"])
    return _mostly(mutated_json(sound).map(_encoded), st.one_of(mutated_texts(json.dumps(sound)), whole))


def _mostly(usual, others):
    """Return a strategy that draws from `others` one time in four."""
    return st.integers(0, 3).flatmap(lambda kind: usual if kind else others)


def _encoded(text):
    return text.encode("utf-8", "surrogatepass")

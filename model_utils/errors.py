# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Errors that the user can fix, and the function that turns them into a message and an exit code."""

import contextlib
import difflib
import io
import os
import re
import reprlib
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

# Names the file that receives the exit code as soon as it is known; scripts/launch/one_rank.py sets it and reads it.
EXIT_CODE_FILE = "YOLOV3_TINY_EXIT_CODE_FILE"
# What C++ and MindSpore say where memory is short.
OUT_OF_MEMORY = re.compile(r"bad_alloc|out of memory|memory (isn't|is not|not) enough|alloc\w* .*memory.* failed", re.I)
LESS_MEMORY = ("lower per_batch_size (or set micro_batch_size, to train in parts), training_shape or testing_shape, or "
               "image_cache_mb, or free memory")
# A word and its ending, as in box-es, categor-ies and image-s.
PLURAL = re.compile(r"\b(\w+?)(ies|(?<=x)es|(?<=ss)es|(?<=ch)es|s)\b")
# Characters of a value that a message shows.
MAX_SHOWN = 100


class UserError(Exception):
    """A mistake in the user's data, file or checkpoint; the message says what to do. Exit code 1."""

    exit_code = 1


class UsageError(UserError):
    """A mistake in the command line or in a configuration file. Exit code 2."""

    exit_code = 2


class _Short(reprlib.Repr):
    """Texts of values that are cut before they are made: ten entries of a list, four lists deep."""

    def __init__(self):
        super().__init__()
        self.maxlevel, self.maxlist, self.maxtuple, self.maxdict = 4, 10, 10, 10
        self.maxstring = self.maxother = MAX_SHOWN

    def repr_int(self, number, level):
        # Python refuses to write numbers of more than 4300 digits.
        return repr(number) if number.bit_length() < 256 else f"a number of {number.bit_length()} bits"


def quoted(value: object) -> str:
    """Return a value of any size and depth as text for a message, cut to 100 characters."""
    text = _Short().repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN - 3]}..."


def nearest(name: str, candidates: Iterable[object], prefix: str = "") -> str:
    """Return a hint that names the closest candidate, or an empty string where none is close."""
    by_key = {str(candidate).lower(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name[:MAX_SHOWN].replace("-", "_").lower(), by_key, 1)
    return f"; did you mean {prefix}{by_key[close[0]]}?" if close else ""


def counted(number: int, things: str) -> str:
    """Return how many things there are: with "boxes that are not there", 2 boxes that are not there, 1 box that is not.

    Of one thing, the first word that ends with s becomes singular, and so do the verbs are and have.
    """
    if number != 1:
        return f"{number} {things}"
    things = PLURAL.sub(lambda found: found[1] + ("y" if found[2] == "ies" else ""), things, count=1)
    return "1 " + re.sub(r"\b(are|have)\b", lambda found: {"are": "is", "have": "has"}[found[0]], things)


def printable(text: str, keeps_lines: bool = False) -> str:
    """Return a text for a log or a console: control characters are escaped, and lines after the first begin with space.

    So no name of a class or a file can clear a screen, or look like a message of its own. `keeps_lines` leaves the
    beginnings of lines as they are, for a table without foreign line breaks.
    """
    if text.isprintable():
        return text
    escaped = (char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)
    return "".join(escaped) if keeps_lines else re.sub(r"\n(?=\S)", "\n  ", "".join(escaped))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of Python, NumPy or MindSpore says that memory is short."""
    says_so = isinstance(error, RuntimeError) and OUT_OF_MEMORY.search(str(error))
    return bool(says_so) or isinstance(error, MemoryError)


def memory_reason(error: BaseException) -> str:
    """Return the line of a lack of memory that says most; MindSpore puts it between headings and a stack of calls."""
    lines = [line.strip() for line in str(error).splitlines()]
    return max((line for line in lines if OUT_OF_MEMORY.search(line)), key=len, default=(lines or [""])[0]
               ) or type(error).__name__


def missing_package(error: BaseException) -> str:
    """Return the name of the package whose lack an error reports, or an empty string: not of a module in a package."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    return name if name and find_spec(name) is None else ""


def error_text(error: BaseException) -> str:
    """Return the message of an error: a UserError's own, or which file, memory or package is the trouble."""
    if is_out_of_memory(error):
        return f"out of memory ({memory_reason(error)}); {LESS_MEMORY}"
    if missing_package(error):
        return (f"the package {missing_package(error)} is not installed for {sys.executable}; expected those of "
                "requirements.txt: pip install -r requirements.txt")
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}; check the path, its permissions and the space on the disk"
    return str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"


def run_cli(main: Callable[[Sequence[str] | None], int | None], argv: Sequence[str] | None = None) -> int:
    """Run an entry point; report what `error_text` explains as one message without a traceback.

    Args:
        main: takes the arguments (None: those of the process) and returns an exit code, None meaning 0.
        argv: arguments without the program's name.

    Returns:
        The exit code: main's own, 1 for a UserError, for an OSError of a file and for a lack of memory or of a package,
        2 for a UsageError, 141 where the reader of the output has left. Other exceptions pass through. A process that
        msrun started does not return from an error, but ends at once.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # Characters that the console does not have.
            stream.reconfigure(errors="backslashreplace")
    try:
        code = main(argv) or 0
        flush_output()
    except BrokenPipeError:
        flush_output()
        return _end_rank(_leave_code(128 + signal.SIGPIPE))
    except (UserError, OSError, MemoryError, RuntimeError, ModuleNotFoundError) as error:
        if not (isinstance(error, UserError) or is_out_of_memory(error) or missing_package(error)
                or getattr(error, "filename", None)):
            raise
        flush_output()
        with contextlib.suppress(BrokenPipeError):
            print(f"error: {printable(error_text(error))}", file=sys.stderr)
        return _end_rank(_leave_code(getattr(error, "exit_code", UserError.exit_code)))
    return _end_rank(_leave_code(code)) if code else _leave_code(code)


def flush_output() -> None:
    """Write what the streams still hold; where the reader has left, discard it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            discard_output(stream)


def discard_output(stream: TextIO) -> None:
    """Let a stream whose reader has left write to the null device, so that nothing fails again, not even at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _leave_code(code):
    """Return an exit code, and write it where the launcher of a rank asks for it: what follows may change it."""
    if EXIT_CODE_FILE in os.environ:
        # Without the file, the launcher goes by the code of the process.
        with contextlib.suppress(OSError):
            Path(os.environ[EXIT_CODE_FILE]).write_text(str(code), encoding="utf-8")
    return code


def _end_rank(code):
    """Return an exit code other than 0, but end a rank of a job of several processes with it.

    On the usual way out, MindSpore's communication may crash a rank that leaves while others still work, and the exit
    code would be that of the crash.
    """
    if "MS_ROLE" in os.environ:
        flush_output()
        os._exit(code)
    return code

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Errors that the user can fix, and the function that turns them into a message and an exit code."""

import contextlib
import os
import reprlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

# Names the file that receives the exit code as soon as it is known; scripts/launch/one_rank.py sets it and reads it.
EXIT_CODE_FILE = "YOLOV3_TINY_EXIT_CODE_FILE"
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


def run_cli(main: Callable[[Sequence[str] | None], int | None], argv: Sequence[str] | None = None) -> int:
    """Run an entry point; report a UserError, or a file that cannot be used, as one message without a traceback.

    Args:
        main: takes the arguments (None: those of the process) and returns an exit code, None meaning 0.
        argv: arguments without the program's name.

    Returns:
        The exit code: main's own, 1 for a UserError or OSError, 2 for a UsageError. Other exceptions pass through. A
        process that msrun started does not return from an error, but ends at once.
    """
    try:
        return _leave_code(main(argv) or 0)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return _end_rank(_leave_code(error.exit_code))
    except OSError as error:
        if error.filename is None:
            raise
        print(f"error: {error.filename}: {error.strerror}; check the path, its permissions and the space on the disk",
              file=sys.stderr)
        return _end_rank(_leave_code(UserError.exit_code))


def _leave_code(code):
    """Return an exit code, and write it where the launcher of a rank asks for it: what follows may change it."""
    if EXIT_CODE_FILE in os.environ:
        # Without the file, the launcher goes by the code of the process.
        with contextlib.suppress(OSError):
            Path(os.environ[EXIT_CODE_FILE]).write_text(str(code), encoding="utf-8")
    return code


def _end_rank(code):
    """Return an exit code, but end a rank of a job of several processes with it.

    On the usual way out, MindSpore's communication may crash a rank that leaves while others still work, and the exit
    code would be that of the crash.
    """
    if "MS_ROLE" in os.environ:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code

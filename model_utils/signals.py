# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""SIGTERM and SIGINT: they end a program at once with one line, or, in a loop that looks for them, when it is ready.

    with StopRequest("ends after this step") as stop:
        for step in steps:
            train(step)
            if stop.number():
                save()
                break

Python runs the handler of a signal between two of its instructions only, so not while MindSpore compiles a graph, and
MindSpore replaces the handler of SIGINT when it first runs a graph. Here no handler is needed: the signals are blocked
in all threads, and a thread of its own waits for them.
"""
import contextlib
import os
import signal
import sys
import threading
import time

SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_CODES = {128 + number: number.name for number in SIGNALS}
# Seconds that a write in progress may take when a signal ends the program.
WRITE_PATIENCE = 10
# Seconds in which further signals count as the first one: the manager of a job sends it to all processes, and the
# launcher passes it on to them.
SAME_SIGNAL = 1


class _State:
    """What a loop that looks for signals says of the first (None: no loop looks), that signal, when it came, and the
    writes in progress."""

    def __init__(self):
        self.text, self.number, self.since, self.writes = None, 0, 0.0, 0
        self.change = threading.Condition()

    def keep(self, number):
        """Return whether a loop looks for this signal, and finds it in `number`, or it is the same once more."""
        if self.number:
            return time.monotonic() - self.since < SAME_SIGNAL
        if self.text is None:
            return False
        # First, as the loop may end the program as soon as it sees the number.
        _say(f"{name_of(number)}: {self.text}; a second signal ends it at once")
        self.number, self.since = number, time.monotonic()
        return True


_state = _State()


class StopRequest:
    """A loop that a signal may end: from its first look on a signal is kept for the next look, and a second one ends
    the program at once. Before the first look, and after the `with` block, the first one does.

    Args:
        text (str): what the program does about the first signal, for the console.
    """

    def __init__(self, text):
        self.text = text

    def __enter__(self):
        return self

    def __exit__(self, *error):
        _state.text = None

    def number(self):
        """Return the number of the signal that came, 0 for none."""
        _state.text = self.text
        return int(_state.number)


def name_of(number):
    """Return the name of a signal, such as SIGKILL."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def listen():
    """Let signals end this program as this module says; to be called before it has other threads.

    A signal that nohup or a shell's & made this process ignore stays ignored. The scheduler of a job heeds none: it
    serves the ranks until they end.
    """
    if os.environ.get("MS_ROLE") == "MS_SCHED":
        return
    numbers = [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]
    if numbers:
        signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
        threading.Thread(target=_wait_for, args=(numbers,), name="signals", daemon=True).start()


@contextlib.contextmanager
def unbroken():
    """Let this block, which writes a file or a set of files, end before the first signal ends the program."""
    with _state.change:
        _state.writes += 1
    try:
        yield
    finally:
        with _state.change:
            _state.writes -= 1
            _state.change.notify_all()


def _wait_for(numbers):
    while True:
        number = signal.sigwait(numbers)
        if not _state.keep(number):
            _end(number, numbers)


def _end(number, numbers):
    """End the process: at once, if a write is in progress and this is the first signal, after it."""
    with _state.change:
        is_second, start = bool(_state.number), time.monotonic()
        _say(f"stopped by {'a second ' if is_second else ''}{name_of(number)}")
        while _state.writes and not is_second and time.monotonic() - start < WRITE_PATIENCE:
            _state.change.wait(0.05)
            is_second = signal.sigtimedwait(numbers, 0) is not None and time.monotonic() - start > SAME_SIGNAL
        # The lock is held, so that no other write begins.
        os._exit(128 + number)


def _say(text):
    """Print a line on the standard error, past its buffer: the main thread may hold the lock of that."""
    line_start = "\n" if sys.stderr is not None and sys.stderr.isatty() else ""
    with contextlib.suppress(OSError):
        os.write(2, f"{line_start}{text}\n".encode())

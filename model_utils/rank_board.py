# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""How the processes of one machine wait for each other: each leaves a note on a board, a folder that all can see.

The leader, rank 0 of the machine, does work for all. The others wait until its note says that it is ready, or that it
failed. A note counts only while the process that wrote it lives: what an earlier job left behind is never mistaken for
one of this job, and the end of a process that was killed is noticed at once.
"""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from model_utils.errors import UserError

LEADER = "rank_0"
# States of the leader, and of the others.
BUSY, READY, FAILED = "busy", "ready", "failed"
WAITING, RUNNING, LEFT = "waiting", "running", "left"


def process_name(pid: int | None = None) -> str:
    """Return a name that no other process has had: the machine, the process id (None: own) and when it started.

    It is empty for a process that does not run; one that ended and whose parent has not noticed yet does not run.
    """
    pid = os.getpid() if pid is None else pid
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    # The second field, the program's name in brackets, may hold anything; the state follows, and the start is the 22nd.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else f"{socket.gethostname()}-{pid}-{fields[19]}"


def is_alive(name: str) -> bool:
    """Return whether the process of a `process_name` runs, on this machine."""
    return process_name(process_id(name)) == name


def process_id(name: str) -> int:
    """Return the process id in a `process_name`."""
    return int(name.split("-")[-2])


@dataclass(frozen=True)
class Note:
    """What a process last told: its `process_name`, its state, and a text that goes with the state."""

    process: str
    state: str
    text: str = ""

    def is_alive(self) -> bool:
        """Return whether the process that wrote it still runs."""
        return is_alive(self.process)


class RankBoard:
    """The notes of the processes of one machine.

    Args:
        folder: where the notes are, made if missing; the same for all of them and for no other job that runs.
        name: of this process on the board, such as rank_3; `LEADER` is the one that the others wait for.
        poll_s: seconds between two looks at the notes.
    """

    def __init__(self, folder: str | os.PathLike, name: str, poll_s: float = 0.5):
        self.folder, self.name, self.poll_s = Path(folder), name, poll_s
        self.folder.mkdir(parents=True, exist_ok=True)

    def tell(self, state: str, text: str = "") -> None:
        """Replace the note of this process."""
        self._write(f"{self.name}.json", json.dumps(asdict(Note(process_name(), state, text))))

    def read(self, name: str) -> Note | None:
        """Return the note of a process, None where there is none."""
        try:
            return Note(**json.loads((self.folder / f"{name}.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None

    def lead(self, text: str) -> None:
        """Begin as the leader, who does what the text says, on a board without the notes of earlier jobs.

        Raises:
            UserError: another job that runs has its notes here.
        """
        note = self.read(LEADER)
        if note and note.is_alive():
            raise UserError(f"{self.folder}: in use by another job, process {process_id(note.process)}: give each job "
                            "that runs on this machine folders of its own, or wait for that one to end")
        for path in self.folder.glob("*.json"):
            other = self.read(path.stem)
            if other and (other.state == LEFT or not other.is_alive()):
                path.unlink(missing_ok=True)
        self._done_file().unlink(missing_ok=True)
        self.tell(BUSY, text)

    def wait_for_leader(self, limit_s: float) -> str:
        """Wait until the leader is ready; returns the text that it gave to all.

        Raises:
            UserError: the leader failed, ended, or was not ready in time; says what it was doing.
        """
        self.tell(WAITING)
        deadline, last = time.monotonic() + limit_s, None
        while True:
            note = self.read(LEADER)
            if note and note.is_alive():
                if note.state == READY:
                    self.tell(RUNNING)
                    return note.text
                if note.state == FAILED:
                    raise UserError(f"{self.name} stops, because rank 0 of this machine failed: {note.text}")
                last = note
            elif last:
                raise UserError(f"{self.name} stops, because rank 0 of this machine, process "
                                f"{process_id(last.process)}, ended before it was done with {last.text}; see its log")
            if time.monotonic() >= deadline:
                raise UserError(f"{self.name} waited {limit_s:g} s for rank 0 of this machine, {_told(last)}")
            time.sleep(self.poll_s)

    def wait_for_others(self, names: Iterable[str], states: Iterable[str], limit_s: float) -> list[str]:
        """Wait until each of the others has come and is in one of the states, or has ended.

        Returns:
            The names of those for which that was not so in time.
        """
        deadline, states, missing = time.monotonic() + limit_s, tuple(states), list(names)
        while True:
            notes = {name: self.read(name) for name in missing}
            missing = [name for name, note in notes.items()
                       if not note or (note.state not in states and note.is_alive())]
            if not missing or time.monotonic() >= deadline:
                return missing
            time.sleep(self.poll_s)

    def leave(self) -> None:
        """Say that this process is done; the leader takes its note off the board."""
        if self.name == LEADER:
            (self.folder / f"{LEADER}.json").unlink(missing_ok=True)
        else:
            self.tell(LEFT)

    @contextmanager
    def alone(self, limit_s: float) -> Iterator[None]:
        """Hold a lock that one process of the machine can have at a time.

        Raises:
            UserError: another process did not give it back in time.
        """
        deadline = time.monotonic() + limit_s
        with open(self.folder / "lock", "a", encoding="utf-8") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= deadline:
                        raise UserError(f"{self.name} waited {limit_s:g} s for another rank of this machine to finish "
                                        "its upload") from None
                time.sleep(self.poll_s)
            yield

    def is_done(self) -> bool:
        """Return whether a process of this job said `set_done`."""
        return self._done_file().exists()

    def set_done(self) -> None:
        """Tell the others that what one of them has to do is done."""
        self._done_file().touch()

    def _done_file(self) -> Path:
        return self.folder / "done"

    def _write(self, file_name: str, text: str) -> None:
        temporary = self.folder / f".{file_name}.new"
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, self.folder / file_name)


def _told(note: Note | None) -> str:
    """Return what the last look at the leader's note told, and what to do."""
    if note:
        return f"process {process_id(note.process)}, which is still at it: {note.text}; see its log"
    return ("which gave no sign: see whether it runs; on several machines, NODE_NUM in the environment must say how "
            "many there are")

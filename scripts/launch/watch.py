# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run the plan of a job on this machine: start msrun, watch how each rank ends, and leave no process behind."""
import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from model_utils.errors import UserError, counted
from model_utils.signals import name_of
from scripts.launch.msrun_job import ONE_RANK
from scripts.launch.one_rank import STOP_SIGNALS, STOPPED, die_with_parent, write_whole

# Of prctl(2): a descendant of this process that loses its parent becomes its child.
PR_SET_CHILD_SUBREAPER = 36
# Seconds between two looks at the job; for msrun to end after the last rank; for processes to end when killed; for the
# ranks to save when a signal stops them.
INTERVAL, PATIENCE, KILL_PATIENCE, STOP_PATIENCE = 0.2, 20, 30, 300
TAIL_LINES = 20


class RankError(UserError):
    """A rank, or the scheduler, ended with an error; the exit code of the job is its own."""

    def __init__(self, text, code):
        super().__init__(text)
        self.exit_code = code


class Stopped(Exception):
    """A signal asked for the end; carries its number."""


class Follower:
    """Copies what a program adds to its log to the console."""

    def __init__(self, path):
        self.path, self.position = path, 0

    def show(self):
        """Copy what is new in the log, if there is a log, to the standard output."""
        with contextlib.suppress(FileNotFoundError), self.path.open("rb") as log:
            log.seek(self.position)
            text = log.read()
            self.position = log.tell()
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()


def read_codes(folder):
    """Return {name: exit code} of the ranks, and the scheduler, that have ended, the first to end first."""
    files = sorted(folder.glob("*.exit"), key=lambda path: path.stat().st_mtime_ns)
    return {path.stem: int(path.read_text(encoding="utf-8")) for path in files}


def failure(job, name, code, follower):
    """Return the error of a rank whose exit code is not 0, and show the end of its log unless it was followed."""
    log = Path(job.processes[name]["log"])
    who = name.replace("_", " ") if name in job.ranks else f"the {name}"
    status = code if code > 0 else 128 - code
    how = f"was killed by {name_of(-code)} (exit code {status})"
    if code in STOPPED:
        how = f"was stopped by {name_of(code - 128)} (exit code {code})"
    elif code > 0:
        how = f"ended with exit code {code}"
    if not (follower and follower.path == log):
        show_tail(log)
    # Empty, unless one_rank.py itself failed.
    show_tail(job.folder / f"{name.replace('rank', 'worker')}.log")
    return RankError(f"{who} {how}, so all others were ended; its output is in {log}", status)


def show_tail(log):
    """Print the last lines of a log, if it is there, on the standard error."""
    if not log.exists():
        return
    with log.open("rb") as file:
        file.seek(max(0, os.path.getsize(log) - 200 * TAIL_LINES))
        lines = file.read().decode(errors="replace").splitlines()
    for line in lines[-TAIL_LINES:]:
        print(line, file=sys.stderr)


def watch(job, msrun, follower):
    """Wait until the ranks of this node have ended.

    Raises:
        UserError: one of them failed, or msrun ended before them; all the others still run then.
    """
    ended_at = first_stopped = None
    while True:
        # First, because a rank leaves its exit code before msrun ends.
        is_over = msrun.poll() is not None
        codes = read_codes(job.folder)
        if follower:
            follower.show()
        has_all = job.ranks.keys() <= codes.keys()
        if set(codes.values()).intersection(STOPPED):
            first_stopped = first_stopped or time.monotonic()
        for name, code in codes.items():
            # The ranks pass the signal on to each other, and save.
            if code in STOPPED and not has_all and time.monotonic() - first_stopped < STOP_PATIENCE:
                continue
            # Once all ranks are done, the exit code of the scheduler does not matter.
            if code and not (has_all and name == "scheduler"):
                raise failure(job, name, code, follower)
        if has_all:
            ended_at = ended_at or time.monotonic()
            # With several nodes the scheduler still serves the others.
            if is_over or (job.nodes.count == 1 and time.monotonic() - ended_at > PATIENCE):
                return
        elif is_over:
            show_tail(job.log)
            lost = ", ".join(name.removeprefix("rank_") for name in job.ranks if name not in codes)
            raise UserError(f"msrun ended with exit code {msrun.returncode} before the ranks {lost} left an exit code: "
                            f"it could not start them, or one was killed from outside; its log is {job.log}")
        time.sleep(INTERVAL)


def descendants(besides):
    """Return all descendants of this process, orphans included, except the children in `besides` and their own."""
    found = []
    for child in psutil.Process().children():
        if child not in besides:
            found.append(child)
            with contextlib.suppress(psutil.NoSuchProcess):
                found += child.children(recursive=True)
    return found


def end_descendants(besides):
    """Kill what `descendants` finds, and wait for the end of all.

    Raises:
        UserError: one cannot be killed, as happens in a driver that hangs.
    """
    deadline = time.monotonic() + KILL_PATIENCE
    # Some start others meanwhile, or lose their parent: repeat until none is left.
    while processes := descendants(besides):
        if time.monotonic() > deadline:
            numbers = ", ".join(str(process.pid) for process in processes)
            raise UserError(f"the processes {numbers} do not end though they were killed; a device driver may hang")
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(processes, timeout=1)


def check_folder(job):
    """Raise a UserError where another job works in the folder of this one."""
    if job.folder.exists():
        hold_folder(job).release()


def hold_folder(job):
    """Return a lock, held, that keeps the job's folder from other jobs until it is released.

    Raises:
        UserError: another job holds it.
    """
    lock = FileLock(job.folder / "lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(f"{job.folder}: a job that still runs writes there; wait for its end, end it, or start this "
                        "one in another folder") from None
    return lock


def stop_ranks(job, number, follower):
    """Pass a signal on to this node's ranks, and wait until all have saved and ended, at most `STOP_PATIENCE` seconds.

    SIGHUP, of which programs know nothing, becomes SIGTERM. A second signal ends the waiting.
    """
    for process in rank_programs():
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGTERM if number == signal.SIGHUP else number)
    deadline = time.monotonic() + STOP_PATIENCE
    while job.ranks.keys() - read_codes(job.folder).keys() and rank_programs() and time.monotonic() < deadline:
        if follower:
            follower.show()
        time.sleep(INTERVAL)


def rank_programs():
    """Return the processes of this node that run the program as a rank; one_rank.py starts them."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if str(ONE_RANK) in process.parent().cmdline() and process.environ().get("MS_ROLE") == "MS_WORKER":
                found.append(process)
    return found


def handle_stop_signals(handler):
    """Set what the signals that ask for the end do; those stay that nohup or a shell's & made this process ignore."""
    for number in STOP_SIGNALS:
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, handler)


def stop(number, _frame):
    """Raise Stopped."""
    raise Stopped(number)


def run(job, follows):
    """Start msrun, watch its ranks, and leave nothing running; returns the exit code of a job that did not fail.

    `follows`: the console shows the log of the first rank.

    Raises:
        UserError: a rank failed, msrun did, or another job works in the folder.
    """
    for folder in {str(job.folder), *(plan["folder"] for plan in job.ranks.values())}:
        os.makedirs(folder, exist_ok=True)
    lock = hold_folder(job)
    try:
        return run_alone(job, follows)
    finally:
        lock.release()


def run_alone(job, follows):
    """Do what `run` does, in folders that exist and are locked."""
    for old in job.folder.glob("*.exit"):
        old.unlink()
    write_whole(job.folder / "plan.json", json.dumps(job.processes))
    follower = Follower(Path(next(iter(job.ranks.values()))["log"])) if follows else None
    # Orphans among the descendants come to this process, which can end them then.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    # A shell that became this process by `exec` may have left it children.
    stopped_by, besides = 0, psutil.Process().children()
    try:
        try:
            handle_stop_signals(stop)
            watch(job, start_msrun(job), follower)
        except Stopped as stopped:
            stopped_by = stopped.args[0]
            stop_ranks(job, stopped_by, follower)
        finally:
            # Nothing may break into the end that follows.
            handle_stop_signals(signal.SIG_IGN)
    except Stopped as second:
        stopped_by = stopped_by or second.args[0]
    finally:
        end_descendants(besides)
    if stopped_by:
        if follower:
            follower.show()
        print(f"stopped by {name_of(stopped_by)}: all ranks of this node are ended", file=sys.stderr)
        return 128 + stopped_by
    print(f"all {counted(len(job.ranks), 'ranks')} of this node ended without an error")
    return 0


def start_msrun(job):
    """Start msrun, out of reach of the terminal's Ctrl-C and of signals to all processes, and return its process.

    The ranks heed signals, save and end; killed before, it would kill them.
    """
    # It looks for python3; where the system has none, this Python's folder has.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), os.path.dirname(sys.executable)])
    parent = os.getpid()
    with job.log.open("ab") as log:
        return subprocess.Popen(job.msrun_command, cwd=job.folder, env={**os.environ, "PATH": path}, stdout=log,
                                stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                                preexec_fn=lambda: prepare_msrun(parent))


def prepare_msrun(parent):
    """Let the program that this process becomes die with its parent, and block the signals that ask for the end."""
    die_with_parent(parent)
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)

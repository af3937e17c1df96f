# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Jobs of several processes of a program of the repository, started by the launcher that users have."""
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def free_port():
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def job_command(size, program, *arguments):
    """Return the command that runs a program of the repository in `size` processes, rank X in the folder rankX."""
    return [sys.executable, "-m", "scripts.launch.launch", "run", "rank", program, f"--device_num={size}",
            "--", *map(str, arguments)]


def job_environment(**extra):
    """Return the environment of such a job: a port of its own, one thread of arithmetic for each rank."""
    return {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_PORT": str(free_port()), "PYTHONPATH": str(ROOT), **extra}


def run_ranks(size, folder, program, *arguments, seconds=600, expected=0, **environment):
    """Run a program of the repository in `size` processes; returns their logs, by rank.

    Raises:
        AssertionError: the job ended with another code than expected; all logs are in the text.
    """
    for log in Path(folder).glob("rank*/log.txt"):
        log.unlink()
    job = subprocess.run(job_command(size, program, *arguments), cwd=folder, env=job_environment(**environment),
                         text=True, capture_output=True, timeout=seconds, check=False)
    logs = [path.read_text(errors="replace") if path.is_file() else "no log"
            for path in (Path(folder) / f"rank{rank}" / "log.txt" for rank in range(size))]
    ends = [job.stdout[-2000:], job.stderr[-2000:], *(log[-3000:] for log in logs)]
    assert job.returncode == expected, "\n".join(ends)
    return logs

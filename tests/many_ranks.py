"""Starts several processes of a program of the repository, by the launcher that users have."""
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def free_port():
    """Return a port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def run_ranks(size, folder, program, *arguments, seconds=300, expected=0):
    """Run a program of the repository in `size` processes, one thread of arithmetic each; returns their logs, by rank.

    Raises:
        AssertionError: the job ended with another code than expected; all logs are in the text.
    """
    command = [sys.executable, str(ROOT / "scripts" / "distribute.py"), "run", "rank", program, f"--device_num={size}",
               "--", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_PORT": str(free_port()), "PYTHONPATH": str(ROOT)}
    for log in Path(folder).glob("rank*/log.txt"):
        log.unlink()
    job = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds,
                         check=False)
    logs = [path.read_text(errors="replace") if path.is_file() else "no log"
            for path in (Path(folder) / f"rank{rank}" / "log.txt" for rank in range(size))]
    ends = [job.stdout[-2000:], job.stderr[-2000:], *(log[-3000:] for log in logs)]
    assert job.returncode == expected, "\n".join(ends)
    return logs

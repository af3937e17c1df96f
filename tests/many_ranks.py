"""Starts several processes of a program by msrun, as tests of distributed work need them."""
import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MSRUN = [sys.executable, "-m", "mindspore.parallel.cluster.run"]


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run_ranks(size, folder, program, *arguments, seconds=300):
    """Run a Python program in `size` processes, one thread of arithmetic each; returns their outputs, by rank.

    Raises:
        AssertionError: the job failed; its outputs are in the text.
    """
    logs = Path(folder) / "logs"
    command = [*MSRUN, f"--worker_num={size}", f"--local_worker_num={size}", f"--master_port={free_port()}",
               f"--log_dir={logs}", "--join=True", "--cluster_time_out=60", str(program), *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    job = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds,
                         check=False)
    outputs = [(logs / f"worker_{rank}.log").read_text(errors="replace") for rank in range(size)]
    assert job.returncode == 0, "\n".join([job.stderr[-2000:], *(output[-3000:] for output in outputs)])
    return outputs

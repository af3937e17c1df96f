# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A repository whose train.py is a stand-in, and a stand-in for msrun, to see jobs of many processes in a second."""
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import psutil

from tests.support.place import ROOT, Place
from tests.support.ranks.many_ranks import free_port

# BEHAVE, a json object, gives what each rank does: {"1": "fail 7", "0": "sleep"}; the others end at once.
PROGRAM = '''
import json, os, signal, subprocess, sys, time
name = "scheduler" if os.environ["MS_ROLE"] == "MS_SCHED" else os.environ["RANK_ID"]
behave = json.loads(os.environ.get("BEHAVE", "{}"))
word, _, number = behave.get(name, "end").partition(" ")

def is_there(rank):
    log = f"../train_parallel{rank}/log.txt"
    text = open(log).read() if os.path.exists(log) else ""
    return "asleep" in text if behave.get(rank) == "sleep" else text or rank == name or "late" in behave.get(rank, "")

if word == "late":
    time.sleep(float(number))
if name != "scheduler":
    print("rank", name, "of", os.environ["RANK_SIZE"], "device", os.environ["DEVICE_ID"],
          "cores", *sorted(os.sched_getaffinity(0)), "threads", os.environ["OMP_NUM_THREADS"],
          "table", os.path.basename(os.environ.get("RANK_TABLE_FILE", "none")), flush=True)
    print("in", os.path.basename(os.getcwd()), sys.argv[1:], file=sys.stderr)
if word == "orphan":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", __file__], start_new_session=True)
if word in ("fail", "orphan"):
    while not all(is_there(str(rank)) for rank in range(int(os.environ["RANK_SIZE"]))):
        time.sleep(0.05)
    print("something is wrong", file=sys.stderr, flush=True)
    sys.exit(int(number))
if word == "kill":
    os.kill(os.getpid(), int(number))
if word == "sleep":
    print("asleep", flush=True)
    time.sleep(300)
'''
# What msrun does here, in its order, without the seconds that importing MindSpore takes.
MSRUN = '''
import argparse, os, signal, subprocess, sys, time
parser = argparse.ArgumentParser()
for name in ("worker_num", "local_worker_num", "master_port", "tail_worker_log"):
    parser.add_argument("--" + name, type=int, required=True)
parser.add_argument("--node_rank", type=int, default=-1)
for name in ("master_addr", "log_dir", "join"):
    parser.add_argument("--" + name, required=True)
parser.add_argument("--rank_table_file", default="")
parser.add_argument("command", nargs=argparse.REMAINDER)
options = parser.parse_args()
if os.environ.get("MSRUN_FAILS"):
    sys.exit("msrun has no luck")
if options.rank_table_file:
    os.environ["RANK_TABLE_FILE"] = options.rank_table_file
os.environ.update(RANK_SIZE=str(options.worker_num), RANK_ID="0", MS_ROLE="MS_SCHED")
scheduler = subprocess.Popen(options.command)
workers = []
for place in range(options.local_worker_num):
    rank = max(options.node_rank, 0) * options.local_worker_num + place
    os.environ.update(MS_ROLE="MS_WORKER", RANK_ID=str(rank), DEVICE_ID=str(place))
    with open(f"{options.log_dir}/worker_{rank}.log", "w") as log:
        workers.append(subprocess.Popen(options.command, preexec_fn=os.setsid, stdout=log, stderr=log))
while None in [worker.poll() for worker in workers] and not any(worker.poll() for worker in workers):
    time.sleep(0.2)
is_bad = any(worker.poll() for worker in workers)
for worker in workers:
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
scheduler.wait()
sys.exit(1 if is_bad or scheduler.returncode else 0)
'''
UNSET = ("NODE_NUM", "NODE_RANK", "MASTER_ADDR", "SERVER_ID", "OMP_NUM_THREADS", "DRY_RUN")


def one_core():
    """Return the first core that this process may use."""
    return min(os.sched_getaffinity(0))


@contextlib.contextmanager
def on_one_core():
    """Let what is started inside use one core only."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, [one_core()])
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def rank_table(path, servers, first_device=0):
    """Write a rank table of [(server_id, number of devices)] and return its path."""
    count, entries = 0, []
    for server_id, devices in servers:
        entries.append({"server_id": server_id, "device": [
            {"device_id": str(first_device + place), "device_ip": f"192.98.0.{count + place}",
             "rank_id": str(count + place)} for place in range(devices)]})
        count += devices
    path.write_text(json.dumps({"version": "1.0", "server_count": str(len(servers)), "server_list": entries,
                                "status": "completed"}))
    return path


def heed_signals():
    """Undo what nohup, or a shell's &, around these tests made their processes ignore."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


class JobPlace(Place):
    """A place whose Python is the real one, and whose train.py is a stand-in; so is msrun, unless `msrun` is real."""

    def __init__(self, folder, has_msrun=False):
        super().__init__(folder)
        shutil.copytree(ROOT / "model_utils", self.repo / "model_utils")
        (self.repo / "train.py").write_text(PROGRAM)
        self.folder, self.port, self.fake = folder, free_port(), "" if has_msrun else str(folder / "fake")
        package = folder / "fake" / "mindspore" / "parallel" / "cluster"
        package.mkdir(parents=True)
        for part in (package, package.parent, package.parents[1]):
            (part / "__init__.py").touch()
        (package / "run.py").write_text(MSRUN)

    def environment(self, **extra):
        values = super().environment(PYTHON=sys.executable, PYTHONPATH=self.fake, DEVICE_TARGET="CPU",
                                     MASTER_PORT=str(self.port))
        return {**{name: value for name, value in values.items() if name not in UNSET}, **extra}

    def train(self, *places, wait="1", **extra):
        """Run a launcher to its end and return what `subprocess.run` does."""
        process = self.start(*places, wait=wait, **extra)
        # Where others use the machine, to import MindSpore can take a minute.
        output, errors = process.communicate(timeout=300)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def start(self, *places, behave=None, cwd=None, wait="1", **extra):
        """Start a launcher, that of Ascend where the first place is a file, else that of GPUs; returns its process.

        Without `places` it has 2 ranks of a core each.
        """
        places = [str(place) for place in places or ("2", "1")]
        script = "run_distribute_train.sh" if places[0].endswith(".json") else "run_distribute_train_gpu.sh"
        environment = self.environment(WAIT=wait, BEHAVE=json.dumps(behave or {}), **extra)
        return subprocess.Popen(["bash", str(self.repo / "scripts" / script), str(self.data), *places], text=True,
                                cwd=cwd or self.caller, env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=heed_signals)

    def log(self, rank, cwd=None):
        """Return what a rank wrote, "" before it did."""
        path = (cwd or self.caller) / f"train_parallel{rank}" / "log.txt"
        return path.read_text() if path.exists() else ""

    def processes(self):
        """Return the processes that have to do with this place."""
        return [process for process in psutil.process_iter(["cmdline"])
                if any(str(self.folder) in word for word in process.info["cmdline"] or ())]

    def end_all(self):
        """Kill what a test that failed has left."""
        for process in self.processes():
            process.send_signal(signal.SIGKILL)


def wait_until(condition, seconds=60):
    """Wait until condition() is true; fails after `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)

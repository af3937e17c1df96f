# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Run a program of the repository in many processes on this machine, by msrun; the launchers in bash call this.

    python -m scripts.launch.launch show train_parallel train.py --device_target CPU --device_num 2 -- --data_dir DATA

`show` prints the plan. `logs` checks that it can run and prints the names of the logs. `run` runs it to its end: the
exit code is 0 when all ranks ended with 0, else that of the rank that failed first. No process is left behind.
"""
import argparse
import os
import sys
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: its environment is also that of all ranks)

from model_utils.errors import UsageError, counted, run_cli
from scripts.launch.msrun_job import Job, check_machine, environment_nodes, share_cores, table_nodes, whole_number
from scripts.launch.watch import check_folder, run

TARGETS = ("Ascend", "GPU", "CPU")
REPO = Path(__file__).resolve().parents[2]


def read_job(arguments, options):
    """Return the job that the arguments and the environment describe.

    Raises:
        UserError: the rank table cannot be used; a UsageError: an argument or a variable is wrong.
    """
    if arguments.device_target not in TARGETS:
        raise UsageError(f"DEVICE_TARGET is {arguments.device_target!r}; expected one of {', '.join(TARGETS)}")
    if arguments.rank_table:
        nodes, device_ids = table_nodes(arguments.rank_table, os.environ)
    else:
        device_ids = tuple(range(whole_number(arguments.device_num, "DEVICE_NUM", 1)))
        nodes = environment_nodes(os.environ)
    wanted = whole_number(arguments.cpus_per_rank, "CPUS_PER_RANK", 1) if arguments.cpus_per_rank is not None else 0
    here = sorted(os.sched_getaffinity(0))
    return Job(arguments.name, Path.cwd(), (sys.executable, "-u", str(REPO / arguments.program), *options),
               arguments.device_target, nodes, device_ids, arguments.rank_table,
               share_cores(here, len(device_ids), wanted))


def note_cores(job, wanted):
    """Print a note where there are fewer than `wanted` cores, a number as text, for each rank."""
    needed, here = int(wanted or 0) * len(job.ranks), len(os.sched_getaffinity(0))
    if needed > here:
        print(f"CPUS_PER_RANK={wanted}: {counted(len(job.ranks), 'ranks')} would need {counted(needed, 'cores')}, "
              f"and {here} can be used here, which they share", file=sys.stderr)


def main(argv=None):
    """Show, check or run a job as the arguments say; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["show", "logs", "run"])
    parser.add_argument("name", help="beginning of the folders' names: train_parallel makes train_parallel0, ...")
    parser.add_argument("program", help="program of the repository; its options follow after --")
    parser.add_argument("--device_target", default="CPU", help="what the ranks run on, to count the devices")
    places = parser.add_mutually_exclusive_group(required=True)
    places.add_argument("--rank_table", default="", help="table of the servers and devices")
    places.add_argument("--device_num", help="number of ranks on each node")
    parser.add_argument("--cpus_per_rank", help="cores of each rank; without: an even share of all")
    parser.add_argument("--follow", action="store_true", help="show the log of this node's first rank while it runs")
    given = list(sys.argv[1:] if argv is None else argv)
    end = given.index("--") if "--" in given else len(given)
    arguments = parser.parse_args(given[:end])
    job = read_job(arguments, given[end + 1:])
    if arguments.mode == "show":
        note_cores(job, arguments.cpus_per_rank)
        print(job.text())
        return 0
    check_folder(job)
    check_machine(job)
    if arguments.mode == "logs":
        note_cores(job, arguments.cpus_per_rank)
        print(job.log, *(plan["log"] for plan in job.ranks.values()), sep="\n")
        return 0
    return run(job, arguments.follow)


if __name__ == "__main__":
    sys.exit(run_cli(main))

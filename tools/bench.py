# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Train a recipe on several small data sets, and a peer at the same size, batch and epochs, and print the table.

    python tools/bench.py --bccd DATA --roboflow EXPORT --coco128 DATA --seeds 1 2 3 --peer "PYTHON PEER.py"
    python tools/bench.py --bccd DATA --roboflow EXPORT --coco128 DATA --name no_mosaic --mosaic 0

tools/bench_sets.py says what the sets are; one whose source is not named is left out. Options of train.py, which change
the recipe, may follow. As with tools/run_experiments.py, what is done is in a csv and is not done again, an interrupted
run resumes, and to use several cores the command is started once for each. The peer is a command that takes DATA
--imgsz --epochs --batch --seed --work and prints "AP x AP50 y".
"""
import argparse
import csv
import datetime
import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections import defaultdict
from functools import partial
from pathlib import Path

if not __package__:
    # Started as tools/bench.py: Python looks for packages beside this file.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from filelock import FileLock

from model_utils.config import COMMAND_LINE, get_config
from model_utils.errors import UsageError, UserError, run_cli
from model_utils.files import ROOT
from src.config import check_config, training_config
from tools.bench_sets import SETS, make_set
from tools.run_experiments import Run, run_all, train_and_score, until_stopped

BATCH = 8
PEER = "peer"
SCORES = re.compile(r"\bAP (\d\.\d+) AP50 (\d\.\d+)")


def runs_of(arguments, options, data_of, folder):
    """Return the runs of the recipe, each set with each seed; a UsageError reports options that train.py refuses."""
    runs = []
    for name, data in data_of.items():
        for seed in arguments.seeds:
            own = {"config_path": arguments.config, "training_shape": SETS[name].training_shape,
                   "max_epoch": SETS[name].max_epoch, "per_batch_size": BATCH, "seed": seed,
                   "keep_checkpoint_max": 1, **options}
            run = Run(f"{name}-{seed}", own, data, folder / f"{name}-{seed}")
            check_config(training_config(get_config([*run.arguments(), "--device_target=CPU"])))
            runs.append(run)
    return runs


def check_rows(runs, path):
    """Raise a UserError if a run is in the csv with other options, whose scores would pass for those of this recipe."""
    wanted = {run.name: run.options for run in runs}
    for row in _rows(path):
        options, found = wanted.get(row["name"]), json.loads(row["options"])
        differing = options and sorted(name for name in {**options, **found} if options.get(name) != found.get(name))
        if differing:
            raise UserError(f"{path}: {row['name']} was trained with other options ({', '.join(differing)}): give this "
                            "recipe another --name, or move the file away")


def _rows(path):
    return csv.DictReader(path.read_text(encoding="utf-8").splitlines()) if path.exists() else ()


def score_peer(command, run, log):
    """Train and score the peer as a run of ours is; returns its row of the csv."""
    options, started = run.options, time.monotonic()
    arguments = [*shlex.split(command), str(run.data_dir), "--imgsz", str(options["training_shape"]), "--epochs",
                 str(options["max_epoch"]), "--batch", str(BATCH), "--seed", str(options["seed"]), "--work",
                 str(run.folder)]
    done = subprocess.run(arguments, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True)
    log.write(done.stdout)
    scores = SCORES.search(done.stdout)
    if done.returncode or not scores:
        raise UserError(f"{shlex.join(arguments)} ended with exit code {done.returncode} and "
                        f"{'no' if not scores else 'its'} scores, see {log.name}")
    return {"name": run.name, "AP": scores[1], "AP50": scores[2], "AP50_per_class": "",
            "minutes": f"{(time.monotonic() - started) / 60:.1f}", "cores": len(os.sched_getaffinity(0)),
            "date": datetime.date.today().isoformat(), "commit": "", "options": command}


def table(paths):
    """Return the scores of csv files as Markdown: a row for each set, and the mean of the sets.

    Args:
        paths (dict): name of a recipe to its csv.
    """
    scores = {name: defaultdict(list) for name in paths}
    for name, path in paths.items():
        for row in _rows(path):
            scores[name][row["name"].rpartition("-")[0]].append((100 * float(row["AP"]), 100 * float(row["AP50"])))
    names = [name for name in SETS if any(found.get(name) for found in scores.values())]
    lines = ["| set | " + " | ".join(f"{name} AP | AP50" for name in paths) + " |",
             "|---|" + "---|---|" * len(paths)]
    for entry in names:
        lines.append(f"| {entry} | " + " | ".join(_cells(found.get(entry)) for found in scores.values()) + " |")
    means = []
    for found in scores.values():
        of_sets = [[sum(values) / len(values) for values in zip(*found[entry], strict=True)]
                   for entry in names if found.get(entry)]
        complete = len(of_sets) == len(names)
        means.append(" | ".join(f"{sum(values) / len(values):.1f}" for values in zip(*of_sets, strict=True))
                     if complete and names else " | ")
    return "\n".join([*lines, "| mean | " + " | ".join(means) + " |"])


def _cells(scores):
    """Return mean (lowest to highest) of AP and of AP50."""
    if not scores:
        return " | "
    return " | ".join(f"{sum(values) / len(values):.1f}" + (f" ({min(values):.1f} to {max(values):.1f})"
                                                            if len(values) > 1 else "")
                      for values in zip(*scores, strict=True))


def _arguments(argv):
    """Return the arguments, and the options of train.py among them by name."""
    # An option of train.py, such as --seed, is no abbreviation.
    parser = argparse.ArgumentParser(prog="python tools/bench.py", description=__doc__, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    for source, meaning in (("bccd", "data folder of BCCD"), ("roboflow", "COCO export of Roboflow"),
                            ("coco128", "data folder of coco128")):
        parser.add_argument(f"--{source}", type=Path, help=meaning)
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS), help="the sets to train on (all)")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1], help="the seeds of the runs (1)")
    parser.add_argument("--config", default="configs/improved.yaml", help="overlay with the recipe (improved.yaml)")
    parser.add_argument("--name", default="ours", help="name of the recipe and of its csv (ours)")
    parser.add_argument("--peer", default="", help="command of the peer")
    parser.add_argument("--hold_out", action="store_true", help="to choose something: a fifth of the training images "
                        "takes the place of the validation images")
    parser.add_argument("--work", type=Path, default=ROOT / "outputs" / "bench", help="folder of data, runs and csv")
    arguments, options = parser.parse_known_args(argv)
    config = get_config(options, "python train.py")
    return arguments, {key: value for key, value in config.to_dict().items() if config.source(key) == COMMAND_LINE}


def main(argv=None):
    """Run the bench as the arguments say; returns the exit code."""
    arguments, options = _arguments(argv)
    sources = {name: SETS[name].source and getattr(arguments, SETS[name].source) for name in arguments.sets}
    sources = {name: source and source.resolve() for name, source in sources.items() if source is not None}
    if not sources:
        raise UsageError(f"none of the sets {', '.join(arguments.sets)} has a source; name it by --bccd, --roboflow or "
                         "--coco128")
    work, held = arguments.work.resolve(), "_held_out" if arguments.hold_out else ""
    (work / "data").mkdir(parents=True, exist_ok=True)
    # Another process may be making them.
    with FileLock(work / "data" / "lock"):
        data_of = {name: make_set(name, source, work / "data", arguments.hold_out) for name, source in sources.items()}
    paths = {name: work / f"{name}{held}.csv" for name in (arguments.name, PEER)}
    runs = runs_of(arguments, options, data_of, work / f"{arguments.name}{held}")
    check_rows(runs, paths[arguments.name])
    queues = [(runs, paths[arguments.name], train_and_score)]
    if arguments.peer:
        peers = [run._replace(folder=work / f"{PEER}{held}" / run.name) for run in runs]
        queues.append((peers, paths[PEER], partial(score_peer, arguments.peer)))

    def run_queues():
        failed = [name for queue in queues for name in run_all(*queue)]
        print(table(paths))
        return 1 if failed else 0

    return until_stopped(run_queues)


if __name__ == "__main__":
    sys.exit(run_cli(main))

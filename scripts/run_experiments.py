"""Run a queue of trainings, several at a time, each scored on the validation images; stop and start it as you like.

    python scripts/run_experiments.py docs/experiments/bccd_256.yaml --data_dir DATA --jobs 2

The queue is a YAML file: `csv` (file of results), `common` (options of train.py for all runs) and `runs`, a list of
{name, config (an overlay, optional), data_dir (optional), options}. A run whose name is in the csv is done; one that
was interrupted goes on from its last.ckpt. Each job has its share of the cores to itself. Ctrl-C or SIGTERM stops all.
"""
import argparse
import csv
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("name", "AP", "AP50", "AP_per_class", "minutes", "cores", "date", "commit", "options")


class Queue:
    """The runs that are left, the folder that they work in, and the csv of the results.

    Args:
        path (Path): the queue file.
        data_dir (str): data folder of the runs that name none.
        work (Path): each run makes a folder of its name in it.
    """

    def __init__(self, path, data_dir, work):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.csv = path.parent / content["csv"]
        self.common, self.data_dir, self.work = content.get("common", {}), data_dir, work
        names = [run["name"] for run in content["runs"]]
        if len(set(names)) < len(names):
            raise ValueError(f"{path}: a name is given to two runs")
        done = {row["name"] for row in self._rows()}
        self.waiting = [run for run in content["runs"] if run["name"] not in done]
        self.lock, self.processes, self.failed, self.is_stopped = threading.Lock(), set(), [], False

    def _rows(self):
        if not self.csv.exists():
            return []
        with self.csv.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def work_through(self, cores):
        """Take runs from the queue until none is left; `cores` is what this thread's processes may use."""
        while True:
            with self.lock:
                if self.is_stopped or not self.waiting:
                    return
                run = self.waiting.pop(0)
            print(f"{run['name']}: started on cores {sorted(cores)}", flush=True)
            try:
                row = self.one_run(run, cores)
            except subprocess.CalledProcessError as error:
                if not self.is_stopped:
                    self.failed.append(run["name"])
                    print(f"{run['name']}: exit code {error.returncode}, see {self.work / run['name']}/log.txt")
                continue
            with self.lock:
                is_new = not self.csv.exists()
                with self.csv.open("a", newline="", encoding="utf-8") as file:
                    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
                    if is_new:
                        writer.writeheader()
                    writer.writerow(row)
            print(f"{run['name']}: AP {row['AP']}, AP50 {row['AP50']}, {row['minutes']} minutes", flush=True)

    def one_run(self, run, cores):
        """Train (or go on), evaluate the last weights, and return the row of the csv."""
        folder = self.work / run["name"]
        data_dir = run.get("data_dir", self.data_dir)
        options = {**self.common, **run.get("options", {})}
        arguments = [f"--{name}={value}" for name, value in options.items()]
        if "config" in run:
            arguments.insert(0, f"--config_path={run['config']}")
        last = newest_checkpoint(folder)
        if last:
            arguments = [f"--resume={last}"]
        self.call(["train.py", *arguments, f"--data_dir={data_dir}", f"--ckpt_path={folder}",
                   f"--num_parallel_workers={len(cores)}", "--device_target=CPU"], folder, cores)
        last = newest_checkpoint(folder)
        scores = folder / "eval"
        shutil.rmtree(scores, ignore_errors=True)
        self.call(["eval.py", f"--data_dir={data_dir}", f"--pretrained={last}", f"--log_path={scores}",
                   "--device_target=CPU"], folder, cores)
        metrics = json.loads(next(scores.glob("*/metrics.json")).read_text(encoding="utf-8"))
        per_class = {name: round(figures["AP50"], 3) for name, figures in metrics["per_class"].items()}
        return {"name": run["name"], "AP": f"{metrics['AP']:.4f}", "AP50": f"{metrics['AP50']:.4f}",
                "AP_per_class": json.dumps(per_class), "minutes": f"{trained_seconds(last) / 60:.1f}",
                "cores": len(cores), "date": datetime.date.today().isoformat(), "commit": commit(),
                "options": json.dumps({**({"config_path": run["config"]} if "config" in run else {}), **options})}

    def call(self, arguments, folder, cores):
        """Run one of the project's programs, its output into the run's log.txt."""
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "log.txt").open("a", encoding="utf-8") as log:
            # Out of reach of the terminal's Ctrl-C: only `stop` ends it.
            process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT, stdout=log, stderr=log,
                                       start_new_session=True)
            # Its threads, which it has yet to start, inherit this.
            os.sched_setaffinity(process.pid, cores)
            self.processes.add(process)
            code = process.wait()
            self.processes.discard(process)
        if code:
            raise subprocess.CalledProcessError(code, arguments)

    def stop(self):
        """End all processes; what they were doing goes on from the last checkpoints next time."""
        self.is_stopped = True
        for process in list(self.processes):
            process.terminate()


def newest_checkpoint(folder):
    """Return the last.ckpt that went furthest: each continuation of a run has a folder of its own."""
    found = sorted(folder.glob("*/ckpt_0/last.ckpt"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else None


def trained_seconds(checkpoint):
    """Return the time of all epochs of a run, from its metrics.csv."""
    with (checkpoint.parents[1] / "metrics.csv").open(newline="", encoding="utf-8") as file:
        return sum(float(row["seconds"]) for row in csv.DictReader(file))


def commit():
    """Return the short name of the commit, with a + when files differ from it."""
    name = subprocess.run(["git", "describe", "--always", "--dirty=+"], cwd=ROOT, capture_output=True, text=True)
    return name.stdout.strip() or "unknown"


def main(argv=None):
    """Run the queue; returns 1 when a run failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("queue", type=Path, help="YAML file of runs")
    parser.add_argument("--data_dir", default="", help="data folder in COCO layout")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    parser.add_argument("--work", type=Path, default=ROOT / "outputs" / "experiments", help="folder of the runs")
    arguments = parser.parse_args(argv)
    queue = Queue(arguments.queue.resolve(), arguments.data_dir, arguments.work.resolve())
    cores = sorted(os.sched_getaffinity(0))
    shares = [set(cores[job::arguments.jobs]) or set(cores) for job in range(arguments.jobs)]
    threads = [threading.Thread(target=queue.work_through, args=(share,)) for share in shares]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        queue.stop()
        print("stopped; start again to go on")
        return 130
    return 1 if queue.failed else 0


if __name__ == "__main__":
    sys.exit(main())

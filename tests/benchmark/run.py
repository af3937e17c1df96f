# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Measure the speed of this project as ratios to other programs that take turns with it on the same machine.

    python -m tests.benchmark.run all --data_dir DATA --json speed.json
    python -m tests.benchmark.run forward eval --data_dir DATA --rounds 5

DATA is a data set in COCO layout with real photographs. `train` and `forward` need PyTorch
(pip install -r tests/benchmark/requirements.txt). `eval` compares with forward passes alone, `start` with imports,
`growth` with a tenth of the images (tests/benchmark/growth.py measures more of it). docs/speed.md explains the figures.
"""
import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.benchmark import measures
from tests.benchmark.workers import machine

MEASUREMENTS = {"pipeline": measures.pipeline, "train": measures.train, "forward": measures.forward,
                "postprocess": measures.postprocess, "eval": measures.evaluation, "start": measures.start,
                "growth": measures.growth}
# They make their own.
DATALESS = {"postprocess", "growth"}


def main(argv=None):
    """Measure what the arguments name; return the exit code."""
    arguments = parse(argv)
    names = list(MEASUREMENTS) if "all" in arguments.measurements else arguments.measurements
    print(machine())
    rows, settings = {}, {"machine": machine(), "rounds": arguments.rounds}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            print(f"measuring {name} ...", file=sys.stderr)
            found, about = MEASUREMENTS[name](arguments.data_dir, Path(folder), arguments.rounds)
            rows |= found
            settings[name] = about
    print(table(rows))
    for name in names:
        print(f"{name}: {json.dumps(settings[name])}")
    if arguments.json:
        report = {"ratios": {name: row["ratio"]["median"] for name, row in rows.items()}, "rows": rows,
                  "spread": {name: [row["ratio"]["min"], row["ratio"]["max"]] for name, row in rows.items()},
                  "settings": settings}
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")
    return 0


def parse(argv):
    """Return the arguments; exit with a usage message when the data folder is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("measurements", nargs="*", default="all", choices=["all", *MEASUREMENTS])
    parser.add_argument("--data_dir", type=Path, default=Path("../shared/data/coco128"))
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each program; the median ratio counts")
    arguments = parser.parse_args(argv)
    arguments.data_dir = arguments.data_dir.resolve()
    if set(arguments.measurements) - DATALESS and not (arguments.data_dir / "annotations").is_dir():
        parser.error(f"--data_dir {arguments.data_dir}: no data folder in COCO layout (it has no annotations/)")
    if arguments.rounds < 1:
        parser.error(f"--rounds {arguments.rounds}: expected 1 or more")
    return arguments


def table(rows):
    """Return the figures as text: rates in images a second, the median ratio and its spread."""
    width = max(map(len, ("ratio", *rows)))
    lines = [f"{'ratio':<{width}} {'ours':>9} {'theirs':>9} {'median':>8} {'spread':>15}   what"]
    for name, row in rows.items():
        ratio = row["ratio"]
        spread = f"{ratio['min']:.2f} to {ratio['max']:.2f}"
        lines.append(f"{name:<{width}} {row['ours']:>9.1f} {row['theirs']:>9.1f} {ratio['median']:>8.2f} {spread:>15}"
                     f"   {row['what']}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())

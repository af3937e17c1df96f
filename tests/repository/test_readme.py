# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""README.md: its commands run, its tree is the repository's, its options have those defaults; README_CN.md is the same.

All shell commands are run in their order in a copy of the repository, on small pictures.
"""
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from model_utils.config import get_config
from tests.support.helpers import write_coco
from tests.support.infer_app import build_folder
from tests.support.job_place import rank_table
from tests.support.many_ranks import free_port
from tests.support.small_networks import random_weights, write_darknet

ROOT = Path(__file__).resolve().parents[2]
README, CHINESE = "README.md", "README_CN.md"
MOST_SECONDS = 300
MOST_COLUMNS = 120

# Commands that are not run, and why; at most eight.
NOT_RUN = {
    "bash scripts/quick_start.sh": "it has a test of its own, tests/scripts/test_quick_start.py",
    "bash scripts/run_tests.sh": "it would run this test in this test",
    "pip install -r tests/benchmark/requirements.txt": "downloads PyTorch, 200 MB",
    "python tests/benchmark/run.py all --data_dir DATA --json speed.json":
        "needs PyTorch, and measures for a quarter of an hour",
    "bash scripts/run_infer_310.sh model_310.mindir DATA/val2017 DATA/annotations/instances_val2017.json 0":
        "needs MindSpore Lite; tests/scripts/test_run_infer_310.py runs it on a stand-in",
    "python -m tools.run_experiments docs/experiments/bccd_256.yaml --data_dir DATA --jobs 2":
        "trains for hours; tests/tools/test_run_experiments.py runs short queues",
}
# What a command has in the place of the README's words. Jobs of one process, as two take 40 s on two cores; the example
# for a CPU has two.
CHANGED = {
    "run_distribute_train_gpu.sh DATA 8 12": "run_distribute_train_gpu.sh DATA 1 1",
    "run_eval.sh DATA CKPT 8": "run_eval.sh DATA CKPT 1",
}
# Options added at the end of the commands in which the words are found, the first that fits; the last one given counts.
TINY = "--training_shape 64 --max_epoch 1 --warmup_epochs 0 --num_parallel_workers 2"
ADDED = {
    "pip install": "--no-index",
    "--resume ": "--max_epoch 2",
    "improved.yaml": f"{TINY} --per_batch_size 4 --mosaic_close_epochs 0",
    "run_distribute_train": f"{TINY} --per_batch_size 2",
    "train.py": f"{TINY} --per_batch_size 4",
    "run_standalone_train": f"{TINY} --per_batch_size 4",
    "run_eval": "--per_batch_size 2",
    "eval.py": "--per_batch_size 2",
}
# Words of the commands that need the C++ app, which not every machine can build.
NEEDS_APP = ("run_infer_310.sh", "result_Files")
# The tree of the 2021 version: who knows it finds each file in its place.
PATHS_2021 = (
    "README.md", "README_CN.md", "requirements.txt", "mindspore_hub_conf.md", "default_config.yaml",
    "model_utils/__init__.py", "model_utils/config.py", "model_utils/device_adapter.py", "model_utils/local_adapter.py",
    "model_utils/modelarts_job.py",
    "scripts/run_standalone_train.sh", "scripts/run_standalone_train_gpu.sh", "scripts/run_distribute_train.sh",
    "scripts/run_distribute_train_gpu.sh", "scripts/run_infer_310.sh", "scripts/run_eval.sh", "scripts/run_eval_gpu.sh",
    "src/__init__.py", "src/config.py", "src/tiny.py", "src/distributed_sampler.py", "src/initializer.py",
    "src/logger.py", "src/loss.py", "src/lr_scheduler.py", "src/transforms.py", "src/util.py", "src/yolo.py",
    "src/yolo_dataset.py", "src/evaluation/detections.py",
    "ascend310_infer/inc/utils.h", "ascend310_infer/src/main.cc", "ascend310_infer/src/utils.cc",
    "ascend310_infer/aipp.cfg", "ascend310_infer/build.sh", "ascend310_infer/CMakeLists.txt",
    "eval.py", "export.py", "train.py",
)
# What follows -- in the text and is no option of default_config.yaml.
OTHER_OPTIONS = {"option", "fraction", "jobs", "json"}


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


def blocks(text, language):
    """Return the fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def prose(text):
    """Return the text without its fenced blocks."""
    return re.sub(r"^```\w*\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def commands(name):
    """Return the shell commands in their order, continued lines joined, and Python blocks as `python -c`."""
    found = []
    for language, block in re.findall(r"^```(shell|python)\n(.*?)^```$", text_of(name), re.MULTILINE | re.DOTALL):
        if language == "python":
            found.append(f"python -c '{block.strip()}'")
        else:
            lines = re.sub(r"\\\n\s*", "", block).splitlines()
            found += [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return found


def tables(name):
    """Return the tables: lists of rows, each a list of cells, the header first."""
    found, last = [], -2
    for number, line in enumerate(prose(text_of(name)).splitlines()):
        if line.startswith("|"):
            if number != last + 1:
                found.append([])
            if not re.fullmatch(r"[|\-\s:]+", line):
                found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
            last = number
    return found


@cache
def repository_files():
    """Return the files of the repository, also those that are not committed yet, as paths from its root."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"], cwd=ROOT,
                            capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip(f"git does not list the repository's files: {listed.stderr.strip()}")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


class Workspace:
    """A copy of the repository with small data, in which the commands run one after the other."""

    def __init__(self, folder):
        self.repo, self.data, self.bin = folder / "repo", folder / "data", folder / "bin"
        for name in repository_files():
            if not name.startswith("ascend310_infer/"):
                (self.repo / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, self.repo / name)
        # The same folder as that of the build, which other tests share.
        (self.repo / "ascend310_infer").symlink_to(ROOT / "ascend310_infer")
        boxes = [(6, 8, 24, 20, 3), (30, 20, 20, 24, 1), (10, 40, 16, 18, 7)]
        for split, count in (("train", 8), ("val", 4)):
            write_coco(self.data, [{"size": (64, 64), "boxes": boxes} for _ in range(count)], split)
        rank_table(self.repo / "rank_table_8p.json", [("localhost", 1)])
        write_darknet(self.repo / "yolov3-tiny.weights", random_weights(80))
        self.bin.mkdir()
        for name, command in (("python", ""), ("pip", " -m pip")):
            (self.bin / name).write_text(f'#!/bin/sh\nexec "{sys.executable}"{command} "$@"\n')
            (self.bin / name).chmod(0o755)

    def filled(self, command):
        """Return a command with what stands for its placeholders, and small."""
        for words, others in CHANGED.items():
            command = command.replace(words, others)
        added = next((options for words, options in ADDED.items() if words in command), "")
        run = next((path.name for path in sorted(self.repo.glob("outputs/*")) if (path / "ckpt_0").is_dir()), "RUN")
        picture = sorted((self.data / "val2017").iterdir())[0]
        for words, value in {"outputs/RUN": f"outputs/{run}", "CKPT": f"outputs/{run}/ckpt_0/best.ckpt",
                             "PATH_OR_FOLDER": picture.parent, "PICTURE": picture, "DATA": self.data,
                             "OUT": self.data.with_name("split")}.items():
            command = re.sub(rf"(?<![\w-]){words}(?!\w)", str(value), command)
        return f"{command} {added}".strip()

    def run(self, command):
        """Return (whether it ended well, what was run and what it said)."""
        kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
        environment = {**kept, "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", "PYTHON": sys.executable,
                       "DEVICE_TARGET": "CPU", "WAIT": "1", "MASTER_PORT": str(free_port())}
        if NEEDS_APP[0] in command:
            environment["BUILD_DIR"] = str(build_folder())
        filled = self.filled(command)
        try:
            done = subprocess.run(["bash", "-c", filled], cwd=self.repo, env=environment, text=True, errors="replace",
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=MOST_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            return False, f"{filled}\nnot done after {MOST_SECONDS} s; it said\n{error.stdout}"
        return done.returncode == 0, f"{filled}\nended with {done.returncode}; it said\n{done.stdout[-5000:]}"


@pytest.fixture(scope="module", name="results")
def fixture_results(tmp_path_factory):
    """What became of each command: (ended well, text), or the reason why it could not be run."""
    workspace, found = Workspace(tmp_path_factory.mktemp("readme")), {}
    for command in commands(README):
        if command in NOT_RUN:
            continue
        missing = next((found[other] for other in found if isinstance(found[other], str)), None)
        try:
            needs_app = any(words in command for words in NEEDS_APP)
            found[command] = missing if needs_app and missing else workspace.run(command)
        except pytest.skip.Exception as lacking:
            found[command] = str(lacking)
        except AssertionError as failure:
            found[command] = False, f"the C++ app cannot be built: {failure}"
    return found


@pytest.mark.slow
@pytest.mark.parametrize("command", [command for command in commands(README) if command not in NOT_RUN])
def test_the_command_runs(results, command):
    if isinstance(results[command], str):
        pytest.skip(results[command])
    ended_well, said = results[command]
    assert ended_well, f"a command of README.md fails: {command}\nrun as: {said}"


def test_what_is_not_run_stands_in_the_readme():
    assert set(NOT_RUN) <= set(commands(README)) and len(NOT_RUN) <= 8
    assert len(commands(README)) > 20


def tree(name):
    """Return the paths that the tree of files names, but for its `...`."""
    block, = [block for block in blocks(text_of(name), "text") if block.startswith(".\n")]
    folders, found = [], []
    for line in block.splitlines()[1:]:
        drawing, path = re.match(r"([│├└─ ]+)(\S+)", line).groups()
        depth = len(drawing) // 4
        folders[depth - 1:] = [path]
        found.append("".join(folders))
    return [path for path in found if not path.endswith("...")]


def test_the_paths_of_the_2021_version_exist():
    assert [path for path in PATHS_2021 if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("name", [README, CHINESE])
def test_the_tree_is_the_repositorys(name):
    named = tree(name)
    assert len(named) == len(set(named))
    assert [path for path in named if not (ROOT / path).exists()] == []
    listed = [path for path in repository_files() if "/" not in path or path.split("/")[0] in
              ("src", "model_utils", "scripts")]
    assert set(listed) - set(named) == set()
    assert {path.split("/")[0] for path in repository_files()} - {path.split("/")[0] for path in named} == set()


@pytest.mark.parametrize("name", [README, CHINESE])
def test_the_options_have_the_defaults_of_the_tables(name):
    defaults, checked = get_config([]), []
    rows = [row for table in tables(name) if table[0][0].startswith(("option", "选项")) for row in table[1:]]
    for row in rows:
        options, values = (re.findall(r"`([^`]*)`", cell) for cell in row[:2])
        assert len(options) == len(values) > 0, row
        for option, value in zip(options, values, strict=True):
            told = get_config([f"--{option}={value.strip(chr(34))}"])[option]
            assert told == defaults[option], f"{option}: {name} says {told}, default_config.yaml {defaults[option]}"
            checked.append(option)
    assert len(checked) == len(set(checked)) > 40


@pytest.mark.parametrize("name", [README, CHINESE])
def test_options_and_links_of_the_text_exist(name):
    text = prose(text_of(name))
    assert {option for option in re.findall(r"--([a-z]\w+)", text) if option not in get_config([])} <= OTHER_OPTIONS
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert len(links) > 20
    for link in links:
        path, _, anchor = link.partition("#")
        assert (ROOT / path).exists(), f"{name}: {link}"
        assert not anchor or anchor in anchors(path or name), f"{name}: {link}"


def anchors(name):
    """Return the anchors of the headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", prose(text_of(name)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", [README, CHINESE])
def test_no_line_is_too_long(name):
    assert [line for line in text_of(name).splitlines() if len(line) > MOST_COLUMNS] == []


def test_the_chinese_page_has_the_same_commands_and_figures():
    assert commands(CHINESE) == commands(README)
    assert tree(CHINESE) == tree(README)
    for ours, theirs in zip(tables(README), tables(CHINESE), strict=True):
        for row, other in zip(ours, theirs, strict=True):
            assert figures(" ".join(row)) == figures(" ".join(other)), f"{row}\n{other}"
    for ours, theirs in zip(sections(README), sections(CHINESE), strict=True):
        assert figures(ours) == figures(theirs), f"{ours.splitlines()[0]}\n{theirs.splitlines()[0]}"


def sections(name):
    """Return the text of each section, its heading first, without the fences of its blocks."""
    text = re.sub(r"^```\w*$", "", text_of(name), flags=re.MULTILINE)
    return re.split(r"^(?=#+ )", text, flags=re.MULTILINE)[1:]


def figures(text):
    """Return how often each number and code stands in a text: two languages order their words differently."""
    return Counter(re.findall(r"`[^`]+`|\d+(?:\.\d+)?", " ".join(text.split())))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The commands of README.md and docs/, read from their blocks and run on one small data set.

Programs run as functions in this process. Shell scripts run for real, with a stand-in for Python that records its
calls; these calls run afterwards, as functions too. A program that an earlier command has run with the same resolved
options is not repeated, and the step of trainings compiles nothing: the tests of training and of the quick start train.
"""
import contextlib
import importlib
import io
import json
import os
import re
import shlex
import subprocess
import sys
import traceback
from pathlib import Path
from unittest.mock import patch

from model_utils.config import get_config
from model_utils.errors import run_cli
from src.training import trainer
from tests.support.ascend310.infer_app import host_settings
from tests.support.helpers import photos, write_coco, write_video
from tests.support.place import ROOT, STUB
from tests.support.ranks.job_place import rank_table
from tests.support.ranks.quick_step import QuickStep
from tests.support.small_networks import random_weights, write_darknet
from tests.support.tool_exports import EXPORTS

MAX_SECONDS = 300
# Appended to the commands in which the words are found, the first that fits; the last value of an option counts.
TINY = "--training_shape 64 --max_epoch 1 --warmup_epochs 0 --num_parallel_workers 2 --per_batch_size 4 --report False"
ADDED = {
    "pip install": "--no-index",
    "--resume ": "--max_epoch 2",
    "train.py": TINY,
    "run_standalone_train": TINY,
    "run_distribute_train": TINY,
    "run_eval": "--per_batch_size 2 --report False",
    "eval.py": "--report False",
    "tests.benchmark.growth": "--images 64 --evaluated",
}
LINKED = ("ascend310_infer", "configs", "docs", "model_utils", "scripts", "src", "tests", "tools")
LAUNCHER = "scripts.launch.launch"
SHARED = ("train", "eval", "predict")
OUTPUT_FOLDERS = ("ckpt_path", "log_path")


def read_commands(path):
    """Return the shell commands of a page in their order, continued lines joined, and Python blocks as `python -c`."""
    found = []
    text = path.read_text(encoding="utf-8")
    for language, block in re.findall(r"^```(shell|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        if language == "python":
            found.append(f"python -c '{block.strip()}'")
        else:
            lines = re.sub(r"\\\n\s*", "", block).splitlines()
            found += [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return found


class CommandPlace:
    """A folder that looks like the repository, with small data beside it, in which commands run one after the other."""

    def __init__(self, folder):
        self.repo, self.data, self.bin, self.record = (folder / name for name in ("repo", "data", "bin", "calls"))
        self.repo.mkdir()
        for path in (*ROOT.glob("*.py"), *ROOT.glob("*.txt"), *ROOT.glob("*.yaml"), *(ROOT / name for name in LINKED)):
            (self.repo / path.name).symlink_to(path)
        boxes = [(6, 8, 24, 20, 3), (30, 20, 20, 24, 1), (10, 40, 16, 18, 7)]
        for split, count in (("train", 8), ("val", 4)):
            write_coco(self.data, [{"size": (64, 64), "boxes": boxes} for _ in range(count)], split)
        for name, (write_export, *_) in EXPORTS.items():
            write_export(self.repo / "exports" / name)
        rank_table(self.repo / "rank_table_8p.json", [("localhost", 8)])
        write_darknet(self.repo / "yolov3-tiny.weights", random_weights(80))
        write_video(self.repo / "clip.avi", photos(3))
        self.bin.mkdir()
        for name, text in (("python", STUB), ("pip", f'#!/bin/sh\nexec "{sys.executable}" -m pip "$@"\n')):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        self._done = {}

    def filled(self, command):
        """Return a command with values for its placeholders and with the options that make it small."""
        added = next((options for words, options in ADDED.items() if words in command), "")
        run = next((path.name for path in sorted(self.repo.glob("outputs/*")) if (path / "ckpt_0").is_dir()), "RUN")
        image = sorted((self.data / "val2017").iterdir())[0]
        # Each conversion makes a folder of its own.
        data = self.data
        if "convert_dataset" in command:
            data = data.with_name(f"converted_{len(list(data.parent.glob('converted_*')))}")
        for words, value in {"outputs/RUN": f"outputs/{run}", "CKPT": f"outputs/{run}/ckpt_0/best.ckpt",
                             "PATH_OR_FOLDER": image.parent, "IMAGE": image, "VIDEO": "clip.avi", "DATA": data,
                             "OUT": self.data.with_name("split")}.items():
            command = re.sub(rf"(?<![\w-]){words}(?!\w)", str(value), command)
        return f"{command} {added}".strip()

    def run(self, command):
        """Return (whether it ended well, what was run and its output)."""
        filled = self.filled(command)
        if filled.startswith("python "):
            code, output = self.call(shlex.split(filled)[1:], self.repo)
        else:
            code, output = self.run_script(filled)
        return code == 0, f"{filled}\nexit code {code}, output:\n{output[-5000:]}"

    def run_script(self, command):
        """Run a shell command, then the calls of Python that it made; returns (exit code, output)."""
        kept = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "CONDA_PREFIX")}
        environment = {**kept, "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}", "DEVICE_TARGET": "CPU",
                       "WAIT": "1", "PYTHON": str(self.bin / "python"), "STUB_RECORD": str(self.record)}
        if "run_infer_310.sh" in command:
            environment |= host_settings()
        self.record.unlink(missing_ok=True)
        try:
            done = subprocess.run(["bash", "-c", command], cwd=self.repo, env=environment, text=True, errors="replace",
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  timeout=MAX_SECONDS, check=False)
        except subprocess.TimeoutExpired as error:
            return None, f"not done after {MAX_SECONDS} s\n{error.stdout}"
        code, outputs = done.returncode, [done.stdout]
        for line in self.record.read_text().splitlines() if self.record.exists() else ():
            call = json.loads(line)
            if code == 0:
                code, output = self.call(call["arguments"], Path(call["cwd"]))
                outputs.append(output)
        return code, "\n".join(outputs)

    def call(self, arguments, folder):
        """Run what a call of Python with these arguments runs, in a folder; returns (exit code, output)."""
        first, *rest = [argument for argument in arguments if argument != "-u"]
        if first == "-c":
            return captured(lambda: exec(compile(rest[0], "<command>", "exec"), {}), folder)
        *_, parent, stem = ("", *Path(first).with_suffix("").parts)
        program = f"tools.{stem}" if parent == "tools" else stem
        name, options = (rest[0], rest[1:]) if first == "-m" else (program, rest)
        if name == LAUNCHER and options[0] == "run":
            # The job itself is the business of tests/launch; here, what each of its ranks would run.
            end = options.index("--")
            program = next(word for word in options[:end] if word.endswith(".py"))
            return self.call([program, *single_process(options[end + 1:])], folder)
        key = self.shared_key(name, options, folder) if name in SHARED else None
        if key in self._done:
            return self._done[key]
        main = importlib.import_module(name).main
        with patch.object(trainer, "TrainStep", QuickStep):
            result = captured(lambda: run_cli(main, options), folder)
        if key:
            self._done[key] = result
        return result

    @staticmethod
    def shared_key(name, options, folder):
        """Return the program with all its resolved options but the output folders; paths are absolute."""
        values = {option: value for option, value in get_config(options).to_dict().items()
                  if option not in OUTPUT_FOLDERS}
        paths = {option: (folder / value).resolve() for option, value in values.items()
                 if isinstance(value, str) and value and (folder / value).exists()}
        return name, str({**values, **paths})


def single_process(options):
    """Return a rank's options without those that join it to others."""
    place = options.index("--is_distributed")
    return options[:place] + options[place + 2:]


def captured(function, folder):
    """Call a function in a folder; returns (its exit code, what it printed); an exception is code 1."""
    output, before = io.StringIO(), Path.cwd()
    try:
        os.chdir(folder)
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            code = function() or 0
    except SystemExit as end:
        code = end.code or 0
    except Exception:  # noqa: BLE001  (whatever it is, the test that asked for the command shows it)
        code = 1
        output.write(traceback.format_exc())
    finally:
        os.chdir(before)
    return code, output.getvalue()

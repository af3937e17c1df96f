# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The launch scripts: arguments, places, logs and exit codes, with a stand-in for Python that writes down its call."""
import os
import re
import signal
import subprocess
import time

import pytest

from tests.support.place import ROOT, STUB

SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))
LAUNCHERS = ["run_standalone_train.sh", "run_standalone_train_gpu.sh", "run_eval.sh", "run_eval_gpu.sh"]


def places_of(script, place):
    return [place.data, place.checkpoint] if "eval" in script else [place.data]


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda path: path.name)
def test_syntax_and_strictness(script):
    subprocess.run(["bash", "-n", str(script)], check=True)
    text = script.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    # Below the licence.
    about = text.splitlines()[3]
    assert "set -euo pipefail" in text or "sourced" in about


def test_no_script_sets_a_hyper_parameter_or_dumps_the_environment():
    for script in LAUNCHERS + ["common.sh"]:
        text = (ROOT / "scripts" / script).read_text(encoding="utf-8")
        assert not re.search(r"--(lr|per_batch_size|weight_decay|warmup_epochs|loss_scale)\b", text), script
        assert "env >" not in text and "rm -rf" not in text, script


@pytest.mark.parametrize("script, program, target", [
    ("run_standalone_train.sh", "train.py", "Ascend"),
    ("run_standalone_train_gpu.sh", "train.py", "GPU"),
    ("run_eval.sh", "eval.py", "Ascend"),
    ("run_eval_gpu.sh", "eval.py", "GPU"),
])
def test_command_folder_and_log(place, script, program, target):
    result = place.run(script, *places_of(script, place), "--lr", "0.1", "--text", "two words")
    assert result.returncode == 0, result.stderr
    folder = place.caller / ("eval" if "eval" in script else "train")
    model = ["--pretrained", str(place.checkpoint)] if "eval" in script else []
    call, = place.calls()
    assert call["arguments"] == ["-u", str(place.repo / program), "--data_dir", str(place.data), *model,
                                 "--device_target", target, "--lr", "0.1", "--text", "two words"]
    assert call["cwd"] == str(folder)
    assert call["stdin"] == "/dev/null"
    assert (folder / "log.txt").read_text() == "the program speaks\nand complains\n"
    assert result.stdout == "the program speaks\nand complains\n"
    assert sorted(path.name for path in folder.iterdir()) == ["log.txt"]


@pytest.mark.parametrize("script", LAUNCHERS)
def test_device_target_of_the_environment_wins(place, script):
    assert place.run(script, *places_of(script, place), DEVICE_TARGET="CPU").returncode == 0
    arguments = place.calls()[0]["arguments"]
    assert arguments[arguments.index("--device_target") + 1] == "CPU"


@pytest.mark.parametrize("script", LAUNCHERS)
def test_relative_places_are_those_of_the_calling_folder(place, script):
    assert place.run(script, *(path.name for path in places_of(script, place))).returncode == 0
    arguments = place.calls()[0]["arguments"]
    assert arguments[arguments.index("--data_dir") + 1] == str(place.data)
    if "eval" in script:
        assert arguments[arguments.index("--pretrained") + 1] == str(place.checkpoint)


def test_started_by_a_relative_path_and_with_a_cdpath(place):
    command = ["bash", "my repo/scripts/run_eval.sh", place.data, place.checkpoint]
    result = subprocess.run(command, cwd=place.repo.parent, env=place.environment(WAIT="1", CDPATH="/:/tmp"),
                            capture_output=True, check=False)
    assert result.returncode == 0, result.stderr
    assert place.calls()[0]["arguments"][1] == str(place.repo / "eval.py")
    assert (place.repo.parent / "eval" / "log.txt").exists()


def test_gpu_training_takes_a_device_number(place):
    script = "run_standalone_train_gpu.sh"
    assert place.run(script, place.data, "3", "--lr", "0.1").returncode == 0
    assert place.run(script, place.data, "0").returncode == 0
    assert place.run(script, place.data).returncode == 0
    tails = [call["arguments"][4:] for call in place.calls()]
    assert tails == [["--device_target", "GPU", "--device_id", "3", "--lr", "0.1"],
                     ["--device_target", "GPU", "--device_id", "0"], ["--device_target", "GPU"]]


def test_paths_in_options_are_those_of_the_calling_folder(place):
    (place.caller / "my config.yaml").write_text("lr: 1")
    options = ["--config_path", "my config.yaml", "--resume=a model.ckpt", "--resume_yolo", "missing.ckpt",
               "--lr_epochs", "a model.ckpt", "--ann_file", "my config.yaml", "--image_dir=my data"]
    assert place.run("run_standalone_train.sh", "my data", *options).returncode == 0
    assert place.calls()[0]["arguments"][6:] == [
        "--config_path", str(place.caller / "my config.yaml"), f"--resume={place.checkpoint}",
        "--resume_yolo", "missing.ckpt", "--lr_epochs", "a model.ckpt", "--ann_file",
        str(place.caller / "my config.yaml"), f"--image_dir={place.caller / 'my data'}"]


@pytest.mark.parametrize("script, arguments, message", [
    *[(script, [], "usage: bash " + script) for script in LAUNCHERS],
    ("run_standalone_train.sh", ["my data", "rank_table.json"], "unexpected argument 'rank_table.json'"),
    ("run_standalone_train_gpu.sh", ["my data", "0", "1"], "unexpected argument '1'"),
    ("run_standalone_train_gpu.sh", ["my data", "gpu0"], "unexpected argument 'gpu0'"),
    ("run_eval.sh", ["my data"], "DATA and CKPT are needed"),
    ("run_eval_gpu.sh", ["my data", "a model.ckpt", "more"], "DEVICE_NUM is 'more'; expected a whole number"),
    ("run_eval.sh", ["my data", "a model.ckpt", "2", "more"], "unexpected argument 'more'"),
    ("quick_start.sh", ["--shrot"], "unknown argument '--shrot'"),
    ("quick_start.sh", ["--out"], "--out needs a folder"),
])
def test_usage_errors_end_with_2_and_the_usage_text(place, script, arguments, message):
    result = place.run(script, *arguments)
    assert result.returncode == 2
    assert message in result.stderr and "usage: bash " + script in result.stderr
    assert not place.calls()
    assert sorted(path.name for path in place.caller.iterdir()) == ["a model.ckpt", "my data"]


@pytest.mark.parametrize("script", [*LAUNCHERS, "quick_start.sh", "run_tests.sh"])
@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help(place, script, option):
    result = place.run(script, option)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("usage: bash " + script)
    assert not place.calls()


@pytest.mark.parametrize("script, arguments, message", [
    ("run_standalone_train.sh", ["no data"], "no data: no such folder"),
    ("run_standalone_train_gpu.sh", ["a model.ckpt"], "a model.ckpt: no such folder"),
    ("run_eval.sh", ["no data", "a model.ckpt"], "no data: no such folder"),
    ("run_eval_gpu.sh", ["my data", "no model.ckpt"], "no model.ckpt: no such file"),
    ("run_eval.sh", ["my data", "my data"], "my data: no such file"),
])
def test_missing_places_are_named_before_anything_starts(place, script, arguments, message):
    result = place.run(script, *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert not place.calls()
    assert not (place.caller / "train").exists() and not (place.caller / "eval").exists()


def test_a_python_that_is_not_there(place):
    result = place.run("run_standalone_train.sh", place.data, PYTHON="/no/such/python")
    assert result.returncode == 1 and "PYTHON=/no/such/python: no such program" in result.stderr


def test_python_of_the_environment_then_of_the_repository(place):
    for folder in (place.caller / "env", place.repo / ".venv"):
        (folder / "bin").mkdir(parents=True)
        (folder / "bin" / "python").write_text(STUB.replace('"cwd": "%s"', f'"python": "{folder.name}", "cwd": "%s"'))
        (folder / "bin" / "python").chmod(0o755)
    for extra in ({"VIRTUAL_ENV": str(place.caller / "env")}, {},
                  {"CONDA_PREFIX": str(place.caller / "env"), "CONDA_DEFAULT_ENV": "work"},
                  {"CONDA_PREFIX": str(place.caller / "env"), "CONDA_DEFAULT_ENV": "base"}):
        assert place.run("run_standalone_train.sh", place.data, PYTHON="", **extra).returncode == 0
    assert [call["python"] for call in place.calls()] == ["env", ".venv", "env", ".venv"]


@pytest.mark.parametrize("script", LAUNCHERS)
@pytest.mark.parametrize("code", [0, 1, 2, 77])
def test_waiting_returns_the_exit_code_of_the_program(place, script, code):
    assert place.run(script, *places_of(script, place), STUB_EXIT=str(code)).returncode == code


def test_earlier_logs_are_kept(place):
    folder = place.caller / "train"
    folder.mkdir()
    (folder / "log.txt").write_text("first")
    (folder / "log.txt.1").write_text("older")
    (folder / "outputs").mkdir()
    for _ in range(2):
        assert place.run("run_standalone_train.sh", place.data).returncode == 0
    logs = {path.name: path.read_text() for path in folder.glob("log*")}
    spoken = "the program speaks\nand complains\n"
    assert logs == {"log.txt": spoken, "log.txt.1": "older", "log.txt.2": "first", "log.txt.3": spoken}
    assert (folder / "outputs").is_dir()


def test_in_the_background_by_default(place):
    start = time.monotonic()
    result = place.run("run_standalone_train.sh", place.data, wait=None, STUB_SLEEP="30")
    assert result.returncode == 0 and time.monotonic() - start < 15
    pid = int(re.search(r"process (\d+)", result.stdout).group(1))
    try:
        os.kill(pid, 0)
        log = place.caller / "train" / "log.txt"
        assert str(log) in result.stdout and "tail -F" in result.stdout
        assert log.read_text() == "the program speaks\nand complains\n"
        assert "the program speaks" not in result.stdout
    finally:
        os.kill(pid, signal.SIGTERM)


def test_a_failure_at_once_is_reported_in_the_background_too(place):
    result = place.run("run_eval.sh", place.data, place.checkpoint, wait=None, STUB_EXIT="3")
    assert result.returncode == 3
    assert "and complains" in result.stderr and "exit code 3" in result.stderr
    result = place.run("run_eval.sh", place.data, place.checkpoint, wait=None)
    assert result.returncode == 0 and "ended already, without an error" in result.stdout


def test_ci_runs_the_tests_and_nothing_else():
    text = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) == 2 and "scripts/run_tests.sh" in lines[-1]

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""run_tests.sh: what it runs, its summary and exit code, and that it needs no standard input."""
import os
import shutil
import subprocess

import pytest

from tests.support.place import STUB


@pytest.fixture
def tests(place, monkeypatch):
    """A place with a shellcheck that finds nothing, as the real one, which takes two seconds, must here."""
    place.stub.write_text(STUB.replace("sleep ", '[[ "$*" != *"${STUB_BREAKS:-nothing}"* ]] || exit 5\nsleep '))
    (place.repo / ".ci").mkdir()
    (place.repo / "ascend310_infer").mkdir()
    for name in (".ci/run", "ascend310_infer/build.sh"):
        (place.repo / name).write_text("#!/usr/bin/env bash\ntrue\n")
    shellcheck = place.repo.parent / "tools" / "shellcheck"
    shellcheck.parent.mkdir()
    shellcheck.write_text("#!/bin/sh\n")
    shellcheck.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shellcheck.parent}{os.pathsep}{os.environ['PATH']}")
    return place


def runs_of(place):
    return [call["arguments"] for call in place.calls() if "-c" not in call["arguments"]]


def test_lint_then_tests_with_the_arguments_passed_on(tests):
    result = tests.run("run_tests.sh", "-m", "not slow", "tests/a file.py", wait=None)
    assert result.returncode == 0, result.stdout + result.stderr
    assert runs_of(tests) == [["-m", "ruff", "check", "."], ["-m", "mypy"],
                              ["-m", "pytest", "-rs", "--durations=25", "-n", "2", "--dist", "loadgroup",
                               "--no-loadscope-reorder", "-m", "not slow", "tests/a file.py"]]
    assert {call["cwd"] for call in tests.calls()} == {str(tests.repo)}
    assert result.stdout.rstrip().endswith("all passed")


@pytest.mark.parametrize("broken", ["ruff", "mypy", "pytest"])
def test_a_failure_is_named_at_the_end_and_the_rest_still_runs(tests, broken):
    result = tests.run("run_tests.sh", wait=None, STUB_BREAKS=broken)
    assert result.returncode == 1
    assert f"failed: {broken} (exit code 5)" in result.stdout
    assert "all passed" not in result.stdout
    assert len(runs_of(tests)) == 3


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
def test_shellcheck_runs(tests):
    (tests.repo.parent / "tools" / "shellcheck").unlink()
    (tests.repo / ".ci" / "run").write_text("#!/usr/bin/env bash\necho $1\n")
    result = tests.run("run_tests.sh", wait=None)
    assert result.returncode == 1
    assert "SC2086" in result.stdout and "failed: shellcheck" in result.stdout


def test_a_closed_standard_input_is_replaced(tests):
    script = tests.repo / "scripts" / "run_tests.sh"
    result = subprocess.run(["bash", "-c", 'exec bash "$0" <&-', str(script)], text=True, env=tests.environment(),
                            capture_output=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    assert all(call["stdin"] == "/dev/null" for call in tests.calls())


def test_packages_that_cannot_be_loaded_stop_it(tests):
    result = tests.run("run_tests.sh", wait=None, STUB_BREAKS="import cv2")
    assert result.returncode == 1
    assert "cannot be loaded" in result.stderr and "libgomp1" in result.stderr
    assert not runs_of(tests)


def test_what_is_missing_is_skipped_and_named(tests):
    programs = tests.repo.parent / "programs"
    programs.mkdir()
    for name in ["bash", "cat", "dirname", "id", "readlink", "sleep"]:
        (programs / name).symlink_to(shutil.which(name))
    result = tests.run("run_tests.sh", wait=None, PATH=str(programs))
    assert result.returncode == 0, result.stderr
    assert "skipped: shellcheck: not installed" in result.stdout

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Signals to small processes: in a loop that looks for them, outside it, and in the middle of a write."""
import signal
import subprocess
import sys
import time

import pytest

from model_utils.signals import SIGNALS, StopRequest, name_of
from tests.support.place import ROOT

START = "import sys, time\nfrom model_utils.signals import StopRequest, listen, unbroken\nlisten()\n"
LOOP = START + """
with StopRequest("ends after this step") as request:
    while not request.number():
        print('step', flush=True)
        {}
        time.sleep(0.05)
print('saved', flush=True)
{}
sys.exit(128 + request.number())
"""
WRITE = START + """
with unbroken():
    print('writes', flush=True)
    time.sleep({})
    print('written', flush=True)
time.sleep(60)
"""


def start(code, ignored=()):
    """Start code and return the process as soon as it has printed a line."""
    def prepare():
        # Also where nohup, or a shell's &, made these tests ignore SIGINT.
        for number in SIGNALS:
            signal.signal(number, signal.SIG_IGN if number in ignored else signal.SIG_DFL)

    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, preexec_fn=prepare)
    assert process.stdout.readline()
    return process


def end(process):
    """Return exit code, rest of the output, and errors."""
    output, errors = process.communicate(timeout=60)
    return process.returncode, output.replace("step\n", ""), errors


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_loop_that_looks_ends_when_it_is_ready(number):
    process = start(LOOP.format("", ""))
    time.sleep(0.2)
    process.send_signal(number)
    code, output, errors = end(process)
    assert (code, output) == (128 + number, "saved\n")
    assert errors == f"{number.name}: ends after this step; a second signal ends it at once\n"


@pytest.mark.parametrize("code", ["with StopRequest(''):\n    print(flush=True)\n    time.sleep(60)",
                                  "print(flush=True)\ntime.sleep(60)"])
def test_before_the_first_look_and_without_a_loop_a_signal_ends_the_program_at_once(code):
    process = start(START + code)
    process.send_signal(signal.SIGTERM)
    assert end(process) == (143, "", "stopped by SIGTERM\n")


def test_after_the_loop_a_signal_ends_the_program_at_once():
    once = LOOP.replace("while not request.number()", "for _ in (request.number(),)")
    process = start(once.format("", "time.sleep(60)"))
    assert process.stdout.readline() == "saved\n"
    process.send_signal(signal.SIGINT)
    assert end(process) == (130, "", "stopped by SIGINT\n")


def test_a_second_signal_ends_a_loop_at_once():
    process = start(LOOP.format("request.number(), time.sleep(60)", ""))
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert process.stderr.readline() == "SIGTERM: ends after this step; a second signal ends it at once\n"
    # The same signal once more, as by the manager of a job and by the launcher.
    process.send_signal(signal.SIGTERM)
    time.sleep(1.2)
    process.send_signal(signal.SIGINT)
    assert end(process) == (130, "", "stopped by a second SIGINT\n")


def test_no_handler_of_python_is_needed():
    process = start(START + "import signal\nfor number in (2, 15):\n    signal.signal(number, lambda *_: None)\n"
                            "print(flush=True)\ntime.sleep(60)")
    process.send_signal(signal.SIGINT)
    assert end(process) == (130, "", "stopped by SIGINT\n")


def test_a_write_ends_first_but_not_after_a_second_signal():
    process = start(WRITE.format(1))
    process.send_signal(signal.SIGTERM)
    assert end(process) == (143, "written\n", "stopped by SIGTERM\n")
    process = start(WRITE.format(60))
    process.send_signal(signal.SIGTERM)
    assert process.stderr.readline() == "stopped by SIGTERM\n"
    time.sleep(1.2)
    process.send_signal(signal.SIGTERM)
    assert end(process) == (143, "", "")


def test_an_ignored_signal_stays_ignored():
    process = start(LOOP.format("", ""), ignored=[signal.SIGINT])
    process.send_signal(signal.SIGINT)
    time.sleep(0.2)
    process.send_signal(signal.SIGTERM)
    assert end(process)[:2] == (143, "saved\n")


def test_without_a_listener_nothing_is_asked_for():
    with StopRequest("ends after this step") as request:
        assert request.number() == 0
    assert (name_of(9), name_of(999)) == ("SIGKILL", "signal 999")
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, [])

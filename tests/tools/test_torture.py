# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""tools/torture.py: its table and exit code, and what counts as a fault on a full disk and in a soak."""
import contextlib
from types import SimpleNamespace

import pytest

from model_utils.errors import UserError
from tools import torture
from tools.faults import full_disk
from tools.faults.full_disk import faults_of as disk_faults
from tools.faults.outcome import Outcome
from tools.faults.soak import Sample, first_and_last
from tools.faults.soak import faults_of as soak_faults

LINE = ("error: {}: No space left on device (4096 bytes needed, 0 bytes free); check the path, its permissions and the "
        "space on the disk\n")


@pytest.fixture
def kinds(monkeypatch):
    """Kinds that are survived, lost and not to be had, in place of those of tools/faults/."""
    def survives(work, count):
        (work / "file").write_text("")
        return Outcome("a fault", count, "nothing")

    def cannot(work):
        raise UserError("no disk")

    runs = {"good": survives, "bad": lambda work: [Outcome("one", 2, "nothing", ("it broke",)), Outcome("two", 1, "x")],
            "none": cannot}
    monkeypatch.setattr(torture, "KINDS", {"good": 7, "bad": None, "none": None})
    monkeypatch.setattr(torture.importlib, "import_module",
                        lambda name: SimpleNamespace(run=runs[name.rpartition(".")[2]]))


def test_a_fault_that_is_survived(kinds, tmp_path, capsys):
    assert torture.main(["good", "--work", str(tmp_path)]) == 0
    assert "| a fault | 7 | 7 | nothing |" in capsys.readouterr().out and not list(tmp_path.iterdir())
    assert torture.main(["good", "--count", "3"]) == 0
    assert "| a fault | 3 | 3 | nothing |" in capsys.readouterr().out


def test_what_is_lost_or_cannot_be_tried_is_named(kinds, capsys):
    assert torture.main([]) == 1
    output = capsys.readouterr().out
    assert "FAILED one: it broke\n" in output and "FAILED none: was not tried: no disk\n" in output
    assert "| one | 2 | 1 | nothing |\n| two | 1 | 1 | x |\n| none | 1 | 0 |" in output


def test_a_kind_that_is_none(kinds, capsys):
    with pytest.raises(SystemExit):
        torture.main(["floods"])
    assert "floods: expected good, bad, none" in capsys.readouterr().err


def test_a_full_disk(tmp_path):
    path = tmp_path / "run" / "ckpt_0" / "last.ckpt"
    path.parent.mkdir(parents=True)
    assert list(disk_faults(tmp_path, 1, LINE.format(path))) == []
    assert list(disk_faults(tmp_path, 0, "warning: some\n")) == []
    path.write_bytes(b"cut short")
    (tmp_path / ".config.yaml.1.writing").mkdir()
    (tmp_path / "run" / "config.yaml").touch()
    found = list(disk_faults(tmp_path, -9, "Traceback\n"))
    assert [line.split()[-1] for line in found[:1]] == ["-9"] and len(found) == 5
    assert "left hidden" in found[1] and "config.yaml is empty" in found[2] and "is not listed" in found[3]
    assert "cannot be read" in found[4]
    assert list(disk_faults(tmp_path / "none", 1, LINE.format("a") + "more\n"))[0].startswith("not one line with")


def test_a_disk_with_several_faults_is_one_try_that_was_not_survived(tmp_path, monkeypatch):
    @contextlib.contextmanager
    def disk(folder, size):
        (folder / ".left").mkdir(parents=True)
        yield

    process = SimpleNamespace(returncode=-9, communicate=lambda: (b"", b""))
    monkeypatch.setattr(full_disk, "disk", disk)
    monkeypatch.setattr(full_disk, "make_data", lambda folder: folder)
    monkeypatch.setattr(full_disk, "start", lambda *_: process)
    outcome = full_disk.run(tmp_path, 3)
    assert (outcome.tried, outcome.survived, len(outcome.failures)) == (3, 0, 3)
    assert all("exit code -9; left hidden: " in failure for failure in outcome.failures)
    assert [failure.endswith("; the largest disk did not hold the run") for failure in outcome.failures] == [
        False, False, True]


def test_a_soak():
    samples = [Sample(100 + number, 20, 9) for number in range(40)]
    first, last = first_and_last(samples)
    assert (first.memory, last.memory) == (114.5, 134.5)
    assert list(soak_faults(0, "", first, last)) == ["memory grew from 114 to 134 MB"]
    flat = Sample(100, 20, 9)
    assert list(soak_faults(0, "", flat, Sample(104, 20, 9))) == []
    assert list(soak_faults(1, "error: x\n", flat, Sample(90, 21, 10))) == [
        "exit code 1: error: x", "files grew from 20 to 21", "threads grew from 9 to 10"]

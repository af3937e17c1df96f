# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of src/logger.py: exact line formats, one line per message, closed files, and a progress bar left whole."""
import csv
import io
import logging
import os
import re
import sys

import numpy as np
import pytest
from tqdm import tqdm

from model_utils.errors import UserError
from src.logger import (
    MetricsTable,
    clock,
    close_logger,
    epoch_line,
    get_logger,
    make_run_folder,
    run_logger,
    training_line,
)


@pytest.fixture(name="logger")
def fixture_logger(tmp_path):
    logger = get_logger(tmp_path, 0, "run")
    yield logger
    close_logger(logger)


def log_text(folder, name="run", rank=0):
    return (folder / f"{name}_rank_{rank}.log").read_text(encoding="utf-8")


@pytest.mark.parametrize("epoch, iteration, loss, fps, lr, expected", [
    (0, 400, 503.846949, 122.33, np.float32(0.01 * 401 / 14656),
     "epoch[0], iter[400], loss:503.846949, fps:122.33 imgs/sec, lr:0.00027360807871446013"),
    (0, 400, 512.519075, 58.25, np.float32(0.001 * 401 / 14656),
     "epoch[0], iter[400], loss:512.519075, fps:58.25 imgs/sec, lr:2.7360807507648133e-05"),
    (2, 1300, 397.964462, 985.42, 0.0007101528462953866,
     "epoch[2], iter[1300], loss:397.964462, fps:985.42 imgs/sec, lr:0.0007101528462953866"),
])
def test_training_line_equals_the_lines_of_2021(epoch, iteration, loss, fps, lr, expected):
    assert training_line(epoch, iteration, loss, fps, lr) == expected


def test_a_line_has_time_level_and_message_in_file_and_console(logger, tmp_path, capsys):
    logger.info(training_line(0, 400, 503.846949, 122.33, 0.5))
    expected = (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}:INFO:"
                r"epoch\[0\], iter\[400\], loss:503\.846949, fps:122\.33 imgs/sec, lr:0\.5\n")
    assert re.fullmatch(expected, log_text(tmp_path))
    assert re.fullmatch(expected, capsys.readouterr().out)


def test_called_twice_there_is_one_line_and_the_first_file_is_closed(logger, tmp_path, capsys):
    first_file = next(handler for handler in logger.handlers if isinstance(handler, logging.FileHandler))
    again = get_logger(tmp_path, 0, "run")
    again.info("once")
    assert again is logger
    assert first_file.stream is None
    assert log_text(tmp_path).count("once") == 1
    assert capsys.readouterr().out.count("once") == 1


def test_every_rank_has_a_file_of_its_own_and_shows_everything(tmp_path, capsys):
    logger = get_logger(tmp_path, 3, "run")
    logger.info("quiet")
    logger.warning("loud")
    close_logger(logger)
    out = capsys.readouterr().out
    assert "INFO:quiet" in out and "WARNING:loud" in out
    assert [line.rsplit(":", 1)[1] for line in log_text(tmp_path, rank=3).splitlines()] == ["quiet", "loud"]


def test_without_a_folder_only_the_console_is_used(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    logger = get_logger("", 0, "console")
    logger.info("hello")
    close_logger(logger)
    assert capsys.readouterr().out.endswith(":INFO:hello\n")
    assert not list(tmp_path.iterdir())


def test_a_line_does_not_land_inside_a_progress_bar(logger, capsys):
    bar_stream = io.StringIO()
    with tqdm(total=10, file=bar_stream, mininterval=0) as bar:
        bar.update(3)
        logger.info("between")
        bar.update(1)
    assert "between" not in bar_stream.getvalue()
    assert re.fullmatch(r"[^\n]*:INFO:between\n", capsys.readouterr().out)


@pytest.mark.parametrize(("terminal", "variables", "colour"), [
    (True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False), (True, {"NO_COLOR": ""}, True),
    (True, {"TERM": "dumb"}, False)])
def test_warnings_have_a_colour_on_a_terminal_that_wants_it(logger, tmp_path, monkeypatch, capsys, terminal, variables,
                                                            colour):
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in {"TERM": "xterm", **variables}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    logger.info("plain")
    logger.warning("careful")
    plain, careful = capsys.readouterr().out.splitlines()
    assert plain.endswith(":INFO:plain") and "\033" not in plain
    assert (careful.startswith("\033[33m") and careful.endswith(":WARNING:careful\033[0m")) == colour
    assert "\033" not in next(tmp_path.glob("*.log")).read_text()


def test_a_table_has_its_columns_and_takes_over_earlier_rows(tmp_path):
    old = MetricsTable(tmp_path / "old.csv", ("epoch", "loss", "AP"))
    for epoch in range(3):
        old.append({"epoch": epoch, "loss": 2.5 - epoch})
    assert (tmp_path / "old.csv").read_text().split() == ["epoch,loss,AP", "0,2.5,", "1,1.5,", "2,0.5,"]
    new = MetricsTable(tmp_path / "new.csv", ("epoch", "step", "loss"))
    new.take_over(tmp_path / "missing.csv", 2)
    assert not (tmp_path / "new.csv").exists()
    new.take_over(tmp_path / "old.csv", 2)
    new.append({"epoch": 2, "step": 9, "loss": 0.25})
    assert (tmp_path / "new.csv").read_text().split() == ["epoch,step,loss", "0,,2.5", "1,,1.5", "2,9,0.25"]


@pytest.mark.parametrize("rows", ["1,1.", "-1,1,1", f"{'9' * 5000},1,1", ",1,1", f"1,{'x' * 200_000},1"], ids=range(5))
def test_a_row_that_a_kill_cut_short_is_left_out_and_counted(tmp_path, rows):
    (tmp_path / "old.csv").write_text(f"epoch,loss,AP\n0,2.5,0.1\n{rows}")
    new = MetricsTable(tmp_path / "new.csv", ("epoch", "loss"))
    # Python's own, which other tests may have raised.
    before = csv.field_size_limit(2**17)
    assert new.take_over(tmp_path / "old.csv", 5) == 1
    csv.field_size_limit(before)
    assert (tmp_path / "new.csv").read_text().split() == ["epoch,loss", "0,2.5"]


def test_a_table_without_its_columns_gives_no_row(tmp_path):
    (tmp_path / "old.csv").write_text("poch,loss\n0,2.5\n1,1.5\n")
    assert MetricsTable(tmp_path / "new.csv", ("epoch", "loss")).take_over(tmp_path / "old.csv", 5) == 2
    assert not (tmp_path / "new.csv").exists()


def test_run_folders_of_one_second_differ(tmp_path):
    folders = [make_run_folder(tmp_path / "outputs") for _ in range(3)]
    assert len(set(folders)) == 3
    assert all(re.match(r"\d{4}-\d\d-\d\d_time_\d\d_\d\d_\d\d", folder.name) for folder in folders)


@pytest.mark.parametrize("dangling", [False, True])
def test_no_run_folder_where_something_is_in_the_way(tmp_path, dangling):
    root = tmp_path / "outputs"
    if dangling:
        root.symlink_to(tmp_path / "nowhere")
    else:
        root.touch()
    with pytest.raises(OSError, match=f"{root}"):
        make_run_folder(root)


def test_epoch_line_states_progress_and_remaining_time():
    row = {"epoch": 2, "loss": 12.5, "images_per_second": 3.456, "seconds": 61.4, "data_time": 0.05, "step_time": 0.2}
    parts = {"box": 8.25, "objectness": 4.0, "class": 0.25}
    assert epoch_line(row, 30, parts, 3599.6) == (
        "epoch[2] done, 3/30, mean loss:12.500000 (box 8.250, objectness 4.000, class 0.250), "
        "fps:3.46 imgs/sec (20% waiting for images), time:0:01:01, ETA:1:00:00")
    assert ", class 0.250), AP:0.5123, AP50:0.8000, fps:" in epoch_line({**row, "AP": 0.51234, "AP50": 0.8}, 30,
                                                                              parts, 0)


@pytest.mark.parametrize("seconds, expected", [(-3, "0:00:00"), (59.6, "0:01:00"), (93784, "1 day, 2:03:04")])
def test_clock(seconds, expected):
    assert clock(seconds) == expected


@pytest.mark.parametrize("error, line", [
    (UserError("no such image"), "ERROR:no such image"),
    (OSError(28, "No space left on device", "out/last.ckpt"),
     "ERROR:out/last.ckpt: No space left on device; check the path, its permissions and the space on the disk"),
    (OSError(5, "Input/output error"), "ERROR:OSError: [Errno 5] Input/output error"),
])
def test_an_error_that_ends_a_run_is_in_its_log_and_passes_through(tmp_path, error, line):
    with pytest.raises(type(error)) as raised, run_logger(tmp_path, 0, "run"):
        raise error
    assert raised.value is error and log_text(tmp_path).endswith(f"{line}\n")
    assert not logging.getLogger("run_rank_0").handlers


def test_a_name_can_neither_clear_the_console_nor_forge_a_line(logger, tmp_path, capsys):
    logger.info("%s: 3 boxes", "cup\x1b[2J\n2026-11-29 00:00:00,000:INFO:done")
    assert log_text(tmp_path).endswith(":INFO:cup\\x1b[2J\n  2026-11-29 00:00:00,000:INFO:done: 3 boxes\n")
    assert capsys.readouterr().out == log_text(tmp_path)


def test_a_console_whose_reader_has_left_does_not_end_a_run(logger, tmp_path, monkeypatch):
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as console:
        monkeypatch.setattr(sys, "stdout", console)
        logger.info("first")
        logger.info("second")
    assert re.findall(r"INFO:(\w+)", log_text(tmp_path)) == ["first", "second"]

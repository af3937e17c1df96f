# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Folder, log file and console of a run, the line formats of the model zoo, and the table of metrics.csv."""
import contextlib
import csv
import io
import logging
import os
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path

from tqdm import tqdm

from model_utils.errors import UserError, discard_output, error_text, printable
from model_utils.files import make_folder, remove_strays, write_atomically
from src.data.fields import whole_number

LINE_FORMAT = "%(asctime)s:%(levelname)s:%(message)s"


# `extra` of a message whose lines stay as they are; the names in it are on one line each.
TABLE = {"is_table": True}
# Of a terminal.
COLOURS = {logging.WARNING: 33, logging.ERROR: 31}


class LineFormatter(logging.Formatter):
    """The format of log lines; what would break a line, or forge one, is escaped."""

    def format(self, record):
        return printable(super().format(record), keeps_lines=getattr(record, "is_table", False))


class ConsoleHandler(logging.Handler):
    """Writes to standard output without breaking a progress bar: the line goes above it.

    On a terminal warnings are yellow and errors red, unless NO_COLOR is set (https://no-color.org).
    """

    def emit(self, record):
        try:
            text, colour = self.format(record), COLOURS.get(record.levelno)
            if colour and sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb":
                text = f"\033[{colour}m{text}\033[0m"
            tqdm.write(text, file=sys.stdout)
            sys.stdout.flush()
        except BrokenPipeError:
            # Its reader has left, as `head` does; the run and its log file continue.
            discard_output(sys.stdout)
        except OSError:
            self.handleError(record)


class LogFile(logging.FileHandler):
    """Appends to a log file; one that cannot be written to, as on a full disk, is reported once and ends no run."""

    is_reported = False

    def handleError(self, record):
        """Report the first error on standard error; it is called where one is handled."""
        if not self.is_reported:
            self.is_reported = True
            print(f"warning: {self.baseFilename}: lines are missing from here on: {sys.exc_info()[1]}", file=sys.stderr)


def get_logger(folder, rank=0, name="yolov3_tiny", debug=False):
    """Return a logger that writes to the console and to `<folder>/<name>_rank_<rank>.log`.

    Called again with the same name and rank it closes the earlier file and console, so no line appears twice.

    Args:
        folder (str or Path): made if missing; "" or None: console only.
        rank (int): rank of this process.
        name (str): first part of the file's name.
        debug (bool): write a second file, `<name>_rank_<rank>_debug.log`, with the debug lines as well.
    """
    logger = logging.getLogger(f"{name}_rank_{rank}")
    close_logger(logger)
    logger.setLevel(logging.DEBUG if debug else logging.INFO)
    logger.propagate = False
    handlers = [ConsoleHandler()]
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        handlers.append(LogFile(Path(folder) / f"{name}_rank_{rank}.log", encoding="utf-8"))
    for handler in handlers:
        handler.setLevel(logging.INFO)
    if folder and debug:
        handlers.append(LogFile(Path(folder) / f"{name}_rank_{rank}_debug.log", encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(LineFormatter(LINE_FORMAT))
        logger.addHandler(handler)
    return logger


def close_logger(logger):
    """Close and remove all handlers of a logger."""
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


@contextlib.contextmanager
def run_logger(folder, rank, name, debug=False):
    """Give the logger of `get_logger` and close it at the end of the block; an error that ends the block is logged."""
    logger = get_logger(folder, rank, name, debug)
    try:
        yield logger
    except (UserError, OSError, MemoryError, RuntimeError) as error:
        logger.error("%s", error_text(error))
        raise
    finally:
        close_logger(logger)


def make_run_folder(root):
    """Make and return a new folder `<root>/<YYYY-mm-dd_time_HH_MM_SS>`; a second run in the same second gets `_2`.

    What killed runs below `root` were writing is removed.
    """
    stem = Path(root) / time.strftime("%Y-%m-%d_time_%H_%M_%S")
    # Not in the loop: what stands in the way of the root itself, such as a file of its name, would never end it.
    make_folder(stem.parent)
    remove_strays([stem.parent, *stem.parent.glob("*/"), *stem.parent.glob("*/ckpt_*/"),
                   *stem.parent.glob("*/report/")])
    attempt = 1
    while True:
        folder = stem if attempt == 1 else stem.with_name(f"{stem.name}_{attempt}")
        try:
            make_folder(folder, exist_ok=False)
            return folder
        except FileExistsError:
            attempt += 1


def common_run_folder(root, ranks):
    """Return the new run folder below rank 0's `root`, for all ranks; made also where a rank has its own disk."""
    if ranks.size == 1:
        return make_run_folder(root)
    # Each rank has a working folder of its own.
    folder = Path(ranks.broadcast(str(make_run_folder(root).resolve()) if ranks.is_first else None))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


class MetricsTable:
    """A CSV file with one row an epoch.

    Args:
        path (str or Path): the file; made with the first row.
        columns (sequence): names of the columns; the first is the epoch, counted from 0.
    """

    def __init__(self, path, columns):
        self.path, self.columns = Path(path), tuple(columns)

    def append(self, row):
        """Add a row (dict by column; a missing value stays empty)."""
        text = io.StringIO(newline="")
        writer = csv.DictWriter(text, self.columns)
        before = self.path.read_bytes() if self.path.exists() else b""
        if not before:
            writer.writeheader()
        writer.writerow(row)
        write_atomically(self.path, before + text.getvalue().encode())

    def take_over(self, path, end_epoch):
        """Copy the rows of an earlier run's table before `end_epoch`.

        Returns:
            The number of rows that could not be read (a killed run may leave one) and were left out.
        """
        if not Path(path).is_file():
            return 0
        rows, cut = [], 0
        with open(path, newline="", encoding="utf-8", errors="replace") as file:
            try:
                rows.extend(csv.DictReader(file))
            except csv.Error:
                cut = 1
        for row in rows:
            epoch = whole_number(row.get(self.columns[0]))
            if epoch is None or epoch < 0 or None in row.values():
                cut += 1
            elif epoch < end_epoch:
                self.append({name: row.get(name, "") for name in self.columns})
        return cut


def training_line(epoch, iteration, loss, images_per_second, lr):
    """Return the text of a training line, for example `epoch[0], iter[400], loss:503.846949, fps:122.33 ...`.

    Args:
        epoch, iteration (int): from 0; iterations count through the whole run.
        loss (float): mean since the line before.
        images_per_second (float): over all devices.
        lr (float): written with all its digits.
    """
    return (f"epoch[{epoch}], iter[{iteration}], loss:{loss:.6f}, fps:{images_per_second:.2f} imgs/sec, "
            f"lr:{float(lr)}")


def epoch_line(row, max_epoch, loss_parts, remaining_seconds):
    """Return the line of an epoch: its losses, AP if it was validated, speed, and the time that remains.

    Args:
        row (dict): of metrics.csv: epoch (from 0), loss, images_per_second, seconds, data_time, step_time, AP, AP50.
        max_epoch (int): how many epochs the run has.
        loss_parts (dict): name to mean of what the loss is the sum of.
        remaining_seconds (float): written as h:mm:ss, as are the seconds of the epoch.
    """
    parts = ", ".join(f"{name} {value:.3f}" for name, value in loss_parts.items())
    scores = "".join(f"{name}:{row[name]:.4f}, " for name in ("AP", "AP50") if name in row)
    # With a share near 0 the host keeps up.
    waiting = row["data_time"] / max(row["data_time"] + row["step_time"], 1e-9)
    return (f"epoch[{row['epoch']}] done, {row['epoch'] + 1}/{max_epoch}, mean loss:{row['loss']:.6f} ({parts}), "
            f"{scores}fps:{row['images_per_second']:.2f} imgs/sec ({waiting:.0%} waiting for images), "
            f"time:{clock(row['seconds'])}, ETA:{clock(remaining_seconds)}")


def peak_memory_mb():
    """Return the largest resident memory of this process so far, in MB of 2**20 bytes."""
    # Linux counts in kilobytes.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def clock(seconds):
    """Return a number of seconds as `h:mm:ss`, with days where there are any, for example `1 day, 2:03:04`."""
    return str(timedelta(seconds=round(max(seconds, 0.0))))

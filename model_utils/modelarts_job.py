# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A job on Huawei's ModelArts: copy data and checkpoint in, unzip, run, copy results out.

    def main(argv=None):
        return modelarts_job(train, get_config(argv))

With enable_modelarts False, `train(config)` simply runs. Otherwise rank 0 of each machine copies, by the package
`moxing` of ModelArts' images, and the other ranks of the machine wait for it:

    data_url        -> data_path     then data_path/<modelarts_dataset_unzip_name>.zip, if it came, is unpacked there
    checkpoint_url  -> load_path
    output_path     -> train_url     when the run ends, also when it fails

An empty data_url or checkpoint_url is not copied. What arrives replaces what has the same name there, as a whole.

The run sees paths as follows. An absolute path is what the user set on purpose and stays, so
data_dir=/cache/data/coco2017 and pretrained=/cache/checkpoint_path/0-300_.ckpt of the 2021 version work. A relative one
is meant below the folder of its kind:

    ckpt_path, log_path, file_name      below output_path
    resume, resume_yolo, pretrained_backbone, pretrained, ckpt_file     below load_path, if checkpoint_url is set
    data_dir                            below data_path, if data_url is set; an empty one is
                                        data_path/<modelarts_dataset_unzip_name> if that came, else data_path

data_path, load_path and output_path are folders of the machine's own, as ModelArts' /cache is. The notes of the ranks
are in output_path/.modelarts, which is not uploaded.
"""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from model_utils.config import CHECKPOINTS, DERIVED, RESULTS, Config
from model_utils.errors import UsageError, UserError
from model_utils.local_adapter import Launch, read_launch
from model_utils.moxing_adapter import NOTES_FOLDER, copy_in, copy_out
from model_utils.rank_board import BUSY, FAILED, LEADER, LEFT, READY, RUNNING, RankBoard

SCHEDULER = "scheduler"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Limits:
    """How long the ranks of a machine wait, in seconds."""

    # For rank 0 to copy and unpack; that it failed or ended is noticed at once, so this is for one that hangs.
    copy: float = 4 * 3600
    # Of a rank 0 that fails, until the others have seen it, some of which may still be starting.
    tell: float = 30
    # Of a rank 0 that is done, until the others have written their last results.
    finish: float = 60
    # Of a rank that failed, until another one that failed has uploaded.
    upload: float = 3600
    # Between two looks.
    poll: float = 0.5


def modelarts_job(run: Callable[[Config], Result], config: Config, launch: Launch | None = None,
                  limits: Limits | None = None) -> Result:
    """Run a function as a ModelArts job if config.enable_modelarts, else just run it; returns what it returns.

    Where the run fails, its own error is raised after the results are uploaded; one of the upload goes to stderr.

    Args:
        run: takes the config, with the paths of the job.
        config: options of the user.
        launch: place of this process in the job; None: what the environment says.
        limits: how long to wait; None: the usual times.

    Raises:
        UsageError: an option of the job is missing or wrong.
        UserError: `moxing` is missing; something cannot be copied or unpacked; rank 0 failed or was not ready in time.
    """
    if not config.enable_modelarts:
        return run(config)
    check_job(config)
    launch, limits = launch or read_launch(), limits or Limits()
    name = SCHEDULER if launch.is_scheduler else LEADER if launch.leads_node else f"rank_{launch.local_rank}"
    board = RankBoard(Path(config.output_path) / NOTES_FOLDER / f"node_{launch.node_rank}", name, limits.poll)
    others = [f"rank_{rank}" for rank in range(1, launch.local_size)]
    if launch.leads_node:
        data_dir = _lead(board, config, [*others, *([SCHEDULER] if launch.is_beside_scheduler else [])], limits)
    else:
        data_dir = _follow(board, limits)
    try:
        with _uploading_on_failure(board, config, limits):
            result = run(job_config(config, data_dir, launch))
        if launch.leads_node:
            _upload_all(board, config, others, limits)
        return result
    finally:
        if launch.leads_node:
            # One that comes late must still find that the data is ready.
            board.wait_for_others(others, (RUNNING, LEFT), limits.tell)
        board.leave()


def check_job(config: Config) -> None:
    """Check the options of a ModelArts job, before anything is copied.

    Raises:
        UsageError: names every option at fault, and what is expected.
    """
    problems = []
    if not config.train_url:
        problems.append("train_url is empty: name the place that results are uploaded to, such as s3://BUCKET/RESULTS/")
    for name in ("data_path", "output_path", "load_path"):
        if not config[name]:
            problems.append(f"{name} is empty: name a local folder, such as the default /cache/...")
    for name in ("data_path", "load_path"):
        if config[name] and config.output_path and _is_below(config[name], config.output_path):
            problems.append(f"{name} is {config[name]}, in output_path, {config.output_path}, which is uploaded: name "
                            "folders outside each other")
    for url, name in (("data_url", "data_path"), ("checkpoint_url", "load_path"), ("train_url", "output_path")):
        if config[url] and config[name] and (_is_below(config[name], config[url]) or _is_below(config[url],
                                                                                              config[name])):
            problems.append(f"{url} is {config[url]} and {name} is {config[name]}: expected folders outside each "
                            f"other, as the one is copied to the other; what is here already needs no {url}")
    archive = config.modelarts_dataset_unzip_name
    if config.need_modelarts_dataset_unzip and (not archive or Path(archive).name != archive or archive == ".."):
        problems.append(f"modelarts_dataset_unzip_name is '{archive}': expected the name of an archive in data_url, "
                        "without .zip")
    if problems:
        raise UsageError("\n       ".join(problems))


def job_config(config: Config, data_dir: str, launch: Launch) -> Config:
    """Return the config that a run in a ModelArts job sees; the module's docstring says which paths change.

    Args:
        config: options of the user.
        data_dir: the data's folder for a user who named none.
        launch: place of this process; with several, the run is a distributed one, which ModelArts does not say.
    """
    if launch.rank_size > 1 and not config.is_set("is_distributed"):
        config = config.replace(DERIVED, is_distributed=1)
    moved = {name: _join(config.output_path, config[name]) for name in RESULTS}
    if config.checkpoint_url:
        moved |= {name: _join(config.load_path, config[name]) for name in CHECKPOINTS if config[name]}
    if config.data_url:
        moved["data_dir"] = _join(config.data_path, config.data_dir) if config.data_dir else data_dir
    for name, path in moved.items():
        config = config.replace(config.source(name) if config.is_set(name) else DERIVED, **{name: path})
    return config


def _lead(board: RankBoard, config: Config, others: list[str], limits: Limits) -> str:
    """Copy in as rank 0 of the machine and tell the others; returns the data's folder."""
    def say(text: str) -> None:
        _print(text)
        board.tell(BUSY, text)

    board.lead("starting to copy")
    started = time.monotonic()
    try:
        for name in RESULTS:
            path = _join(config.output_path, config[name])
            if not _is_below(path, config.output_path):
                _print(f"warning: {name} is {path}, outside output_path, {config.output_path}, so it is not uploaded")
        data_dir = copy_in(config, say)
    except BaseException as error:
        board.tell(FAILED, str(error) or type(error).__name__)
        # Said now, since a launcher that sees another rank end may kill this one before its error is printed.
        _print(f"failed: {error or type(error).__name__}")
        board.wait_for_others(others, (LEFT,), limits.tell)
        board.leave()
        raise
    _print(f"copied in after {time.monotonic() - started:.1f} s")
    board.tell(READY, data_dir)
    return data_dir


def _follow(board: RankBoard, limits: Limits) -> str:
    """Wait for rank 0 of the machine; returns the data's folder."""
    try:
        return board.wait_for_leader(limits.copy)
    except BaseException:
        board.leave()
        raise


def _upload_all(board: RankBoard, config: Config, others: list[str], limits: Limits) -> None:
    late = board.wait_for_others(others, (LEFT,), limits.finish)
    if late:
        _print(f"warning: {', '.join(late)} not done {limits.finish:g} s after rank 0; uploading what is there")
    with board.alone(limits.upload):
        copy_out(config, _print)


@contextmanager
def _uploading_on_failure(board: RankBoard, config: Config, limits: Limits) -> Iterator[None]:
    """Upload results where the block fails, whichever rank it is: launchers kill the others when one has ended.

    The ranks after the first that fails wait until it has uploaded, and then need not.
    """
    try:
        yield
    except BaseException as failure:
        if board.name != SCHEDULER:
            _print(f"{board.name} failed: {failure or type(failure).__name__}")
            try:
                with board.alone(limits.upload):
                    if not board.is_done():
                        copy_out(config, _print)
                        board.set_done()
            except UserError as error:
                print(f"error: {error}", file=sys.stderr, flush=True)
        raise


def _join(folder: str, path: str) -> str:
    """Return a path below a folder; an absolute path stays."""
    return os.path.join(os.path.abspath(folder), path)


def _is_below(path: str, folder: str) -> bool:
    """Return whether a path is a folder or in it; a url is nowhere on this machine."""
    if "://" in path or "://" in folder:
        return False
    return Path(path).resolve().is_relative_to(Path(folder).resolve())


def _print(text: str) -> None:
    print(f"ModelArts: {text}", flush=True)

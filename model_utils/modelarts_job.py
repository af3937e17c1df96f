# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A job on Huawei's ModelArts: copy data and checkpoint in, unpack, run, copy results out.

    def main(argv=None):
        return modelarts_job(train, get_config(argv))

With enable_modelarts False, `train(config)` simply runs. Otherwise one process of each machine copies, by the package
`moxing` of ModelArts' images, and the others wait for it:

    data_url        -> data_path     then data_path/<modelarts_dataset_unzip_name>.zip, if it arrived, is unpacked there
    checkpoint_url  -> load_path
    output_path     -> train_url     when the run ends, also when it fails

An empty data_url or checkpoint_url is not copied. Entries that arrive replace those of the same name.

The paths of the run change as follows. Absolute paths stay, so data_dir=/cache/data/coco2017 and
pretrained=/cache/checkpoint_path/0-300_.ckpt of the 2021 version work. Relative ones start at a folder of the job:

    ckpt_path, log_path, file_name      at output_path
    resume, resume_yolo, pretrained_backbone, pretrained, ckpt_file     at load_path, if checkpoint_url is set
                                        (resume=auto looks in ckpt_path and in load_path)
    data_dir                            at data_path, if data_url is set; the default is
                                        data_path/<modelarts_dataset_unzip_name> if that arrived, else data_path

data_path, load_path and output_path are local folders of the machine, as ModelArts' /cache is. The locks and marker
files of the ranks are in output_path/.modelarts, which is not uploaded.
"""

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from filelock import FileLock, Timeout

from model_utils.config import CHECKPOINTS, DERIVED, RESULTS, Config
from model_utils.errors import UsageError, UserError
from model_utils.json_file import read_json, write_json
from model_utils.local_adapter import Launch, read_launch
from model_utils.moxing_adapter import MARKER_FOLDER, copy_in, copy_out
from model_utils.options import AUTO

# Each url and the local folder that it is copied to or from.
URLS = {"data_url": "data_path", "checkpoint_url": "load_path", "train_url": "output_path"}
# Locked by all ranks of a machine, each as long as it runs.
MEMBERS = "members.lock"
# What the process that copies is doing, or did; in its marker file.
BUSY, READY, FAILED = "busy", "ready", "failed"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Limits:
    """How long the processes of a machine wait for each other, in seconds."""

    # For one to copy and unpack. That it failed or was killed is noticed at once: this limit is for one that hangs.
    copy: float = 4 * 3600
    # Rank 0, when its run is over, for the others to write their last results.
    finish: float = 60
    # A rank that failed, for another failed rank to finish its upload.
    upload: float = 3600
    # Between two tries to get a lock.
    poll: float = 0.5


def modelarts_job(run: Callable[[Config], Result], config: Config, launch: Launch | None = None,
                  limits: Limits | None = None) -> Result:
    """Run a function as a ModelArts job if config.enable_modelarts, else just run it; returns its result.

    Where the run fails, its error is raised after the results are uploaded; an error of the upload goes to stderr.

    Args:
        run: called with the config, its paths those of the job.
        config: options of the user.
        launch: place of this process in the job; None: read from the environment.
        limits: how long to wait; None: the defaults.

    Raises:
        UsageError: an option of the job is missing or wrong.
        UserError: `moxing` is missing; something cannot be copied or unpacked, here or by the rank that tried, or not
            within the limit.
    """
    if not config.enable_modelarts:
        return run(config)
    check_job(config)
    launch, limits = launch or read_launch(), limits or Limits()
    name = "scheduler" if launch.is_scheduler else f"rank_{launch.local_rank}"
    folder = Path(config.output_path) / MARKER_FOLDER / f"node_{launch.node_rank}"
    with _taking_part(folder) as members:
        data_dir = _copy_once(config, folder, name, limits)
        if launch.is_scheduler:
            # It ends after the ranks, and rank 0 waits for those that take part.
            members.close()
            return run(job_config(config, data_dir, launch))
        with _uploading_on_failure(config, folder, name, limits):
            result = run(job_config(config, data_dir, launch))
        if launch.leads_node:
            members.close()
            _upload_last(config, folder, name, limits)
        return result


def check_job(config: Config) -> None:
    """Check the options of a ModelArts job before anything is copied.

    Raises:
        UsageError: names every wrong option and the expected value.
    """
    problems = []
    if not config.train_url:
        problems.append("train_url is empty: name the url that results are uploaded to, such as s3://BUCKET/RESULTS/")
    for name in ("data_path", "output_path", "load_path"):
        if not config[name]:
            problems.append(f"{name} is empty: name a local folder, such as the default /cache/...")
    for name in ("data_path", "load_path"):
        if config[name] and config.output_path and _is_below(config[name], config.output_path):
            problems.append(f"{name} is {config[name]}, in output_path, {config.output_path}, which is uploaded: name "
                            "separate folders")
    for url, name in URLS.items():
        if config[url] and config[name] and (_is_below(config[name], config[url]) or _is_below(config[url],
                                                                                              config[name])):
            problems.append(f"{url} is {config[url]} and {name} is {config[name]}: expected separate "
                            f"folders, as one is copied to the other; what is on this machine needs no {url}")
    archive = config.modelarts_dataset_unzip_name
    if config.need_modelarts_dataset_unzip and (not archive or Path(archive).name != archive or archive == ".."):
        problems.append(f"modelarts_dataset_unzip_name is '{archive}': expected the name of an archive in data_url, "
                        "without .zip")
    if problems:
        raise UsageError("\n       ".join(problems))


def job_config(config: Config, data_dir: str, launch: Launch) -> Config:
    """Return the config of a run in a ModelArts job; see the module's docstring for the paths that change.

    Args:
        config: options of the user.
        data_dir: the default for data_dir.
        launch: place of this process; with several processes the run is distributed, an option ModelArts does not set.
    """
    if launch.rank_size > 1 and not config.is_set("is_distributed"):
        config = config.replace(DERIVED, is_distributed=1)
    moved = {name: _join(config.output_path, config[name]) for name in RESULTS}
    if config.checkpoint_url:
        moved |= {name: _join(config.load_path, config[name]) for name in CHECKPOINTS
                  if config[name] not in ("", AUTO)}
    if config.data_url:
        moved["data_dir"] = _join(config.data_path, config.data_dir) if config.data_dir else data_dir
    for name, path in moved.items():
        config = config.replace(config.source(name) if config.is_set(name) else DERIVED, **{name: path})
    return config


@contextmanager
def _taking_part(folder: Path) -> Iterator[IO]:
    """Hold a shared lock during the block, so that the first process of a job can tell that no other one runs.

    It removes the marker files of earlier jobs, which therefore count for none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / MEMBERS, "a", encoding="utf-8") as members:
        with suppress(BlockingIOError):
            fcntl.flock(members, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove_markers(folder)
        fcntl.flock(members, fcntl.LOCK_SH)
        yield members


def _remove_markers(folder: Path) -> None:
    for path in folder.glob("*.json"):
        path.unlink(missing_ok=True)


def _copy_once(config: Config, folder: Path, name: str, limits: Limits) -> str:
    """Copy in, unless another process of this machine has done so; returns the default for data_dir.

    The first to get the lock copies, and leaves a marker file for the others, which wait for the lock. When it is
    killed, the next one copies.

    Raises:
        UserError: the copy failed, here or in the process that tried; it hangs; the folder belongs to another job.
    """
    job = [config[option] for option in (*URLS, *URLS.values())]
    marker, who = folder / "copied.json", f"{name} (process {os.getpid()})"

    def report(state: str, text: str) -> None:
        _print(text if state == BUSY else f"{state}: {text}")
        write_json(marker, {"job": job, "who": who, "state": state, "text": text})

    try:
        with _locked(folder / "copy.lock", limits.copy, limits):
            found = read_json(marker) if marker.exists() else None
            if found and found["job"] != job:
                raise UserError(f"{folder}: in use by another job on this machine: give each job folders of its own, "
                                "or wait until that one ends")
            if not found or found["state"] == BUSY:
                _warn_of_lost_results(config)
                return _copy_in(config, report)
    except Timeout:
        found = read_json(marker)
        raise UserError(f"{name} waited {limits.copy:g} s for {found['who']} of this machine, which is still "
                        f"{found['text']}; see its log") from None
    if found["state"] == FAILED:
        raise UserError(f"{name} stops, because {found['who']} of this machine failed: {found['text']}")
    return found["text"]


def _copy_in(config: Config, report: Callable[[str, str], None]) -> str:
    report(BUSY, "starting to copy")
    started = time.monotonic()
    try:
        data_dir = copy_in(config, lambda text: report(BUSY, text))
    except BaseException as error:
        # Also printed now: a launcher that sees another rank end may kill this one before its error is printed.
        report(FAILED, str(error) or type(error).__name__)
        raise
    _print(f"copied in after {time.monotonic() - started:.1f} s")
    report(READY, data_dir)
    return data_dir


def _warn_of_lost_results(config: Config) -> None:
    for name in RESULTS:
        path = _join(config.output_path, config[name])
        if not _is_below(path, config.output_path):
            _print(f"warning: {name} is {path}, outside output_path, {config.output_path}, so it is not uploaded")


def _upload_last(config: Config, folder: Path, name: str, limits: Limits) -> None:
    """Upload as the rank that waits for all others of the machine to end."""
    try:
        with _locked(folder / MEMBERS, limits.finish, limits):
            _remove_markers(folder)
    except Timeout:
        _print(f"warning: other ranks are not done {limits.finish:g} s after {name}; uploading what is there")
    _upload(config, folder, name, limits, has_failed=False)


@contextmanager
def _uploading_on_failure(config: Config, folder: Path, name: str, limits: Limits) -> Iterator[None]:
    """Upload results where the block fails, whichever rank it is: launchers kill the others when one has ended."""
    try:
        yield
    except BaseException as failure:
        _print(f"{name} failed: {failure or type(failure).__name__}")
        try:
            _upload(config, folder, name, limits, has_failed=True)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr, flush=True)
        raise


def _upload(config: Config, folder: Path, name: str, limits: Limits, has_failed: bool) -> None:
    """Upload results, one rank at a time; of several that failed, only the first does."""
    uploaded = folder / "uploaded.json"
    try:
        with _locked(folder / "upload.lock", limits.upload, limits):
            if not (has_failed and uploaded.exists()):
                copy_out(config, _print)
            if has_failed:
                uploaded.touch()
    except Timeout:
        raise UserError(f"{name} waited {limits.upload:g} s for another rank of this machine to finish its upload"
                        ) from None


def _locked(path: Path, limit_s: float, limits: Limits) -> FileLock:
    return FileLock(path, timeout=limit_s, poll_interval=limits.poll)


def _join(folder: str, path: str) -> str:
    """Return an absolute path; a relative one starts at the folder."""
    return os.path.join(os.path.abspath(folder), path)


def _is_below(path: str, folder: str) -> bool:
    """Return whether a local path is a folder or in it; False for urls."""
    if "://" in path or "://" in folder:
        return False
    return Path(path).resolve().is_relative_to(Path(folder).resolve())


def _print(text: str) -> None:
    print(f"ModelArts: {text}", flush=True)

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A job on Huawei's ModelArts: copy data and checkpoint in, unpack, run, copy results out.

    def main(argv=None):
        return modelarts_job(train, get_config(argv))

With enable_modelarts False, `train(config)` simply runs. Otherwise rank 0 of each machine copies, by the package
`moxing` of ModelArts' images, and the other ranks of the machine wait for it:

    data_url        -> data_path     then data_path/<modelarts_dataset_unzip_name>.zip, if it arrived, is unpacked there
    checkpoint_url  -> load_path
    output_path     -> train_url     when the run ends, also when it fails

An empty data_url or checkpoint_url is not copied. Entries that arrive replace those of the same name.

The paths of the run change as follows. Absolute paths stay, so data_dir=/cache/data/coco2017 and
pretrained=/cache/checkpoint_path/0-300_.ckpt of the 2021 version work. Relative ones start at a folder of the job:

    ckpt_path, log_path, file_name      at output_path
    resume, resume_yolo, pretrained_backbone, pretrained, ckpt_file     at load_path, if checkpoint_url is set
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
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from model_utils.config import CHECKPOINTS, DERIVED, RESULTS, Config
from model_utils.errors import UsageError, UserError
from model_utils.json_file import read_json, write_json
from model_utils.local_adapter import Launch, read_launch
from model_utils.moxing_adapter import MARKER_FOLDER, copy_in, copy_out

LEADER, SCHEDULER = "rank_0", "scheduler"
# States of the leader, in its marker file.
BUSY, READY, FAILED = "busy", "ready", "failed"
# Marker file of a failed rank that has uploaded.
UPLOADED = "uploaded"

Result = TypeVar("Result")


@dataclass(frozen=True)
class Limits:
    """How long the processes of a machine wait for each other, in seconds."""

    # For rank 0 to copy and unpack. That it failed or was killed is noticed at once: this limit is for one that hangs.
    copy: float = 4 * 3600
    # Rank 0, before it ends, for the others to have read its marker: some of them may still be starting.
    tell: float = 30
    # Rank 0, when its run is over, for the others to write their last results.
    finish: float = 60
    # A rank that failed, for another failed rank to finish its upload.
    upload: float = 3600
    # Between two looks.
    poll: float = 0.5


class Rendezvous:
    """Where the processes of one machine wait for its rank 0, the leader, which copies for all of them.

    Each process holds a lock file as long as it takes part. The leader has a marker file that says whether it is busy,
    ready or failed; the others touch a file of their own once they have read that it is ready or failed. The leader's
    marker counts only while its lock is held: one that an earlier job left behind is ignored, and a leader that is
    killed is noticed at once.

    Args:
        folder: of the lock and marker files, made if missing; the same for all processes, and for no other running job.
        name: of this process, such as rank_3; `LEADER` is the one that the others wait for.
        others: names of the processes that wait for the leader.
        limits: how long to wait.
    """

    def __init__(self, folder: Path, name: str, others: list[str], limits: Limits):
        self.folder, self.name, self.others, self.limits = folder, name, others, limits
        self.marker = folder / f"{LEADER}.json"

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Take part until the end of the block; the leader stays until the others have read its marker.

        Raises:
            UserError: a process of another job takes part under this name.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        in_use = (f"{self.folder}: in use by another job on this machine: give each job folders of its own, or wait "
                  "until that one ends")
        if self.name == LEADER:
            if self._takes_part(LEADER):
                raise UserError(in_use)
            for path in (*self.folder.glob("*.informed"), self.marker, self.folder / UPLOADED):
                path.unlink(missing_ok=True)
        with self.locked(self.name, self.limits.tell, in_use):
            try:
                yield
            finally:
                if self.name == LEADER:
                    self.wait_for_others(self.limits.tell)
                    self.marker.unlink(missing_ok=True)

    def report(self, state: str, text: str = "") -> None:
        """Replace the leader's marker; `text` is its current step, the default for data_dir, or why it failed."""
        write_json(self.marker, {"process": os.getpid(), "state": state, "text": text})

    def wait_for_leader(self) -> str:
        """Wait until the leader is ready; returns the default for data_dir.

        Raises:
            UserError: the leader failed, was killed, or was not ready in time; names its last step.
        """
        deadline, last = time.monotonic() + self.limits.copy, None
        while True:
            takes_part = self._takes_part(LEADER)
            marker = read_json(self.marker) if takes_part and self.marker.exists() else None
            if marker and marker["state"] != BUSY:
                (self.folder / f"{self.name}.informed").touch()
                if marker["state"] == FAILED:
                    raise UserError(f"{self.name} stops, because rank 0 of this machine failed: {marker['text']}")
                return marker["text"]
            if last and not takes_part:
                raise UserError(f"{self.name} stops, because rank 0 of this machine, process {last['process']}, ended "
                                f"while {last['text']}; see its log")
            last = marker or last
            if time.monotonic() >= deadline:
                found = (f"process {last['process']}, which is still {last['text']}; see its log" if last else
                         "which did not start: check that it runs; on several machines, NODE_NUM in the environment "
                         "must be their number")
                raise UserError(f"{self.name} waited {self.limits.copy:g} s for rank 0 of this machine, {found}")
            time.sleep(self.limits.poll)

    def wait_for_others(self, limit_s: float, until_ended: bool = False) -> list[str]:
        """Wait until the others have read the leader's marker and, if wanted, have ended; returns who is late."""
        deadline = time.monotonic() + limit_s
        while True:
            late = [name for name in self.others if not (self.folder / f"{name}.informed").exists()
                    or (until_ended and self._takes_part(name))]
            if not late or time.monotonic() >= deadline:
                return late
            time.sleep(self.limits.poll)

    @contextmanager
    def locked(self, name: str, limit_s: float, message: str) -> Iterator[None]:
        """Hold a lock file during the block; a UserError with `message` where another process keeps it too long."""
        lock = FileLock(self.folder / f"{name}.lock", timeout=limit_s, poll_interval=self.limits.poll)
        try:
            held = lock.acquire()
        except Timeout:
            raise UserError(message) from None
        with held:
            yield

    def _takes_part(self, name: str) -> bool:
        """Return whether a process holds its lock; tried by a shared one, which others that try do not see."""
        try:
            with open(self.folder / f"{name}.lock", "rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except FileNotFoundError:
            pass
        return False


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
        UserError: `moxing` is missing; something cannot be copied or unpacked; rank 0 failed or was not ready in time.
    """
    if not config.enable_modelarts:
        return run(config)
    check_job(config)
    launch, limits = launch or read_launch(), limits or Limits()
    name = SCHEDULER if launch.is_scheduler else f"rank_{launch.local_rank}"
    others = [f"rank_{rank}" for rank in range(1, launch.local_size)]
    machine = Rendezvous(Path(config.output_path) / MARKER_FOLDER / f"node_{launch.node_rank}", name,
                         [*others, *([SCHEDULER] if launch.is_beside_scheduler else [])], limits)
    with machine.joined():
        data_dir = _copy_for_all(machine, config) if name == LEADER else machine.wait_for_leader()
        with _uploading_on_failure(machine, config):
            result = run(job_config(config, data_dir, launch))
        if name == LEADER:
            _upload_all(machine, config)
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
    for url, name in (("data_url", "data_path"), ("checkpoint_url", "load_path"), ("train_url", "output_path")):
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
        moved |= {name: _join(config.load_path, config[name]) for name in CHECKPOINTS if config[name]}
    if config.data_url:
        moved["data_dir"] = _join(config.data_path, config.data_dir) if config.data_dir else data_dir
    for name, path in moved.items():
        config = config.replace(config.source(name) if config.is_set(name) else DERIVED, **{name: path})
    return config


def _copy_for_all(machine: Rendezvous, config: Config) -> str:
    """Copy in as rank 0 of the machine and report to the others; returns the default for data_dir."""
    def say(text: str) -> None:
        _print(text)
        machine.report(BUSY, text)

    machine.report(BUSY, "starting to copy")
    started = time.monotonic()
    try:
        for name in RESULTS:
            path = _join(config.output_path, config[name])
            if not _is_below(path, config.output_path):
                _print(f"warning: {name} is {path}, outside output_path, {config.output_path}, so it is not uploaded")
        data_dir = copy_in(config, say)
    except BaseException as error:
        machine.report(FAILED, str(error) or type(error).__name__)
        # Printed now: a launcher that sees another rank end may kill this one before its error is printed.
        _print(f"failed: {error or type(error).__name__}")
        raise
    _print(f"copied in after {time.monotonic() - started:.1f} s")
    machine.report(READY, data_dir)
    return data_dir


def _upload_all(machine: Rendezvous, config: Config) -> None:
    late = machine.wait_for_others(machine.limits.finish, until_ended=True)
    if late:
        _print(f"warning: {', '.join(late)} not done {machine.limits.finish:g} s after rank 0; uploading what is there")
    with _uploading(machine):
        copy_out(config, _print)


@contextmanager
def _uploading_on_failure(machine: Rendezvous, config: Config) -> Iterator[None]:
    """Upload results where the block fails, whichever rank it is: launchers kill the others when one has ended.

    Of several ranks that fail, one uploads and the others wait for it.
    """
    try:
        yield
    except BaseException as failure:
        if machine.name != SCHEDULER:
            _print(f"{machine.name} failed: {failure or type(failure).__name__}")
            uploaded = machine.folder / UPLOADED
            try:
                with _uploading(machine):
                    if not uploaded.exists():
                        copy_out(config, _print)
                        uploaded.touch()
            except UserError as error:
                print(f"error: {error}", file=sys.stderr, flush=True)
        raise


def _uploading(machine: Rendezvous) -> AbstractContextManager[None]:
    limit = machine.limits.upload
    return machine.locked("upload", limit, f"{machine.name} waited {limit:g} s for another rank of this machine to "
                          "finish its upload")


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

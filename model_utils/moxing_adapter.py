# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The copies of a ModelArts job by `moxing`: data and checkpoint in, results out.

Files arrive all or none. Every exception of `moxing` becomes a UserError.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType

from model_utils.config import Config
from model_utils.errors import UserError
from model_utils.safe_unzip import incoming, unzip

# In output_path, but not a result: the lock and marker files of the ranks.
MARKER_FOLDER = ".modelarts"


def copy_in(config: Config, say: Callable[[str], None]) -> str:
    """Copy data and checkpoint to this machine, and unpack the data.

    Args:
        config: options of the user.
        say: called with a text about each step.

    Returns:
        The default for data_dir, the folder of the data; "" where no data was copied.

    Raises:
        UserError: `moxing` is missing, or something cannot be copied or unpacked; nothing half-written is left.
    """
    file = _moxing_file()
    # A url that cannot be written to is reported now, not after days of training. Other machines may make it, too.
    with _reporting(f"train_url {config.train_url}: cannot be made"), suppress(FileExistsError):
        if not file.exists(config.train_url):
            file.make_dirs(config.train_url)
    data_dir = ""
    if config.data_url:
        say(f"copying data_url {config.data_url} to {config.data_path}")
        came = _fetch(file, "data_url", config.data_url, config.data_path)
        if config.need_modelarts_dataset_unzip:
            came |= _unpack(config, came, say)
        data_dir = os.path.abspath(config.data_path)
        folder = os.path.join(data_dir, config.modelarts_dataset_unzip_name)
        if config.modelarts_dataset_unzip_name in came and os.path.isdir(folder):
            data_dir = folder
    if config.checkpoint_url:
        say(f"copying checkpoint_url {config.checkpoint_url} to {config.load_path}")
        _fetch(file, "checkpoint_url", config.checkpoint_url, config.load_path)
    return data_dir


def copy_out(config: Config, say: Callable[[str], None]) -> None:
    """Copy all results below output_path to train_url.

    Args:
        config: options of the user.
        say: called with a text about each step.

    Raises:
        UserError: they cannot be copied; they are still in output_path.
    """
    results = [path for path in sorted(Path(config.output_path).iterdir())
               if path.name != MARKER_FOLDER and (path.is_file() or any(inner.is_file() for inner in path.rglob("*")))]
    if not results:
        say(f"nothing to upload, {config.output_path} holds no files")
        return
    say(f"uploading {config.output_path} to {config.train_url}")
    file = _moxing_file()
    with _reporting(f"train_url {config.train_url}: results cannot be uploaded and are still in {config.output_path}"):
        for path in results:
            # Not the whole folder at once: the marker files of the ranks stay here.
            copy = file.copy_parallel if path.is_dir() else file.copy
            copy(str(path), f"{config.train_url.rstrip('/')}/{path.name}")


def _fetch(file: ModuleType, option: str, url: str, folder: str) -> set[str]:
    """Copy the file or folder at a url into a folder; returns the names of the entries that arrived."""
    with _reporting(f"{option} {url}: cannot be copied to {folder}"):
        if not file.exists(url):
            raise UserError(f"{option} {url}: nothing there; check the path, and that the job may read it")
        with incoming(folder) as new:
            if file.is_directory(url):
                file.copy_parallel(url, str(new))
            else:
                file.copy(url, str(new / url.rpartition("/")[2]))
            came = set(os.listdir(new))
            if not came:
                raise UserError(f"{option} {url}: holds no files; check the path")
    return came


def _unpack(config: Config, came: set[str], say: Callable[[str], None]) -> set[str]:
    """Unpack the data's archive, if it was copied; returns the names of its entries."""
    name = f"{config.modelarts_dataset_unzip_name}.zip"
    if name in came:
        say(f"unpacking {name} in {config.data_path}")
        return set(unzip(Path(config.data_path) / name, config.data_path))
    is_wanted = config.is_set("need_modelarts_dataset_unzip") or config.is_set("modelarts_dataset_unzip_name")
    if is_wanted and config.modelarts_dataset_unzip_name not in came:
        found = sorted(came)
        raise UserError(f"data_url {config.data_url}: holds no {name}, only {', '.join(found[:5])}"
                        f"{', ...' if len(found) > 5 else ''}; set modelarts_dataset_unzip_name to the archive's name "
                        "without .zip, or need_modelarts_dataset_unzip to False where the data is not packed")
    say(f"data_url holds no {name}, so it is used as it is")
    return set()


def _moxing_file() -> ModuleType:
    """Return the file functions of `moxing`, imported only here because only ModelArts has the package."""
    try:
        import moxing
    except ImportError as error:
        raise UserError(f"enable_modelarts is True, but the package moxing cannot be imported ({error}): only the "
                        "images of ModelArts have it; elsewhere leave enable_modelarts out") from error
    return moxing.file


@contextmanager
def _reporting(what: str) -> Iterator[None]:
    """Turn every exception of `moxing`, which does not document them, into a UserError."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{what} ({type(error).__name__}: {error}); check the path, its permissions and the disk "
                        "space") from error

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The files of a queue of experiments: the queue itself, the csv of its results, and each run's record and lock."""
import contextlib
import csv
import fcntl
import io
import json
import os
import subprocess
from pathlib import Path
from typing import NamedTuple

from model_utils.config import get_config
from model_utils.errors import UsageError, UserError
from model_utils.options import nearest, read_yaml
from src.config import check_config, training_config

ROOT = Path(__file__).resolve().parents[1]
COLUMNS = ("name", "AP", "AP50", "AP50_per_class", "minutes", "cores", "date", "commit", "options")
# What the queue gives to train.py itself.
OWN_OPTIONS = ("config_path", "data_dir", "ckpt_path", "device_target", "num_parallel_workers", "resume")
KINDS = {str: "text", list: "a list", dict: "'key: value' pairs"}


class Run(NamedTuple):
    """One run: arguments of train.py; options as the queue file gives them; `settings`, those and the overlay's, typed.

    `data_dir` is None where no data folder was named; the run works in `folder`.
    """

    name: str
    arguments: list
    options: dict
    settings: dict
    data_dir: Path | None
    folder: Path


def check_mapping(found, needed, optional, where):
    """Raise a UsageError where `found` lacks a needed key, has one that is neither, or a value of the wrong type.

    `needed` and `optional` map keys to types.
    """
    kinds = {**needed, **optional}
    if not isinstance(found, dict):
        raise UsageError(f"{where}: found {found!r:.60}, expected 'key: value' pairs; keys are {', '.join(kinds)}")
    for key, value in found.items():
        if key not in kinds:
            hint = nearest(str(key), kinds) or f"; keys are {', '.join(kinds)}"
            raise UsageError(f"{where}: unknown key {key!r}{hint}")
        if not isinstance(value, kinds[key]):
            raise UsageError(f"{where}: {key} is {value!r:.60}, expected {KINDS[kinds[key]]}")
    for key in needed:
        if not found.get(key):
            raise UsageError(f"{where}: {key} is missing or empty, expected {KINDS[kinds[key]]}")


def read_queue(path, data_dir, work):
    """Return the csv file and the list of runs of a queue file.

    Args:
        path (Path): the queue file.
        data_dir (Path or None): data folder of the runs that name none.
        work (Path): each run works in a folder of its name in it.

    Raises:
        UsageError: the file cannot be read or used, or train.py would refuse the options of a run.
    """
    documents = read_yaml(path) or [{}]
    if len(documents) > 1:
        raise UsageError(f"{path}: found {len(documents)} YAML documents, expected one")
    content = documents[0]
    check_mapping(content, {"csv": str, "runs": list}, {"common": dict}, path)
    runs = [read_run(entry, content.get("common", {}), data_dir, work, f"{path}: run {number}")
            for number, entry in enumerate(content["runs"], start=1)]
    names = [run.name for run in runs]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"{path}: {names.count(name)} runs have the name {name}; give each its own")
    csv_path = path.parent / content["csv"]
    if not csv_path.parent.is_dir():
        raise UsageError(f"{path}: csv is {content['csv']}, but there is no folder {csv_path.parent}; make it")
    return csv_path, runs


def read_run(entry, common, data_dir, work, where):
    """Return the `Run` of an entry of the queue file; `where` begins the text of an error, see `read_queue`."""
    check_mapping(entry, {"name": str}, {"config": str, "data_dir": str, "options": dict}, where)
    name, options = entry["name"], {**common, **entry.get("options", {})}
    if name == ".." or Path(name).name != name:
        raise UsageError(f"{where}: name is {name!r}, expected one that a folder can have")
    for option in options:
        if option in OWN_OPTIONS:
            raise UsageError(f"{where}: the queue sets {option} itself; leave it out of the options (a run has keys of "
                             "its own for an overlay, config, and for data_dir)")
    arguments = [f"--{option}={value}" for option, value in options.items()]
    if "config" in entry:
        arguments.insert(0, f"--config_path={ROOT / entry['config']}")
        options = {"config_path": entry["config"], **options}
    try:
        config = training_config(get_config([*arguments, "--device_target=CPU"]))
        check_config(config)
    except UserError as error:
        raise UsageError(f"{where}, {name}: {error}") from None
    settings = {option: value for option, value in config.to_dict().items()
                if config.is_set(option) and option not in OWN_OPTIONS}
    data_dir = ROOT / entry["data_dir"] if "data_dir" in entry else data_dir
    return Run(name, arguments, options, settings, data_dir, work / name)


def read_rows(path):
    """Return the rows of a csv of results, none where there is no file yet; a UserError says what is wrong in it."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    if tuple(reader.fieldnames or ()) != COLUMNS or any(None in row or None in row.values() for row in rows):
        raise UserError(f"{path}: expected rows of the {len(COLUMNS)} columns {','.join(COLUMNS)}; mend the file, or "
                        "move it away")
    return rows


def add_row(path, row):
    """Add a row to a csv of results, in the place of an earlier one of its name."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows([*(old for old in read_rows(path) if old["name"] != row["name"]), row])
    write_whole(path, text.getvalue())


def write_whole(path, text):
    """Write a file so that it always is either the old or the whole new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder):
    """Hold a run's folder, made if missing; gives the file that holds it while any process has it open.

    Raises:
        UserError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise UserError(f"process {file.read()}, of a queue that runs or was killed, still works in {folder}; wait "
                            "for its end, or end it, and start again") from None
        note_process(file, os.getpid())
        yield file


def note_process(file, number):
    """Write into the file that holds a run's folder which process works there."""
    file.truncate(0)
    file.write(str(number))
    file.flush()


def open_record(run, goes_on):
    """Return the record of a run, what run.json holds: its settings, its data folder and its commits, none yet if new.

    Raises:
        UserError: the run goes on, but has no record, or began with other settings or data.
    """
    now, path = {"settings": run.settings, "data_dir": str(run.data_dir)}, run.folder / "run.json"
    if not goes_on:
        return {**now, "commits": []}
    advice = f"remove {run.folder} to train anew, or give the run another name"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        old, new = ({**side["settings"], "data_dir": side["data_dir"]} for side in (record, now))
        record["commits"][-1].strip()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: does not tell how the run began ({error!r}); {advice}") from error
    changed = [f"{key} was {old.get(key, 'not set')}, is {new.get(key, 'not set')} now"
               for key in sorted({*old, *new}) if old.get(key) != new.get(key)]
    if changed:
        raise UserError(f"{'; '.join(changed)}: a run goes on with what it began with; put it back, or {advice}")
    return record


def note_commit(record, run):
    """Add the commit of the working tree to a run's record where it is a new one, and write run.json.

    A + follows the short name when files differ from the commit.
    """
    try:
        told = subprocess.run(["git", "--no-optional-locks", "describe", "--always", "--dirty=+"], cwd=ROOT,
                              capture_output=True, text=True)
        commit = told.stdout.strip() or "unknown"
    except OSError:
        commit = "unknown"
    if record["commits"][-1:] != [commit]:
        record["commits"].append(commit)
    write_whole(run.folder / "run.json", json.dumps(record, indent=1))

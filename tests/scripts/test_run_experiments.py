"""The queue of experiments: stopped in the middle and started again it finishes every run once."""
import csv
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.helpers import write_coco

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(1)
    for split in ("train", "val"):
        images = [{"size": (64, 64), "boxes": [(*rng.uniform(0, 30, 2), *rng.uniform(14, 30, 2), 1)]} for _ in range(8)]
        write_coco(tmp_path / "data", images, split)
    return tmp_path / "data"


def write_queue(folder, names):
    common = {"training_shape": 64, "per_batch_size": 2, "max_epoch": 6, "warmup_epochs": 1, "max_box": 5}
    path = folder / "queue.yaml"
    path.write_text(yaml.safe_dump({"csv": "results.csv", "common": common,
                                    "runs": [{"name": name, "options": {"seed": seed}}
                                             for seed, name in enumerate(names, start=1)]}))
    return [sys.executable, str(ROOT / "scripts" / "run_experiments.py"), str(path), f"--data_dir={folder / 'data'}",
            f"--work={folder / 'work'}"]


@pytest.mark.slow
def test_a_queue_that_was_stopped_goes_on(tmp_path, data):
    command = write_queue(tmp_path, ["first", "second"])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not list(tmp_path.glob("work/first/*/ckpt_0/last.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130 and "stopped; start again" in out
    assert not (tmp_path / "results.csv").exists()
    assert subprocess.run(command, timeout=300).returncode == 0
    assert "goes on at step" in (tmp_path / "work" / "first" / "log.txt").read_text()
    with (tmp_path / "results.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["name"] for row in rows] == ["first", "second"]
    assert all(0 <= float(row["AP"]) <= float(row["AP50"]) <= 1 for row in rows)
    assert json.loads(rows[1]["options"])["seed"] == 2 and set(json.loads(rows[0]["AP_per_class"])) == {
        "cup", "ball", "key"}
    # Nothing is left to do.
    before = (tmp_path / "results.csv").read_text()
    assert subprocess.run(command, timeout=60).returncode == 0
    assert (tmp_path / "results.csv").read_text() == before


@pytest.mark.slow
def test_a_run_that_fails_is_named_and_the_others_go_on(tmp_path, data):
    command = write_queue(tmp_path, ["broken", "sound"])
    path = tmp_path / "queue.yaml"
    content = yaml.safe_load(path.read_text())
    content["runs"][0]["options"] = {"no_such_option": 1}
    path.write_text(yaml.safe_dump(content))
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 1 and "broken: exit code 2, see" in done.stdout
    assert "unknown option --no_such_option" in (tmp_path / "work" / "broken" / "log.txt").read_text()
    assert [line.split(",")[0] for line in (tmp_path / "results.csv").read_text().splitlines()] == ["name", "sound"]


def test_a_split_shares_the_images_once(tmp_path, data):
    command = [sys.executable, str(ROOT / "scripts" / "split_coco.py"), str(data), str(tmp_path / "split"),
               "--fraction=0.25"]
    assert subprocess.run(command, capture_output=True, timeout=60).returncode == 0
    parts = [json.loads((tmp_path / "split" / "annotations" / f"instances_{name}2017.json").read_text())
             for name in ("train", "val")]
    ids = [{image["id"] for image in part["images"]} for part in parts]
    assert [len(part) for part in ids] == [6, 2] and ids[0] | ids[1] == set(range(1, 9))
    for part, name in zip(parts, ("train", "val"), strict=True):
        assert {box["image_id"] for box in part["annotations"]} == {image["id"] for image in part["images"]}
        assert all((tmp_path / "split" / f"{name}2017" / image["file_name"]).is_file() for image in part["images"])
    again = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert again.returncode == 2 and "exists: name a folder that does not" in again.stderr

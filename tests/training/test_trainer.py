# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The loop: what it logs and writes, exact resume after a signal, and that it memorises eight images."""
import csv
import json
import logging
import os
import re
import shutil
import signal
import time
from types import SimpleNamespace

import numpy as np
import pytest

import train
from model_utils.config import get_config
from model_utils.errors import UserError, run_cli
from model_utils.signals import StopRequest
from src.data import image_check
from src.distributed_sampler import DistributedSampler
from src.training.meters import Meters
from src.training.run import Run
from src.training.train_state import Progress
from src.training.trainer import Trainer
from src.weights.checkpoint import load_checkpoint, save_checkpoint
from tests.support.helpers import CATEGORIES, write_coco
from tests.support.shared_graphs import shared_graphs
from tests.support.training_runs import ANCHORS, FINISHED, SMALL, run
from tools.faults.small_run import CPU, digest


def test_log_and_files_of_a_run(validated):
    checkpoints, log = validated
    assert sorted(os.listdir(checkpoints)) == [
        "best.ckpt", "checkpoints.json", "last.ckpt", "yolov3_tiny-1_10.ckpt", "yolov3_tiny-2_15.ckpt"]
    number = r"\d+\.\d+(e-\d+)?"
    line = (rf"^\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d,\d{{3}}:INFO:epoch\[(\d)\], iter\[(\d+)\], loss:\d+\.\d{{6}}, "
            rf"fps:\d+\.\d\d imgs/sec, lr:{number}$")
    assert [match.groups()[:2] for match in re.finditer(line, log, re.MULTILINE)] == [
        ("0", "0"), ("0", "2"), ("0", "4"), ("1", "6"), ("1", "8"), ("2", "10"), ("2", "12"), ("2", "14")]
    assert len(re.findall(r"epoch\[\d\] done, \d/3, mean loss:\d+\.\d+ \(box .*ETA:\d:\d\d:\d\d", log)) == 3
    with (checkpoints.parent / "metrics.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        # Five steps an epoch.
        assert 5 * (float(row["data_time"]) + float(row["step_time"])) == pytest.approx(float(row["seconds"]), abs=0.01)
    assert re.findall(r"epoch\[(\d)\] done, .* AP:\d\.\d{4}, AP50:\d\.\d{4}, ", log) == ["1", "2"]
    header = re.search(r"INFO:classes: cup, ball, key; validation on 5 images by MindSpore [0-9.]+, float32, "
                       r"eval_interval 2\n.*:INFO:CPU with \d+ cores?, float32; recipe: the defaults, and (.*)\n"
                       r".*:INFO:10 images, 3 classes, 5 steps an epoch, 3 epochs, shape 64x64, log and check", log)
    assert {"per_batch_size 2", "max_epoch 3", "ema_decay 0.6"} < set(header[1].split(", "))
    # Of the first steps, too few to time, follows no estimate.
    assert "that remain" not in log
    best = load_checkpoint(checkpoints / "best.ckpt")
    assert best.meta["class_names"] == ["cup", "ball", "key"] and best.meta["category_ids"] == [3, 1, 7]
    assert best.meta["testing_shape"] == [64, 64] and not best.moments
    page = (checkpoints.parent / "report.html").read_text()
    assert "<p>finished; written" in page and f"best AP</dt><dd>{best.meta['progress']['best_score']:.4f}" in page
    assert all(f'alt="{name}"' in page for name in ("Loss", "Confusion of classes", "Sizes of the boxes", "Batch 3"))
    last_lines = log.splitlines()[-4:]
    assert last_lines[0].endswith(":INFO:next:") and f" --pretrained {checkpoints}/best.ckpt " in last_lines[1]
    saved = (checkpoints.parent / "config.yaml").read_text()
    assert "num_classes: 3  # derived" in saved and "lr: 0.0001  # command line" in saved


def test_after_some_steps_the_rest_of_the_run_is_estimated(monkeypatch, caplog):
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    trainer = object.__new__(Trainer)
    progress = Progress(step=20)
    trainer.meters, trainer.state = Meters(progress, 8), SimpleNamespace(progress=progress)
    trainer.run = SimpleNamespace(total_steps=3633, config=None, logger=logging.getLogger("estimate"))
    trainer.train_step = SimpleNamespace(compile_seconds={(64, 64): 30.0})
    flushed = []
    trainer.check_bad_steps = lambda: flushed.append(progress.step)
    with caplog.at_level(logging.INFO):
        for progress.step in range(21, 60):
            now[0] += 0.5
            trainer.log_estimate()
    # Only where the time is taken does the host wait for the device.
    assert flushed == [23, 33]
    [line] = caplog.messages
    assert line.startswith("about 0:30:00 for the 3600 steps that remain, at 0.500 s a step, without validations; ")


def test_the_best_checkpoint_without_validation_is_the_epoch_of_lowest_loss(finished):
    checkpoints, log = finished
    losses = [float(text) for text in re.findall(r"mean loss:(\d+\.\d+)", log)]
    best = load_checkpoint(checkpoints / "best.ckpt").meta["progress"]
    assert best["best_score"] == pytest.approx(-min(losses), abs=1e-5)
    assert best["step"] == 5 * (1 + int(np.argmin(losses))) and len(losses) == 3


def renamed(folder, data, split="train", names=("cup", "ball", "lock")):
    """A copy of the data set whose categories of one split have other names; returns the folder."""
    shutil.copytree(data, folder)
    path = folder / "annotations" / f"instances_{split}2017.json"
    content = json.loads(path.read_text())
    content["categories"] = [{"id": category["id"], "name": name}
                             for category, name in zip(CATEGORIES, names, strict=True)]
    path.write_text(json.dumps(content))
    return folder


def test_resume_refuses_what_it_cannot_continue(tmp_path, data, finished):
    checkpoints, _ = finished
    with pytest.raises(UserError, match="holds weights only"):
        run(tmp_path / "b", data, "--resume", checkpoints / "best.ckpt")
    with pytest.raises(UserError, match="by\n  per_batch_size: 2 then, 5 now\nleave it as it was"):
        run(tmp_path / "c", data, "--resume", checkpoints / "last.ckpt", "--per_batch_size", 5)
    with pytest.raises(UserError, match=r"by\n  classes: \['cup', 'ball', 'key'\] then, .*'lock'\] now\nleave it"):
        run(tmp_path / "d", renamed(tmp_path / "renamed", data), "--resume", checkpoints / "last.ckpt")
    with pytest.raises(UserError, match="data_dir is empty: .* by --data_dir FOLDER; no path comes from a checkpoint"):
        train.main([*CPU, f"--resume={checkpoints / 'last.ckpt'}"])


def test_resume_refuses_another_freeze_before_it_makes_a_folder(tmp_path, data, finished):
    with pytest.raises(UserError, match="freeze_backbone: False then, True now"):
        train.main([*CPU, f"--data_dir={data}", f"--ckpt_path={tmp_path / 'out'}", "--freeze_backbone=True",
                    f"--resume={finished[0] / 'last.ckpt'}"])
    assert not (tmp_path / "out").exists()


def test_a_score_of_another_kind_is_not_kept_at_resume(tmp_path, data, finished, monkeypatch):
    # A checkpoint named without its folder.
    monkeypatch.chdir(finished[0])
    checkpoints, log = run(tmp_path, data, "--resume", "last.ckpt", "--max_epoch", 4, "--eval_interval", 1)
    assert "resume last.ckpt: continues at step 15" in log
    best = load_checkpoint(checkpoints / "best.ckpt").meta["progress"]
    # The losses before it were negative scores in the hundreds; an AP is none of them.
    assert best["step"] == 20 and 0 <= best["best_score"] <= 1


def test_resume_yolo_starts_from_the_weights_at_step_zero(tmp_path, data, finished):
    # At a rate of almost nothing the weights stay where they started.
    again, log = run(tmp_path, data, *SMALL[:4], "--max_epoch", 2, "--lr", "1e-12", "--anchors", "auto",
                     "--resume_yolo", finished[0] / "last.ckpt")
    assert f"anchors auto: as in {finished[0] / 'last.ckpt'}, whose weights were trained so" in log
    assert "iter[0]" in log and "filled all tensors" in log and "done after 10 steps" in log
    first, second = (load_checkpoint(folder / "last.ckpt") for folder in (finished[0], again))
    np.testing.assert_allclose(second.weights["conv6.conv.weight"], first.averages["conv6.conv.weight"], atol=1e-7)
    # The anchors that its heads were trained for come along.
    assert second.meta["anchors"] == first.meta["anchors"] == json.loads(ANCHORS)


def test_resume_yolo_takes_anchors_and_preprocessing_but_not_the_test_shape(data, finished):
    options = [*CPU, f"--data_dir={data}", "--training_shape=96", f"--resume_yolo={finished[0] / 'last.ckpt'}"]
    config = train.run_config(get_config(options), None)
    assert [list(anchor) for anchor in config.anchors] == json.loads(ANCHORS) and config.testing_shape == (96, 96)


def damaged(data, folder, case):
    """Copy the data set and break one thing in it; returns what the error must name."""
    shutil.copytree(data, folder)
    path = folder / "annotations" / "instances_train2017.json"
    content = json.loads(path.read_text())
    if case == "no data folder":
        shutil.rmtree(folder)
        return str(folder)
    if case == "no annotation file":
        path.unlink()
    elif case == "broken json":
        path.write_text(path.read_text()[:-20])
    elif case == "no image":
        (folder / "train2017" / "000003.png").unlink()
        return "000003.png"
    else:
        change = {"no categories": {"categories": None}, "no images": {"images": []}, "no boxes": {"annotations": []},
                  "a file outside": {"images": [content["images"][0] | {"file_name": "../../secret.png"}]}}[case]
        path.write_text(json.dumps({key: value for key, value in (content | change).items() if value is not None}))
    return "../../secret.png" if case == "a file outside" else str(path)


@pytest.mark.parametrize("case", ["no data folder", "no annotation file", "broken json", "no image", "no categories",
                                  "no images", "no boxes", "a file outside"])
def test_unusable_data_ends_training_before_anything_is_written(tmp_path, data, capsys, case):
    named = damaged(data, tmp_path / "broken data", case)
    assert run_cli(train.main, [*CPU, f"--data_dir={tmp_path / 'broken data'}", f"--ckpt_path={tmp_path / 'out'}"]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and named in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments, code, text", [
    (["--trainning_shape=64"], 2, "unknown option --trainning_shape; did you mean --training_shape?"),
    (["--max_epoch=two"], 2, "max_epoch is 'two' (command line): expected a whole number"),
    (["--training_shape=100"], 2, "training_shape is '100'"), (["--data_dir="], 2, "data_dir is empty"),
    (["--num_classes=5"], 1, "num_classes is 5 (command line), but the data has 3"),
    (["--per_batch_size=11"], 1, "10 training images are too few for one step"),
    (["--resume=/nowhere/last.ckpt"], 1, "/nowhere/last.ckpt: no such file; check"),
    (["--resume_yolo=/nowhere/best.ckpt"], 1, "/nowhere/best.ckpt: no such file; check"),
])
def test_wrong_options_end_training_before_anything_is_written(tmp_path, data, capsys, arguments, code, text):
    assert run_cli(train.main, [*CPU, f"--data_dir={data}", f"--ckpt_path={tmp_path / 'out'}", *arguments]) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ") and text in error and "Traceback" not in error
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("option", ["resume", "resume_yolo", "pretrained_backbone"])
def test_a_truncated_checkpoint_ends_training_with_an_error(tmp_path, data, capsys, finished, option):
    path = tmp_path / "cut.ckpt"
    path.write_bytes((finished[0] / "last.ckpt").read_bytes()[:100_000])
    assert run_cli(train.main, [*CPU, f"--data_dir={data}", f"--ckpt_path={tmp_path / 'out'}",
                                f"--{option}={path}"]) == 1
    assert f"{path}: cannot be read, the file is truncated" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_training_stops_after_twenty_bad_steps_in_a_row_and_reports_the_parts(tmp_path, data, finished, capsys):
    checkpoint = load_checkpoint(finished[0] / "best.ckpt")
    # Only the stride 32 scale is lost, so the parts of the loss must show where to look.
    checkpoint.weights["head1.bias"][4] = np.nan
    save_checkpoint(tmp_path / "nan.ckpt", checkpoint.weights, checkpoint.meta)
    with shared_graphs():
        assert run_cli(train.main, [*CPU, *SMALL, f"--data_dir={data}", f"--ckpt_path={tmp_path / 'out'}",
                                    "--max_epoch=5", f"--resume_yolo={tmp_path / 'nan.ckpt'}"]) == 1
    error = capsys.readouterr().err
    assert "20 steps in a row up to step 20 had a loss or gradient that is not finite" in error
    assert re.search(r"objectness32:nan, .*objectness16:\d", error)
    # The checkpoints at the ends of the epochs before it still hold what the run started from.
    (last,) = tmp_path.glob("out/*/ckpt_0/last.ckpt")
    np.testing.assert_array_equal(load_checkpoint(last).weights["conv3.conv.weight"],
                                  checkpoint.weights["conv3.conv.weight"])


def test_an_image_that_cannot_be_read_is_named_and_nothing_is_saved(tmp_path, data, capsys):
    shutil.copytree(data, tmp_path / "data")
    path = tmp_path / "data" / "train2017" / "000001.png"
    path.write_bytes(b"")
    assert run_cli(train.main, [*CPU, f"--data_dir={tmp_path / 'data'}", f"--ckpt_path={tmp_path / 'out'}",
                                "--per_batch_size=10"]) == 1
    assert f"{path}: this image file is empty (0 bytes)" in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*/ckpt_0/*"))


@pytest.fixture
def breaking(tmp_path, monkeypatch):
    """Return a function that trains two epochs on ten images, of which two may break.

    The images break that the first epoch uses as these samples, two of which make a step: the first is lost, the second
    damaged, others are empty. They break once a new run has checked them, and before a run is resumed.
    """
    monkeypatch.setattr(image_check, "MAX_BAD", 0.2)
    data = tmp_path / "data"
    write_coco(data, [{"size": (72, 64), "file_name": f"{number}.jpg", "boxes": [(9, 9, 30, 20, 3)]}
                      for number in range(10)])
    order = DistributedSampler(10, 10, 1).epoch_order(0)
    sound = {path: path.read_bytes() for path in (data / "train2017").iterdir()}
    write_first_batch = Run.write_first_batch

    def train_on(folder, samples, *arguments):
        paths = [data / "train2017" / f"{order[sample]}.jpg" for sample in samples]

        def break_images():
            for path, change in zip(paths, (lose, damage, *[empty] * len(paths)), strict=False):
                change(path)

        def break_first(run, step):
            write_first_batch(run, step)
            if not run.config.resume:
                break_images()

        for path, content in sound.items():
            path.write_bytes(content)
        if any("--resume" in argument for argument in arguments):
            break_images()
        monkeypatch.setattr(Run, "write_first_batch", break_first)
        (tmp_path / folder).mkdir()
        return *run(tmp_path / folder, data, *SMALL, "--max_epoch=2", *arguments), paths

    return train_on


def lose(path):
    path.unlink()


def damage(path):
    content = path.read_bytes()
    path.write_bytes(content[:-400] + bytes((i * 37 + 11) % 255 for i in range(200)) + content[-200:])


def empty(path):
    path.write_bytes(b"")


def replaced_samples(checkpoints):
    with (checkpoints.parent / "metrics.csv").open(newline="") as file:
        return [row["replaced_samples"] for row in csv.DictReader(file)]


@pytest.mark.slow
def test_images_that_break_are_replaced_and_a_resumed_run_ends_as_the_unbroken_one(breaking, tmp_path, monkeypatch):
    checkpoints, log, paths = breaking("unbroken", (3, 8))
    assert replaced_samples(checkpoints) == ["2", "2"]
    warnings = re.findall(r":WARNING:(.*) \(its samples are replaced by the next ones\)", log)
    assert len(warnings) == 2
    assert f"{paths[0]}: cannot read this image file (No such file or directory)" in warnings[0]
    assert f"{paths[1]}: damaged, libjpeg reports: " in warnings[1]
    save_last = Run.save_last

    def save_and_break_off(run, state):
        save_last(run, state)
        raise RuntimeError("broken off")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError, match="broken off"):
        patch.setattr(Run, "save_last", save_and_break_off)
        breaking("broken_off", (3, 8), "--ckpt_interval=3")
    (last,) = tmp_path.glob("broken_off/*/ckpt_0/last.ckpt")
    assert load_checkpoint(last).meta["progress"]["epoch_replaced"] == 1
    resumed, log, _ = breaking("resumed", (3, 8), f"--resume={last}")
    assert "2 images broken since the run began: replaced in training (first: " in log
    assert digest(resumed / "last.ckpt") == digest(checkpoints / "last.ckpt")
    assert replaced_samples(resumed) == ["2", "2"]


@pytest.mark.parametrize(("arguments", "last_step", "words"), [
    (["--bad_images=replace"], 3, "3 of the 10 training images can no longer be used, more than 20%; restore them:"),
    (["--bad_images=stop"], 1, "1 of the 10 training images can no longer be used, and bad_images is stop; restore")])
def test_too_many_bad_images_end_the_run_with_the_state_of_that_step(breaking, tmp_path, arguments, last_step, words):
    # The run takes samples two by two.
    with pytest.raises(UserError) as error:
        breaking("out", (3, 4, 7), *arguments)
    (last,) = tmp_path.glob("out/*/ckpt_0/last.ckpt")
    assert f"ended after step {last_step}, which --resume {last} continues: {words}" in str(error.value)
    assert load_checkpoint(last).meta["progress"]["step"] == last_step
    assert str(error.value) in next(tmp_path.glob("out/*/train_rank_0.log")).read_text()


def test_validation_data_of_other_classes_is_refused_before_training(tmp_path, data, capsys):
    folder = renamed(tmp_path / "renamed", data, "val", ("ball", "cup", "key"))
    assert run_cli(train.main, [*CPU, f"--data_dir={folder}", f"--ckpt_path={tmp_path / 'out'}",
                                "--eval_interval=1"]) == 1
    error = capsys.readouterr().err
    assert "instances_val2017.json has the classes ball, cup, key, but instances_train2017.json has cup, ball" in error
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_memorises_eight_images(tmp_path):
    rng = np.random.default_rng(3)
    images = [{"size": (64, 64), "boxes": [(*rng.uniform(0, 16, 2), *rng.uniform(16, 26, 2), 3),
                                           (*rng.uniform(32, 38, 2), *rng.uniform(16, 24, 2), 1)]} for _ in range(8)]
    for split in ("train", "val"):
        write_coco(tmp_path / "data", images, split)
    _, log = run(tmp_path / "run", tmp_path / "data", "--per_batch_size", 8, "--max_epoch", 60,
                 "--warmup_epochs", 10, "--lr", "0.0005", "--coord_scale", 1, "--large_scale", 1, "--weight_decay", 0,
                 "--jitter", 0, "--min_scale", 1, "--max_scale", 1, "--flip_probability", 0, "--hue", 0,
                 "--saturation", 1, "--value", 0, "--eval_interval", 60, "--ckpt_interval", 1000, "--log_interval", 9)
    losses = [float(text) for text in re.findall(r"iter\[\d+\], loss:(\d+\.\d+)", log)]
    assert losses[-1] < 0.05 * losses[0]
    assert float(re.search(r"\), AP:(\d\.\d+)", log)[1]) > 0.6


@pytest.mark.slow
@pytest.mark.parametrize("steps", [7, 10])
def test_a_run_that_a_signal_stops_continues_exactly(tmp_path, data, finished, monkeypatch, steps):
    looks = []

    def number(request):
        looks.append(request)
        return signal.SIGTERM if len(looks) == steps else 0

    monkeypatch.setattr(StopRequest, "number", number)
    arguments = [*CPU, "--data_dir", str(data), *FINISHED, "--report", str(steps == 7)]
    with shared_graphs():
        code = train.main([*arguments, "--ckpt_path", str(tmp_path / "stopped")])
    (folder,) = (tmp_path / "stopped").iterdir()
    last = folder / "ckpt_0" / "last.ckpt"
    assert code == 143 and load_checkpoint(last).meta["progress"]["step"] == steps == len(looks)
    assert (f"stopped by SIGTERM after step {steps} of 15; to continue: python train.py --data_dir {data} --resume "
            f"{last}\n") in (folder / "train_rank_0.log").read_text()
    if steps == 7:
        assert "<p>ended after step 7 of 15; written" in (folder / "report.html").read_text()
    # With other workers.
    checkpoints, _ = run(tmp_path / "resumed", data, *FINISHED, "--resume", last, "--num_parallel_workers", 1)
    for name in ("last.ckpt", "best.ckpt"):
        assert digest(checkpoints / name) == digest(finished[0] / name)

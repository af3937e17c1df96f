# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Hints at the end of training: each for the figures that suggest it, and none for a sound run."""
import re
import shlex
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from model_utils.config import DERIVED, get_config
from src.report.hints import hints, last_lines, next_commands

SOUND = (0.2, 0.4, 0.5, 0.52, 0.53)


def metrics(aps, data_time=0.1, step_time=1.0):
    """Columns of metrics.csv of a run of 25 epochs; None: an epoch without validation."""
    return {"epoch": np.arange(4, 25, 5.0)[:len(aps)], "AP": np.array(aps, float),
            "data_time": np.full(len(aps), data_time), "step_time": np.full(len(aps), step_time)}


def config(*arguments):
    return get_config(["--max_epoch=25", "--eval_interval=5", "--data_dir=a b", "--device_target=CPU",
                       "--training_shape=320", "--jitter=0", "--min_scale=1", "--max_scale=1", *arguments])


class Images(SimpleNamespace):
    def __len__(self):
        return len(self.boxes)

    def without(self, indices):
        return Images(boxes=[box for number, box in enumerate(self.boxes) if number not in indices])


def images(side, count=1):
    boxes = np.array([[10, 10, 10 + side, 10 + side, 0]], np.float32)
    return Images(boxes=[boxes] * count, sizes=[(320, 320)] * count)


@pytest.mark.parametrize("aps, train_ap, options, expected", [
    (SOUND, 0.6, (), ""),
    ((None, None), None, (), "nothing was validated"),
    ((0.1, 0.2, 0.3, 0.4, 0.5), 0.55, (), "rose, from 0.400 to 0.500 in the last 20% .*--max_epoch 50"),
    ((0.2, 0.5, 0.6, 0.55, 0.5), 0.9, (), "was 0.600 after epoch 14 and is 0.500 after epoch 24: .*--mosaic 0.5"),
    (SOUND, 0.8, (), r"is 0.800 on training images and 0.530 on validation images, .* \(--mosaic 0.5, or"),
    (SOUND, 0.8, ("--mosaic=0.5",), "augment more, or label more images"),
    (SOUND, None, (), ""),
])
def test_accuracy(aps, train_ap, options, expected):
    found = hints(config(*options), images(25), metrics(aps), train_ap)
    assert len(found) == bool(expected)
    for line in found:
        assert line.startswith("hint: ") and re.search(expected, line)


def test_anchors_that_fit_no_box_are_named_unless_they_were_chosen():
    (line,) = hints(config(), images(3), metrics(SOUND))
    assert line.startswith("hint: 100% of the boxes have no anchor of a similar shape") and "--anchors auto" in line
    fitted = config().replace(DERIVED, anchors=config().anchors)
    assert hints(fitted, images(3), metrics(SOUND)) == []


def test_waiting_for_images():
    assert hints(config(), images(25), metrics(SOUND, 0.4, 1.0)) == []
    (line,) = hints(config(), images(25), metrics(SOUND, 1.0, 1.0))
    assert line.startswith("hint: 50% of the time was spent waiting for images")


def test_the_commands_can_be_pasted():
    lines = next_commands(config(), Path("out/my run/best.ckpt")).splitlines()
    assert lines[0] == "next:"
    programs = [shlex.split(line) for line in lines[1:]]
    assert [words[:2] for words in programs] == [["python", f"{name}.py"] for name in ("eval", "predict", "export")]
    assert programs[0][2:] == ["--data_dir", "a b", "--pretrained", "out/my run/best.ckpt", "--device_target", "CPU"]
    for words in programs:
        get_config(words[2:], " ".join(words[:2]))


def test_some_training_images_are_scored_and_only_by_the_first_rank(tmp_path):
    scored = []

    def score(subset):
        scored.append(len(subset))
        return SimpleNamespace(ap=0.9)

    (tmp_path / "metrics.csv").write_text("epoch,AP,data_time,step_time\n4,0.2,0,1\n")
    run = SimpleNamespace(config=config(), data=images(25, 450), folder=tmp_path, checkpoints=tmp_path,
                          ranks=SimpleNamespace(is_first=True))
    lines = last_lines(run, SimpleNamespace(score=score))
    assert scored == [150] and "is 0.900 on training images" in lines[0] and lines[-1].startswith("next:\n")
    run.ranks.is_first = False
    assert last_lines(run, SimpleNamespace(score=score)) == [] and len(scored) == 1

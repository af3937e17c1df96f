# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Options that are auto."""
import numpy as np
import pytest

from model_utils.config import CHECKPOINT, DERIVED, get_config
from model_utils.errors import UsageError, counted
from src.config import check_config, detection_scales, resumed_config, training_config, with_categories
from src.data.anchors import augmented_sides, fit_of
from src.data.coco import read_coco
from src.lr_scheduler import learning_rates
from src.training.auto_settings import fit_to_data
from src.weights.checkpoint import Checkpoint
from tests.support.helpers import write_coco

AUTOMATIC = ("anchors", "max_box", "mosaic_close_epochs", "optimizer", "lr", "warmup_epochs", "weight_decay")
PLAIN = ["--jitter=0", "--min_scale=1", "--max_scale=1", "--training_shape=64", "--anchors=auto"]


def config_of(folder, *options):
    config = training_config(get_config([f"--data_dir={folder}", *PLAIN, *options]))
    check_config(config)
    return config


def boxes_of(folder, sides):
    write_coco(folder, [{"size": (64, 64), "boxes": [(1, 1, *side, 1)]} for side in sides])
    return folder


def test_anchors_are_fitted_where_the_default_ones_are_poor(tmp_path):
    rng = np.random.default_rng(1)
    config = config_of(boxes_of(tmp_path, rng.uniform(4, 60, (40, 2)).round()))
    data = read_coco(config, "train", training=True)
    fitted, (line,) = fit_to_data(config, data)
    assert fitted.source("anchors") == DERIVED and len(fitted.anchors) == 6
    sides = augmented_sides(data, config)
    before, after = (fit_of(sides, anchors)["mean_iou"] for anchors in (config.settled().anchors, fitted.anchors))
    assert f"mean IoU {before:.3f} of the default ones, {after:.3f} of fitted ones" in line and after > before + 0.03
    fine, coarse = detection_scales(fitted)
    assert (*fine.anchors, *coarse.anchors) == fitted.anchors
    # The default anchors give boxes of less than 61 pixels, all of these, to stride 16.
    assert coarse.anchors == detection_scales(config.settled())[1].anchors
    assert list(fine.anchors) == sorted(fine.anchors, key=np.prod)
    assert fit_to_data(config, data)[0].anchors == fitted.anchors


def test_default_anchors_stay_where_they_fit_and_where_boxes_are_few(tmp_path):
    config = config_of(boxes_of(tmp_path / "good", [(10, 14), (23, 27), (37, 58)] * 3 + [(11, 14), (23, 26), (36, 58)]))
    kept, (line,) = fit_to_data(config, read_coco(config, "train", training=True))
    assert kept.anchors == get_config([]).anchors and "anchors auto: the default ones; mean IoU" in line
    config = config_of(boxes_of(tmp_path / "few", [(10, 10), (20, 20)]))
    kept, (line,) = fit_to_data(config, read_coco(config, "train", training=True))
    assert kept.anchors == get_config([]).anchors and "of 2 different sizes, fewer than 6" in line
    with pytest.raises(UsageError, match="anchor_masks is .*, but anchors is auto, .*: leave anchor_masks out, or set"):
        config_of(tmp_path / "few", "--anchor_masks=[[0,1,2],[1,2,3]]")


def test_given_anchors_are_kept_without_a_word(tmp_path):
    config = get_config(["--anchors=[[1,1],[2,2],[3,3],[4,4],[5,5],[6,6]]"])
    assert fit_to_data(config, None) == (config, [])


def test_a_checkpoint_keeps_its_anchors():
    anchors = [[1.0, 1.0], [2.0, 2.0], [3.0, 3.0], [4.0, 4.0], [5.0, 5.0], [6.0, 6.0]]
    config = get_config(["--anchors=auto"])
    taken = config.with_checkpoint({"anchors": anchors})
    assert taken.to_dict()["anchors"] == anchors and taken.source("anchors") == CHECKPOINT
    # Checkpoints of 2021 know none: theirs are the default ones.
    assert config.with_checkpoint({}).anchors == get_config([]).anchors
    saved = get_config([f"--anchors={anchors}"]).to_dict()
    resumed = resumed_config(config, Checkpoint(path="last.ckpt", weights={}, meta={"config": saved}))
    assert resumed.to_dict()["anchors"] == anchors


def test_only_options_that_allow_it_can_be_auto():
    with pytest.raises(UsageError, match=r"anchors is 'automatic' .*: expected a list such as .*, or auto"):
        get_config(["--anchors=automatic"])
    with pytest.raises(UsageError, match="anchor_masks is 'auto'"):
        get_config(["--anchor_masks=auto"])


def settings_of(folder, *options, counts=(1,) * 40):
    """The config of a run on images of so many boxes, without auto, and its lines for the log by option.

    Everything is auto but the anchors, which take seconds to fit, unless the options say otherwise.
    """
    write_coco(folder, [{"size": (64, 64), "boxes": [(1, 1, 20, 20, 1)] * count} for count in counts])
    config = training_config(get_config([f"--data_dir={folder}", "--device_target=CPU", "--per_batch_size=8",
                                         *[f"--{name}=auto" for name in AUTOMATIC if name != "anchors"], *options]))
    check_config(config)
    config = with_categories(config, 1)
    settled, lines = fit_to_data(config, read_coco(config, "train", training=True))
    check_config(settled)
    assert "auto" not in [settled[name] for name in AUTOMATIC]
    return settled, {line.split(" auto: ")[0]: line for line in lines}


def test_a_short_run_has_adamw_and_a_warm_up_in_steps(tmp_path):
    settled, lines = settings_of(tmp_path, "--max_epoch=60", "--anchors=auto")
    # 5 steps an epoch: 300 in all, of which a quarter is less than the 100 of a longer run.
    assert (settled.optimizer, settled.lr, settled.warmup_epochs) == ("adamw", 0.002, 15)
    assert "adamw, as the run uses 2400 images" in lines["optimizer"]
    assert "75 of the 300 steps" in lines["warmup_epochs"]
    rates = learning_rates(settled.replace(DERIVED, lr_scheduler="cosine_per_step"), 5)
    assert np.argmax(rates) in (74, 75) and rates.max() == pytest.approx(0.002)


@pytest.mark.parametrize("epochs, warmup", [(100, 100), (400, 100), (1000, 250), (1999, 500)])
def test_the_warm_up_grows_with_the_run_within_bounds(tmp_path, epochs, warmup):
    settled, _ = settings_of(tmp_path, f"--max_epoch={epochs}")
    assert settled.warmup_epochs * 5 == pytest.approx(warmup, abs=1)


def test_a_long_run_has_momentum_and_its_rate(tmp_path):
    assert settings_of(tmp_path / "short", "--max_epoch=15999")[0].optimizer == "adamw"
    settled, lines = settings_of(tmp_path / "long", "--max_epoch=16000")
    assert (settled.optimizer, settled.lr, settled.weight_decay) == ("momentum", 0.00125, 0.0005)
    assert settled.warmup_epochs * 5 == pytest.approx(1000)
    assert "640000 images" in lines["optimizer"]


def test_rates_grow_with_the_images_of_a_step(tmp_path):
    # AdamW's with their root, of all devices together.
    assert settings_of(tmp_path / "a", "--per_batch_size=32", "--max_epoch=60")[0].lr == pytest.approx(0.004)
    config = settings_of(tmp_path / "b", "--per_batch_size=2", "--optimizer=momentum")[0]
    assert config.lr == pytest.approx(0.00125 / 4)


def test_what_is_given_stays(tmp_path):
    settled, lines = settings_of(tmp_path, "--lr=0.5", "--max_box=7", "--optimizer=momentum", "--warmup_epochs=3")
    assert (settled.lr, settled.max_box, settled.optimizer, settled.warmup_epochs) == (0.5, 7, "momentum", 3)
    assert not {"lr", "max_box", "optimizer", "warmup_epochs"} & set(lines)


@pytest.mark.parametrize("counts, mosaic, room", [
    ([3, 5, 1, 2], 0, 5), ([3, 5, 1, 2, 1], 0.5, 11), ([10], 1, 40), ([10, 3], 1, 26), ([50, 22, 60, 53], 1, 120),
    ([70, 2, 60, 3], 1, 135), ([100, 90, 80, 70], 1, 200), ([200, 99, 2], 1, 300), ([350, 2], 0, 300)])
def test_there_is_room_for_the_boxes_of_an_image_and_of_a_mosaic(tmp_path, counts, mosaic, room):
    settled, lines = settings_of(tmp_path, f"--mosaic={mosaic}", "--per_batch_size=1", counts=counts)
    assert settled.max_box == room
    assert ("a mosaic of 4 images more" in lines["max_box"]) == bool(mosaic)
    over = sum(count > room for count in counts)
    assert (f"; {counted(over, 'images have')} more" in lines["max_box"]) == (max(counts) > room)


def test_mosaic_closes_for_half_of_the_run_or_ten_epochs(tmp_path):
    assert [settings_of(tmp_path / str(epochs), f"--max_epoch={epochs}", "--mosaic=0.5")[0].mosaic_close_epochs
            for epochs in (1, 12, 300)] == [0, 6, 10]


def test_a_start_from_weights_keeps_their_anchors_and_finds_the_rest():
    taken = get_config(["--anchors=auto", "--lr=auto", "--max_box=auto"]).with_checkpoint({})
    assert taken.anchors == get_config([]).anchors and (taken.lr, taken.max_box) == ("auto", "auto")

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Options that are auto."""
import numpy as np
import pytest

from model_utils.config import CHECKPOINT, DERIVED, get_config
from model_utils.errors import UsageError
from src.config import check_config, detection_scales, resumed_config, training_config
from src.data.anchors import augmented_sides, fit_of
from src.data.coco import read_coco
from src.training.auto_settings import fit_to_data
from src.weights.checkpoint import Checkpoint
from tests.support.helpers import write_coco

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
    assert list(fitted.anchors) == sorted(fitted.anchors, key=np.prod)
    sides = augmented_sides(data, config)
    before, after = (fit_of(sides, anchors)["mean_iou"] for anchors in (config.settled().anchors, fitted.anchors))
    assert f"mean IoU {before:.3f} of the default ones, {after:.3f} of fitted ones" in line and after > before + 0.03
    fine, coarse = detection_scales(fitted)
    assert (*fine.anchors, *coarse.anchors) == fitted.anchors
    assert fit_to_data(config, data)[0].anchors == fitted.anchors


def test_default_anchors_stay_where_they_fit_and_where_boxes_are_few(tmp_path):
    config = config_of(boxes_of(tmp_path / "good", [(10, 14), (23, 27), (37, 58)] * 3 + [(11, 14), (23, 26), (36, 58)]),
                       "--anchor_masks=[[0,1],[1,2]]")
    kept, (line,) = fit_to_data(config, read_coco(config, "train", training=True))
    assert kept.anchors == get_config([]).anchors and "anchors auto: the default ones; mean IoU" in line
    config = config_of(boxes_of(tmp_path / "few", [(10, 10), (20, 20)]))
    kept, (line,) = fit_to_data(config, read_coco(config, "train", training=True))
    assert kept.anchors == get_config([]).anchors and "only" in line and "large enough" in line


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

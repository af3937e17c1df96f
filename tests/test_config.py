# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of src/config.py: derived values, and checks across options."""
import json
import re
from types import SimpleNamespace

import pytest

from model_utils.config import decisive_options, default_options, get_config
from model_utils.errors import UsageError, UserError
from src.config import check_config, detection_scales, resumed_config, training_config, with_categories
from src.weights.meta_schema import checked_meta


def test_scales_of_the_default_config():
    fine, coarse = detection_scales(get_config([]))
    assert (fine.stride, fine.scale_x_y, fine.anchors) == (16, 1.2, ((10, 14), (23, 27), (37, 58)))
    assert (coarse.stride, coarse.scale_x_y, coarse.anchors) == (32, 1.1, ((81, 82), (135, 169), (344, 319)))
    assert fine.channels(80) == coarse.channels(80) == 255
    assert fine.channels(3) == 24
    assert (fine.grid_hw((640, 640)), coarse.grid_hw((640, 640))) == ((40, 40), (20, 20))
    assert (fine.grid_hw((416, 320)), coarse.grid_hw((416, 320))) == ((26, 20), (13, 10))


def test_scales_of_darknets_masks():
    fine, coarse = detection_scales(get_config(["--anchor_masks", "[[1, 2], [3, 5]]", "--scale_x_y", "1 1.05"]))
    assert (fine.anchors, coarse.anchors) == (((23, 27), (37, 58)), ((81, 82), (344, 319)))
    assert (fine.scale_x_y, coarse.scale_x_y, coarse.channels(1)) == (1.0, 1.05, 12)


def test_testing_shape_follows_training_shape_unless_set():
    config = training_config(get_config(["--training_shape", "320 416"]))
    assert (config.testing_shape, config.source("testing_shape")) == ((320, 416), "derived")
    config = training_config(get_config(["--training_shape", "320", "--testing_shape", "640"]))
    assert (config.testing_shape, config.source("testing_shape")) == ((640, 640), "command line")
    # Nobody asked for the default of 640, and no step has it.
    sizes = ["--multi_scale=[[256,320],288]"]
    assert training_config(get_config(sizes)).testing_shape == (288, 288)
    assert training_config(get_config([*sizes, "--training_shape=256"])).testing_shape == (256, 256)
    assert training_config(get_config(["--multi_scale=640,320"])).testing_shape == (640, 640)
    config = training_config(get_config([]).with_checkpoint({"testing_shape": [96, 96]}))
    assert (config.testing_shape, config.source("testing_shape")) == ((96, 96), "checkpoint")


@pytest.mark.parametrize(("arguments", "warmup", "source"), [
    ("--max_epoch 2", 1.0, "derived"), ("--max_epoch 4", 2.0, "derived"), ("--max_epoch 5", 4.0, "default"),
    ("--max_epoch 4 --warmup_epochs 3", 3.0, "command line")])
def test_a_default_warmup_shrinks_to_fit(arguments, warmup, source):
    config = training_config(get_config(arguments.split()))
    check_config(config)
    assert (config.warmup_epochs, config.source("warmup_epochs")) == (warmup, source)
    assert training_config(config).warmup_epochs == warmup


def test_num_classes_comes_from_the_data_unless_set():
    config = with_categories(get_config([]), 3)
    assert (config.num_classes, config.source("num_classes")) == (3, "derived")
    assert with_categories(config, 4).num_classes == 4
    assert with_categories(get_config(["--num_classes", "3"]), 3).source("num_classes") == "command line"
    with pytest.raises(UserError, match=r"num_classes is 80 \(command line\), but the data has 3 categor.*set it to 3"):
        with_categories(get_config(["--num_classes", "80"]), 3)
    with pytest.raises(UserError, match="no categories"):
        with_categories(get_config([]), 0)


@pytest.mark.parametrize("arguments", [
    "", "--max_epoch 5", "--lr_scheduler exponential --t_max 5 --max_epoch 10", "--t_max 400", "--warmup_epochs 0",
    "--warmup_epochs 0.5 --max_epoch 1", "--label_smooth 1", "--is_save_on_master 0", "--resume a", "--resume_yolo a",
    "--pretrained_backbone a", "--anchor_masks [[1,2,3],[3,4,5]]", "--anchor_masks [[0],[5]]",
    "--mean 0 0 0 --std 1 1 1",
    "--flip_probability 0", "--flip_probability 1", "--saturation 1 --value 0 --hue 0 --jitter 0",
    "--min_scale 1 --max_scale 1", "--file_format AIR", "--is_distributed 0 --group_size 1 --rank 0", "--loss_scale 1",
    "--scale_x_y 1,1", "--lr_epochs 5", "--keep_detect False", "--box_loss ciou", "--eval_interval 1",
    "--export_input float --export_normalise aipp", "--export_normalise host", "--mindir_version 3",
])
def test_a_good_config_passes(arguments):
    check_config(get_config(arguments.split()))


@pytest.mark.parametrize(("arguments", "words"), [
    ("--anchor_masks [[0,1,2],[3,4,6]]", "expected numbers from 0 to 5"),
    ("--anchor_masks [[-1,1,2],[3,4,5]]", "expected numbers from 0 to 5"),
    ("--anchor_masks [[0,1],[3,4,5]]", "expected lists of the same length"),
    ("--anchor_masks [[],[]]", "with one anchor or more"), ("--anchor_masks [[1,1,2],[3,4,5]]", "no anchor twice"),
    ("--anchor_masks [[0,1,2]]", "expected 2 lists"), ("--anchor_masks [[0],[1],[2]]", "expected 2 lists"),
    ("--scale_x_y 1.2", "scale_x_y is [1.2] (command line): expected 2 numbers"),
    ("--anchors [[10,14,3],[23,2],[37,58],[81,82],[135,169],[344,319]]", "[width, height]"),
    ("--anchors []", "expected a list of [width, height]"),
    ("--mean 0.5", "mean is [0.5] (command line): expected three numbers"), ("--std 1,1", "expected three numbers"),
    ("--min_scale 3", "at least min_scale, 3.0"),
    ("--max_epoch 4 --warmup_epochs 4", "warmup_epochs is 4.0 (command line): expected less than max_epoch, 4"),
    ("--t_max 200", "t_max is 200 (command line): expected at least max_epoch, 300"),
    ("--eta_min 0.1", "eta_min is 0.1 (command line): expected at most lr, 0.001"),
    ("--lr_epochs 250,220", "expected rising numbers"), ("--lr_epochs 220,220", "expected rising numbers"),
    ("--patience 3", "patience is 3 (command line): it counts validations, so eval_interval must be above 0"),
    ("--mosaic 0.5 --mosaic_close_epochs 9 --max_epoch 9", "mosaic_close_epochs is 9 (command line)"),
    ("--multi_scale 300", "multi_scale (command line) has the entry 300"),
    ("--mosaic_scale 1.5,0.5", "expected two numbers, the smaller one first"),
    ("--rank 1", "rank is 1 (command line): the launcher of a distributed run sets it; leave rank out"),
    ("--is_distributed 1 --group_size 8", "group_size is 8 (command line): the launcher of a distributed run sets it"),
    ("--resume a --resume_yolo b", "resume and resume_yolo are both set"),
    ("--benchmark_sizes 320,100", "benchmark_sizes is [320, 100] (command line): expected multiples of 32, such as"),
    ("--benchmark_batch_sizes []", "benchmark_batch_sizes is [] (command line): expected one number or more"),
    ("--benchmark True --is_distributed 1", "benchmark is True (command line): it measures one process"),
    ("--export_normalise aipp", "export_normalise is aipp (command line), but export_input is uint8"),
    ("--quantize a", "quantize is a (command line), but file_format is MINDIR; add --file_format ONNX"),
    ("--file_format ONNX --mindir_version 3", "mindir_version is 3 (command line), but file_format is ONNX; leave"),
])
def test_options_that_do_not_fit_together_are_explained(arguments, words):
    with pytest.raises(UsageError) as caught:
        check_config(get_config(arguments.split()))
    assert words in str(caught.value)


def test_all_faults_are_named_at_once():
    with pytest.raises(UsageError) as caught:
        check_config(get_config(["--eta_min=1", "--min_scale=3", "--scale_x_y=1"]))
    assert [line.split()[0] for line in str(caught.value).splitlines()] == ["scale_x_y", "max_scale", "eta_min"]


# What a resumed run inherits

# Options of training that leave its result as it is; a new one is decisive, or belongs here.
FREE = {
    "config_path", "device_target", "device_id", "num_parallel_workers", "is_distributed", "rank", "rank_wait_seconds",
    "need_profiler", "profiler_ends_run", "data_dir", "testing_shape", "multi_scale_graph", "image_cache_mb",
    "data_sink", "objectness_prior", "bad_images", "read_wait_seconds", "max_image_pixels", "max_json_mb",
    "time_budget", "pretrained_backbone", "resume_yolo", "resume", "allow_change",
}


def test_every_option_of_training_is_decisive_or_known_to_be_free():
    names = list(default_options())
    training = set(names[:names.index("log_interval")])
    assert training - FREE == set(decisive_options())


@pytest.mark.parametrize("names, words", [("lrr", "lrr is nothing that a resumed run keeps; did you mean lr?"),
                                          ("lr,patience", "patience is nothing that a resumed run keeps")])
def test_only_what_decides_the_result_needs_permission(names, words):
    with pytest.raises(UsageError, match=rf"allow_change is {names} \(command line\): {re.escape(words)}"):
        check_config(get_config([f"--allow_change={names}"]))
    check_config(get_config(["--allow_change=lr, data classes,max_epoch"]))


def test_the_same_command_line_starts_and_resumes():
    checkpoint = saved_config("--time_budget=1h", "--lr=0.01")
    # The epochs that fit.
    checkpoint.meta["config"].update(max_epoch=17, t_max=17)
    config = resumed_config(get_config(["--resume=last.ckpt", "--time_budget=1h", "--lr=0.01"]), checkpoint)
    check_config(config)
    assert (config.max_epoch, config.t_max, config.lr) == (17, 17, 0.01)


def saved_config(*arguments):
    config = training_config(get_config(arguments))
    meta = {"config": config.to_dict(), "progress": {}, "steps_per_epoch": 5, "class_names": ["cup"],
            "category_ids": [1]}
    return SimpleNamespace(path="last.ckpt", meta=checked_meta(json.dumps(meta), "last.ckpt"))


@pytest.mark.parametrize("start", ["resume_yolo", "pretrained_backbone"])
def test_a_run_that_started_from_weights_can_be_resumed(start):
    config = resumed_config(get_config(["--resume=last.ckpt"]), saved_config(f"--{start}=first.ckpt"))
    assert config[start] == "" and config.resume == "last.ckpt"
    check_config(config)


def test_a_resumed_run_keeps_its_options_except_those_that_are_set_now():
    checkpoint = saved_config("--t_max=400", "--max_epoch=30", "--training_shape=320", "--lr=0.01", "--seed=7")
    config = resumed_config(get_config(["--resume=last.ckpt", "--lr=0.02"]), checkpoint)
    assert (config.t_max, config.max_epoch, config.lr, config.seed) == (400, 30, 0.02, 7)
    assert training_config(config).testing_shape == (320, 320)
    # An option that followed another one still follows it.
    later = resumed_config(get_config(["--resume=last.ckpt", "--max_epoch=50", "--training_shape=416"]),
                                 saved_config("--max_epoch=30", "--training_shape=320"))
    assert (later.t_max, later.max_epoch) == (50, 50)
    assert training_config(later).testing_shape == (416, 416)
    now = resumed_config(get_config(["--resume=last.ckpt", "--t_max=90"]), checkpoint)
    assert now.t_max == 90


def test_a_resumed_run_does_not_inherit_place_and_job():
    then = saved_config("--is_distributed=1", "--rank=3", "--group_size=8", "--device_id=5", "--lr=0.01")
    config = resumed_config(get_config(["--resume=last.ckpt"]), then)
    assert (config.is_distributed, config.rank, config.group_size, config.device_id) == (0, 0, 1, 0)
    assert config.lr == 0.01
    job = resumed_config(get_config(["--resume=last.ckpt"]), saved_config("--enable_modelarts=True"))
    assert not job.enable_modelarts


def test_a_resumed_run_inherits_no_path_and_no_other_text():
    texts = {name: f"../{name}" for name, option in default_options().items() if option.is_free_text}
    texts |= {"time_budget": "2h", "resume_yolo": "", "pretrained_backbone": ""}
    assert {"data_dir", "ckpt_path", "log_path", "resume", "resume_yolo", "config_path", "train_url"} <= set(texts)
    given = {name: text for name, text in texts.items() if name != "config_path"}
    then = saved_config(*(f"--{name}={text}" for name, text in given.items()))
    assert not set(texts) & set(then.meta["config"]) and then.meta["config"]["max_epoch"] == 300
    user = get_config(["--resume=last.ckpt", "--ckpt_path=mine"])
    config = resumed_config(user, then)
    assert {name: config[name] for name in texts} == {name: user[name] for name in texts}


def test_a_checkpoint_without_a_run_cannot_be_resumed():
    with pytest.raises(UserError, match="resume best.ckpt: holds no run to continue; use --resume_yolo"):
        resumed_config(get_config([]), SimpleNamespace(path="best.ckpt", meta={}))

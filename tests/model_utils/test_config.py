# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Tests of model_utils/config.py: precedence, sources, immutability, errors, help, and default_config.yaml itself."""

import copy
import dataclasses
import json
import os
import pickle
import re
import shutil
import subprocess
import sys

import pytest

from model_utils.config import (
    CONFIGS,
    DEFAULT_CONFIG,
    DERIVED,
    OF_PROGRAM,
    OTHER_NAMES,
    REMOVED_OPTIONS,
    SOURCES,
    TRAVELLING,
    Config,
    default_options,
    get_config,
    help_text,
)
from model_utils.errors import UsageError, UserError
from model_utils.options import read_options, read_yaml

# The option tables of the 2021 version, where a user's command or file may name them.
SEED_DEFAULTS = {
    "device_target": "Ascend", "per_batch_size": 32, "pretrained_backbone": "", "resume_yolo": "",
    "lr_scheduler": "cosine_annealing", "lr": 0.001, "lr_epochs": (220, 250), "lr_gamma": 0.1, "eta_min": 0,
    "t_max": 300, "max_epoch": 300, "warmup_epochs": 4, "weight_decay": 0.016, "momentum": 0.9, "loss_scale": 1024,
    "label_smooth": 0, "label_smooth_factor": 0.1, "log_interval": 100, "ckpt_path": "outputs/", "ckpt_interval": -1,
    "is_save_on_master": 1, "is_distributed": 0, "rank": 0, "group_size": 1, "need_profiler": 0,
    "training_shape": (640, 640), "resize_rate": 10, "testing_shape": (640, 640), "pretrained": "",
    "nms_thresh": 0.5, "eval_ignore_threshold": 0.001, "multi_label": True, "device_id": 0, "batch_size": 1,
    "ckpt_file": "", "file_name": "yolov3_tiny", "file_format": "MINDIR", "keep_detect": True,
    "num_parallel_workers": 8, "hue": 0.015, "saturation": 1.5, "value": 0.4, "jitter": 0.3, "num_classes": 80,
    "max_box": 90, "coord_scale": 4, "large_scale": 4, "ignore_threshold": 0.7,
    "enable_modelarts": False, "data_url": "", "train_url": "", "checkpoint_url": "", "data_path": "/cache/data",
    "output_path": "/cache/train", "load_path": "/cache/checkpoint_path",
    "anchors": ((10, 14), (23, 27), (37, 58), (81, 82), (135, 169), (344, 319)),
    "anchor_masks": ((0, 1, 2), (3, 4, 5)), "scale_x_y": (1.2, 1.1), "anchor_iou_threshold": 0.213,
    "mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225), "seed": 1, "resize_mode": "stretch",
}


@pytest.fixture
def overlay(tmp_path):
    """Return a function that writes a configuration file and returns its path."""

    def write(text):
        path = tmp_path / "overlay.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


def test_defaults_are_those_of_the_2021_version():
    config = get_config([])
    assert {name: config[name] for name in SEED_DEFAULTS} == SEED_DEFAULTS
    assert {config.source(name) for name in SEED_DEFAULTS} == {"default", "derived"}


def test_the_shipped_default_config_is_complete_and_sound():
    values, helps, choices, limits, decisive, programs = read_yaml(DEFAULT_CONFIG)
    assert list(values) == list(helps)
    for some in (choices, limits, decisive["decisive"]):
        assert list(some) == [name for name in values if name in some], "in the order of the values"
    assert not set(values) & set(REMOVED_OPTIONS)
    assert all(text[0].isupper() or text[0] in "[01" for text in helps.values())
    # A float option must be written with its dot, or the command line would refuse fractions.
    floats = {"lr", "coord_scale", "large_scale", "loss_scale", "warmup_epochs", "max_scale", "eta_min", "jitter"}
    assert all(isinstance(values[name], float) for name in floats)
    assert not set(values) & set(dir(Config)), "an option may not hide a method of Config"
    used = set().union(*(option.programs for option in default_options().values()))
    assert used == set(programs), "each program has options"
    unused = {option.section for option in default_options().values() if not option.programs}
    assert unused == {"ModelArts"}


def test_command_line_forms():
    config = get_config(["--lr=0.01", "--keep_empty", "true", "--data_dir", "a b", "--ckpt_interval", "-1", "--eta_min",
                         "1e-3", "--anchor_masks", "[[1,2,3],", "[3,4,5]]", "--training_shape", "320", "416",
                         "--lr_epochs", "20,25", "--mean=0.5 0.5 0.5", "--file_name=--odd", "--lr", "0.02"])
    assert (config.lr, config.keep_empty, config.data_dir, config.eta_min) == (0.02, True, "a b", 0.001)
    assert config.anchor_masks == ((1, 2, 3), (3, 4, 5))
    assert (config.training_shape, config.lr_epochs, config.mean) == ((320, 416), (20, 25), (0.5, 0.5, 0.5))
    assert (config.file_name, config.ckpt_interval) == ("--odd", -1)
    assert config.source("lr") == config.source("ckpt_interval") == "command line"


def test_none_means_the_arguments_of_the_process(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["train.py", "--lr", "0.5"])
    assert get_config(None).lr == get_config().lr == 0.5


@pytest.mark.parametrize(("arguments", "words"), [
    (["--data-dir", "x"], "unknown option --data-dir; did you mean --data_dir?"),
    (["--max_epochs", "3"], "unknown option --max_epochs; did you mean --max_epoch?"),
    (["--max_epo", "3"], "unknown option --max_epo; did you mean --max_epoch?"),
    (["--qqqq", "3"], "unknown option --qqqq; -h lists all options"),
    (["lr", "3"], "unexpected argument 'lr'"), (["-lr", "3"], "unexpected argument '-lr'"),
    (["--lr", "0.1", "0.2"], "unexpected argument '0.2'"), (["--lr"], "--lr has no value: expected a number"),
    (["--lr", "--max_epoch", "3"], "--lr has no value"), (["--keep_empty"], "expected True or False"),
    (["--lr", "fast"], "lr is 'fast' (command line): expected a number"),
    (["--max_epoch", "2.5"], "max_epoch is '2.5' (command line): expected a whole number"),
    (["--device_target", "cpu"], "expected one of Ascend, GPU, CPU; did you mean CPU?"),
    (["--label_smooth", "2"], "label_smooth is 2 (command line): expected one of 0, 1"),
    (["--training_shape", "300"], "the nearest is [288, 288]"),
    (["--out_channel", "255"], "--out_channel of the 2021 version no longer exists: it follows from num_classes"),
    (["--per_batch_size", "0"], "per_batch_size is 0 (command line): expected from 1 to 65536"),
    (["--nms_thresh", "1.5"], "nms_thresh is 1.5 (command line): expected from 0 to 1"),
    (["--flip_probability", "-0.1"], "flip_probability is -0.1"), (["--pad_value", "256"], "from 0 to 255"),
    (["--lr", "0"], "lr is 0.0 (command line): expected more than 0"),
    (["--loss_scale", "0.5"], "expected from 1 to 1e+30"),
    (["--momentum", "1"], "expected at least 0 and less than 1"), (["--saturation", "0.5"], "expected from 1 to 1000"),
    (["--ckpt_interval", "-2"], "expected from -1 to 1000000000"),
    (["--clip_gradient_norm", "-1"], "expected from 0 to 1e+30"),
    (["--seed", "-1"], "from 0 to 4294967295"), (["--scale_x_y", "0.5,1"], "expected each number from 1 to 100"),
    (["--anchors", "[[10,14],[23,0]]"], "expected each number more than 0"),
    (["--mean", "123,116,103"], "expected each number from 0 to 1"), (["--std", "0,1,1"], "number from 1e-05 to 1"),
    (["--std", "58.4,57.1,57.4"], "each number from 1e-05 to 1"), (["--lr_epochs", "0,220"], "number from 1 to 100000"),
    (["--mosaic_scale", "0,1"], "expected each number more than 0"),
    (["--config_path", "/nowhere.yaml"], "/nowhere.yaml: no such configuration file"),
    (["--config_path", "improvd"], "config_path 'improvd': no such configuration file here, and none of configs/ ("),
])
def test_a_wrong_command_line_is_explained(arguments, words):
    with pytest.raises(UsageError) as caught:
        get_config(arguments)
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_the_files_of_an_unquoted_pattern_are_recognised(tmp_path):
    (tmp_path / "b.jpg").touch()
    with pytest.raises(UsageError, match="put a pattern in quotes"):
        get_config(["--image", "a.jpg", str(tmp_path / "b.jpg")])


@pytest.mark.parametrize(("name", "option"), sorted(OTHER_NAMES.items()))
def test_the_name_of_another_detector_leads_to_the_option(name, option):
    with pytest.raises(UsageError, match=f"unknown option --{name}; did you mean --{option}\\?$"):
        get_config(["--" + name, "1"])


@pytest.mark.parametrize(("program", "name", "option"), [
    ("train", "weights", "resume_yolo"), ("eval", "weights", "pretrained"), ("predict", "model", "ckpt_file"),
    ("train", "imgsz", "training_shape"), ("export", "imgsz", "testing_shape"), ("predict", "output", "output_dir"),
    ("predict", "conf", "draw_threshold"), ("eval", "conf", "eval_ignore_threshold"),
    ("train", "classes", "num_classes"),
    ("train", "dataset_path", "data_dir"), ("train", "train_urls", "train_url")])
def test_the_suggestion_is_the_option_of_the_program(program, name, option):
    with pytest.raises(UsageError, match=f"unknown option --{name}; did you mean --{option}\\?$"):
        get_config(["--" + name, "1"], f"python {program}.py")


@pytest.mark.parametrize(("program", "name", "option"), [
    (program, name, option) for name, programs in OF_PROGRAM.items() for program, option in programs.items()])
def test_an_option_of_another_program_is_refused(program, name, option):
    value = {"training_shape": "64", "batch_size": "2", "per_batch_size": "2"}.get(name, "x")
    with pytest.raises(UsageError, match=f"^{program}.py does not use --{name}; did you mean --{option}\\?$"):
        get_config([f"--{name}={value}"], f"python {program}.py")
    job = get_config([f"--{name}={value}", "--enable_modelarts=True"], f"python {program}.py")
    assert job.is_set(name) and option in job


@pytest.mark.parametrize("name", sorted(REMOVED_OPTIONS))
def test_a_removed_option_names_its_replacement(name, overlay):
    for arguments in (["--" + name, "1"], ["--config_path", overlay(f"{name}: 1\n")]):
        with pytest.raises(UsageError) as caught:
            get_config(arguments)
        assert name in str(caught.value) and "of the 2021 version no longer exists" in str(caught.value)


def test_the_command_line_overrides_the_file_and_the_file_the_default(overlay):
    path = overlay("lr: 1e-2\nmax_epoch: 30\ntraining_shape: 320\nlr_epochs: '10,20'\nmulti_label: no\n")
    config = get_config(["--config_path", path, "--max_epoch", "7"])
    assert (config.lr, config.max_epoch, config.momentum) == (0.01, 7, 0.9)
    assert (config.training_shape, config.lr_epochs, config.multi_label) == ((320, 320), (10, 20), False)
    sources = {name: config.source(name) for name in ("lr", "max_epoch", "momentum", "config_path", "t_max")}
    assert sources == {"lr": "config file", "max_epoch": "command line", "momentum": "default",
                       "config_path": "command line", "t_max": "derived"}
    assert config.is_set("lr") and config.is_set("max_epoch") and not config.is_set("momentum")
    assert config.is_default("momentum") and not config.is_default("lr")


def test_the_shipped_file_counts_as_defaults_and_a_copy_as_a_config_file(tmp_path):
    assert get_config(["--config_path", str(DEFAULT_CONFIG)]).source("lr") == "default"
    link = tmp_path / "link.yaml"
    link.symlink_to(DEFAULT_CONFIG)
    assert get_config(["--config_path", str(link)]).source("lr") == "default"
    path = shutil.copy(DEFAULT_CONFIG, tmp_path / "copy.yaml")
    config = get_config(["--config_path", str(path)])
    assert config.source("lr") == config.source("t_max") == "config file"
    assert {**config.to_dict(), "config_path": ""} == get_config([]).to_dict()


def test_a_file_of_configs_is_found_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    by_path = get_config(["--config_path", str(CONFIGS / "improved.yaml")]).to_dict()
    for name in ("improved", "improved.yaml"):
        assert {**get_config(["--config_path", name]).to_dict(), "config_path": by_path["config_path"]} == by_path
    (tmp_path / "improved").write_text("lr: 0.5")
    assert get_config(["--config_path", "improved"]).lr == 0.5


def test_an_empty_config_file_changes_nothing(overlay):
    assert get_config(["--config_path", overlay("# nothing\n")]).lr == 0.001


@pytest.mark.parametrize(("text", "words"), [
    ("lrr: 1\n", "unknown key lrr; did you mean lr?"),
    ("lr: 1\n---\nlr: 2\n", "has 2 YAML documents, expected one; remove the line --- between them"),
    ("lr: 1\nlr: 2\n", "line 2: not valid YAML: the key 'lr' is given twice"),
    ("80: x\n", "unknown key 80"),
    ("lr: fast\n", "lr is 'fast' (config file"),
    ("max_epoch: 1.5\n", "max_epoch is 1.5 (config file"),
    ("multi_label: 3\n", "expected True or False"),
    ("data_dir: 2017\n", "put it in quotes"),
    ("data_dir:\n", 'write "" for none'),
    ("resize_mode: stretched\n", "expected one of stretch, letterbox; did you mean stretch?"),
    ("testing_shape: [320, 30]\n", "the nearest is [320, 32]"),
    ("lr: [1\n", "not valid YAML"),
    ("momentum: 1\n", "momentum is 1.0 (config file"), ("hue: 1\n", "expected from 0 to 0.5"),
    ("anchors: [10, 14, 23, 27]\n", "expected a list such as [[10.0, 14.0]"),
])
def test_a_wrong_config_file_is_explained(overlay, text, words):
    path = overlay(text)
    with pytest.raises(UsageError) as caught:
        get_config(["--config_path", path])
    assert path in str(caught.value)
    assert words in str(caught.value)


def test_all_unknown_keys_are_named_at_once(overlay):
    with pytest.raises(UsageError, match=r"unknown key lrr.*out_channel of the 2021 version .*max_epochs"):
        get_config(["--config_path", overlay("lrr: 1\nout_channel: 255\nmax_epochs: 2\n")])


def test_all_values_at_fault_are_named_at_once(overlay):
    for arguments in (["--lr=0", "--nms_thresh=2", "--max_epoch=x"],
                      ["--config_path", overlay("lr: 0\nnms_thresh: 2\nmax_epoch: x\n")]):
        with pytest.raises(UsageError) as caught:
            get_config(arguments)
        assert [line.split()[0] for line in str(caught.value).splitlines()] == ["lr", "nms_thresh", "max_epoch"]


def test_t_max_follows_max_epoch_unless_set(overlay):
    follow = get_config(["--max_epoch", "20"])
    assert (follow.t_max, follow.source("t_max")) == (20, "derived")
    assert follow.replace("derived", max_epoch=9).t_max == 9
    assert get_config(["--max_epoch", "20", "--t_max", "50"]).t_max == 50
    fixed = get_config(["--max_epoch", "20", "--config_path", overlay("t_max: 40\n")])
    assert (fixed.t_max, fixed.source("t_max"), fixed.replace("derived", max_epoch=9).t_max) == (40, "config file", 40)


def test_a_checkpoint_replaces_only_defaults(overlay):
    meta = {"anchors": [[1, 2], [3, 4]], "anchor_masks": [[0], [1]], "scale_x_y": [1, 1.05], "resize_mode": "letterbox",
            "pad_value": 114, "mean": [0, 0, 0], "std": [1, 1, 1], "testing_shape": [320, 416], "lr": 9, "step": 5,
            "class_names": ["a"]}
    path = overlay("pad_value: 7\n")
    config = get_config(["--config_path", path, "--testing_shape", "640"]).with_checkpoint(meta)
    assert config.anchors == ((1.0, 2.0), (3.0, 4.0)) and config.anchor_masks == ((0,), (1,))
    assert (config.resize_mode, config.scale_x_y, config.std) == ("letterbox", (1.0, 1.05), (1.0, 1.0, 1.0))
    assert (config.pad_value, config.testing_shape, config.lr) == (7, (640, 640), 0.001)
    sources = [config.source(name) for name in ("anchors", "pad_value", "testing_shape", "lr")]
    assert sources == ["checkpoint", "config file", "command line", "default"]
    assert get_config([]).with_checkpoint({}) == get_config([])
    assert set(TRAVELLING) <= set(get_config([]).to_dict())


def test_a_broken_checkpoint_value_is_not_a_usage_error():
    with pytest.raises(UserError, match=r"resize_mode is 'warp' \(checkpoint\)") as caught:
        get_config([]).with_checkpoint({"resize_mode": "warp"})
    assert caught.value.exit_code == 1
    with pytest.raises(UserError, match=r"pad_value is 256 \(checkpoint\): expected from 0 to 255") as caught:
        get_config([]).with_checkpoint({"pad_value": 256})
    assert caught.value.exit_code == 1


def test_replace_types_checks_and_leaves_the_original_alone():
    config = get_config([])
    changed = config.replace("derived", num_classes="3", testing_shape=320, data_dir=DEFAULT_CONFIG.parent)
    assert (changed.num_classes, changed.testing_shape) == (3, (320, 320))
    assert changed.data_dir == str(DEFAULT_CONFIG.parent)
    assert (config.num_classes, config.testing_shape, config.source("num_classes")) == (80, (640, 640), "default")
    with pytest.raises(UsageError, match=r"lr is 'x' \(derived\)"):
        config.replace("derived", lr="x")
    with pytest.raises(UsageError, match=r"lr is 0.0 \(derived\): expected more than 0"):
        config.replace("derived", lr=0)
    with pytest.raises(KeyError):
        config.replace("derived", no_such_option=1)
    with pytest.raises(ValueError, match="source is 'magic'"):
        config.replace("magic", lr=1)


def test_a_config_cannot_be_changed():
    config = get_config([])
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.lr = 1
    with pytest.raises(TypeError):
        config["lr"] = 1
    with pytest.raises(TypeError):
        config.anchors[0] = 1
    with pytest.raises(AttributeError, match="there is no option learning_rate"):
        _ = config.learning_rate
    with pytest.raises(KeyError):
        _ = config["learning_rate"]
    assert "lr" in config and "learning_rate" not in config
    config.to_dict()["anchors"][0][0] = 99
    assert config.anchors[0][0] == 10


def test_copies_and_pickles_are_equal():
    config = get_config(["--lr", "0.5"])
    for twin in (copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):  # noqa: S301
        assert twin == config and twin.source("lr") == "command line"
    assert config != get_config([])
    assert repr(config) == "Config(lr=0.5, t_max=300)"


def test_to_dict_is_json():
    values = get_config(["--training_shape", "320"]).to_dict()
    assert json.loads(json.dumps(values)) == values
    assert values["training_shape"] == [320, 320]


def test_a_saved_config_comes_back(tmp_path):
    config = get_config(["--lr", "1e-5", "--data_dir", "a: b # \"ä\"\n'日本' 🙂\\", "--training_shape", "320,416",
                         "--max_epoch", "20", "--multi_label", "False"])
    path = tmp_path / "config.yaml"
    config.save_yaml(path)
    again = get_config(["--config_path", str(path)])
    assert {**again.to_dict(), "config_path": ""} == config.to_dict()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert "lr: 1e-05  # command line" in lines
    assert "# t_max: 20  # derived, follows max_epoch" in lines
    # So that it follows a change.
    assert get_config(["--config_path", str(path), "--max_epoch=40"]).t_max == 40
    assert "momentum: 0.9  # default" in lines


def test_a_time_budget_is_saved_as_the_epochs_that_it_gave(tmp_path):
    path = tmp_path / "config.yaml"
    get_config(["--time_budget=20m"]).replace(DERIVED, max_epoch=7).save_yaml(path)
    assert '# time_budget: "20m"  # command line, gave max_epoch' in path.read_text().splitlines()
    again = get_config(["--config_path", str(path)])
    assert (again.max_epoch, again.time_budget) == (7, "")


def test_a_path_that_is_not_utf_8_is_saved(tmp_path):
    config = get_config(["--data_dir", os.fsdecode(b"d\xe9/\xc3\xa9")])
    config.save_yaml(tmp_path / "config.yaml")
    assert os.fsencode(get_config(["--config_path", str(tmp_path / "config.yaml")]).data_dir) == b"d\xe9/\xc3\xa9"


def test_help_shows_every_option_with_help_choices_and_default(capsys):
    with pytest.raises(SystemExit) as caught:
        get_config(["--lr", "1", "-h", "--no_such_option"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    flat = " ".join(text.split())
    for option in read_options(DEFAULT_CONFIG).values():
        assert f"--{option.name} " in text
        assert " ".join(option.help.split()) in flat
    assert "One of Ascend, GPU, CPU. Default: Ascend" in flat
    assert "At least 0 and less than 1. Default: 0.9" in flat and "Each number from 0 to 1. Default: [0.485" in flat
    assert "Default: [640, 640]" in flat and 'Default: ""' in flat
    assert max(map(len, text.splitlines())) <= 120
    assert help_text(read_options(DEFAULT_CONFIG)) == text.rstrip("\n")


def test_help_of_a_program_shows_its_own_options_by_topic():
    options = read_options(DEFAULT_CONFIG)
    own = help_text(options, "python predict.py")
    shown = re.findall(r"^  --(\w+) ", own, re.M)
    assert {"image", "ckpt_file", "nms_thresh", "config_path"} <= set(shown)
    assert not {"lr", "mosaic", "data_dir", "input_file", "data_url"} & set(shown)
    assert re.findall(r"^[A-Z].*$", own, re.M)[2:] == [
        "General", "Model", "Prediction", "Evaluation", "Annotation file", "Data", "Network", "Device and run"]
    every = help_text(options, "python predict.py", shows_all=True)
    assert every.startswith(own) and "\nOptions of other programs:\n\nDevice and run\n" in every
    assert sorted(re.findall(r"^  --(\w+) ", every, re.M)) == sorted([*options, "help_all"])


def test_help_names_the_program(capsys):
    with pytest.raises(SystemExit):
        get_config(["-h"], program="python -m src.other")
    assert capsys.readouterr().out.startswith("usage: python -m src.other [--option value ...]\n\n")


def test_help_into_a_pipe_that_closes_early():
    program = "from model_utils.config import get_config; get_config(['-h'])"
    command = f'set -o pipefail; "{sys.executable}" -c "{program}" | head -n 1'
    done = subprocess.run(["bash", "-c", command], cwd=DEFAULT_CONFIG.parent, text=True, capture_output=True,
                          timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: ")


def test_sources_are_those_of_the_interface():
    assert SOURCES == ("command line", "config file", "checkpoint", "default", "derived")


def test_exit_codes_of_a_program():
    code = "import sys; from model_utils.config import get_config; from model_utils.errors import run_cli; "
    code += "sys.exit(run_cli(lambda argv: print(get_config(argv).lr)))"
    for arguments, expected in ((["--lr", "2"], 0), (["-h"], 0), (["--lrr", "2"], 2)):
        done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=DEFAULT_CONFIG.parent, text=True,
                              capture_output=True, timeout=60)
        assert done.returncode == expected
        assert "Traceback" not in done.stderr
    assert done.stderr == "error: unknown option --lrr; did you mean --lr?\n"

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Configuration: the command line, a configuration file, a checkpoint and the defaults become one immutable Config.

    config = get_config(["--lr", "0.01", "--config_path", "my.yaml"])
    config.lr, config["lr"], config.source("lr")        # 0.01, 0.01, "command line"
"""

import functools
import json
import os
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

from model_utils.errors import MAX_SHOWN, UsageError, UserError, discard_output, nearest, quoted
from model_utils.files import write_atomically
from model_utils.options import AUTO, Option, plain, read_options, read_yaml, show

# Path options that a ModelArts job moves: results to output_path, checkpoints to load_path, data_dir to data_path.
RESULTS = ("ckpt_path", "log_path", "file_name")
CHECKPOINTS = ("resume", "resume_yolo", "pretrained_backbone", "pretrained", "ckpt_file")
# Options of the ModelArts job itself: a run that is resumed elsewhere does not inherit them.
JOB_OPTIONS = ("enable_modelarts", "data_url", "train_url", "checkpoint_url", "data_path", "output_path", "load_path",
               "need_modelarts_dataset_unzip", "modelarts_dataset_unzip_name")

DEFAULT_CONFIG = Path(__file__).resolve().parent.parent / "default_config.yaml"
# The files that config_path may call by name.
CONFIGS = DEFAULT_CONFIG.with_name("configs")
# Unknown names that one message lists.
MAX_UNKNOWN = 10
HELP_ALL = "--help_all"
PROGRAMS = "python train.py | eval.py | export.py | predict.py | convert_weight.py"
COMMAND_LINE, CONFIG_FILE, CHECKPOINT, DEFAULT, DERIVED = SOURCES = (
    "command line",
    "config file",
    "checkpoint",
    "default",
    "derived",
)

# Options that a checkpoint carries, besides its class names and category ids, so that no flag has to be repeated.
TRAVELLING = ("anchors", "anchor_masks", "scale_x_y", "resize_mode", "pad_value", "exif", "mean", "std",
              "testing_shape")

# Options that follow another one unless they are set.
FOLLOWING = {"t_max": "max_epoch", "testing_shape": "training_shape"}

# Options of the 2021 version that no longer exist: why, and what to use instead.
REMOVED_OPTIONS = {
    "anchor_scales": "it is called anchors now, [width, height] each; anchor_masks says which scale uses which",
    "coco_ids": "category ids come from the annotation file and travel in the checkpoint",
    "finetune": "use --resume_yolo: it loads all weights except heads for other classes",
    "finetune_path": "use --resume_yolo: it loads all weights except heads for other classes",
    "keep_loss_fp32": "nothing read it; the loss is always float32",
    "label": "class names come from the annotation file and travel in the checkpoint",
    "labels": "class names come from the annotation file and travel in the checkpoint",
    "lambda_coord": "nothing read it; use coord_scale, the weight of the box loss",
    "multi_label_thresh": "detections are thresholded on objectness times class; use eval_ignore_threshold",
    "out_channel": "it follows from num_classes and anchor_masks",
    "predict_path": "use --image of predict.py",
    "resume_epoch": "use --resume last.ckpt, which continues a run exactly, or --resume_yolo to start from weights",
    "test_img_shape": "export uses testing_shape, as evaluation does",
}

# Names of the same options in other detectors.
OTHER_NAMES = {name: option for option, names in {
    "amp_level": "amp fp16 half",
    "ann_file": "ann annotation annotations annotation_file",
    "ckpt_path": "out output project save_dir work_dir",
    "class_filter": "classes",
    "config_path": "cfg config hyp",
    "data_dir": "data data_root dataset dataset_dir dataset_path dataset_root root",
    "device_target": "device gpu",
    "eval_ignore_threshold": "conf conf_thres conf_threshold score_thr score_threshold",
    "frame_step": "vid_stride",
    "image": "images input source video",
    "lr": "base_lr learning_rate lr0",
    "max_detections": "max_det",
    "max_epoch": "epochs n_epochs num_epochs",
    "nms_thresh": "iou iou_thres iou_threshold nms nms_threshold",
    "num_classes": "nc",
    "num_parallel_workers": "num_workers workers",
    "per_batch_size": "batch batchsize bs",
    "pretrained": "checkpoint ckpt model weights",
    "result_formats": "save_csv save_json save_txt",
    "strict_images": "strict",
    "training_shape": "image_size img img_size imgsz input_size",
}.items() for name in names.split()}
# What a program calls the option that another one calls by the first name, which it does not use itself.
OF_PROGRAM = {
    "batch_size": {"train": "per_batch_size", "eval": "per_batch_size"},
    "class_filter": dict.fromkeys(("train", "eval", "export", "convert_weight"), "num_classes"),
    "ckpt_file": {"train": "resume_yolo", "eval": "pretrained", "convert_weight": "output_file"},
    "ckpt_path": {"eval": "log_path", "export": "file_name", "predict": "output_dir", "convert_weight": "output_file"},
    "data_dir": {"predict": "image"},
    "data_path": {"train": "data_dir", "eval": "data_dir"},
    "per_batch_size": {"export": "batch_size", "predict": "batch_size"},
    "pretrained": {"train": "resume_yolo", "export": "ckpt_file", "predict": "ckpt_file",
                   "convert_weight": "input_file"},
    "training_shape": dict.fromkeys(("eval", "export", "predict"), "testing_shape"),
}
# What a program suggests in place of an option of other programs that it accepts, too.
SUGGESTED = {"eval_ignore_threshold": {"predict": "draw_threshold"}}


@dataclass(frozen=True, repr=False)
class Config:
    """Immutable options: config.lr or config["lr"]; config.source("lr") says where the value came from."""

    _values: dict[str, Any]
    _sources: dict[str, str]
    _options: dict[str, Option]

    def __getattr__(self, name: str) -> Any:
        # Private names are looked up on half-built objects by copy and pickle, before _values exists.
        if not name.startswith("_") and name in self._values:
            return self._values[name]
        raise AttributeError(f"there is no option {name}")

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __contains__(self, name: object) -> bool:
        return name in self._values

    def __repr__(self) -> str:
        changed = (f"{name}={show(value)}" for name, value in self._values.items() if self._sources[name] != DEFAULT)
        return f"Config({', '.join(changed)})"

    def source(self, name: str) -> str:
        """Return the source of a value: command line, config file, checkpoint, default or derived."""
        return self._sources[name]

    def is_set(self, name: str) -> bool:
        """Return whether the user set a value, on the command line or in a configuration file."""
        return self._sources[name] in (COMMAND_LINE, CONFIG_FILE)

    def is_default(self, name: str) -> bool:
        """Return whether a value equals its default, wherever it came from."""
        return self._values[name] == self._options[name].default

    def replace(self, source: str, **values: Any) -> "Config":
        """Return a new Config with some values replaced, typed and checked like those of a user.

        Raises:
            UserError: a value of the wrong type or outside its choices or limits; a UsageError unless source is
                "checkpoint".
            KeyError, ValueError: an option or a source that does not exist; a programming error.
        """
        if source not in SOURCES:
            raise ValueError(f"source is {source!r}, expected one of {', '.join(SOURCES)}")
        try:
            parsed = _parse_values(values, self._options, source)
        except UsageError as error:
            raise UserError(str(error)) if source == CHECKPOINT else error from None
        return _derive({**self._values, **parsed}, {**self._sources, **dict.fromkeys(parsed, source)}, self._options)

    def with_checkpoint(self, meta: Mapping[str, Any]) -> "Config":
        """Return a new Config that takes the travelling keys of a checkpoint's meta where the user set no value."""
        taken = {key: meta[key] for key in TRAVELLING
                 if key in meta and (self._sources[key] == DEFAULT or self._values[key] == AUTO)}
        return self.replace(CHECKPOINT, **taken).settled(TRAVELLING)

    def settled(self, names: Iterable[str] | None = None) -> "Config":
        """Return a Config in which values that are still auto, all or those of some names, are the defaults."""
        return self.replace(DERIVED, **{name: self._options[name].default for name in names or self._values
                                        if self._values[name] == AUTO and self._options[name].can_be_auto})

    def to_dict(self) -> dict[str, Any]:
        """Return all values by name, with lists instead of tuples, as JSON knows them."""
        return {name: plain(value) for name, value in self._values.items()}

    def save_yaml(self, path: str | os.PathLike) -> None:
        """Write all values as YAML, each with a comment of its source; the file can be a --config_path.

        What follows another option is a comment, so that it follows a change of that one, too, and so is a time_budget,
        from which max_epoch came.
        """
        lines, values = ["# The resolved configuration of a run: value  # where it came from\n"], self.to_dict()
        for name, value in values.items():
            # JSON is YAML too; PyYAML alone would break lists over lines, where no comment fits.
            line = f"{name}: {json.dumps(value, ensure_ascii=False)}  # {self._sources[name]}"
            leader = FOLLOWING.get(name)
            follows = leader and self._sources[name] == DERIVED and value == values[leader]
            note = f", follows {leader}" if follows else ", gave max_epoch" if name == "time_budget" and value else ""
            lines.append(f"# {line}{note}\n" if note else f"{line}\n")
        # A path need not be UTF-8; its other bytes are escaped as JSON has it.
        write_atomically(path, "".join(lines).encode(errors="backslashreplace"))


@functools.cache
def default_options() -> dict[str, Option]:
    """Return every option by name, in the order of default_config.yaml."""
    return read_options(DEFAULT_CONFIG)


def decisive_options() -> list[str]:
    """Return the names of the options that decide the result of a training run."""
    return [name for name, option in default_options().items() if option.is_decisive]


def get_config(argv: Sequence[str] | None = None, program: str = PROGRAMS) -> Config:
    """Return the configuration of a command line; -h and --help_all print options and end the program with exit code 0.

    Args:
        argv: arguments without the program's name; None: those of the process.
        program: how it is called, for the text of -h.

    Raises:
        UsageError: an unknown option or key, one of another program, a wrong type, a value outside its choices or
            limits, a bad configuration file.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    options = default_options()
    if not {"-h", "--help", HELP_ALL}.isdisjoint(argv):
        _print_help(help_text(options, program, shows_all=HELP_ALL in argv))
        raise SystemExit(0)
    values = {name: option.default for name, option in options.items()}
    sources = dict.fromkeys(options, DEFAULT)
    from_command_line = _parse_arguments(argv, options, program)
    path = from_command_line.get("config_path", values["config_path"])
    layers = [(CONFIG_FILE, _read_overlay(path, options)), (COMMAND_LINE, from_command_line)]
    for source, layer in layers:
        values.update(layer)
        sources.update(dict.fromkeys(layer, source))
    # The options of a job are the same for all its programs.
    if not values["enable_modelarts"]:
        _refuse_options_of_others(from_command_line, program)
    return _derive(values, sources, options)


def help_text(options: Mapping[str, Option], program: str = PROGRAMS, shows_all: bool = False) -> str:
    """Return the text of -h: the options that a program uses, by topic, with help, choices or limits, and default.

    With `shows_all`, and for a program without options of its own, all others follow.
    """
    intro = (
        f"usage: {program} [--option value ...]\n\n"
        "The command line overrides the file of --config_path, the file the checkpoint, the checkpoint the default.\n"
        'Lists: --training_shape 320,416 or 320 416 or "[320, 416]"; one number for a shape means square.\n'
    )
    name = _stem(program)
    own = sorted((option for option in options.values() if name in option.programs),
                 key=lambda option: option.programs[name])
    others = [option for option in options.values() if option not in own]
    entries = [intro, _help_entry("-h, --help", "Show the options of this program and exit."),
               _help_entry(HELP_ALL, "Show all options and exit; one configuration file serves all programs."),
               *_help_sections(own)]
    if others and (shows_all or not own):
        entries += ["\nOptions of other programs:", *_help_sections(others)] if own else _help_sections(others)
    return "\n".join(entries)


def _help_sections(options: Iterable[Option]) -> Iterator[str]:
    """Yield the entries of options, those of a section below its title."""
    for section, group in groupby(options, key=lambda option: option.section):
        yield f"\n{section}"
        for option in group:
            allowed = option.allowed()
            allowed = f" {allowed[0].upper()}{allowed[1:]}." if allowed else ""
            yield _help_entry(f"--{option.name}", f"{option.help}{allowed} Default: {show(option.default)}")


def _print_help(text: str) -> None:
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # The reader of "-h | head" has left.
        discard_output(sys.stdout)


def _help_entry(name: str, text: str) -> str:
    indent = " " * 32
    return textwrap.fill(text, 110, initial_indent=f"  {name} ".ljust(32), subsequent_indent=indent)


def _derive(values: dict[str, Any], sources: dict[str, str], options: dict[str, Option]) -> Config:
    """Return the Config of these values; t_max follows max_epoch unless it was set."""
    if sources["t_max"] in (DEFAULT, DERIVED):
        values = {**values, "t_max": values["max_epoch"]}
        sources = {**sources, "t_max": DERIVED}
    return Config(values, sources, options)


def _parse_arguments(argv: Sequence[str], options: Mapping[str, Option], program: str) -> dict[str, Any]:
    """Return the typed values of a command line by name; the last of a repeated option counts."""
    texts, rest = {}, list(argv)
    while rest:
        token = rest.pop(0)
        if not token.startswith("--"):
            hint = "put a pattern in quotes, '*.jpg'; " * os.path.exists(token)
            raise UsageError(f"unexpected argument {quoted(token)}: options are written --name value; {hint}see -h")
        name, has_value, text = token[2:].partition("=")
        if name not in options:
            raise UsageError(_unknown([name], options, "option", "--", program))
        if not has_value:
            following = next((i for i, word in enumerate(rest) if word.startswith("--")), len(rest))
            count = following if options[name].is_list else min(following, 1)
            if count == 0:
                raise UsageError(f"--{name} has no value: expected {options[name].expected()}")
            text, rest = " ".join(rest[:count]), rest[count:]
        texts[name] = text
    return _parse_values(texts, options, COMMAND_LINE)


def _read_overlay(path: str, options: Mapping[str, Option]) -> dict[str, Any]:
    """Return the typed values of a configuration file; none for no path and for the file of the defaults itself."""
    path = _config_file(path)
    if not path or (os.path.exists(path) and os.path.samefile(path, DEFAULT_CONFIG)):
        return {}
    documents = read_yaml(path)
    # A copy of the defaults has their help, choices and limits behind them.
    if len(documents) > 1 and documents[1:] != read_yaml(DEFAULT_CONFIG)[1:]:
        raise UsageError(f"{path}: has {len(documents)} YAML documents, expected one; remove the line --- between "
                         "them, or what follows it")
    raw = documents[0] if documents else {}
    unknown = [name if isinstance(name, str) else quoted(name) for name in raw if name not in options]
    if unknown:
        raise UsageError(f"{path}: {_unknown(unknown, options, 'key')}")
    return _parse_values(raw, options, f"config file {path}")


def _config_file(path: str) -> str:
    """Return the path of a configuration file, which may be given by its name in configs/, such as improved."""
    if not path or os.path.exists(path) or os.path.basename(path) != path:
        return path
    known = {name: file for file in sorted(CONFIGS.glob("*.yaml")) for name in (file.name, file.stem)}
    if path not in known:
        names = ", ".join(name for name in known if not name.endswith(".yaml"))
        raise UsageError(f"config_path {quoted(path)}: no such configuration file here, and none of configs/ "
                         f"({names}); check the path")
    return str(known[path])


def _refuse_options_of_others(names: Iterable[str], program: str) -> None:
    """Refuse an option that a program does not use, because it has another one for it."""
    for name in names:
        meant = OF_PROGRAM.get(name, {}).get(_stem(program))
        if meant:
            raise UsageError(f"{_stem(program)}.py does not use --{name}; did you mean --{meant}?")


def _stem(program: str) -> str:
    """Return "train" for "python train.py", "postprocess" for "python -m src.postprocess", "" for several programs."""
    found = re.fullmatch(r"python (?:-m )?(?:\w+[./])*?(\w+)(?:\.py)?", program)
    return found[1] if found else ""


def _parse_values(raw: Mapping[str, Any], options: Mapping[str, Option], where: str) -> dict[str, Any]:
    """Return the typed values by name; the UsageError names every value at fault."""
    values, faults = {}, []
    for name, value in raw.items():
        try:
            values[name] = options[name].parse(value, where)
        except UsageError as error:
            faults.append(str(error))
    if faults:
        raise UsageError("\n       ".join(faults))
    return values


def _unknown(names: Iterable[str], options: Mapping[str, Option], what: str, prefix: str = "",
             program: str = "") -> str:
    """Return a message about option names that do not exist, with the names to use instead in a program."""
    texts, names = [], [name[:MAX_SHOWN] for name in names]
    # Those of a ModelArts job are seldom meant.
    usual = [name for name in options if name not in JOB_OPTIONS]
    for name in names[:MAX_UNKNOWN]:
        if name in REMOVED_OPTIONS:
            texts.append(f"the {what} {prefix}{name} of the 2021 version no longer exists: {REMOVED_OPTIONS[name]}")
        else:
            meant = OTHER_NAMES.get(name, name)
            meant = (OF_PROGRAM | SUGGESTED).get(meant, {}).get(_stem(program), meant)
            hint = nearest(meant, usual, prefix) or nearest(meant, options, prefix) or "; -h lists all options"
            texts.append(f"unknown {what} {prefix}{name}{hint}")
    if len(names) > MAX_UNKNOWN:
        texts.append(f"and {len(names) - MAX_UNKNOWN} more")
    return "; ".join(texts)

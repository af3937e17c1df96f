# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Values derived from a Config: detection scales, values taken from the data, and checks across options."""

import itertools
import re
from collections.abc import Iterator

from model_utils.config import (
    CHECKPOINT,
    COMMAND_LINE,
    DEFAULT,
    DERIVED,
    FOLLOWING,
    JOB_OPTIONS,
    Config,
    decisive_options,
)
from model_utils.errors import UsageError, UserError, nearest
from model_utils.options import AUTO, SHAPE_MULTIPLE, plain, show
from src.data.multi_scale import training_sizes
from src.network.head_layout import STRIDES, Scale

# Options that name a checkpoint to start from.
STARTS = ("resume", "resume_yolo", "pretrained_backbone")
# Where a process runs; set again by its launcher.
PLACE = ("is_distributed", "rank", "group_size", "device_id")
# What a resumed run may change besides options, if allow_change names it.
DATA_CHANGES = ("classes", "data")

# Days, hours, minutes and seconds, and their lengths.
DURATION = re.compile(r"\s*".join(rf"(?:(\d+(?:\.\d+)?)\s*{unit})?" for unit in "dhms"))
UNITS = (86400, 3600, 60, 1)


def detection_scales(config: Config) -> tuple[Scale, ...]:
    """Return the detection scales of a config, finest (stride 16) first, as in its anchor_masks."""
    return tuple(
        Scale(stride, tuple(config.anchors[index] for index in mask), scale_x_y)
        for stride, mask, scale_x_y in zip(STRIDES, config.anchor_masks, config.scale_x_y, strict=True)
    )


def training_config(config: Config) -> Config:
    """Return the config of a training run, with defaults that follow from other options.

    testing_shape follows training_shape, or is the largest of multi_scale where a default is none of these; a default
    warm-up that is as long as the run takes half of it.
    """
    if config.source("warmup_epochs") == DEFAULT and config.warmup_epochs >= config.max_epoch:
        config = config.replace(DERIVED, warmup_epochs=config.max_epoch / 2)
    if config.source("testing_shape") in (DEFAULT, DERIVED):
        sizes, is_default = training_sizes(config), config.source("training_shape") == DEFAULT
        trained = sizes[0] if is_default and config.training_shape not in sizes else config.training_shape
        config = config.replace(DERIVED, testing_shape=trained)
    return config


def resumed_config(config, checkpoint):
    """Return the config of the interrupted run, overridden by what the user sets now.

    No path is in it (`checked_meta`): where a run reads and writes is for its user to say, not for a file.

    Raises:
        UserError: the checkpoint does not hold the config of a run.
    """
    saved = checkpoint.meta.get("config")
    if saved is None:
        raise UserError(f"resume {checkpoint.path}: holds no run to continue; use --resume_yolo to start "
                        "from its weights")
    kept = {name: value for name, value in saved.items()
            if name in config and name not in (*PLACE, *JOB_OPTIONS)
            and (config.source(name) in (DEFAULT, DERIVED) or config[name] == AUTO or plain(config[name]) == value)
            and value != saved.get(FOLLOWING.get(name))}
    return config.replace(CHECKPOINT, **kept)


def with_categories(config: Config, num_classes_of_data: int) -> Config:
    """Return a config whose num_classes is that of the data (or of the checkpoint).

    Raises:
        UserError: the user set another number.
    """
    if num_classes_of_data < 1:
        raise UserError("the data has no categories: expected at least one in the annotation file")
    if not config.is_set("num_classes"):
        return config.replace(DERIVED, num_classes=num_classes_of_data)
    if config.num_classes != num_classes_of_data:
        raise UserError(
            f"{_found(config, 'num_classes')}, but the data has {num_classes_of_data} categories: "
            f"leave num_classes out or set it to {num_classes_of_data}"
        )
    return config


def check_config(config: Config) -> None:
    """Check how the options fit together; each option alone is checked when it is parsed.

    Raises:
        UsageError: names every option at fault, its value and source, and what is expected.
    """
    checks = (_network_faults, _preprocessing_faults, _schedule_faults, _start_faults, _sink_faults,
              _rank_faults, _export_faults, _benchmark_faults)
    problems = [problem for check in checks for problem in check(config)]
    if problems:
        raise UsageError("\n       ".join(problems))


def _found(config: Config, name: str) -> str:
    return f"{name} is {show(config[name])} ({config.source(name)})"


def allowed_changes(config: Config) -> list[str]:
    """Return the names in config.allow_change."""
    return config.allow_change.replace(",", " ").split()


def seconds_of(time_budget: str) -> float:
    """Return the seconds of a text such as 90m, 1h30m or 2d, 0 of any other."""
    found = DURATION.fullmatch(time_budget)
    numbers = found.groups(default="0") if found else ()
    return sum(float(number) * unit for number, unit in zip(numbers, UNITS, strict=False))


def _network_faults(config: Config) -> Iterator[str]:
    # Fitted anchors are as many as the default ones.
    anchors, masks = config.settled().anchors, config.anchor_masks
    if not anchors or any(len(anchor) != 2 for anchor in anchors):
        yield f"{_found(config, 'anchors')}: expected a list of [width, height]"
    if len(masks) != len(STRIDES):
        yield f"{_found(config, 'anchor_masks')}: expected {len(STRIDES)} lists, for strides 16 and 32"
    if len({len(mask) for mask in masks}) > 1 or not all(masks):
        yield f"{_found(config, 'anchor_masks')}: expected lists of the same length, with one anchor or more"
    if any(not 0 <= index < len(anchors) for mask in masks for index in mask):
        yield f"{_found(config, 'anchor_masks')}: expected numbers from 0 to {len(anchors) - 1}, one for each anchor"
    if any(len(set(mask)) != len(mask) for mask in masks):
        yield f"{_found(config, 'anchor_masks')}: expected no anchor twice on one scale"
    indices = list(itertools.chain(*masks))
    if config.anchors == AUTO and indices != list(range(len(indices))):
        yield (f"{_found(config, 'anchor_masks')}, but anchors is auto, which numbers them by scale: leave "
               "anchor_masks out, or set anchors")
    if len(config.settled().scale_x_y) != len(masks):
        yield f"{_found(config, 'scale_x_y')}: expected {len(masks)} numbers, one for each list of anchor_masks"


def _preprocessing_faults(config: Config) -> Iterator[str]:
    for name in ("mean", "std"):
        if len(config[name]) != 3:
            yield f"{_found(config, name)}: expected three numbers (red, green, blue)"
    try:
        training_sizes(config)
    except UsageError as error:
        yield str(error)
    if len(config.mosaic_scale) != 2 or config.mosaic_scale[0] > config.mosaic_scale[1]:
        yield f"{_found(config, 'mosaic_scale')}: expected two numbers, the smaller one first"
    if config.max_scale < config.min_scale:
        yield f"{_found(config, 'max_scale')}: expected at least min_scale, {config.min_scale}"


def _rank_faults(config: Config) -> Iterator[str]:
    for name in ("rank", "group_size"):
        # A saved config.yaml has them too; there they are replaced.
        if config.source(name) == COMMAND_LINE and not config.is_default(name):
            yield f"{_found(config, name)}: the launcher of a distributed run sets it; leave {name} out"


def _sink_faults(config: Config) -> Iterator[str]:
    if config.data_sink and config.device_target == "CPU":
        yield f"{_found(config, 'data_sink')}: a CPU has no queue for batches; leave data_sink out"
    if config.data_sink and config.multi_scale:
        yield (f"{_found(config, 'data_sink')}, but multi_scale is {show(config.multi_scale)}: a queue holds batches "
               "of one size; leave out one of the two")


def _export_faults(config: Config) -> Iterator[str]:
    if config.export_input == "uint8" and not config.is_default("export_normalise"):
        yield (f"{_found(config, 'export_normalise')}, but export_input is uint8, which the graph normalises: leave "
               "export_normalise out, or set export_input to float")
    if config.file_format != "MINDIR" and not config.is_default("mindir_version"):
        yield f"{_found(config, 'mindir_version')}, but file_format is {config.file_format}; leave mindir_version out"
    if config.quantize and config.file_format != "ONNX":
        yield f"{_found(config, 'quantize')}, but file_format is {config.file_format}; add --file_format ONNX"


def _benchmark_faults(config: Config) -> Iterator[str]:
    if not config.benchmark_sizes or any(size % SHAPE_MULTIPLE for size in config.benchmark_sizes):
        yield f"{_found(config, 'benchmark_sizes')}: expected multiples of {SHAPE_MULTIPLE}, such as 320,416"
    if not config.benchmark_batch_sizes:
        yield f"{_found(config, 'benchmark_batch_sizes')}: expected one number or more"
    if config.benchmark and config.is_distributed:
        yield f"{_found(config, 'benchmark')}: it measures one process; leave is_distributed out"


def _schedule_faults(config: Config) -> Iterator[str]:
    # A default that does not fit is replaced, see `training_config`.
    if config.warmup_epochs != AUTO and config.source("warmup_epochs") != DEFAULT and (
            config.warmup_epochs >= config.max_epoch):
        yield f"{_found(config, 'warmup_epochs')}: expected less than max_epoch, {config.max_epoch}; set both"
    if config.micro_batch_size and config.per_batch_size % config.micro_batch_size:
        yield (f"{_found(config, 'micro_batch_size')}: expected 0 or a divisor of per_batch_size, "
               f"{config.per_batch_size}")
    if config.lr != AUTO and config.eta_min > config.lr:
        yield f"{_found(config, 'eta_min')}: expected at most lr, {config.lr}"
    if config.lr_scheduler.startswith("cosine") and config.t_max < config.max_epoch:
        yield f"{_found(config, 't_max')}: expected at least max_epoch, {config.max_epoch}; left out, it follows that"
    if config.mosaic and config.mosaic_close_epochs != AUTO and config.mosaic_close_epochs >= config.max_epoch:
        yield (f"{_found(config, 'mosaic_close_epochs')}: expected less than max_epoch, {config.max_epoch}, or no "
               f"epoch has mosaic, {config.mosaic}")
    if config.time_budget and not seconds_of(config.time_budget):
        yield f"{_found(config, 'time_budget')}: expected a time such as 90m, 1h30m or 2d"
    if config.time_budget and not config.resume and config.source("max_epoch") == COMMAND_LINE:
        yield (f"{_found(config, 'time_budget')}, but {_found(config, 'max_epoch')}: leave out one of the two")
    if config.patience and not config.eval_interval:
        yield f"{_found(config, 'patience')}: it counts validations, so eval_interval must be above 0"
    if list(config.lr_epochs) != sorted(set(config.lr_epochs)):
        yield f"{_found(config, 'lr_epochs')}: expected rising numbers"


def _start_faults(config: Config) -> Iterator[str]:
    given = [name for name in STARTS if config[name]]
    if len(given) > 1:
        yield f"{' and '.join(given)} are both set: expected one of them, since training starts from one checkpoint"
    allowable = (*decisive_options(), *DATA_CHANGES)
    for name in allowed_changes(config):
        if name not in allowable:
            yield (f"{_found(config, 'allow_change')}: {name} is nothing that a resumed run keeps"
                   f"{nearest(name, allowable)}; other options need no permission")

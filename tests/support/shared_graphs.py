# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Training runs of one process that share compiled steps: a graph takes seconds to compile, a step a tenth of one."""
import contextlib
import json

import pytest

import mindspore as ms

from src.training import train_state, trainer

# Options that leave the graph of a training step as it is. Runs that differ in any other option share nothing.
NOT_IN_THE_GRAPH = {
    "config_path", "data_dir", "ckpt_path", "resume", "resume_yolo", "pretrained_backbone", "max_epoch", "t_max",
    "time_budget", "lr", "warmup_epochs", "log_interval", "ckpt_interval", "keep_checkpoint_max", "eval_interval",
    "num_parallel_workers", "need_profiler", "profiler_ends_run", "data_sink", "testing_shape", "patience",
    "allow_change", "lr_scheduler", "lr_epochs", "lr_gamma", "bad_images", "report", "tensorboard",
}
_built, _shared_parameters = {}, set()


@contextlib.contextmanager
def shared_graphs():
    """Give runs of train.main with the same form one network, optimizer and compiled step, each time as if new."""
    with pytest.MonkeyPatch.context() as patch:
        for build, *how in ((train_state.build_network, lambda network: network.get_parameters()),
                            (train_state.build_optimizer, _own_parameters), (train_state.build_loss_scaler, _fields),
                            (train_state.build_average, _averages, _copy_weights)):
            patch.setattr(train_state, build.__name__, _shared(build, *how))
        patch.setattr(trainer, "TrainStep", _shared(trainer.TrainStep, lambda step: (), _forget_sizes))
        patch.setattr(ms.Parameter, "set_data", _set_in_place(ms.Parameter.set_data))
        yield


def _shared(build, parameters_of, renew=lambda made: None):
    """Return a function that calls `build` once for each form; afterwards it returns the same with first values."""

    def build_or_renew(*arguments):
        config = next(value for value in arguments if hasattr(value, "to_dict"))
        form = {name: value for name, value in config.to_dict().items() if name not in NOT_IN_THE_GRAPH}
        key = build, json.dumps(form, sort_keys=True, default=str)
        if key not in _built:
            made = build(*arguments)
            _built[key] = made, [(parameter, parameter.asnumpy().copy()) for parameter in parameters_of(made)]
            _shared_parameters.update(id(parameter) for parameter, _ in _built[key][1])
        made, first_values = _built[key]
        for parameter, values in first_values:
            parameter.set_data(ms.Tensor(values, parameter.dtype))
        renew(made)
        return made

    return build_or_renew


def _set_in_place(set_data):
    """Return `Parameter.set_data` that keeps a shared parameter's memory.

    Of several compiled graphs with one parameter, only the last would notice that it has new memory.
    """

    def set_or_assign(parameter, data, *arguments, **options):
        if id(parameter) in _shared_parameters:
            return ms.ops.assign(parameter, data)
        return set_data(parameter, data, *arguments, **options)

    return set_or_assign


def _own_parameters(optimizer):
    weights = {id(parameter) for parameter in optimizer.parameters}
    return [parameter for parameter in optimizer.get_parameters() if id(parameter) not in weights]


def _fields(scaler):
    return [value for value in vars(scaler).values() if isinstance(value, ms.Parameter)]


def _averages(average):
    return average.network.get_parameters() if average else ()


def _copy_weights(average):
    if average:
        average.copy_weights()


def _forget_sizes(step):
    # A run logs the first step of each size.
    step.compile_seconds.clear()

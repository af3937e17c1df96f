# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Train YOLOv3-Tiny on a data folder in COCO layout: from random weights, a backbone, a checkpoint, or a run to resume.

    python train.py --config_path improved --data_dir DATA --device_target CPU --training_shape 320 --max_epoch 40
    python train.py --data_dir DATA --device_target CPU --resume auto

A new folder below `ckpt_path` receives the log, the resolved config, metrics.csv, report.html and the checkpoints in
ckpt_0/: --resume continues exactly from the newest; best.ckpt is for eval.py, export.py and predict.py.
"""
import sys
import time
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from model_utils.config import DERIVED, get_config
from model_utils.device_adapter import setup_device, start_ranks
from model_utils.errors import UsageError, counted, run_cli
from model_utils.files import command_of
from model_utils.modelarts_job import modelarts_job
from model_utils.signals import name_of
from src.config import check_config, resumed_config, training_config, with_categories
from src.data.coco import read_coco
from src.data.image_check import check_images, usable
from src.data.multi_scale import training_sizes
from src.distributed_sampler import steps_per_epoch
from src.logger import common_run_folder, peak_memory_mb, run_logger
from src.report.hints import last_lines
from src.report.report import Report
from src.training.auto_settings import fit_to_data
from src.training.run import Run
from src.training.time_budget import fit_to_time
from src.training.train_state import accept_changes, start_state
from src.training.trainer import Trainer
from src.training.validation import build_validation, finish_line
from src.weights.checkpoint import load_checkpoint
from src.weights.checkpoint_folder import resume_from
from src.weights.start_weights import settle_auto
from src.yolo_dataset import workers_of


def main(argv=None):
    """Train as the arguments say; returns the exit code."""
    return modelarts_job(train, get_config(argv, "python train.py"))


def train(config):
    """Train as the config says; returns the exit code."""
    started = time.monotonic()
    config, checkpoint, notes = resume_from(config)
    asked, config = config, run_config(config, checkpoint)
    setup_device(config)
    ranks = start_ranks(config)
    config = config.replace(DERIVED, rank=ranks.rank, group_size=ranks.size)
    data = read_coco(config, "train", training=True)
    config = with_categories(config, len(data.categories))
    data = usable(data, check_images(data, config, workers_of(config), ranks), config, training=True,
                  left_out=checkpoint.meta.get("left_out") if checkpoint else None)
    reasons = []
    if config.resume_yolo:
        config, reasons = settle_auto(config, asked, data.categories.names)
    if config.time_budget:
        config, fitting = fit_to_time(config, data, ranks, started, is_resumed=bool(checkpoint))
        reasons += fitting
    config, lines = fit_to_data(config, data)
    check_config(config)
    if checkpoint:
        checkpoint, changes = accept_changes(checkpoint, config, data)
        finished, notes = finish_line(checkpoint, config), [*notes, *changes]
        if finished:
            print(finished, flush=True)
            return 0
    state, start = start_state(config, data.categories, checkpoint)
    validation = build_validation(config, state, data.categories, ranks)
    if checkpoint:
        validation.resume(checkpoint)
    # Checked here too, so that a run with too few images leaves no folder.
    steps_per_epoch(len(data), config.per_batch_size, config.group_size)

    folder = common_run_folder(config.ckpt_path, ranks)
    with run_logger(folder, ranks.rank, "train", config.debug_log) as logger:
        if ranks.is_first:
            config.save_yaml(folder / "config.yaml")
        for line in (*notes, *data.report_lines(), *(f"validation: {line}" for line in validation.report)):
            logger.warning("%s", line)
        for line in (start, *reasons, *lines):
            logger.info("%s", line)
        return fit(Run(config, data, ranks, folder, logger), state, validation, checkpoint)


def run_config(config, checkpoint):
    """Return the checked config of a run: with the options of the run to resume or of the weights to fine-tune."""
    if checkpoint:
        config = resumed_config(config, checkpoint)
    elif config.resume_yolo:
        # The weights were trained for these anchors and for images prepared in this way.
        meta = load_checkpoint(config.resume_yolo).meta
        config = config.with_checkpoint({key: meta[key] for key in meta if key != "testing_shape"})
    if not config.data_dir:
        raise UsageError("data_dir is empty: name the data folder (annotations/, train2017/) by --data_dir FOLDER; "
                         "no path comes from a checkpoint, so a resumed run needs it too")
    config = training_config(config)
    check_config(config)
    return config


def fit(run, state, validation, checkpoint):
    """Train to the end of the run, or to a signal; log its extent and its results, and return the exit code."""
    config, data, logger = run.config, run.data, run.logger
    if checkpoint:
        run.take_over(checkpoint, state.progress)
    sizes = ", ".join(f"{height}x{width}" for height, width in training_sizes(config))
    for line in run.header(validation):
        logger.info("%s", line)
    logger.info("%s, %s, %s an epoch, %s, shape %s, log and checkpoints in %s",
                counted(len(data.image_ids), "images"), counted(len(data.categories), "classes"),
                counted(run.steps_per_epoch, "steps"), counted(config.max_epoch, "epochs"), sizes, run.folder)
    run.ranks.check_alike({"training images": len(data.image_ids), "classes": len(data.categories),
                           "steps an epoch": run.steps_per_epoch, "epochs": config.max_epoch,
                           "steps done": state.progress.step,
                           "as hash of the first weights": state.digest()})
    report = Report(config, run.folder, logger, validation.data, data) if run.ranks.is_first else None
    trainer = Trainer(run, state, validation, report)
    progress = trainer.fit()
    if trainer.stopped_by:
        logger.warning("stopped by %s after step %d of %d; to continue: %s", name_of(trainer.stopped_by), progress.step,
                       run.total_steps, command_of("train.py", "--data_dir", Path(config.data_dir), "--resume",
                                                   run.last_checkpoint))
        return 128 + trainer.stopped_by
    logger.info("done after %s, %d of them skipped; peak memory %.0f MB; %s", counted(progress.step, "steps"),
                progress.skipped_steps, peak_memory_mb(),
                ", ".join(str(path) for path in sorted(run.checkpoints.glob("*st.ckpt"))))
    for line in last_lines(run, validation):
        logger.info("%s", line)
    return 0


if __name__ == "__main__":
    sys.exit(run_cli(main))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Score a model file on the validation images of a data set in COCO layout, and print the COCO table.

    python eval.py --data_dir DATA --pretrained outputs/RUN/ckpt_0/best.ckpt --device_target CPU
    python eval.py --data_dir DATA --pretrained yolov3_tiny.onnx --device_target CPU
    python eval.py --data_dir DATA --pretrained outputs/RUN/ckpt_0/best.ckpt --device_target CPU --benchmark True

`--ann_file FILE --image_dir FOLDER` names another annotation file, such as a test split, in place of the data folder.
Class names, anchors, input shape and preprocessing come from the checkpoint; an option on the command line wins. An
exported file fixes its input shape, batch, mean and std; the JSON beside it has the rest.
The log, the resolved config, the COCO results (predict_*.json), the metrics (metrics.json) and report.html go to a new
folder below `log_path`. `--benchmark True` writes a table and a plot of speed and AP by engine and size instead.
"""
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from model_utils.config import CHECKPOINT, COMMAND_LINE, DERIVED, get_config
from model_utils.device_adapter import setup_device, start_ranks
from model_utils.errors import UsageError, counted, run_cli
from model_utils.json_file import write_json
from model_utils.modelarts_job import modelarts_job
from src.config import with_categories
from src.data.coco import layout, need_ground_truth, read_split
from src.data.image_check import check_images, usable
from src.deploy.model_files import EXPORTED, device_config, load_model
from src.evaluation.cpu_engine import choose_engine
from src.evaluation.evaluator import evaluate, log_result
from src.evaluation.inference import check_categories, fastest_network, on_tensors, read_checkpoint
from src.logger import common_run_folder, run_logger
from src.report.benchmark import run_benchmark
from src.report.report import Report
from src.yolo_dataset import workers_of


def main(argv=None):
    """Evaluate a model file by command-line arguments; return the exit code."""
    return modelarts_job(evaluate_model, get_config(argv, "python eval.py"))


def evaluate_model(config):
    """Evaluate a checkpoint or an exported model by a config; return the exit code."""
    if not config.pretrained:
        raise UsageError("pretrained is empty: name the .ckpt, .mindir or .onnx file to evaluate by --pretrained FILE")
    is_exported = Path(config.pretrained).suffix.lower() in EXPORTED
    if config.benchmark and is_exported:
        raise UsageError(f"benchmark is True, but {config.pretrained} has one input size and batch size; name the "
                         "checkpoint that it was exported from")
    if not (config.data_dir or config.ann_file or config.benchmark):
        raise UsageError("data_dir is empty: name the data folder (annotations/, val2017/) by --data_dir FOLDER, or an "
                         "annotation file by --ann_file FILE --image_dir FOLDER")
    config = device_config(config.pretrained, config)
    setup_device(config)
    (evaluate_exported if is_exported else evaluate_checkpoint)(config, start_ranks(config))
    return 0


def evaluate_exported(config, ranks):
    """Score a .mindir or .onnx file."""
    # Its classes are compared with those of the annotation file below, as a checkpoint's are.
    model = load_model(config.pretrained, config.replace(DERIVED, ann_file=""))
    if config.source("per_batch_size") == COMMAND_LINE and config.per_batch_size != model.batch_size:
        raise UsageError(f"per_batch_size is {config.per_batch_size}, but {config.pretrained} was exported with "
                         f"{model.batch_size}; leave per_batch_size out, or export again")
    config = model.config.replace(config.source("ann_file"), ann_file=config.ann_file)
    config = config.replace(CHECKPOINT, per_batch_size=model.batch_size)
    data = read_data(config, model.categories.names, ranks)
    with run_folder(config, ranks) as (folder, logger):
        run(on_tensors(model.heads), model.engine, data, config, folder, logger, ranks)


def evaluate_checkpoint(config, ranks):
    """Score a checkpoint, or measure its speed."""
    checkpoint, config, categories = read_checkpoint(config, config.pretrained)
    data = None
    if config.data_dir or config.ann_file:
        data = read_data(config, checkpoint.meta.get("class_names"), ranks)
        categories, config = data.categories, with_categories(config, len(data.categories))
    if not config.benchmark:
        engine = choose_engine(config)
        network = fastest_network(config, len(categories), checkpoint, config.per_batch_size, engine, selects=True)
    with run_folder(config, ranks) as (folder, logger):
        if config.benchmark:
            run_benchmark(checkpoint, config, len(categories), data, folder, logger)
        else:
            run(network, engine, data, config, folder, logger, ranks)


@contextmanager
def run_folder(config, ranks):
    """Yield a new folder of a run, which holds its config, and its logger."""
    folder = common_run_folder(config.log_path, ranks)
    with run_logger(folder, ranks.rank, "eval") as logger:
        if ranks.is_first:
            config.save_yaml(str(folder / "config.yaml"))
        yield folder, logger


def read_data(config, names, ranks):
    """Return the images to evaluate on that can be read; their classes must be those of the model (None: unknown)."""
    ann_file, image_dir = evaluation_files(config)
    data = read_split(ann_file, image_dir, config)
    need_ground_truth(data, ann_file)
    check_categories(config.pretrained, names, data.categories)
    return usable(data, check_images(data, config, workers_of(config), ranks), config, training=False)


def evaluation_files(config):
    """Return the annotation file and the image folder of the images to evaluate on."""
    if not config.ann_file:
        return layout(config.data_dir, "val")
    return Path(config.ann_file), Path(config.image_dir or Path(config.ann_file).parent)


def run(network, engine, data, config, folder, logger, ranks):
    """Evaluate, log the tables and write results and metrics to a folder."""
    logger.info("%s runs in %s", config.pretrained, engine)
    logger.info("evaluating %s on %s of %s at %dx%d", config.pretrained, counted(len(data.image_ids), "images"),
                config.ann_file or config.data_dir, *config.testing_shape)
    for line in data.report_lines():
        logger.warning("%s", line)
    results_path = folder / time.strftime("predict_%Y_%m_%d_%H_%M_%S.json")
    result = evaluate(network, data, config, results_path=results_path, ranks=ranks)
    log_result(result, logger)
    if ranks.is_first:
        write_json(folder / "metrics.json", result.metrics())
        report = Report(config, folder, logger, data)
        report.add(result)
        report.close(f"{config.pretrained} on {config.ann_file or config.data_dir}")
        logger.info("results: %s", results_path)


if __name__ == "__main__":
    sys.exit(run_cli(main))

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Detect objects in images and videos: draw class, score and box, and write all detections to a json file.

    python predict.py --ckpt_file outputs/RUN/ckpt_0/best.ckpt --image PATH_OR_FOLDER --device_target CPU

`--ckpt_file` takes exported `.mindir` and `.onnx` files, too. `--image` is an image, a video, a folder of them with its
sub-folders, a pattern ('a/*.jpg'), a .txt file with a path a line, the address of a stream or the number of a camera.
Class names and preprocessing come from the model. `--draw_threshold 0.25`: detections that score higher are drawn and
written. `--output_dir FOLDER` (default: a new folder below `log_path`) receives each drawing under the name of its
input, and `detections.json`, with `--result_formats json,csv,coco,yolo` further files; no input is ever overwritten. An
image that cannot be read is skipped, named and counted. Ctrl-C ends a run after the batch, with what was found.
"""
import sys
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from model_utils.config import get_config
from model_utils.errors import UsageError, run_cli
from src.deploy.detector import Detector
from src.deploy.prediction import Prediction
from src.deploy.window import Window
from src.evaluation.prediction_files import ImageIds, PredictionFiles, checked_formats
from src.evaluation.sources import find_sources
from src.logger import close_logger, get_logger, make_run_folder


def main(argv=None):
    """Predict by command-line arguments; return the exit code."""
    config = get_config(argv, "python predict.py")
    if not config.ckpt_file:
        raise UsageError("ckpt_file is empty: name the checkpoint, .mindir or .onnx file by --ckpt_file FILE")
    if not config.image:
        raise UsageError("image is empty: name an image, a folder of images or a video by --image PATH")
    formats = checked_formats(config.result_formats)
    sources = find_sources(config.image, config.output_dir, config.recursive)
    image_ids = ImageIds(sources, config.ann_file if "coco" in formats else "", config.max_json_mb)
    window = Window() if config.show else None
    detector = Detector(config.ckpt_file, config=config)
    files = PredictionFiles(lambda: Path(config.output_dir or make_run_folder(config.log_path)), formats, image_ids)
    logger = get_logger("", name="predict")
    logger.info("%s runs in %s", detector.model, detector.engine)
    try:
        return Prediction(detector, sources, files, window, logger).run()
    finally:
        close_logger(logger)


if __name__ == "__main__":
    sys.exit(run_cli(main))

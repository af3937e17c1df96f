# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Detect objects in images: draw class, score and box, and write all detections to a json file.

    python predict.py --ckpt_file outputs/RUN/ckpt_0/best.ckpt --image PATH_OR_FOLDER --device_target CPU

A folder is read with its sub-folders, and photos as people see them (`--exif ignore`: as they are stored). Class names
and preprocessing come from the checkpoint. `--draw_threshold 0.25`: detections that score higher are drawn and written.
`--output_dir FOLDER` (default: a new folder below `log_path`) receives each drawn image under the name of its input,
and `detections.json`; no input is ever overwritten. An image that cannot be read is skipped, named and counted.
"""
import os
import sys
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from tqdm import tqdm

from model_utils.config import get_config
from model_utils.device_adapter import setup_device
from model_utils.errors import UsageError, run_cli
from model_utils.json_file import write_json
from src.data.image_files import UnreadableImage, decode_image
from src.evaluation.detections import as_records, as_text
from src.evaluation.image_folder import WRITABLE, image_paths
from src.evaluation.inference import fastest_network, predict_image, read_checkpoint
from src.evaluation.visualize import draw_boxes, write_image
from src.logger import close_logger, get_logger, make_run_folder


def main(argv=None):
    """Predict by command-line arguments; return the exit code."""
    config = get_config(argv, "python predict.py")
    if not config.ckpt_file:
        raise UsageError("ckpt_file is empty: name the checkpoint by --ckpt_file FILE")
    if not config.image:
        raise UsageError("image is empty: name an image or a folder of images by --image PATH")
    paths = image_paths(config.image, config.output_dir)
    targets = output_names(paths, config.output_dir)
    setup_device(config)
    checkpoint, config, categories = read_checkpoint(config, config.ckpt_file)
    network = fastest_network(config, len(categories), checkpoint, batch_size=1)
    images, skipped = predict_all(network, list(zip(paths, targets, strict=True)), config)
    folder = Path(config.output_dir) if config.output_dir else make_run_folder(config.log_path)
    write(images, skipped, categories, folder, config.exif)
    return 0


def predict_all(network, images, config):
    """Predict on (path, name of the drawn image) pairs.

    Returns:
        Tuple of (path, name, what `predict_image` returns) of each image that can be read, and the other errors.

    Raises:
        UserError: none can be read, or one cannot with strict_images.
    """
    found, errors = [], []
    for path, target in tqdm(images, desc="prediction", unit="image", leave=False, disable=None):
        try:
            found.append((path, target, predict_image(network, path, config)))
        except UnreadableImage as error:
            errors.append(error)
            if config.strict_images or len(errors) == len(images):
                raise
    return found, errors


def output_names(paths, output_dir):
    """Return the name of each drawn image: its input's, below their common folder, with .png appended if need be.

    Raises:
        UsageError: `output_dir` is no folder, or a drawn image would overwrite one of the inputs.
    """
    root = os.path.commonpath([path.parent for path in paths])
    names = [os.path.relpath(path, root) + ("" if path.suffix.lower() in WRITABLE else ".png") for path in paths]
    if os.path.lexists(output_dir) and not os.path.isdir(output_dir):
        raise UsageError(f"output_dir {output_dir}: is no folder; name a folder, which is made if it is missing")
    if output_dir:
        inputs = {path.resolve() for path in paths}
        overwritten = [name for name in names if (Path(output_dir) / name).resolve() in inputs]
        if overwritten:
            raise UsageError(f"output_dir {output_dir}: drawn images would overwrite inputs ({overwritten[0]}); choose "
                             "another folder")
    return names


def write(images, skipped, categories, folder, exif):
    """Write the drawn images and the json to a folder, and log the detections; see `predict_all` for the first two."""
    logger = get_logger("", name="predict")
    for error in skipped:
        logger.warning("skipped: %s", error)
    records = []
    faults = [(path, fault) for path, _, (fault, *_) in images if fault]
    for path, fault in faults:
        logger.warning("%s: %s, %s", path, fault.kind, fault.text)
    for path, target, (_, (height, width), boxes, scores, classes) in images:
        write_image(folder / target, draw_boxes(decode_image(path, exif), boxes, classes, categories.names, scores))
        detections = as_records(boxes, scores, classes, categories)
        records.append({"file": str(path), "width": width, "height": height, "detections": detections})
        logger.info("%s: %s", folder / target, as_text(detections))
    write_json(folder / "detections.json", records)
    if faults:
        logger.warning("%d of %d images are not sound, see above; what can be read of them was used", len(faults),
                       len(images))
    if skipped:
        logger.warning("%d of %d images cannot be read, see above (--strict_images True stops at one)", len(skipped),
                       len(skipped) + len(images))
    logger.info("%s: %d detections on %d images", folder / "detections.json",
                sum(len(record["detections"]) for record in records), len(records))
    close_logger(logger)


if __name__ == "__main__":
    sys.exit(run_cli(main))

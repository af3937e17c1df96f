# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Convert Darknet weights of YOLOv3-Tiny to a checkpoint that eval.py, export.py and predict.py run without options.

    python convert_weight.py --input_file yolov3-tiny.weights --output_file yolov3-tiny.ckpt

The number of classes follows from the file's size; 80 classes are taken to be those of COCO. The checkpoint records the
settings of the published network (416 x 416, letterbox, RGB from 0 to 1, its anchors); for a network with a cfg of your
own, set what differs: --testing_shape, --anchors, --anchor_masks, --scale_x_y. No device is needed.
"""
import sys
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from model_utils.config import TRAVELLING, get_config
from model_utils.errors import UsageError, UserError, run_cli
from src.config import check_config
from src.data.categories import COCO
from src.weights.checkpoint import save_checkpoint
from src.weights.darknet import CONVOLUTIONS, DARKNET_OPTIONS, file_sizes, header_size, read_darknet


def main(argv=None):
    """Convert by command-line arguments; return the exit code."""
    config = get_config(argv, "python convert_weight.py")
    for name in ("input_file", "output_file"):
        if not config[name]:
            raise UsageError(f"{name} is empty: name the Darknet weights by --input_file FILE and the checkpoint to "
                             "write by --output_file FILE")
    source, target = Path(config.input_file), Path(config.output_file)
    if source.resolve() == target.resolve():
        raise UsageError(f"output_file {target}: would overwrite input_file; choose another name")
    if target.suffix != ".ckpt":
        raise UsageError(f"output_file {target}: expected a name that ends in .ckpt, as MindSpore reads no other")
    if target.is_dir():
        raise UsageError(f"output_file {target}: is a folder; name a file")
    config = config.with_checkpoint(DARKNET_OPTIONS)
    check_config(config)
    darknet = read_darknet(source, len(config.anchor_masks[0]))
    check_whole(darknet, config)
    target.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(target, darknet.weights, describe(darknet, config))
    names = "the classes of COCO" if darknet.num_classes == len(COCO) else "the file has no names for them"
    print(f"{source}: Darknet {'.'.join(map(str, darknet.version))}, trained on {darknet.images_seen} images, "
          f"{darknet.num_classes} classes ({names})")
    print(f"{target}: {len(darknet.weights)} tensors, {sum(array.size for array in darknet.weights.values())} numbers; "
          f"runs at {config.testing_shape[0]}x{config.testing_shape[1]}, {config.resize_mode}, anchor_masks "
          f"{[list(mask) for mask in config.anchor_masks]}, mean {list(config.mean)}, std {list(config.std)}")
    return 0


def check_whole(darknet, config):
    """Refuse a partial file, and a file whose number of classes is not the one that the user set.

    Raises:
        UserError: names what the file holds.
    """
    if not darknet.is_whole:
        classes = darknet.num_classes or config.num_classes
        expected = file_sizes(classes, len(config.anchor_masks[0]), header_size(darknet.version))[-1]
        raise UserError(f"{darknet.path}: a partial file, it ends after {darknet.convolutions} of {len(CONVOLUTIONS)} "
                        f"convolutions ({Path(darknet.path).stat().st_size} bytes; the whole network with {classes} "
                        f"classes has {expected}); train from it by --pretrained_backbone, or convert a whole file")
    if config.is_set("num_classes") and config.num_classes != darknet.num_classes:
        raise UserError(f"{darknet.path}: its size is that of {darknet.num_classes} classes, but num_classes is "
                        f"{config.num_classes} ({config.source('num_classes')}); leave it out, or convert another file")


def describe(darknet, config):
    """Return the checkpoint's meta data.

    Without class names, as in a 2021 checkpoint, eval.py takes those of the annotation file.
    """
    meta = {key: config[key] for key in TRAVELLING}
    if darknet.num_classes == len(COCO):
        meta |= {"class_names": list(COCO.names), "category_ids": list(COCO.ids)}
    return meta


if __name__ == "__main__":
    sys.exit(run_cli(main))

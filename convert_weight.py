# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Convert Darknet weights of YOLOv3-Tiny to a checkpoint that eval.py, export.py and predict.py run without options.

    python convert_weight.py --input_file yolov3-tiny.weights --output_file yolov3-tiny.ckpt
    python convert_weight.py --input_file own.weights --output_file own.ckpt --names_file obj.names

A file without options is of the 80 classes of COCO. Other classes are named, because a file holds only the rows of its
heads: 18 are 3 anchors of 1 class, but also 2 of 4. The number of names, --num_classes or --anchor_masks decides. The
checkpoint records the settings of the published network (416 x 416, letterbox, RGB from 0 to 1, its anchors); for a
network with a cfg of your own, set what differs: --testing_shape, --anchors, --anchor_masks, --scale_x_y. No device is
needed.
"""
import sys
from pathlib import Path

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from model_utils.config import TRAVELLING, get_config
from model_utils.errors import UsageError, UserError, counted, run_cli
from src.config import check_config
from src.data.categories import COCO, read_names
from src.network.head_layout import FIRST_CLASS
from src.util import first_names
from src.weights.checkpoint import save_checkpoint
from src.weights.darknet import CONVOLUTIONS, DARKNET_OPTIONS, file_sizes, head_layouts, header_size, read_darknet


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
    darknet = read_darknet(source)
    check_whole(darknet)
    names = read_names(Path(config.names_file)) if config.names_file else None
    num_classes = count_classes(darknet, config, names)
    origin = f"named in {config.names_file}"
    if names is None:
        origin = "those of COCO" if num_classes == len(COCO) else "without names"
        names = COCO.names if num_classes == len(COCO) else None
    target.parent.mkdir(parents=True, exist_ok=True)
    save_checkpoint(target, darknet.weights, describe(config, names))
    print(f"{source}: Darknet {'.'.join(map(str, darknet.version))}, trained on "
          f"{counted(darknet.images_seen, 'images')}, {counted(num_classes, 'classes')} ({origin}), "
          f"{len(config.anchor_masks[0])} anchors a scale")
    print(f"{target}: {len(darknet.weights)} tensors, {sum(array.size for array in darknet.weights.values())} numbers; "
          f"runs at {config.testing_shape[0]}x{config.testing_shape[1]}, {config.resize_mode}, anchor_masks "
          f"{[list(mask) for mask in config.anchor_masks]}, mean {list(config.mean)}, std {list(config.std)}")
    return 0


def check_whole(darknet):
    """Refuse a partial file.

    Raises:
        UserError: names what the file holds.
    """
    if darknet.is_whole:
        return
    rows = darknet.rows or len(DARKNET_OPTIONS["anchor_masks"][0]) * (FIRST_CLASS + len(COCO))
    expected = file_sizes(rows, header_size(darknet.version))[-1]
    raise UserError(f"{darknet.path}: a partial file, it ends after {darknet.convolutions} of {len(CONVOLUTIONS)} "
                    f"convolutions ({Path(darknet.path).stat().st_size} bytes; the whole network with {rows} rows in "
                    f"its heads, {layout_text(rows, most=1)}, has {expected}); train from it by --pretrained_backbone, "
                    "or convert a whole file")


def count_classes(darknet, config, names):
    """Return the number of classes of a whole file, which the user has to say where it is not COCO's.

    Args:
        darknet (DarknetWeights): a whole network.
        config (Config): the resolved configuration.
        names (tuple): the class names that the user gave; None: none.

    Raises:
        UserError: what the user said does not fit the rows of the heads, or nothing was said; the anchors and classes
            that fit are listed.
    """
    said = [] if names is None else [(f"{config.names_file} has {counted(len(names), 'names')}", len(names))]
    if config.is_set("num_classes"):
        said.append((f"num_classes is {config.num_classes} ({config.source('num_classes')})", config.num_classes))
    anchors = len(config.anchor_masks[0])
    fits = f"its heads have {darknet.rows} rows, which are {layout_text(darknet.rows)}"
    num_classes = dict(head_layouts(darknet.rows)).get(anchors)
    for text, number in said:
        if number != num_classes:
            raise UserError(f"{darknet.path}: {text}, with {anchors} anchors a scale, but {fits}: correct it, or set "
                            "the anchors of its cfg by --anchors and --anchor_masks")
    if num_classes is None or not (said or num_classes == len(COCO) or config.is_set("anchor_masks")):
        raise UserError(f"{darknet.path}: {fits}; the file does not say which. Name the classes by --names_file "
                        "obj.names, or give --num_classes N; where its cfg has other anchors than 3 a scale, set "
                        "--anchors and --anchor_masks as well")
    return num_classes


def layout_text(rows, most=4):
    """Return the anchors and classes that make up the rows of a head, as text."""
    return first_names([f"{anchors} anchor{'s' * (anchors > 1)} of {classes} class{'es' * (classes > 1)}"
                        for anchors, classes in head_layouts(rows)], most)


def describe(config, names):
    """Return the checkpoint's meta data; ids are those of COCO for its names, and from 0 for others.

    Without class names (None), as in a 2021 checkpoint, eval.py takes those of the annotation file.
    """
    meta = {key: config[key] for key in TRAVELLING}
    if names is not None:
        ids = COCO.ids if names == COCO.names else range(len(names))
        meta |= {"class_names": list(names), "category_ids": list(ids)}
    return meta


if __name__ == "__main__":
    sys.exit(run_cli(main))

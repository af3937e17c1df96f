# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Inference networks from checkpoint files: the config, the classes and the weights that a checkpoint holds."""

import mindspore as ms

from model_utils.device_adapter import prefers_decomposed_activation
from model_utils.errors import UserError, counted
from model_utils.files import mindspore_folder
from src.config import check_config, with_categories
from src.data.categories import Categories, unnamed_categories
from src.evaluation.cpu_engine import INPUT_NAME, MINDSPORE
from src.evaluation.topk_candidates import candidate_selector
from src.network.head_layout import FIRST_CLASS
from src.util import first_names
from src.weights.checkpoint import load_checkpoint
from src.weights.folding import load_folded
from src.yolo import build_inference_network


def read_checkpoint(config, path):
    """Return (checkpoint, config, categories) of a file; no flag has to repeat what it was trained with.

    Args:
        config (Config): of the command line; what it leaves at defaults comes from the checkpoint.
        path (str): checkpoint of this project or of the 2021 version.

    Raises:
        UserError: the checkpoint cannot be read or does not fit the config.
    """
    checkpoint = load_checkpoint(path)
    config = config.with_checkpoint(checkpoint.meta)
    check_config(config)
    categories = checkpoint_categories(checkpoint, config)
    return checkpoint, with_categories(config, len(categories)), categories


def load_inference_network(config, path, **options):
    """Return (folded network, config, categories) of a checkpoint file, see `read_checkpoint` and `folded_network`."""
    checkpoint, config, categories = read_checkpoint(config, path)
    return folded_network(config, len(categories), checkpoint, **options), config, categories


def folded_network(config, num_classes, checkpoint, **options):
    """Return a `YOLOv3TinyInference` with the folded weights of a checkpoint; options: of `build_inference_network`.

    Raises:
        UserError: the weights do not fit the network.
    """
    network = build_inference_network(config, num_classes, **options)
    load_folded(network, checkpoint)
    return network


def fastest_network(config, num_classes, checkpoint, batch_size, engine, selects=False):
    """Return what computes decoded heads, and candidates if it `selects`, fastest on the config's device.

    MindSpore's convolutions on a CPU must not use AVX-512 (see `model_utils/bootstrap.py`). Other engines may, and fuse
    the activation: the same heads in half the time.

    Args:
        config (Config): device_target, testing_shape.
        num_classes (int): C.
        checkpoint (Checkpoint): its weights.
        batch_size (int): images in each batch.
        engine (Engine): of `choose_engine`.
        selects (bool): add a `CandidateSelector` where the device selects faster than the host.

    Returns:
        A callable: tensor uint8 [B, H, W, 3] to the outputs of `YOLOv3TinyInference`, as tensors.
    """
    is_exported = engine.name != MINDSPORE
    network = folded_network(config, num_classes, checkpoint, select=candidate_selector(config) if selects else None,
                             decomposed_activation=(prefers_decomposed_activation(config.device_target)
                                                    and not is_exported))
    if not is_exported:
        return network
    return on_tensors(engine.open(exported(network, (batch_size, *config.testing_shape, 3))))


def exported(network, images_shape):
    """Return a network on a CPU as the content of an ONNX file, as export.py writes it.

    Args:
        network (nn.Cell): a `YOLOv3TinyInference` with its weights; later changes of them have no effect.
        images_shape (tuple): of its input, uint8 [B, H, W, 3]; exported graphs accept no other batch.

    Raises:
        UserError: MindSpore does not accept the name of the folder for temporary files.
    """
    with mindspore_folder(cure=", or use --cpu_engine mindspore") as folder:
        path = folder / "network.onnx"
        ms.onnx.export(network, ms.ops.zeros(images_shape, ms.uint8), file_name=str(path), input_names=[INPUT_NAME])
        return path.read_bytes()


def on_tensors(session):
    """Wrap a function of arrays as a network, which takes and returns tensors."""
    return lambda images: tuple(ms.Tensor.from_numpy(output) for output in session(images.asnumpy()))


def checkpoint_categories(checkpoint, config):
    """Return the classes of a checkpoint; one of the 2021 version has no names, see `unnamed_categories`."""
    names, ids = checkpoint.meta.get("class_names"), checkpoint.meta.get("category_ids")
    if names is not None:
        return Categories(tuple(names), tuple(ids))
    if "head1.bias" not in checkpoint.weights:
        raise UserError(f"checkpoint {checkpoint.path}: has no head1.bias; expected the weights of a whole YOLOv3-Tiny")
    num_classes = len(checkpoint.weights["head1.bias"]) // len(config.anchor_masks[-1]) - FIRST_CLASS
    return unnamed_categories(num_classes)


def check_categories(path, names, categories):
    """Refuse a model that was trained on other classes than the annotation file has.

    Category ids may differ: those of the annotation file are used.

    Args:
        path (str): of the model, for the message.
        names (sequence): its class names in order; None, or those of `unnamed_categories`, where it has none.
        categories (Categories): of the annotation file.

    Raises:
        UserError: another number of classes, or another name or order; the first difference is named.
    """
    if names is None:
        # A checkpoint of 2021 has no names; the strict loading of the weights finds a different number of classes.
        return
    if len(names) != len(categories.names):
        raise UserError(f"{path}: trained on {counted(len(names), 'classes')} ({first_names(names)}), but "
                        f"the annotation file has {len(categories)} ({first_names(categories.names)}); use the data "
                        "set that it was trained on")
    if tuple(names) == unnamed_categories(len(names)).names:
        return
    for number, (trained, annotated) in enumerate(zip(names, categories.names, strict=True)):
        if trained != annotated:
            raise UserError(f"{path}: class {number} is '{trained}' in the model, but '{annotated}' in the annotation "
                            "file; use the data set that it was trained on, its classes in that order")

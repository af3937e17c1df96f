# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Entry point of MindSpore Hub: `create_network`.

    python -c "from mindspore_hub_conf import create_network; print(create_network('yolov3_tiny', num_classes=3))"
"""
import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

from model_utils.config import COMMAND_LINE, get_config
from model_utils.errors import UsageError, nearest
from src.config import check_config
from src.evaluation.inference import folded_network, read_checkpoint
from src.initializer import initialise_weights
from src.weights.checkpoint import load_weights
from src.yolo import build_inference_network, build_network

NAME = "yolov3_tiny"
# The options of default_config.yaml that determine a network.
OPTIONS = ("num_classes", "anchors", "anchor_masks", "scale_x_y", "testing_shape", "mean", "std", "seed")


def create_network(name, checkpoint="", inference=False, **options):
    """Return the network of this name (nn.Cell), in inference mode.

    Args:
        name (str): "yolov3_tiny".
        checkpoint (str): file of the weights, of this project or of the 2021 version; its classes, anchors and shape
            apply unless `options` sets them. Empty: random weights from `seed`.
        inference (bool): False: `YOLOv3Tiny` for training, normalised float32 [B, 3, H, W] to raw heads; its parameters
            have the names of a checkpoint. True: `YOLOv3TinyInference` at `testing_shape`, uint8 [B, H, W, 3] RGB to
            decoded heads [B, g, g, 3, 5 + C], stride 32 first; a checkpoint's batch norm is folded.
        **options: num_classes, anchors, anchor_masks, scale_x_y, testing_shape, mean, std, seed, as in
            default_config.yaml.

    Raises:
        UsageError: unknown name or option, or an invalid value.
        UserError: the checkpoint cannot be read or does not fit.
    """
    if name != NAME:
        raise UsageError(f"there is no network {name!r}; expected {NAME!r}")
    for option in options:
        if option not in OPTIONS:
            hint = nearest(option, ("checkpoint", "inference", *OPTIONS))
            raise UsageError(f"unknown option {option}{hint}; expected checkpoint, inference, {', '.join(OPTIONS)}")
    config = get_config([]).replace(COMMAND_LINE, **options).settled()
    if checkpoint:
        loaded, config, _ = read_checkpoint(config, checkpoint)
        if inference:
            return folded_network(config, config.num_classes, loaded)
    else:
        check_config(config)
    network = build_network(config, config.num_classes)
    if checkpoint:
        load_weights(network, loaded)
    else:
        initialise_weights(network, config.seed)
    network.set_train(False)
    return build_inference_network(config, config.num_classes, network) if inference else network

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The case that two programs are measured on: real images and boxes, and the same initial weights, in one file."""
import json

import numpy as np

from model_utils.config import get_config
from src.config import check_config, detection_scales, training_config, with_categories
from src.data.coco import read_coco
from src.evaluation.cpu_engine import choose_engine
from src.evaluation.inference import fastest_network
from src.weights.checkpoint import Checkpoint
from src.weights.start_weights import start_weights
from src.yolo import build_network
from src.yolo_dataset import train_stream


def benchmark_config(data_dir, size, batch, **options):
    """Return the classic recipe's resolved `Config` on the CPU for images of size x size."""
    values = {"device_target": "CPU", "data_dir": data_dir, "training_shape": size, "testing_shape": size,
              "per_batch_size": batch, **options}
    config = training_config(get_config([f"--{key}={value}" for key, value in values.items()]))
    check_config(config)
    return config


# Low, so that two programs that compute the same do not diverge through rounding.
RATE = 1e-5


def training_case(data_dir, size, batch):
    """Return (config, network, images, boxes): a network with its initial weights, and the first training batch."""
    config = benchmark_config(data_dir, size, batch)
    data = read_coco(config, "train", training=True)
    config = with_categories(config, len(data.categories))
    network = build_network(config, config.num_classes, decomposed_activation=True)
    start_weights(network, config, data.categories.names)
    with train_stream(config, data) as stream:
        images, boxes = next(stream)
    return config, network, images, boxes


def write_case(path, config, network, images, boxes, **settings):
    """Write a case for the PyTorch twin; `settings` are the numbers of repetitions."""
    scales = detection_scales(config)
    settings |= {"anchors": [anchor for scale in scales for anchor in scale.anchors],
                 "scale_x_y": [scale.scale_x_y for scale in scales],
                 "head_channels": scales[0].channels(config.num_classes),
                 "input_hw": list(images.shape[1:3]), "lr": RATE}
    settings |= {key: config[key] for key in ("anchor_iou_threshold", "ignore_threshold", "coord_scale", "large_scale",
                                              "mean", "std", "momentum", "weight_decay")}
    weights = {f"weights/{parameter.name}": parameter.asnumpy() for parameter in network.get_parameters()}
    np.savez(path, settings=json.dumps(settings), images=images, boxes=boxes, **weights)


def evaluation_network(config, batch, network=None, engine=None):
    """Return the network that eval.py would run for a batch size, with the weights of `network` or initial weights.

    `engine` is an `Engine`, None: the one that the config chooses.
    """
    if network is None:
        network = build_network(config, config.num_classes)
        start_weights(network, config)
    weights = {parameter.name: parameter.asnumpy() for parameter in network.get_parameters()}
    return fastest_network(config, config.num_classes, Checkpoint("first weights", weights), batch,
                           engine or choose_engine(config), selects=True)

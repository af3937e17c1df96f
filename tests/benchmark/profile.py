"""Where the time of a training step goes, by graphs that hold more and more of it.

    python -m tests.benchmark.profile ../shared/data/coco128 416 8

Prints the median seconds of: the forward pass; forward and backward with the sum of squares of the heads in the place
of the loss, so convolutions, batch norm, activations and pooling alone; forward and backward with the loss; the whole
step with its update.
"""
import statistics
import sys
import time

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import mindspore as ms
import mindspore.ops as ops

from model_utils.device_adapter import setup_device
from src.config import detection_scales
from src.geometry import scale_grids
from src.loss import LossSettings, YOLOv3TinyLoss
from src.train_step import TrainStep, build_optimizer
from src.yolo import Normalize
from tests.benchmark.cases import RATE, training_case

ROUNDS = 7


def main(data_dir, size, batch):
    """Print a line for each graph, measured in turn."""
    config, network, images, boxes = training_case(data_dir, int(size), int(batch))
    setup_device(config)
    network.set_train(True)
    images, boxes = ms.Tensor(images), ms.Tensor(boxes)
    optimizer = build_optimizer(network, config)
    normalize, scales = Normalize(config.mean, config.std), detection_scales(config)
    grids = scale_grids(scales, images.shape[1:3])
    loss_of = YOLOv3TinyLoss(scales, config.num_classes, LossSettings.from_config(config))
    step = TrainStep(network, optimizer, config, config.num_classes)

    def squares(images):
        big, small = network(normalize(images))
        return ops.reduce_sum(big * big) + ops.reduce_sum(small * small)

    def loss(images):
        return loss_of(*network(normalize(images)), boxes, grids)[0]

    programs = {"forward": _graph(squares), "forward and backward": _graph(_gradients(squares, optimizer)),
                "forward and backward with the loss": _graph(_gradients(loss, optimizer)),
                "whole step": lambda images: step(images, boxes, RATE)[0]}
    seconds = {name: [] for name in programs}
    for turn in range(ROUNDS + 2):
        for name, program in programs.items():
            started = time.perf_counter()
            program(images).asnumpy()
            # The first two compile and warm up.
            if turn >= 2:
                seconds[name].append(time.perf_counter() - started)
    for name, found in seconds.items():
        print(f"{name:<36} {statistics.median(found):.3f} s ({min(found):.3f} to {max(found):.3f})")


def _graph(function):
    """Return a compiled function; it holds a branch, without which MindSpore runs graphs on CPU at half the speed."""

    @ms.jit
    def run(images):
        value = function(images)
        if value > 0:  # noqa: SIM108  (the branch is the point)
            result = value + 1.0
        else:
            result = value
        return result

    return run


def _gradients(function, optimizer):
    """Return a function that computes all gradients, and gives a number which needs each of them."""
    gradient_of = ms.value_and_grad(function, None, optimizer.parameters)

    def run(images):
        value, gradients = gradient_of(images)
        for gradient in gradients:
            value = value + ops.reduce_sum(gradient) * 0.0
        return value

    return run


if __name__ == "__main__":
    main(*sys.argv[1:])

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""A worker of `workers.py`: our training step and forward pass, to be measured against the PyTorch twin.

    python -m tests.benchmark.ours DATA_DIR SIZE BATCH CASE.npz STEPS PASSES

It writes the twin's case to CASE.npz.
"""
import sys
from functools import partial

import model_utils.bootstrap  # noqa: F401  (first: sets the environment)

import mindspore as ms

from model_utils.device_adapter import setup_device
from src.evaluation.cpu_engine import MINDSPORE, available_engines
from src.training.optimizer import build_optimizer
from src.training.train_step import TrainStep
from tests.benchmark.cases import RATE, evaluation_network, training_case, write_case
from tests.benchmark.workers import COMPARED_STEPS, serve, timed


def main(data_dir, size, batch, case_path, steps, passes):
    """Serve the measurements `train`, `losses` and, for each engine and precision, `forward ENGINE PRECISION`."""
    config, network, images, boxes = training_case(data_dir, int(size), int(batch))
    setup_device(config)
    steps, passes = int(steps), int(passes)
    write_case(case_path, config, network, images, boxes, steps=steps, passes=passes)
    step = TrainStep(network, build_optimizer(network, config), config, config.num_classes)
    networks = {f"forward {engine.name} {engine.precision}": evaluation_network(config, int(batch), network, engine)
                for engine in available_engines(config) if engine.name != MINDSPORE}
    images, boxes = ms.Tensor(images), ms.Tensor(boxes)

    def one_step():
        loss, _, _ = step(images, boxes, RATE)
        return float(loss.asnumpy())

    def forward(inference):
        return [output.asnumpy() for output in inference(images)]

    def train():
        network.set_train(True)
        return timed(one_step, steps)

    def first_losses():
        network.set_train(True)
        return [one_step() for _ in range(COMPARED_STEPS)]

    forwards = {name: partial(timed, partial(forward, inference), passes) for name, inference in networks.items()}
    serve({"engines": [str(engine) for engine in available_engines(config)], "classes": config.num_classes,
           "boxes": int((boxes[:, :, 2] > 0).sum())}, {"losses": first_losses, "train": train, **forwards})


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The start of the weights: random, from a backbone, from a whole checkpoint."""
import math

import numpy as np

import mindspore as ms
import mindspore.nn as nn

from model_utils.errors import UserError
from src.checkpoint import load_checkpoint, load_weights

BACKBONE_BLOCKS = tuple(f"conv{i}." for i in range(7))


def initialise_weights(network, seed):
    """Draw all convolution weights and biases from U(-b, b) with b = 1 / sqrt(fan in), from one seed.

    This is He et al. 2015 for a slope of sqrt(5), the default of PyTorch and MindSpore; drawn by NumPy, so that a
    seed means the same weights on every device. Batch-norm keeps gamma 1, beta 0, mean 0, variance 1.
    """
    rng = np.random.default_rng(seed)
    for _, cell in network.cells_and_names():
        if not isinstance(cell, nn.Conv2d):
            continue
        fan_in = math.prod(cell.weight.shape[1:])
        for parameter in (cell.weight, cell.bias if cell.has_bias else None):
            if parameter is not None:
                values = rng.uniform(-1, 1, parameter.shape) / math.sqrt(fan_in)
                parameter.set_data(ms.Tensor(values, ms.float32))


def load_backbone(network, path):
    """Copy conv0 to conv6 from a checkpoint of this project or of the 2021 version, as far as it holds them.

    Returns:
        The names that were filled.

    Raises:
        UserError: the checkpoint cannot be read, holds none of these tensors, or one of another shape.
    """
    weights = load_checkpoint(path).weights
    wanted = {parameter.name: parameter for parameter in network.get_parameters()
              if parameter.name.startswith(BACKBONE_BLOCKS)}
    filled = [name for name in wanted if name in weights]
    if not filled:
        raise UserError(f"pretrained_backbone {path}: holds none of the backbone's tensors (such as "
                        f"{next(iter(wanted))}); it has {', '.join(list(weights)[:3]) or 'no tensors'}")
    for name in filled:
        if weights[name].shape != tuple(wanted[name].shape):
            raise UserError(f"pretrained_backbone {path}: {name} has shape {weights[name].shape}, the backbone "
                            f"{tuple(wanted[name].shape)}")
    for name in filled:
        wanted[name].set_data(ms.Tensor(weights[name], ms.float32))
    return filled


def start_weights(network, config):
    """Initialise a network, load what `resume_yolo` or `pretrained_backbone` names, and return in words what it filled.

    Raises:
        UserError: the checkpoint cannot be read or does not fit.
    """
    initialise_weights(network, config.seed)
    if config.pretrained_backbone:
        filled = load_backbone(network, config.pretrained_backbone)
        return f"pretrained_backbone {config.pretrained_backbone}: filled {len(filled)} tensors: {', '.join(filled)}"
    if config.resume_yolo:
        load_weights(network, load_checkpoint(config.resume_yolo))
        return f"resume_yolo {config.resume_yolo}: filled all tensors; the optimiser starts anew"
    return f"random weights, seed {config.seed}"

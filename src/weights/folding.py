# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Folding of batch-norm into the convolution before it: it saves half of the memory passes after a convolution.

The folded network is the same class built with `folded=True`: its blocks keep their convolution's weight and of their
batch-norm the beta, a bias for each channel. Training never folds.
"""
import numpy as np

import mindspore as ms

from model_utils.errors import UserError
from src.tiny import BATCH_NORM_EPS
from src.weights.checkpoint import BATCH_NORM_FIELDS, copy_strictly

BETA = ".bn.beta"


def fold_batch_norm(weights):
    """Return weights for a folded network from those of a trained one; neither dict nor arrays are changed.

    With g = gamma / sqrt(moving_variance + eps), the convolution's weight becomes weight * g and the block's beta
    becomes beta - moving_mean * g (Ioffe and Szegedy 2015, section 3.1). Computed in float64, rounded once.

    Args:
        weights (dict): name to array; conv.weight [C', C, k, k] and gamma, beta, moving_mean, moving_variance [C'] of
            each block, by the names of a checkpoint. Other tensors are passed through.

    Returns:
        Dict of float32 arrays, without gamma, moving_mean and moving_variance.
    """
    folded = {name: np.asarray(array, np.float32) for name, array in weights.items()
              if name.rpartition(".bn.")[2] not in BATCH_NORM_FIELDS}
    for block in (name.removesuffix(BETA) for name in weights if name.endswith(BETA)):
        gamma, beta, mean, variance = (np.asarray(weights[f"{block}.bn.{field}"], np.float64)
                                       for field in BATCH_NORM_FIELDS)
        # A damaged variance gives NaN, and others infinity, which `check_finite` reports; no warning is needed here.
        with np.errstate(invalid="ignore", over="ignore"):
            gain = gamma / np.sqrt(variance + BATCH_NORM_EPS)
            kernel = np.asarray(weights[f"{block}.conv.weight"], np.float64) * gain[:, None, None, None]
            folded[f"{block}.conv.weight"] = kernel.astype(np.float32)
            folded[block + BETA] = (beta - mean * gain).astype(np.float32)
    return folded


def load_folded(network, checkpoint):
    """Copy the best weights of a checkpoint into a folded network.

    Args:
        network (nn.Cell): a `YOLOv3Tiny(..., folded=True)`, or a `YOLOv3TinyInference` around one.
        checkpoint (Checkpoint): of a network that is not folded, with the statistics of its batch-norms.

    Raises:
        UserError: names of the checkpoint that are missing or unexpected, or shapes that differ (all are listed); a
            weight is NaN or infinite.
    """
    parameters = {parameter.name: parameter for parameter in network.get_parameters()}
    weights = checkpoint.best_weights()
    # A checkpoint holds more than the folded network has: placeholders take the rest.
    others = {f"{name.removesuffix('beta')}{field}": ms.Parameter(ms.Tensor(np.zeros(parameter.shape), ms.float32))
              for name, parameter in parameters.items() if name.endswith(BETA) for field in BATCH_NORM_FIELDS}
    copy_strictly({**others, **parameters}, weights, checkpoint.path)
    copy_strictly(parameters, fold_batch_norm(weights), checkpoint.path)
    check_finite(network, checkpoint.path)


def check_finite(network, path):
    """Refuse a folded network with a weight that is NaN or infinite: the clamps of the decode could hide it.

    Args:
        network (nn.Cell): its parameters are checked.
        path (str): of their checkpoint, for the message; "": none.

    Raises:
        UserError: names the checkpoint, its first such parameter, by the name in the folded network, and the number.
    """
    arrays = {parameter.name: parameter.asnumpy() for parameter in network.get_parameters()}
    broken = {name: array for name, array in arrays.items() if not np.isfinite(array).all()}
    if broken:
        name, array = next(iter(broken.items()))
        folded = " (its batch-norm folded in)" if name.endswith((".conv.weight", BETA)) else ""
        raise UserError(f"{path or 'the network'}: {name}{folded} holds NaN or infinity, "
                        f"{np.sum(~np.isfinite(array))} of {array.size} values; parameters that hold some: "
                        f"{len(broken)} of {len(arrays)}. Training went wrong, or the file is damaged; take an earlier "
                        "checkpoint")

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""Small things that have no better room."""


def parameter_groups(network, weight_decay):
    """Return the optimiser's two groups: batch-norm parameters and biases, without decay, and the other weights.

    A name that ends in .gamma, .beta or .bias has no decay, as in the 2021 version.
    """
    plain, decayed = [], []
    for parameter in network.trainable_params():
        (plain if parameter.name.endswith((".gamma", ".beta", ".bias")) else decayed).append(parameter)
    return [{"params": plain, "weight_decay": 0.0}, {"params": decayed, "weight_decay": weight_decay}]


def first_names(names, most=5):
    """Return the first names as text, "..." for the others; "none" if there are none."""
    names = list(names)
    return (", ".join(names[:most]) + (", ..." if len(names) > most else "")) or "none"

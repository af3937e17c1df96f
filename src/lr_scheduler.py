# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The learning rate of every step of a run, as one array."""
import numpy as np


def learning_rates(config, steps_per_epoch):
    """Return the learning rate of each global step, float32 [max_epoch * steps_per_epoch].

    Warm-up is linear, base * (i + 1) / warm-up steps, and covers the first `warmup_epochs` (a fraction of an epoch
    works). After it, `exponential` multiplies by lr_gamma at each of lr_epochs that has begun, and
    `cosine_annealing` follows Loshchilov and Hutter 2017, eq. 5, in steps of whole epochs:
    eta_min + (base - eta_min) * (1 + cos(pi * epoch / t_max)) / 2. `cosine_per_step` is the same curve without steps,
    and begins where the warm-up ends: epoch becomes (step - warm-up steps) / steps_per_epoch, t_max t_max - warmup.
    """
    step = np.arange(config.max_epoch * steps_per_epoch)
    epoch = step // steps_per_epoch
    warmup_steps = int(round(config.warmup_epochs * steps_per_epoch))
    if config.lr_scheduler == "exponential":
        rates = _exponential(epoch, config.lr, config.lr_gamma, config.lr_epochs)
    elif config.lr_scheduler == "cosine_per_step":
        rates = _cosine_annealing(np.maximum(step - warmup_steps, 0), config.lr, config.eta_min,
                                  config.t_max * steps_per_epoch - warmup_steps)
    else:
        rates = _cosine_annealing(epoch, config.lr, config.eta_min, config.t_max)
    if warmup_steps:
        rates = np.where(step < warmup_steps, config.lr * (step + 1) / warmup_steps, rates)
    return rates.astype(np.float32)


def _exponential(epoch, base, gamma, milestones):
    passed = (epoch[:, None] >= np.array(milestones, np.float64)).sum(axis=1)
    return base * float(gamma) ** passed


def _cosine_annealing(time, base, eta_min, end):
    return eta_min + (base - eta_min) * (1 + np.cos(np.pi * np.minimum(time, end) / end)) / 2

# Copyright 2026 The YOLOv3-Tiny on MindSpore Authors
# SPDX-License-Identifier: Apache-2.0
"""The learning rate against the figures of the 2021 logs (COCO: 117 266 images, batch 32) and its own rules."""
from types import SimpleNamespace

import numpy as np
import pytest

from src.lr_scheduler import learning_rates

STEPS_1P, STEPS_8P = 117266 // 32, 117266 // 32 // 8


def config(**changes):
    values = {"lr_scheduler": "cosine_annealing", "lr": 0.001, "lr_gamma": 0.1, "lr_epochs": (220, 250), "eta_min": 0.0,
              "t_max": 300, "max_epoch": 300, "warmup_epochs": 4.0, **changes}
    return SimpleNamespace(**values)


@pytest.mark.parametrize("scheduler", ["cosine_annealing", "exponential"])
@pytest.mark.parametrize("steps, base, iteration, expected", [
    (STEPS_1P, 0.001, 400, 2.7360807507648133e-05), (STEPS_1P, 0.001, 1500, 0.00010241538984701037),
    (STEPS_1P, 0.01, 400, 0.00027360807871446013), (STEPS_1P, 0.01, 1500, 0.0010241538984701037),
    (STEPS_8P, 0.001, 1100, 0.0006009825156070292), (STEPS_8P, 0.001, 1800, 0.000983078614808619)])
def test_warmup_equals_the_logs(scheduler, steps, base, iteration, expected):
    assert float(learning_rates(config(lr=base, lr_scheduler=scheduler), steps)[iteration]) == expected


def test_cosine_equals_the_logs():
    rates = learning_rates(config(), STEPS_8P)
    assert float(rates[1900]) == float(rates[2000]) == 0.0009995613945648074
    assert len(rates) == 300 * STEPS_8P and rates.dtype == np.float32


def test_cosine_ends_near_eta_min():
    rates = learning_rates(config(max_epoch=10, t_max=10, eta_min=1e-5, warmup_epochs=0), 3)
    assert rates[0] == np.float32(0.001)
    assert rates[-1] == pytest.approx(1e-5 + 0.00099 * (1 + np.cos(np.pi * 0.9)) / 2, rel=1e-6)
    assert (np.diff(rates) <= 0).all()


def test_cosine_per_step_begins_where_the_warm_up_ends():
    rates = learning_rates(config(lr_scheduler="cosine_per_step", max_epoch=10, t_max=10, eta_min=1e-5,
                                  warmup_epochs=2), 5)
    np.testing.assert_allclose(rates[:10], 0.001 * np.arange(1, 11) / 10, rtol=1e-6)
    # 40 steps of cosine follow: the first at its top, the 21st half-way.
    assert rates[10] == np.float32(0.001) and rates[30] == pytest.approx((0.001 + 1e-5) / 2, rel=1e-6)
    assert (np.diff(rates[10:]) < 0).all()
    assert rates[-1] == pytest.approx(1e-5 + 0.00099 * (1 + np.cos(np.pi * 39 / 40)) / 2, rel=1e-5)


def test_exponential_milestones():
    rates = learning_rates(config(lr_scheduler="exponential", warmup_epochs=0), 2)
    assert rates[2 * 220 - 1] == np.float32(1e-3)
    assert rates[2 * 220] == pytest.approx(1e-4) and rates[2 * 250 - 1] == pytest.approx(1e-4)
    assert rates[2 * 250] == pytest.approx(1e-5) and rates[-1] == pytest.approx(1e-5)


def test_a_milestone_inside_the_warmup_counts_after_it():
    rates = learning_rates(config(lr_scheduler="exponential", lr_epochs=(2,), max_epoch=6, warmup_epochs=4), 2)
    assert rates[7] == np.float32(1e-3) and rates[8] == pytest.approx(1e-4)


def test_fraction_of_an_epoch_as_warmup():
    rates = learning_rates(config(warmup_epochs=0.5, max_epoch=2, t_max=2), 10)
    np.testing.assert_allclose(rates[:6], [2e-4, 4e-4, 6e-4, 8e-4, 1e-3, 1e-3], rtol=1e-6)

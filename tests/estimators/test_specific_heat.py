"""Specific heat: both ways agree on a system whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.specific_heat import fluctuation_specific_heat, slope_specific_heat

N, TEMPERATURE = 50, np.array([0.5, 0.6, 0.8])


def measured(samples=200, steps=40, copies=2, seed=0):
    """Equipartition: energy of N/2 degrees of freedom (c = 1/2) around a ground state that differs by sample."""
    rng = np.random.default_rng(seed)
    ground = -N + 3.0 * rng.standard_normal(samples)
    thermal = TEMPERATURE[:, None, None] * rng.gamma(N / 2, size=(samples, 3, copies, steps))
    energy = ground[:, None, None, None] + thermal
    return energy.mean(axis=-1), (energy**2).mean(axis=-1)


def test_fluctuations_and_slope_agree_with_equipartition_whatever_the_ground_states():
    energy, squared = measured()
    found = fluctuation_specific_heat(energy, squared, TEMPERATURE, N)
    assert (np.abs(found.value - 0.5) < 4 * found.error).all() and (found.error < 0.02).all()
    slope = slope_specific_heat(energy.mean(axis=2), TEMPERATURE, N)
    assert (np.abs(slope.value - 0.5) < 4 * slope.error).all() and slope.value.shape == (2,)


def test_a_short_run_is_not_biased_with_two_copies_and_is_with_one():
    two = fluctuation_specific_heat(*measured(4000, 3, 2, seed=1), TEMPERATURE, N)
    one = fluctuation_specific_heat(*measured(4000, 3, 1, seed=1), TEMPERATURE, N)
    assert (np.abs(two.value - 0.5) < 4 * two.error).all()
    np.testing.assert_allclose(one.value, 0.5 * (1 - 1 / 3), atol=0.02)


def test_the_variance_over_samples_is_no_specific_heat():
    # Deliberately wrong: the variance of all energies together counts the ground states too.
    energy, squared = measured()
    wrong = (squared.mean(axis=(0, 2)) - energy.mean(axis=(0, 2)) ** 2) / (N * TEMPERATURE**2)
    assert (wrong > 0.7).any()


def test_wrong_shapes_are_refused():
    energy, squared = measured(10)
    with pytest.raises(InputError, match="sample, level, copy"):
        fluctuation_specific_heat(energy[..., 0], squared[..., 0], TEMPERATURE, N)
    with pytest.raises(InputError, match="increase"):
        slope_specific_heat(energy.mean(axis=2), TEMPERATURE[::-1], N)
    with pytest.raises(InputError, match="sample, level"):
        slope_specific_heat(energy, TEMPERATURE, N)

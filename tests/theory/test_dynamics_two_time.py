"""The long-time solver against closed forms and the uniform grid, where these reach."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ive

from spinnet.errors import InputError
from spinnet.theory.dynamics_two_time import dynamics


def test_two_spin_energy_is_the_ratio_of_bessel_functions_at_long_times():
    times = np.array([10.0, 100.0, 1000.0])
    found = dynamics({2: 1.0}, 0.0, times)
    exact = -ive(2, 4 * times) / ive(1, 4 * times)
    assert found.converged
    np.testing.assert_allclose(found.energy_density, exact, atol=2e-6)
    np.testing.assert_allclose(found.energy_density + 1, exact + 1, rtol=0.01)


def test_the_long_time_solver_continues_the_uniform_grid():
    short = dynamics({3: 1.0}, 0.0, [5.0, 20.0])
    long = dynamics({3: 1.0}, 0.0, [5.0, 20.0, 300.0])
    bound = np.maximum(1e-6, short.error_estimate + long.error_estimate[:2])
    assert (np.abs(short.energy_density - long.energy_density[:2]) < bound).all()
    assert (np.abs(short.correlation_with_start - long.correlation_with_start[:2]) < 10 * bound).all()
    assert -1.15470054 < long.energy_density[2] < short.energy_density[1]


@pytest.mark.parametrize("times", [[-1.0], [0.0], [np.nan]])
def test_times_that_are_not_positive_are_refused(times):
    with pytest.raises(InputError):
        dynamics({3: 1.0}, 0.0, times)

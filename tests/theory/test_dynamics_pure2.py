"""Closed forms of the p = 2 model: limits and integral equation that do not use their own derivation."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import ive

from spinnet.errors import InputError
from spinnet.theory import dynamics_pure2 as pure2


def test_gradient_flow_energy_is_the_bessel_ratio():
    t = np.geomspace(0.1, 1e4, 9)
    assert pure2.energy_density(t) == pytest.approx(-ive(2, 4 * t) / ive(1, 4 * t), abs=1e-12)


def test_energy_excess_decays_as_three_eighths_over_t():
    assert pure2.energy_excess([1e7])[0] * 1e7 == pytest.approx(3 / 8, rel=1e-6)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0, 1.6])
def test_long_time_energy_is_the_equilibrium_one(temperature):
    expected = -1 + temperature / 2 if temperature < 1 else -1 / (2 * temperature)
    assert pure2.energy_density([1e6], temperature)[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("temperature", [0.4, 1.0, 1.5])
def test_multiplier_solves_the_volterra_equation(temperature):
    def kernel(x):
        return ive(1, 2 * x) * np.exp(2 * x) / x if x > 0 else 1.0

    def gamma(t):
        return np.exp(2 * quad(lambda u: pure2.lagrange_multiplier([u], temperature)[0], 0, t)[0])

    t = 1.2
    memory = quad(lambda s: kernel(2 * (t - s)) * gamma(s), 0, t, epsabs=1e-10)[0]
    assert gamma(t) == pytest.approx(kernel(2 * t) + 2 * temperature * memory, rel=1e-8)


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.4])
def test_equal_time_correlation_is_one(temperature):
    t = np.array([0.0, 0.3, 5.0, 200.0])
    assert pure2.correlation(t, t, temperature) == pytest.approx(np.ones(4), abs=1e-10)


def test_amplitude_rescales_time_and_temperature():
    slow = pure2.correlation([6.0], [2.0], 0.3)
    fast = pure2.correlation([3.0], [1.0], 0.6, amplitude=2.0)
    assert fast == pytest.approx(slow, abs=1e-13)


def test_high_temperature_response_obeys_the_fluctuation_dissipation_theorem():
    late = 400.0
    chi = pure2.integrated_response([late + 1.5], [late], 1.5)
    assert 1.5 * chi[0] == pytest.approx(1 - pure2.correlation([late + 1.5], [late], 1.5)[0], abs=1e-8)


def test_earlier_time_beyond_the_later_one_is_refused():
    with pytest.raises(InputError, match="must not be smaller"):
        pure2.correlation([1.0], [2.0])

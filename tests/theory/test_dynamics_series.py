"""Short-time series: exact rational coefficients against independent closed forms."""

import math
from fractions import Fraction

import pytest

from spinnet.errors import InputError
from spinnet.theory.dynamics_series import energy_series, short_time_series


def _bessel_energy_coefficients(order):
    """-I_2(4t)/I_1(4t) by division of the two power series, in Fractions."""

    def bessel(n):
        coefficients = [Fraction(0)] * (order + 3)
        for k in range((order + 2 - n) // 2 + 1):
            coefficients[2 * k + n] = Fraction(2) ** (2 * k + n) / (math.factorial(k) * math.factorial(k + n))
        return coefficients

    numerator, denominator = bessel(2)[1:], bessel(1)[1:]
    quotient = []
    for k in range(order + 1):
        rest = numerator[k] - sum(quotient[i] * denominator[k - i] for i in range(k))
        quotient.append(rest / denominator[0])
    return tuple(-x for x in quotient)


def test_energy_series_of_the_matrix_model_is_that_of_the_bessel_ratio():
    assert energy_series({2: 1}, 11) == _bessel_energy_coefficients(11)


@pytest.mark.parametrize(
    ("covariance", "odd_coefficients"),
    [
        ({3: 1}, ["-3/2", "9/4", "-27/5", "1971/140", "-168363/4480"]),
        ({3: 1, 4: 1}, ["-7/2", "175/12", "-11963/120", "1074859/1440"]),
        ({2: 1, 3: 1}, ["-5/2", "65/12", "-893/48", "39967/576"]),
    ],
)
def test_gradient_flow_energy_is_odd_in_time_with_the_published_coefficients(covariance, odd_coefficients):
    series = energy_series(covariance, 2 * len(odd_coefficients) - 1)
    assert all(c == 0 for c in series[::2])
    assert list(series[1::2]) == [Fraction(c) for c in odd_coefficients]


def test_scaling_the_energies_rescales_time():
    once = energy_series({3: 1}, 7)
    tripled = energy_series({3: 3}, 7)
    assert tripled == tuple(c * Fraction(3) ** (k + 1) for k, c in enumerate(once))


def test_equilibrium_start_has_a_constant_energy():
    temperature = Fraction(7, 10)
    series = energy_series({3: 1}, 6, temperature, initial_temperature=temperature)
    assert series[0] == -Fraction(1, 2) / temperature
    assert all(c == 0 for c in series[1:])


def test_response_of_an_equilibrium_start_obeys_the_fluctuation_dissipation_theorem():
    temperature = Fraction(4, 5)
    series = short_time_series({3: 1}, temperature, 6, initial_temperature=temperature)
    for m in range(6):
        # C depends on t - t' alone, so dC/dt' = -dC/dt, and R = (1/T) dC/dt' at t' = 0.
        assert series.response.get((m, 0), 0) == -(m + 1) * series.correlation[m + 1, 0] / temperature


def test_a_planted_signal_at_the_start_is_a_thermal_start():
    start = Fraction(9, 10)
    thermal = short_time_series({3: 1, 4: 1}, Fraction(1, 3), 5, initial_temperature=start)
    signal = {3: 1 / start, 4: 1 / start}
    planted = short_time_series({3: 1, 4: 1}, Fraction(1, 3), 5, planted=signal, initial_overlap=1)
    assert thermal.energy_density == planted.energy_density
    assert planted.overlap == {k: thermal.correlation.get((k, 0), 0) for k in range(6)}


def test_floating_point_series_agrees_with_the_exact_one():
    exact = short_time_series({3: 1}, Fraction(1, 2), 8)
    fast = short_time_series({3: 1}, 0.5, 8, exact=False)
    for k in range(9):
        assert fast.energy_density[k] == pytest.approx(float(exact.energy_density[k]), rel=1e-12, abs=1e-13)


def test_a_random_field_is_refused():
    with pytest.raises(InputError, match="degree 1"):
        energy_series({1: 1}, 3)

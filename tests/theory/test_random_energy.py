"""Random energy model: limits, exact finite-N averages and order statistics, each by two routes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gamma, gammaincc, log_ndtr

from spinnet.errors import InputError
from spinnet.randomness import stream
from spinnet.theory import poisson_dirichlet, random_energy
from spinnet.theory.level_averages import log_kernel, log_mean_exponential, log_mean_gaussian
from spinnet.theory.random_energy_finite import IndependentLevels, native_probability
from spinnet.theory.random_energy_levels import (
    level_distribution,
    level_moments,
    mean_ground_state,
    sample_lowest_levels,
)

LN2 = math.log(2.0)


def z_score(sample, expected):
    sample = np.asarray(sample)
    return (sample.mean() - expected) / (sample.std(ddof=1) / math.sqrt(sample.size))


def sampled(n, beta, count, distribution="gaussian", seed=1):
    """ln Z, Y_2, Y_3, mean energy and minimum of independent samples."""
    rng = stream(seed, "rem", n)
    if distribution == "gaussian":
        energy = rng.standard_normal((count, 2**n)) * math.sqrt(n / 2)
    else:
        energy = -rng.standard_exponential((count, 2**n))
    least = energy.min(axis=1)
    weights = np.exp(-beta * (energy - least[:, None]))
    total = weights.sum(axis=1)
    weights /= total[:, None]
    moments = [(weights**k).sum(axis=1) for k in (2, 3)]
    return np.log(total) - beta * least, *moments, (weights * energy).sum(axis=1), least


# limits


def test_critical_temperature_is_where_the_annealed_entropy_vanishes():
    assert random_energy.CRITICAL_TEMPERATURE == pytest.approx(0.60056120, abs=5e-9)
    assert LN2 - random_energy.CRITICAL_BETA**2 / 4 == pytest.approx(0, abs=1e-15)
    assert random_energy.GROUND_STATE_ENERGY_DENSITY == pytest.approx(-0.83255461, abs=5e-9)


def test_energy_is_the_derivative_of_the_free_energy_and_entropy_its_legendre_transform():
    beta = np.array([0.3, 1.0, 1.6, 1.8, 4.0])
    h = 1e-5
    slope = (random_energy.log_partition_density(beta + h) - random_energy.log_partition_density(beta - h)) / (2 * h)
    assert random_energy.energy_density(beta) == pytest.approx(-slope, abs=1e-9)
    legendre = random_energy.log_partition_density(beta) + beta * random_energy.energy_density(beta)
    assert random_energy.entropy_density(beta) == pytest.approx(legendre, abs=1e-14)


def test_free_energy_is_continuous_at_the_transition():
    below, above = random_energy.log_partition_density(random_energy.CRITICAL_BETA * np.array([1 - 1e-12, 1 + 1e-12]))
    assert below == pytest.approx(above, abs=1e-11)


# exact averages


@pytest.mark.parametrize(
    "n, beta, log_partition, participation",
    [
        (10, 1.0, 9.393895, 0.046202),
        (10, 2.5, 18.795341, 0.445353),
        (20, 2.5, 39.250448, 0.400759),
        (600, 2.5, 1244.151468, 0.337784),
    ],
)
def test_reference_table_of_exact_averages(n, beta, log_partition, participation):
    levels = IndependentLevels(n, beta)
    assert levels.mean_log_partition() == pytest.approx(log_partition, abs=6e-7)
    assert levels.participation_moment() == pytest.approx(participation, abs=6e-7)


@pytest.mark.parametrize("n, beta", [(3, 0.7), (6, 1.5), (8, 2.5), (8, 6.0)])
def test_exact_averages_agree_with_sampling(n, beta):
    log_z, y2, y3, energy, least = sampled(n, beta, 20_000)
    levels = IndependentLevels(n, beta)
    assert abs(z_score(log_z, levels.mean_log_partition())) < 4
    assert abs(z_score((log_z - log_z.mean()) ** 2, levels.variance_log_partition())) < 4
    assert abs(z_score(y2, levels.participation_moment(2))) < 4
    assert abs(z_score(y2**2, levels.participation_second_moment())) < 4
    assert abs(z_score(y3, levels.participation_moment(3))) < 4
    assert abs(z_score(energy, levels.mean_energy())) < 4
    assert abs(z_score(least, mean_ground_state(n))) < 4


def test_the_asymptotic_formula_would_fail_that_comparison():
    log_z = sampled(8, 2.5, 20_000)[0]
    assert abs(z_score(log_z, random_energy.mean_log_partition_asymptotic(8, 2.5))) > 4


@pytest.mark.parametrize("beta", [0.02, 0.7, 2.5, 40.0])
def test_two_levels_agree_with_a_double_integral(beta):
    # N = 1: ln(e^-a + e^-b) = -(a+b)/2 + ln 2 cosh((a-b)/2), a - b of variance beta^2
    def integrand(z):
        return (abs(beta * z) / 2 + np.log1p(np.exp(-abs(beta * z)))) * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    expected = 2 * quad(integrand, 0, 40, epsabs=1e-13, epsrel=1e-13, limit=400, points=[1 / beta, 4])[0]
    assert IndependentLevels(1, beta).mean_log_partition() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("n, beta", [(1, 0.01), (4, 3.0), (40, 1.7), (600, 1.0), (2000, 3.0), (5000, 1.6651092223)])
def test_the_probability_that_one_replica_is_somewhere_is_one(n, beta):
    assert IndependentLevels(n, beta).participation_moment(1) == pytest.approx(1, abs=1e-11)


@pytest.mark.parametrize("n, beta", [(10, 1.0), (10, 2.5), (300, 1.4), (1000, 4.0)])
def test_the_energy_is_the_derivative_of_the_mean_log_partition(n, beta):
    h = 1e-3 * beta
    values = [IndependentLevels(n, beta + k * h).mean_log_partition() for k in (-2, -1, 1, 2)]
    slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    assert IndependentLevels(n, beta).mean_energy() == pytest.approx(-slope, rel=1e-8)


def test_the_deficit_at_high_temperature_is_half_the_variance_of_z():
    levels = IndependentLevels(14, 0.6)
    annealed = 14 * (LN2 + 0.6**2 / 4)
    deficit = annealed - levels.mean_log_partition()
    leading = 0.5 * 2.0**-14 * math.expm1(0.6**2 * 14 / 2)
    assert deficit == pytest.approx(3.469e-4, abs=5e-8)
    assert deficit == pytest.approx(leading, rel=0.01)
    assert levels.variance_log_partition() == pytest.approx(2 * deficit, rel=0.01)


def test_low_temperature_averages_tend_to_the_minimum():
    beta = 2000.0
    assert -IndependentLevels(6, beta).mean_log_partition() / beta == pytest.approx(mean_ground_state(6), abs=2e-5)


def test_large_systems_tend_to_the_poisson_dirichlet_values():
    levels, m = IndependentLevels(20_000, 2.5), random_energy.CRITICAL_BETA / 2.5
    assert levels.participation_moment(2) == pytest.approx(poisson_dirichlet.participation_moment(2, m), abs=3e-4)
    assert levels.participation_moment(3) == pytest.approx(poisson_dirichlet.participation_moment(3, m), abs=3e-4)
    assert levels.participation_second_moment() == pytest.approx(
        poisson_dirichlet.participation_second_moment(m), abs=3e-4
    )
    assert levels.variance_log_partition() == pytest.approx(random_energy.variance_log_partition_limit(2.5), abs=2e-3)
    assert levels.mean_log_partition() == pytest.approx(
        random_energy.mean_log_partition_asymptotic(20_000, 2.5), abs=2e-3
    )


def test_at_the_transition_half_of_the_annealed_value_is_left():
    n, beta = 20_000, random_energy.CRITICAL_BETA
    deficit = n * (LN2 + beta**2 / 4) - IndependentLevels(n, beta).mean_log_partition()
    assert deficit == pytest.approx(LN2, abs=3e-3)
    assert IndependentLevels(600, beta).mean_log_partition() - 600 * 2 * LN2 == pytest.approx(-0.685, abs=1e-3)


def test_exponential_levels_agree_with_sampling():
    for beta in (0.6, 2.5):
        log_z, y2, y3, _, least = sampled(7, beta, 20_000, "exponential", seed=2)
        levels = IndependentLevels(7, beta, "exponential")
        assert abs(z_score(log_z, levels.mean_log_partition())) < 4
        assert abs(z_score(y2, levels.participation_moment(2))) < 4
        assert abs(z_score(y3, levels.participation_moment(3))) < 4
        assert abs(z_score(least, mean_ground_state(7, "exponential"))) < 4
        assert levels.participation_moment(1) == pytest.approx(1, abs=1e-11)


def test_two_cold_exponential_levels_agree_with_their_closed_form():
    # ln Z = beta max + ln(1 + e^{-beta |u1 - u2|}); |u1 - u2| is exponential again, and the mean of max is 3/2
    for beta in (3.0, 1e4):
        correction = quad(lambda v, b=beta: math.exp(-v / b) / b * math.log1p(math.exp(-v)), 0, 45, epsabs=1e-14)[0]
        levels = IndependentLevels(1, beta, "exponential")
        assert levels.mean_log_partition() == pytest.approx(1.5 * beta + correction, rel=1e-11)


def test_exponential_levels_below_their_transition_are_poisson_dirichlet():
    levels = IndependentLevels(40, 2.5, "exponential")
    assert levels.participation_moment(2) == pytest.approx(0.6, abs=1e-9)
    assert levels.participation_moment(3) == pytest.approx(poisson_dirichlet.participation_moment(3, 0.4), abs=1e-9)


# one-level averages


@pytest.mark.parametrize("scale", [0.03, 1.0, 3.9, 4.1, 30.0])
@pytest.mark.parametrize("order", [0, 1, 2, 4])
def test_one_level_averages_agree_with_plain_quadrature(scale, order):
    y = np.array([-60.0, -12.0, -1.0, 2.0])
    z = np.linspace(-45, 45, 400_001) if scale > 2 else np.linspace(-20, 20, 40_001)
    step = z[1] - z[0]
    for value, base in zip(log_mean_gaussian(y, scale, order), y, strict=True):
        exponent = log_kernel(base + scale * z, order) - z * z / 2
        expected = exponent.max() + math.log(np.exp(exponent - exponent.max()).sum() * step / math.sqrt(2 * math.pi))
        assert value == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("scale", [1.3, 4.0])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_exponential_one_level_averages_are_incomplete_gamma_functions(scale, order):
    for y in (-8.0, -1.0, 1.0):
        index = max(order, 1) - 1 / scale
        upper = math.exp(y / scale) * gamma(index) * gammaincc(index, math.exp(y))
        expected = upper - math.expm1(-math.exp(y)) if order == 0 else upper / scale
        assert math.exp(log_mean_exponential(np.array(y), scale, order)) == pytest.approx(expected, rel=1e-11)


def test_the_two_methods_for_gaussian_levels_meet():
    y = np.linspace(-200, 3, 40)
    below, above = (log_mean_gaussian(y, scale) for scale in (4 - 1e-12, 4 + 1e-12))
    assert below == pytest.approx(above, abs=1e-9)


# the lowest levels


@pytest.mark.parametrize(
    "n, value", [(8, -5.65372656), (10, -7.26328456), (12, -8.88205110), (16, -12.13714655), (20, -15.40754638)]
)
def test_reference_table_of_mean_minima(n, value):
    assert mean_ground_state(n) == pytest.approx(value, abs=6e-9)


def test_mean_minimum_agrees_with_the_integral_of_its_distribution():
    for n in (1, 5, 40):
        x0 = -2.0 * n

        def below(x, n=n):
            return -math.expm1(2.0**n * log_ndtr(-x / math.sqrt(n / 2)))

        cut = mean_ground_state(n)
        width = 8.0
        integral = quad(below, min(x0, cut - 4 * width), cut, epsabs=1e-13, limit=400)[0]
        rest = quad(lambda x: below(x) - 1, cut, cut + 4 * width, epsabs=1e-13, limit=400)[0]
        assert cut == pytest.approx(cut - integral - rest, abs=1e-9)


def test_two_levels_have_the_known_minimum_and_maximum():
    # N = 1: variance 1/2, E min = -1/sqrt(2 pi)
    assert level_moments(1, 1)[0] == pytest.approx(-1 / math.sqrt(2 * math.pi), abs=1e-14)
    assert level_moments(1, 2)[0] == pytest.approx(1 / math.sqrt(2 * math.pi), abs=1e-14)
    assert level_moments(1, 1)[1] == pytest.approx(0.5 * (1 - 1 / math.pi), abs=1e-14)


def test_levels_of_one_sample_average_to_the_mean_of_all():
    moments = [level_moments(3, k) for k in range(1, 9)]
    assert sum(mean for mean, _ in moments) == pytest.approx(0, abs=1e-12)
    # sum of E E_k^2 is 8 sigma^2
    assert sum(mean**2 + variance for mean, variance in moments) == pytest.approx(8 * 1.5, abs=1e-11)


def test_the_asymptotic_minimum_is_approached():
    errors = [mean_ground_state(n) - random_energy.ground_state_asymptotic(n) for n in (20, 400, 20_000)]
    assert errors[0] == pytest.approx(0.0407, abs=1e-4)
    assert abs(errors[0]) > 5 * abs(errors[1]) > 5 * abs(errors[2])


def test_sampled_lowest_levels_are_sorted_minima_of_whole_samples():
    rng = stream(3, "levels")
    fast = sample_lowest_levels(6, 5, rng, samples=40_000)
    assert np.all(np.diff(fast, axis=1) >= 0)
    for k in (1, 3, 5):
        mean, variance = level_moments(6, k)
        assert abs(z_score(fast[:, k - 1], mean)) < 4
        assert abs(z_score((fast[:, k - 1] - mean) ** 2, variance)) < 4
    slow = np.sort(rng.standard_normal((40_000, 64)) * math.sqrt(3), axis=1)[:, :5]
    difference = (fast[:, 4] - fast[:, 0]).mean() - (slow[:, 4] - slow[:, 0]).mean()
    assert abs(difference) < 4 * math.sqrt(2) * (slow[:, 4] - slow[:, 0]).std() / 200


@pytest.mark.parametrize("distribution", ["gaussian", "exponential"])
def test_levels_follow_their_distribution_at_any_size(distribution):
    for n in (4, 40, 3000):
        sample = sample_lowest_levels(n, 4, stream(4, "law", n), samples=20_000, distribution=distribution)
        for k in (1, 4):
            uniform = level_distribution(sample[:, k - 1], n, k, distribution)
            assert abs(z_score(uniform, 0.5)) < 4
            assert abs(z_score(uniform**2, 1 / 3)) < 4


def test_exponential_minima_are_harmonic_numbers():
    assert mean_ground_state(3, "exponential") == pytest.approx(-sum(1 / i for i in range(1, 9)), abs=1e-13)
    assert level_moments(3, 2, "exponential")[0] == pytest.approx(-sum(1 / i for i in range(2, 9)), abs=1e-13)
    assert level_moments(3, 2, "exponential")[1] == pytest.approx(sum(1 / i**2 for i in range(2, 9)), abs=1e-13)


# a native level


def test_a_native_level_has_half_the_weight_at_the_folding_temperature():
    n = 16
    stability = 1.2
    gap = stability * math.sqrt(n / 2) * math.sqrt(2 * n * LN2)
    ratio = stability + math.sqrt(stability**2 - 1)
    assert native_probability(n, ratio * random_energy.CRITICAL_TEMPERATURE, gap) == pytest.approx(0.5, abs=2e-3)


def test_native_weight_agrees_with_sampling():
    log_z = sampled(8, 1.5, 20_000)[0]
    weights = 1 / (1 + np.exp(log_z - 1.5 * 7.0))
    assert abs(z_score(weights, native_probability(8, 1 / 1.5, 7.0))) < 4


@pytest.mark.parametrize(
    "call",
    [
        lambda: IndependentLevels(0, 1.0),
        lambda: IndependentLevels(10, math.inf),
        lambda: IndependentLevels(10, 0.0),
        lambda: IndependentLevels(10, -1.0),
        lambda: IndependentLevels(2.5, 1.0),
        lambda: IndependentLevels(10**6, 1.0),
        lambda: IndependentLevels(10, 1.0, "cauchy"),
        lambda: random_energy.log_partition_density(math.nan),
        lambda: random_energy.log_partition_density([1.0, -1.0]),
        lambda: level_moments(3, 9),
        lambda: level_moments(3, 0),
        lambda: IndependentLevels(5, 1.0, "exponential").mean_energy(),
    ],
)
def test_bad_input_is_refused_in_one_line(call):
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)

"""Log-correlated energies: moments by direct integrals, the law by sampling, the freezing of a finite sample."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import dblquad, quad

from spinnet.errors import InputError
from spinnet.randomness import stream
from spinnet.theory import log_correlated as theory


def z_score(sample, expected):
    return (sample.mean() - expected) / (sample.std(ddof=1) / math.sqrt(sample.size))


def fields(modes, points, count, seed=1):
    """Samples of V on a uniform grid of the circle with the first Fourier modes, shape (count, points)."""
    rng = stream(seed, "log-correlated")
    k = np.arange(1, modes + 1)
    spectrum = np.zeros((count, points // 2 + 1), dtype=complex)
    draws = rng.standard_normal((count, modes)) - 1j * rng.standard_normal((count, modes))
    spectrum[:, 1 : modes + 1] = draws * np.sqrt(2 / k) * points / 2
    return np.fft.irfft(spectrum, points, axis=1)


def test_reference_values():
    assert theory.mean_log_partition(0.25) == pytest.approx(-0.05897704, abs=5e-9)
    assert theory.variance_log_partition(0.25) == pytest.approx(0.10280838, abs=5e-9)


def test_the_second_moment_is_the_integral_of_the_exponential_covariance():
    # E Z^2 = int dtheta/2pi |2 sin(theta/2)|^(-2 gamma)
    for gamma in (0.1, 0.25, 0.4):
        integral = (
            2 * quad(lambda t, g=gamma: (2 * math.sin(t / 2)) ** (-2 * g), 0, math.pi, epsabs=1e-12)[0] / (2 * math.pi)
        )
        assert theory.partition_moment(2, gamma) == pytest.approx(integral, rel=1e-8)


def test_the_third_moment_is_the_dyson_integral():
    gamma = 0.1

    def integrand(b, a):
        product = abs(math.sin(a / 2) * math.sin(b / 2) * math.sin((a - b) / 2)) * 8
        return product ** (-2 * gamma) if product else 0.0

    below = dblquad(integrand, 0, 2 * math.pi, 0, lambda a: a, epsabs=1e-7)[0]
    assert theory.partition_moment(3, gamma) == pytest.approx(2 * below / (2 * math.pi) ** 2, rel=1e-5)


def test_moments_of_the_logarithm_are_derivatives_of_the_moments():
    gamma, h = 0.3, 1e-4
    logs = [math.log(theory.partition_moment(s, gamma)) for s in (-h, 0, h)]
    assert theory.mean_log_partition(gamma) == pytest.approx((logs[2] - logs[0]) / (2 * h), abs=1e-8)
    assert theory.variance_log_partition(gamma) == pytest.approx((logs[2] - 2 * logs[1] + logs[0]) / h**2, abs=1e-6)


def test_the_density_has_the_moments():
    for power, expected in ((0, 1), (1, 1), (-1.5, theory.partition_moment(-1.5, 0.25))):
        value = quad(
            lambda u, s=power: math.exp(u * (s + 1)) * theory.partition_density(math.exp(u), 0.25),
            -8,
            14,
            epsabs=1e-12,
            limit=300,
        )[0]
        assert value == pytest.approx(expected, rel=1e-7)


def test_samples_have_the_moments():
    sample = theory.sample_partition(0.2, 40_000, stream(2, "partition"))
    assert abs(z_score(np.log(sample), theory.mean_log_partition(0.2))) < 4
    assert abs(z_score(sample, 1)) < 4


def test_a_simulated_field_has_the_law():
    modes, points = 512, 2048
    field = fields(modes, points, 4000)
    variance = theory.covariance(0.0, modes)
    assert np.mean(field**2) == pytest.approx(variance, rel=0.02)
    log_z = np.log(np.exp(-0.5 * field - 0.125 * variance).mean(axis=1))
    # the cut at 512 modes moves the mean by less than the statistical error
    assert abs(z_score(log_z, theory.mean_log_partition(0.25))) < 4
    assert abs(z_score((log_z - log_z.mean()) ** 2, theory.variance_log_partition(0.25))) < 4


def test_independent_energies_of_the_same_variance_would_fail_that_comparison():
    points, variance = 2048, theory.covariance(0.0, 512)
    field = math.sqrt(variance) * stream(3, "independent").standard_normal((4000, points))
    log_z = np.log(np.exp(-0.5 * field - 0.125 * variance).mean(axis=1))
    assert abs(z_score(log_z, theory.mean_log_partition(0.25))) > 4


def test_fourier_modes_sum_to_the_logarithm():
    angle = np.array([0.5, 2.0, 3.0])
    assert theory.covariance(angle, 20_000) == pytest.approx(theory.covariance(angle), abs=5e-4)


def test_free_energy_is_smooth_at_the_transition_and_frozen_beyond():
    beta = np.array([0.999, 1.0, 1.001, 5.0])
    assert theory.free_energy_slope(beta) == pytest.approx([-2, -2, -2, -2], abs=1e-5)
    assert theory.free_energy_slope(0.5) == pytest.approx(-2.5)


def test_the_minimum_law_is_normalised_with_the_known_mean_and_variance():
    moments = [
        quad(lambda x, k=k: x**k * theory.minimum_density(x), -90, 12, epsabs=1e-12, limit=400)[0] for k in (0, 1, 2)
    ]
    assert moments[0] == pytest.approx(1, abs=1e-9)
    assert moments[1] == pytest.approx(theory.MINIMUM_MEAN, abs=1e-9)
    assert moments[2] - moments[1] ** 2 == pytest.approx(math.pi**2 / 3, abs=1e-8)


def test_the_minimum_distribution_is_the_integral_of_its_density():
    for x in (-20.0, -3.0, 0.5, 3.0):
        assert theory.minimum_distribution(x) == pytest.approx(
            quad(theory.minimum_density, -90, x, limit=300)[0], abs=1e-9
        )
    product = np.log(stream(4, "product").standard_exponential((2, 40_000))).sum(axis=0)
    assert abs(z_score(theory.minimum_distribution(product), 0.5)) < 4


def test_extreme_arguments_give_numbers():
    assert theory.minimum_density(-1500.0) == 0 and theory.minimum_density(50.0) == 0
    assert (
        theory.minimum_distribution(-1500.0) == pytest.approx(0, abs=1e-12) and theory.minimum_distribution(60.0) == 1
    )


@pytest.mark.parametrize("gamma", [0.0, 1.0, -0.5, math.nan])
def test_the_supercritical_partition_function_is_refused(gamma):
    with pytest.raises(InputError):
        theory.mean_log_partition(gamma)


def test_moments_that_do_not_exist_are_infinite():
    assert theory.partition_moment(4, 0.25) == math.inf

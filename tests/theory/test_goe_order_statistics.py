"""Exact GOE statistics against quadrature, dense matrices and known values."""

import math

import numpy as np
import pytest
from scipy.integrate import dblquad, quad
from scipy.special import ndtr

from spinnet.errors import InputError
from spinnet.theory.goe_order_statistics import (
    counts_below,
    mean_order_statistic,
    one_point_density,
    sample_eigenvalues,
)


def dense_spectra(n, samples, rng, diagonal=1.0):
    """Return spectra of dense symmetric matrices with off-diagonal variance 1/2 and the given diagonal variance."""
    a = rng.normal(size=(samples, n, n))
    matrix = 0.5 * (a + a.transpose(0, 2, 1))
    index = np.arange(n)
    matrix[:, index, index] *= math.sqrt(diagonal)
    return np.linalg.eigvalsh(matrix)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 15, 120])
def test_density_integrates_to_the_size_and_has_the_exact_second_moment(n):
    reach = math.sqrt(2 * n) + 9
    x = np.linspace(-reach, reach, 6001)
    density = one_point_density(x, n) * (x[1] - x[0])
    assert density.sum() == pytest.approx(n, rel=1e-12)
    # E tr M^2 = n + n (n-1)/2
    assert (density * x * x).sum() == pytest.approx(n * (n + 1) / 2, rel=1e-11)
    assert one_point_density(np.array([[0.3, -0.3]]), n).shape == (1, 2)


def test_density_of_the_smallest_matrices_is_elementary():
    x = np.linspace(-3, 3, 13)
    np.testing.assert_allclose(one_point_density(x, 1), np.exp(-x * x / 2) / math.sqrt(2 * math.pi), rtol=1e-13)
    # n = 2: int |x - y| exp(-(x^2 + y^2)/2) dy over y, twice, normalised
    for point in x:
        value, _ = quad(lambda y, p=point: abs(p - y) * math.exp(-0.5 * (p * p + y * y)), -12, 12, points=[point])
        assert one_point_density(point, 2) == pytest.approx(2 * value / (4 * math.sqrt(math.pi)), rel=1e-9)


def test_counts_are_probabilities_with_the_mean_given_by_the_density():
    for n in (1, 2, 5, 6, 24):
        points = np.array([-2.0, -0.3, 1.1])
        law = counts_below(points, n)
        assert law.shape == (3, n + 1)
        np.testing.assert_allclose(law.sum(axis=1), 1.0, atol=1e-12)
        for point, row in zip(points, law, strict=True):
            start = -math.sqrt(2 * n) - 9
            mean, _ = quad(lambda x, n=n: one_point_density(x, n), start, point, limit=300, epsabs=1e-12)
            assert row @ np.arange(n + 1) == pytest.approx(mean, abs=1e-10)
        # the spectrum is symmetric
        np.testing.assert_allclose(counts_below(-points, n), law[:, ::-1], atol=1e-12)


def test_counts_of_one_and_two_eigenvalues_are_elementary():
    assert counts_below([0.7], 1)[0, 1] == pytest.approx(ndtr(0.7), rel=1e-13)
    both, _ = dblquad(
        lambda y, x: (x - y) * math.exp(-0.5 * (x * x + y * y)) / (2 * math.sqrt(math.pi)), -12, 0.4, -12, lambda x: x
    )
    assert counts_below([0.4], 2)[0, 2] == pytest.approx(both, abs=1e-8)


@pytest.mark.parametrize("n", [3, 4, 9])
def test_counts_agree_with_dense_matrices_and_not_with_another_diagonal(n):
    rng = np.random.default_rng(n)
    samples = 20_000
    point = -0.5
    law = counts_below([point], n)[0]

    def largest_z(spectra):
        found = np.bincount((spectra < point).sum(axis=1), minlength=n + 1) / samples
        return np.max(np.abs(found - law) / np.sqrt(law * (1 - law) / samples + 1 / samples**2))

    assert largest_z(dense_spectra(n, samples, rng)) < 4
    assert largest_z(sample_eigenvalues(n, samples, rng)) < 4
    assert largest_z(dense_spectra(n, samples, rng, diagonal=0.0)) > 4


@pytest.mark.parametrize(
    ("n", "energy"),
    [
        (2, -0.44311346),
        (4, -0.67969272),
        (10, -0.84020897),
        (20, -0.90383295),
        pytest.param(40, -0.94149572, marks=pytest.mark.slow),
    ],
)
def test_mean_largest_eigenvalue_gives_the_finite_ground_state_of_the_quadratic_model(n, energy):
    # H = -s^T J s/2 with J of off-diagonal variance 1/n: e_gs = -E lambda_max/2
    largest = mean_order_statistic(n, n - 1) * math.sqrt(2 / n)
    assert -0.5 * largest == pytest.approx(energy, abs=6e-9)
    assert mean_order_statistic(n, 0) == pytest.approx(-mean_order_statistic(n, n - 1), abs=1e-10)


def test_mean_order_statistics_are_ordered_and_sum_to_the_trace():
    means = [mean_order_statistic(7, k) for k in range(7)]
    assert np.all(np.diff(means) > 0)
    assert sum(means) == pytest.approx(0.0, abs=1e-11)
    assert means[3] == pytest.approx(0.0, abs=1e-11)
    assert mean_order_statistic(2, 1) == pytest.approx(math.sqrt(math.pi) / 2, rel=1e-12)


def test_sizes_that_cannot_be_are_refused():
    for call in (
        lambda: counts_below([0.0], 61),
        lambda: counts_below([0.0], 0),
        lambda: one_point_density(0.0, 701),
        lambda: one_point_density(0.0, 2.5),
        lambda: mean_order_statistic(3, 3),
        lambda: sample_eigenvalues(-1, 3, np.random.default_rng(0)),
    ):
        with pytest.raises(InputError):
            call()

"""Eigenvalue laws against quadrature, moments and sampled matrices."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import eigh

from spinnet.errors import InputError
from spinnet.theory.goe_order_statistics import sample_eigenvalues
from spinnet.theory.random_matrices import (
    GOE_LARGE_SIZE_MEAN_RATIO,
    MarchenkoPastur,
    Semicircle,
    SpacingRatio,
    WishartPlusWigner,
    spiked_covariance_outlier,
    spiked_wigner_outlier,
)

LAWS = [
    Semicircle(),
    Semicircle(-1.3, 0.4),
    MarchenkoPastur(0.3, 2.0),
    MarchenkoPastur(1.0),
    MarchenkoPastur(3.0, 0.5),
    WishartPlusWigner(0.25, 0.1),
    WishartPlusWigner(2.0, 0.05),
]


def integral(law, function=lambda x: 1.0, upto=math.inf):
    """Return the integral of a function over the continuous part of a law, between its edges."""
    total, edges = 0.0, list(law.edges)
    for low, high in zip(edges[::2], edges[1::2], strict=True):
        high = min(high, upto)
        if high > low:
            # a square-root edge becomes smooth in the angle
            width = high - low
            value, _ = quad(
                lambda a, low=low, width=width: (
                    0.5 * width * math.sin(a) * function(low + width * math.sin(a / 2) ** 2)
                    * float(law.density(low + width * math.sin(a / 2) ** 2))
                ),
                0,
                math.pi,
                limit=200,
                epsabs=1e-12,
            )
            total += value
    return total


@pytest.mark.parametrize("law", LAWS)
def test_density_has_the_stated_mass_mean_and_variance(law):
    atom = getattr(law, "atom_at_zero", 0.0)
    assert integral(law) == pytest.approx(1.0 - atom, abs=1e-8)
    assert integral(law, lambda x: x) == pytest.approx(law.mean, abs=1e-8)
    assert integral(law, lambda x: x * x) - law.mean**2 == pytest.approx(law.variance, abs=1e-8)


@pytest.mark.parametrize("law", LAWS)
def test_cdf_is_the_integral_of_the_density(law):
    atom = getattr(law, "atom_at_zero", 0.0)
    low, high = law.edges[0], law.edges[-1]
    for fraction in (0.1, 0.5, 0.93):
        x = low + fraction * (high - low)
        assert float(law.cdf(x)) == pytest.approx(atom + integral(law, upto=x), abs=1e-8)
    assert float(law.cdf(low - 1.0)) in (0.0, atom)
    assert float(law.cdf(high + 1.0)) == pytest.approx(1.0, abs=1e-9)
    assert float(law.density(high + 1.0)) == pytest.approx(0.0, abs=1e-9)


def test_closed_cdfs_are_exact_at_their_edges():
    for law in LAWS[:5]:
        assert float(law.cdf(law.edges[1])) == pytest.approx(1.0, abs=1e-14)
        assert law.cdf(np.linspace(*law.edges, 7)).shape == (7,)
    assert float(MarchenkoPastur(3.0).cdf(0.0)) == pytest.approx(2 / 3)
    assert float(MarchenkoPastur(3.0).cdf(-1e-9)) == 0.0


def test_sampled_matrices_follow_the_laws_and_not_their_neighbours():
    rng = np.random.default_rng(3)
    n, m = 300, 400
    x = rng.normal(size=(n, m))
    wishart = x @ x.T / m
    g = rng.normal(size=(n, n))
    wigner = (g + g.T) / math.sqrt(2 * n)

    def distance(matrix, law):
        levels = np.linalg.eigvalsh(matrix)
        points = levels[::10]
        return max(abs(float(law.cdf(p)) - np.mean(levels <= p)) for p in points)

    # eigenvalues are rigid: the distance is a few levels out of n
    assert distance(wigner, Semicircle()) < 0.02
    assert distance(wishart, MarchenkoPastur(n / m)) < 0.02
    assert distance(wishart + math.sqrt(0.6) * wigner, WishartPlusWigner(n / m, 0.3)) < 0.02
    assert distance(wigner, Semicircle(0.0, 1.8)) > 0.03
    assert distance(wishart, MarchenkoPastur(0.6)) > 0.03
    assert distance(wishart + math.sqrt(0.6) * wigner, WishartPlusWigner(n / m, 0.2)) > 0.02


@pytest.mark.parametrize("ratio", [0.02, 0.25, 0.7])
def test_lower_edge_of_the_free_sum_reaches_zero_at_the_critical_energy(ratio):
    critical = WishartPlusWigner(ratio, 0.1).critical_epsilon
    assert WishartPlusWigner(ratio, critical).edges[0] == pytest.approx(0.0, abs=1e-9)
    assert WishartPlusWigner(ratio, 0.5 * critical).index == 0.0
    # the index grows with the power 3/2 of the distance
    indices = [WishartPlusWigner(ratio, critical * (1 + d)).index for d in (1e-3, 2e-3)]
    assert math.log2(indices[1] / indices[0]) == pytest.approx(1.5, abs=0.01)


def test_critical_energy_has_its_two_limits_and_the_values_between():
    for ratio, value in ((0.25, 0.04350953), (0.5, 0.01127124), (0.75, 0.00126620)):
        assert WishartPlusWigner(ratio, 0.1).critical_epsilon == pytest.approx(value, abs=5e-9)
    # no patterns to fit: 1 + sqrt(2 epsilon) * semicircle of radius 2, so epsilon_c = 1/8
    assert WishartPlusWigner(1e-9, 0.1).critical_epsilon == pytest.approx(1 / 8, abs=1e-8)
    assert WishartPlusWigner(1.0, 0.1).critical_epsilon == 0.0
    assert WishartPlusWigner(1.0 - 1e-6, 0.1).critical_epsilon == pytest.approx(0.0, abs=1e-8)


def test_outlier_of_the_spiked_wigner_matrix():
    rng = np.random.default_rng(0)
    n, samples = 250, 12
    values, overlaps = [], []
    for _ in range(samples):
        g = rng.normal(size=(n, n))
        signal = rng.normal(size=n)
        signal /= np.linalg.norm(signal)
        matrix = (g + g.T) / math.sqrt(2 * n) + 2.0 * np.outer(signal, signal)
        levels, vectors = eigh(matrix, subset_by_index=(n - 1, n - 1))
        values.append(levels[0])
        overlaps.append((vectors[:, 0] @ signal) ** 2)
    value, overlap = spiked_wigner_outlier(2.0)
    assert (value, overlap) == (2.5, 0.75)
    # finite-size shifts are of order 1/n, below the errors of the mean
    assert abs(np.mean(values) - value) < 4 * np.std(values) / math.sqrt(samples) + 2 / n
    assert abs(np.mean(overlaps) - overlap) < 4 * np.std(overlaps) / math.sqrt(samples) + 2 / n
    assert spiked_wigner_outlier(0.9) == (2.0, 0.0)
    assert spiked_wigner_outlier(1.5) == (pytest.approx(2.1667, abs=1e-4), pytest.approx(0.5556, abs=1e-4))


def test_outlier_of_the_spiked_covariance_matrix():
    rng = np.random.default_rng(1)
    n, m, spike, samples = 150, 300, 3.0, 20
    values, overlaps = [], []
    for _ in range(samples):
        x = rng.normal(size=(n, m))
        x[0] *= math.sqrt(1 + spike)
        levels, vectors = eigh(x @ x.T / m, subset_by_index=(n - 1, n - 1))
        values.append(levels[0])
        overlaps.append(vectors[0, 0] ** 2)
    value, overlap = spiked_covariance_outlier(spike, n / m)
    assert abs(np.mean(values) - value) < 4 * np.std(values) / math.sqrt(samples) + 4 / n
    assert abs(np.mean(overlaps) - overlap) < 4 * np.std(overlaps) / math.sqrt(samples) + 4 / n
    assert spiked_covariance_outlier(0.5, 1.0) == (4.0, 0.0)


@pytest.mark.parametrize("ensemble", ["goe", "poisson"])
def test_spacing_ratio_laws_are_normalised_with_the_stated_mean(ensemble):
    law = SpacingRatio(ensemble)
    assert quad(law.density, 0, 1)[0] == pytest.approx(1.0, abs=1e-10)
    assert quad(lambda r: r * law.density(r), 0, 1)[0] == pytest.approx(law.mean, abs=1e-10)
    for r in (0.2, 0.7):
        assert float(law.cdf(r)) == pytest.approx(quad(law.density, 0, r)[0], abs=1e-10)
    np.testing.assert_array_equal(law.density([-0.1, 1.1]), 0.0)
    np.testing.assert_array_equal(law.cdf([-0.1, 1.1]), [0.0, 1.0])


def test_spacing_ratio_means_have_their_known_values():
    assert SpacingRatio("goe").mean == pytest.approx(0.5359, abs=5e-5)
    assert SpacingRatio("poisson").mean == pytest.approx(0.38629, abs=5e-6)
    assert GOE_LARGE_SIZE_MEAN_RATIO == 0.5307


def test_spacing_ratio_law_is_exact_for_three_levels_and_off_for_large_matrices():
    rng = np.random.default_rng(5)

    def ratios(levels):
        spacing = np.diff(levels, axis=1)
        low, high = np.minimum(spacing[:, 1:], spacing[:, :-1]), np.maximum(spacing[:, 1:], spacing[:, :-1])
        return low / high

    law = SpacingRatio("goe")
    samples = 40_000
    three = ratios(sample_eigenvalues(3, samples, rng))[:, 0]
    assert abs(three.mean() - law.mean) < 4 * three.std() / math.sqrt(samples)
    points = np.array([0.2, 0.5, 0.8])
    found = np.mean(three[:, None] <= points, axis=0)
    assert np.all(np.abs(found - law.cdf(points)) < 4 * np.sqrt(found * (1 - found) / samples))
    assert np.any(np.abs(found - SpacingRatio("poisson").cdf(points)) > 0.05)
    # the unit of error is a matrix
    large = ratios(sample_eigenvalues(120, 1000, rng)).mean(axis=1)
    error = large.std() / math.sqrt(1000)
    assert abs(large.mean() - GOE_LARGE_SIZE_MEAN_RATIO) < 4 * error
    assert abs(large.mean() - law.mean) > 4 * error
    poisson = ratios(np.sort(rng.random((samples, 40)), axis=1)[:, 10:13])[:, 0]
    assert abs(poisson.mean() - SpacingRatio("poisson").mean) < 4 * poisson.std() / math.sqrt(samples)


@pytest.mark.parametrize(
    "call",
    [
        lambda: Semicircle(0.0, 0.0),
        lambda: MarchenkoPastur(-1.0),
        lambda: MarchenkoPastur(0.5, float("nan")),
        lambda: WishartPlusWigner(0.5, 0.0),
        lambda: SpacingRatio("gue"),
        lambda: spiked_covariance_outlier(1.0, 0.0),
    ],
)
def test_laws_that_do_not_exist_are_refused(call):
    with pytest.raises(InputError):
        call()

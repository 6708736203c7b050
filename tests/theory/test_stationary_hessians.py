"""The sampled law of Hessians at stationary points against exact counts and against searched points."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics.critical_points import find_critical_points
from spinnet.errors import InputError
from spinnet.landscapes import SphericalGlass
from spinnet.theory.covariance import Covariance
from spinnet.theory.critical_points import expected_critical_points_by_index
from spinnet.theory.kac_rice import index_fraction
from spinnet.theory.stationary_hessians import sample_hessians, sample_typical_spectra

PURE = Covariance({3: 1.0})
PURE_16 = np.sqrt(2 / (3 * 16))  # the energy density of GOE eigenvalue 1 at N = 16


def test_the_mean_index_at_an_energy_is_that_of_exact_counts():
    n, energies = 8, np.array([-0.9, -0.6, -0.3, 0.0, 0.4])
    found, error = sample_hessians(PURE, n, 20_000).mean_index(energies)
    for e, value, wrong in zip(energies, found, error, strict=True):
        density = np.subtract(*(expected_critical_points_by_index(PURE, n, e + h) for h in (0.01, -0.01)))
        exact = density @ np.arange(n) / density.sum()
        assert abs(value - exact) < 4 * wrong + 0.005


def test_the_mean_index_tends_to_the_semicircle():
    energies = np.array([-1.0, -0.7, -0.3, 0.0])
    limit = np.array([index_fraction(PURE, e) for e in energies])
    off = [np.abs(sample_hessians(PURE, n, 400).mean_index(energies)[0] / (n - 1) - limit).max() for n in (16, 64)]
    assert off[1] < 0.5 * off[0] and off[1] < 0.02


def test_edges_of_minima_are_those_of_searched_ones():
    n, samples, measured, expected = 5, 40, [], []
    law = sample_hessians(PURE, n, 20_000)
    typical = sample_typical_spectra(PURE, n, 2000)[:, [0, -1]].mean(axis=0)
    for sample in range(samples):
        glass = SphericalGlass(n=n, covariance={3: 1.0}, seed=17, sample=sample, dtype="float64")
        points = find_critical_points(glass, np.random.default_rng(sample), starts=64, most_starts=512)
        minima = points.index == 0
        edges = points.eigenvalues[minima][:, [0, -1]]
        predicted = law.edges_of_minima(points.energy[minima] / n)[0].T
        known = np.isfinite(predicted).all(axis=1)
        measured.append((edges - predicted)[known].sum(axis=0))
        # Deliberately wrong: the edges of typical configurations.
        expected.append((edges - typical + 3 * points.energy[minima, None] / n)[known].sum(axis=0))
    z = np.mean(measured, axis=0) / (np.std(measured, axis=0, ddof=1) / np.sqrt(samples))
    assert (np.abs(z) < 4).all()
    wrong = np.mean(expected, axis=0) / (np.std(expected, axis=0, ddof=1) / np.sqrt(samples))
    assert wrong[0] > 4


def test_errors_of_the_edges_are_the_scatter_of_independent_samples():
    energies, repeats = PURE_16 * np.array([-5.6, -5.0, -4.4]), 60
    found = [sample_hessians(PURE, 16, 300, seed=seed).edges_of_minima(energies) for seed in range(repeats)]
    means, errors = (np.array(part) for part in zip(*found, strict=True))
    scatter, told = means.var(axis=0, ddof=1), (errors**2).mean(axis=0)
    # A variance of Gaussian numbers has the relative error sqrt(2/(repeats − 1)).
    assert (np.abs(scatter / told - 1) < 4 * np.sqrt(2 / (repeats - 1))).all()
    assert sample_hessians(PURE, 16, 300).edges_of_minima(0.0)[1].shape == (2,)
    assert np.isnan(sample_hessians(PURE, 16, 300).edges_of_minima([0.0, -9.0])[1]).all()


def test_mean_energies_by_index_are_those_of_exact_counts():
    n, grid = 6, np.linspace(-2.0, 2.0, 161)
    mean, spread = sample_hessians(PURE, n, 40_000).energies_by_index(3, 1.0 / 3.0)
    below = np.array([expected_critical_points_by_index(PURE, n, e) for e in grid])[:, :3]
    share = np.diff(below, axis=0) / below[-1]
    middle = 0.5 * (grid[1:] + grid[:-1])[:, None]
    exact = (share * middle).sum(axis=0)
    np.testing.assert_allclose(mean, exact, atol=0.008)
    np.testing.assert_allclose(spread, np.sqrt((share * (middle - exact) ** 2).sum(axis=0)), rtol=0.03)


def test_typical_spectra_have_the_width_of_the_semicircle():
    spectra = sample_typical_spectra(PURE, 60, 200)
    assert spectra.shape == (200, 59)
    assert np.sqrt((spectra**2).mean()) == pytest.approx(np.sqrt(3.0), rel=0.02)


def test_mixed_models_are_refused():
    with pytest.raises(InputError, match="mixed"):
        sample_hessians(Covariance({2: 1.0, 3: 1.0}), 8)

"""Index against energy: copies, correlations and their chance, and the fitted law."""

import numpy as np
import pytest

from spinnet.estimators.index_energy import (
    chance_of_correlation,
    correlation,
    distinct_points,
    fit_edge_law,
    fit_near_edge,
)


def test_copies_are_counted_once_and_other_points_are_kept():
    energy = np.array([0.3, 0.3 + 1e-9, 0.3, 0.4, 0.3])
    index = np.array([2, 2, 2, 2, 3])
    zeros = np.array([0, 0, 8, 0, 0])
    assert distinct_points(energy, index, zeros).tolist() in ([0, 2, 3, 4], [1, 2, 3, 4])


def test_chance_is_uniform_for_independent_numbers_and_small_for_a_line():
    rng = np.random.default_rng(0)
    chances = [chance_of_correlation(*rng.standard_normal((2, 15)), 199, rng) for _ in range(200)]
    assert abs(np.mean(chances) - 0.5) < 4 * np.sqrt(1 / 12 / 200) + 0.0025
    x = np.arange(12.0)
    assert chance_of_correlation(x, x + 0.1 * rng.standard_normal(12), 999, rng) == pytest.approx(1e-3)
    assert np.isnan(correlation(np.zeros(5), x[:5]))


def test_the_law_of_given_exponent_is_found_again_and_the_wrong_one_is_further():
    energy = np.linspace(0.1, 1.0, 40)
    share = 0.2 * np.maximum(energy / 0.3 - 1, 0) ** 1.5
    law, line = fit_edge_law(energy, share), fit_edge_law(energy, share, 1.0)
    assert law.critical == pytest.approx(0.3, rel=0.02) and law.amplitude == pytest.approx(0.2, rel=0.05)
    assert law.residual < 0.2 * line.residual


def _sets(number, points, exponent=1.5, noise=0.01):
    rng = np.random.default_rng(4)
    energies = [0.3 + 0.5 * rng.random(points) for _ in range(number)]
    return [(e, 0.2 * np.maximum(e / 0.4 - 1, 0) ** exponent + noise * rng.standard_normal(points)) for e in energies]


def test_the_exponent_at_the_edge_is_found_within_its_error_and_another_is_excluded():
    for exponent in (1.5, 1.0):
        fit = fit_near_edge(_sets(6, 60, exponent), None)
        assert abs(fit.law.exponent - exponent) < 4 * fit.exponent_error < 1.0
        assert abs(fit.law.critical - 0.4) < 4 * fit.critical_error
    line = fit_near_edge(_sets(6, 60, 1.0, noise=0.002), None)
    assert abs(line.law.exponent - 1.5) > 4 * line.exponent_error


def test_too_few_points_near_the_edge_or_too_few_sets_are_refused():
    for sets in (_sets(6, 3), _sets(4, 200), [(4.0 * e**4, s) for e, s in _sets(6, 4)]):
        fit = fit_near_edge(sets)
        assert fit.law is None and "too few points for a fit" in fit.refused

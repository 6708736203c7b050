"""Index against energy: copies, correlations and their chance, and the fitted law."""

import numpy as np
import pytest

from spinnet.estimators.index_energy import (
    chance_of_correlation,
    correlation,
    distinct_points,
    fit_edge_law,
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
    law, line = fit_edge_law(energy, share, 1.5), fit_edge_law(energy, share, 1.0)
    assert law.critical == pytest.approx(0.3, rel=0.02) and law.amplitude == pytest.approx(0.2, rel=0.05)
    assert law.residual < 0.2 * line.residual

"""Densities integrate to one and carry the error over units."""

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.histograms import density, even_edges


def test_density_integrates_to_one_less_what_lies_outside():
    values = np.random.default_rng(1).normal(size=(10, 200))
    found = density(values, np.linspace(-1, 1, 21))
    assert (found.density * np.diff(found.edges)).sum() == pytest.approx(1 - found.outside)
    assert found.outside == pytest.approx((np.abs(values) > 1).mean())


def test_error_bars_of_a_density_are_those_of_its_units():
    rng = np.random.default_rng(2)
    edges = np.linspace(-2, 2, 9)
    found = density(rng.normal(size=(500, 40)), edges)
    share = np.diff([_phi(edge) for edge in edges])
    expected = np.sqrt(share * (1 - share) / 40 / 500) / np.diff(edges)
    np.testing.assert_allclose(found.error, expected, rtol=0.15)
    assert (np.abs(found.density - share / np.diff(edges)) < 4 * expected).all()


def _phi(x):
    from math import erf, sqrt

    return 0.5 * (1 + erf(x / sqrt(2)))


def test_shared_fluctuations_inside_a_unit_show_in_the_error():
    rng = np.random.default_rng(3)
    independent = rng.normal(size=(200, 50))
    shifted = independent + 2 * rng.normal(size=(200, 1))
    edges = np.linspace(-1, 1, 3)
    share = density(shifted, edges)
    naive = np.sqrt(share.density / (200 * 50))
    assert (share.error > 2 * naive).all()


def test_what_is_not_finite_is_counted_and_a_unit_without_values_left_out():
    found = density([[0.1, np.nan, 0.2], [np.nan, np.nan, np.nan]], [0.0, 1.0])
    assert (found.n_units, found.n_values, found.not_finite) == (1, 2, 4)
    assert found.density[0] == 1.0


def test_edges_cover_the_values():
    edges = even_edges([[1.0, 2.0, np.nan], [3.0, 5.0, 4.0]], 8)
    assert (edges[0], edges[-1], len(edges)) == (1.0, 5.0, 9)
    assert len(even_edges([2.0, 2.0], 4)) == 5


def test_impossible_histograms_are_refused():
    with pytest.raises(InputError, match="increasing"):
        density([1.0], [1.0, 0.0])
    with pytest.raises(InputError, match="no finite"):
        density([np.nan], [0.0, 1.0])
    with pytest.raises(InputError, match="no value is finite"):
        even_edges([np.nan], 3)

"""Index, zero modes and spacing ratios of known spectra."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import goe

from spinnet.errors import InputError
from spinnet.estimators.spectra import (
    GOE_SPACING_RATIO,
    POISSON_SPACING_RATIO,
    count_signs,
    mean_spacing_ratio,
    nonzero_modes,
    spacing_ratios,
)


def z_score(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


@pytest.fixture(scope="module")
def goe_levels():
    rng = np.random.default_rng(0)
    return np.linalg.eigvalsh(np.array([goe(120, rng) for _ in range(150)]))


@pytest.mark.parametrize("central", [0.8, 1.0])
def test_spacing_ratio_of_random_symmetric_matrices_is_that_of_the_goe(goe_levels, central):
    ratios = np.array([mean_spacing_ratio(row, central) for row in goe_levels])
    assert abs(z_score(ratios, GOE_SPACING_RATIO)) < 4
    # The surmise 4 − 2√3 for 3 × 3 matrices is another number, and so is the Poisson one.
    assert abs(z_score(ratios, POISSON_SPACING_RATIO)) > 30


def test_the_surmise_for_three_levels_is_exact():
    rng = np.random.default_rng(1)
    levels = np.linalg.eigvalsh(np.array([goe(3, rng) for _ in range(40_000)]))
    ratios = np.array([mean_spacing_ratio(row, 1.0) for row in levels])
    assert abs(z_score(ratios, 4.0 - 2.0 * np.sqrt(3.0))) < 4


def test_spacing_ratio_of_independent_levels_is_poissonian():
    rng = np.random.default_rng(0)
    ratios = np.array([mean_spacing_ratio(rng.uniform(1.0, 2.0, 400), 1.0) for _ in range(150)])
    assert abs(z_score(ratios, POISSON_SPACING_RATIO)) < 4


def test_spacing_ratios_need_no_unfolding_and_no_order():
    levels = np.array([1.0, 2.0, 4.0, 5.0])
    np.testing.assert_allclose(spacing_ratios(levels[[2, 0, 3, 1]]), [0.5, 0.5])
    np.testing.assert_allclose(spacing_ratios(7.0 * levels), [0.5, 0.5])


def test_zero_modes_have_no_spacing():
    levels = np.concatenate([np.zeros(50), 1e-12 * np.arange(5), [1.0, 2.0, 4.0, 5.0]])
    assert len(nonzero_modes(levels)) == 4
    np.testing.assert_allclose(spacing_ratios(levels), [0.5, 0.5])


def test_degenerate_triples_are_left_out():
    np.testing.assert_allclose(spacing_ratios(np.array([1.0, 1.0, 1.0, 2.0, 4.0])), [0.0, 0.5])


def test_the_central_share_drops_as_many_at_both_ends():
    levels = np.arange(1.0, 21.0)
    levels[0], levels[-1] = -50.0, 100.0
    assert len(spacing_ratios(levels, 0.8)) == 14
    assert (spacing_ratios(levels, 0.8) == 1.0).all()


def test_too_few_levels_have_no_ratio():
    assert len(spacing_ratios(np.array([1.0, 2.0]))) == 0
    assert np.isnan(mean_spacing_ratio(np.array([1.0, 2.0])))
    assert np.isnan(mean_spacing_ratio(np.zeros(10)))


def test_signs_are_counted_against_the_largest_modulus():
    assert count_signs(np.array([-2.0, -1e-6, -1e-10, 0.0, 1e-9, 3.0])) == (2, 3, 1)
    assert count_signs(np.array([-2.0, -1e-6, 3.0]), zero_tolerance=1e-3) == (1, 1, 1)
    assert count_signs(np.zeros(3)) == (0, 3, 0)


def test_a_share_outside_its_range_is_refused():
    with pytest.raises(InputError, match="central"):
        spacing_ratios(np.arange(9.0), central=0.0)

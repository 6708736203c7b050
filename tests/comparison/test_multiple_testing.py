"""Holm's correction and the split-half check."""

import numpy as np
import pytest

from spinnet.comparison.multiple_testing import holm
from spinnet.comparison.permutation import draw_labellings, permutation_test
from spinnet.comparison.split_halves import binomial_rate, split_half_rates
from spinnet.errors import InputError


def test_holm_of_a_hand_example():
    # Sorted: .005*4 = .02, .01*3 = .03, .03*2 = .06, .04*1 = .04 raised to .06.
    np.testing.assert_allclose(holm([0.01, 0.04, 0.03, 0.005]), [0.03, 0.06, 0.06, 0.02])


def test_holm_leaves_out_tests_that_were_not_made():
    np.testing.assert_allclose(holm([0.01, np.nan, 0.04]), [0.02, np.nan, 0.04])
    assert np.isnan(holm([np.nan])).all()
    assert holm([]).size == 0


def test_holm_never_exceeds_one_nor_bonferroni():
    p = np.random.default_rng(1).uniform(size=30)
    adjusted = holm(p)
    assert (adjusted <= np.minimum(30 * p, 1) + 1e-15).all()
    assert (adjusted >= p).all()
    assert np.array_equal(np.argsort(p), np.argsort(p + adjusted))


def test_holm_holds_the_family_level_for_independent_tests_and_no_correction_does_not():
    p = np.random.default_rng(2).uniform(size=(4000, 10))
    error = np.sqrt(0.05 * 0.95 / 4000)
    family = np.mean([(holm(row) <= 0.05).any() for row in p])
    assert (family - 0.05) / error < 4
    assert (np.mean((p <= 0.05).any(axis=1)) - 0.05) / error > 50


def test_p_values_outside_zero_and_one_are_refused():
    with pytest.raises(InputError):
        holm([0.5, 1.2])


def halves_test(values, permutations=199):
    def p_values(left, right, rng):
        labellings = draw_labellings(len(left), len(right), permutations, rng)
        return np.array([permutation_test(v[left], v[right], labellings=labellings, fewest_units=5).p_value
                         for v in values])

    return p_values


def test_split_halves_are_rejected_at_the_level():
    rng = np.random.default_rng(3)
    values = [rng.normal(size=24), rng.exponential(size=24)]
    found = split_half_rates(halves_test(values), 24, rng, splits=400)
    assert found.units_per_half == 12
    assert (np.abs(found.rate - 0.05) < 4 * np.sqrt(0.05 * 0.95 / 400)).all()
    assert found.family_rate < 0.05 + 4 * np.sqrt(0.05 * 0.95 / 400)
    np.testing.assert_allclose(found.error, [binomial_rate(round(400 * r), 400)[1] for r in found.rate])


def test_a_test_that_rejects_too_often_is_seen():
    rng = np.random.default_rng(4)
    values = [rng.normal(size=24)]

    def anticonservative(left, right, rng):
        return halves_test(values)(left, right, rng) / 4

    found = split_half_rates(anticonservative, 24, rng, splits=200)
    assert (found.rate[0] - 0.05) / np.sqrt(0.05 * 0.95 / 200) > 6


def test_tests_that_are_not_made_have_no_rate():
    found = split_half_rates(lambda a, b, r: np.array([0.5, np.nan]), 20, np.random.default_rng(5), splits=20)
    assert found.rate[0] == 0.0
    assert np.isnan(found.rate[1])


def test_the_binomial_error_does_not_vanish_at_no_rejections():
    rate, error = binomial_rate(0, 100)
    assert rate == 0.0
    assert 0.003 < error < 0.01
    assert binomial_rate(500, 10000)[1] == pytest.approx(np.sqrt(0.05 * 0.95 / 10000), rel=0.01)


def test_a_split_half_check_of_few_units_is_refused():
    with pytest.raises(InputError, match="halves of 5"):
        split_half_rates(lambda a, b, r: np.array([1.0]), 11, np.random.default_rng(0))

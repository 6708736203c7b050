"""Shares that fall: thresholds, their errors, exact intervals, and how often one peak leaves a gap at zero."""

import math

import numpy as np
import pytest

from spinnet.estimators.threshold import (
    binomial_interval,
    falling_shares,
    gap_probability,
    mean_threshold,
    threshold_with_error,
)


def test_exact_interval_has_its_tails():
    low, high = binomial_interval(3, 10)
    above = sum(math.comb(10, k) * low**k * (1 - low) ** (10 - k) for k in range(3, 11))
    below = sum(math.comb(10, k) * high**k * (1 - high) ** (10 - k) for k in range(4))
    assert above == pytest.approx(0.16) and below == pytest.approx(0.16)
    assert binomial_interval(0, 5)[0] == 0.0 and binomial_interval(5, 5)[1] == 1.0 and binomial_interval(0, 0) == (0, 1)


def test_rising_neighbours_are_pooled():
    np.testing.assert_allclose(falling_shares([1, 0.2, 0.8, 0.0], [4, 1, 3, 4]), [1, 0.65, 0.65, 0])
    assert mean_threshold([1, 2, 3], [1, 0.5, 0], [1, 1, 1]) == 2.0
    assert math.isnan(mean_threshold([1, 2], [1, 0.5], [1, 1]))  # the end is not seen


def test_threshold_of_normal_thresholds_is_their_mean_within_its_errors():
    rng, places = np.random.default_rng(0), np.arange(2.0, 6.01, 0.5)
    scores = []
    for _ in range(200):
        draws = [[(int((rng.normal(4.1, 0.5, 6) > place).sum()), 6) for _ in range(3)] for place in places]
        value, error = threshold_with_error(places, draws)
        if math.isfinite(value):
            scores.append((value - 4.1) / error)
    assert len(scores) > 150 and abs(np.mean(scores)) < 0.3 and 0.3 < np.std(scores) < 1.3


def test_places_without_finished_runs_give_no_threshold():
    assert all(math.isnan(value) for value in threshold_with_error([1, 2], [[(2, 2)], [(0, 0)]]))


def test_one_falling_peak_seldom_leaves_a_gap_and_its_probability_is_a_bound():
    rng = np.random.default_rng(0)
    flat = np.array([gap_probability(rng.random(5)) for _ in range(4000)])
    falling = np.array([gap_probability(np.abs(rng.standard_normal(5))) for _ in range(4000)])
    for level in (0.05, 0.2):
        error = math.sqrt(level * (1 - level) / 4000)
        assert abs((flat <= level).mean() - level) < 4 * error  # exact where the density is flat
        assert (falling <= level).mean() < level + 4 * error
        wrong = np.array([(1 - v) ** 5 for v in 1 - flat ** (1 / 4)])  # deliberately wrong: n instead of n − 1
        assert abs((wrong <= level).mean() - level) > 4 * error
    assert gap_probability(np.array([0.9, 1.0, 1.1, 1.2])) < 0.02 and gap_probability(np.array([1.0])) == 1.0

"""chi_4 and the relaxation time on made-up correlations with known variances."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError, NotConvergedError
from spinnet.estimators.dynamic_susceptibility import (
    dynamic_susceptibility,
    relaxation_time,
    susceptibility_at_relaxation,
)

N, TIME = 100, np.geomspace(0.1, 100, 31)


def correlations(samples=300, replicas=4, shared=0.03, own=0.05, seed=0):
    """C = exp(−√t) + noise of the sample + noise of the replica, both largest where C falls."""
    rng = np.random.default_rng(seed)
    mean = np.exp(-np.sqrt(TIME))
    width = 2 * np.sqrt(mean * (1 - mean))
    between, within = rng.standard_normal((samples, 1, 1)), rng.standard_normal((samples, replicas, 1))
    return mean + width * (shared * between + own * within), mean, width


def test_the_variance_and_its_parts_are_found():
    overlap, mean, width = correlations()
    found = dynamic_susceptibility(overlap, TIME, N)
    assert (np.abs(found.correlation - mean) < 4 * found.correlation_error).all()
    assert (np.abs(found.total - N * width**2 * (0.03**2 + 0.05**2)) < 4 * found.total_error).all()
    assert (np.abs(found.within - N * width**2 * 0.05**2) < 4 * found.within_error).all()
    np.testing.assert_allclose(found.between, found.total - found.within)
    assert found.peak_time == pytest.approx(np.log(2) ** 2, rel=0.3) and found.n_units == 300


def test_one_replica_gives_the_total_alone():
    overlap, _, width = correlations(500, 1, seed=1)
    found = dynamic_susceptibility(overlap, TIME, N)
    assert (np.abs(found.total - N * width**2 * 0.0034) < 4 * found.total_error).all()
    assert np.isnan(found.within).all()


def test_the_variance_of_means_over_replicas_is_not_it():
    # Deliberately wrong: averaging replicas first loses most of their share.
    overlap, _, _ = correlations(500, 4, seed=2)
    found = dynamic_susceptibility(overlap, TIME, N)
    wrong = N * overlap.mean(axis=1).var(axis=0, ddof=1)
    assert (np.abs(wrong - found.total) > 4 * found.total_error).all()


def test_a_peak_is_one_that_other_samples_see_fall_again():
    overlap, _, width = correlations()
    found = dynamic_susceptibility(overlap, TIME, N)
    true = N * 0.0034 * (width**2).max() - N * 0.0034 * width[-1] ** 2
    assert abs(found.drop - true) < 4 * found.drop_error and found.drop > 4 * found.drop_error
    assert abs(found.height - N * 0.0034 * (width**2).max()) < 4 * found.height_error
    rng = np.random.default_rng(3)
    flat = [dynamic_susceptibility(rng.standard_normal((12, 1, 31)), TIME, 1) for _ in range(25)]
    assert abs(np.mean([one.drop / one.drop_error for one in flat])) < 4 / np.sqrt(25)
    # Deliberately wrong: the largest of 31 values is above the last one whatever is measured.
    assert np.mean([(one.peak - one.total[-1]) / one.peak_error for one in flat]) > 1


def test_the_relaxation_time_is_where_the_mean_crosses_the_level():
    overlap, _, _ = correlations()
    found = relaxation_time(overlap.mean(axis=1), TIME, np.exp(-1.0))
    assert abs(found.value) < 4 * found.error + 0.01 and found.error < 0.03
    with pytest.raises(NotConvergedError, match="stays above"):
        relaxation_time(overlap.mean(axis=1)[:, :5], TIME[:5], 0.1)
    with pytest.raises(NotConvergedError, match="stays below"):
        relaxation_time(overlap.mean(axis=1), TIME, 0.99)


def test_at_the_relaxation_time_chi_4_is_that_of_the_place_the_mean_decides():
    overlap, _, width = correlations()
    found = susceptibility_at_relaxation(overlap, TIME, N, 0.5)
    variance = N * 0.0034 * width**2
    at = np.interp(np.log(2) ** 2, TIME, variance)
    assert abs(found.value[0] - at) < 4 * found.error[0] + 0.005
    assert abs(found.value[1] - (at - variance[-1])) < 4 * found.error[1] + 0.005
    with pytest.raises(NotConvergedError, match="stays below"):
        susceptibility_at_relaxation(overlap, TIME, N, 0.99)


def test_five_samples_are_enough_for_a_peak_without_a_warning():
    overlap, _, _ = correlations(5, 2)
    with np.errstate(all="raise"):
        assert np.isfinite(dynamic_susceptibility(overlap, TIME, N).height)


def test_wrong_shapes_are_refused():
    with pytest.raises(InputError, match="sample, replica, time"):
        dynamic_susceptibility(np.ones((5, 31)), TIME, N)
    with pytest.raises(InputError, match="increasing times"):
        relaxation_time(np.ones((5, 31)), TIME[::-1], 0.5)

"""P(q) from histograms: weights, errors from samples, and moments of the covariance."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.estimators.overlap_distribution import covariance_mean, overlap_distribution, overlap_weight

EDGES = np.linspace(-1, 1, 21)


def broken_samples(samples=400, weight=0.3, seed=0):
    """Counts of samples whose weight at q = 0.65 varies (mean ``weight``), the rest at q = 0.05."""
    rng = np.random.default_rng(seed)
    above = rng.beta(0.6, 1.4, samples)  # mean 0.3
    counts = np.zeros((samples, 2, 20))
    total = rng.integers(500, 1500, samples)[:, None]
    counts[:, :, 16], counts[:, :, 10] = total * above[:, None], total * (1 - above[:, None])
    return counts, weight


def test_every_sample_has_the_same_weight_however_long_it_ran():
    counts, weight = broken_samples()
    found = overlap_distribution(counts, EDGES)
    assert np.sum(found.density * 0.1) == pytest.approx(1.0)
    share = overlap_weight(counts, EDGES, above=0.4)
    assert abs(share.value - weight) < 4 * share.error and share.error == pytest.approx(0.265 / 20, rel=0.15)
    assert found.density[16] * 0.1 == pytest.approx(share.value) and found.error[16] * 0.1 == pytest.approx(share.error)
    assert found.spread[16] == pytest.approx(20 * found.error[16])
    assert found.centres[16] == pytest.approx(0.65)


def test_a_bin_that_is_cut_counts_in_part():
    counts = np.zeros((6, 20))
    counts[:, 16] = 10
    assert overlap_weight(counts, EDGES, above=0.675).value == pytest.approx(0.25)


def test_errors_cover_the_truth_as_often_as_they_say():
    covered = []
    for seed in range(200):
        counts, weight = broken_samples(40, seed=seed)
        share = overlap_weight(counts, EDGES, above=0.4)
        covered.append(abs(share.value - weight) < share.error)
    assert abs(np.mean(covered) - 0.68) < 4 * np.sqrt(0.68 * 0.32 / 200)


def test_the_mean_covariance_is_that_of_the_polynomial():
    q = np.random.default_rng(1).uniform(-1, 1, (5, 1000))
    moments = np.stack([(q**p).mean(axis=1) for p in range(1, 7)], axis=-1)
    expected = (0.5 * q**3 + 0.5 * 4 * q**4).mean(axis=1)
    np.testing.assert_allclose(covariance_mean(moments, np.arange(1, 7), {3: 1.0, 4: 2.0}), expected)
    with pytest.raises(InputError, match="degree 8"):
        covariance_mean(moments, np.arange(1, 7), {8: 1.0})


def test_wrong_counts_are_refused():
    with pytest.raises(InputError, match="bins"):
        overlap_distribution(np.ones((6, 19)), EDGES)
    counts = np.ones((6, 20))
    counts[3] = 0
    with pytest.raises(InputError, match="1 of 6 samples"):
        overlap_distribution(counts, EDGES)

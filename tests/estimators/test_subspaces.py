"""Overlaps of subspaces: known angles, and the mean and spread of chance."""

import numpy as np
import pytest

from spinnet.estimators.subspaces import orthonormal_rows, random_subspace_overlap, subspace_overlap


def test_a_subspace_within_another_has_overlap_one_and_an_orthogonal_one_zero():
    e = np.eye(5)
    assert subspace_overlap(e[:2], e[:4]) == 1.0
    assert subspace_overlap(e[:2], e[2:]) == 0.0
    tilted = np.array([[np.cos(0.3), 0, np.sin(0.3), 0, 0]])
    assert subspace_overlap(tilted, e[:2]) == pytest.approx(np.cos(0.3) ** 2)
    assert np.isnan(subspace_overlap(e[:0], e[:2]))


def test_dependent_rows_span_what_they_span():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((3, 8))
    basis = orthonormal_rows(np.vstack([rows, rows[:1] + rows[1:2]]))
    np.testing.assert_allclose(basis @ basis.T, np.eye(3), atol=1e-12)
    assert subspace_overlap(basis, orthonormal_rows(rows)) == pytest.approx(1.0)
    assert len(orthonormal_rows(np.zeros((2, 4)))) == 0


def test_random_subspaces_overlap_with_the_stated_mean_and_spread():
    rng = np.random.default_rng(1)
    p, q, n = 3, 5, 20
    fixed = np.eye(n)[:q]
    values = np.array([subspace_overlap(orthonormal_rows(rng.standard_normal((p, n))), fixed) for _ in range(4000)])
    mean, spread = random_subspace_overlap(p, q, n)
    assert abs(values.mean() - mean) < 4 * spread / np.sqrt(len(values))
    assert values.std() == pytest.approx(spread, rel=0.05)
    # deliberately wrong: the spread of independent squared cosines
    wrong = np.sqrt(2 * q * (n - q) / (n**2 * (n + 2.0)) / p)
    assert abs(values.std() / wrong - 1) < 0.2 and abs(values.std() / (2 * wrong) - 1) > 0.4

"""Numbers of stationary points of small glasses against closed forms of the Kac–Rice formula.

A count is accepted only where the Euler sum is right and doubling the starts adds nothing. No sample may be left out:
that would bias the mean.
"""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics.critical_points import find_critical_points
from spinnet.landscapes import SphericalGlass
from spinnet.theory.covariance import Covariance
from spinnet.theory.critical_points import euler_characteristic, expected_critical_points_by_index


def census(n, p, samples, starts):
    """Numbers by index (samples, n), of complete searches; and the points of each sample."""
    found = []
    for sample in range(samples):
        glass = SphericalGlass(n=n, covariance={p: 1.0}, seed=29, sample=sample, dtype="float64")
        points = find_critical_points(glass, np.random.default_rng(sample), starts=starts)
        assert points.complete, f"n={n} p={p} sample {sample}: {len(points.x)} points after {points.starts} starts"
        assert points.euler_characteristic == euler_characteristic(n)
        found.append(points)
    return np.array([points.counts() for points in found]), found


def z_score(values, expected):
    return (values.mean() - expected) / (values.std(ddof=1) / np.sqrt(len(values)))


@pytest.fixture(scope="module")
def circle():
    return census(2, 3, 160, 32)


@pytest.fixture(scope="module")
def sphere():
    return census(3, 3, 100, 64)


def test_the_mean_number_on_the_circle_is_two_root_seven(circle):
    total = circle[0].sum(axis=1)
    assert abs(z_score(total, 2.0 * np.sqrt(7.0))) < 4
    # x and −x are two points; a count that takes them for one fails, and so does the number of p = 4.
    assert abs(z_score(total / 2, 2.0 * np.sqrt(7.0))) > 4
    assert abs(z_score(total, 2.0 * np.sqrt(10.0))) > 4


def test_the_mean_numbers_on_the_two_sphere_are_the_closed_forms(sphere):
    counts, _ = sphere
    growth = 2.0**1.5 / np.sqrt(7.0)
    assert abs(z_score(counts.sum(axis=1), 2.0 + 8.0 * growth)) < 4
    assert abs(z_score(counts[:, 0], 1.0 + 2.0 * growth)) < 4
    # Euler's relation leaves one saddle for every minimum and maximum but two; the saddles alone are not the total.
    assert (counts[:, 1] == counts[:, 0] + counts[:, 2] - 2).all()
    assert abs(z_score(counts[:, 1], 2.0 + 8.0 * growth)) > 4


def test_an_odd_glass_has_its_points_in_pairs_of_opposite_energy_and_index(sphere):
    counts, found = sphere
    assert (counts == counts[:, ::-1]).all()
    for points in found[:20]:
        np.testing.assert_allclose(points.energy, -points.energy[::-1], atol=1e-9)
        assert np.abs(points.x @ points.x.T / 3 + 1).min(axis=1).max() < 1e-9


def test_too_few_starts_are_called_incomplete():
    # Deliberately wrong: one round of four starts. The mean number falls short, and no such search is called complete.
    total = []
    for sample in range(60):
        glass = SphericalGlass(n=3, covariance={3: 1.0}, seed=29, sample=sample, dtype="float64")
        points = find_critical_points(glass, np.random.default_rng(sample), starts=4, most_starts=4)
        assert not points.complete
        total.append(len(points.x))
    assert z_score(np.array(total), 10.55235974) < -4


def test_a_two_spin_glass_has_exactly_two_points_per_spin():
    # ± the eigenvectors of the couplings, index = rank of the eigenvalue.
    for n in (4, 7):
        counts, found = census(n, 2, 3, 32)
        assert (counts == 2).all()
        hessian = SphericalGlass(n=n, covariance={2: 1.0}, seed=29, sample=0, dtype="float64").hessian(np.zeros(n))
        expected = np.repeat(np.linalg.eigvalsh(hessian), 2) * n / 2
        np.testing.assert_allclose(found[0].energy, expected, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "p", "samples", "starts"), [(2, 4, 600, 32), (3, 3, 500, 128), (3, 4, 300, 128)])
def test_mean_numbers_over_many_samples(n, p, samples, starts):
    counts, _ = census(n, p, samples, starts)
    exact = expected_critical_points_by_index(Covariance({p: 1.0}), n)
    for k in range(n):
        assert abs(z_score(counts[:, k], exact[k])) < 4
    assert abs(z_score(counts.sum(axis=1), exact.sum())) < 4


@pytest.mark.slow
def test_the_mean_number_at_five_spins():
    # 31.489 is the exact mean of the formula; searches by doubling from 200 starts.
    counts, _ = census(5, 3, 60, 200)
    assert abs(z_score(counts.sum(axis=1), expected_critical_points_by_index(Covariance({3: 1.0}), 5).sum())) < 4

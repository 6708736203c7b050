"""Ising p-spin energies are those of the slow sum, with the covariance N q^p/2 at every size."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reference import indexed_levels_twin as twin

from spinnet.errors import InputError
from spinnet.landscapes.base import Levels, LocalMoves
from spinnet.landscapes.ising_pspin import PSpinIsing, tuples_with_odd_set
from spinnet.theory.random_energy_finite import IndependentLevels


@pytest.mark.parametrize("p", [1, 2, 3, 4, 5, 8])
def test_energies_are_those_of_the_slow_sum(p):
    landscape = PSpinIsing(7, p, seed=3, sample=1)
    x = landscape.start(11, np.random.default_rng(0))
    expected = [twin.ising_energy(landscape._couplings, landscape._constant, row) for row in x]
    np.testing.assert_allclose(landscape.energy(x), expected, atol=1e-13)


@pytest.mark.parametrize(("n", "p"), [(1, 1), (1, 4), (2, 3), (3, 2), (4, 5), (5, 4)])
def test_tuples_are_counted_right(n, p):
    counted = {size: tuples_with_odd_set(n, p, size) for size in range(p % 2, min(n, p) + 1, 2)}
    assert counted == twin.count_tuples(n, p)
    assert sum(math.comb(n, size) * count for size, count in counted.items()) == n**p


@pytest.mark.parametrize("p", [2, 3, 4, 7])
def test_the_covariance_is_exactly_that_of_the_overlap(p):
    # Var K_S from the stored couplings' law, summed over the sets: (N/2) q^p for every pair, without sampling
    n = 6
    signs = np.array([[(-1) ** bin(i & j).count("1") for i in range(64)] for j in range(64)])
    variance = np.array([0.5 * tuples_with_odd_set(n, p, b) / n ** (p - 1) if b <= p and (b - p) % 2 == 0 else 0.0
                         for b in (bin(i).count("1") for i in range(64))])  # fmt: skip
    spins = 1 - 2 * ((np.arange(64)[:, None] >> np.arange(n)) & 1)
    overlap = spins @ spins.T / n
    np.testing.assert_allclose((signs * variance) @ signs.T, 0.5 * n * overlap**p, atol=1e-13)


def test_samples_have_that_covariance():
    n, p, samples = 4, 3, 1500
    levels = np.array([PSpinIsing(n, p, 1, s).all_levels() for s in range(samples)])
    spins = 1 - 2 * ((np.arange(16)[:, None] >> np.arange(n)) & 1)
    exact = 0.5 * n * (spins @ spins.T / n) ** p
    found = levels.T @ levels / samples
    error = np.sqrt((exact**2 + (0.5 * n) ** 2) / samples)
    assert np.abs((found - exact) / error).max() < 4.5
    # Deliberately wrong: the sum over distinct sites alone, of variance (N/2)(1 − 1/N)(1 − 2/N), is excluded.
    wrong = 0.5 * n * (1 - 1 / n) * (1 - 2 / n)
    assert np.all(np.abs(np.diag(found) - wrong) > 4 * error[0, 0])


def test_neighbouring_sizes_share_no_couplings():
    smaller, larger = (PSpinIsing(n, 3, seed=1)._couplings[3] for n in (20, 21))
    # in the order of the sets those of 20 spins come first
    a, b = (values[: len(smaller)] / values.std() for values in (smaller, larger))
    assert abs((a * b).sum()) < 4 * np.sqrt(len(a))
    # Deliberately wrong: sizes that share half of the variance are seen.
    assert (a * (a + b)).sum() / np.sqrt(2) > 4 * np.sqrt(len(a))


@pytest.mark.parametrize("p", [1, 2, 3, 6, 11])
def test_all_levels_are_those_one_by_one(p):
    landscape = PSpinIsing(10, p, seed=2)
    np.testing.assert_allclose(landscape.all_levels(), landscape.level(np.arange(1024)), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("n", "p"), [*((n, p) for n in (1, 5) for p in (1, 2, 3, 4, 7)), *((70, p) for p in (1, 2, 3))]
)
def test_the_change_at_a_flip_is_the_difference_of_energies(n, p):
    landscape = PSpinIsing(n, p, seed=2)
    rng = np.random.default_rng(0)
    x, site = landscape.start(40, rng), rng.integers(0, n, 40)
    flipped = x.copy()
    flipped[np.arange(40), site] *= -1
    np.testing.assert_allclose(
        landscape.delta_energy(x, site), landscape.energy(flipped) - landscape.energy(x), atol=1e-11
    )


def test_a_replica_alone_is_the_same_bits_as_in_a_block():
    landscape = PSpinIsing(40, 3, seed=1)
    x = landscape.start(19, np.random.default_rng(0))
    alone = np.concatenate([landscape.energy(row[None]) for row in x])
    assert (alone == landscape.energy(x)).all()
    assert isinstance(landscape, Levels) and isinstance(landscape, LocalMoves)


def test_even_degrees_do_not_see_the_sign_and_odd_ones_turn_with_it():
    x = PSpinIsing(12, 4).start(5, np.random.default_rng(0))
    np.testing.assert_allclose(PSpinIsing(12, 4, 1).energy(x), PSpinIsing(12, 4, 1).energy(-x), atol=1e-13)
    np.testing.assert_allclose(PSpinIsing(12, 5, 1).energy(x), -PSpinIsing(12, 5, 1).energy(-x), atol=1e-13)


def test_high_degrees_approach_the_random_energy_model():
    # E ln Z at T = 1/2: of odd p = 31 that of the random energy model of the same size, of p = 3 another one
    n, beta, samples = 10, 2.0, 1600
    exact = IndependentLevels(n, beta).mean_log_partition()
    z = []
    for p in (3, 31):
        log_z = [np.log(np.exp(-beta * PSpinIsing(n, p, 4, s).all_levels()).sum()) for s in range(samples)]
        z.append((np.mean(log_z) - exact) / (np.std(log_z, ddof=1) / np.sqrt(samples)))
    assert abs(z[1]) < 4 < abs(z[0])


@pytest.mark.parametrize(
    ("fragment", "call"),
    [
        ("n = 5000", lambda: PSpinIsing(5000, 2)),
        ("p = 0", lambda: PSpinIsing(5, 0)),
        ("p = 65", lambda: PSpinIsing(5, 65)),
        ("GiB", lambda: PSpinIsing(2000, 6)),
        ("64 spins", lambda: PSpinIsing(65, 2).level(0)),
        ("2\\^28", lambda: PSpinIsing(30, 2).all_levels()),
        ("site", lambda: PSpinIsing(3, 2).delta_energy(np.ones((1, 3)), np.array([3]))),
    ],
)
def test_bad_input_is_refused_in_one_line(fragment, call):
    with pytest.raises(InputError, match=fragment) as caught:
        call()
    assert "\n" not in str(caught.value)

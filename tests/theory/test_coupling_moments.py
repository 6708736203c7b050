"""Moments of the energy at infinite temperature against sums over all couplings and against sampled states."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.landscapes import SphericalGlass
from spinnet.theory.coupling_moments import energy_moments

N = 5


def states(n, count=400_000):
    x = np.random.default_rng(3).standard_normal((count, n))
    return x * math.sqrt(n) / np.linalg.norm(x, axis=1, keepdims=True)


def by_terms(n, p, strict, signs):
    """E H² and E H⁴ at each state: the terms of H one by one, with their variances."""
    x, variance, cumulant = states(n), 0.0, 0.0
    choose = itertools.combinations if strict else itertools.combinations_with_replacement
    for indices in choose(range(n), p):
        m = math.prod(math.factorial(c) for c in Counter(indices).values())
        square = math.factorial(p) / (2 * n ** (p - 1) * m) * np.prod(x[:, indices] ** 2, axis=1)
        variance, cumulant = variance + square, cumulant - 2 * square**2 * signs
    return variance, 3 * variance**2 + cumulant


@pytest.mark.parametrize("p", [2, 3, 4])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("couplings", ["dense", "binary"])
def test_moments_are_those_of_the_sum_over_all_terms(p, strict, couplings):
    exact = energy_moments(N, {p: 1.0}, couplings, strict)
    second, fourth = by_terms(N, p, strict, couplings == "binary")
    for value, sampled in ((exact.second, second), (exact.fourth, fourth)):
        error = sampled.std() / math.sqrt(len(sampled)) + 1e-12 * value
        assert abs(sampled.mean() - value) < 4 * error


def test_gaussian_couplings_of_all_monomials_have_a_gaussian_energy():
    for covariance in ({3: 1.0}, {2: 0.7, 3: 1.2, 4: 0.3}):
        for kind in ("dense", "hashed"):
            moments = energy_moments(17, covariance, kind)
            assert moments.second == pytest.approx(17 * sum(a * a for a in covariance.values()) / 2)
            assert moments.excess_kurtosis == pytest.approx(0.0, abs=1e-12)


def test_the_strict_sum_has_the_stated_deficit():
    n = 256
    expected = 0.5 * n * (1 - 1 / n) * (1 - 2 / n) * n**2 / ((n + 2) * (n + 4))
    assert energy_moments(n, {3: 1.0}, strict=True).second == pytest.approx(expected, rel=1e-12)
    assert 1 - expected / (n / 2) == pytest.approx(0.034, abs=5e-4)


def test_binary_couplings_lose_the_stated_kurtosis():
    n = 200
    assert energy_moments(n, {3: 1.0}, "binary").excess_kurtosis == pytest.approx(-324 / n**3, rel=0.1)


@pytest.mark.parametrize("weights", ["binary", "gaussian"])
def test_diluted_glasses_have_these_moments(weights):
    kind = {"couplings": "diluted", "weights": weights}
    n, samples, replicas = 6, 1500, 16
    covariance = {2: 0.6, 3: 1.0}
    exact = energy_moments(n, covariance, **kind)
    second, fourth = [], []
    for sample in range(samples):
        glass = SphericalGlass(n, covariance, seed=5, sample=sample, dtype="float64", **kind)
        energy = glass.energy(glass.space.sample(replicas, np.random.default_rng([1, sample])))
        second.append((energy**2).mean())
        fourth.append((energy**4).mean())
    z = [(np.mean(m) - value) / (np.std(m) / math.sqrt(samples))
         for m, value in ((second, exact.second), (fourth, exact.fourth))]  # fmt: skip
    assert max(map(abs, z)) < 4
    # The moments of another kind must be told apart with these samples.
    other = energy_moments(n, covariance)
    assert abs(np.mean(fourth) - other.fourth) > 4 * np.std(fourth) / math.sqrt(samples)


def test_an_unknown_kind_is_refused():
    with pytest.raises(InputError, match="known for"):
        energy_moments(8, {3: 1.0}, "sparse")

"""Levels made by hashing are quenched, independent, of the right law; enumeration is exact; trees have their values."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from reference import random_energy_twin as twin
from scipy import stats

from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import Levels, LocalMoves
from spinnet.landscapes.enumeration import enumerate_levels
from spinnet.landscapes.generalized_rem import ContinuousREM, GeneralizedREM
from spinnet.landscapes.lowest_levels import find_lowest_levels
from spinnet.landscapes.random_energy import RandomEnergyModel
from spinnet.theory.random_energy_finite import IndependentLevels
from spinnet.theory.random_energy_levels import level_moments
from spinnet.theory.tree_recursion import mean_log_partition, mean_minimum

TWO = [[0.7, 0.5], [0.3, 0.5]]


def everything(landscape):
    return landscape.level(np.arange(landscape.n_levels, dtype=np.uint64))


MODELS = {
    "gaussian": lambda n: RandomEnergyModel(n, seed=3, sample=2),
    "exponential": lambda n: RandomEnergyModel(n, seed=3, distribution="exponential"),
    "two generations": lambda n: GeneralizedREM(n, TWO, seed=3),
    "branching random walk": lambda n: ContinuousREM(n, lambda x: x, seed=3),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n", [2, 20, 64])
def test_levels_are_those_of_the_slow_twin(name, n):
    landscape = MODELS[name](n)
    index = np.random.default_rng(0).integers(0, 2**n - 1, 200, dtype=np.uint64, endpoint=True)
    np.testing.assert_allclose(landscape.level(index), twin.levels(landscape, index), rtol=0, atol=2e-14 * n)


@pytest.mark.parametrize("name", MODELS)
def test_a_level_is_the_same_bits_in_any_order_shape_and_process(name):
    landscape = MODELS[name](30)
    index = np.random.default_rng(1).integers(0, 2**30, 1030, dtype=np.uint64)
    energy = landscape.level(index)
    order = np.random.default_rng(2).permutation(len(index))
    assert (landscape.level(index[order]) == energy[order]).all()
    assert all(landscape.level(int(i)) == e for i, e in zip(index[:40], energy, strict=False))
    assert (MODELS[name](30).level(index.reshape(103, 10)) == energy.reshape(103, 10)).all()


def test_another_process_reads_the_same_bits():
    code = (
        "from spinnet.landscapes.random_energy import RandomEnergyModel\n"
        "print(RandomEnergyModel(40, seed=5, sample=1).level([7, 2**39 + 3]).tobytes().hex())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == RandomEnergyModel(40, seed=5, sample=1).level([7, 2**39 + 3]).tobytes().hex()


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("n", [2, 10, 12, 16])
def test_enumeration_is_exact(name, n):
    landscape = MODELS[name](n)
    energy = everything(landscape)
    beta = np.array([0.0, 0.4, 1.0, 2.5, 8.0])
    found = enumerate_levels(landscape, beta, bins=37, window=(-0.9 * n, 0.3 * n), lowest=25)
    order = np.lexsort((np.arange(len(energy)), energy))[:25]
    assert (found.lowest_index == order).all() and (found.lowest_energy == energy[order]).all()
    width = 37 / (0.3 * n - -0.9 * n)
    place = np.clip(np.floor((energy - -0.9 * n) * width), -1, 37).astype(int) + 1
    assert (found.counts == np.bincount(place, minlength=39)).all() and found.counts.sum() == 2**n
    relative = energy - energy.min()
    for b, one in enumerate(beta):
        w = np.exp(-one * relative)
        plain = np.log(w.sum()) - one * energy.min()
        np.testing.assert_allclose(found.log_partition[b], plain, rtol=1e-13, atol=1e-13)
        mean = (w * energy).sum() / w.sum()
        np.testing.assert_allclose(found.mean_energy[b], mean, rtol=1e-12, atol=1e-12)
        variance = (w * (energy - mean) ** 2).sum() / w.sum()
        np.testing.assert_allclose(found.energy_variance[b], variance, rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(found.participation_ratio[b], (w**2).sum() / w.sum() ** 2, rtol=1e-12)
        np.testing.assert_allclose(found.entropy[b], plain + one * mean, rtol=0, atol=1e-11)


def test_one_spin_is_enumerated():
    landscape = RandomEnergyModel(1, seed=1)
    found = enumerate_levels(landscape, 1.0, lowest=9)
    assert sorted(everything(landscape)) == list(found.lowest_energy) and len(found.lowest_energy) == 2


def test_threads_leave_the_bits_as_they_are():
    landscape = GeneralizedREM(20, TWO, seed=1)
    one, four = (
        enumerate_levels(landscape, [0.5, 2.0], bins=50, lowest=300, threads=threads) for threads in (1, 4)
    )
    for name in vars(one):
        assert np.array_equal(getattr(one, name), getattr(four, name)), name


def test_gaussian_levels_have_their_law():
    landscape = RandomEnergyModel(20, seed=11)
    z = everything(landscape) / np.sqrt(10.0)
    m = len(z)
    for power, mean, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96), (6, 15, 10170)):
        assert abs((z**power).mean() - mean) < 4 * np.sqrt(variance / m)
    assert stats.kstest(z, "norm").pvalue > 1e-4
    u = everything(RandomEnergyModel(20, seed=11, distribution="exponential"))
    assert stats.kstest(-u, "expon").pvalue > 1e-4


def test_levels_nearby_are_not_correlated():
    m = 1 << 18
    index = np.arange(m, dtype=np.uint64)
    z = RandomEnergyModel(64, seed=4).level(index) / np.sqrt(32.0)
    others = {
        "next": np.roll(z, 1),
        "next pair": np.roll(z, 2),
        **{f"flip {k}": RandomEnergyModel(64, seed=4).level(index ^ np.uint64(1 << k)) / 32**0.5 for k in (0, 1, 9)},
        "next seed": RandomEnergyModel(64, seed=5).level(index) / 32**0.5,
        "next sample": RandomEnergyModel(64, seed=4, sample=1).level(index) / 32**0.5,
    }
    for name, other in others.items():
        for f in (lambda a: a, lambda a: a**2 - 1, np.sign, lambda a: (abs(a) > 2.5) * 1.0):
            a, b = f(z), f(other)
            correlation = np.corrcoef(a, b)[0, 1] * np.sqrt(m)
            # pairs (i, i ^ 1) and (i ^ 1, i) are counted twice: the width is √2
            assert abs(correlation) < (4 * np.sqrt(2) if name.startswith("flip") else 4), name


def test_the_tail_of_the_radius_is_real():
    from spinnet.kernels.random_energy import gaussian_pair, log_uniform

    word = np.uint64
    assert log_uniform(word(0), word(0)) == pytest.approx(-85 * np.log(2), rel=1e-15)
    assert log_uniform(word(0), word(1)) == pytest.approx(np.log(3) - 85 * np.log(2), rel=1e-15)
    assert log_uniform(word(1), word(0)) == pytest.approx(-64 * np.log(2), rel=1e-6)
    assert log_uniform(word(2**64 - 1), word(2**64 - 1)) == 0.0
    radius, even, odd = gaussian_pair(word(0), word(1 << 61), 2.0)
    assert max(abs(radius * even), abs(radius * odd)) > 10.7


@pytest.mark.parametrize("distribution", ["gaussian", "exponential"])
def test_the_lowest_levels_of_many_samples_have_their_exact_moments(distribution):
    n, samples = 10, 800
    lowest = np.array([
        enumerate_levels(RandomEnergyModel(n, 1, s, distribution), lowest=3).lowest_energy for s in range(samples)
    ])
    for k in (1, 2, 3):
        mean, variance = level_moments(n, k, distribution)
        z = (lowest[:, k - 1].mean() - mean) / np.sqrt(variance / samples)
        assert abs(z) < 4


@pytest.mark.parametrize("beta", [1.0, 2.5])
def test_free_energy_and_participation_have_their_exact_means(beta):
    n, samples = 10, 800
    exact = IndependentLevels(n, beta)
    found = [enumerate_levels(RandomEnergyModel(n, 2, s), beta) for s in range(samples)]
    log_z = np.array([f.log_partition[0] for f in found])
    y2 = np.array([f.participation_ratio[0] for f in found])
    energy = np.array([f.mean_energy[0] for f in found])
    for values, mean in (
        (log_z, exact.mean_log_partition()), (y2, exact.participation_moment(2)), (energy, exact.mean_energy())
    ):  # fmt: skip
        z = (values.mean() - mean) / (values.std(ddof=1) / np.sqrt(samples))
        assert abs(z) < 4
    # Deliberately wrong: variance N instead of N/2 is excluded by the same test.
    wrong = IndependentLevels(n, beta * np.sqrt(2)).mean_log_partition()
    assert abs(log_z.mean() - wrong) / (log_z.std(ddof=1) / np.sqrt(samples)) > 4


TREES = {
    "two generations": (lambda s: GeneralizedREM(12, TWO, 7, s), np.sqrt([4.2, 1.8]), np.full(2, 6 * np.log(2))),
    "branching random walk": (
        lambda s: ContinuousREM(10, np.arange(11) / 10, 7, s), np.full(10, np.sqrt(0.5)), np.full(10, np.log(2)),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TREES)
def test_trees_have_their_exact_free_energy_and_ground_state(name):
    make, scales, log_branches = TREES[name]
    found = [enumerate_levels(make(s), 2.5) for s in range(600)]
    for values, mean in (
        ([f.log_partition[0] for f in found], mean_log_partition(scales, log_branches, 2.5)),
        ([f.ground_state for f in found], mean_minimum(scales, log_branches)),
    ):
        assert abs(np.mean(values) - mean) / (np.std(values, ddof=1) / np.sqrt(600)) < 4


def test_the_covariance_of_a_tree_is_that_of_the_shared_generations():
    n, samples = 4, 2000
    covariance = [0.0, 0.4, 0.7, 0.9, 1.0]
    energy = np.array([everything(ContinuousREM(n, covariance, 1, s)) for s in range(samples)])
    shared = np.array([[n - (i ^ j).bit_length() for j in range(16)] for i in range(16)])
    expected = 0.5 * n * np.array(covariance)[shared]
    z = (energy.T @ energy / samples - expected) / np.sqrt((4.0 + expected**2) / samples)
    assert np.abs(z).max() < 4.5  # 136 numbers


def test_one_generation_is_the_random_energy_model_in_law():
    energy = everything(GeneralizedREM(16, [[1.0, 1.0]], seed=1)) / np.sqrt(8.0)
    assert stats.kstest(energy, "norm").pvalue > 1e-4


def test_moves_change_one_bit():
    landscape = RandomEnergyModel(17, seed=2)
    assert isinstance(landscape, Levels) and isinstance(landscape, LocalMoves)
    x = landscape.start(50, np.random.default_rng(0))
    assert (landscape.configuration(landscape.index_of(x)) == x).all()
    assert (landscape.energy(x.astype(float)) == landscape.level(landscape.index_of(x))).all()
    site = np.random.default_rng(1).integers(0, 17, 50)
    flipped = x.copy()
    flipped[np.arange(50), site] *= -1
    np.testing.assert_array_equal(
        landscape.delta_energy(x, site), landscape.energy(flipped) - landscape.energy(x)
    )
    assert landscape.energy_density(x) == pytest.approx(landscape.energy(x) / 17)


@pytest.mark.parametrize("n", [2, 16, 24])
@pytest.mark.parametrize("name", ["two generations", "branching random walk", "concave"])
def test_the_lowest_levels_of_a_tree_are_found_without_visiting_it(name, n):
    landscape = ContinuousREM(n, lambda x: 2 * x - x * x, seed=3) if name == "concave" else MODELS[name](n)
    if n == 24 and name == "branching random walk":
        n, landscape = 20, MODELS[name](20)  # its enumeration takes longest
    found, all_of_them = find_lowest_levels(landscape, 50), enumerate_levels(landscape, lowest=50)
    assert (found.index == all_of_them.lowest_index).all() and (found.energy == all_of_them.lowest_energy).all()
    assert found.miss <= 1e-6
    if n >= 20:
        assert found.visited < 2**n / 2


def test_the_chance_of_a_miss_is_as_stated():
    missed = 0
    for sample in range(150):
        landscape = ContinuousREM(12, np.arange(13) / 12, seed=8, sample=sample)
        found = find_lowest_levels(landscape, 1, miss=0.01)
        missed += found.energy[0] != enumerate_levels(landscape, lowest=1).lowest_energy[0]
        assert found.miss <= 0.01
    assert missed <= 6  # 1.5 are allowed on average: more than 6 have a probability of 1e-3


BAD = {
    "Gaussian edges": lambda: find_lowest_levels(RandomEnergyModel(5, distribution="exponential")),
    "miss": lambda: find_lowest_levels(RandomEnergyModel(5), miss=0.0),
    "probability": lambda: find_lowest_levels(RandomEnergyModel(5), miss=0.5),
    "4096": lambda: find_lowest_levels(RandomEnergyModel(20), count=5000),
    "n = 65": lambda: RandomEnergyModel(65),
    "n = 0": lambda: RandomEnergyModel(0),
    "distribution": lambda: RandomEnergyModel(5, distribution="gausian"),
    "variance shares": lambda: GeneralizedREM(10, [[0.7, 0.5], [0.2, 0.5]]),
    "entropy shares": lambda: GeneralizedREM(10, [[0.7, 0.5], [0.3, 0.4]]),
    "whole number": lambda: GeneralizedREM(11, TWO),
    "pairs": lambda: GeneralizedREM(10, "0.7"),
    "decreases": lambda: ContinuousREM(10, lambda x: x + 0.3 * np.sin(2 * np.pi * x)),
    "A\\(1\\) = 1": lambda: ContinuousREM(10, lambda x: 2 * x),
    "11 finite values": lambda: ContinuousREM(10, [0, 1]),
    "beta": lambda: enumerate_levels(RandomEnergyModel(5), np.inf),
    "beta =": lambda: enumerate_levels(RandomEnergyModel(5), -1.0),
    "n = 60": lambda: enumerate_levels(RandomEnergyModel(60), 1.0),
    "window": lambda: enumerate_levels(RandomEnergyModel(6), 1.0, bins=3, window=(1, 0)),
    "index": lambda: RandomEnergyModel(5).level(32),
    "index given": lambda: RandomEnergyModel(5).level(-1),
    "index given to": lambda: RandomEnergyModel(5).level(1.5),
    "site": lambda: RandomEnergyModel(3).delta_energy(np.ones((1, 3)), np.array([3])),
    "shape": lambda: RandomEnergyModel(3).energy(np.ones((1, 4))),
    "other than": lambda: RandomEnergyModel(3).energy(np.zeros((1, 3))),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_refused_in_one_line(message):
    with pytest.raises(InputError, match=message) as caught:
        BAD[message]()
    assert "\n" not in str(caught.value)


def test_only_hashed_levels_are_enumerated():
    with pytest.raises(CapabilityError, match="hashing"):
        enumerate_levels(object(), 1.0)

"""Poisson–Dirichlet weights: moments, replica groupings and samples agree with each other."""

from __future__ import annotations

import math
from itertools import combinations_with_replacement

import numpy as np
import pytest

from spinnet.errors import InputError
from spinnet.randomness import stream
from spinnet.theory import poisson_dirichlet as theory


def z_score(sample, expected):
    return (sample.mean() - expected) / (sample.std(ddof=1) / math.sqrt(sample.size))


def set_partitions(items):
    if not items:
        yield []
        return
    head, *tail = items
    for partition in set_partitions(tail):
        yield [[head], *partition]
        for i in range(len(partition)):
            yield [*partition[:i], [head, *partition[i]], *partition[i + 1 :]]


def test_reference_values():
    assert [theory.participation_moment(k, 0.6) for k in (2, 3, 4)] == pytest.approx([0.4, 0.28, 0.224], abs=1e-14)
    assert theory.participation_second_moment(0.6) == pytest.approx(0.24, abs=1e-14)


@pytest.mark.parametrize("m", [0.1, 0.6, 0.95])
def test_probabilities_of_all_groupings_sum_to_one(m):
    for n in (1, 3, 5):
        total = sum(theory.partition_probability([len(b) for b in p], m) for p in set_partitions(list(range(n))))
        assert total == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("m", [0.2, 0.7])
def test_moments_are_probabilities_that_replicas_meet(m):
    for k in (2, 3, 4):
        assert theory.participation_moment(k, m) == pytest.approx(theory.partition_probability([k], m), abs=1e-14)
    # 1 and 2 together, 3 and 4 together: one state or two
    both = theory.partition_probability([4], m) + theory.partition_probability([2, 2], m)
    assert theory.participation_second_moment(m) == pytest.approx(both, abs=1e-14)


@pytest.mark.parametrize("m", [0.2, 0.7])
def test_ghirlanda_guerra_identities_hold(m):
    y2 = theory.participation_moment(2, m)
    assert theory.participation_second_moment(m) == pytest.approx(y2 / 3 + 2 * y2**2 / 3, abs=1e-14)
    # E[q12 q13] = E Y_3 = (E q12)^2/2 + E q12/2 for overlaps 0 and 1
    assert theory.participation_moment(3, m) == pytest.approx(0.5 * y2**2 + 0.5 * y2, abs=1e-14)
    assert theory.participation_variance(m) == pytest.approx(theory.participation_second_moment(m) - y2**2, abs=1e-14)


@pytest.mark.parametrize("m", [0.3, 0.6])
def test_size_biased_samples_have_the_moments(m):
    sticks = theory.sample_sticks(m, 300, stream(1, "sticks"), samples=6000)
    assert np.all(sticks.sum(axis=1) < 1 + 1e-12)
    # E sum w^k = E[first stick^(k-1)], and directly; beyond 400 states nothing is left for k = 2
    for k in (2, 3, 4):
        assert abs(z_score((sticks**k).sum(axis=1), theory.participation_moment(k, m))) < 4
        assert abs(z_score(sticks[:, 0] ** (k - 1), theory.participation_moment(k, m))) < 4
    assert abs(z_score((sticks**2).sum(axis=1) ** 2, theory.participation_second_moment(m))) < 4


@pytest.mark.parametrize("m", [0.3, 0.6])
def test_ranked_samples_have_the_moments(m):
    weights = theory.sample_weights(m, 1000, stream(2, "weights"), samples=5000)
    assert np.all(np.diff(weights, axis=1) <= 0)
    for k in (2, 3):
        assert abs(z_score((weights**k).sum(axis=1), theory.participation_moment(k, m))) < 4
    assert abs(z_score((weights**2).sum(axis=1) ** 2, theory.participation_second_moment(m))) < 4


def test_weights_of_another_temperature_would_fail_that_comparison():
    weights = theory.sample_weights(0.6, 1000, stream(2, "weights"), samples=5000)
    assert abs(z_score((weights**2).sum(axis=1), theory.participation_moment(2, 0.65))) > 4


def test_the_two_samplers_agree_on_the_largest_weight():
    sticks = theory.sample_sticks(0.5, 300, stream(3, "sticks"), samples=8000).max(axis=1)
    ranked = theory.sample_weights(0.5, 300, stream(3, "weights"), samples=8000)[:, 0]
    error = math.hypot(sticks.std(), ranked.std()) / math.sqrt(8000)
    assert abs(sticks.mean() - ranked.mean()) < 4 * error


def test_size_of_a_replica_group_is_sampled_by_its_formula():
    m, rng = 0.4, stream(4, "groups")
    sticks = theory.sample_sticks(m, 500, rng, samples=4000)
    # P(1 and 2 together, 3 elsewhere), averaged over the weights: sum w^2 (1 - w)
    assert abs(z_score((sticks**2 * (1 - sticks)).sum(axis=1), theory.partition_probability((2, 1), m))) < 4


@pytest.mark.parametrize("m", [0, 1, -0.1, 1.5, math.nan])
def test_parameters_outside_the_unit_interval_are_refused(m):
    for call in (
        theory.participation_second_moment,
        lambda m: theory.participation_moment(2, m),
        lambda m: theory.sample_sticks(m, 3, stream(1, "x")),
        lambda m: theory.partition_probability((2,), m),
    ):
        with pytest.raises(InputError):
            call(m)


def test_partitions_depend_on_sizes_only():
    for sizes in combinations_with_replacement((1, 2, 3), 3):
        assert theory.partition_probability(sizes, 0.3) == theory.partition_probability(sorted(sizes)[::-1], 0.3)
    with pytest.raises(InputError):
        theory.partition_probability((), 0.3)
    with pytest.raises(InputError):
        theory.partition_probability((2, 0), 0.3)

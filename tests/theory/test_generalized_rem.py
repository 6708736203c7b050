"""Generalised and continuous random energy models: hulls, freezing, overlaps, and the approach of finite trees."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from spinnet.errors import InputError
from spinnet.theory import random_energy, tree_recursion
from spinnet.theory.continuous_rem import ContinuousCovariance
from spinnet.theory.generalized_rem import LevelTree

LN2 = math.log(2.0)
TWO = LevelTree((0.7, 0.3), (0.5, 0.5))


def test_reference_values_of_two_levels():
    assert TWO.transition_temperatures() == pytest.approx([0.71059360, 0.46519271], abs=5e-9)
    assert TWO.ground_state_energy_density() == pytest.approx(-0.81499296, abs=5e-9)
    assert TWO.log_partition_density([1, 1.6, 2.5]) == pytest.approx([0.94314718, 1.32664711, 2.03748241], abs=5e-9)


@pytest.mark.parametrize(
    "tree", [LevelTree((0.3, 0.7), (0.5, 0.5)), LevelTree((1,), (1,)), LevelTree((0.2,) * 5, (0.2,) * 5)]
)
def test_levels_that_grow_or_stay_equal_are_one_random_energy_model(tree):
    beta = np.array([0.4, 1.5, 1.8, 5.0])
    assert tree.log_partition_density(beta) == pytest.approx(random_energy.log_partition_density(beta), abs=1e-14)
    assert tree.energy_density(beta) == pytest.approx(random_energy.energy_density(beta), abs=1e-14)
    assert tree.transition_temperatures() == pytest.approx([random_energy.CRITICAL_TEMPERATURE], abs=1e-15)


def test_merging_takes_the_hull_and_not_just_neighbours():
    # the last level is so steep that all three merge, although the first two are in order
    tree = LevelTree((0.3, 0.1, 0.6), (0.4, 0.3, 0.3))
    assert len(tree.segments()) == 1
    segments = np.array(LevelTree((0.6, 0.1, 0.3), (0.3, 0.3, 0.4)).segments())
    assert segments == pytest.approx(np.array([[0.6, 0.3], [0.4, 0.7]]))


def exhaustive(tree, beta):
    """max of entropy - beta energy over the energies spent on two levels, with every node on the way populated."""
    (a1, a2), (s1, s2) = tree.variances, tree.entropies
    first = np.linspace(-1, 0, 1601)[:, None]
    second = np.linspace(-1, 0, 1601)
    nodes = s1 * LN2 - first**2 / a1
    leaves = nodes + s2 * LN2 - second**2 / a2
    return float(np.where((nodes >= 0) & (leaves >= 0), leaves - beta * (first + second), -np.inf).max())


@pytest.mark.parametrize("beta", [1.0, 1.7, 3.0])
def test_free_energy_is_the_best_populated_set_of_energies(beta):
    for tree in (TWO, LevelTree((0.3, 0.7), (0.5, 0.5))):
        assert tree.log_partition_density(beta) == pytest.approx(exhaustive(tree, beta), abs=3e-3)


def test_energy_and_entropy_follow_from_the_free_energy():
    tree, beta, h = LevelTree((0.5, 0.3, 0.2), (0.2, 0.3, 0.5)), np.array([0.5, 1.3, 1.9, 4.0]), 1e-5
    slope = (tree.log_partition_density(beta + h) - tree.log_partition_density(beta - h)) / (2 * h)
    assert tree.energy_density(beta) == pytest.approx(-slope, abs=1e-9)
    assert tree.entropy_density(beta) == pytest.approx(
        tree.log_partition_density(beta) + beta * tree.energy_density(beta), abs=1e-13
    )
    assert tree.energy_density(1e3) == pytest.approx(tree.ground_state_energy_density(), abs=1e-14)


def test_overlaps_are_distributed_as_their_breaking_parameters_say():
    depth, covariance, probability = TWO.overlap_distribution(2.5)
    t1, t2 = TWO.transition_temperatures()
    assert depth == pytest.approx([0, 0.5, 1]) and covariance == pytest.approx([0, 0.7, 1])
    assert probability == pytest.approx([0.4 / t1, 0.4 / t2 - 0.4 / t1, 1 - 0.4 / t2], abs=1e-14)
    assert TWO.participation_ratio_limit(2.5) == pytest.approx(probability[-1], abs=1e-14)
    # e = -(beta/2) (1 - E[covariance of two replicas]): integration by parts
    assert TWO.energy_density(2.5) == pytest.approx(-1.25 * (1 - probability @ covariance), abs=1e-14)


def test_finite_trees_approach_the_limit():
    def finite(n):
        scales, log_branches = np.sqrt(0.5 * n * np.array(TWO.variances)), n * LN2 * np.array(TWO.entropies)
        shared = tree_recursion.shared_depth_probabilities(scales, log_branches, 2.5)
        return tree_recursion.mean_log_partition(scales, log_branches, 2.5) / n, -np.diff(np.append(shared, 0))

    limit, (_, _, probability) = TWO.log_partition_density(2.5), TWO.overlap_distribution(2.5)
    sizes = np.array([60, 240, 960])
    deficit = np.array([n * (limit - finite(n)[0]) for n in sizes])
    # tends to sum_i ln(N)/(2 m_i), slowly, because the transitions are close to each other
    coefficient = 0.5 * 2.5 * TWO.transition_temperatures().sum()
    slopes = np.diff(deficit) / math.log(4)
    assert 0.75 * coefficient < slopes[0] < slopes[1] < coefficient
    assert finite(960)[1] == pytest.approx(probability, abs=0.02)


@pytest.mark.parametrize(
    "text, words",
    [
        ("0.7:0.5,0.4:0.5", "sum to 1.1"),
        ("0.7:0.5,0.3:0.6", "entropy"),
        ("1.2:0.5,-0.2:0.5", "not allowed"),
        ("0.7,0.3", "cannot be read"),
        ("", "cannot be read"),
        ("a:b", "cannot be read"),
        ("1:1:1", "cannot be read"),
        ("nan:1", "not allowed"),
        ("0.5:0,0.5:1", "above 0"),
        ("0.7:0.5;0.3:0.5", "cannot be read"),
    ],
)
def test_malformed_levels_are_refused(text, words):
    with pytest.raises(InputError, match=words):
        LevelTree.parse(text)


def test_numbers_of_shares_must_agree():
    with pytest.raises(InputError, match="one of each"):
        LevelTree((0.5, 0.5), (1.0,))


# continuous covariances


def test_a_concave_covariance_has_the_closed_ground_state():
    model = ContinuousCovariance("2x-x^2")
    assert model.ground_state_energy_density() == pytest.approx(-2 * math.sqrt(2) / 3 * math.sqrt(LN2), abs=1e-13)
    assert model.ground_state_energy_density() == pytest.approx(-0.78494002, abs=5e-9)
    assert model.transition_temperature() == pytest.approx(0.5 * math.sqrt(2 / LN2), abs=1e-14)


def test_a_concave_covariance_has_the_closed_free_energy():
    # 2x - x^2: frozen where 2(1 - x) > 4 ln2/beta^2
    beta, cut = 2.5, 1 - 2 * LN2 / 2.5**2
    frozen = beta * math.sqrt(2 * LN2) * (2 / 3) * (1 - (1 - cut) ** 1.5)
    liquid = (1 - cut) * LN2 + beta**2 / 4 * (1 - cut) ** 2
    model = ContinuousCovariance("2x-x^2")
    assert model.log_partition_density(beta) == pytest.approx(frozen + liquid, abs=1e-12)
    assert model.entropy_density(beta) == pytest.approx((1 - cut) * LN2 - beta**2 / 4 * (1 - cut) ** 2, abs=1e-12)
    assert model.log_partition_density(0.5) == pytest.approx(LN2 + 0.0625, abs=1e-13)


@pytest.mark.parametrize("text", ["x", "x^2", "x^3", "(exp(x)-1)/(exp(1)-1)"])
def test_convex_covariances_are_the_random_energy_model(text):
    model, beta = ContinuousCovariance(text), np.array([1.0, 1.6, 2.5])
    assert model.log_partition_density(beta) == pytest.approx(random_energy.log_partition_density(beta), abs=1e-12)
    assert model.transition_temperature() == pytest.approx(random_energy.CRITICAL_TEMPERATURE, abs=1e-12)
    assert model.overlap_distribution(2.5, 0.3) == pytest.approx(random_energy.CRITICAL_BETA / 2.5, abs=1e-12)


def test_a_vertical_start_freezes_at_every_temperature():
    model = ContinuousCovariance("sqrt(x)")
    assert math.isinf(model.transition_temperature())
    exact = -math.sqrt(LN2) * quad(lambda x: math.sqrt(0.5) * x**-0.25, 0, 1)[0]
    assert model.ground_state_energy_density() == pytest.approx(exact, abs=1e-9)


def test_a_mixed_covariance_has_a_bridge_with_the_tangent_found_by_hand():
    # 3x^2 - 2x^3: the tangent from the origin touches at x = 3/4 with slope 9/8
    model = ContinuousCovariance("3x^2-2x^3")
    assert model.hull_slope([0.1, 0.7]) == pytest.approx([1.125, 1.125], abs=1e-12)
    assert model.hull_slope(0.9) == pytest.approx(6 * 0.9 * 0.1, abs=1e-14)
    curved = quad(lambda x: math.sqrt(6 * x * (1 - x)), 0.75, 1)[0]
    exact = -math.sqrt(LN2) * (0.75 * math.sqrt(1.125) + curved)
    assert model.ground_state_energy_density() == pytest.approx(exact, abs=1e-10)


@pytest.mark.parametrize("text", ["2x-x^2", "3x^2-2x^3", "x+0.1sin(2 pi x)", "x-0.03sin(6 pi x)", "sin(pi x/2)"])
def test_many_levels_tend_to_the_continuous_model(text):
    model, count = ContinuousCovariance(text), 3000
    values = model.expression(np.arange(count + 1) / count)
    tree = LevelTree(np.diff(values), np.full(count, 1 / count))
    assert tree.ground_state_energy_density() == pytest.approx(model.ground_state_energy_density(), abs=2e-5)
    for beta in (1.0, 1.5, 2.5):
        assert tree.log_partition_density(beta) == pytest.approx(model.log_partition_density(beta), abs=2e-5)
        assert tree.energy_density(beta) == pytest.approx(model.energy_density(beta), abs=2e-4)


def test_the_overlap_law_gives_the_energy_by_parts():
    model, beta = ContinuousCovariance("2x-x^2"), 2.5
    # E A(depth) = int A'(x) P(depth > x) dx
    mean = quad(lambda x: model.hull_slope(x) * (1 - model.overlap_distribution(beta, x)), 0, 1, epsabs=1e-12)[0]
    assert model.energy_density(beta) == pytest.approx(-0.5 * beta * (1 - mean), abs=1e-9)
    assert model.participation_ratio_limit(beta) == 0
    assert ContinuousCovariance("x").participation_ratio_limit(beta) == pytest.approx(0.333956, abs=1e-6)


def test_finite_trees_of_a_continuous_covariance_approach_its_ground_state():
    model = ContinuousCovariance("2x-x^2")
    limit = model.ground_state_energy_density()
    errors = [tree_recursion.mean_minimum(*model.tree(n)) / n - limit for n in (16, 64, 256)]
    assert errors[0] > errors[1] > errors[2] > 0
    # the correction is of order N^(1/3)/N (Fang and Zeitouni 2012; Mallein 2015)
    exponents = -np.diff(np.log(errors)) / math.log(4)
    assert np.all(np.abs(exponents - 2 / 3) < 0.15)


@pytest.mark.parametrize(
    "text, words",
    [
        ("x-x^2", "from 0 to 0"),
        ("2x", "from 0 to 2"),
        ("1", "from 1 to 1"),
        ("x+0.5sin(2 pi x)", "decreases"),
        ("1/x", "not finite"),
        ("2x-", "ends"),
        ("y", "unknown"),
        ("x+0.2sin(40 pi x)", "decreases"),
    ],
)
def test_covariances_that_are_none_are_refused(text, words):
    with pytest.raises(InputError, match=words):
        ContinuousCovariance(text)


def test_trees_beyond_the_solved_sizes_are_refused():
    with pytest.raises(InputError, match="up to n = 256"):
        ContinuousCovariance("x").tree(1000)

"""Exact averages on trees: against enumeration by sampling, plain quadrature, identities, and the single-level case."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import ndtr

from spinnet.errors import InputError
from spinnet.randomness import stream
from spinnet.theory import tree_recursion as tree
from spinnet.theory.level_averages import log_mean_gaussian
from spinnet.theory.random_energy_finite import IndependentLevels, log_minimum_of
from spinnet.theory.random_energy_levels import mean_ground_state

LN2 = math.log(2.0)


def z_score(sample, expected):
    sample = np.asarray(sample)
    return (sample.mean() - expected) / (sample.std(ddof=1) / math.sqrt(sample.size))


def binary(n, variance=0.5):
    return np.full(n, math.sqrt(variance)), np.full(n, LN2)


def sampled(scales, branches, beta, count=20_000, seed=5):
    """ln Z, minimum, energy, and the probabilities to share each depth, from whole trees."""
    rng = stream(seed, "tree", len(scales))
    energy = np.zeros((count, 1))
    for scale, b in zip(scales, branches, strict=True):
        energy = np.repeat(energy, b, axis=1)
        energy = energy + scale * rng.standard_normal(energy.shape)
    least = energy.min(axis=1)
    weights = np.exp(-beta * (energy - least[:, None]))
    total = weights.sum(axis=1)
    weights /= total[:, None]
    shared = [
        (weights.reshape(count, int(np.prod(branches[:k], initial=1)), -1).sum(axis=2) ** 2).sum(axis=1)
        for k in range(1, len(scales) + 1)
    ]
    return np.log(total) - beta * least, least, (weights * energy).sum(axis=1), shared


@pytest.mark.parametrize("n, beta", [(10, 1.0), (10, 2.5), (600, 2.5), (20, 30.0)])
def test_one_generation_is_the_random_energy_model(n, beta):
    scales, log_branches = [math.sqrt(n / 2)], [n * LN2]
    levels = IndependentLevels(n, beta)
    assert tree.mean_log_partition(scales, log_branches, beta) == pytest.approx(levels.mean_log_partition(), rel=1e-12)
    shared = tree.shared_depth_probabilities(scales, log_branches, beta)
    assert shared == pytest.approx([1, levels.participation_moment(2)], abs=1e-11)
    assert tree.mean_minimum(scales, log_branches) == pytest.approx(mean_ground_state(n), rel=1e-12)


CASES = {
    "steep": ((1.2, 0.4), (5, 6), 2.0),
    "convex": ((0.2, 1.0), (4, 4), 2.0),
    "very uneven": ((1.0, 0.01, 0.5), (3, 2, 2), 5.0),
    "a generation without energy": ((0.0, 1.0, 0.0, 0.5), (2, 2, 3, 2), 1.0),
    "leaves without energy": ((1.0, 0.0), (3, 4), 1.5),
    "an only child": ((0.7, 0.5, 1.0), (1, 3, 2), 1.0),
    "nearly free": ((0.5, 0.5), (8, 8), 0.01),
    "cold": ((0.7, 0.7, 0.7), (2, 3, 2), 60.0),
}


@pytest.mark.parametrize("case", CASES)
def test_every_average_agrees_with_whole_trees(case):
    scales, branches, beta = CASES[case]
    log_branches = np.log(branches)
    log_z, least, energy, shared = sampled(scales, branches, beta)
    assert abs(z_score(log_z, tree.mean_log_partition(scales, log_branches, beta))) < 4
    assert abs(z_score(least, tree.mean_minimum(scales, log_branches))) < 4
    probabilities = tree.shared_depth_probabilities(scales, log_branches, beta)
    assert probabilities[0] == pytest.approx(1, abs=1e-9)
    for sample, expected in zip(shared, probabilities[1:], strict=True):
        assert sample.std() < 1e-12 or abs(z_score(sample, expected)) < 4
        assert sample.mean() == pytest.approx(expected, abs=0.02)
    mean_energy = -beta * float(np.square(scales) @ (1 - probabilities[1:]))
    assert abs(z_score(energy, mean_energy)) < 4


def test_independent_leaves_with_the_same_variance_would_fail_that_comparison():
    least = sampled((1.2, 0.4), (5, 6), 2.0)[1]
    independent = tree.mean_minimum([math.hypot(1.2, 0.4)], [math.log(30)])
    assert abs(z_score(least, independent)) > 4


@pytest.mark.parametrize("n, beta", [(3, 1.0), (12, 2.5), (200, 2.0)])
def test_free_energy_slopes_are_the_shared_depths(n, beta):
    # d E ln Z / d(sigma_k^2) = beta^2 (1 - P_k)/2, by Gaussian integration by parts
    scales, log_branches = np.array([math.sqrt(0.35 * n), 0.3 * math.sqrt(n)]), np.array([n / 2, n / 2]) * LN2
    shared = tree.shared_depth_probabilities(scales, log_branches, beta)[1:]
    for k in range(2):
        step = 1e-3 * scales[k] ** 2
        values = []
        for times in (-2, -1, 1, 2):
            shifted = scales.copy()
            shifted[k] = math.sqrt(scales[k] ** 2 + times * step)
            values.append(tree.mean_log_partition(shifted, log_branches, beta))
        slope = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
        assert slope == pytest.approx(0.5 * beta**2 * (1 - shared[k]), rel=1e-7)


def plain_branching_minimum(n, step, reach):
    """The recursion q -> 1 - (1 - q * N)^2 by matrix products in plain arithmetic."""
    reach = step * math.ceil(reach / step)
    x = np.arange(-reach, 30 + step / 2, step)
    kernel = np.exp(-((x[:, None] - x[None, :]) ** 2)) / math.sqrt(math.pi) * step
    beyond = ndtr((x - x[-1] - step / 2) * math.sqrt(2))
    below = ndtr(x * math.sqrt(2))
    for generation in range(n):
        if generation:
            below = np.minimum(kernel @ below + beyond, 1)
        below = -np.expm1(2 * np.log1p(-below * (1 - 1e-16)))
    zero = round(reach / step)
    return float(np.trapezoid(1 - below[zero:], x[zero:]) - np.trapezoid(below[: zero + 1], x[: zero + 1]))


@pytest.mark.parametrize("n", [4, 10, 64])
def test_branching_random_walk_minima_agree_with_plain_arithmetic(n):
    expected = plain_branching_minimum(n, 0.125, 30 + 6 * n**0.5 + n)
    assert tree.mean_minimum(*binary(n)) == pytest.approx(expected, rel=1e-9)


def test_branching_random_walk_minima_are_those_of_the_reference_table():
    # the table's own interpolation error is 6e-5 and 5e-4
    assert tree.mean_minimum(*binary(4)) == pytest.approx(-2.135008, abs=1e-4)
    assert tree.mean_minimum(*binary(64)) == pytest.approx(-49.77454, abs=1e-3)


def test_the_branching_minimum_has_three_times_the_logarithm_of_independent_levels():
    speed, t_c = math.sqrt(LN2), 0.5 / math.sqrt(LN2)
    small, large = (tree.mean_minimum(*binary(n)) + n * speed for n in (128, 512))
    slope = (large - small) / (t_c * math.log(4))
    assert 1.35 < slope < 1.6
    independent = [mean_ground_state(n) + n * speed for n in (128, 512)]
    assert (independent[1] - independent[0]) / (t_c * math.log(4)) == pytest.approx(0.5, abs=0.01)


def nested(n, beta, step):
    """E ln Z of the tree (0.7, 0.3): outer average by plain quadrature over a table of the inner one."""
    first, second = beta * math.sqrt(0.35 * n), beta * math.sqrt(0.15 * n)
    y = np.arange(-5.2 * n - 200, 60, step)
    inner = np.exp(log_minimum_of(log_mean_gaussian(y, second), 0.5 * n * LN2))
    offsets = np.round(np.arange(-9.5 * first, 9.5 * first, step) / step).astype(int)
    weights = np.exp(-0.5 * (offsets * step / first) ** 2)
    weights /= weights.sum()
    inner = np.concatenate([inner, np.ones(offsets.size)])
    places = np.arange(offsets.size, y.size, 2)
    mean = np.array([weights @ inner[place + offsets] for place in places])
    root = np.exp(log_minimum_of(np.log(np.minimum(mean, 1)), 0.5 * n * LN2))
    centre = y[places][int(np.argmin(np.abs(root - 0.6)))]
    reference = np.exp(-np.exp(np.minimum(y[places] - centre, 600)))
    return -centre - float((1 - root - reference).sum()) * 2 * step


def test_two_levels_agree_with_nested_quadrature_and_the_reference_table():
    def density(n):
        return tree.mean_log_partition([math.sqrt(0.35 * n), math.sqrt(0.15 * n)], [n * LN2 / 2] * 2, 2.5) / n

    assert density(60) == pytest.approx(nested(60, 2.5, 0.125) / 60, abs=1e-10)
    # the table's own interpolation error is 3e-6 and 6e-6
    assert density(60) == pytest.approx(1.962954, abs=5e-6)
    assert density(240) == pytest.approx(2.011970, abs=1e-5)


def test_a_tree_of_mixed_widths_costs_no_accuracy():
    scales, log_branches = [0.05, 3.0, 0.002, 1.0, 0.3], np.log([3, 4, 2, 5, 2])
    coarse = tree._Recursion(np.array(scales), log_branches, 0.3, 1.0)
    fine = tree._Recursion(np.array(scales), log_branches, 0.3, 0.4)
    assert tree._mean(coarse.run()[0]) == pytest.approx(tree._mean(fine.run()[0]), abs=1e-11)


@pytest.mark.parametrize(
    "scales, log_branches",
    [([], []), ([1.0], [0.5, 0.5]), ([-1.0], [1.0]), ([math.nan], [1.0]), ([0.0], [1.0]), ([1.0], [-1.0])],
)
def test_malformed_trees_are_refused(scales, log_branches):
    with pytest.raises(InputError):
        tree.mean_log_partition(scales, log_branches, 1.0)


def test_a_tree_that_costs_too_much_says_so():
    with pytest.raises(InputError, match="costs too much"):
        tree.mean_minimum([30.0, 1e-7], [350.0, 350.0])

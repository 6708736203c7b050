"""Random energies with a native state: levels, exact funnels, and folding at finite N."""

from __future__ import annotations

import math

import numpy as np
import pytest
from reference.random_energy_twin import node

from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes import FoldingREM, PSpinIsing, RandomEnergyModel
from spinnet.landscapes.enumeration import enumerate_levels
from spinnet.landscapes.funnel import ExactFunnel
from spinnet.landscapes.lowest_levels import find_lowest_levels
from spinnet.theory import folding
from spinnet.theory.random_energy_finite import native_probability

TREE = [[0.6, 0.5], [0.4, 0.5]]
SOFT = {"funnel": "power", "power": 1.5, "softening": 0.5}


def turned(n):
    return np.array([int(i).bit_count() for i in range(2**n)])


def test_a_level_is_the_mean_of_its_shell_and_scaled_noise():
    for table in ({}, {"levels": TREE}):
        model = FoldingREM(8, 1.4, **SOFT, **table, seed=2, sample=5)
        keys, shifts, widths, _ = model.tree
        for index in (0, 1, 7, 200, 255):
            k = index.bit_count()
            q = max(1.0 - 2.0 * k / 8, 0.0)
            noise = sum(
                node([int(one) for one in keys[g]], index >> int(shifts[g]), widths[g], 0) for g in range(len(shifts))
            )
            expected = -model.gap * q**1.5 + math.sqrt(1.0 - 0.5 * q) * noise if k else -model.gap
            assert math.isclose(model.level(index), expected, rel_tol=0, abs_tol=1e-12)


def test_the_native_state_is_all_up_and_as_deep_as_the_stability_says():
    model = FoldingREM(14, 1.7)
    assert model.index_of(model.signal[None].astype(int))[0] == 0
    assert model.level(0) == -1.7 * 14 * math.sqrt(math.log(2.0))
    assert math.isclose(model.gap, folding.gap_of_stability(1.7, math.sqrt(7.0), 14 * math.log(2.0)))
    folds = folding.folding_temperature(model.gap, math.sqrt(7), 14 * math.log(2))
    assert math.isclose(model.folding_temperature, folds)
    assert math.isclose(model.glass_temperature, 0.60056120, abs_tol=1e-8)
    assert FoldingREM(9, 0.9).folding_temperature is None


def test_energies_of_shells_have_the_stated_moments():
    n, samples = 10, 150
    models = [FoldingREM(n, 1.3, **SOFT, seed=3, sample=s) for s in range(samples)]
    levels, shell = np.array([m.all_levels() for m in models]), turned(n)
    for k in range(1, n + 1):
        values = levels[:, shell == k].ravel()
        mean, deviation = models[0].mean_energy[k], models[0].roughness[k] * math.sqrt(n / 2)
        assert abs(values.mean() - mean) < 4 * deviation / math.sqrt(len(values))
        assert abs(values.std() - deviation) < 4 * deviation / math.sqrt(2 * len(values))
    # Deliberately wrong: the moments of another shell.
    values = levels[:, shell == 2].ravel()
    assert abs(values.mean() - models[0].mean_energy[3]) > 4 * values.std() / math.sqrt(len(values))


def test_landscapes_of_one_sample_share_their_noise():
    hole, funnel = FoldingREM(9, 1.2, seed=1), FoldingREM(9, 2.0, "power", seed=1)
    noise = funnel.all_levels() - funnel.mean_energy[turned(9)]
    np.testing.assert_allclose(hole.all_levels()[1:], noise[1:], atol=1e-12)


@pytest.mark.parametrize("table", [{}, SOFT, {"levels": TREE, **SOFT}], ids=["hole", "funnel", "tree"])
def test_streams_over_all_levels_give_the_bits_of_single_ones(table):
    model = FoldingREM(14, 1.3, **table, seed=4)
    found, levels = enumerate_levels(model, [0.7, 2.0], lowest=2**14), model.all_levels()
    assert (found.lowest_energy == np.sort(levels)).all()
    np.testing.assert_allclose(found.log_partition, [np.log(np.exp(-b * levels).sum()) for b in (0.7, 2.0)], rtol=1e-12)


@pytest.mark.parametrize(
    "model",
    [FoldingREM(6, 1.5, seed=1, sample=2), FoldingREM(7, 1.8, "power", softening=0.7, seed=1)],
    ids=["hole", "funnel"],
)
def test_exact_funnels_are_sums_over_states(model):
    exact, levels, shell = ExactFunnel(model), model.all_levels(), turned(model.n)
    for temperature in (0.3, 1.0, 4.0):
        weights = [math.exp(-(e - levels.min()) / temperature) for e in levels]
        for k in range(model.n + 1):
            part = sum(w for w, s in zip(weights, shell, strict=True) if s == k)
            log_z, mean = exact.log_partition(1 / temperature)
            assert math.isclose(log_z[0, k], math.log(part) - levels.min() / temperature, rel_tol=1e-12, abs_tol=1e-12)
            energy = sum(w * e for w, e, s in zip(weights, levels, shell, strict=True) if s == k) / part
            assert math.isclose(mean[0, k], energy, rel_tol=1e-10)
        overlap = sum(w * (1 - 2 * s / model.n) for w, s in zip(weights, shell, strict=True)) / sum(weights)
        assert math.isclose(exact.mean_overlap(temperature), overlap, rel_tol=1e-12)
        odds = weights[0] / sum(weights[1:])
        assert math.isclose(exact.log_odds(temperature), math.log(odds), rel_tol=1e-10, abs_tol=1e-12)


def test_temperatures_of_a_summary_are_what_they_are_called():
    exact = ExactFunnel(FoldingREM(12, 2.0, "power", softening=0.9, seed=3))
    found = exact.summary()
    assert abs(exact.log_odds(found.folding_temperature)) < 1e-8
    assert abs(exact.mean_overlap(found.half_overlap_temperature) - 0.5) < 1e-8
    assert found.stability_gap > 0 and found.native_energy == found.ground_state
    shell = turned(12)
    outer = np.abs(1 - 2 * shell / 12) < 0.15
    levels = FoldingREM(12, 2.0, "power", softening=0.9, seed=3).all_levels()
    within = [levels[i] - levels[shell == shell[i]].mean() for i in np.flatnonzero(outer)]
    mean, deviation, entropy = levels[outer].mean(), np.std(within), 12 * math.log(2)
    assert math.isclose(found.outer_deviation, deviation) and math.isclose(found.outer_mean, mean)
    assert math.isclose(found.stability, folding.stability(mean - found.native_energy, deviation, entropy))
    predicted = folding.folding_temperature(mean - found.native_energy, deviation, entropy)
    assert math.isclose(found.random_energy_temperature, predicted)


def test_a_state_that_is_not_the_lowest_has_no_folding_temperature():
    found = ExactFunnel(FoldingREM(10, 0.4, seed=1)).summary()
    assert math.isnan(found.folding_temperature) and found.ground_state < found.native_energy


@pytest.fixture(scope="module")
def weights_at_folding():
    """P_native at the T_f of N → ∞ for golf-holes of N = 12."""
    models = [FoldingREM(12, 1.3, seed=5, sample=s) for s in range(150)]
    return models[0], np.array([1 / (1 + math.exp(-ExactFunnel(m).log_odds(m.folding_temperature))) for m in models])


def test_half_of_the_weight_is_native_at_the_folding_temperature(weights_at_folding):
    model, weights = weights_at_folding
    error = weights.std(ddof=1) / math.sqrt(len(weights))
    exact = native_probability(12, model.folding_temperature, model.gap)
    assert abs(weights.mean() - exact) < 4 * error and abs(exact - 0.5) < 0.01
    # Deliberately wrong: the exact average of a slightly deeper native state.
    assert abs(weights.mean() - native_probability(12, model.folding_temperature, 1.05 * model.gap)) > 4 * error


@pytest.mark.parametrize(
    ("table", "fragment"),
    [
        ({"n": 65}, "64-bit"),
        ({"n": 9, "stability": -1}, "stability"),
        ({"n": 9, "funnel": "hole"}, "golf-hole"),
        ({"n": 9, "power": 2}, "funnel = 'power'"),
        ({"n": 9, "funnel": "power", "power": 0}, "above 0"),
        ({"n": 9, "softening": 1.5}, "from 0 to 1"),
        ({"n": 9, "levels": [[1, 0.5]]}, "entropy share"),
        ({"n": 9, "stabilty": 1}, "did you mean 'stability'"),
    ],
)
def test_wrong_parameters_are_refused_by_name(table, fragment):
    with pytest.raises(InputError, match=fragment):
        FoldingREM.resolve(table)


def test_what_has_no_funnel_is_refused():
    with pytest.raises(CapabilityError, match="signal"):
        ExactFunnel(RandomEnergyModel(6))
    with pytest.raises(CapabilityError, match="signal"):
        ExactFunnel(PSpinIsing(6))
    with pytest.raises(InputError, match="up to 24"):
        ExactFunnel(FoldingREM(25))
    with pytest.raises(InputError, match="Gaussian edges"):
        find_lowest_levels(FoldingREM(8))

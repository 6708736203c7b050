"""Wang–Landau walks meet densities of states counted level by level, by every route alike, and say when they do not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.benchmarks import wang_landau as benchmark
from spinnet.dynamics import wang_landau
from spinnet.dynamics.wang_landau import WangLandau
from spinnet.errors import CapabilityError, InputError
from spinnet.estimators.density_of_states import bin_weights, half_temperature, thermal_average
from spinnet.landscapes import FoldingREM, PSpinIsing, RandomEnergyModel, SphericalGlass, TeacherStudentPerceptron
from spinnet.landscapes.base import require
from spinnet.landscapes.funnel import ExactFunnel
from spinnet.probes import load as load_probe
from spinnet.randomness import counter_keys
from spinnet.simulation import simulate
from spinnet.theory.folding import folding_temperature

FUNNEL = FoldingREM(10, 1.6, "power", softening=0.5, seed=1)


def walk(model, steps, walkers=6, seed=1, **settings):
    chosen = WangLandau(**{"width": 0.5, **settings})
    x = model.start(walkers, np.random.default_rng(0))
    state = chosen.advance(model, chosen.init(model, x, counter_keys(seed, walkers, "noise")), steps)
    return chosen, state, {name: variable.data for name, variable in chosen.variables(state).items()}


def counted(model, **settings):
    found = load_probe("density_of_states")(**settings).measure(model, model.start(1, np.random.default_rng(0)), None)
    return {name.rpartition("/")[2]: variable.data[0] for name, variable in found.items()}


@pytest.fixture(scope="module")
def learnt():
    return walk(FUNNEL, 1_500_000)[2], counted(FUNNEL, width=0.5)


def z_values(found, exact, good):
    found, exact = found[:, good], exact[good]
    return (found.mean(axis=0) - exact) / (found.std(axis=0, ddof=1) / math.sqrt(len(found)))


def test_walks_find_every_bin_and_the_number_of_its_states(learnt):
    found, exact = learnt
    met = np.isfinite(exact["log_density"])
    assert found["converged"].all() and (np.isfinite(found["log_density"]) == met).all()
    off = found["log_density"][:, met] - exact["log_density"][met]
    assert np.sqrt((off**2).mean()) < 0.08 and np.sqrt((off.mean(axis=0) ** 2).mean()) < 0.05
    # errors from six walkers: Student's law with five degrees of freedom, its 4 "sigma" point is 10
    assert np.abs(z_values(found["log_density"], exact["log_density"], met)).max() < 10
    # Deliberately wrong: the density of states of another sample.
    other = counted(FoldingREM(10, 1.6, "power", softening=0.5, seed=2), width=0.5, low=exact["bin_energy"][0],
                    high=exact["bin_energy"][-1])["log_density"]  # fmt: skip
    both = met & np.isfinite(other)
    assert np.abs(z_values(found["log_density"], other, both)).max() > 20


def test_averages_in_bins_are_those_of_their_states(learnt):
    found, exact = learnt
    met = np.isfinite(exact["log_density"]) & np.isfinite(found["energy_in_bin"]).all(axis=0)
    for name, bound in (("energy_in_bin", 0.05), ("overlap_in_bin", 0.05), ("native_in_bin", 0.05)):
        off = found[name].mean(axis=0)[met] - exact[name][met]
        assert np.abs(off).max() < bound, name


def test_the_folding_temperature_from_walks_is_the_exact_one_within_a_percent(learnt):
    found, exact = learnt
    summary = ExactFunnel(FUNNEL).summary()
    for name, known in (("overlap_in_bin", summary.half_overlap_temperature),
                        ("native_in_bin", summary.folding_temperature)):  # fmt: skip
        measured = [
            half_temperature(g, e, v)
            for g, e, v in zip(found["log_density"], found["energy_in_bin"], found[name], strict=True)
        ]
        assert abs(np.mean(measured) / known - 1.0) < 0.01, name
        assert abs(half_temperature(exact["log_density"], exact["energy_in_bin"], exact[name]) / known - 1.0) < 0.01


def routes(model, settings, steps, monkeypatch, limit):
    monkeypatch.setattr(wang_landau, "LARGEST_LISTED", limit)
    return walk(model, steps, walkers=3, **settings)[1]


def test_listed_and_hashed_levels_and_single_changes_are_one_walk(monkeypatch):
    settings = {"width": 4.0, "low": -14.0, "high": 9.0, "check": 3, "flatness": 0.5}
    listed = routes(FUNNEL, settings, 12_000, monkeypatch, 22)
    hashed = routes(FUNNEL, settings, 12_000, monkeypatch, 0)
    assert all((a == b).all() for a, b in zip(listed, hashed, strict=True))
    assert listed.factor.max() < 1.0 and (listed.stage == 1).any()
    glass = PSpinIsing(9, 3, seed=1)
    settings = {"width": 4.0, "low": -14.0, "high": 14.0, "check": 3, "flatness": 0.5}
    listed = routes(glass, settings, 12_000, monkeypatch, 22)
    changed = routes(glass, settings, 12_000, monkeypatch, 0)
    same_walk(listed, changed)


def same_walk(listed, changed):
    for name in ("x", "place", "visits", "seen", "stage", "origin", "restarts"):
        assert (getattr(listed, name) == getattr(changed, name)).all(), name
    np.testing.assert_allclose(listed.log_density, changed.log_density, rtol=1e-12)
    np.testing.assert_allclose(listed.sums, changed.sums, rtol=0, atol=1e-8)


def test_counted_errors_of_a_perceptron_are_one_walk_too(monkeypatch):
    model = TeacherStudentPerceptron(11, alpha=2, seed=1)
    settings = {"width": 1.0, "low": 0.0, "high": 22.0, "check": 3, "flatness": 0.5}
    listed = routes(model, settings, 6000, monkeypatch, 22)
    words = routes(model, settings, 6000, monkeypatch, 0)
    monkeypatch.setattr(wang_landau, "_has_words", lambda landscape: False)
    changed = routes(model, settings, 6000, monkeypatch, 0)
    assert all((a == b).all() for a, b in zip(listed, words, strict=True)) and (listed.factor < 1).any()
    same_walk(listed, changed)


@pytest.mark.slow
def test_a_perceptron_too_large_to_list_folds_where_random_energies_say():
    # N = 31, α = 3: T with ⟨q⟩ = 1/2 from ln g(E) beside that of independent energies of mean P/2 and variance P/4
    temperatures = []
    for sample in range(4):
        model = TeacherStudentPerceptron(31, alpha=3, seed=1, sample=sample)
        found = walk(model, 40_000_000, walkers=3, width=1.0, low=0.0, high=93.0)[2]
        assert found["converged"].all()
        temperatures.append(np.mean([
            half_temperature(*row)
            for row in zip(found["log_density"], found["energy_in_bin"], found["overlap_in_bin"], strict=True)
        ]))  # fmt: skip
    predicted = folding_temperature(46.5, math.sqrt(93 / 4), 31 * math.log(2))
    print(temperatures, predicted)
    assert abs(np.median(temperatures) / predicted - 1.0) < 0.1


@pytest.mark.parametrize("parts", [(1,) * 50, (7, 20, 23), (49, 1)])
def test_any_splitting_gives_the_same_bits(parts):
    chosen, state, _ = walk(FUNNEL, 300, check=1)
    whole, split = chosen.advance(FUNNEL, state, 50), state
    for n in parts:
        split = chosen.advance(FUNNEL, split, n)
    assert all((a == b).all() for a, b in zip(whole, split, strict=True))


def test_an_interrupted_task_has_the_bits_of_one_that_was_not():
    physics = {
        "landscape": {"kind": "FoldingREM", "n": 9, "stability": 1.6, "funnel": "power", "power": 1, "softening": 0,
                      "levels": None},
        "dynamics": {"kind": "WangLandau", "width": 0.5, "low": None, "high": None, "flatness": 0.8, "check": 10,
                     "start_at_signal": True},
        "schedule": {"kind": "linear", "every": 5000}, "probes": {"density_of_states": {"width": 0.5}},
        "replicas": 3, "sample": 1, "seed": 2,
    }  # fmt: skip
    whole, shorter = simulate(physics, 20000.0), simulate(physics, 5000.0)
    longer = simulate(physics, 20000.0, state=shorter.state)
    again = simulate(physics, 20000.0, state=whole.state)
    for name, variable in whole.variables.items():
        np.testing.assert_array_equal(variable.data, longer.variables[name].data)
        np.testing.assert_array_equal(variable.data, again.variables[name].data)
    assert {"dynamics/log_density", "density_of_states/log_density"} <= set(whole.variables)


def test_a_walk_that_is_too_short_says_so():
    assert not walk(FUNNEL, 2000)[2]["converged"].any()


def test_a_hole_is_met_from_the_start_where_walks_begin_in_it():
    hole = FoldingREM(12, 1.6, seed=1)
    outside, inside = (walk(hole, 2000, start_at_signal=at)[1] for at in (False, True))
    assert not outside.seen[:, 0].any() and inside.seen[:, 0].all()


def test_flips_out_of_the_range_are_refused_and_starts_there_too():
    _, state, found = walk(FUNNEL, 3000, start_at_signal=True, low=-14.0, high=-5.0)
    assert (state.energy < -4.75).all() and found["log_density"].shape == (6, 19)
    with pytest.raises(InputError, match="starts at the energy"):
        walk(FUNNEL, 1, low=-14.0, high=-13.5)


def test_the_states_of_all_bins_together_are_all_states():
    _, _, found = walk(FUNNEL, 50_000)
    np.testing.assert_allclose(np.exp(found["log_density"]).sum(axis=1), 2.0**10, rtol=1e-10)


def test_thermal_averages_are_sums_over_states():
    exact, levels = counted(FUNNEL, width=1e-3), FUNNEL.all_levels()
    weight = np.exp(-levels / 1.3)
    found = thermal_average(exact["log_density"], exact["energy_in_bin"], exact["energy_in_bin"], 1.3)
    assert math.isclose(found, (weight * levels).sum() / weight.sum(), rel_tol=1e-6)
    assert math.isclose(bin_weights(exact["log_density"], exact["energy_in_bin"], 1.3).sum(), 1.0)
    assert math.isnan(half_temperature([0.0, 0.0], [0.0, 1.0], [0.1, 0.1]))
    with pytest.raises(InputError, match="temperature"):
        bin_weights([0.0], [0.0], 0.0)


@pytest.mark.parametrize(
    ("table", "fragment"),
    [
        ({}, "width is missing"),
        ({"width": 0}, "width"),
        ({"width": 1, "flatness": 1}, "flatness"),
        ({"width": 1, "low": 2}, "both ends"),
        ({"width": 1, "low": 2, "high": 1}, "smaller"),
        ({"width": 1e-6, "low": 0, "high": 10}, "bins between"),
        ({"width": 1, "check": 0}, "check"),
        ({"width": 1, "start_at_signal": 2}, "true or false"),
    ],
)
def test_wrong_parameters_are_refused_by_name(table, fragment):
    with pytest.raises(InputError, match=fragment):
        WangLandau.resolve(table, "dynamics")


def test_what_cannot_be_walked_is_refused():
    with pytest.raises(CapabilityError, match="WangLandau needs LocalMoves"):
        require("WangLandau", SphericalGlass, WangLandau.requires)
    with pytest.raises(InputError, match="low and high are missing"):
        walk(RandomEnergyModel(40, seed=1), 10)


def test_every_row_of_the_benchmark_is_complete(monkeypatch):
    monkeypatch.setattr(benchmark, "STEPS", 2000)
    cases = benchmark.cases()
    monkeypatch.setattr(benchmark, "cases", lambda: [cases[1], cases[3]])
    rows = benchmark.run(quick=True)
    assert [row["value"] > 0 and row["reference"] > 0 for row in rows] == [True, True]

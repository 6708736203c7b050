"""Folding times: exact on small samples, met by walks, censored where they are longer than the run."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.dynamics.first_passage import FirstPassage
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes import FoldingREM, RandomEnergyModel
from spinnet.landscapes.base import require
from spinnet.landscapes.first_passage import mean_passage_times
from spinnet.probes import load as load_probe
from spinnet.randomness import counter_keys
from spinnet.simulation import simulate

FUNNEL = FoldingREM(7, 1.6, "power", seed=2)


def passages(model, temperature, rule="metropolis", replicas=2000, sweeps=10_000):
    chosen = FirstPassage(temperature, rule, tick=float(sweeps))
    x = model.start(replicas, np.random.default_rng(0))
    state = chosen.advance(model, chosen.init(model, x, counter_keys(3, replicas, "noise")), 1)
    return chosen.variables(state)["passage_time"].data


def solved(model, temperature, rule):
    """The same by a linear system, row by row."""
    levels, count = model.all_levels(), model.n_levels
    generator = np.zeros((count, count))
    for i in range(count):
        for site in range(model.n):
            change = levels[i ^ (1 << site)] - levels[i]
            rate = min(1.0, math.exp(-change / temperature)) if rule == "metropolis" else (
                1.0 / (1.0 + math.exp(change / temperature))
            )
            generator[i, i ^ (1 << site)] += rate
            generator[i, i] -= rate
    return np.append(0.0, np.linalg.solve(generator[1:, 1:], -np.ones(count - 1)))


@pytest.mark.parametrize("rule", ["metropolis", "glauber"])
@pytest.mark.parametrize("temperature", [0.5, 1.0, 8.0])
def test_elimination_solves_the_equations_of_the_process(rule, temperature):
    found = mean_passage_times(FUNNEL, temperature, rule)
    np.testing.assert_allclose(found, solved(FUNNEL, temperature, rule), rtol=1e-9)


@pytest.mark.parametrize("rule", ["metropolis", "glauber"])
def test_walks_take_the_exact_mean_time(rule):
    exact = mean_passage_times(FUNNEL, 1.2, rule).mean()
    found = passages(FUNNEL, 1.2, rule)
    assert not np.isnan(found).any()
    error = found.std(ddof=1) / math.sqrt(len(found))
    assert abs(found.mean() - exact) < 4 * error
    # Deliberately wrong: the time of the other rule.
    other = {"metropolis": "glauber", "glauber": "metropolis"}[rule]
    assert abs(found.mean() - mean_passage_times(FUNNEL, 1.2, other).mean()) > 4 * error


def test_free_walks_on_the_hypercube_need_the_known_time():
    # No energies: a random walk on the n-cube that jumps at rate n; from the opposite corner for n = 2 it is 2 sweeps.
    flat = FoldingREM(2, 0.0, softening=0.0, seed=1)
    hot = mean_passage_times(flat, 1e9)
    np.testing.assert_allclose(hot, [0.0, 1.5, 1.5, 2.0], rtol=1e-6)


def test_a_funnel_folds_fastest_between_the_glass_and_random_search():
    model = FoldingREM(9, 1.6, "power", seed=1)
    times = [mean_passage_times(model, t).mean() for t in (0.3, 1.5, 100.0)]
    assert times[1] < times[0] and times[1] < times[2]
    # A hole does not guide: the colder, the slower.
    hole = [mean_passage_times(FoldingREM(9, 1.6, seed=1), t).mean() for t in (0.4, 1.5, 100.0)]
    assert hole[0] > hole[1] > hole[2]


def test_walks_longer_than_the_run_are_censored_and_go_on_as_if_they_had_not_been():
    model, chosen, replicas = FoldingREM(8, 1.4, seed=3), FirstPassage(0.9), 40
    x, keys = model.start(replicas, np.random.default_rng(1)), counter_keys(1, replicas, "noise")
    start = chosen.init(model, x, keys)
    short, long = chosen.advance(model, start, 20), chosen.advance(model, start, 4000)
    first, second = chosen.variables(short), chosen.variables(long)
    lost = np.isnan(first["passage_time"].data)
    assert 0 < lost.sum() < replicas and (first["observed_time"].data[lost] == 20.0).all()
    assert (second["passage_time"].data[~lost] == first["passage_time"].data[~lost]).all()
    assert np.nanmin(second["passage_time"].data[lost]) > 20.0
    further = chosen.advance(model, short, 3980)
    assert all((a == b).all() for a, b in zip(further, long, strict=True))


def test_a_start_at_the_native_state_has_arrived():
    chosen = FirstPassage(1.0)
    state = chosen.init(FUNNEL, np.ones((1, 7), dtype=int), counter_keys(1, 1, "noise"))
    assert state.passed.all() and chosen.variables(chosen.advance(FUNNEL, state, 5))["passage_time"].data[0] == 0.0


def test_a_task_measures_walks_and_their_exact_mean():
    physics = {
        "landscape": {"kind": "FoldingREM", "n": 7, "stability": 1.6, "funnel": "power", "power": 1, "softening": 0,
                      "levels": None},
        "dynamics": {"kind": "FirstPassage", "temperature": 1.2, "rule": "metropolis", "tick": 1},
        "schedule": {"kind": "linear", "every": 100},
        "probes": {"native_passage": {"temperatures": [1.2], "rule": "metropolis"}, "signal_overlap": {},
                   "funnel": {"temperatures": [0.8, 1.2]}},
        "replicas": 3, "sample": 0, "seed": 2,
    }  # fmt: skip
    found = simulate(physics, 300.0).variables
    exact = mean_passage_times(FUNNEL, 1.2).mean()
    assert (found["native_passage/mean_time"].data == exact).all()
    assert found["dynamics/passage_time"].data.shape == (3,)
    assert (found["trajectory/signal_overlap"].data[:, -1] == 1.0).all()
    shells = np.exp(found["funnel/log_partition"].data[0])
    np.testing.assert_allclose(found["funnel/native_weight"].data[0], shells[:, 0] / shells.sum(axis=1))


def test_what_has_no_native_state_or_is_too_large_is_refused():
    with pytest.raises(CapabilityError, match="FirstPassage needs Signal"):
        require("FirstPassage", RandomEnergyModel, FirstPassage.requires)
    with pytest.raises(InputError, match="up to 11"):
        mean_passage_times(FoldingREM(12), 1.0)
    with pytest.raises(InputError, match="rising temperatures"):
        load_probe("native_passage").resolve({"temperatures": [2, 1]}, "probe")

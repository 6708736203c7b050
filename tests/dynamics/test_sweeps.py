"""Sweeps: the same bits however split, equilibrium kept by every rule and order, a minimum at the end downhill."""

from __future__ import annotations

import numpy as np
import pytest
from reference import pattern_twin as twin

from spinnet import dynamics
from spinnet.dynamics.sweeps import ORDERS, Sweeps
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes import HopfieldModel, PSpinIsing, TeacherStudentPerceptron
from spinnet.landscapes.base import require
from spinnet.landscapes.thermodynamics import sample_levels
from spinnet.randomness import counter_keys
from spinnet.simulation import simulate

HOPFIELD = HopfieldModel(90, 0.14, start_at=0.7, seed=1)
CASES = {
    "downhill": (Sweeps(0.0), HOPFIELD),
    "downhill at random": (Sweeps(0.0, order="random"), HOPFIELD),
    "heat bath": (Sweeps(0.6), TeacherStudentPerceptron(41, 1.5, seed=2)),
    "Metropolis at random": (Sweeps(0.7, "metropolis", "random"), HOPFIELD),
    "pseudo-inverse": (Sweeps(0.3), HopfieldModel(40, 0.4, rule="pseudo-inverse", seed=1)),
    "by changes": (Sweeps(0.8, "metropolis"), PSpinIsing(9, 3, seed=1)),
}


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-"))
def case(request):
    chosen, landscape = CASES[request.param]
    return landscape, chosen, chosen.init(landscape, landscape.start(3, np.random.default_rng(2)), keys(3))


def keys(replicas):
    return counter_keys(1, replicas, "noise")


def equal(a, b):
    return all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


@pytest.mark.parametrize("split", [(1,) * 9, (2, 7), (5, 3, 1)])
def test_any_splitting_gives_the_same_bits(case, split):
    landscape, chosen, state = case
    before = [np.array(part) for part in state]
    whole = chosen.advance(landscape, state, 9)
    assert equal(before, state)
    for n in split:
        state = chosen.advance(landscape, state, n)
    assert equal(whole, state)


def test_a_state_is_plain_arrays_and_complete(case):
    landscape, chosen, state = case
    state = chosen.advance(landscape, state, 3)
    stored = {name: np.array(value) for name, value in state._asdict().items()}
    for value in stored.values():
        value.flags.writeable = False
    table = type(chosen).resolve({name: getattr(chosen, name) for name in chosen.parameters()})
    assert type(chosen).resolve(table) == table and chosen.time_unit == "sweeps"
    resumed = Sweeps(**table).advance(landscape, chosen.State(**stored), 4)
    assert equal(resumed, chosen.advance(landscape, state, 4)) and (resumed.energy == landscape.energy(resumed.x)).all()


def test_a_replica_does_not_depend_on_the_others(case):
    landscape, chosen, state = case
    alone = type(state)(*(np.array(part[1:2]) for part in state))
    a, b = chosen.advance(landscape, alone, 6), chosen.advance(landscape, state, 6)
    assert (a.x == b.x[1:2]).all() and a.flips[0] == b.flips[1] > 0


def test_blocks_of_proposals_are_one_sequence(case, monkeypatch):
    landscape, chosen, state = case
    whole = chosen.advance(landscape, state, 7)
    monkeypatch.setattr("spinnet.dynamics.sweeps._TOGETHER", 2 * state.x.size)
    assert equal(chosen.advance(landscape, state, 7), whole)


@pytest.mark.parametrize("model", [HOPFIELD, TeacherStudentPerceptron(45, 1.2, seed=3)], ids=["memory", "perceptron"])
def test_downhill_sweeps_are_those_of_the_slow_twin_and_end_in_a_minimum(model):
    chosen = Sweeps(0.0)
    start = model.start(4, np.random.default_rng(0))
    energy = twin.hopfield_energy if isinstance(model, HopfieldModel) else twin.training_errors
    expected = start
    state = chosen.init(model, start, keys(4))
    for _ in range(3):
        expected, _ = twin.flip_sites(
            lambda x: energy(model, x), expected, np.arange(model.n)[:, None], np.full((model.n, 4), -1e-9)
        )
        state = chosen.advance(model, state, 1)
        assert (state.x == expected).all()
    state = chosen.advance(model, state, 200)
    assert (state.settled >= 0).all() and (chosen.variables(state)["settling_time"].data == state.settled).all()
    for site in range(model.n):
        assert (model.delta_energy(state.x, np.full(4, site)) >= 0).all()
    before = chosen.advance(model, chosen.init(model, start, keys(4)), int(state.settled.min()))
    first = int(state.settled.argmin())
    assert (before.x[first] == state.x[first]).all()


def departure(numbers, levels, temperature):
    """χ² against the Boltzmann weights, as a standard normal number."""
    weight = np.exp(-(levels - levels.min()) / temperature)
    mean = weight / weight.sum() * len(numbers)
    counts = np.bincount(numbers.astype(int), minlength=len(levels)).astype(float)
    enough = mean > 5
    counts, mean = np.append(counts[enough], counts[~enough].sum()), np.append(mean[enough], mean[~enough].sum())
    counts, mean = counts[mean > 0], mean[mean > 0]
    return (((counts - mean) ** 2 / mean).sum() - len(mean) + 1) / np.sqrt(2 * (len(mean) - 1))


@pytest.mark.parametrize("model", [HopfieldModel(5, patterns=3, seed=2), TeacherStudentPerceptron(5, 1.6, seed=2)],
                         ids=["memory", "perceptron"])  # fmt: skip
@pytest.mark.parametrize("rule", ["glauber", "metropolis"])
@pytest.mark.parametrize("order", ORDERS)
def test_what_starts_in_equilibrium_stays_there(model, rule, order):
    replicas, temperature = 4000, 1.1
    start = sample_levels(model, 1 / temperature, replicas, np.random.default_rng(3))
    noise = np.random.default_rng(4).integers(0, 2**64, replicas, dtype=np.uint64)
    chosen = Sweeps(temperature, rule, order)
    state = chosen.advance(model, chosen.init(model, model.configuration(start), noise), 2)
    after, levels = model.index_of(state.x), model.all_levels()
    assert abs(departure(after, levels, temperature)) < 4 and (after != start).mean() > 0.3
    # Deliberately wrong: a kernel at another temperature is excluded.
    wrong = Sweeps(2.2, rule, order)
    left = wrong.advance(model, wrong.init(model, model.configuration(start), noise), 2)
    assert departure(model.index_of(left.x), levels, temperature) > 4


ACCEPTANCE = {
    "metropolis": lambda change: np.exp(-np.maximum(change, 0.0)),
    "glauber": lambda change: 1.0 / (1.0 + np.exp(change)),
}


@pytest.mark.parametrize("rule", ACCEPTANCE)
def test_each_site_leaves_the_boltzmann_law_invariant_and_the_kernel_accepts_as_the_rule_says(rule):
    model, temperature = HopfieldModel(6, patterns=2, seed=5), 0.8
    energy = model.all_levels() / temperature
    law = np.exp(-energy)
    mean_step = np.zeros((64, 64))
    for site in range(6):
        step = np.zeros((64, 64))
        other = np.arange(64) ^ (1 << site)
        step[np.arange(64), other] = ACCEPTANCE[rule](energy[other] - energy)
        step[np.arange(64), np.arange(64)] = 1.0 - step[np.arange(64), other]
        np.testing.assert_allclose(law @ step, law, rtol=1e-13)
        mean_step += step / 6
    np.testing.assert_allclose(law[:, None] * mean_step, (law[:, None] * mean_step).T, rtol=1e-12)
    # Deliberately wrong: half the change in the exponent of Metropolis' rule.
    other = np.arange(64) ^ 1
    half = np.exp(-0.5 * np.maximum(energy[other] - energy, 0.0))
    assert np.abs(law * half - (law * half)[other]).max() > 1e-3 * law.max()
    # The compiled chain flips site 0 with these probabilities.
    draws = 3000
    x = np.repeat(model.configuration(np.arange(64, dtype=np.uint64)), draws, axis=0)
    noise = np.random.default_rng(6).integers(0, 2**64, len(x), dtype=np.uint64)
    sites, thresholds = Sweeps(temperature, rule)._proposals(len(x), 6, noise, 0, 1)
    flipped = model.flip_sites(x, sites[:1], thresholds[:1].copy())[1].reshape(64, draws).mean(axis=1)
    share = ACCEPTANCE[rule](energy[other] - energy)
    error = np.sqrt(share * (1 - share) / draws) + 1e-9
    assert (np.abs(flipped - share) / error).max() < 4.2


def test_an_interrupted_run_has_the_bits_of_one_that_was_not():
    physics = {
        "landscape": {**HopfieldModel.resolve({"n": 130, "alpha": 0.05, "start_at": 0.8, "seed": 2, "sample": 1}),
                      "kind": "HopfieldModel", "revision": 2},
        "dynamics": {"kind": "Sweeps", "revision": 1, "temperature": 0.2, "rule": "glauber", "order": "sequential"},
        "schedule": {"kind": "log", "first": 1, "per_decade": 4}, "probes": {"energy": {}, "signal_overlap": {}},
        "replicas": 3, "sample": 1, "seed": 2,
    }  # fmt: skip
    whole, shorter = simulate(physics, 60.0), simulate(physics, 9.0)
    longer = simulate(physics, 60.0, state=shorter.state)
    for name, variable in whole.variables.items():
        np.testing.assert_array_equal(variable.data, longer.variables[name].data)
    assert whole.variables["trajectory/signal_overlap"].data[0, -1] > 0.9


@pytest.mark.parametrize(
    ("table", "fragment"),
    [
        ({}, "temperature is missing"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": 0, "rule": "glauber"}, "zero-temperature"),
        ({"temperature": 1, "rule": "zero-temperature"}, "zero-temperature"),
        ({"temperature": 1, "rule": "metropoli"}, "did you mean 'metropolis'"),
        ({"temperature": 1, "order": "sequentia"}, "did you mean 'sequential'"),
    ],
)
def test_wrong_parameters_are_refused_by_name(table, fragment):
    with pytest.raises(InputError) as caught:
        dynamics.load("Sweeps").resolve(table, "dynamics")
    assert fragment in str(caught.value) and "\n" not in str(caught.value)


def test_spherical_weights_are_refused():
    table = TeacherStudentPerceptron.resolve({"n": 9, "alpha": 1, "weights": "spherical"})
    with pytest.raises(CapabilityError, match="weights = 'ising'"):
        require("Sweeps", TeacherStudentPerceptron, Sweeps.requires, table)

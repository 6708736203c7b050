"""Walks between levels: the same bits however split, equilibrium kept, one chain by every route, traps that age."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet import dynamics
from spinnet.dynamics.first_passage import FirstPassage
from spinnet.dynamics.rejection_free import RejectionFree
from spinnet.dynamics.spin_flips import RULES, SpinFlips
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes import DenseNetwork, FoldingREM, GeneralizedREM, LogCorrelatedREM, PSpinIsing, RandomEnergyModel
from spinnet.landscapes.base import require
from spinnet.landscapes.thermodynamics import sample_levels
from spinnet.randomness import counter_keys
from spinnet.simulation import simulate
from spinnet.theory.trap_model import no_jump_probability

REM = RandomEnergyModel(12, seed=1)
CASES = {
    "still": (dynamics.Still(), REM),
    "flips one by one": (SpinFlips(0.7), REM),
    "heat bath on a tree": (SpinFlips(0.9, "glauber"), GeneralizedREM(8, [[0.6, 0.5], [0.4, 0.5]], seed=1)),
    "flips on a list": (SpinFlips(0.7), PSpinIsing(9, 3, seed=1)),
    "flips by changes": (SpinFlips(1.2, "glauber"), PSpinIsing(70, 2, seed=1)),
    "rejection-free": (RejectionFree(1.0, tick=0.3), REM),
    "rejection-free heat bath": (RejectionFree(1.0, "glauber", tick=0.3), REM),
    "first passage": (FirstPassage(1.0, tick=0.3), FoldingREM(11, 1.3, seed=1)),
    "random hopping": (RejectionFree(1.0, "hopping", tick=20.0), REM),
    "traps": (RejectionFree(0.5, "trap", tick=7.0), RandomEnergyModel(64, seed=1, distribution="exponential")),
}


@pytest.fixture(params=[(name, replicas) for name in CASES for replicas in (3, 9)], ids=lambda p: f"{p[0]}-{p[1]}")
def case(request):
    name, replicas = request.param
    chosen, landscape = CASES[name]
    start = landscape.start(replicas, np.random.default_rng(2))
    return landscape, chosen, chosen.init(landscape, start, counter_keys(1, replicas, "noise"))


def equal(a, b):
    return all(np.array_equal(p, q) for p, q in zip(a, b, strict=True))


@pytest.mark.parametrize("split", [(1,) * 17, (5, 12), (3, 3, 11)])
def test_any_splitting_gives_the_same_bits(case, split):
    landscape, chosen, state = case
    before = [np.array(part) for part in state]
    whole = chosen.advance(landscape, state, 17)
    assert equal(before, state)
    for n in split:
        state = chosen.advance(landscape, state, n)
    assert equal(whole, state)


def test_a_state_is_plain_arrays_and_complete(case):
    landscape, chosen, state = case
    state = chosen.advance(landscape, state, 6)
    stored = {name: np.array(value) for name, value in state._asdict().items()}
    for value in stored.values():
        value.flags.writeable = False
    fresh = type(chosen)(**{name: getattr(chosen, name) for name in chosen.parameters()})
    resumed = fresh.advance(landscape, chosen.State(**stored), 9)
    assert equal(resumed, chosen.advance(landscape, state, 9))
    assert chosen.time(resumed).tolist() == [15 * chosen.step_length] * len(state.x)
    table = type(chosen).resolve({name: getattr(chosen, name) for name in chosen.parameters()})
    assert type(chosen).resolve(table) == table and chosen.time_unit


def test_a_replica_does_not_depend_on_the_others(case):
    landscape, chosen, state = case
    alone = type(state)(*(np.array(part[1:2]) for part in state))
    a, b = chosen.advance(landscape, alone, 40), chosen.advance(landscape, state, 40)
    assert (a.x == b.x[1:2]).all()


def test_the_energy_that_is_carried_is_that_of_the_configuration(case):
    landscape, chosen, state = case
    before, state = state.x, chosen.advance(landscape, state, 300)
    if isinstance(chosen, dynamics.Still):
        assert (state.x == before).all()
        return
    np.testing.assert_allclose(state.energy, landscape.energy(state.x), rtol=0, atol=1e-10)
    moved = state.accepted if hasattr(state, "accepted") else state.jumps
    # Whoever starts in a deep trap may stay there; everybody else has moved.
    trapped = isinstance(chosen, RejectionFree) and chosen.rule == "trap"
    assert np.mean(moved > 0) > 0.5 if trapped else (moved > 0).all()


@pytest.mark.parametrize("rule", RULES)
def test_the_chain_is_the_same_by_every_route(rule):
    # listed levels, changes of the energy step by step, and hashed levels read as a list
    glass, chosen = PSpinIsing(10, 3, seed=1), SpinFlips(0.8, rule)
    keys, start = counter_keys(1, 4, "noise"), glass.start(4, np.random.default_rng(0))
    listed = chosen.advance(glass, chosen.init(glass, start, keys), 500)
    stepwise = SpinFlips(0.8, rule)
    stepwise._levels = lambda landscape: None
    changes = stepwise.advance(glass, stepwise.init(glass, start, keys), 500)
    assert (listed.x == changes.x).all() and (listed.accepted == changes.accepted).all()

    hashed = chosen.advance(REM, chosen.init(REM, REM.start(4, np.random.default_rng(0)), keys), 500)
    generic = stepwise.init(REM, REM.start(4, np.random.default_rng(0)), keys)
    x, energy, accepted = np.array(generic.x), np.array(generic.energy), np.array(generic.accepted)
    stepwise._walk(REM, x, energy, accepted, np.full(4, 1 / 0.8), keys, 0, 500)
    assert (hashed.x == x).all() and (hashed.accepted == accepted).all()


def departure(numbers, model, temperature):
    """χ² against the Boltzmann weights, as a standard normal number."""
    weight = np.exp(-(model.all_levels() - model.all_levels().min()) / temperature)
    mean = weight / weight.sum() * len(numbers)
    counts = np.bincount(numbers.astype(int), minlength=model.n_levels).astype(float)
    enough = mean > 5
    counts, mean = np.append(counts[enough], counts[~enough].sum()), np.append(mean[enough], mean[~enough].sum())
    counts, mean = counts[mean > 0], mean[mean > 0]
    return (((counts - mean) ** 2 / mean).sum() - len(mean) + 1) / np.sqrt(2 * (len(mean) - 1))


@pytest.mark.parametrize(
    ("chosen", "model"),
    [
        (SpinFlips(1.1), PSpinIsing(5, 3, seed=2)),
        (SpinFlips(1.1, "glauber"), RandomEnergyModel(5, seed=2)),
        (RejectionFree(1.1, "hopping", tick=0.5), RandomEnergyModel(5, seed=2)),
        (RejectionFree(1.1, "trap", tick=0.5), RandomEnergyModel(5, seed=2)),
    ],
    ids=["Metropolis", "Glauber", "hopping", "trap"],
)
def test_what_starts_in_equilibrium_stays_there(chosen, model):
    replicas = 3000
    start = sample_levels(model, 1 / 1.1, replicas, np.random.default_rng(3))
    keys = np.random.default_rng(4).integers(0, 2**64, replicas, dtype=np.uint64)
    state = chosen.advance(model, chosen.init(model, model.configuration(start), keys), 7)
    after = model.index_of(state.x)
    assert abs(departure(after, model, 1.1)) < 4 and (after != start).mean() > 0.1
    # Deliberately wrong: the weights of another temperature are excluded.
    assert departure(after, model, 1.6) > 4


def test_traps_age_as_the_trap_model_does():
    model, x, replicas = RandomEnergyModel(60, seed=5, distribution="exponential"), 0.5, 4000
    chosen = RejectionFree(x, "trap", tick=100.0)
    keys = np.random.default_rng(6).integers(0, 2**64, replicas, dtype=np.uint64)
    state = chosen.init(model, model.start(replicas, np.random.default_rng(0)), keys)
    young = chosen.advance(model, state, 1)
    old = chosen.advance(model, young, 1)
    stayed = (model.index_of(young.x) == model.index_of(old.x)).mean()
    exact = float(no_jump_probability(100.0, np.array([100.0]), x)[0])
    error = np.sqrt(exact * (1 - exact) / replicas)
    assert abs(stayed - exact) < 4 * error
    assert (stayed == (young.jumps == old.jumps).mean()) and abs(stayed - 0.7) > 4 * error


@pytest.mark.parametrize(
    ("landscape", "chosen"),
    [
        ({"kind": "RandomEnergyModel", "n": 14, "distribution": "gaussian"}, {"kind": "SpinFlips", "temperature": 0.8,
                                                                              "rule": "metropolis"}),
        ({"kind": "RandomEnergyModel", "n": 14, "distribution": "gaussian"},
         {"kind": "RejectionFree", "temperature": 0.8, "rule": "hopping", "tick": 5}),
        ({"kind": "PSpinIsing", "n": 8, "p": 3}, {"kind": "SpinFlips", "temperature": 1, "rule": "glauber"}),
    ],
    ids=["flips", "hopping", "Ising"],
)  # fmt: skip
def test_an_interrupted_run_has_the_bits_of_one_that_was_not(landscape, chosen):
    physics = {
        "landscape": {**landscape, "revision": 1}, "dynamics": {**chosen, "revision": 1},
        "schedule": {"kind": "log", "first": 5, "per_decade": 4}, "probes": {"energy": {}, "level": {}},
        "replicas": 3, "sample": 1, "seed": 2,
    }  # fmt: skip
    whole = simulate(physics, 500.0)
    shorter = simulate(physics, 60.0)
    longer = simulate(physics, 500.0, state=shorter.state)
    assert whole.finished and longer.finished
    for name, variable in whole.variables.items():
        np.testing.assert_array_equal(variable.data, longer.variables[name].data)
    level = whole.variables["trajectory/level"].data
    assert level.dtype == np.int64 and level.shape[0] == 3
    assert "dynamics/acceptance" in whole.variables or "dynamics/jumps" in whole.variables


@pytest.mark.parametrize(
    ("name", "table", "fragment"),
    [
        ("SpinFlips", {}, "temperature is missing"),
        ("SpinFlips", {"temperature": 0}, "above 0"),
        ("SpinFlips", {"temperature": 1, "rule": "glauberr"}, "did you mean 'glauber'"),
        ("RejectionFree", {"temperature": 1, "tick": 0}, "tick"),
        ("RejectionFree", {"temperature": 1, "rule": "traps"}, "did you mean 'trap'"),
        ("Still", {"temperature": 1}, "no such parameter"),
    ],
)
def test_wrong_parameters_are_refused_by_name(name, table, fragment):
    with pytest.raises(InputError) as caught:
        dynamics.load(name).resolve(table, "dynamics")
    assert fragment in str(caught.value) and "\n" not in str(caught.value)


def test_landscapes_that_cannot_be_walked_are_refused():
    with pytest.raises(CapabilityError, match="SpinFlips needs LocalMoves"):
        require("SpinFlips", LogCorrelatedREM, SpinFlips.requires)
    with pytest.raises(CapabilityError, match="SpinFlips needs LocalMoves"):
        require("SpinFlips", DenseNetwork, SpinFlips.requires)
    with pytest.raises(CapabilityError, match="RejectionFree needs HashedLevels"):
        require("RejectionFree", PSpinIsing, RejectionFree.requires)

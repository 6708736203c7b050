"""Walks along the overlap learn the free energy that a sum over all states has, absolutely."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.dynamics import OverlapWalk, wang_landau
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes import FoldingREM, PlantedGlass, RandomEnergyModel, TeacherStudentPerceptron
from spinnet.landscapes.base import require
from spinnet.landscapes.funnel import ExactFunnel
from spinnet.randomness import counter_keys
from spinnet.simulation import simulate
from spinnet.theory.folding import FunnelProfile

FUNNEL = FoldingREM(9, 1.6, "power", softening=0.8, seed=1)


def walk(model, temperature, steps, walkers=6, **settings):
    chosen = OverlapWalk(temperature, **settings)
    x = model.start(walkers, np.random.default_rng(0))
    state = chosen.advance(model, chosen.init(model, x, counter_keys(1, walkers, "noise")), steps)
    return chosen, state, {name: variable.data for name, variable in chosen.variables(state).items()}


@pytest.mark.parametrize(
    "model",
    [FUNNEL, FoldingREM(8, 1.6, seed=1), PlantedGlass(8, 3, snr=1.2, seed=2)],
    ids=["funnel", "hole", "planted"],
)
def test_free_energies_are_those_of_all_states(model):
    found = walk(model, 1.5, 800_000)[2]
    assert found["converged"].all()
    log_z, energy = ExactFunnel(model).log_partition(1 / 1.5)
    off = found["log_partition"] - log_z[0]
    assert np.abs(off[:, 0]).max() < 1e-9  # the native state is known
    error = off[:, 1:].std(axis=0, ddof=1) / math.sqrt(len(off))
    # Student's law of five degrees of freedom: 10 is its 4 "sigma" point
    assert np.abs(off[:, 1:].mean(axis=0) / error).max() < 10 and np.abs(off.mean(axis=0)).max() < 0.1
    assert np.abs(found["energy"].mean(axis=0) - energy[0]).max() < 0.1
    # Deliberately wrong: the free energy of another temperature.
    other = ExactFunnel(model).log_partition(1 / 1.8)[0][0]
    assert np.abs((found["log_partition"] - other)[:, 1:].mean(axis=0) / error).max() > 20


def test_every_route_is_one_walk(monkeypatch):
    def routes(model, limit):
        monkeypatch.setattr(wang_landau, "LARGEST_LISTED", limit)
        return walk(model, 1.3, 2500, walkers=3, check=2, flatness=0.3)[1]

    listed, hashed = routes(FUNNEL, 22), routes(FUNNEL, 0)
    assert all((a == b).all() for a, b in zip(listed, hashed, strict=True)) and (listed.factor < 1).any()
    perceptron = TeacherStudentPerceptron(9, alpha=3, seed=1)
    listed, words = routes(perceptron, 22), routes(perceptron, 0)
    assert all((a == b).all() for a, b in zip(listed, words, strict=True))
    monkeypatch.setattr(wang_landau, "_has_words", lambda landscape: False)
    changed = routes(perceptron, 0)
    for name in ("x", "place", "visits", "seen", "stage", "origin"):
        assert (getattr(listed, name) == getattr(changed, name)).all(), name


def test_an_interrupted_task_has_the_bits_of_one_that_was_not():
    physics = {
        "landscape": {"kind": "FoldingREM", "n": 30, "stability": 1.6, "funnel": "power", "power": 1, "softening": 0.8,
                      "levels": None},
        "dynamics": {"kind": "OverlapWalk", "temperature": 2, "flatness": 0.8, "check": 10, "start_at_signal": False},
        "schedule": {"kind": "linear", "every": 5000}, "probes": {"signal_overlap": {}},
        "replicas": 3, "sample": 1, "seed": 2,
    }  # fmt: skip
    whole, shorter = simulate(physics, 20000.0), simulate(physics, 5000.0)
    longer = simulate(physics, 20000.0, state=shorter.state)
    again = simulate(physics, 20000.0, state=whole.state)
    for name, variable in whole.variables.items():
        np.testing.assert_array_equal(variable.data, longer.variables[name].data)
        np.testing.assert_array_equal(variable.data, again.variables[name].data)


def test_shells_of_many_states_have_the_free_energy_of_random_energies():
    # 2^40 states: the annealed free energy of each shell
    model, temperature = FoldingREM(40, 1.6, "power", softening=0.8, seed=1), 2.2
    found = walk(model, temperature, 2_500_000, walkers=8)[2]
    entropy = np.array([math.log(math.comb(40, k)) for k in range(41)])
    profile = FunnelProfile(model.shell_overlap, -model.mean_energy, math.sqrt(20) * model.roughness, entropy)
    off = found["log_partition"].mean(axis=0) + profile.free_energy(temperature) / temperature
    assert np.abs(off[entropy > 7]).max() < 0.25
    wrong = FunnelProfile(model.shell_overlap, -model.mean_energy, 5.0 * model.roughness, entropy)
    off = found["log_partition"].mean(axis=0) + wrong.free_energy(temperature) / temperature
    assert np.abs(off[entropy > 7]).max() > 0.25


def test_what_cannot_be_walked_is_refused():
    with pytest.raises(CapabilityError, match="OverlapWalk needs Signal"):
        require("OverlapWalk", RandomEnergyModel, OverlapWalk.requires)
    with pytest.raises(InputError, match="temperature"):
        OverlapWalk.resolve({"temperature": 0})
    with pytest.raises(InputError, match="no such parameter"):
        OverlapWalk.resolve({"temperature": 1, "width": 1})

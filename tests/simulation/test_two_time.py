"""Probes with a memory inside a simulation: values, interruptions, extensions, and that nothing else changes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from spinnet import simulation
from spinnet.agenda import Agenda
from spinnet.dynamics import load as load_dynamics
from spinnet.errors import InputError
from spinnet.probes import load as load_probe
from spinnet.probes.two_time import TwoTimeProbe
from spinnet.schedules import LogSchedule

GLASS = {"kind": "SphericalGlass", "n": 16, "covariance": {3: 1.0}}
NETWORK = {"kind": "DenseNetwork", "data": "digits", "hidden": 3}


def physics(landscape, dynamics, probes, first, replicas=3):
    kind, mover = simulation.load_landscape(landscape["kind"]), load_dynamics(dynamics["kind"])
    table = kind.resolve({k: v for k, v in landscape.items() if k != "kind"})
    for name in simulation.TASK_PARAMETERS:
        table.pop(name, None)
    return {
        "landscape": {"kind": landscape["kind"], **table},
        "dynamics": {"kind": dynamics["kind"], **mover.resolve({k: v for k, v in dynamics.items() if k != "kind"})},
        "schedule": {"kind": "log", "first": first, "per_decade": 4},
        "probes": {name: load_probe(name).resolve(given) for name, given in probes.items()},
        "replicas": replicas, "sample": 0, "seed": 1,
    }  # fmt: skip


def two_time(waits, first):
    return {"two_time": {"waiting_times": waits, "first": first, "per_decade": 3}}


def flow(probes=None):
    probes = two_time([0.0, 0.4, 1.7], 0.1) if probes is None else probes
    return physics(GLASS, {"kind": "GradientFlow"}, {"energy": {}, **probes}, 0.1)


def sgd(probes=None):
    probes = two_time([0, 7, 30], 2) if probes is None else probes
    return physics(NETWORK, {"kind": "SGD", "learning_rate": 0.1, "batch": 8}, {"energy": {}, **probes}, 3)


def langevin(probes=None):
    probes = two_time([0.1, 0.5], 0.05) if probes is None else probes
    return physics(GLASS, {"kind": "Langevin", "temperature": 0.5, "step": 0.03}, {"energy": {}, **probes}, 0.1)


def minima(probes=None):
    """The inherent structures of three times and of the end."""
    probes = {"inherent_structure": {"times": [0, 0.3, 1.5], "most_steps": 200}} if probes is None else probes
    return physics(GLASS, {"kind": "Langevin", "temperature": 0.5, "step": 0.03}, {"energy": {}, **probes}, 0.1)


def pairs(probes=None):
    moved = {"kind": "PairedLangevin", "temperature": 0.4, "step": 0.03, "waiting_times": [0, 0.3, 1.5], "first": 0.05}
    return physics(GLASS, moved, {"energy": {}, **({} if probes is None else probes)}, 0.1)


CASES = {
    "flow": (flow, 1.2, 4.0), "SGD": (sgd, 20, 60), "Langevin": (langevin, 0.4, 1.0), "minima": (minima, 1.0, 2.0),
    "pairs": (pairs, 1.0, 2.5),
}  # fmt: skip


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return CASES[request.param]


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        left, right = (getattr(v, "data", v) for v in (a[name], b[name]))
        np.testing.assert_array_equal(left, right, err_msg=name)


def test_an_interrupted_run_has_the_bits_of_an_uninterrupted_one(case, monkeypatch):
    make, _, last = case
    whole = simulation.simulate(make(), last)
    monkeypatch.setattr("spinnet.trajectory.SLICE_SECONDS", 0.0)  # ask after every slice
    state, stops = None, 0
    while True:
        polls = itertools.count()
        part = simulation.simulate(make(), last, state, should_stop=lambda polls=polls: next(polls) >= 2)
        state = part.state
        if part.finished:
            break
        stops += 1
    assert stops >= 3
    same(part.variables, whole.variables)
    same(part.state, whole.state)


def test_a_longer_run_continues_a_shorter_one_to_the_bit(case):
    make, short, last = case
    whole = simulation.simulate(make(), last)
    first = simulation.simulate(make(), short)
    same(simulation.simulate(make(), last, first.state).variables, whole.variables)
    same(simulation.simulate(make(), short, first.state).variables, first.variables)  # asked for nothing new
    for name in ("two_time/correlation", "two_time/displacement", "dynamics/integrated_response"):
        if name in first.variables:
            early = first.variables[name].data
            late = whole.variables[name].data[..., : early.shape[2]]
            known = np.isfinite(early)
            assert known.any() and early.shape[2] < whole.variables[name].data.shape[2]
            np.testing.assert_array_equal(early[known], late[known])


@pytest.mark.parametrize("name", ["flow", "SGD", "Langevin", "minima"])
def test_a_memory_changes_neither_trajectory_nor_schedule_nor_end_point(name):
    make, _, last = CASES[name]
    watched, silent = simulation.simulate(make(), last), simulation.simulate(make(probes={}), last)
    assert set(silent.variables) < set(watched.variables)
    for key, variable in silent.variables.items():
        np.testing.assert_array_equal(watched.variables[key].data, variable.data, err_msg=key)


def test_correlations_are_those_of_the_configurations():
    """SGD in steps: the configurations at all times, from a second run of the dynamics by hand."""
    table = sgd()
    found = simulation.simulate(table, 40.0).variables
    waits, delays = found["two_time/waiting_time"].data, found["two_time/delay"].data
    assert waits.tolist() == [0, 7, 30] and delays.tolist() == [0, 2, 5, 10, 20]
    # The state at every step, by runs of that length: prefix-stability makes them the same trajectory.
    wanted = sorted({int(w + t) for w in waits for t in delays if w + t <= 40})
    plain = {**table, "probes": {}, "schedule": {"kind": "linear", "every": 1}}
    at = {k: simulation.simulate(plain, max(k, 1)).variables["endpoint/configuration"].data for k in wanted if k > 0}
    seen = 0
    for w, wait in enumerate(waits):
        for d, delay in enumerate(delays):
            c, moved = (found[f"two_time/{name}"].data[:, w, d] for name in ("correlation", "displacement"))
            if wait + delay > 40:
                assert np.isnan(c).all() and np.isnan(moved).all()
            elif wait > 0:
                x, y = at[int(wait + delay)], at[int(wait)]
                np.testing.assert_allclose(c, (x * y).mean(axis=1), rtol=1e-12)
                np.testing.assert_allclose(moved, ((x - y) ** 2).mean(axis=1), rtol=1e-10, atol=1e-15)
                seen += 1
    assert seen == 9


def test_on_the_sphere_displacement_and_correlation_say_the_same():
    found = simulation.simulate(flow(), 4.0).variables
    c, moved = found["two_time/correlation"].data, found["two_time/displacement"].data
    assert c.shape == (3, 3, 6) and np.isfinite(c).all()
    np.testing.assert_allclose(moved, 2.0 - 2.0 * c, atol=1e-12)
    np.testing.assert_allclose(c[:, :, 0], 1.0, rtol=1e-13)


def test_replicas_with_clocks_of_their_own_pass_the_end_of_a_run_and_are_kept():
    agenda = Agenda(LogSchedule(0.1, 3.0, 4), np.unique, {"two_time": TwoTimeProbe([0.0, 1.0, 20.0], 0.1, 3)})
    longer = Agenda(LogSchedule(0.1, 100.0, 4), np.unique, {"two_time": TwoTimeProbe([0.0, 1.0, 20.0], 0.1, 3)})
    assert agenda.times[-1] <= 3.0 * (1 + 1e-9) < longer.times[-1]
    np.testing.assert_array_equal(agenda.time(np.arange(len(longer.times))), longer.times)
    k = len(agenda.times)
    np.testing.assert_array_equal(agenda.scheduled, longer.scheduled[:k])
    np.testing.assert_array_equal(agenda.asked["two_time"], longer.asked["two_time"][:k])


def test_a_diverged_replica_is_missing_from_its_pairs_only():
    table = sgd()
    table["landscape"]["activation"] = "relu"
    table["dynamics"]["learning_rate"] = 1e200
    found = simulation.simulate(table, 40.0)
    c = found.variables["two_time/correlation"].data
    assert found.finished and np.isfinite(c[:, 0, 0]).all() and np.isnan(c[:, 1:]).all()


def test_a_run_that_ends_before_the_first_comparison_is_refused_before_it_begins():
    with pytest.raises(InputError, match=r"begin at 7 .* last = 5: give earlier waiting times") as caught:
        simulation.simulate(sgd(two_time([7, 30], 2)), 5.0)
    assert "\n" not in str(caught.value)


def test_minima_lie_below_their_parents_and_at_the_end_are_known_as_minima():
    found = simulation.simulate(minima(), 2.0).variables
    low, time = found["inherent_trajectory/energy_density"].data, found["inherent_trajectory/time"].data
    np.testing.assert_allclose(time, [0, 0.3, 1.5])
    assert low.shape == (3, 3) and (low < found["trajectory/energy_density"].data[:, :1]).all()
    assert found["inherent_trajectory/converged"].data.all() and found["inherent_structure/converged"].data.all()
    assert (found["inherent_structure/lowest_eigenvalue"].data > 0).all()
    assert (found["inherent_structure/energy"].data < found["trajectory/energy"].data[:, -1]).all()
    np.testing.assert_allclose(
        found["inherent_structure/energy_density"].data, found["inherent_structure/energy"].data / 16
    )


def test_a_descent_that_is_cut_short_is_not_called_converged():
    table = minima({"inherent_structure": {"times": [0], "most_steps": 1}})
    found = simulation.simulate(table, 1.0).variables
    for group in ("inherent_trajectory", "inherent_structure"):
        assert not found[f"{group}/converged"].data.any()

"""A simulation is a function of its physics: interruptions, probes and later extensions never change a bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from spinnet import simulation
from spinnet.dynamics import load as load_dynamics
from spinnet.errors import CapabilityError
from spinnet.probes import load as load_probe
from spinnet.schedules import SCHEDULES

TASK_PARAMETERS = simulation.TASK_PARAMETERS


def physics(landscape, dynamics, schedule, probes=("energy", "gradient_norm"), replicas=3, sample=0):
    """A resolved table, as the campaign makes it."""
    kind = simulation.load_landscape(landscape["kind"])
    table = kind.resolve({k: v for k, v in landscape.items() if k != "kind"})
    for name in TASK_PARAMETERS:
        table.pop(name, None)
    mover = load_dynamics(dynamics["kind"])
    grid = SCHEDULES[schedule["kind"]]
    when = grid.resolve({k: v for k, v in schedule.items() if k != "kind"})
    when.pop("last")
    return {
        "landscape": {"kind": landscape["kind"], **table},
        "dynamics": {"kind": dynamics["kind"],
                     **mover.resolve({k: v for k, v in dynamics.items() if k != "kind"})},
        "schedule": {"kind": schedule["kind"], **when},
        "probes": {name: load_probe(name).resolve({}) for name in probes},
        "replicas": replicas, "sample": sample, "seed": 1,
    }  # fmt: skip


def glass(**changes):
    return physics(
        {"kind": "SphericalGlass", "n": 24, "covariance": {3: 1.0}},
        {"kind": "GradientFlow"},
        {"kind": "log", "first": 0.1, "per_decade": 4},
        **changes,
    )


def network(**changes):
    return physics(
        {"kind": "DenseNetwork", "data": "digits", "hidden": 3},
        {"kind": "SGD", "learning_rate": 0.1, "batch": 8},
        {"kind": "log", "first": 1, "per_decade": 3},
        **changes,
    )


CASES = {"glass": (glass, 2.0, 10.0), "network": (network, 20.0, 60.0)}


@pytest.fixture(params=CASES, ids=str)
def case(request):
    return CASES[request.param]


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        left, right = (getattr(v, "data", v) for v in (a[name], b[name]))
        np.testing.assert_array_equal(left, right, err_msg=name)


def test_measuring_times_and_shapes_are_those_of_the_schedule(case):
    make, _, last = case
    done = simulation.simulate(make(), last)
    times = done.variables["trajectory/time"].data
    assert times[0] == 0 and times[-1] <= last * (1 + 1e-12) and (np.diff(times) > 0).all()
    assert done.variables["trajectory/energy_density"].data.shape == (3, len(times))
    assert np.isfinite(done.variables["trajectory/energy_density"].data).all()
    assert done.finished


def test_an_interrupted_run_has_the_bits_of_an_uninterrupted_one(case, monkeypatch):
    make, _, last = case
    whole = simulation.simulate(make(), last)
    monkeypatch.setattr("spinnet.trajectory.SLICE_SECONDS", 0.0)  # ask after every slice
    state, stops = None, 0
    while True:
        polls = itertools.count()
        part = simulation.simulate(make(), last, state, should_stop=lambda polls=polls: next(polls) >= 3)
        state = part.state
        if part.finished:
            break
        stops += 1
    assert stops >= 2
    same(part.variables, whole.variables)
    same(part.state, whole.state)


def test_an_endpoint_that_is_always_interrupted_still_arrives(case):
    """Whoever stops a task at every poll gets one more measurement each time, and the same bits at the end."""
    make, last, _ = case
    table = make(probes=("energy", "final", "hessian_spectrum"))
    whole = simulation.simulate(table, last)
    state = simulation.simulate({**table, "probes": {"energy": table["probes"]["energy"]}}, last).state
    calls, finished = 0, False
    while not finished:
        part = simulation.simulate(table, last, state, should_stop=lambda: True)
        state, finished = part.state, part.finished
        calls += 1
    assert calls == 6  # two endpoint probes, three replicas
    same(part.variables, whole.variables)
    same(part.state, whole.state)


def test_an_interrupted_endpoint_is_not_used_for_a_longer_run(case):
    make, short, last = case
    table = make(probes=("energy", "final"))
    state = simulation.simulate(table, short).state
    interrupted = simulation.simulate(table, short, state, should_stop=lambda: True)
    assert not interrupted.finished
    same(simulation.simulate(table, last, interrupted.state).variables, simulation.simulate(table, last).variables)


def test_a_longer_run_continues_a_shorter_one_to_the_bit(case):
    make, short, last = case
    whole = simulation.simulate(make(), last)
    first = simulation.simulate(make(), short)
    second = simulation.simulate(make(), last, first.state)
    same(second.variables, whole.variables)
    k = len(first.variables["trajectory/time"].data)
    np.testing.assert_array_equal(
        first.variables["trajectory/energy"].data, whole.variables["trajectory/energy"].data[:, :k]
    )


def test_measuring_never_changes_a_trajectory(case):
    make, _, last = case
    with_probes = simulation.simulate(make(probes=("energy", "gradient_norm", "hessian_spectrum")), last)
    without = simulation.simulate(make(probes=("energy",)), last)
    np.testing.assert_array_equal(
        with_probes.variables["trajectory/energy"].data, without.variables["trajectory/energy"].data
    )


def test_samples_differ_and_repeat(case):
    make, short, _ = case
    one, again, other = (simulation.simulate(make(sample=r), short) for r in (0, 0, 1))
    same(one.variables, again.variables)
    assert not np.array_equal(one.variables["trajectory/energy"].data, other.variables["trajectory/energy"].data)


def test_a_diverged_replica_is_kept_as_data():
    table = network()
    table["landscape"]["activation"] = "relu"  # nothing saturates: the loss overflows
    table["dynamics"]["learning_rate"] = 1e200
    done = simulation.simulate(table, 20.0)
    assert done.finished
    energy = done.variables["trajectory/energy"].data
    assert np.isfinite(energy[:, 0]).all() and not np.isfinite(energy[:, -1]).any()


def test_a_capability_that_is_missing_is_named_before_the_run():
    table = glass()
    table["dynamics"] = network()["dynamics"]
    with pytest.raises(CapabilityError, match="SGD needs SumOfTerms, which SphericalGlass does not offer"):
        simulation.simulate(table, 1.0)


def test_progress_is_reported_between_zero_and_one(case, monkeypatch):
    make, short, _ = case
    monkeypatch.setattr("spinnet.trajectory.SLICE_SECONDS", 0.0)
    seen = []
    simulation.simulate(make(), short, report=seen.append)
    assert seen and all(0 <= fraction <= 1 for fraction in seen) and seen == sorted(seen)


def test_neighbouring_sizes_are_independent():
    """Extreme eigenvalues of p = 2 at n and n + 1 were correlated by .25 when both drew from one stream."""
    from spinnet.landscapes import SphericalGlass

    def extremes(n):
        found = []
        for sample in range(400):
            glass = SphericalGlass(n=n, covariance={2: 1.0}, seed=1, sample=sample)
            found.append(np.linalg.eigvalsh(glass.hessian(np.ones(n)))[[0, -1]])
        return np.array(found)

    small, large = extremes(12), extremes(13)
    for end in range(2):
        correlation = np.corrcoef(small[:, end], large[:, end])[0, 1]
        assert abs(correlation) * np.sqrt(len(small)) < 4


def test_temperatures_share_the_start_and_not_the_noise():
    def at(temperature):
        table = physics(
            {"kind": "SphericalGlass", "n": 24, "covariance": {3: 1.0}},
            {"kind": "Langevin", "temperature": temperature, "step": 0.01},
            {"kind": "linear", "every": 0.05},
        )
        done = simulation.simulate(table, 0.05)
        return done.variables["trajectory/energy"].data[:, 0], done.state["dynamics/keys"]

    (cold, cold_keys), (warm, warm_keys) = at(0.5), at(0.6)
    np.testing.assert_array_equal(cold, warm)
    assert not np.intersect1d(cold_keys, warm_keys).size


def test_what_the_dynamics_tells_is_among_the_results():
    table = physics(
        {"kind": "SphericalGlass", "n": 12, "covariance": {3: 1.0}},
        {"kind": "GeodesicMetropolis", "temperature": 0.7, "warm_up": 20},
        {"kind": "linear", "every": 10},
    )
    done = simulation.simulate(table, 50)
    acceptance = done.variables["dynamics/acceptance"].data
    assert acceptance.shape == (3,) and (acceptance > 0).all() and (acceptance <= 1).all()

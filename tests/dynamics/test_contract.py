"""What every dynamics promises: any splitting gives the same bits, the state is complete, time is stated."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import Crater, DoubleWell, LinearRegression, two_spin_glass

from spinnet import dynamics
from spinnet.dynamics.base import SteppedDynamics
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import require
from spinnet.randomness import counter_keys


def regression():
    rng = np.random.default_rng(5)
    return LinearRegression(rng.standard_normal((40, 3)), rng.standard_normal(40))


def two_spin():
    return two_spin_glass(12, 1)


# One line per case: name of the dynamics, parameters, landscape.
CASES = {
    "flow on the sphere": ("GradientFlow", {"tolerance": 1e-4}, two_spin),
    "flow on flat space": ("GradientFlow", {"tolerance": 1e-3, "per_unit": True}, regression),
    "descent on flat space": ("GradientDescent", {"learning_rate": 0.1, "momentum": 0.5}, regression),
    "descent on the sphere": ("GradientDescent", {"learning_rate": 0.8, "momentum": 0.3}, two_spin),
    "SGD": ("SGD", {"learning_rate": 0.02, "batch": 3, "momentum": 0.9, "drops": [4, 9]}, regression),
    "cooled SGD": ("CooledSGD", {"learning_rate": 0.05, "duration": 17, "batch": 3, "levels": 5}, regression),
    "SGD clipped": ("SGD", {"learning_rate": 0.02, "batch": 3, "momentum": 0.9, "clip": 0.5}, regression),
    "Langevin on the sphere": ("Langevin", {"temperature": 0.5, "step": 0.02}, lambda: two_spin_glass(13, 1)),
    "cooling on the sphere": (
        "Cooling", {"temperature": 1, "duration": 0.2, "step": 0.02}, lambda: two_spin_glass(13, 1)
    ),
    "pairs on the sphere": (
        "PairedLangevin",
        {"temperature": 0.5, "step": 0.02, "waiting_times": [0, 0.1, 0.2], "first": 0.02, "per_decade": 4},
        lambda: two_spin_glass(13, 1),
    ),
    "pairs on flat space, later": (
        "PairedLangevin",
        {"temperature": 0, "step": 0.02, "waiting_times": [0.1, 0.3], "field": 0.1},
        lambda: DoubleWell(3),
    ),
    "Langevin on flat space": ("Langevin", {"temperature": 0.5, "step": 0.02}, lambda: DoubleWell(3)),
}


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-"))
def case(request):
    name, parameters, make = CASES[request.param]
    landscape = make()
    chosen = dynamics.load(name)(**parameters)
    start = landscape.start(4, np.random.default_rng(2))
    return landscape, chosen, chosen.init(landscape, start, counter_keys(1, 4, "noise"))


def equal(a, b):
    return all(np.array_equal(p, q, equal_nan=True) for p, q in zip(a, b, strict=True))


@pytest.mark.parametrize("split", [(1,) * 17, (5, 12), (16, 1), (3, 3, 11)])
def test_any_splitting_gives_the_same_bits(case, split):
    landscape, chosen, state = case
    whole = chosen.advance(landscape, state, 17)
    for n in split:
        state = chosen.advance(landscape, state, n)
    assert equal(whole, state)


def test_a_state_is_plain_arrays_and_complete(case):
    landscape, chosen, state = case
    state = chosen.advance(landscape, state, 6)
    stored = {name: np.array(value) for name, value in state._asdict().items()}
    for value in stored.values():
        value.flags.writeable = False
    assert all(value.dtype != object and value.shape[0] == 4 for value in stored.values())
    fresh = type(chosen)(**{name: getattr(chosen, name) for name in chosen.parameters()})
    resumed = fresh.advance(landscape, chosen.State(**stored), 9)
    assert equal(resumed, chosen.advance(landscape, state, 9))


def test_advancing_leaves_the_given_state_alone(case):
    landscape, chosen, state = case
    before = [np.array(value) for value in state]
    chosen.advance(landscape, state, 3)
    assert equal(before, state)


def test_time_grows_and_the_end_of_a_step_is_its_configuration(case):
    landscape, chosen, state = case
    assert (chosen.time(state) == 0).all()
    np.testing.assert_array_equal(chosen.configuration(landscape, state, np.zeros(4)), state.x)
    state = chosen.advance(landscape, state, 5)
    start, end = chosen.interval(state)
    assert (start < end).all()
    np.testing.assert_allclose(chosen.configuration(landscape, state, end), state.x, rtol=1e-15, atol=1e-15)
    with pytest.raises(ValueError, match="outside the last step"):
        chosen.configuration(landscape, state, end * 1.5)


def test_steps_until_a_time_never_pass_it_by_more_than_the_last(case):
    landscape, chosen, state = case
    target = float(chosen.time(chosen.advance(landscape, state, 10)).min()) * 0.93
    while (chosen.time(state) < target).any():
        state = chosen.advance(landscape, state, chosen.steps_until(state, target))
        assert (chosen.interval(state)[0] < target).all() or chosen.adaptive


def test_measuring_times_are_attainable_and_prefix_stable(case):
    _, chosen, _ = case
    wanted = 0.013 * 10 ** (np.arange(20) / 4)
    times = chosen.attainable(wanted)
    assert (np.diff(times) > 0).all()
    shorter = chosen.attainable(wanted[:9])
    assert (times[: len(shorter)] == shorter).all()
    if isinstance(chosen, SteppedDynamics):
        steps = times / chosen.step_length
        np.testing.assert_allclose(steps, np.rint(steps), atol=1e-9)


def test_a_table_resolves_to_itself(case):
    _, chosen, _ = case
    table = type(chosen).resolve({name: getattr(chosen, name) for name in chosen.parameters()})
    assert type(chosen).resolve(table) == table
    assert chosen.time_unit


def test_flow_time_lays_all_dynamics_on_one_axis():
    # Small steps of descent follow the flow: at equal flow time they are at the same place.
    landscape = regression()
    x, keys = landscape.start(2, np.random.default_rng(0)), counter_keys(1, 2, "noise")
    flow = dynamics.GradientFlow(tolerance=1e-6, per_unit=True)
    descent = dynamics.GradientDescent(learning_rate=1e-4)
    target = 1000 * descent.flow_time(landscape) / flow.flow_time(landscape)
    moved = descent.advance(landscape, descent.init(landscape, x, keys), 1000)
    state = flow.init(landscape, x, keys)
    found = np.full_like(x, np.nan)
    while np.isnan(found).any():
        state = flow.advance(landscape, state, 1)
        start, end = flow.interval(state)
        here = (start < target) & (target <= end)
        found[here] = flow.configuration(landscape, state, np.where(here, target, end))[here]
    np.testing.assert_allclose(moved.x, found, atol=2e-5)


@pytest.mark.parametrize(
    ("name", "table", "fragment"),
    [
        ("GradientFlow", {"tolerence": 1e-3}, "did you mean 'tolerance'"),
        ("GradientFlow", {"tolerance": 0}, "above 0"),
        ("GradientFlow", {"tolerance": 3}, "at most 0.1"),
        ("GradientFlow", {"per_unit": 2}, "per_unit"),
        ("GradientDescent", {}, "learning_rate is missing"),
        ("GradientDescent", {"learning_rate": 0.1, "momentum": 1}, "[0, 1)"),
        ("SGD", {"learning_rate": -1, "batch": 2}, "learning_rate"),
        ("SGD", {"learning_rate": 1, "batch": 0}, "batch"),
        ("SGD", {"learning_rate": 1, "batch": 2, "drops": [5, 5]}, "increase"),
        ("SGD", {"learning_rate": 1, "batch": 2, "drops": 5}, "list"),
        ("SGD", {"learning_rate": 1, "batch": 2, "drop_factor": 2}, "drop_factor"),
        ("Langevin", {"temperature": -0.1}, "temperature"),
        ("Langevin", {"temperature": 1, "step": float("nan")}, "step"),
        ("PairedLangevin", {"temperature": 1}, "waiting_times is missing"),
        ("PairedLangevin", {"temperature": 1, "waiting_times": []}, "list of times"),
        ("PairedLangevin", {"temperature": 1, "waiting_times": [3, 1]}, "increase"),
        ("PairedLangevin", {"temperature": 1, "waiting_times": [0], "field": 0}, "field"),
        ("PairedLangevin", {"temperature": 1, "waiting_times": [0], "feild": 1}, "did you mean 'field'"),
    ],
)
def test_wrong_parameters_are_refused_by_name(name, table, fragment):
    with pytest.raises(InputError) as caught:
        dynamics.load(name).resolve(table, "dynamics")
    assert fragment in str(caught.value) and "dynamics" in str(caught.value) and "\n" not in str(caught.value)


def test_an_unknown_dynamics_is_named_with_the_nearest_one():
    with pytest.raises(InputError, match="did you mean 'Langevin'"):
        dynamics.load("Langevine")


def test_a_landscape_without_terms_is_refused_by_sgd():
    with pytest.raises(CapabilityError, match="SumOfTerms"):
        require("SGD", DoubleWell(), dynamics.SGD.requires)


@pytest.mark.parametrize(
    ("name", "parameters", "steps"),
    [
        ("GradientFlow", {"tolerance": 1e-3}, 400),
        ("GradientDescent", {"learning_rate": 0.2}, 60),
        ("Langevin", {"temperature": 1e-4, "step": 0.1}, 60),
    ],
)
def test_a_diverging_replica_is_flagged_and_the_others_do_not_notice(name, parameters, steps):
    landscape, keys = Crater(2), counter_keys(1, 3, "noise")
    chosen = dynamics.load(name)(**parameters)
    calm = np.array([[0.05, 0.02], [0.01, 0.03], [0.04, -0.05]])
    wild = calm.copy()
    wild[1] = [3.0, 2.0]
    states = [chosen.advance(landscape, chosen.init(landscape, x, keys), steps) for x in (calm, wild)]
    assert states[0].diverged.tolist() == [False, False, False]
    assert states[1].diverged.tolist() == [False, True, False]
    for a in (0, 2):
        assert (states[0].x[a] == states[1].x[a]).all()
    at = chosen.time(states[1])
    found = chosen.configuration(landscape, states[1], at)
    assert np.isfinite(found).all(axis=1).tolist() == [True, False, True]
    later = chosen.advance(landscape, states[1], 7)
    assert later.diverged.tolist() == [False, True, False] and (later.x[0] != states[1].x[0]).any()


def test_sgd_flags_a_learning_rate_that_is_too_large():
    landscape, keys = regression(), counter_keys(1, 2, "noise")
    chosen = dynamics.SGD(learning_rate=50.0, batch=2)
    state = chosen.init(landscape, landscape.start(2, np.random.default_rng(1)), keys)
    assert chosen.advance(landscape, state, 500).diverged.all()

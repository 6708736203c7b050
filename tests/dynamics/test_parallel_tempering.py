"""Parallel tempering: an exact start stays exact at every temperature, round trips, ladders, resumption to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import QuadraticForm

from spinnet import simulation
from spinnet.dynamics.critical_points import find_critical_points
from spinnet.dynamics.markov_moves import TARGET_WALK
from spinnet.dynamics.parallel_tempering import DOWN, NOWHERE, UP, ParallelTempering
from spinnet.dynamics.temperature_ladder import place_temperatures, trial_landscapes
from spinnet.errors import InputError
from spinnet.landscapes import SphericalGlass
from spinnet.probes.replica_overlap import ReplicaOverlapProbe
from spinnet.randomness import counter_keys

LADDER = (0.5, 0.8, 1.4)


def glass(n=4, sample=0):
    return SphericalGlass(n=n, covariance={3: 1.0}, seed=7, sample=sample, dtype="float64")


def begin(dynamics, landscape, x=None, seed=3):
    replicas = dynamics.copies * dynamics.n_temperatures
    x = landscape.start(replicas, np.random.default_rng(seed)) if x is None else x
    return dynamics.init(landscape, x, counter_keys(seed, replicas, "noise"))


def same(a, b):
    return all(np.array_equal(p, q, equal_nan=True) for p, q in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def exact():
    """Boltzmann samples at each temperature, by rejection from the uniform law: (copies·3, 4)."""
    landscape, rng, copies, found = glass(), np.random.default_rng(0), 6000, []
    lowest = find_critical_points(landscape, rng).energy[0] - 1e-6
    for temperature in LADDER:
        kept = np.empty((0, 4))
        while len(kept) < copies:
            x = landscape.space.sample(100_000, rng)
            accepted = rng.random(len(x)) < np.exp((lowest - landscape.energy(x)) / temperature)
            kept = np.concatenate([kept, x[accepted]])
        found.append(kept[:copies])
    return landscape, np.stack(found, axis=1).reshape(-1, 4)


def change_z(landscape, before, after):
    """z-scores of the changes of the energy, its square and each coordinate, at each temperature: (3, 6)."""
    a, b = landscape.energy(before), landscape.energy(after)
    change = np.column_stack([b - a, b**2 - a**2, after - before]).reshape(-1, len(LADDER), 6)
    return change.mean(axis=0) / (change.std(axis=0) / np.sqrt(len(change)))


def test_an_exact_start_stays_exact_at_every_temperature(exact):
    landscape, x = exact
    dynamics = ParallelTempering(LADDER, copies=len(x) // 3, warm_up=1)
    state = dynamics.advance(landscape, begin(dynamics, landscape, x), 8)
    assert (state.exchanged.reshape(-1, 3).sum(axis=0)[:2] > 1000).all()
    assert np.abs(change_z(landscape, x, state.x)).max() < 4
    np.testing.assert_allclose(state.energy, landscape.energy(state.x), atol=1e-11)


class AlwaysExchanging(ParallelTempering):
    """Deliberately wrong: neighbours are exchanged whatever their energies."""

    def _step(self, landscape, state):
        state = super()._step(landscape, state)
        cold, hot = self._pairs(0)
        order = np.arange(len(state.x))
        order[cold], order[hot] = hot, cold
        return state._replace(x=state.x[order], energy=state.energy[order])


def test_exchange_without_regard_to_energy_fails(exact):
    landscape, x = exact
    dynamics = AlwaysExchanging(LADDER, copies=len(x) // 3, warm_up=1)
    state = dynamics.advance(landscape, begin(dynamics, landscape, x), 1)
    assert np.abs(change_z(landscape, x, state.x)).max() > 6


def test_the_measured_exchange_rate_is_the_mean_probability():
    landscape = glass(12)
    dynamics = ParallelTempering(LADDER, copies=3, warm_up=250)
    state = dynamics.advance(landscape, begin(dynamics, landscape), 650)
    levels = np.arange(9).reshape(3, 3)
    tried, made = (values[levels].sum(axis=0) for values in (state.exchanges, state.exchanged))
    assert tried.tolist() == [600, 600, 0]
    mean = state.exchange_probability[levels].sum(axis=0)[:2] / 600
    assert np.abs(made[:2] / 600 - mean).max() < 4 * 0.5 / np.sqrt(600)
    shown = dynamics.variables(state)
    assert np.isnan(shown["exchange_acceptance"].data[2::3]).all()
    assert abs(shown["acceptance"].data.mean() - TARGET_WALK) < 0.08
    assert (shown["temperature"].data.reshape(3, 3) == LADDER).all()


def test_walkers_are_exchanged_never_lost_and_headings_follow_the_ends():
    landscape = glass(8)
    dynamics = ParallelTempering(LADDER, copies=2, warm_up=5)
    state, heading, trips = begin(dynamics, landscape), np.zeros(6), np.zeros(6)
    for step in range(200):
        state = dynamics.advance(landscape, state, 1)
        for copy in range(2):
            walkers = state.walker[3 * copy : 3 * copy + 3]
            assert sorted(walkers) == list(range(3 * copy, 3 * copy + 3))
            if step >= 5:
                hottest, coldest = walkers[2], walkers[0]
                trips[hottest] += heading[hottest] == UP
                heading[hottest] = DOWN
                heading[coldest] = UP if heading[coldest] != NOWHERE else NOWHERE
    np.testing.assert_array_equal(state.heading, heading)
    np.testing.assert_array_equal(state.round_trips, trips)
    assert trips.min() >= 5


def test_without_energy_differences_every_exchange_is_made_and_trips_take_the_shortest_time():
    # Alternating pairs carry a walker straight through the ladder: 2 × levels steps there and back.
    flat = QuadraticForm(np.zeros((5, 5)))
    dynamics = ParallelTempering((1.0, 1.5, 2.0, 2.5), copies=2, warm_up=1)
    state = dynamics.advance(flat, begin(dynamics, flat), 1 + 80)
    shown = dynamics.variables(state)
    assert (shown["exchange_acceptance"].data.reshape(2, 4)[:, :3] == 1).all()
    assert np.all(shown["round_trips"].data >= 80 / 8 - 2) and np.all(shown["round_trip_time"].data <= 11)


@pytest.mark.parametrize("leapfrog", [0, 2])
def test_a_run_resumed_anywhere_gives_the_same_bits(leapfrog):
    landscape = glass(9)
    dynamics = ParallelTempering(LADDER, copies=2, moves=3, leapfrog=leapfrog, warm_up=6)
    start = begin(dynamics, landscape)
    whole, state = dynamics.advance(landscape, start, 20), start
    for n in (1, 4, 2, 13):
        stored = {name: np.array(value) for name, value in state._asdict().items()}
        for value in stored.values():
            value.flags.writeable = False
            assert value.shape[0] == 6 and value.dtype != object
        fresh = ParallelTempering(**{name: getattr(dynamics, name) for name in dynamics.parameters()})
        state = fresh.advance(landscape, fresh.State(**stored), n)
    assert same(whole, state) and (start.steps == 0).all()


def test_proposals_are_fixed_after_the_warm_up_and_equal_in_all_copies():
    landscape = glass(10)
    dynamics = ParallelTempering(LADDER, copies=3, warm_up=30)
    state = dynamics.advance(landscape, begin(dynamics, landscape), 30)
    assert (state.step.reshape(3, 3) == state.step[:3]).all() and (np.diff(state.step[:3]) > 0).all()
    assert (state.moves == 0).all() and (state.exchanges == 0).all()
    np.testing.assert_array_equal(dynamics.advance(landscape, state, 25).step, state.step)


@pytest.fixture(scope="module")
def ladder():
    trials = trial_landscapes(glass(12))
    return trials, place_temperatures(trials, 0.4, 2.0, levels=5, moves=2)


def test_a_placed_ladder_has_equal_rejection_which_a_geometric_one_has_not(ladder):
    trials, placed = ladder
    assert placed.temperatures[0] == 0.4 and placed.temperatures[-1] == 2.0 and (np.diff(placed.temperatures) > 0).all()
    geometric = place_temperatures(trials, 0.4, 2.0, levels=5, moves=2, steps=640, rounds=1)
    np.testing.assert_allclose(geometric.temperatures, np.geomspace(0.4, 2.0, 5))
    assert np.ptp(placed.exchange_acceptance) < 0.12 < np.ptp(geometric.exchange_acceptance)
    assert placed.barrier == pytest.approx(np.sum(1 - placed.exchange_acceptance))


def test_the_number_of_levels_gives_the_wanted_acceptance():
    placed = place_temperatures(trial_landscapes(glass(12)), 0.4, 2.0, acceptance=0.6, moves=2)
    assert abs(placed.exchange_acceptance.mean() - 0.6) < 0.12


def test_a_ladder_does_not_depend_on_the_couplings_it_is_used_on():
    used, other = trial_landscapes(glass(6, 0)), trial_landscapes(glass(6, 5))
    assert [trial.sample for trial in used] == [trial.sample for trial in other]
    dynamics = ParallelTempering((0.5, 1.5), copies=2, levels=3)
    states = [begin(dynamics, glass(6, sample)) for sample in (0, 5)]
    np.testing.assert_array_equal(states[0].temperature, states[1].temperature)
    assert states[0].temperature.tolist() == states[0].temperature[:3].tolist() * 2
    assert 0.5 < states[0].temperature[1] < 1.5


def test_overlaps_are_those_of_neighbouring_copies():
    landscape = glass(6)
    x = landscape.start(6, np.random.default_rng(0))
    q = ReplicaOverlapProbe(copies=2).measure(landscape, x)["overlap"].data
    np.testing.assert_allclose(q, [x[k] @ x[(k + 3) % 6] / 6 for k in range(6)])
    q = ReplicaOverlapProbe(copies=3).measure(landscape, x)["overlap"].data
    np.testing.assert_allclose(q, [x[k] @ x[(k + 2) % 6] / 6 for k in range(6)])
    with pytest.raises(InputError, match="divisor"):
        ReplicaOverlapProbe(copies=4).measure(landscape, x)


def test_a_replica_that_is_nowhere_is_flagged_and_stays_where_it_is():
    landscape = glass(6)
    dynamics = ParallelTempering(LADDER, copies=2, warm_up=3)
    x = landscape.start(6, np.random.default_rng(0))
    x[1] = np.nan
    state = dynamics.advance(landscape, begin(dynamics, landscape, x), 20)
    assert state.diverged.tolist() == [False, True, False, False, False, False]
    assert np.isfinite(state.x[[0, 2, 3, 4, 5]]).all()


@pytest.mark.parametrize(
    ("table", "fragment"),
    [
        ({"temperatures": [0.5]}, "two or more"),
        ({"temperatures": [0.5, 0.4]}, "increase"),
        ({"temperatures": [0.0, 0.4]}, "above 0"),
        ({"temperatures": [0.5, 0.6, 0.7], "levels": 4}, "levels"),
        ({"temperatures": [0.5, 0.6], "levels": 1}, "levels"),
        ({"temperatures": [0.5, 0.6], "moves": 0}, "moves"),
        ({"temperatures": [0.5, 0.6], "copys": 2}, "did you mean 'copies'"),
        ({}, "temperatures is missing"),
    ],
)
def test_wrong_parameters_are_refused_by_name(table, fragment):
    with pytest.raises(InputError) as caught:
        ParallelTempering.resolve(table, "dynamics")
    assert fragment in str(caught.value) and "\n" not in str(caught.value)


def test_a_wrong_number_of_replicas_names_the_right_one():
    dynamics, landscape = ParallelTempering(LADDER, copies=2), glass()
    with pytest.raises(InputError, match="replicas = 6"):
        dynamics.init(landscape, landscape.start(4, np.random.default_rng(0)), counter_keys(1, 4, "noise"))


def task(levels=0):
    """The physics table of a campaign's task."""
    ladder = list(LADDER) if not levels else [LADDER[0], LADDER[-1]]
    return {
        "landscape": {"kind": "SphericalGlass", **SphericalGlass.resolve({"n": 8})},
        "dynamics": {
            "kind": "ParallelTempering",
            **ParallelTempering.resolve({"temperatures": ladder, "levels": levels, "warm_up": 7, "leapfrog": 2}),
        },
        "schedule": {"kind": "linear", "every": 4},
        "probes": {"energy": {}, "replica_overlap": {"copies": 2}},
        "replicas": 6, "sample": 1, "seed": 1,
    }  # fmt: skip


@pytest.mark.parametrize("levels", [0, 3])
def test_a_campaign_task_stopped_mid_ladder_and_resumed_gives_the_same_bits(levels, monkeypatch):
    whole = simulation.simulate(task(levels), 40.0)
    assert whole.variables["trajectory/energy_density"].data.shape == (6, 11)
    np.testing.assert_array_equal(
        whole.variables["trajectory/overlap"].data[:3], whole.variables["trajectory/overlap"].data[3:]
    )
    monkeypatch.setattr(simulation, "SLICE_SECONDS", 0.0)
    state, stops = None, 0
    while True:
        part = simulation.simulate(task(levels), 40.0, state, should_stop=lambda: True)
        if part.finished:
            break
        state, stops = part.state, stops + 1
    assert stops > 5
    for name, variable in whole.variables.items():
        np.testing.assert_array_equal(variable.data, part.variables[name].data, err_msg=name)
    for name, array in whole.state.items():
        np.testing.assert_array_equal(array, part.state[name], err_msg=name)
    # Rows are places of the ladder: the measured energies are those of the temperatures, whoever sits there.
    assert (np.diff(whole.state["dynamics/temperature"].reshape(2, 3)) > 0).all()

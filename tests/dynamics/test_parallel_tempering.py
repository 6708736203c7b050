"""Parallel tempering: an exact start stays exact at every temperature, round trips, ladders, resumption to the bit."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import QuadraticForm

from spinnet import simulation
from spinnet.dynamics.critical_points import find_critical_points
from spinnet.dynamics.exchange_ladder import DOWN, NOWHERE, UP, alternating_pairs
from spinnet.dynamics.markov_moves import TARGET_WALK
from spinnet.dynamics.parallel_tempering import ParallelTempering
from spinnet.dynamics.temperature_ladder import PLACEMENT_STEPS, place_temperatures, trial_at, trial_landscapes
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

    def _step(self, landscape, state, number, warm_up):
        state = super()._step(landscape, state, number, warm_up)
        cold, hot = alternating_pairs(3, self.copies, 0)
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
    levels = np.arange(9).reshape(3, 3)  # copy, level
    tried, made = (values[levels].sum(axis=0) for values in (state.exchanges, state.exchanged))
    assert tried.tolist() == [600, 600, 0]
    mean = state.exchange_probability[levels].sum(axis=0)[:2] / 600
    assert np.abs(made[:2] / 600 - mean).max() < 4 * 0.5 / np.sqrt(600)
    shown = dynamics.variables(state)
    assert np.isnan(shown["exchange_acceptance"].data[2]).all()
    np.testing.assert_array_equal(shown["exchange_acceptance"].data[:2].sum(axis=1), made[:2] / 200)
    assert abs(shown["acceptance"].data.mean() - TARGET_WALK) < 0.08
    assert shown["temperature"].data.tolist() == list(LADDER)


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
    assert (shown["exchange_acceptance"].data[:3] == 1).all() and shown["round_trips"].data.shape == (2,)
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


def test_a_ladder_does_not_depend_on_the_couplings_it_is_used_on_and_the_chains_begin_where_they_were_put():
    used, other = trial_landscapes(glass(6, 0)), trial_landscapes(glass(6, 5))
    assert [trial.sample for trial in used] == [trial.sample for trial in other]
    ladders = []
    for sample in (0, 5):
        dynamics = ParallelTempering((0.5, 1.5), copies=2, levels=4, warm_up=5)
        landscape = glass(6, sample)
        start = begin(dynamics, landscape)
        state = dynamics.advance(landscape, start, PLACEMENT_STEPS)
        np.testing.assert_array_equal(state.x, start.x)
        np.testing.assert_array_equal(state.energy, landscape.energy(start.x))
        np.testing.assert_array_equal(state.keys, start.keys)
        assert (state.overlap_counts == 0).all() and (state.moves == 0).all() and state.start.size == 0
        ladders.append(state.temperature)
    np.testing.assert_array_equal(*ladders)
    assert ladders[0].tolist() == ladders[0][:4].tolist() * 2 and (np.diff(ladders[0][:4]) > 0).all()
    assert ladders[0][0] == 0.5 and ladders[0][3] == 1.5
    # Placed between the ends by what was measured, as the function does that is called without a run.
    alone = place_temperatures(used, 0.5, 1.5, levels=4)
    np.testing.assert_allclose(ladders[0][:4], alone.temperatures, rtol=0.08)
    assert not np.allclose(ladders[0][:4], np.geomspace(0.5, 1.5, 4), rtol=0.01)


def test_the_trial_runs_follow_one_another_without_a_gap():
    trials = [trial_at(step) for step in range(PLACEMENT_STEPS)]
    assert [t.step for t in trials[:40]] == list(range(40)) and trials[40].number == 1 and trials[80].length == 80
    assert sum(t.ends_round for t in trials) == 5 and [t.is_last for t in trials].index(True) == PLACEMENT_STEPS - 1


def measured(dynamics, landscape, steps, chunk):
    """Energies and overlaps of all steps, beside the state that advanced in chunks."""
    state, energy, overlap = begin(dynamics, landscape), [], []
    fine = state
    for _ in range(steps):
        fine = dynamics.advance(landscape, fine, 1)
        energy.append(fine.energy)
        overlap.append(landscape.space.overlap(fine.x, np.roll(fine.x, -dynamics.n_temperatures, axis=0)))
    for _ in range(steps // chunk):
        state = dynamics.advance(landscape, state, chunk)
    assert same(fine, state)
    return state, np.array(energy), np.array(overlap)


def test_moments_are_those_of_the_steps_of_each_block_and_blocks_double():
    landscape = glass(7)
    dynamics = ParallelTempering(LADDER, copies=2, warm_up=4, bins=20)
    state, energy, overlap = measured(dynamics, landscape, 40, 8)
    shown = {name: variable.data for name, variable in dynamics.variables(state).items()}
    assert shown["block"].tolist() == [4, 8, 16, 32] and shown["block_steps"].tolist() == [4, 8, 16, 8]
    for k, rows in enumerate((slice(4, 8), slice(8, 16), slice(16, 32), slice(32, 40))):
        e, q = (v[rows].reshape(-1, 2, 3).transpose(0, 2, 1) for v in (energy, overlap))  # step, level, copy
        np.testing.assert_allclose(shown["energy"][..., k], e.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(shown["energy_squared"][..., k], (e**2).mean(axis=0), rtol=1e-12)
        for power in range(1, 7):
            np.testing.assert_allclose(
                shown["overlap_moment"][:, 0, k, power - 1], (q[..., 0] ** power).mean(axis=0), rtol=1e-9, atol=1e-14
            )
        for level in range(3):
            counts, edges = np.histogram(q[:, level, 0], bins=20, range=(-1, 1))
            np.testing.assert_array_equal(shown["overlap_histogram"][level, 0, k], counts)
    np.testing.assert_allclose(shown["overlap_edge"], edges)


def test_a_longer_run_adds_blocks_and_keeps_the_complete_ones():
    landscape = glass(6)
    dynamics = ParallelTempering(LADDER, copies=3, warm_up=4)
    short = dynamics.advance(landscape, begin(dynamics, landscape), 16)
    long = dynamics.advance(landscape, short, 30)
    a, b = dynamics.variables(short), dynamics.variables(long)
    assert a["block_steps"].data.tolist() == [4, 8] and b["block_steps"].data.tolist() == [4, 8, 16, 14]
    for name in ("energy", "energy_squared", "overlap_moment", "overlap_histogram"):
        axis = a[name].dims.index("block")
        np.testing.assert_array_equal(a[name].data, np.take(b[name].data, [0, 1], axis))
    assert b["overlap_histogram"].data.shape[:3] == (3, 3, 4)
    assert (b["overlap_histogram"].data.sum(axis=-1) == [4, 8, 16, 14]).all()


def test_before_the_end_of_the_warm_up_there_is_one_block_without_numbers():
    landscape = glass(6)
    dynamics = ParallelTempering(LADDER, copies=1, warm_up=9)
    shown = dynamics.variables(dynamics.advance(landscape, begin(dynamics, landscape), 5))
    assert shown["block_steps"].data.tolist() == [0] and np.isnan(shown["energy"].data).all()
    assert "overlap_histogram" not in shown


def test_probes_are_refused_by_name():
    with pytest.raises(InputError, match=r"probes\.hessian_spectrum: ParallelTempering takes no probe"):
        ParallelTempering.check_probes(["hessian_spectrum"])
    ParallelTempering.check_probes([])


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
        "schedule": {"kind": "linear", "every": 4 if not levels else 1250},
        "probes": {},
        "replicas": 6, "sample": 1, "seed": 1,
    }  # fmt: skip


@pytest.mark.parametrize("levels", [0, 3])
def test_a_campaign_task_stopped_mid_ladder_and_resumed_gives_the_same_bits(levels, monkeypatch):
    last = 40.0 if not levels else 2500.0
    whole = simulation.simulate(task(levels), last)
    assert whole.variables["dynamics/energy"].dims == ("level", "copy", "block")
    monkeypatch.setattr("spinnet.trajectory.SLICE_SECONDS", 0.02 if levels else 0.0)
    state, stops = None, 0
    while True:
        told = []
        part = simulation.simulate(task(levels), last, state, should_stop=lambda: True, report=told.append)
        if part.finished:
            break
        state, stops = part.state, stops + 1
        assert 0 < told[-1] < 1
    assert stops > 5
    for name, variable in whole.variables.items():
        np.testing.assert_array_equal(variable.data, part.variables[name].data, err_msg=name)
    for name, array in whole.state.items():
        np.testing.assert_array_equal(array, part.state[name], err_msg=name)
    # Rows are places of the ladder: the measured energies are those of the temperatures, whoever sits there.
    assert (np.diff(whole.state["dynamics/temperature"].reshape(2, 3)) > 0).all()


def test_runs_that_would_measure_nothing_are_refused_beforehand():
    dynamics = ParallelTempering(LADDER, copies=2, warm_up=9)
    dynamics.check_run(10.0, 6)
    with pytest.raises(InputError, match="warm-up"):
        dynamics.check_run(9.0, 6)
    with pytest.raises(InputError, match="replicas = 6"):
        dynamics.check_run(10.0, 5)
    with pytest.raises(InputError, match=f"placement of temperatures .{PLACEMENT_STEPS}"):
        ParallelTempering((0.5, 1.5), copies=2, levels=3, warm_up=9).check_run(PLACEMENT_STEPS + 9.0, 6)

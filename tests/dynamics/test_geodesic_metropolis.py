"""Metropolis along geodesics: an exact start stays exact, averages are those of quadrature, trajectories reverse."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import HarmonicWell, QuadraticForm

from spinnet.dynamics.critical_points import find_critical_points
from spinnet.dynamics.geodesic_metropolis import GeodesicMetropolis
from spinnet.dynamics.langevin import Langevin
from spinnet.dynamics.markov_moves import TARGET_LEAPFROG, TARGET_WALK, move_noise, place_walkers, travel, walk
from spinnet.errors import InputError
from spinnet.landscapes import SphericalGlass
from spinnet.randomness import counter_keys
from spinnet.spaces import Euclidean, Sphere

TEMPERATURE = 0.7


def glass(n=4, sample=0, p=3):
    return SphericalGlass(n=n, covariance={p: 1.0}, seed=7, sample=sample, dtype="float64")


def exact_samples(landscape, temperature, count, rng):
    """Boltzmann samples by rejection from the uniform law, with the lowest energy from a search of all minima."""
    lowest = find_critical_points(landscape, rng).energy[0] - 1e-6
    kept = []
    while sum(map(len, kept)) < count:
        x = landscape.space.sample(50_000, rng)
        kept.append(x[rng.random(len(x)) < np.exp((lowest - landscape.energy(x)) / temperature)])
    return np.concatenate(kept)[:count]


@pytest.fixture(scope="module")
def exact():
    landscape = glass()
    return landscape, exact_samples(landscape, TEMPERATURE, 20_000, np.random.default_rng(0))


def change_z(landscape, before, after):
    """z-scores of the change of the energy, its square, and the squares of the coordinates."""
    a, b = landscape.energy(before), landscape.energy(after)
    differences = np.column_stack([b - a, b**2 - a**2, after**2 - before**2, after - before])
    differences = differences[:, differences.std(axis=0) > 0]
    return differences.mean(axis=0) / (differences.std(axis=0) / np.sqrt(len(differences)))


def run(dynamics, landscape, x, steps, seed=3):
    return dynamics.advance(landscape, dynamics.init(landscape, x, counter_keys(seed, len(x), "noise")), steps)


@pytest.mark.parametrize("parameters", [{"step": 0.7}, {"step": 0.35, "leapfrog": 3}], ids=["walk", "leapfrog"])
def test_an_exact_start_stays_exact_at_any_step(exact, parameters):
    landscape, x = exact
    dynamics = GeodesicMetropolis(TEMPERATURE, warm_up=0, **parameters)
    state = run(dynamics, landscape, x, 15)
    assert 0.1 < dynamics.acceptance(state).mean() < 0.97
    assert np.abs(change_z(landscape, x, state.x)).max() < 4
    np.testing.assert_allclose(state.energy, landscape.energy(state.x), atol=1e-11)


def test_wrong_kernels_fail(exact):
    landscape, x = exact
    # Deliberately wrong: another temperature, and a proposal that is not isotropic about x.
    state = run(GeodesicMetropolis(1.1 * TEMPERATURE, step=0.7, warm_up=0), landscape, x, 15)
    assert np.abs(change_z(landscape, x, state.x)).max() > 6
    keys, at = counter_keys(3, len(x), "noise"), place_walkers(landscape, x, False)
    hot, step = np.full(len(x), TEMPERATURE), np.full(len(x), 0.7)
    for move in range(15):
        normal, uniform, _ = move_noise(keys, move, 4)
        at, _ = walk(landscape, at, hot, step, normal * np.array([2.5, 1.0, 1.0, 0.3]), uniform)
    assert np.abs(change_z(landscape, x, at.x)).max() > 6


def test_the_langevin_step_error_is_seen_where_metropolis_has_none(exact):
    landscape, x = exact
    assert np.abs(change_z(landscape, x, run(Langevin(TEMPERATURE, 0.1), landscape, x, 40).x)).max() > 6


def circle_average(landscape, temperature):
    angle = np.linspace(0.0, 2.0 * np.pi, 2001)[:-1]
    energy = landscape.energy(np.sqrt(2.0) * np.column_stack([np.cos(angle), np.sin(angle)]))
    weight = np.exp((energy.min() - energy) / temperature)
    return (weight * energy).sum() / weight.sum()


def test_the_mean_energy_on_the_circle_is_that_of_quadrature():
    landscape, temperature, copies = glass(2, 1), 0.4, 400
    dynamics = GeodesicMetropolis(temperature, warm_up=150)
    state = run(dynamics, landscape, landscape.start(copies, np.random.default_rng(0)), 200)
    energies = []
    for _ in range(60):
        state = dynamics.advance(landscape, state, 3)
        energies.append(state.energy)
    mean = np.mean(energies, axis=0)
    assert abs(mean.mean() - circle_average(landscape, temperature)) < 4 * mean.std() / np.sqrt(copies)
    assert abs(mean.mean() - circle_average(landscape, 1.15 * temperature)) > 4 * mean.std() / np.sqrt(copies)


def test_flat_space_has_equipartition():
    well = HarmonicWell((1.0, 5.0))
    for leapfrog in (0, 4):
        dynamics = GeodesicMetropolis(0.5, warm_up=150, leapfrog=leapfrog)
        state = run(dynamics, well, np.zeros((4000, 2)), 300)
        square = state.x**2 * np.array([1.0, 5.0]) / 0.5
        assert (np.abs(square.mean(axis=0) - 1) < 4 * square.std(axis=0) / np.sqrt(4000)).all()


@pytest.mark.parametrize(("leapfrog", "target"), [(0, TARGET_WALK), (5, TARGET_LEAPFROG)])
def test_the_step_is_tuned_in_the_warm_up_and_fixed_afterwards(leapfrog, target):
    landscape = glass(24)
    dynamics = GeodesicMetropolis(0.7, warm_up=300, leapfrog=leapfrog)
    state = run(dynamics, landscape, landscape.start(8, np.random.default_rng(0)), 300)
    assert np.isnan(dynamics.acceptance(state)).all()
    later = dynamics.advance(landscape, state, 200)
    np.testing.assert_array_equal(later.step, state.step)
    assert abs(dynamics.acceptance(later).mean() - target) < 0.08


def leapfrog_error(step, seconds=0.8):
    """Largest energy error of trajectories of the 3-spin glass, and the end with reversed velocity."""
    landscape, rng = glass(20), np.random.default_rng(0)
    space, x = landscape.space, landscape.start(8, rng)
    v = space.project(x, rng.standard_normal(x.shape))
    begin, time = (x, v), np.full(8, step)

    def kick(x, v):
        return v - 0.5 * step * landscape.riemannian_gradient(x)

    def total(x, v):
        return landscape.energy(x) + 0.5 * (v**2).sum(axis=1)

    def follow(x, v):
        for _ in range(round(seconds / step)):
            x, v = travel(space, x, kick(x, v), time)
            v = kick(x, v)
        return x, v

    x, v = follow(x, v)
    back = follow(x, -v)
    missed = max(np.abs(back[0] - begin[0]).max(), np.abs(back[1] + begin[1]).max())
    return np.abs(total(x, v) - total(*begin)).max(), missed


def test_trajectories_are_reversible_with_an_energy_error_of_second_order():
    errors = [leapfrog_error(step) for step in (0.04, 0.02, 0.01)]
    ratios = [errors[0][0] / errors[1][0], errors[1][0] / errors[2][0]]
    np.testing.assert_allclose(ratios, 4.0, atol=0.15)
    assert max(back for _, back in errors) < 1e-11


def test_geodesics_keep_norm_and_speed():
    rng = np.random.default_rng(0)
    for space in (Sphere(5), Euclidean(5)):
        x = space.retract(rng.standard_normal((6, 5)))
        v = space.project(x, rng.standard_normal((6, 5)))
        time = rng.random(6) * 4
        end, turned = travel(space, x, v, time)
        np.testing.assert_allclose((turned**2).sum(axis=1), (v**2).sum(axis=1), rtol=1e-12)
        np.testing.assert_allclose(space.retract(end), end, rtol=1e-14)
        home, back = travel(space, end, -turned, time)
        np.testing.assert_allclose(home, x, atol=1e-12)
        np.testing.assert_allclose(back, -v, atol=1e-12)


def test_small_steps_diffuse_as_langevin_does_in_the_stated_time():
    n, step, steps = 5, 0.05, 200
    flat = QuadraticForm(np.zeros((n, n)))
    x = flat.start(20_000, np.random.default_rng(0))
    dynamics = GeodesicMetropolis(0.7, step=step, warm_up=0)
    state = run(dynamics, flat, x, steps)
    overlap = flat.space.overlap(state.x, x)
    expected = np.exp(-0.7 * (1 - 1 / n) * steps * dynamics.flow_time(flat))
    assert abs(overlap.mean() - expected) < 4 * overlap.std() / np.sqrt(len(x))


@pytest.mark.parametrize("leapfrog", [0, 3])
def test_any_splitting_gives_the_same_bits(leapfrog):
    landscape = glass(9)
    dynamics = GeodesicMetropolis(0.6, warm_up=8, leapfrog=leapfrog)
    start = dynamics.init(landscape, landscape.start(5, np.random.default_rng(1)), counter_keys(1, 5, "noise"))
    whole, state = dynamics.advance(landscape, start, 20), start
    for n in (3, 1, 9, 7):
        stored = {name: np.array(value) for name, value in state._asdict().items()}
        for value in stored.values():
            value.flags.writeable = False
        state = dynamics.advance(landscape, dynamics.State(**stored), n)
    for a, b in zip(whole, state, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (start.steps == 0).all()


def test_the_norm_is_kept_to_machine_precision():
    landscape = glass(7)
    for leapfrog in (0, 2):
        state = run(GeodesicMetropolis(0.8, step=0.2, leapfrog=leapfrog), landscape, np.ones((3, 7)), 500)
        assert np.abs((state.x**2).sum(axis=1) / 7 - 1).max() < 1e-14


def test_a_replica_that_is_nowhere_is_flagged_and_the_others_do_not_notice():
    landscape = glass(6)
    x = landscape.start(3, np.random.default_rng(0))
    lost = x.copy()
    lost[1] = np.nan
    dynamics = GeodesicMetropolis(0.6, step=0.3)
    whole, hurt = run(dynamics, landscape, x, 30), run(dynamics, landscape, lost, 30)
    assert hurt.diverged.tolist() == [False, True, False]
    np.testing.assert_array_equal(whole.x[[0, 2]], hurt.x[[0, 2]])


def test_wrong_parameters_are_refused_by_name():
    wrong = [
        ({"temperature": 0}, "temperature"),
        ({"temperature": 1, "warm_up": 0}, "step"),
        ({"temperature": 1, "step": -1}, "step"),
        ({"temperature": 1, "leapfrog": 0.5}, "leapfrog"),
    ]
    for table, fragment in wrong:
        with pytest.raises(InputError, match=fragment):
            GeodesicMetropolis.resolve(table)
    table = GeodesicMetropolis.resolve({"temperature": 1.0})
    assert GeodesicMetropolis.resolve(table) == table


def test_what_the_chain_tells_of_itself_is_one_number_per_replica():
    landscape = glass(8)
    dynamics = GeodesicMetropolis(0.8, warm_up=40)
    state = run(dynamics, landscape, landscape.start(3, np.random.default_rng(0)), 90)
    shown = dynamics.variables(state)
    np.testing.assert_array_equal(shown["acceptance"].data, state.accepted / 50)
    np.testing.assert_array_equal(shown["proposal_step"].data, state.step)

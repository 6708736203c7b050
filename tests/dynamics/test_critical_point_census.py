"""A census finds every stationary point, says when it has, and never when it cannot know."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, two_spin_glass
from reference.tensor_eigenvectors import eigenvector_pairs, tensor_of

from spinnet.dynamics import CriticalPointCensus, SaddleSearch, load
from spinnet.dynamics.critical_points import find_critical_points, is_odd, topology_is_right
from spinnet.errors import InputError
from spinnet.landscapes import SphericalGlass
from spinnet.randomness import counter_keys


def glass(n=5, p=3, sample=0):
    return SphericalGlass(n=n, covariance={p: 1.0}, seed=41, sample=sample, dtype="float64")


def begin(landscape, replicas=1, seed=0, **parameters):
    census = CriticalPointCensus(**parameters)
    start = landscape.start(replicas, np.random.default_rng(seed))
    return census, census.init(landscape, start, counter_keys(seed, replicas, "noise"))


def finish(landscape, steps=200, **parameters):
    census, state = begin(landscape, **parameters)
    return census, census.advance(landscape, state, steps)


@pytest.mark.parametrize(("n", "sample"), [(2, 0), (3, 0), (3, 1), (4, 0), (4, 1), (5, 0), (5, 1)])
def test_the_points_are_the_real_eigenvectors_of_the_tensor(n, sample):
    landscape = glass(n, sample=sample)
    exact = eigenvector_pairs(tensor_of(landscape), np.random.default_rng(1))
    _, state = finish(landscape)
    assert state.complete[0] and state.found[0] == 2 * len(exact)
    points = state.points[0, : state.found[0]]
    distance = np.linalg.norm(exact[:, None] - points[None], axis=2).min(axis=1)
    assert distance.max() < 1e-6


def test_energies_indices_and_hits_are_those_of_the_points():
    landscape = glass(4)
    census, state = finish(landscape)
    found = find_critical_points(landscape, np.random.default_rng(3), starts=256)
    variables, count = census.variables(state), int(state.found[0])
    np.testing.assert_allclose(variables["point_energy"].data[0, :count], found.energy, atol=1e-8)
    np.testing.assert_array_equal(variables["point_index"].data[0, :count], found.index)
    flatness = np.abs(found.eigenvalues).min(axis=1) / np.abs(found.eigenvalues).max(axis=1)
    np.testing.assert_allclose(variables["point_flatness"].data[0, :count], flatness, atol=1e-6)
    assert np.isnan(variables["point_energy"].data[0, count:]).all()
    assert state.hits.sum() + state.stuck[0] + state.unfinished[0] == state.starts[0]
    np.testing.assert_allclose(landscape.energy(state.x), found.energy[0], atol=1e-9)


def test_any_splitting_gives_the_same_bits_and_a_complete_census_rests():
    landscape = glass(3)
    census, start = begin(landscape, replicas=2, batch=16, least_starts=64)
    whole, state = census.advance(landscape, start, 12), start
    for n in (1, 4, 7):
        state = census.advance(landscape, census.State(*(np.array(field) for field in state)), n)
    for a, b in zip(whole, state, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (start.starts == 0).all() and whole.complete.all() and (whole.steps == 12).all()
    assert (whole.starts >= 4 * whole.last_new).all() and (whole.starts < 12 * 16).any()
    assert (census.time(whole) == 12 * 16).all() and census.time_unit == "starts"
    assert set(whole.found) == {whole.found[0]}  # two censuses of one landscape agree


def test_a_census_cut_short_is_not_complete():
    landscape = glass(5)
    _, state = finish(landscape, steps=2, batch=8)
    assert not state.complete[0] and 0 < state.found[0]
    assert finish(landscape)[1].found[0] > state.found[0]


def test_more_points_than_fit_are_never_complete():
    _, state = finish(glass(4), most_points=6)
    assert state.full[0] and not state.complete[0] and state.found[0] == 6


def test_a_missing_point_or_pair_breaks_the_sum_rules():
    for n in (3, 4, 5):
        landscape = glass(n)
        found = find_critical_points(landscape, np.random.default_rng(0), starts=256)
        assert topology_is_right(landscape, found.index)
        lowest_and_highest = np.delete(found.index, [0, len(found.index) - 1])  # a minimum and its antipode
        assert not topology_is_right(landscape, lowest_and_highest)
        assert not topology_is_right(landscape, found.index[1:])
    # Of an odd energy on a sphere of even n Morse's sum alone is zero whatever pair is missing.
    assert np.where(np.delete(found.index, [0, -1]) % 2 == 0, 1, -1).sum() != 2
    assert is_odd(glass(4)) and not is_odd(glass(4, p=4))


def test_a_two_spin_glass_and_double_wells_are_counted():
    _, state = finish(two_spin_glass(6, 1))
    assert state.complete[0] and state.found[0] == 12
    _, state = finish(DoubleWell(2))
    assert state.complete[0] and state.found[0] == 9


def test_a_start_that_is_nowhere_is_flagged_and_the_others_go_on():
    landscape = glass(3)
    census = CriticalPointCensus(batch=16)
    x = landscape.start(2, np.random.default_rng(0))
    x[0] = np.nan
    state = census.advance(landscape, census.init(landscape, x, counter_keys(0, 2, "noise")), 40)
    assert state.diverged.tolist() == [True, False] and state.complete.tolist() == [False, True]


def test_a_descent_leads_the_search_to_lower_points():
    landscape = SphericalGlass(n=24, covariance={3: 1.0}, seed=41, sample=0, dtype="float64")
    x, keys = landscape.start(8, np.random.default_rng(0)), np.zeros(8, np.uint64)
    energies = []
    for descent in (0.0, 1.0, 30.0):
        search = SaddleSearch(descent=descent)
        state = search.advance(landscape, search.init(landscape, x, keys), 60)
        assert (state.status == 1).sum() >= 3
        energies.append(landscape.energy_density(state.x[state.status == 1]).mean())
    assert energies[0] > energies[1] + 0.1 > energies[2] + 0.2
    assert landscape.energy_density(x).mean() > energies[1]


def test_wrong_parameters_are_refused_by_name():
    assert load("CriticalPointCensus") is CriticalPointCensus
    for parameters, name in (({"margin": 1.5}, "margin"), ({"batch": 0}, "batch"), ({"most_points": 0}, "most_points")):
        with pytest.raises(InputError, match=name):
            CriticalPointCensus(**parameters)
    with pytest.raises(InputError, match="descent"):
        SaddleSearch(descent=-1.0)

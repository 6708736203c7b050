"""Saddles, steepest descents and chains of them, on landscapes whose passes are known by other means."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, HarmonicWell, QuadraticForm
from reference.surfaces import FourGaussians

from spinnet import landscapes, probes
from spinnet.dynamics.critical_points import find_critical_points
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Units
from spinnet.probes.paths import connect, descend_both_sides, nearby_saddle, steepest_descent
from spinnet.spaces import Euclidean

LEFT, MIDDLE, RIGHT = [-0.558, 1.442], [-0.05, 0.467], [0.623, 0.028]


def crawl(landscape, x, step=1e-4, steps=3000):
    """The obvious twin of steepest descents: tiny steps down the gradient."""
    for _ in range(steps):
        x = landscape.space.retract(x - step * landscape.riemannian_gradient(x))
    return x


def flooded(surface, one, other, side=401, box=(-1.6, 1.1, -0.4, 2.0)):
    """The obvious twin of a lowest pass in the plane: water rises over a grid until it joins two points."""
    u, v = np.linspace(box[0], box[1], side), np.linspace(box[2], box[3], side)
    grid = np.stack(np.meshgrid(u, v, indexing="ij"), axis=-1).reshape(-1, 2)
    e = surface.energy(grid)
    order, owner = np.argsort(e), np.full(len(e), -1)

    def root(k):
        while owner[k] != k:
            owner[k] = owner[owner[k]]
            k = owner[k]
        return k

    ends = [int(np.argmin(((grid - x) ** 2).sum(axis=1))) for x in (one, other)]
    for k in order:
        owner[k] = k
        i, j = divmod(int(k), side)
        for a, b in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
            if 0 <= a < side and 0 <= b < side and owner[a * side + b] >= 0:
                owner[root(a * side + b)] = root(k)
        if all(owner[end] >= 0 for end in ends) and root(ends[0]) == root(ends[1]):
            return float(e[k])
    raise AssertionError("never joined")


def test_a_steepest_descent_ends_where_a_crawl_down_the_gradient_does():
    surface = FourGaussians()
    starts = np.array([[-0.2, 1.0], [0.2, 0.6], [-1.2, 1.0], [-0.5, 0.35], [0.1, 0.2]])
    for start, end in zip(starts, crawl(surface, starts), strict=True):
        found = steepest_descent(surface, start)
        assert found.converged and found.lowest > 0 and (np.diff(found.energies) <= 1e-9).all()
        np.testing.assert_allclose(found.x, end, atol=1e-4)


def test_a_descent_keeps_the_force_across_it_as_small_as_it_is_told():
    surface, start = FourGaussians(), np.array([-0.8, 0.9])
    loose, close = (steepest_descent(surface, start, largest_force=force) for force in (100.0, 0.01))
    assert close.force <= 0.01 < loose.force and len(close.path) > len(loose.path)
    np.testing.assert_allclose(close.x, loose.x, atol=1e-8)


def test_on_a_saddle_of_a_plane_the_descent_does_not_end():
    found = steepest_descent(HarmonicWell([1.0, -1.0]), np.array([1.0, 1e-3]), most_steps=20)
    assert not found.converged and np.abs(found.x[1]) > 1.0


def test_a_saddle_is_found_from_the_ridge_and_certified():
    surface = FourGaussians()
    found = nearby_saddle(surface, np.array([-0.7, 0.7]), np.array([1.0, -1.0]))
    assert found.certified and found.index == 1 and found.gradient_norm < 1e-8
    assert found.energy == pytest.approx(-40.66484, abs=1e-5)
    np.testing.assert_allclose(found.x, surface.stationary([-0.822, 0.624]), atol=1e-8)
    one, other = descend_both_sides(surface, found)
    ends = np.array(sorted([one.x, other.x], key=lambda x: x[0]))
    np.testing.assert_allclose(ends, [surface.stationary(LEFT), surface.stationary(MIDDLE)], atol=1e-6)


def test_a_minimum_or_a_saddle_of_index_two_is_not_certified():
    well = nearby_saddle(HarmonicWell([1.0, 2.0]), np.zeros(2), np.array([1.0, 0.0]))
    assert not well.certified and well.index == 0
    hill = nearby_saddle(HarmonicWell([-1.0, -2.0, 1.0]), np.zeros(3), np.array([1.0, 0.0, 0.0]))
    assert not hill.certified and hill.index == 2
    flat = nearby_saddle(HarmonicWell([-1.0, 0.0, 1.0]), np.zeros(3), np.array([1.0, 0.0, 0.0]))
    assert not flat.certified and flat.index == 1


def test_a_chain_over_the_middle_minimum_has_the_height_that_a_flood_finds():
    surface = FourGaussians()
    left, right = surface.stationary(LEFT), surface.stationary(RIGHT)
    found = connect(surface, left, right, images=9, band_steps=40, largest_force=0.1)
    assert found.connected and len(found.saddles) == 2 and len(found.minima) == 3
    np.testing.assert_allclose(found.minima[1], surface.stationary(MIDDLE), atol=1e-6)
    height = found.barrier + max(surface.energy(np.array([left, right])))
    assert height == pytest.approx(surface.energy(surface.stationary([-0.822, 0.624])[None])[0], abs=1e-8)
    flood = flooded(surface, left, right)
    assert height <= flood + 1e-9 and flood - height < 0.1  # a grid of half a per cent sees the pass a little higher
    assert found.index == 1 and found.lowest[0] < 0 < found.lowest[1] and found.force <= 0.1
    np.testing.assert_array_equal(found.path[[0, -1]].round(6), np.array([left, right]).round(6))
    # Between minima and saddles the energy has no other extremes: up, down, up, down.
    turns = np.diff(np.sign(np.diff(found.energies[np.abs(np.diff(found.energies, prepend=np.inf)) > 1e-9])))
    assert (turns != 0).sum() == 3


def test_opposite_corners_of_a_double_well_are_joined_along_its_edges():
    wells = DoubleWell(3)
    path = connect(wells, np.array([1.0, 1.0, 1.0]), np.array([-1.0, -1.0, 0.8]), images=9)
    assert path.connected and path.barrier * 3 == pytest.approx(0.25, abs=1e-9) and len(path.saddles) == 2


def test_on_the_sphere_the_two_poles_of_a_quadratic_form_are_joined_over_the_second_axis():
    form = QuadraticForm(np.diag([-3.0, -1.0, 0.5, 2.0]))
    start, end = np.array([2.0, 0.3, 0.2, 0.1]), np.array([-2.0, 0.4, -0.1, 0.3])
    found = connect(form, *form.space.retract(np.array([start, end])), images=7, band_steps=30)
    # From pole to pole the straight line has no direction: the band starts from a bowed one.
    assert found.connected and found.barrier == pytest.approx(1.0, abs=1e-9) and found.force <= 1e-3
    np.testing.assert_allclose(np.abs(found.saddles), [[0.0, 2.0, 0.0, 0.0]], atol=1e-6)


@pytest.mark.parametrize("n, most", [(5, 5), pytest.param(7, 100, marks=pytest.mark.slow)])
def test_chains_in_a_small_glass_are_those_of_the_complete_list_of_saddles(n, most):
    glass = landscapes.SphericalGlass(n=n, covariance={3: 1.0}, seed=2, dtype="float64")
    census = find_critical_points(glass, np.random.default_rng(0))
    minima, first = census.x[census.index == 0], census.x[census.index == 1]
    # The whole disconnectivity tree: every saddle of index 1, and what it joins.
    joins = []
    for x in first:
        saddle = nearby_saddle(glass, x, np.ones(n))
        sides = descend_both_sides(glass, saddle)
        a, b = (int(np.argmin(np.linalg.norm(minima - side.x, axis=1))) for side in sides)
        joins.append((saddle.energy / n, a, b))
    owner = list(range(len(minima)))
    lowest = {}
    for level, a, b in sorted(joins):
        one, other = owner[a], owner[b]
        if one != other:
            for i in (k for k in range(len(minima)) if owner[k] == one):
                for j in (k for k in range(len(minima)) if owner[k] == other):
                    lowest[min(i, j), max(i, j)] = level
            owner = [one if k == other else k for k in owner]
    energies, met = glass.energy(minima) / n, 0
    for (i, j), level in list(lowest.items())[:most]:
        found = connect(glass, minima[i], minima[j], images=9, band_steps=60)
        if found.connected:
            height = found.barrier + max(energies[i], energies[j])
            assert height >= level - 1e-9 and min(abs(height - one) for one, _, _ in joins) < 1e-9
            met += height < level + 1e-9
    assert lowest and met >= min(most, len(lowest)) / 2


def test_a_wrong_saddle_search_that_only_descends_finds_none():
    surface = FourGaussians()
    assert not nearby_saddle(surface, surface.stationary(LEFT), np.array([0.0, 1.0]), most_steps=1).certified


class Plain(Differentiable):
    space, units = Euclidean(2), Units(1, "coordinate")

    def energy(self, x):
        return 0.0 * x[:, 0]

    def gradient(self, x):
        return 0.0 * x

    def hvp(self, x, v):
        return 0.0 * v


def test_refusals():
    with pytest.raises(InputError, match="no isolated minimum"):
        connect(Plain(), np.zeros(2), np.ones(2))
    with pytest.raises(InputError, match="1000"):
        steepest_descent(HarmonicWell(np.ones(1001)), np.ones(1001))
    with pytest.raises(InputError, match="chain_bands"):
        probes.load("barriers")(chain_bands=-1)


def test_two_networks_are_joined_by_a_chain_of_certified_saddles():
    net = landscapes.DenseNetwork(
        "digits", data_options={"pca": 4, "n_train": 100, "n_test": 10}, hidden=[3], weight_decay=1e-2
    )
    x = net.start(4, np.random.default_rng(7))
    before = x.copy()
    found = probes.load("barriers")(chain_bands=20).measure_block(net, x, x, np.random.default_rng(0))
    np.testing.assert_array_equal(x, before)
    read = {name.partition("/")[2]: variable.data for name, variable in found.items()}
    assert read["chain_connected"].all() and read["chain_index"][0] == 1 and read["chain_second"][0] > 0
    assert (read["chain_gradient_norm"] < 1e-8).all() and (read["chain_force"] <= 1e-3).all()
    assert 0 < read["chain_barrier"][0] < read["chain_line"][0]
    # The second pair ends, but for the symmetries, in one minimum.
    assert read["chain_saddles"][1] == 0 and read["chain_barrier"][1] == 0 == read["chain_index"][1]

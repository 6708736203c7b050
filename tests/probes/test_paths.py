"""Straight paths, slices and elastic bands on landscapes whose saddles are known."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, HarmonicWell, QuadraticForm
from reference.surfaces import FourGaussians

from spinnet import landscapes
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import Energy, Units
from spinnet.probes.paths import (
    barriers,
    energies_along,
    filter_groups,
    filter_normalise,
    minimum_energy_path,
    path_barrier,
    plane_slice,
    straight_path,
    upward_variation,
)  # fmt: skip
from spinnet.spaces import Euclidean


def network(**table):
    options = {"n_train": 40, "n_test": 10, "pca": 5}
    return landscapes.DenseNetwork(**{"data": "digits", "data_options": options, "hidden": [4], **table})


def bent(start, end, images, size, seed=0):
    a = np.linspace(0.0, 1.0, images)[:, None]
    bow = np.random.default_rng(seed).standard_normal(len(start))
    return ((1 - a) * start + a * end + size * np.sin(np.pi * a) * bow)[None]


def test_a_straight_path_has_its_ends_to_the_bit_and_even_steps():
    x = np.random.default_rng(0).standard_normal((2, 3, 4))
    path = straight_path(DoubleWell(4), x[0], x[1], 5)
    assert path.shape == (3, 5, 4) and (path[:, 0] == x[0]).all() and (path[:, -1] == x[1]).all()
    np.testing.assert_allclose(path[:, 2], x.mean(axis=0), rtol=1e-14)


def test_on_the_sphere_the_straight_path_is_a_great_circle():
    glass = landscapes.SphericalGlass(n=7, covariance={3: 1.0}, dtype="float64")
    x = glass.start(2, np.random.default_rng(0))
    path = straight_path(glass, x[0], x[1], 9)[0]
    np.testing.assert_allclose((path**2).sum(axis=1), 7.0, rtol=1e-14)
    assert np.linalg.matrix_rank(path, tol=1e-10) == 2


def test_the_barrier_of_a_double_well_is_known():
    wells = DoubleWell(3)
    found = barriers(wells, np.ones(3), -np.ones(3), points=11)
    assert found.height[0] == found.excess[0] == pytest.approx(0.25, rel=1e-14) and found.position[0] == 0.5


def test_the_excess_is_measured_from_the_line_between_the_ends():
    found = path_barrier(np.array([[2.0, 1.5, 0.0], [0.0, 3.0, 2.0]]))
    np.testing.assert_allclose(found.height, [0.0, 1.0])
    np.testing.assert_allclose(found.excess, [0.5, 2.0])
    assert (path_barrier(np.array([3.0, 1.0])).excess == 0.0).all()


def test_a_convex_energy_has_no_excess_and_a_wrong_sign_would_show():
    well = HarmonicWell([1.0, 3.0])
    x = np.random.default_rng(1).standard_normal((2, 6, 2))
    assert (barriers(well, x[0], x[1]).excess <= 1e-15).all()
    assert (barriers(HarmonicWell([-1.0, -3.0]), x[0], x[1]).excess > 0.0).all()


def test_upward_variation_is_zero_for_a_fall_and_counts_rises():
    energies = np.array([[4.0, 3.0, 1.0], [4.0, 5.0, 2.0], [1.0, 0.0, 2.0]])
    np.testing.assert_allclose(upward_variation(energies)[:2], [0.0, 0.5])
    assert np.isnan(upward_variation(energies)[2])


def test_another_measure_may_be_followed_along_a_path():
    landscape = network()
    x = landscape.start(4, np.random.default_rng(0))
    loss = energies_along(landscape, x[:2], x[2:], 7, landscape.test_loss)
    np.testing.assert_allclose(loss[:, -1], landscape.test_loss(x[2:]), rtol=1e-13)


def test_the_band_finds_the_saddle_of_four_gaussians():
    surface = FourGaussians()
    low, high = surface.stationary([-0.558, 1.442]), surface.stationary([0.623, 0.028])
    saddle = surface.stationary([-0.822, 0.624])
    assert surface.energy(saddle[None])[0] == pytest.approx(-40.66484, abs=1e-5)
    band = minimum_energy_path(surface, low, high, images=15, tolerance=1e-3)
    assert band.converged.all()
    reached = band.barrier[0] + surface.energy(high[None])[0]
    assert reached == pytest.approx(surface.energy(saddle[None])[0], abs=1e-6)
    np.testing.assert_allclose(band.path[0, band.saddle[0]], saddle, atol=1e-4)
    straight = barriers(surface, low, high).height[0]
    assert band.barrier[0] < straight and band.barrier[0] <= band.upper_bound[0] < straight


def test_without_climbing_the_saddle_is_missed():
    surface = FourGaussians()
    low, high = surface.stationary([-0.558, 1.442]), surface.stationary([0.623, 0.028])
    band = minimum_energy_path(surface, low, high, images=9, tolerance=1e-3, climb_after=2001)
    assert not band.converged.any() and abs(band.barrier[0] + surface.energy(high[None])[0] + 40.66484) > 0.1


def test_a_bent_band_relaxes_onto_the_saddle_of_a_double_well():
    end = np.array([-1.0, 1.0, 1.0])
    band = minimum_energy_path(
        DoubleWell(3), np.ones(3), end, images=11, tolerance=1e-5, path=bent(np.ones(3), end, 11, 0.3)
    )
    assert band.converged.all() and band.barrier[0] * 3 == pytest.approx(0.25, abs=1e-6)
    np.testing.assert_allclose(band.path[0, band.saddle[0]], [0.0, 1.0, 1.0], atol=1e-4)


def test_on_the_sphere_the_saddle_of_a_quadratic_form_is_found():
    form = QuadraticForm(np.diag([-3.0, -1.0, 0.5, 2.0]))
    start = np.array([2.0, 0.0, 0.0, 0.0])
    with pytest.raises(InputError, match="opposite"):
        minimum_energy_path(form, start, -start)
    band = minimum_energy_path(form, start, -start, images=11, tolerance=1e-6, path=bent(start, -start, 11, 2.0))
    assert band.converged.all() and band.barrier[0] == pytest.approx(1.0, abs=1e-6)
    np.testing.assert_allclose((band.path**2).sum(axis=2), 4.0, rtol=1e-12)


def test_bands_of_one_block_do_not_touch_each_other():
    wells = DoubleWell(2)
    starts, ends = np.array([[1.0, 1.0], [1.0, 1.0]]), np.array([[-1.0, 1.0], [1.0, -1.0]])
    paths = np.concatenate([bent(starts[k], ends[k], 9, 0.3, seed=k) for k in range(2)])
    block = minimum_energy_path(wells, starts, ends, images=9, most_steps=60, tolerance=1e-12, path=paths)
    alone = minimum_energy_path(wells, starts[1], ends[1], images=9, most_steps=60, tolerance=1e-12, path=paths[1:])
    np.testing.assert_allclose(block.path[1], alone.path[0], atol=1e-12)


def test_a_band_that_ran_out_of_steps_says_so_and_still_bounds_the_barrier():
    surface = FourGaussians()
    low, high = surface.stationary([-0.558, 1.442]), surface.stationary([0.623, 0.028])
    band = minimum_energy_path(surface, low, high, images=15, most_steps=20)
    assert not band.converged.any() and band.steps == 20
    assert band.upper_bound[0] + surface.energy(high[None])[0] >= -40.66485


def test_a_path_without_a_barrier_has_none():
    band = minimum_energy_path(HarmonicWell([1.0, 2.0]), np.zeros(2), np.array([1.0, 0.0]), images=7, tolerance=1e-6)
    assert band.converged.all() and band.barrier[0] == 0.0 and band.saddle[0] == 6


def test_the_configurations_given_stay_and_may_be_read_only():
    landscape = network()
    x = landscape.start(2, np.random.default_rng(0))
    before = x.copy()
    x.flags.writeable = False
    minimum_energy_path(landscape, x[0], x[1], images=5, most_steps=3)
    direction = filter_normalise(np.ones(x.shape[1]), x[0], filter_groups(landscape))
    plane_slice(landscape, x[0], direction, np.linspace(-1, 1, 3))
    energies_along(landscape, x[0], x[1])
    assert (x == before).all()


def test_filters_are_the_incoming_weights_of_each_unit():
    landscape = network()
    groups = filter_groups(landscape)
    assert np.bincount(groups).tolist() == [6] * 4 + [5] * 10
    assert (filter_groups(DoubleWell(3)) == 0).all()


def test_filter_normalised_directions_are_as_long_as_the_filters():
    landscape = network()
    rng = np.random.default_rng(1)
    x = landscape.start(1, rng)[0]
    groups = filter_groups(landscape)
    direction = filter_normalise(rng.standard_normal(len(x)), x, groups)
    for f in range(groups.max() + 1):
        assert np.linalg.norm(direction[groups == f]) == pytest.approx(np.linalg.norm(x[groups == f]), rel=1e-13)
    assert (filter_normalise(np.ones(3), np.ones(3), np.array([0, -1, 0])) == [1.0, 0.0, 1.0]).all()


def test_filter_normalised_slices_do_not_see_the_scale_of_a_relu_layer():
    landscape = network(activation="relu")
    rng = np.random.default_rng(2)
    x, noise = landscape.start(1, rng)[0], rng.standard_normal(landscape.space.n)
    scaled = x.copy()
    (w, b), (after, _) = landscape.unpack(scaled)
    w *= 3.0
    b *= 3.0
    after /= 3.0
    groups, steps = filter_groups(landscape), np.linspace(-1, 1, 5)
    curves = [plane_slice(landscape, y, filter_normalise(noise, y, groups), steps) for y in (x, scaled)]
    raw = [plane_slice(landscape, y, noise, steps) for y in (x, scaled)]
    np.testing.assert_allclose(curves[0][2], curves[1][2], rtol=1e-12)
    # Only where the output biases do not mix in is the whole curve the same.
    still = np.where(groups >= 4, -1, groups)
    curves = [plane_slice(landscape, y, filter_normalise(noise, y, still), steps) for y in (x, scaled)]
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-10)
    assert not np.allclose(raw[0], raw[1], rtol=1e-2)


def test_a_plane_slice_is_the_energy_at_each_point():
    wells = DoubleWell(3)
    x, directions = np.full(3, 0.5), np.eye(3)[:2]
    found = plane_slice(wells, x, directions, np.array([0.0, 1.0]), np.array([-1.0, 0.0, 2.0]))
    assert found.shape == (2, 3)
    assert found[1, 2] == pytest.approx(wells.energy_density(np.array([[1.5, 2.5, 0.5]]))[0], rel=1e-14)


def test_refusals():
    class Flat(Energy):
        space, units = Euclidean(2), Units(1, "coordinate")

        def energy(self, x):
            return np.zeros(len(x))

    wells = DoubleWell(2)
    with pytest.raises(CapabilityError, match="Differentiable"):
        minimum_energy_path(Flat(), np.zeros(2), np.ones(2))
    with pytest.raises(InputError, match="ends"):
        barriers(wells, np.zeros((2, 2)), np.zeros((3, 2)))
    with pytest.raises(InputError, match="images"):
        minimum_energy_path(wells, np.zeros(2), np.ones(2), images=2)
    with pytest.raises(InputError, match="path of shape"):
        minimum_energy_path(wells, np.zeros(2), np.ones(2), images=5, path=np.zeros((1, 4, 2)))
    with pytest.raises(InputError, match="one shape"):
        filter_normalise(np.ones(3), np.ones(4), np.zeros(3, int))
    with pytest.raises(InputError, match="steps"):
        plane_slice(wells, np.zeros(2), np.eye(2), np.zeros(3))

"""Symmetries of a network's weights: what leaves the energy alone, and alignment against the whole group."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet import landscapes
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import require
from spinnet.landscapes.network_symmetries import Symmetric, UnitSymmetry

NETWORKS = {
    "tanh": {"hidden": [3]},
    "erf with decay, two layers": {"hidden": [3, 2], "activation": "erf", "weight_decay": 0.01},
    "relu": {"hidden": [4], "activation": "relu"},
    "relu, two layers": {"hidden": [3, 3], "activation": "relu", "loss": "mse"},
    "relu with decay": {"hidden": [3], "activation": "relu", "weight_decay": 0.1},
}


def network(**table):
    options = {"n_train": 25, "n_test": 5, "pca": 4}
    return landscapes.DenseNetwork(data="digits", data_options=options, sigma_b=0.5, **table)


@pytest.fixture(scope="module", params=NETWORKS)
def case(request):
    landscape = network(**NETWORKS[request.param])
    return landscape, landscape.start(6, np.random.default_rng(3))


def random_element(symmetry, rng):
    return symmetry.random(rng)


def test_every_element_leaves_the_energy_alone(case):
    landscape, x = case
    for element in list(landscape.symmetry.elements())[:200]:
        moved = landscape.symmetry.act(x[0], element)
        assert landscape.energy(moved[None])[0] == pytest.approx(landscape.energy(x[:1])[0], rel=1e-13)


def test_the_order_counts_the_elements(case):
    landscape, _ = case
    assert landscape.symmetry_order == sum(1 for _ in landscape.symmetry.elements())


def test_orders_of_known_groups():
    assert network(hidden=[2]).symmetry_order == 8
    assert network(hidden=[3, 2]).symmetry_order == 6 * 8 * 2 * 4
    assert network(hidden=[5], activation="relu").symmetry_order == 120
    assert network(hidden=[100]).symmetry_order == math.factorial(100) * 2**100


def test_gauge_and_alignment_leave_the_energy_alone(case):
    landscape, x = case
    for moved in (landscape.fix_gauge(x), landscape.align(x, x[::-1])):
        np.testing.assert_allclose(landscape.energy(moved), landscape.energy(x), rtol=1e-12)


def test_the_gauge_is_the_shortest_point_and_is_fixed_once(case):
    landscape, x = case
    fixed = landscape.fix_gauge(x)
    assert (np.linalg.norm(fixed, axis=1) <= np.linalg.norm(x, axis=1) * (1 + 1e-14)).all()
    np.testing.assert_allclose(landscape.fix_gauge(fixed), fixed, atol=1e-11)


def test_scaled_and_shifted_networks_are_one_in_the_gauge():
    rng = np.random.default_rng(5)
    landscape = network(hidden=[3, 4], activation="relu")
    x = landscape.start(2, rng)
    moved = x.copy()
    (w, b), (after, after_b), (last, last_b) = landscape.unpack(moved)
    for weights, bias, following in ((w, b, after), (after, after_b, last)):
        factor = np.exp(rng.standard_normal(bias.shape))
        weights *= factor[..., None]
        bias *= factor
        following /= factor[..., None, :]
    last += rng.standard_normal((2, 1, 4))
    last_b += rng.standard_normal((2, 1))
    np.testing.assert_allclose(landscape.energy(moved), landscape.energy(x), rtol=1e-12)
    np.testing.assert_allclose(landscape.fix_gauge(moved), landscape.fix_gauge(x), atol=1e-10)


def test_weight_decay_takes_scales_and_shifts_away():
    symmetry = network(hidden=[3], activation="relu", weight_decay=0.1).symmetry
    assert not symmetry.scales and not symmetry.shifts
    x = network(hidden=[3]).start(1, np.random.default_rng(0))
    assert (symmetry.fix_gauge(x) == x).all()


def test_an_image_of_a_network_aligns_with_it_exactly(case):
    landscape, x = case
    rng = np.random.default_rng(11)
    images = np.array([landscape.symmetry.act(row, random_element(landscape.symmetry, rng)) for row in x])
    np.testing.assert_allclose(landscape.align(images, x, starts=32), landscape.fix_gauge(x), atol=1e-10)


@pytest.mark.parametrize("name", ["tanh", "relu", "relu with decay"])
def test_one_hidden_layer_is_aligned_as_well_as_by_the_whole_group(name):
    landscape = network(**NETWORKS[name])
    x = landscape.fix_gauge(landscape.start(20, np.random.default_rng(1)))
    aligned = landscape.align(x[:10], x[10:])
    for a in range(10):
        best = (landscape.symmetry.orbit(x[a]) @ x[10 + a]).max()
        assert aligned[a] @ x[10 + a] == pytest.approx(best, rel=1e-12)


def test_two_hidden_layers_are_aligned_as_well_as_by_the_whole_group():
    landscape = network(hidden=[3, 3])
    x = landscape.fix_gauge(landscape.start(12, np.random.default_rng(2)))
    aligned = landscape.align(x[:6], x[6:], starts=48)
    for a in range(6):
        best = (landscape.symmetry.orbit(x[a]) @ x[6 + a]).max()
        assert aligned[a] @ x[6 + a] == pytest.approx(best, rel=1e-12)


def test_a_single_start_misses_the_best_match_of_two_layers_somewhere():
    landscape = network(hidden=[3, 3])
    x = landscape.fix_gauge(landscape.start(40, np.random.default_rng(4)))
    one, many = (landscape.align(x[:20], x[20:], starts=starts) for starts in (1, 48))
    gain = np.einsum("ri,ri->r", many - one, x[20:])
    assert (gain >= -1e-12).all() and gain.max() > 1e-3


def test_matching_without_signs_is_worse_for_an_odd_activation():
    landscape = network(hidden=[4])
    x = landscape.fix_gauge(landscape.start(20, np.random.default_rng(6)))
    wrong = UnitSymmetry(landscape.widths)
    right, poor = landscape.align(x[:10], x[10:]), wrong.align(x[:10], x[10:])
    assert (np.einsum("ri,ri->r", right - poor, x[10:]) >= -1e-12).all()
    assert np.einsum("ri,ri->r", right - poor, x[10:]).max() > 0.1


def test_a_row_does_not_depend_on_the_others_and_the_given_rows_stay():
    landscape = network(hidden=[3, 3])
    x = landscape.start(8, np.random.default_rng(8))
    before = x.copy()
    block = landscape.align(x[:4], x[4:])
    alone = landscape.align(x[2:3], x[6:7])
    assert (block[2] == alone[0]).all() and (x == before).all()


def test_rows_that_are_not_finite_come_back():
    landscape = network(hidden=[3])
    x = landscape.start(3, np.random.default_rng(9))
    x[1] = np.nan
    aligned = landscape.align(x, x[:1])
    assert np.isnan(aligned[1]).all() and np.isfinite(aligned[[0, 2]]).all()


def test_a_network_without_hidden_layer_has_no_symmetry():
    landscape = network(hidden=[], loss="mse")
    x = landscape.start(2, np.random.default_rng(0))
    assert landscape.symmetry_order == 1 and (landscape.align(x, x[::-1]) == x).all()


def test_refusals():
    landscape = network(hidden=[12])
    x = landscape.start(3, np.random.default_rng(0))
    with pytest.raises(InputError, match="elements"):
        landscape.symmetry.orbit(x[0])
    wide = network(hidden=[200])
    with pytest.raises(InputError, match="elements"):  # of 200!, which is no floating-point number
        wide.symmetry.orbit(wide.start(1, np.random.default_rng(0))[0])
    with pytest.raises(InputError, match="references"):
        landscape.align(x, x[:2])
    with pytest.raises(CapabilityError, match="Symmetric"):
        require("aligned_overlap", landscapes.SphericalGlass, (Symmetric,))

"""Saddle search: known stationary points, the refusal of gradient-flat points, the contract of a dynamics."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, HarmonicWell, two_spin_glass

from spinnet.dynamics import saddle_search
from spinnet.dynamics.critical_points import find_critical_points, merge_points
from spinnet.dynamics.saddle_search import (
    ARRIVED,
    MOVING,
    STUCK,
    SaddleSearch,
    _along_gradient,
    riemannian_hessians,
)
from spinnet.errors import InputError
from spinnet.landscapes import DenseNetwork, SphericalGlass
from spinnet.landscapes.base import Differentiable, Units
from spinnet.spaces import Euclidean

KEYS = np.zeros(64, dtype=np.uint64)


class Shoulder(Differentiable):
    """H = x³/3 + ``tilt``·x + y²/2: at x = 0 the gradient is (tilt, 0) and flat; no stationary point for tilt > 0."""

    def __init__(self, tilt=1e-3):
        self.tilt = tilt

    space = property(lambda self: Euclidean(2))
    units = property(lambda self: Units(1, "particle"))

    def energy(self, x):
        return x[:, 0] ** 3 / 3 + self.tilt * x[:, 0] + x[:, 1] ** 2 / 2

    def gradient(self, x):
        return np.column_stack([x[:, 0] ** 2 + self.tilt, x[:, 1]])

    def hvp(self, x, v):
        return np.column_stack([2 * x[:, 0] * v[:, 0], v[:, 1]])


def glass(n=6, p=3, sample=0):
    return SphericalGlass(n=n, covariance={p: 1.0}, seed=3, sample=sample, dtype="float64")


def small_network(inputs=4, hidden=3, patterns=30):
    options = {"n_inputs": inputs, "n_patterns": patterns, "n_test_patterns": 0, "n_test": 0, "seed": 0}
    return DenseNetwork(data="random", loss="mse", hidden=(hidden,), data_options=options)


def search(landscape, x, steps=60, **parameters):
    chosen = SaddleSearch(**parameters)
    return chosen.advance(landscape, chosen.init(landscape, x, KEYS[: len(x)]), steps)


def test_dense_hessians_of_a_block_are_those_of_products_with_tangent_vectors():
    rng = np.random.default_rng(0)
    for landscape in (glass(5), glass(27), DoubleWell(3)):
        x = landscape.start(2, rng)
        matrices = riemannian_hessians(landscape, x, landscape.gradient(x))
        v = rng.standard_normal(x.shape)
        expected = landscape.riemannian_hvp(x, v)
        np.testing.assert_allclose(np.einsum("rij,rj->ri", matrices, v), expected, atol=1e-12 * np.abs(matrices).max())


def test_starts_arrive_with_a_gradient_of_rounding():
    landscape = glass(8)
    state = search(landscape, landscape.start(64, np.random.default_rng(1)))
    there = state.status == ARRIVED
    assert there.sum() > 20 and state.gradient_norm[there].max() < 1e-9
    tangent = np.linalg.norm(landscape.riemannian_gradient(state.x), axis=1) / np.sqrt(8)
    np.testing.assert_allclose(state.gradient_norm, tangent, atol=1e-13)
    assert np.abs((state.x**2).sum(axis=1) / 8 - 1).max() < 1e-13


def test_convergence_is_at_least_quadratic_at_the_end():
    landscape = glass(8)
    chosen = SaddleSearch(tolerance=1e-13)
    state = chosen.init(landscape, landscape.start(64, np.random.default_rng(2)), KEYS)
    norms = []
    for _ in range(40):
        state = chosen.advance(landscape, state, 1)
        norms.append(state.gradient_norm)
    norms = np.array(norms)
    before, after = norms[:-1], norms[1:]
    close = (before < 1e-4) & (before > 1e-6)
    assert close.sum() > 6 and np.median(after[close] / before[close] ** 2) < 50


def test_a_gradient_flat_point_is_refused():
    shoulder = Shoulder()
    state = search(shoulder, np.array([[0.3, 0.2], [-0.5, 1.0]]), 300)
    assert (state.status == STUCK).all()
    # Deliberately wrong: by the size of the gradient alone the shoulder would be a stationary point.
    lax = search(shoulder, np.array([[1e-9, 0.0], [0.3, 0.2]]), 300, tolerance=2e-3)
    assert (lax.gradient_norm < 2e-3).any() and lax.status[0] == STUCK
    assert search(shoulder, np.array([[1e-9, 0.0]]), 300, tolerance=2e-3, flat=0.0).status[0] == ARRIVED


def test_the_newton_model_is_the_hessian_of_half_the_squared_gradient():
    network = small_network()
    x = network.start(2, np.random.default_rng(0))
    g, step = network.gradient(x), 1e-5
    matrices = riemannian_hessians(network, x, g)
    model = matrices @ matrices + _along_gradient(network, x, g)
    for k in range(network.space.n):
        shift = step * np.eye(network.space.n)[k]
        slopes = [network.hvp(x + sign * shift, network.gradient(x + sign * shift)) for sign in (1.0, -1.0)]
        np.testing.assert_allclose(model[:, k], (slopes[0] - slopes[1]) / (2 * step), atol=1e-5 * np.abs(model).max())


def test_searches_on_a_network_end_where_gauss_newton_alone_leaves_them_unfinished(monkeypatch):
    network = small_network(inputs=6, hidden=4, patterns=40)
    x = network.start(16, np.random.default_rng(1))
    state = search(network, x, 80, descent=0.1)
    flat, there = state.status == STUCK, state.status == ARRIVED
    assert (flat | there).sum() >= 10 and there.sum() >= 6 and flat.any()
    assert (state.curvature[flat] < 1e-5).all() and (state.gradient_norm[flat] > 1e-9).all()
    # Deliberately worse: straight Gauss-Newton steps alone creep along the valleys of the squared gradient.
    monkeypatch.setattr(saddle_search, "_BENDS", 0)
    monkeypatch.setattr(saddle_search, "_SLOW", np.inf)
    assert (search(network, x, 80, descent=0.1).status != MOVING).sum() <= 6


def test_a_quadratic_saddle_is_reached_and_indexed():
    points = find_critical_points(HarmonicWell((1.0, -2.0, 3.0)), np.random.default_rng(0), starts=8)
    assert points.complete and len(points.x) == 1 and points.index.tolist() == [1]
    np.testing.assert_allclose(points.eigenvalues, [[-2.0, 1.0, 3.0]])
    assert points.hits.tolist() == [points.starts]


def test_all_points_of_separable_double_wells_are_found():
    # Each coordinate has two minima and a maximum: 3² points, four minima, four saddles, one maximum.
    points = find_critical_points(DoubleWell(2), np.random.default_rng(0), starts=64)
    assert points.complete and points.counts().tolist() == [4, 4, 1]


def test_a_two_spin_glass_gives_its_eigenvectors():
    landscape = two_spin_glass(6, 1)
    points = find_critical_points(landscape, np.random.default_rng(0), starts=32)
    assert points.counts().tolist() == [2] * 6
    np.testing.assert_allclose(points.energy, np.repeat(np.linalg.eigvalsh(landscape.matrix), 2) * 3, rtol=1e-12)


def test_points_are_merged_up_to_rounding_and_not_beyond():
    x = np.array([[1.0, 0.0], [0.0, 1.0]])
    points, hits = merge_points(np.empty((0, 2)), np.empty(0, dtype=np.int64), np.repeat(x, 3, axis=0) + 1e-9)
    assert len(points) == 2 and hits.tolist() == [3, 3]
    again, more = merge_points(points, hits, np.concatenate([x, -x, x + np.array([0.0, 1e-3])]))
    assert len(again) == 6 and more.tolist() == [4, 4, 1, 1, 1, 1]
    np.testing.assert_array_equal(again[:2], points)


def test_any_splitting_of_the_steps_gives_the_same_bits():
    landscape = glass(7)
    chosen = SaddleSearch()
    start = chosen.init(landscape, landscape.start(5, np.random.default_rng(3)), KEYS[:5])
    whole, state = chosen.advance(landscape, start, 12), start
    for n in (1, 4, 7):
        state = chosen.advance(landscape, chosen.State(*(np.array(field) for field in state)), n)
    for a, b in zip(whole, state, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (start.status == MOVING).all() and (whole.steps == 12).all()


def test_a_start_that_is_nowhere_is_flagged_and_the_others_go_on():
    landscape = glass(6)
    x = landscape.start(3, np.random.default_rng(0))
    x[1] = np.nan
    state = search(landscape, x)
    assert state.diverged.tolist() == [False, True, False] and (state.status[[0, 2]] != MOVING).all()


def test_wrong_parameters_are_refused_by_name():
    with pytest.raises(InputError, match="flat"):
        SaddleSearch(flat=1.0)
    with pytest.raises(InputError, match="tolerance"):
        SaddleSearch(tolerance=0)
    with pytest.raises(InputError, match="most_starts"):
        find_critical_points(glass(), np.random.default_rng(0), starts=64, most_starts=8)

"""Gradient descent and SGD: exact iterations, the stationary law of SGD, learning-rate drops."""

from __future__ import annotations

import numpy as np
import pytest
from reference import counter_noise as twin
from reference.simple_landscapes import HarmonicWell, LinearRegression, two_spin_glass

from spinnet.dynamics import SGD, GradientDescent
from spinnet.landscapes.base import SumOfTerms, Units
from spinnet.randomness import counter_keys
from spinnet.spaces import Euclidean


class ShakenWell(SumOfTerms):
    """Two patterns ℓ_± = ½ Σ h x² ∓ √c·x: curvature h of the mean loss, additive gradient noise of variance c."""

    def __init__(self, curvatures, noise):
        self.h, self.root = np.array(curvatures, dtype=float), np.sqrt(np.array(noise, dtype=float))

    space = property(lambda self: Euclidean(len(self.h)))
    units = property(lambda self: Units(2, "pattern"))
    n_terms = property(lambda self: 2)

    def energy_terms(self, x):
        well, tilt = 0.5 * (self.h * x * x).sum(axis=1), (self.root * x).sum(axis=1)
        return np.stack([well - tilt, well + tilt], axis=1)

    def energy(self, x):
        return self.energy_terms(x).sum(axis=1)

    def gradient(self, x):
        return 2.0 * self.h * x

    def hvp(self, x, v):
        return 2.0 * self.h * v

    def gradient_batch(self, x, terms):
        sign = (2.0 * terms - 1.0).sum(axis=1)
        return terms.shape[1] * self.h * x + sign[:, None] * self.root


def run(dynamics, landscape, x, steps):
    return dynamics.advance(landscape, dynamics.init(landscape, x, counter_keys(3, len(x), "noise")), steps)


def test_descent_on_a_well_multiplies_by_one_minus_rate_times_curvature():
    well = HarmonicWell([1.0, 3.0, 5.0])
    x = np.random.default_rng(0).standard_normal((4, 3))
    state = run(GradientDescent(learning_rate=0.3), well, x, 7)
    np.testing.assert_allclose(state.x, x * (1.0 - 0.3 * well.curvatures / 3.0) ** 7, rtol=1e-13)


def test_momentum_follows_its_two_term_recursion():
    well = HarmonicWell([2.0])
    state = run(GradientDescent(learning_rate=0.4, momentum=0.6), well, np.array([[1.5]]), 9)
    path = [1.5, 1.5]
    for _ in range(9):
        path.append(path[-1] + 0.6 * (path[-1] - path[-2]) - 0.4 * 2.0 * path[-1])
    assert state.x[0, 0] == pytest.approx(path[-1], rel=1e-13)


def test_descent_from_zero_finds_the_solution_of_least_norm():
    rng = np.random.default_rng(1)
    a, y = rng.standard_normal((5, 12)), rng.standard_normal(5)
    state = run(GradientDescent(learning_rate=0.2), LinearRegression(a, y), np.zeros((1, 12)), 5000)
    np.testing.assert_allclose(state.x[0], np.linalg.pinv(a) @ y, atol=1e-12)


def test_descent_on_the_sphere_keeps_the_norm_and_finds_the_ground_state():
    glass = two_spin_glass(30, 4)
    x = glass.start(3, np.random.default_rng(0))
    state = run(GradientDescent(learning_rate=15.0, momentum=0.8), glass, x, 4000)
    assert np.abs((state.x**2).sum(axis=1) / 30 - 1).max() < 1e-14
    np.testing.assert_allclose(glass.energy(state.x) / 30, 0.5 * np.linalg.eigvalsh(glass.matrix)[0], rtol=1e-10)


def test_sgd_draws_the_stated_patterns():
    landscape = LinearRegression(np.eye(4), np.arange(4.0))
    dynamics = SGD(learning_rate=0.1, batch=1)
    keys = counter_keys(3, 2, "noise")
    state = dynamics.advance(landscape, dynamics.init(landscape, np.zeros((2, 4)), keys), 1)
    for a in range(2):
        chosen = twin.integer(int(keys[a]), 0, 4)
        expected = np.zeros(4)
        expected[chosen] = 0.1 * chosen
        np.testing.assert_array_equal(state.x[a], expected)


def test_learning_rate_drops_equal_separate_runs():
    landscape = LinearRegression(np.random.default_rng(0).standard_normal((20, 3)), np.ones(20))
    keys, x = counter_keys(3, 2, "noise"), np.zeros((2, 3))
    dropping = SGD(0.2, 2, momentum=0.5, drops=[30, 50], drop_factor=0.5)
    whole = dropping.advance(landscape, dropping.init(landscape, x, keys), 80)
    state = dropping.init(landscape, x, keys)
    for rate, steps in ((0.2, 30), (0.1, 20), (0.05, 30)):
        state = SGD(rate, 2, momentum=0.5).advance(landscape, state, steps)
    assert (whole.x == state.x).all()


@pytest.mark.parametrize(
    ("momentum", "stated"), [(0.0, (0.02525253, 0.02631579, 0.03125)), (0.9, (0.25132, 0.25676, 0.27941))]
)
def test_sgd_with_additive_noise_has_its_exact_stationary_variance(momentum, stated):
    # Var = ηc(1+μ)/(B h(1−μ)(2(1+μ) − ηh)) with c = σ²h: isotropic for small η, and not Boltzmann's ∝ 1/h.
    rate, batch, h = 0.1, 2, np.array([0.2, 1.0, 4.0])
    exact = rate * h * (1 + momentum) / (batch * h * (1 - momentum) * (2 * (1 + momentum) - rate * h))
    np.testing.assert_allclose(exact, stated, rtol=2e-5)
    landscape, dynamics = ShakenWell(h, h), SGD(learning_rate=rate, batch=batch, momentum=momentum)
    replicas, steps = 2000, 400
    state = run(dynamics, landscape, np.zeros((replicas, 3)), steps)
    squares = state.x**2
    z = (squares.mean(axis=0) - exact) / (squares.std(axis=0) / np.sqrt(replicas))
    assert np.abs(z).max() < 4, z
    # The Boltzmann law of the talk about flat minima, scaled to agree at h = 1, is excluded.
    wrong = (squares.mean(axis=0) - exact[1] / h) / (squares.std(axis=0) / np.sqrt(replicas))
    assert np.abs(wrong[[0, 2]]).min() > 10


def stationary_covariance(curvatures, rate, batch):
    """S of linear regression with Gaussian inputs of covariance H = diag(h), unit label noise, fresh batches.

    S = S − η(HS + SH) + η²[(1 − 1/B)HSH + (2HSH + tr(HS)H)/B] + η²H/B, diagonal by symmetry.
    """
    h = np.array(curvatures)
    matrix = np.diag(2 * rate * h - rate**2 * (1 + 1 / batch) * h**2) - (rate**2 / batch) * np.outer(h, h)
    return np.linalg.solve(matrix, rate**2 * h / batch)


def test_sgd_on_linear_regression_is_isotropic_and_not_boltzmann():
    h, rate, batch = np.array([2.0, 1.0, 0.3, 0.1]), 0.02, 4
    exact = stationary_covariance(h, rate, batch)
    np.testing.assert_allclose(exact, [0.002587, 0.002554, 0.002531, 0.002525], atol=6e-7)
    rng = np.random.default_rng(8)
    patterns = 40_000
    inputs = rng.standard_normal((patterns, 4)) * np.sqrt(h)
    landscape = LinearRegression(inputs, rng.standard_normal(patterns))
    minimum = np.linalg.lstsq(inputs, landscape.targets, rcond=None)[0]
    replicas = 1000
    # An exact start: Gaussian with the stationary covariance, so that the run only has to forget what is not Gaussian.
    x = minimum + rng.standard_normal((replicas, 4)) * np.sqrt(exact)
    state = run(SGD(learning_rate=rate, batch=batch), landscape, x, 600)
    squares = (state.x - minimum) ** 2
    error = squares.std(axis=0) / np.sqrt(replicas)
    assert np.abs((squares.mean(axis=0) - exact) / error).max() < 4
    boltzmann = rate / (2 * batch) / h
    assert np.abs((squares.mean(axis=0) - boltzmann) / error)[[0, 2, 3]].min() > 4

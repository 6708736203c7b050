"""Closed forms of SGD's noise and stationary law against other routes: Lyapunov solvers, all batches, simulation."""

import itertools

import numpy as np
import pytest
from reference.simple_landscapes import LinearRegression

from spinnet.dynamics import SGD
from spinnet.errors import InputError
from spinnet.randomness import counter_keys
from spinnet.theory.stochastic_gradient import (
    batch_noise_factor,
    gaussian_regression_variance,
    mode_variance,
    noise_temperature,
    online_regression_error,
    regression_covariance,
    stationary_covariance,
)


@pytest.mark.parametrize("replacement", [True, False])
def test_the_batch_factor_is_that_of_all_batches(replacement):
    values = np.array([0.3, -1.0, 2.0, 0.7, 0.1])
    draws = itertools.product(values, repeat=3) if replacement else itertools.permutations(values, 3)
    means = np.array([np.mean(draw) for draw in draws])
    assert means.var() == pytest.approx(batch_noise_factor(3, 5, replacement) * values.var(), rel=1e-12)


def test_a_whole_batch_without_replacement_has_no_noise():
    assert batch_noise_factor(7, 7, replacement=False) == 0.0
    with pytest.raises(InputError):
        batch_noise_factor(8, 7, replacement=False)


@pytest.mark.parametrize("momentum", [0.0, 0.6])
def test_the_stationary_covariance_solves_the_lyapunov_equation_of_positions_and_velocities(momentum):
    from scipy.linalg import solve_discrete_lyapunov

    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 4, 4))
    hessian, noise = a @ a.T + 0.1 * np.eye(4), b @ b.T
    rate, batch = 0.05, 3
    found = stationary_covariance(hessian, noise, rate, batch, momentum)
    one = np.block([
        [np.eye(4) - rate * hessian, momentum * np.eye(4)], [-rate * hessian, momentum * np.eye(4)],
    ])  # fmt: skip
    source = np.kron(np.ones((2, 2)), rate**2 / batch * noise)
    np.testing.assert_allclose(found, solve_discrete_lyapunov(one, source)[:4, :4], rtol=1e-8)
    if momentum == 0.0:
        left = found @ hessian + hessian @ found - rate * hessian @ found @ hessian
        np.testing.assert_allclose(left, rate / batch * noise, atol=1e-13)


def test_variances_of_a_mode_are_those_of_the_sheet():
    curvature = np.array([0.2, 1.0, 4.0])
    found = mode_variance(curvature, curvature, 0.1, 2)  # noise s²h: nearly isotropic
    np.testing.assert_allclose(found, [0.02525253, 0.02631579, 0.03125], rtol=1e-6)
    found = mode_variance(curvature, curvature, 0.1, 2, momentum=0.9)
    np.testing.assert_allclose(found, [0.25132, 0.25676, 0.27941], rtol=2e-5)
    with pytest.raises(InputError, match="0 < h"):
        mode_variance([0.0, 1.0], [1.0, 1.0], 0.1, 2)


def test_isotropic_noise_of_a_small_rate_is_boltzmann_at_the_noise_temperature():
    h, rate, batch, patterns = np.array([0.5, 2.0]), 1e-6, 4, 100
    temperature = noise_temperature(rate, batch, 2 * 3.0, 2, patterns)
    np.testing.assert_allclose(mode_variance(h, [3.0, 3.0], rate, batch), temperature / (patterns * h), rtol=1e-5)


def test_online_regression_is_the_closed_form_and_that_of_gaussian_inputs():
    for (d, batch, rate), known in {(5, 1, 0.05): 0.15151515, (5, 1, 0.15): 0.78947368, (10, 4, 0.2): 0.4}.items():
        assert online_regression_error(d, batch, rate) == pytest.approx(known, rel=1e-7)
        assert gaussian_regression_variance(np.ones(d), 1.0, rate, batch).sum() == pytest.approx(known, rel=1e-7)
    with pytest.raises(InputError):
        online_regression_error(5, 1, 0.3)


def test_the_sheet_s_regression_is_isotropic_and_not_boltzmann():
    h = np.array([2.0, 1.0, 0.3, 0.1])
    found = gaussian_regression_variance(h, 1.0, 0.02, 4)
    np.testing.assert_allclose(found, [0.002587, 0.002554, 0.002531, 0.002525], atol=6e-7)


def regression(patterns=40, n=3, seed=0):
    rng = np.random.default_rng(seed)
    inputs = rng.standard_normal((patterns, n)) * np.array([1.4, 1.0, 0.6])
    return inputs, inputs @ np.ones(n) + 0.8 * rng.standard_normal(patterns)


def test_sgd_of_the_package_has_the_exact_stationary_covariance():
    inputs, targets = regression()
    landscape, rate, batch, replicas = LinearRegression(inputs, targets), 0.15, 2, 4000
    best, known = regression_covariance(inputs, targets, rate, batch)
    sgd = SGD(rate, batch)
    state = sgd.init(landscape, np.repeat(best[None], replicas, axis=0), counter_keys(3, replicas, "noise"))
    x = sgd.advance(landscape, state, 200).x - best
    z = x.mean(axis=0) / (x.std(axis=0, ddof=1) / np.sqrt(replicas))
    assert np.abs(z).max() < 4
    products = np.einsum("ri,rj->rij", x, x)
    error = products.std(axis=0, ddof=1) / np.sqrt(replicas)
    assert np.abs((products.mean(axis=0) - known) / error).max() < 4
    # Deliberately wrong: the noise of the optimum everywhere; and Boltzmann at the same trace.
    residual = targets - inputs @ best
    noise = (inputs * residual[:, None]).T @ (inputs * residual[:, None]) / len(inputs)
    hessian = inputs.T @ inputs / len(inputs)
    wrong = stationary_covariance(hessian, noise, rate, batch)
    assert np.abs((products.mean(axis=0) - wrong) / error).max() > 6
    boltzmann = rate * np.trace(noise) / (2 * batch * 3) * np.linalg.inv(hessian)
    assert np.abs((products.mean(axis=0) - boltzmann) / error).max() > 6


def test_many_gaussian_patterns_are_the_gaussian_limit():
    rng = np.random.default_rng(5)
    h = np.array([1.5, 0.5])
    inputs = rng.standard_normal((200_000, 2)) * np.sqrt(h)
    targets = rng.standard_normal(len(inputs))
    _, found = regression_covariance(inputs, targets, 0.1, 2)
    np.testing.assert_allclose(np.diag(found), gaussian_regression_variance(h, 1.0, 0.1, 2), rtol=0.02)
    with pytest.raises(InputError, match="diverges"):
        regression_covariance(inputs[:50], targets[:50], 5.0, 1)

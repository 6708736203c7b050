"""The regression landscape is exactly what it says, and SGD and Langevin dynamics on it have their known laws."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics import SGD, Langevin
from spinnet.errors import InputError
from spinnet.landscapes import LinearRegression
from spinnet.randomness import counter_keys
from spinnet.theory.stochastic_gradient import gaussian_regression_variance, regression_covariance


def test_minimum_hessian_and_residual_are_exact_in_every_sample():
    one, other = LinearRegression(seed=1, sample=0), LinearRegression(seed=1, sample=1)
    for landscape in (one, other):
        known = np.diag([2.0, 1.0, 0.3, 0.1])
        np.testing.assert_allclose(landscape.hessian(np.zeros(4)) / 1000, known, atol=1e-12)
        np.testing.assert_allclose(landscape.inputs.T @ landscape.inputs / 1000, known, atol=1e-12)
        np.testing.assert_allclose(landscape.inputs.T @ landscape.targets, 0.0, atol=1e-9)
        assert landscape.energy_density(np.zeros((1, 4)))[0] == pytest.approx(0.5)
    assert np.abs(one.inputs - other.inputs).max() > 0.1


def settled(landscape, dynamics, steps, replicas=3000):
    state = dynamics.init(landscape, np.zeros((replicas, 4)), counter_keys(9, replicas, "noise"))
    return dynamics.advance(landscape, state, steps).x


def z_of(x, variance):
    squares = x**2
    return (squares.mean(axis=0) - variance) / (squares.std(axis=0, ddof=1) / np.sqrt(len(x)))


def test_sgd_is_isotropic_and_langevin_of_the_same_noise_is_boltzmann():
    landscape, rate, batch = LinearRegression(patterns=400, seed=3), 0.2, 4
    exact = np.diag(regression_covariance(landscape.inputs, landscape.targets, rate, batch)[1])
    x = settled(landscape, SGD(rate, batch), 200)
    assert np.abs(z_of(x, exact)).max() < 4
    assert exact.max() / exact.min() < 1.7
    np.testing.assert_allclose(exact, gaussian_regression_variance(landscape.curvatures, 1.0, rate, batch), rtol=0.25)
    # The temperature whose noise has the same trace, and its Boltzmann law.
    h = np.array(landscape.curvatures)
    temperature, step = 400 * rate * h.sum() / (2 * batch * 4), 0.3 / 400
    boltzmann = temperature / (400 * h * (1 - h * 400 * step / 2))
    thermal = settled(landscape, Langevin(temperature, step), 200)
    assert np.abs(z_of(thermal, boltzmann * (1 - (1 - h * 0.3) ** 400))).max() < 4
    assert np.abs(z_of(x, boltzmann)).min() > 6  # deliberately wrong: SGD is not at this temperature


@pytest.mark.parametrize("wrong, named", [({"curvatures": [1.0, 0.0]}, "above 0"), ({"curvatures": []}, "list"),
                                          ({"patterns": 4}, "more than the 4")])  # fmt: skip
def test_what_makes_no_regression_is_refused(wrong, named):
    with pytest.raises(InputError, match=named):
        LinearRegression(**wrong)

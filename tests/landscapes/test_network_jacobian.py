"""Derivatives pattern by pattern: against finite differences, the sums they add up to, and batches of one pattern."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.datasets import Dataset
from spinnet.errors import InputError
from spinnet.landscapes import DenseNetwork
from spinnet.landscapes.base import SumOfTerms
from spinnet.landscapes.network_jacobian import output_jacobian

DEPTHS = ((), (5,), (4, 3), (8, 4, 3))


def network(hidden=(5,), activation="tanh", loss="cross-entropy", **given):
    rng = np.random.default_rng(5)
    data = Dataset(
        name="made up", inputs=rng.standard_normal((12, 6)), labels=rng.integers(0, 3, 12), n_classes=3
    )  # fmt: skip
    net = DenseNetwork(data=data, hidden=hidden, activation=activation, loss=loss, sigma_b=0.3, **given)
    return net, net.start(2, np.random.default_rng(1))


@pytest.mark.parametrize("hidden", DEPTHS)
@pytest.mark.parametrize("activation", ["tanh", "relu", "erf", "linear"])
def test_the_jacobian_is_the_slope_of_the_outputs(hidden, activation):
    net, x = network(hidden, activation)
    v = np.random.default_rng(2).standard_normal(net.n_dof)
    h = 1e-6
    ahead, behind = (net.logits(x[:1] + t * v)[0] for t in (h, -h))
    matrix = net.jacobian(x[0])
    assert matrix.shape == (12 * 3, net.n_dof)
    np.testing.assert_allclose(matrix @ v, ((ahead - behind) / (2 * h)).ravel(), rtol=1e-6, atol=1e-7)


def test_a_jacobian_without_the_slope_of_the_activation_is_noticed():
    # Deliberately wrong: the weights of a tanh network, differentiated as those of a linear one.
    net, x = network((4, 3))
    wrong = output_jacobian(net.unpack(x[0]), net.data.inputs, "linear").reshape(36, -1)
    assert not np.allclose(wrong, net.jacobian(x[0]), rtol=1e-2)


@pytest.mark.parametrize("loss", ["cross-entropy", "mse", "hinge", "quadratic-hinge"])
@pytest.mark.parametrize("hidden", DEPTHS)
def test_gradients_of_single_patterns_are_batches_of_one(hidden, loss):
    net, x = network(hidden, loss=loss, weight_decay=0.1)
    found = net.gradient_terms(x)
    assert found.shape == (2, 12, net.n_dof)
    np.testing.assert_allclose(found, SumOfTerms.gradient_terms(net, x), rtol=1e-10, atol=1e-12)
    one_by_one = [net.gradient_batch(x, np.full((2, 1), term)) for term in range(12)]
    np.testing.assert_allclose(found, np.stack(one_by_one, axis=1), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.sum(axis=1), net.gradient(x), rtol=1e-10, atol=1e-11)


def test_for_the_squared_error_gradient_and_curvature_follow_from_the_jacobian():
    net, x = network((4,), "tanh", "mse")
    matrix = net.jacobian(x[0])
    residual = net.logits(x[:1])[0] - np.eye(3)[net.data.labels]
    np.testing.assert_allclose(matrix.T @ residual.ravel(), net.gradient(x[:1])[0], rtol=1e-10, atol=1e-12)
    net, x = network((), "tanh", "mse")  # linear in its weights: H = JᵀJ everywhere
    matrix = net.jacobian(x[0])
    np.testing.assert_allclose(matrix.T @ matrix, net.hessian(x[0]), rtol=1e-12, atol=1e-12)


def test_chosen_patterns_come_in_the_order_they_were_asked_for():
    net, x = network()
    chosen = np.array([7, 0, 7])
    whole = net.jacobian(x[0]).reshape(12, 3, -1)
    np.testing.assert_allclose(net.jacobian(x[0], chosen).reshape(3, 3, -1), whole[chosen], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(net.gradient_terms(x, chosen), net.gradient_terms(x)[:, chosen], rtol=1e-12, atol=1e-14)


def test_wrong_arguments_are_refused():
    net, x = network()
    for call, words in (
        (lambda: net.jacobian(x), "one configuration"),
        (lambda: net.jacobian(x[0], [12]), "patterns are 0 to 11"),
        (lambda: net.gradient_terms(x, [[0]]), "expected"),
        (lambda: net.gradient_terms(x, [0.5]), "indices"),
    ):
        with pytest.raises(InputError, match=words):
            call()

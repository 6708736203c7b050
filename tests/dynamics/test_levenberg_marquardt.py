"""Fits to zero loss: residuals of both losses, the count of zero modes, minima of positive loss, complete states."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.datasets import Dataset
from spinnet.dynamics.levenberg_marquardt import (
    MINIMUM,
    SOLVED,
    LevenbergMarquardt,
    residual_jacobian,
    residuals,
)
from spinnet.errors import InputError
from spinnet.estimators.spectra import count_signs
from spinnet.landscapes import DenseNetwork, StructuredNetwork
from spinnet.probes.jacobian_rank import JacobianRankProbe


def regression(inputs, outputs, patterns, hidden, seed=0, **options):
    rng = np.random.default_rng(seed)
    data = Dataset("made", rng.standard_normal((patterns, inputs)), targets=rng.standard_normal((patterns, outputs)))
    return DenseNetwork(data=data, hidden=hidden, loss="mse", **options)


def constraints(inputs, patterns, hidden, seed=0):
    options = {"n_inputs": inputs, "n_patterns": patterns, "n_test_patterns": 0, "n_test": 0, "seed": seed}
    return DenseNetwork(data="random", data_options=options, hidden=hidden, loss="quadratic-hinge")


def fit(network, starts, steps, **parameters):
    dynamics = LevenbergMarquardt(**parameters)
    state = dynamics.init(network, network.start(starts, np.random.default_rng(1)), np.zeros(starts, np.uint64))
    return dynamics, dynamics.advance(network, state, steps)


@pytest.mark.parametrize("network", [regression(3, 2, 7, (4,)), constraints(4, 20, (3,))], ids=["mse", "hinge"])
def test_residuals_make_the_energy_and_their_jacobian_its_gradient(network):
    x = network.start(1, np.random.default_rng(0))
    r = residuals(network, x[0])
    assert 0.5 * (r**2).sum() == pytest.approx(network.energy(x)[0])
    active = np.flatnonzero((r != 0).any(axis=1))
    jacobian, kept = residual_jacobian(network, x[0], r, active)
    assert (kept != 0).all() and len(jacobian) == (r != 0).sum()
    np.testing.assert_allclose(jacobian.T @ kept, network.gradient(x)[0], atol=1e-10)


@pytest.mark.parametrize(
    ("inputs", "outputs", "patterns", "hidden", "foretold"),
    [(5, 1, 20, (12,), 65), (5, 3, 10, (12,), 81), (4, 2, 15, (6, 6), 56)],
)
def test_at_zero_loss_there_are_as_many_zero_modes_as_are_counted(inputs, outputs, patterns, hidden, foretold):
    network = regression(inputs, outputs, patterns, hidden)
    assert network.space.n - patterns * outputs == foretold
    _, state = fit(network, 2, 300)
    assert (state.status == SOLVED).all() and (state.energy <= 1e-26 * patterns).all()
    found = JacobianRankProbe().measure(network, state.x, np.random.default_rng(0))
    for a in range(2):
        hessian = network.hessian(state.x[a])
        zeros = count_signs(np.linalg.eigvalsh(hessian))[1]
        assert zeros == foretold == network.space.n - found["jacobian/rank"].data[a]
        jacobian = network.jacobian(state.x[a])
        np.testing.assert_allclose(hessian, jacobian.T @ jacobian, atol=1e-10)
    # deliberately wrong: constraints counted as patterns instead of patterns times outputs
    assert outputs == 1 or zeros != network.space.n - patterns


def test_more_patterns_than_a_network_can_hold_end_in_a_minimum_of_positive_loss():
    network = constraints(4, 120, (4,))
    _, state = fit(network, 2, 400, tolerance=1e-14)
    assert (state.status == MINIMUM).all() and (state.energy / 120 > 0.05).all() and (state.unsatisfied > 30).all()
    for x, gradient in zip(state.x, network.gradient(state.x), strict=True):
        r = residuals(network, x)
        jacobian, kept = residual_jacobian(network, x, r, np.flatnonzero((r != 0).any(axis=1)))
        assert np.linalg.norm(gradient) <= 1.001e-5 * np.linalg.norm(jacobian) * np.linalg.norm(kept)


def test_few_constraints_are_all_satisfied_and_none_is_counted():
    _, state = fit(constraints(4, 12, (4,)), 2, 200, tolerance=1e-14)
    assert (state.status == SOLVED).all() and (state.unsatisfied == 0).all()


def test_any_splitting_gives_the_same_bits_and_the_state_is_complete():
    network = constraints(4, 60, (4,))
    dynamics, whole = fit(network, 2, 15)
    _, part = fit(network, 2, 6)
    resumed = LevenbergMarquardt().advance(network, dynamics.State(*(np.array(field) for field in part)), 9)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(whole, resumed, strict=True))


def test_losses_without_residuals_are_refused_and_lost_starts_are_flagged():
    network = DenseNetwork(data="digits", hidden=(2,), data_options={"n_train": 20, "pca": 3})
    with pytest.raises(InputError, match="quadratic-hinge"):
        fit(network, 1, 1)
    with pytest.raises(InputError, match="weight"):
        fit(regression(3, 1, 5, (2,), weight_decay=0.1), 1, 1)
    network, dynamics = regression(3, 1, 5, (2,)), LevenbergMarquardt()
    x = network.start(2, np.random.default_rng(0))
    x[0] = np.inf
    state = dynamics.advance(network, dynamics.init(network, x, np.zeros(2, np.uint64)), 50)
    assert state.diverged.tolist() == [True, False] and state.status[1] == SOLVED


def test_a_structured_network_takes_the_same_steps_with_the_hinge_as_the_dense_one():
    options = {"n_inputs": 4, "n_patterns": 30, "n_test_patterns": 0, "n_test": 0}
    table = {"data": "random", "data_options": options, "hidden": (3,), "loss": "quadratic-hinge"}
    (_, one), (_, other) = fit(DenseNetwork(**table), 2, 20), fit(StructuredNetwork(**table), 2, 20)
    np.testing.assert_allclose(one.energy, other.energy, rtol=1e-6)
    assert (one.unsatisfied == other.unsatisfied).all()

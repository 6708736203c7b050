"""Error signals against derivatives by hand, nulls that are exact, and clones that stay clones."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.landscapes import DenseNetwork
from spinnet.probes.base import EndpointProbe
from spinnet.probes.error_signal import ErrorSignalProbe, _opposition


@pytest.fixture(scope="module")
def net():
    return DenseNetwork(hidden=[6, 5], sigma_b=0.2, data_options={"n_train": 60, "n_test": 0, "pca": 8})


def measured(net, x, **parameters):
    found = ErrorSignalProbe(**parameters).measure(net, x, np.random.default_rng(1))
    return {name.removeprefix("signal/"): variable.data for name, variable in found.items()}


def test_signals_are_the_derivatives_of_single_losses_by_the_fields(net):
    x = net.start(1, np.random.default_rng(0))
    found = measured(net, x, patterns=20)
    h = 1e-6
    squares = []
    for l in range(3):
        columns = []
        for j in range(net.widths[l + 1]):
            ends = []
            for sign in (1, -1):
                moved = x.copy()
                net.unpack(moved[0])[l][1][j] += sign * h
                ends.append(net.energy_terms(moved)[0, :20])
            columns.append((ends[0] - ends[1]) / (2 * h))
        squares.append(np.sqrt((np.array(columns) ** 2).mean()))
        if l < 2:
            signals = np.array(columns).T
            share = np.abs(signals).sum(axis=1) ** 2 / (signals.shape[1] * (signals**2).sum(axis=1))
            assert found["participation"][0, l] == pytest.approx(share.mean(), rel=1e-5)
    np.testing.assert_allclose(found["rms"][0], squares, rtol=1e-6)
    np.testing.assert_array_equal(found["width"], [8, 6, 5, 10])


def test_gaussian_signals_participate_with_two_over_pi_and_random_signs_have_their_null():
    rng = np.random.default_rng(0)
    gradients = rng.standard_normal((400, 3000))
    found = _opposition(gradients, rng)
    assert found["opposite"] == pytest.approx(found["opposite_null"], abs=2e-3)
    assert found["opposite_pairs"] == pytest.approx(0.5, abs=0.01)
    assert found["alignment"] == pytest.approx(1 / 400, rel=0.2)
    agreed = _opposition(np.abs(gradients), rng)
    assert agreed["opposite"] == pytest.approx(0.0, abs=1e-12) and agreed["opposite_pairs"] == 0.0


def signals_by_hand(net, x):
    """δ of the hidden layer of a tanh network of one hidden layer under cross-entropy."""
    (w, b), (out, c) = net.unpack(x)
    a = np.tanh(net.data.inputs @ w.T + b)
    z = a @ out.T + c
    share = np.exp(z - z.max(axis=1, keepdims=True))
    share /= share.sum(axis=1, keepdims=True)
    share[np.arange(len(z)), net.data.labels] -= 1.0
    return (1 - a**2) * (share @ out)


@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_the_moving_target_is_what_the_others_do_to_a_signal(decay):
    net = DenseNetwork(hidden=4, data_options={"n_train": 40, "n_test": 0, "pca": 4}, weight_decay=decay)
    x = net.start(1, np.random.default_rng(0))
    step = -0.05 / 40 * net.gradient(x)[0]
    before, after = signals_by_hand(net, x[0]), signals_by_hand(net, x[0] + step)
    shares = []
    for j in range(4):
        own = x[0].copy()
        net.unpack(own)[0][0][j] += net.unpack(step)[0][0][j]
        net.unpack(own)[0][1][j] += net.unpack(step)[0][1][j]
        alone = signals_by_hand(net, own)[:, j]
        shares.append(np.linalg.norm(after[:, j] - alone) / np.linalg.norm(after[:, j] - before[:, j]))
    found = measured(net, x)
    assert found["moving_target"][0, 0] == pytest.approx(np.mean(shares), rel=1e-6)
    assert found["rms"][0, 0] == pytest.approx(np.sqrt((before**2).mean()), rel=1e-9)


def test_clones_stay_equal_and_selectivity_sees_a_unit_that_knows_its_class(net):
    x = net.start(2, np.random.default_rng(2))
    found = measured(net, x, clone_steps=30)
    assert (found["clone_spread"] < 1e-12).all()
    plain = DenseNetwork(hidden=2, data_options={"n_train": 100, "n_test": 0, "classes": [0, 1]})
    row = np.zeros((1, plain.n_dof))
    (w, _), _ = plain.unpack(row[0])
    inputs, labels = plain.data.inputs, plain.data.labels
    w[0] = 3 * (inputs[labels == 1].mean(axis=0) - inputs[labels == 0].mean(axis=0))
    w[1] = np.random.default_rng(0).standard_normal(64) / 8
    both = measured(plain, row, patterns=100, clone_steps=0)
    only = row.copy()
    plain.unpack(only[0])[0][0][1] = w[0]
    assert measured(plain, only, patterns=100, clone_steps=0)["selectivity"][0, 0] > 0.9 > both["selectivity"][0, 0]
    assert measured(plain, only, patterns=100, clone_steps=0)["correlation"][0, 0] == pytest.approx(1.0)


def test_rows_that_are_nowhere_are_nan(net):
    x = net.start(2, np.random.default_rng(2))
    x[0] = np.nan
    found = ErrorSignalProbe().measure(net, x, np.random.default_rng(1))
    assert issubclass(ErrorSignalProbe, EndpointProbe)
    assert all(np.isnan(v.data[0]).all() and np.isfinite(v.data[1]).all() for v in found.values()
               if v.dims[0] == "replica")  # fmt: skip

"""Error signals of deep networks at their start in the phases of mean-field theory, and clones that stay clones."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics import GradientDescent
from spinnet.estimators.resampling import jackknife
from spinnet.landscapes import DenseNetwork
from spinnet.randomness import counter_keys
from spinnet.theory.signal_propagation import error_attenuation, forward_variances

DEPTH, WIDTH = 6, 150


def measured(sigma_w, sigma_b, networks=16):
    """ln of rms δ¹ over that of the last hidden layer, of single patterns, with its jackknife error."""
    net = DenseNetwork(hidden=[WIDTH] * DEPTH, sigma_w=sigma_w, sigma_b=sigma_b,
                       data_options={"n_train": 12, "n_test": 0})  # fmt: skip
    squares = []
    for row in net.start(networks, np.random.default_rng(3)):
        layers = net.unpack(net.gradient_terms(row[None])[0])
        squares.append([(error**2).mean() for _, error in (layers[0], layers[-2])])
    squares = np.array(squares)
    return net, jackknife(lambda rows: 0.5 * np.log(rows.mean(axis=0)[0] / rows.mean(axis=0)[1]), squares)


def expected(net, sigma_w, sigma_b):
    """The same in theory, layer by layer from each pattern's own mean square."""
    squares = []
    for first in (net.data.inputs**2).mean(axis=1):
        variances = forward_variances("tanh", sigma_w, sigma_b, float(first), DEPTH)
        squares.append(error_attenuation("tanh", sigma_w, variances, net.hidden)[0] ** 2)
    return 0.5 * np.log(np.mean(squares))


@pytest.mark.parametrize(("sigma_w", "sign"), [(1.0, -1), (1.3956, 0), (2.5, 1)])
def test_error_signals_fade_at_weak_coupling_and_explode_at_strong_as_theory_has_it(sigma_w, sign):
    net, found = measured(sigma_w, 0.3)
    known = expected(net, sigma_w, 0.3)
    # Corrections of finite width are of the order of depth over width.
    assert abs(found.value - known) < 4 * found.error + DEPTH / WIDTH
    assert abs(found.value - expected(net, 1.25 * sigma_w, 0.3)) > 4 * found.error + DEPTH / WIDTH
    assert sign == 0 or sign * found.value > 0.5


def test_two_equal_units_are_never_told_apart():
    net = DenseNetwork(hidden=6, data_options={"n_train": 60, "n_test": 0, "pca": 8})
    x = net.start(2, np.random.default_rng(0))
    for row in x:
        (w, b), (out, _) = net.unpack(row)
        w[1], b[1], out[:, 1] = w[0], b[0], out[:, 0]
    descent = GradientDescent(0.1)
    end = descent.advance(net, descent.init(net, x, counter_keys(1, 2, "noise")), 500).x
    for row in end:
        (w, b), (out, _) = net.unpack(row)
        assert (w[1] == w[0]).all() and b[1] == b[0] and (out[:, 1] == out[:, 0]).all()
        assert np.abs(w[2] - w[0]).max() > 0.1
    assert (net.energy(end) < 0.5 * net.energy(x)).all()

"""Error signals of a network: against difference quotients, for units that stand alone, and for cloned units."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics import GradientDescent
from spinnet.landscapes import DenseNetwork, StructuredNetwork
from spinnet.probes.error_signal import ErrorSignalProbe


def network(hidden=(5, 4), activation="tanh", loss="cross-entropy"):
    options = {"n_train": 40, "pca": 6}
    return DenseNetwork(data="digits", hidden=hidden, data_options=options, activation=activation, loss=loss)


@pytest.mark.parametrize("loss", ["cross-entropy", "mse"])
def test_error_signals_are_the_derivatives_by_biases(loss):
    net = network(loss=loss)
    x = net.start(1, np.random.default_rng(0))
    errors = [layer[0] for layer in net.error_signals(x).errors]
    for delta, (_, by_bias) in zip(errors, net.unpack(net.gradient(x)[0]), strict=True):
        np.testing.assert_allclose(delta.sum(axis=0), by_bias, atol=1e-10)


def test_numbers_have_their_shapes_and_their_definitions():
    net = network()
    x = net.start(3, np.random.default_rng(1))
    x[2] = np.nan
    found = ErrorSignalProbe().measure(net, x)
    gradients = net.unpack(net.gradient(x[:1])[0] / net.n_terms)
    expected = [np.sqrt((w**2).mean()) for w, _ in gradients]
    np.testing.assert_allclose(found["weight_gradient_rms"].data[0], expected)
    assert np.isnan(found["error_rms"].data[2]).all() and np.isnan(found["moving_target"].data[2])
    assert found["class_share"].data.shape == (3,) and 0 < found["class_share"].data[0] < 1


def structured(**switches):
    options = {"n_train": 20, "pca": 6}
    return StructuredNetwork(**{"data": "digits", "data_options": options, "hidden": (4, 4), **switches})


def test_a_structured_network_without_switches_has_the_numbers_of_a_dense_one():
    one, other = network(), structured(hidden=(5, 4), data_options={"n_train": 40, "pca": 6})
    x = one.start(2, np.random.default_rng(1))
    found, expected = (ErrorSignalProbe().measure(net, x) for net in (other, one))
    for name, variable in expected.items():
        np.testing.assert_allclose(found[name].data, variable.data, rtol=1e-9)


@pytest.mark.parametrize(
    "switches",
    [
        {"normalisation": "batch"}, {"normalisation": "layer", "skip": True}, {"fractal": 2, "drop_path": 0.4},
        {"dropout": 0.3}, {"connections": "local", "hidden": (2, 2)}, {"connections": "shared", "hidden": (2, 2)},
    ],
    ids=lambda switches: "-".join(map(str, switches)),
)  # fmt: skip
def test_error_signals_of_a_structure_make_its_gradient(switches):
    net = structured(**switches)
    x = net.start(1, np.random.default_rng(0))
    signals, slopes = net.error_signals(x), net.layers(net.gradient(x)[0])
    assert len(signals.errors) == len(slopes) == len(net.layers(x))
    if net.connections == "dense":
        np.testing.assert_allclose(signals.errors[0][0].T @ net.data.inputs, slopes[0].weights, atol=1e-10)
    np.testing.assert_allclose(signals.errors[-1][0].T @ signals.activity[0], slopes[-1].weights, atol=1e-10)
    found = ErrorSignalProbe().measure(net, x)
    assert found["error_rms"].data.shape == (1, len(slopes)) and np.isfinite(found["error_rms"].data).all()
    shares_weights = net.connections == "shared"
    assert np.isnan(found["moving_target"].data[0]) == shares_weights == (net.last_hidden_units() is None)
    if not shares_weights:  # all that belongs to one unit is what the energy's units call so
        own = {int(i) for i in net.last_hidden_units()[0]}
        into = next(layer for layer in net.layers(np.arange(net.space.n))[-2:])
        assert set(into.weights[0]) <= own and (into.scales is None or {int(into.scales[0])} <= own)


def test_the_only_hidden_unit_of_a_layer_has_a_target_moved_by_the_output_alone():
    # One hidden unit and a linear loss of its own weights: what is left of the change comes from the output biases.
    net = network(hidden=(1,), loss="mse")
    x = net.start(1, np.random.default_rng(2))
    probe = ErrorSignalProbe(rate=1e-4)
    step = net.gradient(x)[0] / net.n_terms
    before = net.error_signals(x).errors[0][0]
    after = net.error_signals(x - 1e-4 * step).errors[0][0]
    still = step.copy()
    net.unpack(still)[1][1][:] = 0.0
    alone = net.error_signals(x - 1e-4 * still).errors[0][0]
    expected = np.linalg.norm(after - alone) / np.linalg.norm(after - before)
    assert probe.measure(net, x)["moving_target"].data[0] == pytest.approx(expected)


def test_cloned_units_stay_clones_for_ever_and_the_error_is_stuck():
    net = network(hidden=(6,))
    x = net.start(1, np.random.default_rng(3))
    (w, b), (out, _) = net.unpack(x[0])
    w[:], b[:], out[:] = w[0], b[0], out[:, :1]
    dynamics = GradientDescent(learning_rate=0.5)
    state = dynamics.advance(net, dynamics.init(net, x, np.zeros(1, np.uint64)), 500)
    (w, b), (out, _) = net.unpack(state.x[0])
    assert np.ptp(w, axis=0).max() == 0.0 and np.ptp(b) == 0.0 and np.ptp(out, axis=1).max() == 0.0
    free = dynamics.init(net, net.start(1, np.random.default_rng(3)), np.zeros(1, np.uint64))
    free = dynamics.advance(net, free, 500)
    assert net.energy(state.x)[0] > 2.0 * net.energy(free.x)[0]

"""What structure does to learning: error signals in deep stacks, fractal blocks, locality on compositional targets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.datasets import Dataset
from spinnet.dynamics.rmsprop import RMSProp
from spinnet.dynamics.sgd import SGD
from spinnet.landscapes import StructuredNetwork
from spinnet.randomness import counter_keys
from spinnet.theory.signal_propagation import structure_rate

WIDTH, NETWORKS = 32, 8


def gradient_of_the_first_layer(depth, fractal=1):
    """Root mean square of ∂(mean loss)/∂W of the first layer, ReLU, σ_w² = 1, the mean over networks."""
    hidden = [WIDTH] * depth if fractal == 1 else [WIDTH]
    net = StructuredNetwork(data_options={"n_train": 300}, hidden=hidden, fractal=fractal, activation="relu")
    first = net.layers(net.gradient(net.start(4, np.random.default_rng(0))) / net.n_terms)[0].weights
    return np.sqrt((first**2).mean(axis=(1, 2))).mean()


def test_fractal_blocks_keep_the_error_signal_that_a_plain_stack_of_their_depth_loses():
    # Larsson et al. 2016. Known from another implementation: 1e-3, 3.5e-5, 5.7e-8 and 8e-3, 9e-3, 5e-3.
    for depth, columns, plain in ((8, 4, 1e-3), (16, 5, 3.5e-5), (32, 6, 5.7e-8)):
        assert 1 / 4 < gradient_of_the_first_layer(depth) / plain < 4  # in 32 layers of 32 networks differ by as much
        assert 2e-3 < gradient_of_the_first_layer(depth, columns) < 9e-3


RATES = {
    "plain": ({}, -0.5 * math.log(2.0)), "skip": ({"skip": True}, 0.5 * math.log(1.5)),
    "batch": ({"normalisation": "batch"}, 0.5 * math.log(math.pi / (math.pi - 1.0))),
    "layer": ({"normalisation": "layer"}, 0.0),
}  # fmt: skip


@pytest.mark.parametrize("name", RATES)
def test_error_signals_change_in_every_layer_at_the_rate_known_for_wide_networks(name):
    # Corrections are of the order of depth over width, the largest with skip connections: small outputs, so that the
    # loss does not feel the size of the activities, lessen them.
    switches, stated = RATES[name]
    depth, width = 14 if name == "batch" else 10, 256 if name == "skip" else 96
    data = {"n_train": 300 if name == "batch" else 60, "n_test": 0, "pca": 16}
    net = StructuredNetwork(data_options=data, hidden=[width] * depth, activation="relu", **switches)
    x = net.start(NETWORKS, np.random.default_rng(0))
    for row in x:
        net.layers(row)[-1].weights[:] *= 1e-3
    logs = np.log([(net.error_signals(row[None]).errors[l] ** 2).mean() for row in x for l in (depth - 7, depth - 1)])
    rate = (logs[::2] - logs[1::2]) / 12
    error = rate.std(ddof=1) / math.sqrt(NETWORKS)
    assert structure_rate("relu", 1.0, net.normalisation, net.skip) == pytest.approx(stated)
    assert abs(rate.mean() - stated) < 4 * error, ((rate.mean() - stated) / error)
    others = [other for key, (_, other) in RATES.items() if key not in (name, "batch" if name == "skip" else "skip")]
    assert all(abs(rate.mean() - other) > 4 * error for other in others)  # deliberately wrong


def trained(net, x, stages, batch=64, **options):
    """Weights after stages of (learning rate, steps) of SGD with momentum 0.9."""
    for rate, steps in stages:
        dynamics = SGD(rate, batch, momentum=0.9, **options)
        x = dynamics.advance(net, dynamics.init(net, x, counter_keys(1, len(x), "noise")), steps).x
    return x


def test_a_fractal_block_32_layers_deep_learns_where_a_plain_stack_does_not():
    # Larsson et al. 2016; σ_w² = 1 is subcritical for ReLU.
    accuracy = {}
    for name, shape in (("plain", {"hidden": [WIDTH] * 32}), ("fractal", {"hidden": [WIDTH], "fractal": 6})):
        net = StructuredNetwork(activation="relu", sigma_w=1.0, **shape)
        x = trained(net, net.start(1, np.random.default_rng(0)), [(0.05, 160)], clip=1.0)
        accuracy[name] = net.train_accuracy(x)[0]
    assert accuracy["plain"] < 0.2 and accuracy["fractal"] > 0.9, accuracy


@pytest.mark.slow
def test_fractal_blocks_of_any_depth_learn_and_plain_stacks_do_worse_the_deeper_they_are():
    # Known from another implementation after 400 steps of Adam: 0.98, 0.72 and 1.00, 1.00 at depths 8 and 32.
    accuracy = {}
    for name, shape in (("plain 8", {"hidden": [WIDTH] * 8}), ("plain 32", {"hidden": [WIDTH] * 32}),
                        ("fractal 8", {"hidden": [WIDTH], "fractal": 4}), ("skip 32", {"hidden": [WIDTH] * 32}),
                        ("fractal 32", {"hidden": [WIDTH], "fractal": 6})):  # fmt: skip
        net = StructuredNetwork(data_options={"n_test": 450}, activation="relu", skip=name == "skip 32", **shape)
        found = []
        for rate in (1e-3, 3e-3):
            dynamics = RMSProp(rate, 60, epsilon=1e-8)
            x = net.start(1, np.random.default_rng(0))
            x = dynamics.advance(net, dynamics.init(net, x, counter_keys(1, 1, "noise")), 400).x
            found.append(net.train_accuracy(x)[0])
        accuracy[name] = max(found)
    assert accuracy["plain 8"] > 0.98 and accuracy["fractal 8"] > 0.98 and accuracy["fractal 32"] > 0.95, accuracy
    assert accuracy["plain 32"] < accuracy["skip 32"] < accuracy["fractal 32"] and accuracy["plain 32"] < 0.75, accuracy


def compositional(count, rng):
    """A binary tree of seven different functions of two variables over eight inputs, standardised."""
    inputs, nodes = rng.uniform(-1.7, 1.7, (count, 8)), np.random.default_rng(5)
    values = list(inputs.T)
    while len(values) > 1:
        above = []
        for a, b in zip(values[::2], values[1::2], strict=True):
            f = nodes.uniform(0.8, 1.4, 3) * nodes.choice([-1, 1], 3)
            above.append(np.sin(f[0] * a + f[1] * b + f[2] * a * b))
        values = above
    return inputs, ((values[0] - values[0].mean()) / values[0].std())[:, None]


@pytest.mark.slow
def test_on_a_compositional_target_locality_beats_an_equally_large_shallow_network_and_sharing_is_not_needed():
    # Poggio et al. 2017: the tree's windows, each with weights of its own.
    (inputs, targets), (test_inputs, test_targets) = (
        compositional(count, np.random.default_rng(seed)) for count, seed in ((20000, 0), (1000, 1))
    )
    data = Dataset(
        name="tree", inputs=inputs, targets=targets, test_inputs=test_inputs, test_targets=test_targets
    )
    error = {}
    for name, shape in (
        ("local", {"hidden": [9, 9, 9], "connections": "local"}),
        ("shared", {"hidden": [9, 9, 9], "connections": "shared"}),
        ("shallow", {"hidden": [63]}),
    ):
        net = StructuredNetwork(data, loss="mse", sigma_w=1.4, **shape)
        assert net.n_dof < 640
        x = trained(net, net.start(3, np.random.default_rng(1)), [(0.1, 12000), (0.03, 6000), (0.01, 3000)], clip=2.0)
        error[name] = np.sqrt(2.0 * net.test_loss(x))  # in standard deviations of the target
    assert error["local"].max() < 0.65 * error["shallow"].min(), error
    assert error["local"].mean() < error["shared"].mean() < error["shallow"].mean(), error

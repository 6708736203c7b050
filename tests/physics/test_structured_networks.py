"""What structure does to learning: error signals in deep stacks, fractal blocks, locality on compositional targets."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.datasets import Dataset
from spinnet.dynamics.sgd import SGD
from spinnet.landscapes import StructuredNetwork
from spinnet.randomness import counter_keys

WIDTH, NETWORKS = 32, 8


def input_gradient(depth, **switches):
    """Root mean square of ∂(mean loss)/∂W of the first layer of each network, ReLU, σ_w² = 1."""
    hidden = [WIDTH] * depth if "fractal" not in switches else [WIDTH]
    net = StructuredNetwork(
        data_options={"n_train": 200, "n_test": 10}, hidden=hidden, activation="relu", sigma_w=1.0, **switches
    )
    x = net.start(NETWORKS, np.random.default_rng(0))
    return np.sqrt((net.gradient(x)[:, : 64 * WIDTH] ** 2).mean(axis=1)) / net.n_terms


def test_the_error_signal_fades_by_the_root_of_chi_in_every_layer_of_a_plain_stack():
    # χ₁ = σ_w²/2 for ReLU: a factor 1/√2 per layer (Schoenholz et al. 2017). Width 32 adds fluctuations ~ depth/width.
    ratio = np.log(input_gradient(20) / input_gradient(8)) / 12
    z = (ratio.mean() - 0.5 * math.log(0.5)) / (ratio.std(ddof=1) / math.sqrt(NETWORKS))
    assert abs(z) < 4, z


def test_fractal_blocks_keep_the_error_signal_that_a_plain_stack_of_their_depth_loses():
    shallow, deep = input_gradient(4, fractal=3), input_gradient(16, fractal=5)
    assert (deep > 0.2 * shallow).all() and (deep > 20 * input_gradient(16)).all()


@pytest.mark.parametrize(("stated", "right"), [(0.5 * math.log(math.pi / (math.pi - 1)), True), (0.0, False)])
def test_batch_normalisation_makes_the_error_signal_explode_at_its_known_rate(stated, right):
    # Mean square times π/(π − 1) = 1.467 per ReLU layer (Yang et al. 2019, 1902.08129, wide networks and batches).
    ratio = np.log(input_gradient(24, normalisation="batch") / input_gradient(8, normalisation="batch")) / 16
    z = (ratio.mean() - stated) / (ratio.std(ddof=1) / math.sqrt(NETWORKS))
    assert bool(abs(z) < 4) is right, z


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
        x = trained(net, net.start(1, np.random.default_rng(0)), [(0.05, 250)], clip=1.0)
        accuracy[name] = net.train_accuracy(x)[0]
    assert accuracy["plain"] < 0.2 and accuracy["fractal"] > 0.9, accuracy


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

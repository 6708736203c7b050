"""How the error signal passes through deep networks at initialisation: plain, fractal and batch-normalised stacks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.landscapes import StructuredNetwork

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

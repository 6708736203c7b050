"""Bits that stored results rely on.

A failure here means that new results would be mixed with old ones of the same identity. If the change is meant, raise
``revision`` of the class concerned, name it in CHANGELOG.md, and write the new value here.
"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from spinnet import datasets
from spinnet.dynamics import SGD, GradientFlow, Langevin
from spinnet.kernels.counter_noise import fill_integers, fill_normal
from spinnet.landscapes import DenseNetwork, SphericalGlass
from spinnet.randomness import counter_keys, stream

REMEDY = "bits changed: raise `revision` and name it in CHANGELOG.md"


def digest(array: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


def test_streams_are_what_they_were():
    assert stream(1, "couplings", 8, 3, 0).integers(0, 1000, 4).tolist() == [457, 545, 171, 447], REMEDY
    assert [int(k) for k in counter_keys(1, 2, "noise", 0)] == [2890395518241231084, 7082783186734300218], REMEDY


def test_couplings_are_what_they_were():
    glass = SphericalGlass(n=8, covariance={3: 1.0}, seed=1, dtype="float64")
    energies = glass.energy(stream(1, "regression").standard_normal((2, 8)))
    np.testing.assert_allclose(energies, [-0.7197374658734104, 0.3185466698291157], rtol=1e-12, err_msg=REMEDY)


def test_batches_and_noise_are_what_they_were():
    keys = counter_keys(1, 2, "noise", 0)
    batches = np.empty((3, 2, 4), dtype=np.int64)
    fill_integers(keys, 0, 1348, batches)
    assert batches.ravel()[:8].tolist() == [128, 444, 479, 945, 1187, 416, 639, 993], REMEDY
    noise = np.empty((2, 3))
    fill_normal(keys, 0, noise)
    expected = [
        -1.044930192463998, 1.8994924165406544, -0.43047721687088003,
        -0.18342474989037502, 0.46902561404096454, -0.09951446352294863,
    ]
    np.testing.assert_allclose(noise.ravel(), expected, rtol=1e-12, err_msg=REMEDY)


def test_processed_digits_are_what_they_were():
    data = datasets.load("digits")
    assert data.inputs.shape == (1348, 64)
    assert digest(data.labels.astype(np.int64)) == "7a5e21bf6371e7ca", REMEDY
    assert digest(np.round(data.inputs, 9) + 0.0) == "3e54578bdb930263", REMEDY


@pytest.mark.parametrize(
    ("dynamics", "expected"),
    [
        (GradientFlow(), [-7.827904273212862, -5.838407673030222]),
        (Langevin(temperature=0.5, step=0.01), [-4.75747132384041, -1.8965753017791596]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_glass_trajectories_are_what_they_were(dynamics, expected):
    glass = SphericalGlass(n=16, covariance={3: 1.0}, seed=1, dtype="float64")
    state = dynamics.init(glass, glass.start(2, stream(1, "regression")), counter_keys(1, 2, "noise"))
    state = dynamics.advance(glass, state, 10)
    np.testing.assert_allclose(glass.energy(state.x), expected, rtol=1e-6, err_msg=REMEDY)


def test_training_is_what_it_was():
    network = DenseNetwork(data="digits", hidden=(3,))
    sgd = SGD(learning_rate=0.1, batch=8)
    state = sgd.init(network, network.start(2, stream(1, "regression")), counter_keys(1, 2, "noise"))
    state = sgd.advance(network, state, 20)
    expected = [1.9397494198141945, 1.8470949326192112]
    np.testing.assert_allclose(network.energy_density(state.x), expected, rtol=1e-6, err_msg=REMEDY)

"""Bits of levels and of walks between them that stored results rely on; see test_frozen_bits."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics import RejectionFree, SpinFlips
from spinnet.landscapes import (
    ContinuousREM,
    DataCorrelatedREM,
    GeneralizedREM,
    LogCorrelatedREM,
    PSpinIsing,
    RandomEnergyModel,
)
from spinnet.randomness import counter_keys

REMEDY = "bits changed: raise `revision` and name it in CHANGELOG.md"
NETWORK = {"data_options": {"n_train": 30}, "hidden": [3]}
LEVELS = {
    "random energies": (RandomEnergyModel(20, seed=1), [-1.5015242566, -2.4523544687, -3.2246006772]),
    "exponential": (RandomEnergyModel(20, seed=1, distribution="exponential"),
                    [-0.23324818649, -0.060805353555, -0.43431370768]),
    "two generations": (GeneralizedREM(20, [[0.7, 0.5], [0.3, 0.5]], seed=1),
                        [-1.2949664174, -0.10011929064, 3.26084526]),
    "branching random walk": (ContinuousREM(20, {1: 1.0}, seed=1),
                              [-1.2140280869, -1.8140195892, -0.81936388383]),
    "circle": (LogCorrelatedREM(8, seed=1), [-1.7930698781, -4.2322383443, 2.0370101382]),
    "interval": (LogCorrelatedREM(8, "interval", seed=1), [3.1154979328, 1.2291170051, 1.7132672857]),
    "Ising p = 3": (PSpinIsing(9, 3, seed=1), [-1.3194681582, 0.028475809088, 1.0992273034]),
    "networks": (DataCorrelatedREM(20, NETWORK, seed=1, sample=1), [70.259426299, 69.265917604, 74.130271664]),
}  # fmt: skip


@pytest.mark.parametrize("name", LEVELS)
def test_levels_are_what_they_were(name):
    landscape, expected = LEVELS[name]
    np.testing.assert_allclose(landscape.level(np.array([0, 3, 200])), expected, rtol=1e-10, err_msg=REMEDY)


@pytest.mark.parametrize(
    ("dynamics", "expected"),
    [
        (SpinFlips(0.9), [788799, 738319]),
        (SpinFlips(0.9, "glauber"), [262459, 132651]),
        (RejectionFree(0.9), [528467, 952455]),
        (RejectionFree(0.9, "hopping", tick=30.0), [100684, 877981]),
        (RejectionFree(0.9, "trap", tick=30.0), [374349, 347766]),
    ],
    ids=["Metropolis", "Glauber", "rejection-free", "hopping", "traps"],
)  # fmt: skip
def test_walks_are_what_they_were(dynamics, expected):
    model = RandomEnergyModel(20, seed=1)
    state = dynamics.init(model, model.configuration(np.array([1, 2])), counter_keys(1, 2, "noise"))
    assert model.index_of(dynamics.advance(model, state, 100).x).tolist() == expected, REMEDY

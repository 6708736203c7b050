"""Bits of levels and of walks between them that stored results rely on; see test_frozen_bits."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet.dynamics import RejectionFree, SpinFlips
from spinnet.landscapes import (
    ContinuousREM,
    DataCorrelatedREM,
    FoldingREM,
    GeneralizedREM,
    LogCorrelatedREM,
    PlantedGlass,
    PSpinIsing,
    RandomEnergyModel,
)
from spinnet.randomness import counter_keys

REMEDY = "bits changed: raise `revision` and name it in CHANGELOG.md"
NETWORK = {"data_options": {"n_train": 30}, "hidden": [3]}
LEVELS = {
    "random energies": (RandomEnergyModel(20, seed=1), [-2.0345497107, -7.8603151751, -0.87646269847]),
    "exponential": (RandomEnergyModel(20, seed=1, distribution="exponential"),
                    [-1.1046522882, -0.97830053185, -0.3327752579]),
    "two generations": (GeneralizedREM(20, [[0.7, 0.5], [0.3, 0.5]], seed=1),
                        [-2.1297783023, -0.2883553143, 0.78768005327]),
    "branching random walk": (ContinuousREM(20, {1: 1.0}, seed=1),
                              [3.9971256198, 3.8070729268, 0.78424916098]),
    "circle": (LogCorrelatedREM(8, seed=1), [-1.7930698781, -4.2322383443, 2.0370101382]),
    "interval": (LogCorrelatedREM(8, "interval", seed=1), [3.1154979328, 1.2291170051, 1.7132672857]),
    "Ising p = 3": (PSpinIsing(9, 3, seed=1), [-1.8050345115, 2.6292357396, -4.9980631392]),
    "folding": (FoldingREM(20, 1.6, "power", softening=0.5, seed=1),
                [-26.641747557, -21.464584062, -19.556168139]),
    "planted Ising": (PlantedGlass(9, 3, snr=1.5, seed=1), [-1.5550345115, 2.6199764803, -3.8406557318]),
    "networks": (DataCorrelatedREM(20, NETWORK, seed=1, sample=1), [88.475759415, 66.509247751, 67.287630456]),
}  # fmt: skip


@pytest.mark.parametrize("name", LEVELS)
def test_levels_are_what_they_were(name):
    landscape, expected = LEVELS[name]
    np.testing.assert_allclose(landscape.level(np.array([0, 3, 200])), expected, rtol=1e-10, err_msg=REMEDY)


@pytest.mark.parametrize(
    ("dynamics", "expected"),
    [
        (SpinFlips(0.9), [524307, 729729]),
        (SpinFlips(0.9, "glauber"), [9345, 991873]),
        (RejectionFree(0.9), [648278, 698503]),
        (RejectionFree(0.9, "hopping", tick=30.0), [493087, 427634]),
        (RejectionFree(0.9, "trap", tick=30.0), [568903, 1032070]),
    ],
    ids=["Metropolis", "Glauber", "rejection-free", "hopping", "traps"],
)  # fmt: skip
def test_walks_are_what_they_were(dynamics, expected):
    model = RandomEnergyModel(20, seed=1)
    state = dynamics.init(model, model.configuration(np.array([1, 2])), counter_keys(1, 2, "noise"))
    assert model.index_of(dynamics.advance(model, state, 100).x).tolist() == expected, REMEDY

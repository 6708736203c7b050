"""Probes of numbered levels: thermodynamics of a sample, and which level a walk is in."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet import landscapes
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import require
from spinnet.landscapes.thermodynamics import measure_thermodynamics, overlap_distribution
from spinnet.probes import load
from spinnet.simulation import simulate

T = [0.4, 1.0, 3.0]


@pytest.mark.parametrize(
    "model",
    [
        landscapes.RandomEnergyModel(8, seed=1),
        landscapes.LogCorrelatedREM(7, seed=1),
        landscapes.PSpinIsing(7, 3, seed=1),
    ],
    ids=["hashed", "circle", "Ising"],
)
def test_thermodynamics_are_those_of_the_landscape(model):
    probe = load("thermodynamics")(temperatures=T, overlap="hypercube", lowest=5)
    x = model.start(2, np.random.default_rng(0))
    found = probe.measure(model, x, np.random.default_rng(0))
    expected = measure_thermodynamics(model, 1 / np.array(T))
    law = overlap_distribution(model, 1 / np.array(T))
    for a in range(2):
        assert (found["thermodynamics/log_partition"].data[a] == expected.log_partition).all()
        assert (found["thermodynamics/entropy"].data[a] == expected.entropy).all()
        assert (found["thermodynamics/participation_3"].data[a] == expected.participation[1]).all()
        assert (found["thermodynamics/overlap_probability"].data[a] == law.probability).all()
        np.testing.assert_array_equal(found["thermodynamics/lowest"].data[a], np.sort(model.all_levels())[:5])
    assert found["thermodynamics/ground_state"].data[0] == model.all_levels().min()
    assert all(v.dims[0] == "replica" and v.data.shape[0] == 2 and v.description for v in found.values())


def test_the_level_is_the_number_of_the_configuration():
    model = landscapes.RandomEnergyModel(64, seed=1)
    x = model.start(6, np.random.default_rng(0))
    found = load("level")().measure(model, x)["level"].data
    assert found.dtype == np.int64 and (found.view(np.uint64) == model.index_of(x)).all()


def test_a_task_of_a_still_landscape_gives_its_thermodynamics():
    physics = {
        "landscape": {"kind": "RandomEnergyModel", "n": 9, "distribution": "gaussian"}, "dynamics": {"kind": "Still"},
        "schedule": {"kind": "linear", "every": 1}, "probes": {"thermodynamics": {"temperatures": T}},
        "replicas": 1, "sample": 4, "seed": 2,
    }  # fmt: skip
    found = simulate(physics, 1.0).variables
    exact = measure_thermodynamics(landscapes.RandomEnergyModel(9, seed=2, sample=4), 1 / np.array(T))
    assert (found["thermodynamics/log_partition"].data[0] == exact.log_partition).all()


@pytest.mark.parametrize("table", [{"temperatures": [0.0, 1.0]}, {"temperatures": [1.0, 0.5]}, {"temperatures": 1.0}])
def test_wrong_temperatures_are_refused(table):
    with pytest.raises(InputError, match="temperature"):
        load("thermodynamics").resolve(table)


@pytest.mark.parametrize("name", ["thermodynamics", "level"])
def test_landscapes_without_numbered_levels_are_refused(name):
    with pytest.raises(CapabilityError, match="IndexedLevels"):
        require(name, landscapes.SphericalGlass, load(name).requires)

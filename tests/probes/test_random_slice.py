"""Random slices pass through the configuration, in units of its filters, and leave it alone."""

import numpy as np
import pytest
from reference.simple_landscapes import HarmonicWell

from spinnet import landscapes, probes, simulation
from spinnet.errors import InputError


def measure(landscape, x, seed=0, **parameters):
    found = probes.load("random_slice")(**parameters).measure(landscape, x, np.random.default_rng(seed))
    return {name.partition("/")[2]: variable.data for name, variable in found.items()}


def test_a_slice_of_a_round_well_is_the_parabola_of_its_filter():
    well = HarmonicWell(np.ones(50))
    x = np.random.default_rng(1).standard_normal((2, 50))
    found = measure(well, x, points=5, plane_points=3)
    curved = (found["line"][:, 0] + found["line"][:, -1]) / 2 - found["line"][:, 2]
    # |d| = |x|: the energy rises by |x|²/2 at a step of 1, whatever the direction.
    np.testing.assert_allclose(curved, 0.5 * (x**2).sum(axis=1) / 50, rtol=1e-12)
    np.testing.assert_allclose(found["line"][:, 2], well.energy_density(x), rtol=1e-14)
    np.testing.assert_allclose(found["plane"][:, 1, 1], well.energy_density(x), rtol=1e-14)
    np.testing.assert_allclose(found["plane"][:, 0, 1], found["line"][:, 0], rtol=1e-13)


def test_lost_rows_are_nan_and_the_block_stays():
    well = HarmonicWell([1.0, 2.0, 3.0])
    x = np.random.default_rng(1).standard_normal((3, 3))
    whole = measure(well, x)
    x[1] = np.nan
    before = x.copy()
    torn = measure(well, x)
    np.testing.assert_array_equal(x, before)
    np.testing.assert_array_equal(torn["line"][[0, 2]], whole["line"][[0, 2]])
    assert np.isnan(torn["line"][1]).all() and "plane" not in torn


def test_the_slice_of_a_run_is_recorded_with_its_steps():
    kind, mover = simulation.load_landscape("SphericalGlass"), simulation.load_dynamics("GradientFlow")
    table = kind.resolve({"n": 12, "covariance": {3: 1.0}})
    for name in simulation.TASK_PARAMETERS:
        table.pop(name, None)
    physics = {
        "landscape": {"kind": "SphericalGlass", **table}, "dynamics": {"kind": "GradientFlow", **mover.resolve({})},
        "schedule": {"kind": "log", "first": 0.1, "per_decade": 2},
        "probes": {"energy": {}, "random_slice": probes.load("random_slice").resolve({"points": 7, "plane_points": 3})},
        "replicas": 2, "sample": 0, "seed": 1,
    }  # fmt: skip
    found = simulation.simulate(physics, 1.0).variables
    assert found["slice/line"].data.shape == (2, 7) and found["slice/plane"].data.shape == (2, 3, 3)
    np.testing.assert_allclose(found["slice/a"].data, np.linspace(-1, 1, 7))
    ends = found["trajectory/energy_density"].data[:, -1]
    np.testing.assert_allclose(found["slice/line"].data[:, 3], ends, rtol=1e-5)


def test_filters_of_a_network_set_the_scale():
    net = landscapes.DenseNetwork(data="digits", data_options={"n_train": 30, "n_test": 5, "pca": 4}, hidden=[3])
    x = net.start(1, np.random.default_rng(0))
    assert np.ptp(measure(net, x)["line"]) > 10 * np.ptp(measure(net, x, reach=0.05)["line"]) > 0


def test_refusals():
    with pytest.raises(InputError, match="reach"):
        probes.load("random_slice")(reach=0)

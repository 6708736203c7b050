"""Probes that see a whole block: overlaps and barriers between replicas, lines from start to end."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, HarmonicWell, two_spin_glass

from spinnet import landscapes, probes, simulation
from spinnet.errors import CapabilityError, InputError
from spinnet.landscapes.base import require
from spinnet.probes.replica_pairs import replica_pairs

BLOCK_PROBES = ("aligned_overlap", "barriers", "initial_line")


def measure(name, landscape, start, x, **parameters):
    found = probes.load(name)(**parameters).measure_block(landscape, start, x, np.random.default_rng(0))
    return {key.partition("/")[2]: variable.data for key, variable in found.items()}


@pytest.fixture(scope="module")
def trained():
    options = {"n_train": 60, "n_test": 20, "pca": 5}
    net = landscapes.DenseNetwork(data="digits", data_options=options, hidden=[4])
    start = net.start(6, np.random.default_rng(0))
    return net, start, 2.0 * start + 0.1 * net.start(6, np.random.default_rng(1))


def test_pairs_are_disjoint_or_all():
    assert np.array(replica_pairs(5, "disjoint")).T.tolist() == [[0, 1], [2, 3]]
    assert np.array(replica_pairs(3, "all")).T.tolist() == [[0, 1], [0, 2], [1, 2]]


def test_images_of_one_network_overlap_fully_after_alignment_and_not_before(trained):
    net, start, x = trained
    x = x.copy()
    for a in (1, 3, 5):
        x[a] = net.symmetry.act(x[a - 1], net.symmetry.random(np.random.default_rng(a)))
    found = measure("aligned_overlap", net, start, x)
    np.testing.assert_allclose(found["aligned"], 1.0, rtol=1e-12)
    assert (found["overlap"] < 0.9).all() and (found["start_aligned"] < 0.9).all()


def test_aligning_untrained_networks_finds_some_overlap(trained):
    net, start, x = trained
    found = measure("aligned_overlap", net, start, x, pairs="all")
    assert found["overlap"].shape == (15,)
    assert (found["start_aligned"] > found["start_overlap"]).all() and found["start_aligned"].mean() > 0.05


def test_the_line_between_images_is_level_after_alignment(trained):
    net, start, x = trained
    x = x.copy()
    x[1] = net.symmetry.act(x[0], net.symmetry.random(np.random.default_rng(3)))
    found = measure("barriers", net, start, x, points=11)
    assert np.ptp(found["energy"][0]) > 1e-3 and np.ptp(found["aligned_energy"][0]) < 1e-12
    assert (found["energy"][:, 0] == net.energy_density(x[::2])).all()
    np.testing.assert_allclose(found["aligned_energy"][:, 0], found["energy"][:, 0], rtol=1e-12)


def test_bands_lie_below_the_straight_line():
    wells = DoubleWell(2)
    x = np.array([[1.0, 1.0], [-1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    found = measure("barriers", wells, x, x, points=11, images=7, tolerance=1e-6)
    np.testing.assert_allclose(found["height"] * 2, [0.25, 0.0], atol=1e-12)
    np.testing.assert_allclose(found["band_barrier"] * 2, [0.25, 0.0], atol=1e-9)
    assert (found["band_converged"] == 1).all() and "aligned_energy" not in found


def test_the_line_to_a_minimum_of_a_convex_energy_only_falls_and_a_hill_is_seen():
    well = HarmonicWell([1.0, 2.0])
    start = np.array([[1.0, 1.0], [2.0, -1.0]])
    found = measure("initial_line", well, start, np.zeros((2, 2)), points=11)
    assert (found["upward_variation"] == 0.0).all()
    np.testing.assert_allclose(found["arrived_at"], 0.7)
    assert (np.diff(found["energy"]) < 0).all() and "test_loss" not in found
    wells = DoubleWell(1)
    over = measure("initial_line", wells, np.array([[-1.2]]), np.array([[1.0]]), points=23)
    drop = wells.energy(np.array([[-1.2]]))[0]
    assert over["upward_variation"][0] == pytest.approx(0.25 / drop, rel=1e-12)


def test_a_network_is_followed_on_test_patterns_too(trained):
    net, start, x = trained
    found = measure("initial_line", net, start, x, points=5)
    np.testing.assert_allclose(found["test_loss"][:, 0], net.test_loss(start), rtol=1e-13)


@pytest.mark.parametrize("name", BLOCK_PROBES)
def test_rows_that_are_nowhere_are_nan_and_the_block_stays(name, trained):
    net, start, x = trained
    whole = measure(name, net, start, x)
    torn = x.copy()
    torn[2] = np.nan
    before = torn.copy()
    found = measure(name, net, start, torn)
    np.testing.assert_array_equal(torn, before)
    lost = 2 if name == "initial_line" else 1
    for key, values in found.items():
        kept = [a for a in range(len(values)) if a != lost]
        np.testing.assert_allclose(values[kept], whole[key][kept], rtol=1e-12)
        if not key.startswith("start_"):
            assert np.isnan(values[lost]).all()


def test_refusals():
    with pytest.raises(CapabilityError, match="Symmetric"):
        require("aligned_overlap", two_spin_glass(5, 1), probes.load("aligned_overlap").requires)
    for name in ("aligned_overlap", "barriers"):
        with pytest.raises(InputError, match="replicas"):
            probes.load(name)().check_run(1.0, 1)
    with pytest.raises(InputError, match="images"):
        probes.load("barriers")(images=2)


def test_a_run_measures_blocks_once_from_its_own_start_and_resumes_to_the_same_bits():
    kind, mover = simulation.load_landscape("DenseNetwork"), simulation.load_dynamics("SGD")
    table = kind.resolve({"data": "digits", "data_options": {"n_train": 60, "n_test": 20, "pca": 4}, "hidden": [3]})
    for name in simulation.TASK_PARAMETERS:
        table.pop(name, None)
    physics = {
        "landscape": {"kind": "DenseNetwork", **table},
        "dynamics": {"kind": "SGD", **mover.resolve({"learning_rate": 0.1, "batch": 10})},
        "schedule": {"kind": "linear", "every": 20.0},
        "probes": {name: probes.load(name).resolve({}) for name in ("energy", *BLOCK_PROBES)},
        "replicas": 4, "sample": 0, "seed": 1,
    }  # fmt: skip
    done = simulation.simulate(physics, 20.0)
    start = done.variables["trajectory/energy_density"].data[:, 0]
    np.testing.assert_allclose(done.variables["initial_line/energy"].data[:, 0], start, rtol=1e-12)
    assert done.variables["barriers/energy"].data.shape == (2, 25)
    state, stops = None, 0
    while True:
        part = simulation.simulate(physics, 20.0, state, should_stop=lambda: True)
        if part.finished:
            break
        state, stops = part.state, stops + 1
    assert stops >= 2
    for name, variable in done.variables.items():
        np.testing.assert_array_equal(np.asarray(variable.data), np.asarray(part.variables[name].data), err_msg=name)

"""Symmetries of structured networks: what leaves the energy alone, what does not, and what alignment undoes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spinnet.datasets import Dataset
from spinnet.landscapes import DenseNetwork, StructuredNetwork


def patterns(count=12, inputs=6, classes=3):
    rng = np.random.default_rng(5)
    return Dataset(
        name="made up", inputs=rng.standard_normal((count, inputs)), labels=rng.integers(0, classes, count),
        n_classes=classes,
    )  # fmt: skip


def network(**given):
    return StructuredNetwork(**{"data": patterns(), "hidden": (5,), "sigma_b": 0.3, **given})


def configurations(net, replicas=2, seed=1):
    x = net.start(replicas, np.random.default_rng(seed))
    return x + 0.1 * np.random.default_rng(seed + 50).standard_normal(x.shape)  # scales and shifts away from 1 and 0


SIGNS = 2**5
STREAM = {"skip": True, "hidden": (4, 4, 4)}  # all three layers are one stream of 4 units
# Switches, and the order of the discrete group by hand.
STRUCTURES = {
    "plain tanh": ({"hidden": (5, 4)}, math.factorial(5) * 2**5 * math.factorial(4) * 2**4),
    "plain relu": ({"activation": "relu"}, math.factorial(5)),
    "square": ({"activation": "square"}, math.factorial(5) * SIGNS),
    "cubic": ({"activation": "cubic"}, math.factorial(5) * SIGNS),
    "odd polynomial": ({"activation": [0.0, 1.0, 0.0, -0.2]}, math.factorial(5) * SIGNS),
    "mixed polynomial": ({"activation": [0.2, 1.0, 0.3]}, math.factorial(5)),
    "batch relu": ({"activation": "relu", "normalisation": "batch"}, math.factorial(5) * SIGNS),
    "batch tanh": ({"normalisation": "batch"}, math.factorial(5) * SIGNS**2),
    "layer relu": ({"activation": "relu", "normalisation": "layer"}, math.factorial(5)),
    "layer tanh": ({"normalisation": "layer"}, math.factorial(5) * SIGNS),
    "skip tanh": (STREAM, math.factorial(4) * 2**4),
    "skip relu": ({**STREAM, "activation": "relu"}, math.factorial(4)),
    "skip batch": ({**STREAM, "activation": "relu", "normalisation": "batch"}, math.factorial(4) * 2**12),
    "skip from the inputs": ({"skip": True, "hidden": (6, 6)}, 1),
    "fractal": ({"fractal": 3, "hidden": (4,)}, (math.factorial(4) * 2**4) ** 4),
    "fractal dropped": ({"fractal": 3, "hidden": (4,), "drop_path": 0.5, "mask_seed": 1}, (24 * 2**4) ** 4),
    "fractal relu": ({"fractal": 2, "hidden": (4, 4), "activation": "relu"}, math.factorial(4) ** 4),
    "dropout": ({"dropout": 0.3}, SIGNS),
    "dropout relu": ({"dropout": 0.3, "activation": "relu"}, 1),
    "local": ({"connections": "local", "hidden": (3, 2), "stride": 1}, (6 * 8) ** 5 * (2 * 4) ** 4),
    "local gaps": ({"connections": "local", "hidden": (3, 2), "stride": 3, "activation": "relu"}, 6**2 * 2),
    "shared": ({"connections": "shared", "hidden": (3, 2), "stride": 1}, 6 * 8 * 2 * 4),
    "shared batch": (
        {"connections": "shared", "hidden": (3,), "grid": (2, 3), "stride": 1, "normalisation": "batch"}, 6 * 8 * 8
    ),
}  # fmt: skip


@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("name", STRUCTURES)
def test_random_elements_of_the_group_leave_the_energy_alone(name, decay):
    switches, order = STRUCTURES[name]
    net = network(**switches, weight_decay=decay)
    x, rng = configurations(net), np.random.default_rng(3)
    energy, group = net.energy(x), net.symmetry
    assert net.symmetry_order == order
    for _ in range(3):
        moved = np.array([group.act(row, group.random(rng)) for row in x])
        assert order == 1 or np.abs(moved - x).max() > 0.01
        np.testing.assert_allclose(net.energy(moved), energy, rtol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(moved, axis=1), np.linalg.norm(x, axis=1), rtol=1e-13)
    fixed = net.fix_gauge(x)
    np.testing.assert_allclose(net.energy(fixed), energy, rtol=1e-11)
    np.testing.assert_allclose(net.fix_gauge(fixed), fixed, rtol=1e-9, atol=1e-12)
    shorter = np.linalg.norm(fixed, axis=1) < np.linalg.norm(x, axis=1)
    assert (shorter.all() or (group.groups and not group.shifts)) if decay == 0.0 else not shorter.any()


@pytest.mark.parametrize("name", ["plain relu", "batch relu", "skip relu", "fractal relu", "local gaps", "square"])
def test_scales_of_units_are_balanced_whatever_they_were(name):
    net = network(**STRUCTURES[name][0])
    x = configurations(net, 1)
    scaled, rng = np.append(x[0], 0.0), np.random.default_rng(0)
    for group in net.symmetry.groups:
        factor = rng.uniform(0.5, 2.0, group.units)
        for part in group.parts:
            scaled[part.index] *= factor[:, None] ** {1: 1, 0: 0, -1: -group.degree}[part.side]
    moved = scaled[None, :-1]
    assert np.abs(moved - x).max() > 0.1
    np.testing.assert_allclose(net.energy(moved), net.energy(x), rtol=1e-11)
    np.testing.assert_allclose(net.fix_gauge(moved), net.fix_gauge(x), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "left_out"),
    [("skip tanh", 1), ("skip relu", -1), ("fractal", 1), ("batch relu", 1), ("shared", -1), ("local", 1)],
)
def test_an_element_that_leaves_one_side_out_changes_the_energy(name, left_out):
    net = network(**STRUCTURES[name][0])
    x, group = configurations(net, 1), net.symmetry.groups[0]
    order = np.arange(group.units)
    members = group.classes[0]
    order[members] = np.roll(members, 1)
    row, wrong = np.append(x[0], 0.0), [part for part in group.parts if part.side == left_out][-1]
    for part in group.parts:
        if part is not wrong:
            row[part.index] = row[part.index[order]]
    change = abs(net.energy(row[None, :-1])[0] / net.energy(x)[0] - 1.0)
    assert change > 1e-4


@pytest.mark.parametrize("name", STRUCTURES)
def test_alignment_undoes_a_random_element(name):
    net = network(**STRUCTURES[name][0])
    x, group, rng = configurations(net, 2), net.symmetry, np.random.default_rng(3)
    moved = np.array([group.act(row, group.random(rng)) for row in x])
    aligned = net.align(moved, x, starts=40 if name == "local" else 8)
    np.testing.assert_allclose(net.energy(aligned), net.energy(x), rtol=1e-11)
    np.testing.assert_allclose(aligned, net.fix_gauge(x), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("activation", ["tanh", "relu", "erf", "linear"])
@pytest.mark.parametrize("hidden", [(4,), (4, 3)])
def test_without_switches_the_group_is_that_of_a_dense_network(activation, hidden):
    given = {"data": patterns(), "hidden": hidden, "activation": activation, "sigma_b": 0.3}
    one, other = DenseNetwork(**given), StructuredNetwork(**given)
    x, y = configurations(one, 3), configurations(one, 3, seed=8)
    assert one.symmetry_order == other.symmetry_order
    np.testing.assert_allclose(other.fix_gauge(x), one.fix_gauge(x), rtol=1e-9, atol=1e-12)
    found, expected = (np.einsum("ri,ri->r", net.align(x, y), net.fix_gauge(y)) for net in (other, one))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_an_orbit_holds_every_image_once():
    net = network(hidden=(2,), normalisation="batch")
    orbit = net.symmetry.orbit(configurations(net, 1)[0])
    assert len(orbit) == net.symmetry_order == 2 * 2**4
    assert len(np.unique(orbit.round(9), axis=0)) == len(orbit)
    np.testing.assert_allclose(net.energy(orbit), net.energy(orbit)[0], rtol=1e-12)


def test_units_with_equal_masks_can_be_exchanged():
    net = network(dropout=0.5, hidden=(12,), data=patterns(count=3), activation="relu")  # 8 masks for 12 units
    x = configurations(net, 1)
    assert net.symmetry_order > 1
    moved = net.symmetry.act(x[0], net.symmetry.random(np.random.default_rng(1)))
    assert np.abs(moved - x[0]).max() > 0.01
    np.testing.assert_allclose(net.energy(moved[None]), net.energy(x), rtol=1e-12)

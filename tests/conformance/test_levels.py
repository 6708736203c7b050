"""Every landscape of numbered levels keeps the promises of its interface. A new model is one line in LEVELS."""

from __future__ import annotations

import numpy as np
import pytest

from spinnet import landscapes
from spinnet.errors import InputError
from spinnet.landscapes.base import Differentiable, Energy, Levels, LocalMoves
from spinnet.spaces import Hypercube

NETWORK = {"data_options": {"n_train": 30}, "hidden": [3]}
# name -> (kind, parameters, whether all levels listed have the bits of levels read one by one)
LEVELS = {
    "random energies": ("RandomEnergyModel", {"n": 10}, True),
    "exponential levels": ("RandomEnergyModel", {"n": 9, "distribution": "exponential"}, True),
    "two generations": ("GeneralizedREM", {"n": 10, "levels": [[0.6, 0.5], [0.4, 0.5]]}, True),
    "branching random walk": ("ContinuousREM", {"n": 10, "covariance": {1: 1.0}}, True),
    "concave": ("ContinuousREM", {"n": 10, "covariance": {1: 2.0, 2: -1.0}}, True),
    "golf-hole": ("FoldingREM", {"n": 10, "stability": 1.3}, True),
    "soft funnel on a tree": (
        "FoldingREM",
        {"n": 10, "funnel": "power", "power": 1.5, "softening": 0.5, "levels": [[0.6, 0.5], [0.4, 0.5]]},
        True,
    ),
    "circle": ("LogCorrelatedREM", {"n": 10}, True),
    "interval": ("LogCorrelatedREM", {"n": 10, "domain": "interval"}, True),
    "Ising p = 3": ("PSpinIsing", {"n": 10, "p": 3}, False),
    "Ising p = 4": ("PSpinIsing", {"n": 10, "p": 4}, False),
    "Hopfield": ("HopfieldModel", {"n": 10, "alpha": 0.4}, False),
    "pseudo-inverse": ("HopfieldModel", {"n": 10, "patterns": 4, "rule": "pseudo-inverse"}, False),
    "Ising perceptron": ("TeacherStudentPerceptron", {"n": 10, "alpha": 1.5}, True),
    "Ising perceptron, noisy": ("TeacherStudentPerceptron", {"n": 9, "patterns": 20, "noise": 0.2}, True),
    "planted Ising p = 3": ("PlantedGlass", {"n": 10, "p": 3, "snr": 1.5, "start_at": 0.4}, False),
    "networks": ("DataCorrelatedREM", {"n": 7, "network": NETWORK}, True),
}


@pytest.fixture(scope="module", params=LEVELS, ids=lambda name: name.replace(" ", "-"))
def case(request):
    kind, table, exact = LEVELS[request.param]
    return getattr(landscapes, kind)(**table, seed=3, sample=2), table, exact


def test_capabilities_are_declared_and_served(case):
    landscape, _, _ = case
    assert isinstance(landscape, Levels) and isinstance(landscape, Energy)
    x = landscape.start(5, np.random.default_rng(0))
    assert x.dtype == np.int8 and x.shape == (5, landscape.n) and isinstance(landscape.space, Hypercube)
    assert landscape.energy(x).shape == (5,) and landscape.energy(x).dtype == np.float64
    assert landscape.n_levels == 2**landscape.n and landscape.n_dof == landscape.n
    assert landscape.independent_unit == "sample" and landscape.revision >= 1 and landscape.units.n_units >= 1
    np.testing.assert_allclose(landscape.energy_density(x) * landscape.units.n_units, landscape.energy(x), rtol=1e-14)


def test_levels_are_the_same_bits_in_any_order_and_from_another_landscape_of_the_table(case):
    landscape, table, _ = case
    index = np.random.default_rng(0).integers(0, landscape.n_levels, 90)
    energy = landscape.level(index)
    twin = type(landscape)(**table, seed=3, sample=2)
    assert (twin.level(index[::-1])[::-1] == energy).all()
    assert (np.array([landscape.level(int(i)) for i in index[:5]]) == energy[:5]).all()
    assert (landscape.energy(landscape.configuration(index)) == energy).all()
    assert landscape.level(index.reshape(9, 10)).shape == (9, 10)


def test_all_levels_are_those_one_by_one(case):
    landscape, _, exact = case
    one_by_one = landscape.level(np.arange(landscape.n_levels))
    np.testing.assert_allclose(landscape.all_levels(), one_by_one, rtol=0, atol=0 if exact else 1e-12)


def test_configurations_and_numbers_belong_together(case):
    landscape, _, _ = case
    index = np.random.default_rng(1).integers(0, landscape.n_levels, 40, dtype=np.uint64)
    x = landscape.configuration(index)
    assert (landscape.index_of(x) == index).all() and (landscape.index_of(x.astype(float)) == index).all()


def test_samples_are_independent_disorder(case):
    landscape, table, _ = case
    other = type(landscape)(**table, seed=3, sample=3)
    assert (other.all_levels() != landscape.all_levels()).any()


def test_sizes_are_independent_disorder(case):
    landscape, table, _ = case
    # two more: halves of a tree stay whole numbers
    n, index, samples = landscape.n, np.array([3, 5, 77]), 120
    small, large = (
        np.array([type(landscape)(**{**table, "n": size}, seed=3, sample=s).level(index) for s in range(samples)])
        for size in (n, n + 2)
    )
    small, large = ((levels - levels.mean(axis=0)) / levels.std(axis=0) for levels in (small, large))
    assert np.abs((small * large).mean(axis=0)).max() * np.sqrt(samples) < 4
    # Deliberately wrong: sizes that share half of the variance are seen.
    assert np.abs((small * (small + large)).mean(axis=0) / np.sqrt(2)).min() * np.sqrt(samples) > 4


def test_the_change_at_a_flip_is_the_difference_of_energies(case):
    landscape, _, exact = case
    if not isinstance(landscape, LocalMoves):
        pytest.skip("no local moves")
    rng = np.random.default_rng(0)
    x, site = landscape.start(30, rng), rng.integers(0, landscape.n, 30)
    flipped = x.copy()
    flipped[np.arange(30), site] *= -1
    found = landscape.delta_energy(x, site)
    np.testing.assert_allclose(found, landscape.energy(flipped) - landscape.energy(x), atol=0 if exact else 1e-12)
    # Deliberately wrong: the change at the neighbouring site is another one.
    assert (landscape.delta_energy(x, (site + 1) % landscape.n) != found).any()


@pytest.mark.parametrize("given", [np.zeros((2, 3)), np.ones(3), np.full((2, 10), 2.0)])
def test_wrong_configurations_are_refused(case, given):
    with pytest.raises(InputError, match="configurations"):
        case[0].energy(given)


def test_numbers_outside_are_refused(case):
    for wrong in (case[0].n_levels, -1, 0.5):
        with pytest.raises(InputError, match="index"):
            case[0].level(wrong)


def test_a_resolved_table_resolves_to_itself_and_makes_the_same_landscape(case):
    landscape, table, _ = case
    kind = type(landscape)
    given = {key: getattr(landscape, key) for key in kind.parameters()}
    resolved = kind.resolve(given, "landscape")
    assert kind.resolve(resolved, "landscape") == resolved == kind.resolve({**table, "seed": 3, "sample": 2})
    assert (kind(**resolved).level(np.arange(9)) == landscape.level(np.arange(9))).all()
    assert kind.task_memory_bytes(resolved, 4) >= 0


def test_every_landscape_of_levels_in_the_package_is_on_the_list():
    kinds = {name for name in landscapes.__all__ if not issubclass(getattr(landscapes, name), Differentiable)}
    assert {kind for kind, _, _ in LEVELS.values()} >= kinds

"""Inherent structures: the energies of known minima, what is no minimum, and that the probe agrees with a quench."""

from __future__ import annotations

import numpy as np
import pytest
from reference.simple_landscapes import DoubleWell, two_spin_glass

from spinnet import probes
from spinnet.dynamics.quench import descend, quench
from spinnet.errors import InputError
from spinnet.landscapes import SphericalGlass
from spinnet.probes.inherent_structure import InherentStructureProbe


def below(landscape, x, **parameters):
    """What a driver does: lead the block down, then let the probe measure."""
    probe = InherentStructureProbe(**parameters)
    found = probe.measure(landscape, descend(landscape, x, **probe.descent)[0], np.random.default_rng(0))
    return {name.removeprefix("inherent_structure/"): variable.data for name, variable in found.items()}


def test_two_spins_end_in_their_ground_state_and_wells_at_zero():
    glass = two_spin_glass(10, 4)
    found = below(glass, glass.start(5, np.random.default_rng(0)), tolerance=1e-9)
    lowest, second = np.linalg.eigvalsh(glass.matrix)[:2]
    np.testing.assert_allclose(found["energy"], 5 * lowest, rtol=1e-12)
    np.testing.assert_allclose(found["energy_density"], lowest / 2, rtol=1e-12)
    np.testing.assert_allclose(found["lowest_eigenvalue"], second - lowest, rtol=1e-7)
    assert found["converged"].all() and found["gradient_norm"].max() < 1e-9
    found = below(DoubleWell(2), np.array([[0.2, -0.1], [-1.7, 0.4]]))
    np.testing.assert_allclose(found["energy"], 0.0, atol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_probe_finds_the_energies_of_a_quench_at_both_precisions_of_the_couplings(dtype):
    glass = SphericalGlass(n=24, covariance={3: 1.0}, seed=13, dtype=dtype)
    x = glass.start(6, np.random.default_rng(0))
    found = below(glass, x, flow_tolerance=1e-4)
    assert found["converged"].all()
    reference = quench(SphericalGlass(n=24, covariance={3: 1.0}, seed=13, dtype="float64"), x)
    np.testing.assert_allclose(found["energy"], reference.energy, rtol=1e-5)


def test_what_stays_at_a_saddle_is_not_called_a_minimum():
    glass = two_spin_glass(6, 1)
    saddle = np.sqrt(6) * np.linalg.eigh(glass.matrix)[1][:, 2]
    found = below(glass, saddle[None], most_steps=40)
    assert found["gradient_norm"][0] < 1e-5 and found["lowest_eigenvalue"][0] < 0 and not found["converged"][0]


def test_above_the_dense_limit_no_eigenvalue_is_computed():
    glass = two_spin_glass(6, 1)
    found = below(glass, glass.start(2, np.random.default_rng(0)), dense_limit=5)
    assert np.isnan(found["lowest_eigenvalue"]).all() and found["converged"].all()


@pytest.mark.parametrize(
    ("table", "fragment"),
    [
        ({"times": 3}, "list of times"),
        ({"times": [2, 1]}, "increase"),
        ({"tolerance": 0}, "tolerance"),
        ({"flow_tolerance": 1}, "at most 0.1"),
        ({"most_steps": 0}, "most_steps"),
        ({"time": [1]}, "did you mean 'times'"),
    ],
)
def test_wrong_parameters_are_refused_by_name(table, fragment):
    with pytest.raises(InputError, match=fragment) as caught:
        probes.load("inherent_structure").resolve(table, "probes.inherent_structure")
    assert str(caught.value).startswith("probes.inherent_structure") and "\n" not in str(caught.value)

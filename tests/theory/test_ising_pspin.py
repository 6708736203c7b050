"""Ising p-spin glass at break point one: transitions, identities, and the random energy limit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from spinnet.errors import InputError
from spinnet.theory import ising_pspin as theory
from spinnet.theory.random_energy import CRITICAL_TEMPERATURE

TABLE = {
    3: (0.681598, 0.651385),
    4: (0.678411, 0.616883),
    5: (0.700142, 0.606952),
    6: (0.727476, 0.603296),
    10: (0.838290, 0.600688),
    20: (1.061326, 0.600561),
}


@pytest.mark.parametrize("p", TABLE)
def test_reference_table_of_transitions(p):
    found = theory.transitions(p)
    assert (found.dynamic_temperature, found.static_temperature) == pytest.approx(TABLE[p], abs=6e-7)


def gaussian(function):
    return quad(
        lambda z: math.exp(-z * z / 2) / math.sqrt(2 * math.pi) * function(z), -12, 12, epsabs=1e-14, limit=400
    )[0]


@pytest.mark.parametrize("p", [3, 5])
def test_transitions_solve_their_equations_by_another_quadrature(p):
    found = theory.transitions(p)
    for temperature, q in (
        (found.static_temperature, found.static_overlap),
        (found.dynamic_temperature, found.dynamic_overlap),
    ):
        field = 0.5 * p * q ** (p - 1) / temperature**2
        # on the Nishimori line the average of tanh is that of tanh^2
        assert gaussian(lambda z, h=field: math.tanh(math.sqrt(h) * z + h)) == pytest.approx(q, abs=1e-9)
        assert gaussian(lambda z, h=field: math.tanh(math.sqrt(h) * z + h) ** 2) == pytest.approx(q, abs=1e-9)
    q, beta = found.static_overlap, 1 / found.static_temperature
    field = 0.5 * p * q ** (p - 1) * beta**2
    log_cosh = gaussian(lambda z: np.logaddexp(math.sqrt(field) * z + field, -math.sqrt(field) * z - field))
    assert beta**2 * q**p / 4 - field * (1 + q) / 2 - math.log(2) + log_cosh == pytest.approx(0, abs=1e-11)


def test_states_merge_at_the_dynamic_transition():
    found = theory.transitions(4)
    assert theory.state_overlap(4, found.dynamic_temperature - 1e-9) == pytest.approx(found.dynamic_overlap, abs=1e-3)
    # a square-root singularity
    gaps = [theory.state_overlap(4, found.dynamic_temperature * (1 - e)) - found.dynamic_overlap for e in (1e-4, 4e-4)]
    assert gaps[1] / gaps[0] == pytest.approx(2, rel=0.02)


def test_complexity_falls_to_zero_at_the_static_transition():
    found = theory.transitions(3)
    between = np.linspace(found.static_temperature, found.dynamic_temperature, 5)
    values = [theory.equilibrium_complexity(3, t) for t in between]
    assert values[0] == pytest.approx(0, abs=1e-11)
    assert np.all(np.diff(values) > 0)


def test_the_complexity_is_stationary_in_the_overlap():
    # d Sigma/d beta = -beta q^p/2, the explicit derivative alone
    for p, beta in ((3, 1.5), (6, 1.5)):
        h = 1e-5
        slope = (
            theory.equilibrium_complexity(p, 1 / (beta + h)) - theory.equilibrium_complexity(p, 1 / (beta - h))
        ) / (2 * h)
        assert slope == pytest.approx(-0.5 * beta * theory.state_overlap(p, 1 / beta) ** p, abs=1e-8)


def test_many_spin_interactions_become_the_random_energy_model():
    found = theory.transitions(200)
    assert found.static_temperature == pytest.approx(CRITICAL_TEMPERATURE, abs=1e-12)
    assert found.static_overlap == pytest.approx(1, abs=1e-12)
    assert theory.transitions(1000).dynamic_temperature > found.dynamic_temperature > 2


@pytest.mark.parametrize(
    "call",
    [
        lambda: theory.transitions(2),
        lambda: theory.transitions(3.5),
        lambda: theory.transitions(10**5),
        lambda: theory.state_overlap(3, 0.7),
        lambda: theory.state_overlap(3, 0.0),
        lambda: theory.state_overlap(3, math.inf),
    ],
)
def test_bad_input_is_refused(call):
    with pytest.raises(InputError):
        call()
